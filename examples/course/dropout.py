"""Inverted dropout: units dropped at random and the others scaled up, so that the next layer's expectation is kept.

Off in evaluation, and when gradients are checked. The lecture's tip: with all keep_prob = 1 first see J fall
monotonically, for with dropout J is another function at each step.
"""

import numpy as np
from columns import in_columns, parameters
from matplotlib.figure import Figure

import tinygraph as tg
from tinygraph.data import flower
from tinygraph.nn import init


def dropout(A, keep_prob, rng):
    """D = rand < keep_prob; A = A D / keep_prob."""
    D = rng.random(A.shape) < keep_prob
    return A * D / keep_prob


def cost(p, X, Y, keep_probs, rng):
    """J of a network with dropout behind each hidden layer, by a keep_prob of its own."""
    A = X
    for l, keep_prob in enumerate(keep_probs, start=1):
        A = np.tanh(p[f"W{l}"] @ A + p[f"b{l}"])
        A = dropout(A, keep_prob, rng) if keep_prob < 1 else A
    last = len(keep_probs) + 1
    return tg.binary_cross_entropy_with_logits(p[f"W{last}"] @ A + p[f"b{last}"], Y)


def descend(X, Y, keep_probs, steps):
    """The cost at each step of gradient descent."""
    p, rng, costs = parameters([2, 20, 20, 1], init.xavier, np.random.default_rng(0)), np.random.default_rng(1), []
    for _ in range(steps):
        J = cost(p, X, Y, keep_probs, rng)
        J.backward(retain_graph=False)
        costs.append(J.item())
        for t in p.values():
            t.data -= 0.1 * t.grad
            t.zero_grad()
    return p, np.array(costs)


def main(fast=False) -> None:
    A = np.random.default_rng(0).normal(1.0, 1.0, (50, 200))
    mean = np.mean([dropout(A, 0.8, np.random.default_rng(seed)).mean() for seed in range(200)])
    print(f"the mean of A is {A.mean():.3f}, of A after dropout {mean:.3f}: the expectation is kept")
    one, two = (dropout(A, 0.8, np.random.default_rng(7)) for _ in range(2))
    print(f"one seed, one mask: {np.array_equal(one, two)}; dropped: {100 * np.mean(one == 0):.0f} %")

    X, Y = in_columns(flower())
    curves = {}
    for name, keep_probs in {"keep_prob 1, 1": (1.0, 1.0), "keep_prob 0.9, 0.7": (0.9, 0.7)}.items():
        p, curves[name] = descend(X, Y, keep_probs, 200 if fast else 1000)
        rises = np.sum(np.diff(curves[name]) > 0)
        print(f"{name}: J {curves[name][0]:.3f} → {curves[name][-1]:.3f}, it rose {rises} times")
    figure = Figure(figsize=(6, 4), layout="constrained")
    tg.plots.learning_curve(curves, ax=figure.subplots(), xlabel="step")
    figure.savefig("dropout.png", dpi=120)

    arrays = {name: t.data for name, t in p.items()}
    noisy = tg.check.compare_grads(lambda p: cost(p, X[:, :5], Y[:, :5], (0.9, 0.7), np.random.default_rng()), arrays)
    off = tg.check.compare_grads(lambda p: cost(p, X[:, :5], Y[:, :5], (1.0, 1.0), None), arrays)
    for name, report in {"left on": noisy, "off": off}.items():
        print(f"gradients checked with dropout {name}: {str(report).splitlines()[0]}")


if __name__ == "__main__":
    main()
