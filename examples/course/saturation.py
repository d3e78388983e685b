"""Sigmoid saturates and learns slowly, ReLU does not: one network, two activations, both cost curves."""

import numpy as np
from columns import accuracy, descend, in_columns, parameters
from matplotlib.figure import Figure

import tinygraph as tg
from tinygraph.data import flower
from tinygraph.nn import init


def main(fast=False) -> None:
    X, Y = in_columns(flower())
    steps, every, curves = (600 if fast else 4000), 20, {}
    for g in (tg.sigmoid, tg.relu):
        p = parameters([2, 10, 10, 10, 1], init.he, np.random.default_rng(1))
        curves[g.__name__] = descend(p, X, Y, 0.1, steps, every, g)
        slopes = tg.grad(lambda z, g=g: np.sum(g(z)))(p["W1"].data @ X + p["b1"].data)
        print(
            f"{g.__name__:7s} cost {curves[g.__name__][0]:.3f} → {curves[g.__name__][-1]:.3f}, accuracy "
            f"{accuracy(p, X, Y, g):.1f} %; mean slope of the first layer's units {slopes.mean():.2f}"
        )
    figure = Figure(figsize=(6, 4), layout="constrained")
    tg.plots.learning_curve(curves, ax=figure.subplots(), xlabel=f"{every} steps")
    figure.savefig("saturation.png", dpi=120)


if __name__ == "__main__":
    main()
