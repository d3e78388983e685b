"""Batch, mini-batch and epoch: each epoch visits every sample once, in a new order; the last mini-batch is smaller."""

import numpy as np
from columns import cost, in_columns, parameters
from matplotlib.figure import Figure

import tinygraph as tg
from tinygraph.data import Batches, moons
from tinygraph.nn import init


def train(X, Y, batch_size, epochs, rate=0.1):
    """The mean cost of each epoch, and how many updates an epoch made."""
    p, costs = parameters([2, 5, 2, 1], init.he, np.random.default_rng(3)), []
    batches = Batches(X, Y, batch_size=batch_size, axis=1, seed=0)
    for _ in range(epochs):
        total = 0.0
        for batch_X, batch_Y in batches:
            J = cost(p, batch_X, batch_Y)
            J.backward(retain_graph=False)
            for t in p.values():
                t.data -= rate * t.grad
                t.zero_grad()
            total += J.item() * batch_X.shape[1]
        costs.append(total / X.shape[1])
    return costs, len(batches)


def main(fast=False) -> None:
    X, Y = in_columns(moons())
    number = np.arange(300).reshape(1, 300)
    batches = Batches(number, batch_size=64, axis=1, seed=0)
    first, second = (np.concatenate(list(batches), axis=1)[0] for _ in range(2))
    print(
        f"mini-batches of {[x.shape[1] for x in batches]} samples; dropping the last: "
        f"{len(Batches(number, batch_size=64, axis=1, drop_last=True))} of them"
    )
    once = all(np.array_equal(np.sort(order), np.arange(300)) for order in (first, second))
    print(f"every sample once in each epoch: {once}; the same order twice: {np.array_equal(first, second)}")

    curves = {}
    for name, size in {"batch": 300, "mini-batches of 64": 64, "one sample at a time": 1}.items():
        curves[name], updates = train(X, Y, size, 10 if fast else 60)
        print(f"{name}: {updates} updates an epoch, J {curves[name][0]:.3f} → {curves[name][-1]:.3f}")
    figure = Figure(figsize=(6, 4), layout="constrained")
    tg.plots.learning_curve(curves, ax=figure.subplots())
    figure.savefig("mini_batches.png", dpi=120)


if __name__ == "__main__":
    main()
