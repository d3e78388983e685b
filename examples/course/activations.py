"""Sigmoid, tanh, ReLU, leaky ReLU and linear, each with its derivative; without them a deep network is a linear one."""

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg


def linear(z):
    """g(z) = z."""
    return 1.0 * z


ACTIVATIONS = {  # and where the lecture uses each
    tg.sigmoid: "the output, where the answer is yes or no",
    np.tanh: "hidden units: like sigmoid, with mean zero",
    tg.relu: "hidden units: the usual choice, does not saturate for z > 0",
    tg.leaky_relu: "hidden units: as ReLU, and never quite dead",
    linear: "the output, where the answer is any number",
}


def main(fast=False) -> None:
    figure = Figure(figsize=(15, 3), layout="constrained")
    for (g, where), ax in zip(ACTIVATIONS.items(), figure.subplots(1, 5), strict=True):
        name = getattr(g, "__name__", str(g))
        at = [float(tg.grad(g)(z)) for z in (-2.0, 0.0, 2.0)]
        print(f"{name:10s} g'(-2) = {at[0]:.4f}, g'(0) = {at[1]:.4f}, g'(2) = {at[2]:.4f}   {where}")
        tg.plots.activation(g, ax=ax)
    figure.savefig("activations.png", dpi=120)

    rng = np.random.default_rng(0)
    Ws, X = [rng.normal(size=(4, 4)) for _ in range(5)], rng.normal(size=(4, 10))
    for g in (linear, np.tanh):
        A = X
        for W in Ws:
            A = g(W @ A)
        one = np.linalg.lstsq(X.T, A.T, rcond=None)[0].T @ X
        print(f"five layers of {g.__name__}: the best single matrix differs by {np.abs(A - one).max():.0e}")


if __name__ == "__main__":
    main()
