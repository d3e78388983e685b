"""One ReLU neuron fits the prices of six houses from their size: price = max(0, w size + b), never negative."""

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg

SIZE = np.array([30.0, 60.0, 90.0, 120.0, 150.0, 200.0])  # square metres
PRICE = np.array([0.1, 0.9, 2.2, 3.1, 4.0, 5.8])  # in 100,000


def price(p, size):
    """The neuron; sizes in units of 100 square metres."""
    return tg.relu(p["w"] * (size / 100) + p["b"])


def fit(steps):
    """Gradient descent on the mean squared error from w = 1, b = 0."""
    p = {"w": np.array(1.0), "b": np.array(0.0)}
    for _ in range(steps):
        dp = tg.grad(lambda p: np.mean((price(p, SIZE) - PRICE) ** 2))(p)
        p = {name: p[name] - 0.2 * dp[name] for name in p}
    return p


def main(fast=False) -> None:
    p = fit(500 if fast else 2000)
    for size, cost in zip(SIZE, PRICE, strict=True):
        print(f"{size:4.0f} m²: {cost:.1f} paid, {price(p, size):.2f} by the neuron")
    print(f"a room of 10 m²: {price(p, np.array(10.0)):.2f}, where a straight line says {p['w'] * 0.1 + p['b']:.2f}")
    figure = Figure(figsize=(6, 4), layout="constrained")
    ax = figure.subplots()
    grid = np.linspace(0, 220, 200)
    ax.plot(grid, price(p, grid), color=tg.plots.COLOURS[0], label="max(0, w size + b)")
    ax.plot(SIZE, PRICE, "o", color=tg.plots.COLOURS[1], label="six houses")
    ax.set(xlabel="size in m²", ylabel="price in 100,000")
    ax.legend(edgecolor="none")
    figure.savefig("houses.png", dpi=120)


if __name__ == "__main__":
    main()
