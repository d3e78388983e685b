"""The cost and its gradient by a loop over the samples, then without it: the same numbers, far faster (向量化)."""

import time

import numpy as np

import tinygraph as tg


def by_loop(w, b, X, Y):
    """J, dw and db of logistic regression, one sample after the other, as the lecture first writes it."""
    m = X.shape[1]
    J, dw, db = 0.0, np.zeros_like(w), 0.0
    for i in range(m):
        z = sum(w[j, 0] * X[j, i] for j in range(len(w))) + b
        a = 1 / (1 + np.exp(-z))
        J += -(Y[0, i] * np.log(a) + (1 - Y[0, i]) * np.log(1 - a))
        dz = a - Y[0, i]
        for j in range(len(w)):
            dw[j, 0] += X[j, i] * dz
        db += dz
    return J / m, dw / m, db / m


def vectorised(w, b, X, Y):
    """The same in one line each."""
    m = X.shape[1]
    A = tg.sigmoid(w.T @ X + b)
    dZ = A - Y
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A)), X @ dZ.T / m, dZ.sum() / m


def by_the_graph(w, b, X, Y):
    """The same by the engine: only the forward pass is written."""
    J, (dw, db) = tg.value_and_grad(lambda w, b: tg.binary_cross_entropy_with_logits(w.T @ X + b, Y), argnums=(0, 1))(
        w, b
    )
    return J, dw, db


def seconds(f, *args):
    """The time of one call."""
    start = time.perf_counter()
    f(*args)
    return time.perf_counter() - start


def main(fast=False) -> None:
    rng = np.random.default_rng(0)
    n, m = 20, 200 if fast else 2000
    w, b, X = rng.normal(size=(n, 1)), 0.1, rng.normal(size=(n, m))
    Y = (rng.random((1, m)) < 0.5).astype(float)
    slow, quick, graph = (f(w, b, X, Y) for f in (by_loop, vectorised, by_the_graph))
    gap = max(np.abs(np.asarray(x) - y).max() for other in (quick, graph) for x, y in zip(slow, other, strict=True))
    print(f"{m} samples of {n} numbers: J = {slow[0]:.6f}; the three ways differ by {gap:.0e} at most")
    loop = min(seconds(by_loop, w, b, X, Y) for _ in range(3))
    for name, f in {"vectorised": vectorised, "by the graph": by_the_graph}.items():
        print(f"{name}: {loop / min(seconds(f, w, b, X, Y) for _ in range(20)):.0f} times as fast as the loop")


if __name__ == "__main__":
    main()
