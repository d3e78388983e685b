"""Classes as vectors of one 1, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.op import bare

Array = np.ndarray[Any, Any]


def one_hot(labels: Any, classes: int | None = None, *, axis: int = -1, dtype: Any = np.float64) -> Array:
    """1 at the place of its class, 0 elsewhere, for each label.

    Args:
        labels: whole numbers from 0, of any shape.
        classes: how many there are; None: as many as the labels name.
        axis: where the classes stand in the result; 0 for the course's columns, (classes, m).
        dtype: of the result.

    Raises:
        TypeError: labels that are not whole numbers.
        ValueError: a label that is no class.

    Example:
        >>> one_hot([0, 2, 1])
        array([[1., 0., 0.],
               [0., 0., 1.],
               [0., 1., 0.]])
    """
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iub" and not (labels.dtype.kind == "f" and np.all(labels == np.round(labels))):
        raise TypeError(
            f"one_hot: labels are whole numbers from 0, not {labels.dtype}; np.unique(labels, return_inverse=True) "
            "numbers them"
        )
    labels = labels.astype(np.int64)
    classes = classes if classes is not None else int(labels.max(initial=-1)) + 1
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise ValueError(f"one_hot: {wrong} is no class; there are {classes}, from 0")
    return np.moveaxis((labels[..., None] == np.arange(classes)).astype(dtype), -1, axis)


def from_one_hot(vectors: Any, *, axis: int = -1) -> Array:
    """The class of the largest entry of each vector: the inverse of `one_hot`, and what probabilities predict.

    Example:
        >>> from_one_hot([[0.1, 0.7, 0.2], [0.9, 0.1, 0.0]])
        array([1, 0])
    """
    classes: Array = np.asarray(bare(vectors)).argmax(axis)
    return classes
