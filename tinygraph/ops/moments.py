"""Normalisation: mean 0 and variance 1 along axes, then scale and shift."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from tinygraph.op import Array, Joint, bare, op
from tinygraph.ops.reduce import Axis, axes_of, mean, row_sums
from tinygraph.ops.shape import as_array

__all__ = ["normalize"]


class _Rows(NamedTuple):
    """How an array becomes a matrix whose rows are normalised: its axes in order, and their lengths.

    Those that are summed over come last, in the order that they have in memory where only sums are asked for; `back`
    puts all in their places again.
    """

    order: tuple[int, ...]
    back: tuple[int, ...]
    lengths: tuple[int, ...]
    matrix: tuple[int, int]


@lru_cache(256)
def _layout(shape: tuple[int, ...], strides: tuple[int, ...], axes: tuple[int, ...]) -> _Rows:
    left = [i for i in range(len(shape)) if i not in axes]
    order = (*left, *sorted(axes, key=lambda i: (-strides[i] if strides else 0, i)))
    back = tuple(sorted(range(len(shape)), key=order.__getitem__))
    lengths = tuple(shape[i] for i in order)
    return _Rows(order, back, lengths, (prod(lengths[: len(left)]), prod(lengths[len(left) :])))


def _rows(x: Array, axis: Axis, by_row: bool) -> _Rows:
    return _layout(x.shape, getattr(x, "strides", ()) if by_row else (), axes_of(x.ndim, axis))


def _to_rows(x: Array, rows: _Rows) -> Array:
    return (x if rows.order == rows.back == tuple(range(x.ndim)) else x.transpose(rows.order)).reshape(rows.matrix)


def _from_rows(y: Array, rows: _Rows, x: Array) -> Array:
    """Back in the shape of x; in one piece of memory, if x is."""
    y = y.reshape(rows.lengths)
    if rows.back == tuple(range(x.ndim)):
        return y
    y = y.transpose(rows.back)
    was, now = getattr(x, "flags", None), getattr(y, "flags", None)
    return y.copy() if was is not None and now is not None and was.c_contiguous and not now.c_contiguous else y


def _dots(x: Array, y: Array) -> Array:
    """The product of each row with the other's. On long rows einsum is slower, and rounds worse."""
    if x.shape[1] > 1024 and all(getattr(getattr(a, "flags", None), "c_contiguous", False) for a in (x, y)):
        return (x[:, None, :] @ y[:, :, None])[:, 0]
    return np.einsum("ij,ij->i", x, y)[:, None]


class Moments(NamedTuple):
    """Mean and variance of one array along axes, and what is left of it without the mean, all in rows.

    A forward pass finds them and the reverse pass needs them again. They are only taken for the array that they are
    of, so a rule that is recorded, or run again on other numbers, finds its own.
    """

    of: Array
    mean: Array
    var: Array
    deviation: Array


def moments(x: Array, axis: Axis, center: bool = True, by_row: bool = True) -> Moments:
    """Mean and (biased) variance along axes; uncentred, the mean is 0."""
    deviation, middle = _to_rows(x, _rows(x, axis, by_row)), 0.0
    n = deviation.shape[1] or 1
    if center:
        middle = mean.forward(deviation, 1, True) if x.dtype.itemsize < 4 else row_sums(deviation) / n
        deviation = deviation - middle
    if deviation.dtype.itemsize < 4:  # in half precision a sum of squares soon overflows, their mean does not
        return Moments(x, middle, mean.forward(deviation * deviation, 1, True), deviation)
    return Moments(x, middle, _dots(deviation, deviation) / n, deviation)


def _standard(
    x: Array, axis: Axis, eps: float, center: bool, by_row: bool, known: Moments | None
) -> tuple[Array, Array]:
    """What is left of x without its mean, in rows, and what each is to be multiplied with."""
    found = known if known is not None and known.of is x else moments(x, axis, center, by_row)
    return found.deviation, 1.0 / np.sqrt(found.var + eps)


def _beside(part: Array, by_row: bool) -> Array:
    """A weight or bias as a matrix that broadcasts to the rows; a number of Python's stands for none."""
    return part if isinstance(part, float) else part.reshape((-1, 1) if by_row else (1, -1))


def _normalized(
    x: Array,
    weight: Array,
    bias: Array,
    axis: Axis = -1,
    eps: float = 1e-5,
    center: bool = True,
    by_row: bool = True,
    known: Moments | None = None,
) -> Array:
    deviation, scale = _standard(x, axis, eps, center, by_row, known)
    dtype = np.result_type(x, weight, bias)
    if deviation.dtype != dtype:
        deviation = deviation.astype(dtype)
    if by_row:
        out = deviation * (scale * _beside(weight, by_row))
    else:
        out = deviation * scale
        out *= _beside(weight, by_row)  # in place, here and below: a large array costs more to make than to fill
    if not isinstance(bias, float):
        out += _beside(bias, by_row)
    return _from_rows(out, _rows(x, axis, by_row), x)


def _vjp(
    g: Array, ans: Array, x: Array, weight: Array, bias: Array, axis: Axis, center: bool, by_row: bool, **how: Any
) -> tuple[Any, ...]:
    rows, w = _rows(x, axis, by_row), _beside(weight, by_row)
    deviation, scale = _standard(x, axis, center=center, by_row=by_row, **how)
    g = _to_rows(g, rows)
    share = 1.0 / (rows.matrix[1] or 1)
    if by_row:
        dbias = total = row_sums(g)
        dweight = along = _dots(g, deviation) * scale
        factor = scale * w
    else:
        products = g * deviation
        dbias, dweight = row_sums(g.T), scale.T @ products
        along, total = products @ w.T * scale, g @ w.T
        g, factor = g * w, scale
    dx = deviation * (along * (scale * -share))
    dx += g  # in place also where something is recorded, since then x is, and so is dx
    if center:
        dx -= total * share
    dx *= factor
    return _from_rows(dx, rows, x), lambda: dweight.reshape(weight.shape), lambda: dbias.reshape(bias.shape)


_normalize = op(
    _normalized,
    vjps=Joint(_vjp, 3),
    name="normalize",
    latex=r"{y} \frac{{{x} - \mu}}{{\sqrt{{\sigma^2 + \varepsilon}}}} + {z}",
)


def normalize_rows(x: Any, weight: Any, bias: Any, by_row: bool, known: Moments | None = None, **how: Any) -> Any:
    """`normalize` with one weight for each mean, or, not by row, one for each place that a mean is over."""
    weight, bias = 1.0 if weight is None else weight, 0.0 if bias is None else bias
    if known is None:
        known = moments(bare(x), how["axis"], how["center"], by_row)
    return _normalize(x, weight, bias, by_row=by_row, known=known, **how)


def normalize(
    x: Any,
    weight: Any = None,
    bias: Any = None,
    *,
    axis: Axis = -1,
    eps: float = 1e-5,
    center: bool = True,
    known: Moments | None = None,
) -> Any:
    """weight * (x - μ) / √(σ² + eps) + bias, with mean μ and variance σ² along axes.

    Over the samples it is batch normalisation (Ioffe and Szegedy, 2015; the course's γ and β are weight and bias), over
    the features layer normalisation (Ba et al., 2016), and over the features without μ RMS normalisation (Zhang and
    Sennrich, 2019). The reverse rule is one formula: with x̂ = (x - μ) / √(σ² + eps) and ĝ = g weight,
    dx = (ĝ - mean(ĝ) - x̂ mean(ĝ x̂)) / √(σ² + eps).

    Args:
        x: real numbers of any shape.
        weight, bias: they broadcast to x; None leaves them out.
        axis: an axis or several; the course's columns are axis=1.
        eps: added to the variance.
        center: False takes no mean away, and the mean square for the variance.
        known: the `moments` of x, if they were found before.

    Raises:
        ValueError: a weight or bias that does not broadcast to the shape of x.

    Example:
        >>> normalize(np.array([1.0, 3.0]), eps=0.0), normalize(np.array([3.0, 4.0]), eps=0.0, center=False).round(3)
        (array([-1.,  1.]), array([0.849, 1.131]))
    """
    x = as_array(x)
    weight, bias = (None if part is None else as_array(part) for part in (weight, bias))
    shapes = (None if part is None else part.shape for part in (weight, bias))
    by_row = _by_row(x.shape, axes_of(x.ndim, axis), *shapes)
    how = {"axis": axis, "eps": eps, "center": center, "known": None if by_row is False else known}
    if by_row is not None:
        return normalize_rows(x, weight, bias, by_row=by_row, **how)
    out = normalize_rows(x, None, None, by_row=True, **how)
    out = out if weight is None else out * weight
    return out if bias is None else out + bias


@lru_cache(256)
def _by_row(x: tuple[int, ...], axes: tuple[int, ...], weight: Any, bias: Any) -> bool | None:
    """Whether weight and bias have one number for each mean, or for each place that a mean is over; None, neither."""
    for name, part in (("weight", weight), ("bias", bias)):
        if part is not None and not _broadcasts(part, x):
            raise ValueError(f"normalize: {name} of shape {part} does not broadcast to x of shape {x}")

    def alike(part: tuple[int, ...], by_row: bool) -> bool:
        one = tuple(1 if (i in axes) is by_row else n for i, n in enumerate(x))
        return (1,) * (len(x) - len(part)) + part == one

    if all(part is None or alike(part, True) for part in (weight, bias)):
        return True
    return False if weight is not None and alike(weight, False) and (bias is None or alike(bias, False)) else None


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    tail = to[len(to) - len(shape) :]
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(shape, tail, strict=True))
