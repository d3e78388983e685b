"""Two models of handwritten digits, written by hand on Tensors: parameters in a dict, loss, backward, update."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import tinygraph as tg
from tinygraph.data import Split

Params = dict[str, tg.Tensor]
Model = Callable[[Any, Any], Any]
PIXELS, HIDDEN, CLASSES, BATCH = 64, 64, 10, 32


class Epoch(NamedTuple):
    """What one pass over the training images has brought: the mean loss, and accuracy on the held-out ones."""

    loss: float
    accuracy: float


def logistic(p: Any, x: Any) -> Any:
    """Logistic regression: the logits of ten classes."""
    return x @ p["W"] + p["b"]


def hidden(p: Any, x: Any) -> Any:
    """The hidden layer of the network: rectifiers."""
    return tg.relu(x @ p["W1"] + p["b1"])


def output(p: Any, h: Any) -> Any:
    """The output layer of the network: the logits of ten classes."""
    return h @ p["W2"] + p["b2"]


def network(p: Any, x: Any) -> Any:
    """A network of two layers: the logits of ten classes."""
    return output(p, hidden(p, x))


def listing() -> str:
    """The network's code as a reader wants it: without docstrings and types."""
    code = "\n".join(inspect.getsource(f) for f in (hidden, output, network))
    return re.sub(r': Any| -> Any|^    """.*"""\n', "", code, flags=re.MULTILINE)


def start_logistic() -> Params:
    """Zeros: the loss is convex, so every start is as good."""
    return _named({"W": np.zeros((PIXELS, CLASSES)), "b": np.zeros(CLASSES)})


def start_network(rng: np.random.Generator) -> Params:
    """Weights of variance 2 / fan-in, as He et al. (2015) have them for rectifiers; biases of zero."""
    return _named(
        {
            "W1": rng.normal(0.0, np.sqrt(2.0 / PIXELS), (PIXELS, HIDDEN)),
            "b1": np.zeros(HIDDEN),
            "W2": rng.normal(0.0, np.sqrt(2.0 / HIDDEN), (HIDDEN, CLASSES)),
            "b2": np.zeros(CLASSES),
        }
    )


def _named(arrays: dict[str, Any]) -> Params:
    return {name: tg.Tensor(array, name=name) for name, array in arrays.items()}


def predict(model: Model, p: Params, x: Any) -> Any:
    """The class of each image: the place of the largest logit. On bare arrays, so nothing is recorded."""
    return model({name: t.data for name, t in p.items()}, x).argmax(axis=1)


def train(
    model: Model, p: Params, data: Split, epochs: int, rng: np.random.Generator, rate: float = 0.01
) -> Iterator[Epoch]:
    """Train in mini-batches with Adam, the learning rate falling to zero along half a cosine; yields each epoch."""
    n = len(data.train_x)
    steps = epochs * -(-n // BATCH)
    update, step = Adam(p), 0
    for _ in range(epochs):
        losses = []
        order = rng.permutation(n)
        for first in range(0, n, BATCH):
            batch = order[first : first + BATCH]
            loss = tg.cross_entropy(model(p, data.train_x[batch]), data.train_y[batch])
            loss.backward(retain_graph=False)
            update(rate * (0.5 + 0.5 * np.cos(np.pi * step / steps)))
            losses.append(loss.item() * len(batch))
            step += 1
        found = predict(model, p, data.held_out_x)
        yield Epoch(float(np.sum(losses)) / n, float(np.mean(found == data.held_out_y)))


class Adam:
    """Adam, Kingma and Ba (2015), algorithm 1, on a dict of Tensors; each update also forgets the gradients."""

    def __init__(self, p: Params, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> None:
        self._p, self._beta1, self._beta2, self._eps = p, beta1, beta2, eps
        self._mean = {name: np.zeros_like(t.data) for name, t in p.items()}
        self._square = {name: np.zeros_like(t.data) for name, t in p.items()}
        self._t = 0

    def __call__(self, rate: float) -> None:
        self._t += 1
        for name, t in self._p.items():
            m, v, g = self._mean[name], self._square[name], t.grad
            m += (1.0 - self._beta1) * (g - m)
            v += (1.0 - self._beta2) * (g * g - v)
            mean, square = m / (1.0 - self._beta1**self._t), v / (1.0 - self._beta2**self._t)
            t.data -= rate * mean / (np.sqrt(square) + self._eps)
            t.zero_grad()
