"""Scale drives progress: test error against the number of samples and the width of the network."""

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg
from tinygraph import data, nn, optim, train

WIDTHS, SAMPLES = (2, 8, 64), (50, 150, 450, 1350)


def error(train_x, train_y, test, width, epochs):
    """The part of the test set that a network of one hidden layer gets wrong."""
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(64, width, rng=rng), nn.ReLU(), nn.Linear(width, 10, rng=rng))
    optimizer = optim.Adam(model.parameters(), lr=5e-3)
    train.fit(model, tg.cross_entropy, optimizer, (train_x, train_y), epochs=epochs, batch_size=32, progress=False)
    return 1 - train.evaluate(model, tg.cross_entropy, test, metrics={"accuracy": train.accuracy})["accuracy"]


def main(fast=False) -> None:
    parts = data.split(*data.digits(), "76/24", seed=0)
    figure = Figure(figsize=(6, 4), layout="constrained")
    ax = figure.subplots()
    for i, width in enumerate(WIDTHS):
        errors = []
        for m in SAMPLES[::3] if fast else SAMPLES:
            x, y = parts.train.x[:m], parts.train.y[:m]
            errors.append(error(x, y, parts.test, width, epochs=(10_000 if fast else 40_000) // m))
        print(f"{width:2d} hidden units: test error", *(f"{e:.3f}" for e in errors), "with more and more samples")
        ax.loglog(
            SAMPLES[::3] if fast else SAMPLES, errors, "o-", color=tg.plots.COLOURS[i], label=f"{width} hidden units"
        )
    ax.set(xlabel="samples to learn from", ylabel="test error")
    ax.legend(edgecolor="none")
    figure.savefig("scale.png", dpi=120)


if __name__ == "__main__":
    main()
