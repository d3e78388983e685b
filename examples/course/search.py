"""Hyper-parameters: idea, code, experiment. Random, not on a grid; on log scales; coarse to fine.

A learning rate, 1 - beta of momentum and the width of a layer, chosen by the dev set; a table and a picture.
"""

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg
from tinygraph import data, nn, optim, train

PARTS = data.split(*data.digits(), "60/20/20", seed=0)


def dev_accuracy(params, epochs=4):
    """Build, train and score a network with these hyper-parameters."""
    rng = np.random.default_rng(0)
    width = params["width"]
    model = nn.Sequential(nn.Linear(64, width, rng=rng), nn.ReLU(), nn.Linear(width, 10, rng=rng))
    optimizer = optim.Momentum(model.parameters(), lr=params["alpha"], beta=1 - params["1-beta"])
    train.fit(model, tg.cross_entropy, optimizer, PARTS.train, epochs=epochs, batch_size=64, progress=False)
    return train.evaluate(model, tg.cross_entropy, PARTS.dev, metrics={"accuracy": train.accuracy})["accuracy"]


def main(fast=False) -> None:
    space = {
        "alpha": train.LogUniform(1e-4, 10.0),
        "1-beta": train.LogUniform(1e-3, 1.0),
        "width": train.Integer(4, 64),
    }
    found = train.search(dev_accuracy, space, trials=5 if fast else 20, refine=1, seed=0)
    print(found)
    for number, drawn in enumerate(found.spaces):
        print(f"round {number}: alpha from {drawn['alpha'].low:.4f} to {drawn['alpha'].high:.4f}")
    best = {name: float(f"{value:.3g}") for name, value in found.best.params.items()}
    print(f"best on the dev set: {found.best.score:.4f} with {best}")
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    found.plot("alpha", "1-beta", ax=figure.subplots())
    figure.savefig("search.png", dpi=120)


if __name__ == "__main__":
    main()
