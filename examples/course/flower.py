"""The planar flower of course 1, week 3: one hidden layer of tanh units against logistic regression.

Prints the published costs (0.693048, 0.288083, 0.254385 ...) and accuracies (90 % with four hidden units, 47 % with
none), and draws the decision boundaries.
"""

import argparse

import numpy as np
from columns import accuracy, descend, parameters

from tinygraph.nn import init


def flower(seed=1, m=400):
    """Points on the petals of a flower, (2, m), and which of two colours they are, (1, m)."""
    rng, n, X, Y = np.random.RandomState(seed), m // 2, [], []
    for label in (0, 1):
        angle = np.linspace(3.12 * label, 3.12 * (label + 1), n) + 0.2 * rng.randn(n)
        radius = 4 * np.sin(4 * angle) + 0.2 * rng.randn(n)
        X.append([radius * np.sin(angle), radius * np.cos(angle)])
        Y += n * [label]
    return np.concatenate(X, axis=1), np.array([Y])


def model(X, Y, hidden, steps, rate=1.2, seed=2):
    """A network with `hidden` tanh units, of small random weights as in the course; the cost every thousand steps."""
    p = parameters([2, hidden, 1], init.normal, np.random.RandomState(seed))
    return p, descend(p, X, Y, rate, steps, 1000, np.tanh)


def main(fast=False) -> None:
    X, Y = flower()
    steps = 2000 if fast else 10000
    p, costs = model(X, Y, 4, steps)
    for i, J in enumerate(costs):
        print(f"cost after step {1000 * i:5d}: {J:.6f}")
    print(f"four hidden units: {int(accuracy(p, X, Y, np.tanh))} %")
    straight = parameters([2, 1], init.zeros)
    descend(straight, X, Y, 1.2, 1000, 1000)
    print(f"logistic regression: {accuracy(straight, X, Y):.0f} %")
    for hidden in (1, 2) if fast else (1, 2, 3, 4, 5, 20, 50):
        p, _ = model(X, Y, hidden, 5000)
        print(f"{hidden:2d} hidden units: {accuracy(p, X, Y, np.tanh):.2f} %")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="fewer steps and sizes")
    main(**vars(parser.parse_args()))
