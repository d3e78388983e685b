"""The planar flower of course 1, week 3: one hidden layer of tanh units against logistic regression.

Prints the published costs (0.693048, 0.288083, 0.254385 ...) and accuracies (90 % with four hidden units, 47 % with
none), and draws the decision boundaries.
"""

import argparse

import numpy as np
from columns import accuracy, descend, in_columns, parameters, predict
from matplotlib.figure import Figure

import tinygraph as tg
from tinygraph.data import flower
from tinygraph.nn import init

SIZES = (1, 2, 3, 4, 5, 20, 50)


def model(X, Y, hidden, steps, rate=1.2, seed=2):
    """A network with `hidden` tanh units, of small random weights as in the course; the cost every thousand steps."""
    p = parameters([2, hidden, 1], init.normal, np.random.RandomState(seed))
    return p, descend(p, X, Y, rate, steps, 1000, np.tanh)


def main(fast=False) -> None:
    X, Y = in_columns(flower())
    steps = 2000 if fast else 10000
    p, costs = model(X, Y, 4, steps)
    for i, J in enumerate(costs):
        print(f"cost after step {1000 * i:5d}: {J:.6f}")
    print(f"four hidden units: {int(accuracy(p, X, Y, np.tanh))} %")
    straight = parameters([2, 1], init.zeros)
    descend(straight, X, Y, 1.2, 1000, 1000)
    print(f"logistic regression: {accuracy(straight, X, Y):.0f} %")
    figure = Figure(figsize=(14, 7), layout="constrained")
    for hidden, ax in zip(SIZES[:2] if fast else SIZES, figure.subplots(2, 4).flat, strict=False):
        p, _ = model(X, Y, hidden, 5000)
        said = f"{hidden} hidden unit{'s' * (hidden > 1)}: {accuracy(p, X, Y, np.tanh):.2f} %"
        print(said)
        tg.plots.decision_boundary(lambda x, p=p: predict(p, x, np.tanh), X, Y, ax=ax).set_title(said)
    figure.savefig("flower.png", dpi=100)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="fewer steps and sizes")
    main(**vars(parser.parse_args()))
