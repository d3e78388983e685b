"""Why cross entropy and not squared error: for one sample and for m, both along a line, and how they curve.

With y = 1 and a = sigmoid(z) the squared error (a - 1)^2 / 2 curves by a (1-a)^2 (3a - 1), negative where a < 1/3:
far from the goal it is flat and not convex. Cross entropy curves by a (1-a), which is never negative.
"""

import argparse

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg
from tinygraph.data import moons
from tinygraph.nn.losses import binary_cross_entropy, binary_cross_entropy_with_logits, mse_loss

LOSSES = {
    "squared error": lambda z, y, **how: mse_loss(tg.sigmoid(z), y, half=True, **how),
    "cross entropy": binary_cross_entropy_with_logits,
}
CLOSED = {"squared error": lambda a: a * (1 - a) ** 2 * (3 * a - 1), "cross entropy": lambda a: a * (1 - a)}


def along(J, at, direction, steps):
    """J and its second derivative along a line: direction' H direction, by one Hessian-vector product each."""
    points = [at + t * direction for t in steps]
    return [float(J(w)) for w in points], [float(direction @ tg.hvp(J, (w,), (direction,))) for w in points]


def main(fast=False) -> None:
    axes = (figure := Figure(figsize=(9, 6), layout="constrained")).subplots(2, 2, sharex="col")
    z = np.linspace(-6, 6, 41 if fast else 201)
    a, one = 1 / (1 + np.exp(-z)), np.ones_like(z)
    x, y = moons(200)
    X, Y = np.vstack([x.T, np.ones(200)]), y[None].astype(float)  # the course's columns, with a row for b
    w = np.array([1.0, -2.0, 0.5])
    t = np.linspace(-8, 8, 33 if fast else 161)
    for name, loss in LOSSES.items():
        values = loss(z, one, reduction="none")
        curvature = tg.hvp(lambda z, loss=loss: loss(z, one, reduction="sum"), (z,), (one,))
        apart = np.abs(curvature - CLOSED[name](a)).max()
        print(
            f"loss, {name}: curvature {curvature.min():+.4f} to {curvature.max():+.4f}; by hand: apart by {apart:.0e}"
        )
        J, bend = along(lambda w, loss=loss: loss((w @ X)[None], Y), np.zeros(3), w, t)
        print(f"cost, {name}: negative curvature at {np.mean(np.array(bend) < -1e-12):.0%} of the points of the line")
        for row, (one_sample, mean) in zip(axes, ((values, J), (curvature, bend)), strict=True):
            row[0].plot(z, one_sample, label=name)
            row[1].plot(t, mean, label=name)
    turns = z[np.argmin(np.abs(a - 1 / 3))]
    print(
        f"the squared error turns concave below a = 1/3, at z = ln(1/2) = {np.log(0.5):.4f} (on the grid {turns:.2f})"
    )
    same = binary_cross_entropy(tg.sigmoid(z), one) - binary_cross_entropy_with_logits(z, one)
    print(f"cross entropy of a and of z: apart by {abs(same):.0e}")
    axes[0, 0].set(title="loss of one sample, y = 1", ylabel="value")
    axes[0, 1].set(title="cost of 200 samples along a line")
    axes[1, 0].set(xlabel="z", ylabel="second derivative")
    axes[1, 1].set(xlabel="t of w = t d")
    for ax in axes[1]:
        ax.axhline(0.0, color="grey", linewidth=0.8)
    axes[0, 0].legend()
    figure.savefig("losses_curvature.png", dpi=120)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="fewer points")
    main(**vars(parser.parse_args()))
