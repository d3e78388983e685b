"""A network in the course's notation: samples are columns, W[l] is (n[l], n[l-1]), b[l] is (n[l], 1)."""

from itertools import pairwise

import numpy as np

import tinygraph as tg
from tinygraph import optim


def in_columns(samples):
    """Samples of the package, which are rows, as the course has them: X is (n_x, m), Y is (1, m)."""
    x, y = samples
    return x.reshape(len(x), -1).T, y.reshape(1, -1)


def parameters(sizes, initialiser, rng=None):
    """W1, b1, W2, b2 ... for a network with these layer sizes, the input's first; biases of zero."""
    p = {}
    for l, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
        p[f"W{l}"] = tg.Tensor(initialiser((n_out, n_in), rng=rng), name=f"W{l}")
        p[f"b{l}"] = tg.Tensor(np.zeros((n_out, 1)), name=f"b{l}")
    return p


def logits(p, X, hidden=tg.relu):
    """Z[L]: each hidden layer is g(W[l] A[l-1] + b[l]), the last is linear."""
    A, last = X, len(p) // 2
    for l in range(1, last):
        A = hidden(p[f"W{l}"] @ A + p[f"b{l}"])
    return p[f"W{last}"] @ A + p[f"b{last}"]


def cost(p, X, Y, hidden=tg.relu):
    """J = -1/m sum of y log a + (1 - y) log(1 - a), where a = sigmoid(Z[L])."""
    return tg.binary_cross_entropy_with_logits(logits(p, X, hidden), Y)


def predict(p, X, hidden=tg.relu):
    """1 where a > 0.5, which is where Z[L] > 0."""
    with tg.no_grad():
        return (logits(p, X, hidden).data > 0).astype(int)


def accuracy(p, X, Y, hidden=tg.relu):
    """The part of the samples that are predicted right, in percent."""
    return 100 * float(np.mean(predict(p, X, hidden) == Y))


def descend(p, X, Y, rate, steps, every, hidden=tg.relu):
    """Gradient descent on all samples at once; the cost before each `every`-th step."""
    optimizer, costs = optim.SGD(p.values(), lr=rate), []
    for step in range(steps):
        J = cost(p, X, Y, hidden)
        if step % every == 0:
            costs.append(J.item())
        J.backward(retain_graph=False)
        optimizer.step()
        optimizer.zero_grad()
    return costs
