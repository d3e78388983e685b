"""L1 and L2 regularisation: the penalty in the cost, its gradient, weight decay, and why it helps.

L2 is lambda/2m sum of w squared, L1 lambda/m sum of abs w, over weights and not biases. With a larger lambda the
weights are smaller, tanh stays in its linear middle, and the boundary between the classes is simpler.
"""

import numpy as np
from columns import accuracy, cost, in_columns, parameters, predict
from matplotlib.figure import Figure

import tinygraph as tg
from tinygraph.data import moons
from tinygraph.nn import init

LAMBDAS = (0.0, 0.3, 3.0, 30.0)


def weights(p):
    """W1, W2, ... without the biases."""
    return [t for name, t in p.items() if name.startswith("W")]


def l2(p, lambd, m):
    """lambda / 2m times the sum of the squares of all weights."""
    return lambd / (2 * m) * sum(np.sum(W**2) for W in weights(p))


def l1(p, lambd, m):
    """lambda / m times the sum of their sizes; the derivative of |w| is taken as 0 at 0."""
    return lambd / m * sum(np.sum(np.abs(W)) for W in weights(p))


def train(X, Y, lambd, steps, rate=1.0):
    """A network 2-20-20-1 of tanh units with an L2 penalty."""
    p = parameters([2, 20, 20, 1], init.xavier, np.random.default_rng(0))
    for _ in range(steps):
        J = cost(p, X, Y, np.tanh) + l2(p, lambd, X.shape[1])
        J.backward(retain_graph=False)
        for t in p.values():
            t.data -= rate * t.grad
            t.zero_grad()
    return p


def main(fast=False) -> None:
    rng = np.random.default_rng(0)
    m, lambd, alpha = 100, 0.7, 0.1
    p = {"W1": tg.Tensor(rng.normal(size=(3, 2))), "b1": tg.Tensor(rng.normal(size=(3, 1)))}
    for name, penalty, by_hand in (
        ("L2", l2, lambd / m * p["W1"].data),
        ("L1", l1, lambd / m * np.sign(p["W1"].data)),
    ):
        g = tg.grad(lambda W, penalty=penalty: penalty({"W1": W}, lambd, m))(p["W1"].data)
        print(f"{name}: the engine's gradient and the formula's differ by {np.abs(g - by_hand).max():.0e}")
    W, dW = p["W1"].data, rng.normal(size=(3, 2))
    decayed = (1 - alpha * lambd / m) * W - alpha * dW
    gap = np.abs(W - alpha * (dW + lambd / m * W) - decayed).max()
    print(f"weight decay: both forms of the update differ by {gap:.0e}")

    X, Y = in_columns(moons(80, noise=0.35))
    test_X, test_Y = in_columns(moons(1000, noise=0.35, seed=4))
    figure = Figure(figsize=(15, 3.8), layout="constrained")
    for lambd, ax in zip(LAMBDAS, figure.subplots(1, 4), strict=True):
        p = train(X, Y, lambd, 500 if fast else 4000)
        size = np.sqrt(sum(np.sum(W.data**2) for W in weights(p)))
        z = p["W1"].data @ X + p["b1"].data
        train_score, test_score = accuracy(p, X, Y, np.tanh), accuracy(p, test_X, test_Y, np.tanh)
        said = f"lambda {lambd:g}: train {train_score:.1f} %, test {test_score:.1f} %"
        print(f"{said}; ‖W‖ {size:.1f}, mean |z| of the first tanh {np.abs(z).mean():.2f}")
        tg.plots.decision_boundary(lambda x, p=p: predict(p, x, np.tanh), X, Y, ax=ax).set_title(said, fontsize=8)
    figure.savefig("regularisation.png", dpi=110)


if __name__ == "__main__":
    main()
