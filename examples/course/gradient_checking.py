"""Gradient checking, course 2, week 1: a right backward pass, and one with two planted bugs.

The network is 4-5-3-1 on three samples; the course prints a relative difference of 1.19e-07 for the right gradient and
0.2851 for the wrong one. The error bounds beside it say which arrays are wrong, and by what factor.
"""

from itertools import pairwise

import numpy as np

import tinygraph as tg

SIZES = [4, 5, 3, 1]


def problem(seed=1):
    """The course's inputs X, (4, 3), labels Y and parameters, drawn in its order; biases are normal here."""
    rng = np.random.RandomState(seed)
    X, p = rng.randn(4, 3), {}
    for l, (n_in, n_out) in enumerate(pairwise(SIZES), start=1):
        p[f"W{l}"], p[f"b{l}"] = rng.randn(n_out, n_in), rng.randn(n_out, 1)
    return X, np.array([[1, 1, 0]]), p


def logits(p, X):
    """Z3 of the network: ReLU, ReLU, linear."""
    A1 = tg.relu(p["W1"] @ X + p["b1"])
    A2 = tg.relu(p["W2"] @ A1 + p["b2"])
    return p["W3"] @ A2 + p["b3"]


def cost(p, X, Y):
    """J as the lecture writes it, from A3 = sigmoid(Z3)."""
    A3 = 1 / (1 + np.exp(-logits(p, X)))
    return np.sum(-np.log(A3) * Y - np.log(1 - A3) * (1 - Y)) / X.shape[1]


def cost_from_logits(p, X, Y):
    """The same J, without the digits that 1 - A3 loses."""
    return tg.binary_cross_entropy_with_logits(logits(p, X), Y)


def backward(p, X, Y):
    """The backward pass by hand, as in the lecture."""
    m = X.shape[1]
    A1 = np.maximum(p["W1"] @ X + p["b1"], 0)
    A2 = np.maximum(p["W2"] @ A1 + p["b2"], 0)
    dZ3 = tg.sigmoid(p["W3"] @ A2 + p["b3"]) - Y
    dZ2 = p["W3"].T @ dZ3 * (A2 > 0)
    dZ1 = p["W2"].T @ dZ2 * (A1 > 0)
    layers = {1: (dZ1, X), 2: (dZ2, A1), 3: (dZ3, A2)}
    grads = {}
    for l, (dZ, A) in layers.items():
        grads[f"dW{l}"] = dZ @ A.T / m
        grads[f"db{l}"] = dZ.sum(axis=1, keepdims=True) / m
    return grads


def with_two_bugs(p, X, Y):
    """The bugs of the course's exercise: dW2 is doubled, db1 quadrupled."""
    grads = backward(p, X, Y)
    return {**grads, "dW2": 2 * grads["dW2"], "db1": 4 * grads["db1"]}


def check(gradient, cost=cost):
    """The course's check of a backward pass, all parameters as one long vector theta."""
    X, Y, p = problem()
    return tg.check.course_gradient_check(lambda p: cost(p, X, Y), lambda p: gradient(p, X, Y), p)


def main(fast=False) -> None:
    print(f"--- as in the lecture\n{check(backward)}\n")
    print(f"--- as in the lecture, the cost computed from the logits\n{check(backward, cost_from_logits)}\n")
    print(f"--- with two bugs\n{check(with_two_bugs)}")


if __name__ == "__main__":
    main()
