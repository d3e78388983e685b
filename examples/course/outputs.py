"""The output layer by task: sigmoid for a class, linear for a number, ReLU for a number that is never negative."""

import numpy as np

import tinygraph as tg


def classes(rng):
    """Points, and whether they lie above a line."""
    x = rng.normal(size=(200, 2))
    return x, (x[:, 0] + x[:, 1] + 0.3 * rng.normal(size=200) > 0).astype(float)


def numbers(rng):
    """Points, and a height that may be negative."""
    x = rng.normal(size=(200, 2))
    return x, 2.0 * x[:, 0] - x[:, 1] + 0.1 * rng.normal(size=200)


def amounts(rng):
    """Points, and an amount that is nothing for many."""
    x, y = numbers(rng)
    return x, np.maximum(y, 0.0)


def squared(y, t):
    """The mean squared error."""
    return np.mean((y - t) ** 2)


TASKS = {  # what the data are, the output's activation, and the cost of its values
    "sigmoid": (classes, tg.sigmoid, lambda a, y: -np.mean(y * np.log(a) + (1 - y) * np.log(1 - a))),
    "linear": (numbers, lambda z: z, squared),
    "ReLU": (amounts, tg.relu, squared),
}


def train(x, y, g, loss, steps):
    """One layer with the output activation g, by gradient descent."""
    p = {"w": np.array([0.1, -0.1]), "b": np.array(0.1)}
    for _ in range(steps):
        dp = tg.grad(lambda p: loss(g(x @ p["w"] + p["b"]), y))(p)
        p = {name: p[name] - 0.3 * dp[name] for name in p}
    return p


def main(fast=False) -> None:
    for name, (make, g, loss) in TASKS.items():
        x, y = make(np.random.default_rng(0))
        p = train(x, y, g, loss, 300)
        out = g(x @ p["w"] + p["b"])
        said = f"cost {loss(out, y):.4f}, outputs from {out.min():.2f} to {out.max():.2f}"
        if name == "sigmoid":
            said += f", accuracy {np.mean((out > 0.5) == y):.3f}"
        print(f"{name:8s} {said}")


if __name__ == "__main__":
    main()
