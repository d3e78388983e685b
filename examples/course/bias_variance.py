"""Bias and variance, told by the errors on the training and the dev set, and what helps against each."""

import numpy as np

import tinygraph as tg
from tinygraph import data, nn, optim, train


def network(width, rng):
    """One hidden layer."""
    return nn.Sequential(nn.Linear(64, width, rng=rng), nn.ReLU(), nn.Linear(width, 10, rng=rng))


def diagnosis(width, samples, epochs):
    """Train on so many samples, and see what is wrong."""
    parts = data.split(*data.digits(), "70/30", seed=0)
    model = network(width, np.random.default_rng(0))
    history = train.fit(
        model,
        tg.cross_entropy,
        optim.Adam(model.parameters(), lr=5e-3),
        (parts.train.x[:samples], parts.train.y[:samples]),
        validation=parts.dev,
        metrics={"accuracy": train.accuracy},
        epochs=epochs,
        progress=False,
    )
    return train.diagnose(history)


def main(fast=False) -> None:
    print("the lecture's four, with people at 0 %:")
    for errors in ((0.01, 0.11), (0.15, 0.16), (0.15, 0.30), (0.005, 0.01)):
        print(f"  {train.diagnose(*errors)}")
    print(f"blurry images, people at 14 %: {train.diagnose(0.15, 0.16, human=0.14)}")
    print("networks on the digits:")
    for name, width, samples, epochs in (
        ("2 hidden units", 2, 1200, 15),
        ("64 hidden units, 60 samples", 64, 60, 100),
        ("64 hidden units, 1200 samples", 64, 1200, 20),
    ):
        print(f"  {name}: {diagnosis(width, samples, epochs)}")


if __name__ == "__main__":
    main()
