"""Losses of classes. Cross entropy of logits along any axis, or of log-probabilities."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinygraph.op import Array, bare, op
from tinygraph.ops.exponential import log_softmax, softmax
from tinygraph.ops.index import take_along_axis
from tinygraph.ops.loss import checked, checked_mask, covered, in_precision_of, reduced, share, total
from tinygraph.ops.reduce import kept_shape
from tinygraph.ops.shape import as_array, axis_in

__all__ = ["cross_entropy", "nll_loss"]


class Exponentials(NamedTuple):
    """What softmax and its logarithm are made of: the largest of each row, e to what lies below it, and the sums.

    The forward pass finds them and the reverse pass needs them again. As `Moments`, only taken for what they are of.
    """

    of: Array
    top: Array
    exps: Array
    total: Array


def _exponentials(x: Array) -> Exponentials:
    top = x.max(axis=1, keepdims=True)
    exps = np.exp(x - top)
    return Exponentials(x, top, exps, np.add.reduce(exps, axis=1, keepdims=True))


def _sparse(x: Array, labels: Array, reduction: str = "mean", known: Exponentials | None = None) -> Array:
    found = known if known is not None and known.of is x else _exponentials(x)
    picked = x[np.arange(labels.size, like=labels), labels] - found.top[:, 0]
    return total(np.log(found.total[:, 0]) - picked, reduction)


def _sparse_vjp(g: Array, ans: Array, x: Array, labels: Array, reduction: str, known: Exponentials | None) -> Array:
    """The course's dZ = A - Y, for the softmax A and the labels Y, one-hot."""
    one_hot = labels[:, None] == np.arange(x.shape[1], like=labels)
    part = g[:, None] if reduction == "none" else share(g, labels.size, reduction)
    a = known.exps / known.total if known is not None and known.of is x else softmax(x)
    return part * (a - one_hot)


_by_rows = op(
    _sparse,
    vjps=[_sparse_vjp, None],
    name="cross_entropy",
    symbol="CE",
    latex=r"-\ln \operatorname{{softmax}}({x})_{{{y}}}",
)


def _rowwise(x: Any, labels: Array, reduction: str) -> Any:
    known = _exponentials(bare(x)) if x.size else None  # without an element there is no largest
    return _by_rows(x, labels, reduction=reduction, known=known)


def _dense(x: Array, y: Array, axis: int = -1, reduction: str = "mean") -> Array:
    shifted = x - x.max(axis=axis, keepdims=True)
    size = np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))
    return total(np.add.reduce(y * (size - shifted), axis=axis), reduction)


def _each_share(g: Array, x: Array, axis: int, reduction: str) -> Array:
    if reduction == "none":
        return g.reshape(kept_shape(x, axis))
    return share(g, x.size // (x.shape[axis] or 1), reduction)


def _dense_dx(g: Array, ans: Array, x: Array, y: Array, axis: int, reduction: str) -> Array:
    """A - Y again; weights make the sum of Y other than 1."""
    mass = np.sum(y, axis=axis, keepdims=True)
    return _each_share(g, x, axis, reduction) * (softmax(x, axis=axis) * mass - y)


def _dense_dy(g: Array, ans: Array, x: Array, y: Array, axis: int, reduction: str) -> Array:
    x = x if x.dtype == y.dtype else x.astype(np.result_type(x, y))
    return -_each_share(g, x, axis, reduction) * log_softmax(x, axis=axis)


_by_distributions = op(
    _dense,
    vjps=[_dense_dx, _dense_dy],
    name="cross_entropy_of_distributions",
    symbol="CE",
    latex=r"-\sum {y} \ln \operatorname{{softmax}}({x})",
)


def classes_of(name: str, x: Any, labels: Any, axis: int) -> Array:
    """The labels as whole numbers, of x's shape without the axis of classes; the course's (1, m) may keep it."""
    shape = (*x.shape[:axis], *x.shape[axis + 1 :])
    kept = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    if labels.dtype.kind not in "iu" or labels.shape not in (shape, kept):
        raise ValueError(
            f"{name}: logits of shape {x.shape} with classes along axis {axis} take integer labels of shape {shape}, "
            f"or probabilities of shape {x.shape} and a real dtype; got {labels.dtype} labels of shape {labels.shape}"
        )
    return bare(labels).reshape(shape)


def counted(
    name: str, x: Any, labels: Array, ignore_index: int, mask: Array | None, axis: int = 1
) -> tuple[Array, Array | None]:
    """Labels within the range, and the mask of those that count, None if all do."""
    if ignore_index >= 0 or (labels.size and labels.min() < 0):
        kept = labels != ignore_index
        mask = kept if mask is None else mask & kept
    if mask is not None:
        labels = np.where(mask, labels, 0)
    classes = x.shape[axis]
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise IndexError(f"{name}: labels must lie in 0 ... {classes - 1}, got {wrong}")
    return labels, mask


def class_weights(name: str, weight: Any, x: Any, axis: int) -> Array | None:
    """A number for each class, in the precision of x; or None."""
    if weight is None:
        return None
    weight, classes = bare(as_array(weight)), x.shape[axis]
    if weight.shape != (classes,):
        raise ValueError(f"{name}: weight of shape {weight.shape} must hold one number for each of {classes} classes")
    return in_precision_of(x, weight)


def cross_entropy(
    logits: Any,
    labels: Any,
    *,
    weight: Any = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    mask: Any = None,
    axis: int = -1,
    reduction: str = "mean",
) -> Any:
    """-ln softmax(logits)[label] for each sample, averaged over the samples; dZ = A - Y.

    Args:
        logits: real numbers, classes along `axis`.
        labels: integers 0 ... C-1, of the logits' shape without that axis; or probabilities, or any real numbers, of
            the logits' whole shape: -sum(y ln a).
        weight: one number for each class. Of integer labels the mean is sum(w loss) / sum(w) with the weight of each
            sample's class; of probabilities it is over the samples: as in PyTorch.
        ignore_index: a label that is left out.
        label_smoothing: e makes the labels (1 - e) y + e / C: Szegedy et al. (2016).
        mask: booleans, one for each sample; False leaves it out of the sum and of the count. If nothing is left the
            mean is 0, and so is the gradient.
        axis: of the classes. -1 for samples in rows; 0 for the course's columns, logits (C, m), labels (m,), (1, m) or
            one-hot (C, m); 1 for PyTorch's images.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: shapes that do not fit each other, or an unknown reduction.
        IndexError: a label out of range.
        TypeError: a mask that is not of booleans.

    Example:
        >>> float(cross_entropy(np.zeros((1, 4)), np.array([2])).round(4))
        1.3863
        >>> Z, Y = np.array([[2.0, 0.0], [0.0, 1.0]]), np.eye(2)  # two samples, in columns
        >>> float(cross_entropy(Z, Y, axis=0).round(4))
        0.2201
    """
    logits, labels = as_array(logits), as_array(labels)
    checked(reduction)
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"cross_entropy: label_smoothing lies from 0 to 1, got {label_smoothing}")
    plain = weight is None and mask is None and not label_smoothing and ignore_index < 0
    if plain and axis in (-1, 1) and logits.ndim == 2 and labels.shape == logits.shape[:1] and _usual(labels):
        return _rowwise(logits, bare(labels), reduction)
    axis = axis_in(axis, logits.ndim)
    if labels.dtype.kind == "f" and labels.shape == logits.shape:
        return _of_distributions(logits, labels, weight, label_smoothing, mask, axis, reduction)
    labels = classes_of("cross_entropy", logits, labels, axis)
    flat = labels.reshape(-1)
    rows = logits if axis == logits.ndim - 1 else np.moveaxis(logits, axis, -1)
    if rows.ndim != 2:
        rows = np.reshape(rows, (flat.size, logits.shape[axis]))
    if plain and _usual(flat):
        losses = _rowwise(rows, flat, reduction)
    else:
        if mask is not None:
            mask = np.broadcast_to(checked_mask("cross_entropy", mask, labels.shape), labels.shape).reshape(-1)
        flat, mask = counted("cross_entropy", rows, flat, ignore_index, mask)
        weight = class_weights("cross_entropy", weight, rows, 1)
        losses = _of_rows(rows, flat, weight, label_smoothing, mask, reduction)
    return np.reshape(losses, labels.shape) if reduction == "none" and labels.ndim != 1 else losses


def _usual(labels: Any) -> bool:
    """Whether labels are whole numbers and none is negative; NumPy itself refuses those that are too large."""
    return labels.dtype.kind in "iu" and not (labels.size and labels.min() < 0)


def _of_rows(
    rows: Any, labels: Array, weight: Array | None, smoothing: float, mask: Array | None, reduction: str
) -> Any:
    """Cross entropy of rows whose labels lie in range, with all that may be asked of it."""
    shares = None if weight is None else weight[labels]
    if mask is not None:
        (rows,) = covered(mask[:, None], rows)
    if not smoothing:
        return reduced(_rowwise(rows, labels, "none"), reduction, shares, mask, shares)
    classes = rows.shape[1]
    one_hot = labels[:, None] == np.arange(classes, like=labels)
    target = in_precision_of(rows, (1.0 - smoothing) * one_hot + smoothing / classes)
    losses = _by_distributions(rows, target if weight is None else target * weight, axis=1, reduction="none")
    return reduced(losses, reduction, None, mask, shares)


def _of_distributions(
    logits: Any, labels: Any, weight: Any, smoothing: float, mask: Any, axis: int, reduction: str
) -> Any:
    weight = class_weights("cross_entropy", weight, logits, axis)
    labels = in_precision_of(logits, labels)
    if mask is not None:
        shape = (*logits.shape[:axis], *logits.shape[axis + 1 :])
        mask = np.broadcast_to(checked_mask("cross_entropy", mask, shape), shape)
        logits, labels = covered(np.expand_dims(mask, axis), logits, labels)
    if smoothing:
        labels = (1.0 - smoothing) * labels + smoothing / logits.shape[axis]
    if weight is not None:
        labels = labels * weight.reshape(-1, *(1,) * (logits.ndim - 1 - axis))
    if mask is None:
        return _by_distributions(logits, labels, axis=axis, reduction=reduction)
    return reduced(_by_distributions(logits, labels, axis=axis, reduction="none"), reduction, None, mask)


def nll_loss(
    log_probabilities: Any,
    labels: Any,
    *,
    weight: Any = None,
    ignore_index: int = -100,
    mask: Any = None,
    axis: int = -1,
    reduction: str = "mean",
) -> Any:
    """-x[label] for each sample, averaged over the samples: cross entropy of what `log_softmax` has made.

    Arguments and errors are those of `cross_entropy`, labels are integers.

    Example:
        >>> from tinygraph.ops import log_softmax
        >>> float(nll_loss(log_softmax(np.zeros((1, 4))), np.array([2])).round(4))
        1.3863
    """
    x, labels = as_array(log_probabilities), as_array(labels)
    checked(reduction)
    axis = axis_in(axis, x.ndim)
    weight = class_weights("nll_loss", weight, x, axis)
    labels = classes_of("nll_loss", x, labels, axis)
    if mask is not None:
        mask = np.broadcast_to(checked_mask("nll_loss", mask, labels.shape), labels.shape)
    labels, mask = counted("nll_loss", x, labels, ignore_index, mask, axis)
    picked = np.reshape(take_along_axis(x, np.expand_dims(labels, axis), axis), labels.shape)
    (picked,) = covered(mask, picked)
    shares = None if weight is None else weight[labels]
    return reduced(-picked, reduction, shares, mask, shares)
