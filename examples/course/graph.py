"""The graph, as in TensorFlow: captured while NumPy runs, drawn, printed with its derivatives, compiled and exported.

A shallow network in the course's notation. The printed program is the four forward and six backward equations.
"""

from pathlib import Path

import numpy as np

import tinygraph as tg


def initialize(n_x, n_h, n_y, rng):
    return {
        "W1": 0.5 * rng.normal(size=(n_h, n_x)),
        "b1": np.zeros((n_h, 1)),
        "W2": 0.5 * rng.normal(size=(n_y, n_h)),
        "b2": np.zeros((n_y, 1)),
    }


def cost(p, X, Y):
    """The cross entropy of the output, averaged over the m columns of X."""
    Z1 = p["W1"] @ X + p["b1"]
    A1 = np.tanh(Z1)
    Z2 = p["W2"] @ A1 + p["b2"]
    return tg.binary_cross_entropy_with_logits(Z2, Y)


def capture(p, X, Y):
    """J and all its steps, recorded as NumPy computes them."""
    W1, b1, W2, b2 = (tg.Tensor(p[name], name=name) for name in p)
    Z1 = W1 @ X + b1
    A1 = np.tanh(Z1)
    Z2 = W2 @ A1 + b2
    J = tg.binary_cross_entropy_with_logits(Z2, Y)
    return J, {"X": X, "Y": Y, "Z1": Z1, "A1": A1, "Z2": Z2, "J": J}


def main(fast=False) -> None:
    rng = np.random.default_rng(1)
    m, steps = 200, 30 if fast else 1000
    X = rng.normal(size=(2, m))
    Y = (X[:1] * X[1:] > 0) * 1.0  # opposite quadrants belong together
    p = initialize(2, 4, 1, rng)

    J, names = capture(p, X, Y)
    tg.render(J, "graph.svg", names=names, title="a shallow network")
    tg.render(J, "graph.html", names=names, title="a shallow network, step by step", steps=True)

    print(tg.source(J, names))

    step = tg.compile(tg.value_and_grad(cost))
    same = True
    for i in range(steps):
        value, grads = step(p, X, Y)
        if i % 10 == 0:
            eager, expected = tg.value_and_grad(cost)(p, X, Y)
            same &= value == eager and all(np.array_equal(grads[name], expected[name]) for name in p)
        p = {name: p[name] - 0.5 * grads[name] for name in p}
    print(step.explain())
    print(f"cost {J.item():.4f} → {value:.4f} after {steps} steps; compiled and eager the same to the bit: {same}")

    tg.render(J, "graph.json", names=names)
    tg.render(J, "graph.dot", names=names)
    tg.save("parameters.npz", p)
    again = tg.load("parameters.npz")
    print(f"exported: {', '.join(path.name for path in sorted(Path().glob('graph.*')))}, parameters.npz;", end=" ")
    print(f"read back, the cost is {cost(again, X, Y):.4f}")


if __name__ == "__main__":
    main()
