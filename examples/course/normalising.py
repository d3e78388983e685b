"""Normalising inputs: mean 0 and standard deviation 1 by the training set's figures, which the test set uses too."""

import numpy as np
from columns import accuracy, descend, parameters
from matplotlib.figure import Figure

import tinygraph as tg
from tinygraph.data import Normalizer, split
from tinygraph.nn import init


def houses(rng, m=300):
    """Area in square metres and number of rooms, (2, m), and whether the house is dear, (1, m): unlike scales."""
    area = rng.uniform(30, 250, m)
    rooms = np.rint(area / 35 + rng.normal(0, 1, m)).clip(1)
    dear = area / 100 + 0.3 * rooms + 0.3 * rng.normal(size=m) > 2.5
    return np.stack([area, rooms]), dear.reshape(1, m).astype(float)


def main(fast=False) -> None:
    X, Y, test_X, test_Y = split(*houses(np.random.default_rng(0)), "70/30", axis=1)
    normalizer = Normalizer(axis=1).fit(X)
    print(f"mu = {normalizer.mean.ravel().round(2)}, sigma = {normalizer.std.ravel().round(2)} of the training set")
    normal, test_normal = normalizer.transform(X), normalizer.transform(test_X)
    print(
        f"after it: training {normal.mean(1).round(2)} ± {normal.std(1).round(2)}, test {test_normal.mean(1).round(2)}"
    )

    curves = {}
    for name, train, test, rate in (("as they are", X, test_X, 1e-4), ("normalised", normal, test_normal, 1.0)):
        p = parameters([2, 1], init.zeros)
        curves[name] = descend(p, train, Y, rate, 300, 1)
        bent = np.linalg.eigvalsh(tg.hessian(lambda w, x=train: bowl(w, x, Y))(np.zeros(2)))
        print(
            f"{name}: J {curves[name][0]:.3f} → {curves[name][-1]:.3f}, test {accuracy(p, test, test_Y):.1f} %; "
            f"the bowl is {bent[1] / bent[0]:.1f} times as steep one way as the other"
        )
    figure = Figure(figsize=(6, 4), layout="constrained")
    tg.plots.learning_curve(curves, ax=figure.subplots(), xlabel="step")
    figure.savefig("normalising.png", dpi=120)


def bowl(w, X, Y):
    """J of logistic regression in the two weights."""
    return tg.binary_cross_entropy_with_logits(w[None] @ X, Y)


if __name__ == "__main__":
    main()
