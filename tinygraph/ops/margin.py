"""Losses of margins and angles. Hinge, and cosine similarity."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.op import bare
from tinygraph.ops.activation import relu
from tinygraph.ops.classes import class_weights, classes_of, counted
from tinygraph.ops.index import take_along_axis
from tinygraph.ops.loss import checked, checked_mask, covered, pair, reduced, weights
from tinygraph.ops.shape import as_array, axis_in

__all__ = ["cosine_embedding_loss", "cosine_similarity", "hinge_loss", "multi_margin_loss"]


def hinge_loss(
    scores: Any, labels: Any, *, margin: float = 1.0, weight: Any = None, mask: Any = None, reduction: str = "mean"
) -> Any:
    """max(0, margin - y s) for scores s and labels y = ±1 of one shape: the loss of support vector machines.

    Args:
        scores: real numbers, positive for the class +1.
        labels: -1 and +1.
        margin: how far a score must lie on its side to cost nothing.
        weight: of each element; the mean is the weighted one, sum(w loss) / sum(w).
        mask: booleans, False leaves an element out of the sum and of the count.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: labels 0, shapes that differ, or an unknown reduction.
        TypeError: a mask that is not of booleans.

    Example:
        >>> hinge_loss(np.array([2.0, 0.5, 0.5]), np.array([1.0, 1.0, -1.0]), reduction="none")
        array([0. , 0.5, 1.5])
    """
    scores, labels = pair("hinge_loss", scores, labels)
    checked(reduction)
    weight = weights("hinge_loss", weight, scores)
    if mask is not None:
        mask = checked_mask("hinge_loss", mask, scores.shape)
        scores, labels = *covered(mask, scores), *covered(mask, labels, by=1.0)
    if (bare(labels) == 0.0).any():
        raise ValueError("hinge_loss: labels are -1 and +1, got 0; 2 y - 1 makes them of 0 and 1")
    return reduced(relu(margin - labels * scores), reduction, weight, mask, weight)


def multi_margin_loss(
    scores: Any,
    labels: Any,
    *,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    ignore_index: int = -100,
    mask: Any = None,
    axis: int = -1,
    reduction: str = "mean",
) -> Any:
    """sum over the wrong classes j of max(0, margin - s[y] + s[j])^p / C: the hinge of several classes.

    J. Weston and C. Watkins, Support vector machines for multi-class pattern recognition (1999); as in PyTorch.

    Args:
        scores: real numbers, C classes along `axis`.
        labels: integers 0 ... C-1 of the scores' shape without that axis.
        p: 1 or 2.
        margin: by how much the right class must lead to cost nothing.
        weight: one number for each class, a factor of the losses of its samples; the mean is over the samples.
        ignore_index, mask, axis, reduction: as those of `cross_entropy`.

    Raises:
        ValueError: shapes that do not fit, another p, or an unknown reduction.
        IndexError: a label out of range.

    Example:
        >>> float(multi_margin_loss(np.array([[0.1, 0.2, 0.4, 0.8]]), np.array([3])).round(4))
        0.325
    """
    name = "multi_margin_loss"
    scores = as_array(scores)
    checked(reduction)
    if p not in (1, 2):
        raise ValueError(f"{name}: p is 1 or 2, got {p}")
    axis = axis_in(axis, scores.ndim)
    weight = class_weights(name, weight, scores, axis)
    labels = classes_of(name, scores, as_array(labels), axis)
    if mask is not None:
        mask = np.broadcast_to(checked_mask(name, mask, labels.shape), labels.shape)
    labels, mask = counted(name, scores, labels, ignore_index, mask, axis)
    index = np.expand_dims(labels, axis)
    if mask is not None:
        (scores,) = covered(np.expand_dims(mask, axis), scores)
    classes = np.arange(scores.shape[axis], like=labels).reshape(-1, *(1,) * (scores.ndim - 1 - axis))
    short = relu(margin - take_along_axis(scores, index, axis) + scores)
    short = np.where(index == classes, 0.0, short if p == 1 else np.square(short))
    losses = np.sum(short, axis=axis) / (scores.shape[axis] or 1)
    return reduced(losses, reduction, None if weight is None else weight[labels], mask)


def cosine_similarity(x: Any, y: Any, *, axis: int = -1, eps: float = 1e-8) -> Any:
    """x y / (|x| |y|) along an axis: the cosine of the angle between them; 0 where one of them is 0.

    Args:
        x, y: arrays of one shape, or of shapes that broadcast.
        axis: of the vectors.
        eps: the least length that is divided by, as in PyTorch.

    Example:
        >>> cosine_similarity(np.array([1.0, 1.0]), np.array([[2.0, 2.0], [1.0, -1.0]])).round(4)
        array([1., 0.])
    """
    x, y = as_array(x), as_array(y)
    return np.sum(_unit(x, axis, eps) * _unit(y, axis, eps), axis=axis)


def _unit(x: Any, axis: int, eps: float) -> Any:
    """Vectors over their length. They are scaled first: squares neither overflow nor vanish."""
    largest = np.max(np.abs(bare(x)), axis=axis, keepdims=True, initial=0.0)
    some = largest > 0.0
    x = x / np.where(some, largest, 1.0)
    square = np.where(some, np.sum(x * x, axis=axis, keepdims=True), 1.0)  # a root of 0 would have no slope
    return x / np.where(some, np.maximum(np.sqrt(square), eps / np.where(some, largest, 1.0)), eps)


def cosine_embedding_loss(
    x: Any,
    y: Any,
    labels: Any,
    *,
    margin: float = 0.0,
    weight: Any = None,
    mask: Any = None,
    axis: int = -1,
    reduction: str = "mean",
) -> Any:
    """1 - cos(x, y) where the label is +1, max(0, cos(x, y) - margin) where it is -1.

    Args:
        x, y: vectors of one shape, along `axis`.
        labels: -1 and +1, of their shape without that axis.
        margin: the cosine up to which a pair counts as different.
        weight, mask: of each pair, as those of `mse_loss`.
        axis: of the vectors.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: shapes that do not fit, or an unknown reduction.

    Example:
        >>> x, y = np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])
        >>> cosine_embedding_loss(x, y, np.array([1, -1]), reduction="none")
        array([1., 1.])
    """
    name = "cosine_embedding_loss"
    x, y = pair(name, x, y)
    checked(reduction)
    axis = axis_in(axis, x.ndim)
    if mask is not None:
        shape = (*x.shape[:axis], *x.shape[axis + 1 :])
        mask = np.broadcast_to(checked_mask(name, mask, shape), shape)
        x, y = covered(np.expand_dims(mask, axis), x, y)
    cosine = cosine_similarity(x, y, axis=axis)
    cosine, labels = pair(name, cosine, bare(as_array(labels)))
    weight = weights(name, weight, cosine)
    if not np.all(np.abs(labels) == 1.0):
        raise ValueError(f"{name}: labels are -1 and +1; 2 y - 1 makes them of 0 and 1")
    losses = np.where(labels > 0.0, 1.0 - cosine, relu(cosine - margin))
    return reduced(losses, reduction, weight, mask, weight)
