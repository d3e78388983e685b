"""A saddle is no local optimum: the Hessian tells it, and each optimizer finds a way out, some slowly."""

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg
from tinygraph import optim

START = (1.0, 1e-4)
WAYS = {
    "gradient descent": lambda p: optim.SGD(p, lr=0.05),
    "momentum": lambda p: optim.SGD(p, lr=0.05, momentum=0.9),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.05),
    "Adam": lambda p: optim.Adam(p, lr=0.05),
    "Lion": lambda p: optim.Lion(p, lr=0.05),
}


def saddle(w):
    """Up along w1; along w2 down from the saddle at (0, 0) to the minima at (0, -1) and (0, 1)."""
    return w[0] ** 2 - 0.5 * w[1] ** 2 + 0.25 * w[1] ** 4


def path(make, steps):
    """The points that an optimizer passes."""
    w = tg.Tensor(np.array(START))
    opt = make([w])
    points = [w.data.copy()]
    for _ in range(steps):
        opt.zero_grad()
        saddle(w).backward()
        opt.step()
        points.append(w.data.copy())
    return np.array(points)


def main(fast=False) -> None:
    for where in ((0.0, 0.0), (0.0, 1.0)):
        gradient, curvature = tg.grad(saddle)(np.array(where)), np.linalg.eigvalsh(tg.hessian(saddle)(np.array(where)))
        kind = "a saddle" if curvature[0] < 0 else "a minimum"
        print(f"at {where} the gradient is {abs(gradient).max():.0f}, the Hessian's eigenvalues {curvature}: {kind}")
    rng = np.random.default_rng(0)
    for n in (1, 2, 5, 10, 20):
        signs = [np.linalg.eigvalsh(A + A.T)[0] > 0 for A in rng.normal(size=(2000, n, n))]
        print(f"of random curvatures in {n:2d} dimensions, upwards in all: {100 * np.mean(signs):5.2f} %")

    paths = {name: path(make, 400) for name, make in WAYS.items()}
    for name, points in paths.items():
        out = np.flatnonzero(points[:, 1] > 0.5)
        print(f"{name:16s} leaves the saddle after {out[0]:3d} steps, and ends at w2 = {points[-1, 1]:.3f}")

    figure = Figure(figsize=(12, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    shown = {name: points[:250] for name, points in paths.items()}
    tg.plots.descent_path(saddle, shown, xlim=(-1, 1.2), ylim=(-1.5, 1.5), levels=25, ax=left).get_legend().remove()
    curves = {name: [saddle(w) for w in points] for name, points in shown.items()}
    tg.plots.learning_curve(curves, xlabel="step", ax=right)
    figure.savefig("saddle.png", dpi=120)


if __name__ == "__main__":
    main()
