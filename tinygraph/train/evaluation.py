"""What a model is worth on data: means over samples, in evaluation mode, with nothing recorded."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinygraph.data.batches import Batches
from tinygraph.data.samples import Split
from tinygraph.mode import no_grad
from tinygraph.nn.module import Module
from tinygraph.op import bare
from tinygraph.tensor import Tensor

Metric = Callable[[Any, Any], Any]
_MANY = 8  # so many logits are hardly ever all between 0 and 1
_PROBABILITIES = (
    "accuracy: all outputs lie between 0 and 1; for probabilities give threshold=0.5, as in "
    "lambda p, y: accuracy(p, y, threshold=0.5), and for logits threshold=0.0"
)


class Means:
    """Means over samples of figures that are each a mean over some of them.

    Example:
        >>> means = Means()
        >>> means.add(3, loss=1.0)
        >>> means.add(1, loss=5.0)
        >>> means.values()
        {'loss': 2.0}
    """

    def __init__(self) -> None:
        self.count = 0
        self._sums: dict[str, float] = {}

    def add(self, count: int, **figures: float) -> None:
        self.count += count
        for name, figure in figures.items():
            self._sums[name] = self._sums.get(name, 0.0) + count * figure

    def values(self) -> dict[str, float]:
        return {name: total / self.count for name, total in self._sums.items()}


def evaluate(
    model: Callable[..., Any],
    loss: Metric | None,
    data: Any,
    *,
    metrics: Mapping[str, Metric] | None = None,
    batch_size: int = 256,
    axis: int = 0,
) -> dict[str, float]:
    """Loss and metrics of a model on data, as means over the samples, in evaluation mode.

    Args:
        model: a module, or any function of the inputs.
        loss: of (outputs, targets), the mean over a batch; None leaves it out.
        data: (x, y), `Batches`, or any iterable of batches (x, y).
        metrics: functions of (outputs, targets), bare arrays, that give the mean over a batch.
        batch_size: where `data` is arrays.
        axis: along which samples lie; 1 for the course's columns.

    Raises:
        ValueError: there are no samples.

    Example:
        >>> from tinygraph import nn
        >>> model = nn.Linear(2, 1, weight_init=nn.init.zeros)
        >>> evaluate(model, lambda p, y: ((p - y) ** 2).mean(), (np.zeros((3, 2)), np.ones((3, 1))))
        {'loss': 1.0}
    """
    means = Means()
    with evaluating(model):
        for batch in as_batches(data, batch_size=batch_size, axis=axis, shuffle=False):
            inputs, y = inputs_and_targets(batch)
            outputs = model(*inputs)
            figures = {} if loss is None else {"loss": number(loss(outputs, y), "the loss")}
            means.add(count(inputs, axis_of(data, axis)), **figures, **measured(metrics, outputs, y))
    if not means.count:
        raise ValueError("evaluate: there are no samples in the data; a generator gives them only once")
    return means.values()


def predict(model: Callable[..., Any], x: Any, *, batch_size: int = 256, axis: int = 0) -> Any:
    """The outputs of a model for all inputs, in evaluation mode, as one array.

    Example:
        >>> from tinygraph import nn
        >>> predict(nn.Linear(2, 3), np.zeros((5, 2))).shape
        (5, 3)
    """
    with evaluating(model):
        batches = Batches(x, batch_size=batch_size, shuffle=False, axis=axis)
        outputs = [np.asarray(bare(model(*(b if isinstance(b, tuple) else (b,))))) for b in batches]
    if not outputs:
        raise ValueError("predict: there are no inputs")
    return np.concatenate(outputs, axis=0 if axis == 0 else -1)


def accuracy(outputs: Any, y: Any, *, threshold: float | None = None, axis: int = -1) -> float:
    """The part of samples that are put into their class.

    Args:
        outputs: (n, classes), of which the largest counts; or a number for each sample, which is above the threshold
            for class 1.
        y: the classes, n whole numbers, or vectors of one 1 in the shape of the outputs.
        threshold: 0 for logits, which is what is meant if none is given, 0.5 for probabilities.
        axis: of the classes; 0 for the course's columns.

    Raises:
        ValueError: outputs and targets of different numbers of samples; vectors that do not add up to 1.

    Warns:
        UserWarning: no threshold is given, and all of many outputs lie between 0 and 1, as probabilities do.

    Example:
        >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), [1, 1]), accuracy(np.array([-3.0, 2.0]), [0, 1])
        (0.5, 1.0)
    """
    outputs, y = np.asarray(bare(outputs)), np.asarray(bare(y))
    if outputs.ndim > 1 and outputs.shape[axis] > 1:
        found = outputs.argmax(axis)
        y = _of_one(y, axis).argmax(axis) if y.shape == outputs.shape else y
    else:
        if threshold is None and outputs.size >= _MANY and np.all((outputs >= 0.0) & (outputs <= 1.0)):
            warnings.warn(_PROBABILITIES, stacklevel=2)
        found = outputs > (threshold or 0.0)
    if found.size != y.size:
        raise ValueError(f"accuracy: outputs of shape {outputs.shape} and targets of shape {y.shape} do not fit")
    return float(np.mean(found.ravel() == y.ravel()))


def _of_one(y: np.ndarray[Any, Any], axis: int) -> np.ndarray[Any, Any]:
    """Vectors that each give one class, or the chances of each; a row of 0 and 1 for many samples is none."""
    if not np.allclose(y.sum(axis), 1.0):
        raise ValueError(
            f"accuracy: targets of shape {y.shape} do not add up to 1 along axis {axis}, that of the classes: samples "
            "in columns take axis=0; several labels for a sample, np.mean((outputs > 0) == y)"
        )
    return y


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Evaluation mode, and nothing recorded; afterwards each part is in the mode it was in."""
    modes = {part: part.training for part in model.modules()} if isinstance(model, Module) else {}
    try:
        if isinstance(model, Module):
            model.eval()
        with no_grad():
            yield
    finally:
        for part, training in modes.items():
            part.training = training


# --- data in whatever form


def as_batches(data: Any, **options: Any) -> Iterable[Any]:
    """Batches of arrays; an iterable of batches as it is."""
    if isinstance(data, Split):
        raise TypeError("this is a whole split: give its parts, data.train to learn from and validation=data.dev")
    if isinstance(data, Batches):
        return data
    if isinstance(data, np.ndarray | Tensor | tuple):
        return Batches(data, **options)
    if isinstance(data, list) and data and all(isinstance(part, np.ndarray | Tensor) for part in data):
        raise TypeError(
            f"a list of {len(data)} arrays is no data: give (x, y) in parentheses, and batches as pairs, [(x, y), ...]"
        )
    if isinstance(data, Iterable) and not isinstance(data, dict | str):
        return data
    raise TypeError(f"data is (x, y), Batches or an iterable of batches, not a {type(data).__name__}")


def axis_of(data: Any, axis: int) -> int:
    """Along which axis the samples of a batch lie."""
    return data.axis if isinstance(data, Batches) else axis


def inputs_and_targets(batch: Any) -> tuple[tuple[Any, ...], Any]:
    """What a model is called with, and what the loss compares its outputs with: an array alone is both."""
    if isinstance(batch, tuple | list) and len(batch) > 1:
        return tuple(batch[:-1]), batch[-1]
    if isinstance(batch, np.ndarray | Tensor):
        return (batch,), batch
    raise TypeError(
        f"a batch is a pair (x, y), or inputs and then targets, not a {type(batch).__name__}; for batches of another "
        "kind write the loop yourself, it is ten lines (help(tinygraph.train))"
    )


def count(inputs: tuple[Any, ...], axis: int) -> int:
    """How many samples a batch has."""
    return int(np.shape(bare(inputs[0]))[axis])


def measured(metrics: Mapping[str, Metric] | None, outputs: Any, y: Any) -> dict[str, float]:
    """Each metric on bare arrays."""
    if not metrics:
        return {}
    outputs, y = bare(outputs), bare(y)
    return {name: number(metric(outputs, y), f"metric {name!r}") for name, metric in metrics.items()}


def number(value: Any, what: str) -> float:
    """A figure as a Python number."""
    value = bare(value)
    if np.size(value) != 1:
        raise TypeError(f"{what} must be one number, got shape {np.shape(value)}: take the mean over the samples")
    return float(np.asarray(value).item())
