"""Gradient descent, momentum, RMSprop and Adam on an elongated bowl; the course's momentum and the common one."""

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg
from tinygraph import optim

START = (-9.0, 2.0)
WAYS = {
    "gradient descent": lambda p: optim.SGD(p, lr=0.19),
    "momentum, β = 0.9": lambda p: optim.Momentum(p, lr=0.19 * 4, beta=0.9),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.08, alpha=0.9),
    "Adam": lambda p: optim.Adam(p, lr=0.7),
}


def bowl(w):
    """A hundred times as steep across as along."""
    return 0.05 * w[0] ** 2 + 5.0 * w[1] ** 2


def path(make, steps):
    """The points that an optimizer passes."""
    w = tg.Tensor(np.array(START))
    opt = make([w])
    points = [w.data.copy()]
    for _ in range(steps):
        opt.zero_grad()
        bowl(w).backward()
        opt.step()
        points.append(w.data.copy())
    return np.array(points)


def steps_needed(points):
    """After which step the cost stays below 0.01."""
    above = [i for i, w in enumerate(points) if bowl(w) >= 0.01]
    return above[-1] + 1


def main(fast=False) -> None:
    eigenvalues = np.linalg.eigvalsh(tg.hessian(bowl)(np.array(START)))
    print(f"curvature along {eigenvalues[0]:.1f}, across {eigenvalues[1]:.1f}: descent diverges at a rate above 0.2")
    paths = {name: path(make, 300) for name, make in WAYS.items()}
    for name, points in paths.items():
        print(f"{name:17s}: cost below 0.01 after {steps_needed(points):3d} steps")
    course = path(lambda p: optim.Momentum(p, lr=0.5, beta=0.9), 50)
    common = path(lambda p: optim.SGD(p, lr=0.5 * (1 - 0.9), momentum=0.9), 50)
    print(f"v = β v + (1-β) dW at α, and v = β v + dW at (1-β) α: apart by {abs(course - common).max():.0e}")

    figure = Figure(figsize=(12, 6), layout="constrained")
    for (name, points), ax in zip(paths.items(), figure.subplots(2, 2).ravel(), strict=True):
        tg.plots.descent_path(bowl, points[:40], xlim=(-10, 4), ylim=(-2.6, 2.6), levels=15, ax=ax)
        ax.set_title(f"{name}: {steps_needed(points)} steps")
    figure.savefig("optimizers_on_a_bowl.png", dpi=120)


if __name__ == "__main__":
    main()
