"""Is there a cat? Logistic regression on images, as in course 1, week 2.

With the course's files, `python cats.py train_catvnoncat.h5 test_catvnoncat.h5` gives its published costs (0.693147,
0.584508, 0.466949 ... 0.140872) and accuracies (99.04 % and 70.0 %). Without them: is this digit a three?
"""

import sys

from columns import accuracy, descend, in_columns, parameters

from tinygraph.data import digits, split
from tinygraph.nn import init


def cats(train_file, test_file):
    """The course's images of cats and other things: 209 to learn from, 50 held out."""
    import h5py

    with h5py.File(train_file) as train, h5py.File(test_file) as test:
        parts = train["train_set_x"], train["train_set_y"], test["test_set_x"], test["test_set_y"]
        train_x, train_y, test_x, test_y = (part[:] for part in parts)
    return *in_columns((train_x / 255, train_y)), *in_columns((test_x / 255, test_y))


def threes():
    """The package's digits: which of them are threes?"""
    images, labels = digits()
    parts = split(images, (labels == 3).astype(int))
    return *in_columns(parts.train), *in_columns(parts.test)


def model(X, Y, rate, steps, every=100):
    """Logistic regression from zeros: the parameters learned, and the cost every hundred steps."""
    p = parameters([len(X), 1], init.zeros)
    return p, descend(p, X, Y, rate, steps, every)


def main(*files, fast=False) -> None:
    X, Y, test_X, test_Y = cats(*files) if files else threes()
    print(f"{X.shape[1]} images of {X.shape[0]} numbers to learn from, {test_X.shape[1]} held out")
    p, costs = model(X, Y, rate=0.005 if files else 0.5, steps=300 if fast else 2000)
    for i, J in enumerate(costs):
        print(f"cost after step {100 * i:4d}: {J:.6f}")
    print(f"train accuracy: {accuracy(p, X, Y):.2f} %")
    print(f"test accuracy: {accuracy(p, test_X, test_Y):.2f} %")


if __name__ == "__main__":
    main(*sys.argv[1:])
