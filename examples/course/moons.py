"""Gradient descent, momentum and Adam in mini-batches on the moons, course 2, week 2; learning-rate decay.

Prints the published accuracies after 5000 epochs: 0.717, 0.717 and 0.943; with the learning rate decaying in steps
0.943, 0.953 and 0.94. Momentum alone changes nothing visible here; Adam does.
"""

import argparse

import numpy as np
from columns import accuracy, cost, in_columns, parameters, predict
from matplotlib.figure import Figure

import tinygraph as tg
from tinygraph import data, optim
from tinygraph.nn import init

OPTIMIZERS = {  # the course's own forms: v = beta v + (1 - beta) dW
    "gd": optim.SGD,
    "momentum": optim.Momentum,
    "adam": optim.Adam,
}
DECAYING = {"gd": 0.1, "momentum": 0.1, "adam": 0.01}  # the rates that decay begins with


def staircase(rate):
    """alpha0 / (1 + floor(epoch / 1000)): the discrete decay of the course."""
    return lambda epoch: rate / (1 + epoch // 1000)


def train(X, Y, name, epochs, rate=0.0007, schedule=None):
    """A network 2-5-2-1 of ReLU units from He's weights.

    Returns its parameters and, of each 1000th epoch, the mean cost of its mini-batches and that of the last of them.
    `schedule` gives the learning rate after an epoch, counted from 0.
    """
    p = parameters([2, 5, 2, 1], init.he, np.random.RandomState(3))
    optimizer = OPTIMIZERS[name](p, lr=rate)
    batches = data.Batches(X, Y, batch_size=64, axis=1, seed=lambda epoch: np.random.RandomState(11 + epoch))
    means, lasts = [], []
    for epoch in range(epochs):
        total = 0.0
        for batch_X, batch_Y in batches:
            J = cost(p, batch_X, batch_Y)
            J.backward(retain_graph=False)
            optimizer.step()
            optimizer.zero_grad()
            total += J.item() * batch_X.shape[1]
        if epoch % 1000 == 0:
            means.append(total / X.shape[1])
            lasts.append(J.item())
        if schedule is not None:
            optimizer.param_groups[0]["lr"] = schedule(epoch)
    return p, means, lasts


def main(fast=False) -> None:
    X, Y = in_columns(data.moons())
    epochs = 300 if fast else 5000
    figure = Figure(figsize=(12, 4), layout="constrained")
    for name, ax in zip(OPTIMIZERS, figure.subplots(1, 3, sharey=True), strict=True):
        p, means, _ = train(X, Y, name, epochs)
        print(f"{name:8s} cost {means[0]:.6f} → {means[-1]:.6f}, accuracy {accuracy(p, X, Y):.1f} %")
        tg.plots.decision_boundary(lambda x, p=p: predict(p, x), X, Y, ax=ax).set_title(name)
    figure.savefig("moons.png", dpi=120)
    for name, rate in {} if fast else DECAYING.items():
        p, means, _ = train(X, Y, name, epochs, rate, staircase(rate))
        print(f"{name:8s} with decay: cost {means[0]:.6f} → {means[-1]:.6f}, accuracy {accuracy(p, X, Y):.1f} %")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="fewer epochs")
    main(**vars(parser.parse_args()))
