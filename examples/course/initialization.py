"""How the weights begin, course 2, week 1: zeros never learn, large ones learn slowly, He's learn well.

The two circles of the course, a network 2-10-5-1 of ReLU units; accuracies as published: 0.50, 0.83 and 0.993 on
the training set.
"""

import argparse
from functools import partial

import numpy as np
from columns import accuracy, descend, in_columns, parameters

from tinygraph.data import circles
from tinygraph.nn import init

INITIALISERS = {"zeros": init.zeros, "normal × 10": partial(init.normal, std=10.0), "He": init.he}


def model(X, Y, initialiser, steps=15000, rate=0.01, seed=3):
    """A network 2-10-5-1 trained by gradient descent; its parameters, and the cost every thousand steps."""
    p = parameters([2, 10, 5, 1], initialiser, np.random.RandomState(seed))
    return p, descend(p, X, Y, rate, steps, 1000)


def main(fast=False) -> None:
    X, Y = in_columns(circles(300, seed=1))
    test_X, test_Y = in_columns(circles(100, seed=2))
    for name, initialiser in INITIALISERS.items():
        p, costs = model(X, Y, initialiser, 2000 if fast else 15000)
        print(f"{name:12s} cost {costs[0]:.4f} → {costs[-1]:.4f}", end="   ")
        print(f"train {accuracy(p, X, Y):.1f} %, test {accuracy(p, test_X, test_Y):.1f} %")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="fewer steps")
    main(**vars(parser.parse_args()))
