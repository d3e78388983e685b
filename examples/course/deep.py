"""A deep network of any list of layer sizes, step by step: forward with caches, backward from dA[l] to dA[l-1].

What each step returns by hand is compared with the engine, which needs the forward pass alone.
"""

from itertools import pairwise

import numpy as np

import tinygraph as tg

SLOPES = {tg.relu: lambda A: (A > 0) * 1.0, np.tanh: lambda A: 1 - A**2, tg.sigmoid: lambda A: A * (1 - A)}


def initialize(sizes, rng):
    """W[l] of shape (n[l], n[l-1]) with the course's scale sqrt(1 / n[l-1]), b[l] of zeros."""
    p = {}
    for l, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
        p[f"W{l}"] = tg.nn.init.xavier((n_out, n_in), rng=rng)
        p[f"b{l}"] = np.zeros((n_out, 1))
    return p


def forward(p, X, activations):
    """A[L], and the caches (A[l-1], A[l]) of all layers."""
    A, caches = X, []
    for l, g in enumerate(activations, start=1):
        A_prev, A = A, g(p[f"W{l}"] @ A + p[f"b{l}"])
        caches.append((A_prev, A))
    return A, caches


def cost(p, X, Y, activations):
    """The mean cross entropy of the last layer's sigmoid."""
    A, _ = forward(p, X, activations)
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))


def backward(p, X, Y, activations):
    """dA[L] = (-Y/A + (1-Y)/(1-A)) / m, then layer by layer dZ = dA g'(Z), dW = dZ A[l-1]', db = sum dZ, dA = W' dZ."""
    A, caches = forward(p, X, activations)
    dA, grads = (-Y / A + (1 - Y) / (1 - A)) / Y.size, {}
    for l in range(len(activations), 0, -1):
        A_prev, A = caches[l - 1]
        dZ = dA * SLOPES[activations[l - 1]](A)
        grads[f"W{l}"], grads[f"b{l}"] = dZ @ A_prev.T, dZ.sum(axis=1, keepdims=True)
        dA = p[f"W{l}"].T @ dZ
    return grads


def main(fast=False) -> None:
    rng = np.random.default_rng(0)
    for sizes in ([5, 1], [5, 4, 1], [5, 4, 3, 1], [5, 8, 8, 8, 8, 8, 1]):
        X, Y, p = rng.normal(size=(5, 7)), (rng.random((1, 7)) < 0.5) * 1.0, initialize(sizes, rng)
        activations = [tg.relu if l % 2 else np.tanh for l in range(len(sizes) - 2)] + [tg.sigmoid]
        by_hand, engine = backward(p, X, Y, activations), tg.grad(cost)(p, X, Y, activations)
        gap = max(np.abs(by_hand[name] - engine[name]).max() for name in p)
        print(f"layers {'-'.join(map(str, sizes))}: J = {cost(p, X, Y, activations):.4f}, differs by {gap:.0e}")


if __name__ == "__main__":
    main()
