"""Gradient descent on a bowl: the cost of logistic regression is convex, so any start ends at the same place."""

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg

STARTS = {"from (-4, 4)": (-4.0, 4.0), "from (5, 3)": (5.0, 3.0), "from (4, -4)": (4.0, -4.0)}


def data():
    """Hours of study, and who passed: two classes that overlap, so that the best w is finite."""
    x = np.array([0.5, 1.0, 1.5, 2.0, 2.2, 2.5, 3.0, 3.2, 3.5, 4.0, 4.5, 5.0])
    return x - x.mean(), np.array([0, 0, 0, 1, 0, 0, 1, 0, 1, 1, 1, 1.0])


def cost(theta):
    """J(w, b)."""
    x, y = data()
    return tg.binary_cross_entropy_with_logits(theta[0] * x + theta[1], y)


def descend(start, rate=2.0, steps=200):
    """The points that gradient descent passes: theta := theta - alpha dJ/dtheta."""
    path = [np.array(start)]
    for _ in range(steps):
        path.append(path[-1] - rate * tg.grad(cost)(path[-1]))
    return np.array(path)


def main(fast=False) -> None:
    paths = {name: descend(start) for name, start in STARTS.items()}
    for name, path in paths.items():
        w, b = path[-1]
        print(f"{name}: J = {cost(path[0]):.3f} → {cost(path[-1]):.6f} at w = {w:.4f}, b = {b:.4f}")
    curvature = np.linalg.eigvalsh(tg.hessian(cost)(path[-1]))
    print(f"the Hessian's eigenvalues there are {curvature[0]:.3f} and {curvature[1]:.3f}: positive, a bowl")
    figure = Figure(figsize=(6, 5), layout="constrained")
    tg.plots.descent_path(cost, paths, levels=25, ax=figure.subplots()).set(xlabel="w", ylabel="b")
    figure.savefig("bowl.png", dpi=120)


if __name__ == "__main__":
    main()
