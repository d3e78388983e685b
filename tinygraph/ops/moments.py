"""Normalisation: mean 0 and variance 1 along axes, then scale and shift."""

from __future__ import annotations

from functools import lru_cache
from string import ascii_lowercase
from typing import Any, NamedTuple

import numpy as np

from tinygraph.op import Array, Joint, bare, op
from tinygraph.ops.reduce import Axis, count, kept_shape, mean
from tinygraph.ops.shape import as_array, sum_to

__all__ = ["normalize"]


class Moments(NamedTuple):
    """The mean and the variance of one array along axes, with keepdims; uncentred, the mean is 0.

    A forward pass finds them and the reverse pass needs them again. They are only taken for the array that they are
    of, so a rule that is recorded, or run again on other numbers, finds its own.
    """

    of: Array
    mean: Array
    var: Array


# the functions by themselves: they are NumPy, which records by itself, and on small arrays the call of an op is dear
_mean, _sum_to = mean.forward, sum_to.forward


def moments(x: Array, axis: Axis, center: bool = True) -> Moments:
    """Mean and (biased) variance along axes."""
    middle = _mean(x, axis, True) if center else 0.0
    deviation = x - middle if center else x
    return Moments(x, middle, _product_to(deviation, deviation, kept_shape(x, axis)) / max(count(x, axis), 1))


@lru_cache(256)
def _subscripts(ndim: int, shape: tuple[int, ...]) -> str:
    """Of the sum of products along all axes that `shape` lacks or has with length 1."""
    letters = ascii_lowercase[:ndim]
    long = (1,) * (ndim - len(shape)) + shape
    left = "".join(letter for letter, n in zip(letters, long, strict=True) if n != 1)
    return f"{letters},{letters}->{left}"


def _product_to(x: Array, y: Array, shape: tuple[int, ...]) -> Array:
    """`sum_to(x * y, shape)` without an array for the products."""
    return np.einsum(_subscripts(x.ndim, shape), x, y).reshape(shape)


def _standard(x: Array, axis: Axis, eps: float, center: bool, known: Moments | None) -> tuple[Array, Array]:
    """What is left of x without its mean, and what that is to be multiplied with."""
    found = known if known is not None and known.of is x else moments(x, axis, center)
    return x - found.mean if center else x, 1.0 / np.sqrt(found.var + eps)


def _product(deviation: Array, scale: Array, own: bool) -> Array:
    """In place of a deviation that is one's own, here and below: a large array costs more to make than to fill."""
    if not own:
        return deviation * scale
    deviation *= scale
    return deviation


def _normalized(
    x: Array,
    weight: Array,
    bias: Array,
    axis: Axis = -1,
    eps: float = 1e-5,
    center: bool = True,
    known: Moments | None = None,
) -> Array:
    deviation, scale = _standard(x, axis, eps, center, known)
    dtype = np.result_type(x, weight, bias)
    if deviation.dtype != dtype:
        deviation = deviation.astype(dtype)
    if _even(weight, scale):
        out = deviation * (scale * weight)
    else:
        out = _product(deviation, scale, own=center)
        out *= weight
    out += bias
    return out


def _vjp(g: Array, ans: Array, x: Array, weight: Array, bias: Array, axis: Axis, **how: Any) -> tuple[Array, ...]:
    deviation, scale = _standard(x, axis, **how)
    total = None
    if _even(bias, scale):
        total = _sum_to(g, scale.shape)
        dbias = _sum_to(total, np.shape(bias))
    else:
        dbias = _sum_to(g, np.shape(bias))
    share = 1.0 / max(count(x, axis), 1)
    if _even(weight, scale):
        along = _product_to(g, deviation, scale.shape)
        dweight = _sum_to(along * scale, np.shape(weight))
        factor = scale * weight
        dx = deviation * (along * (scale * scale * -share))
    else:
        standard = _product(deviation, scale, own=how["center"])
        dweight = _product_to(g, standard, np.shape(weight))
        g, factor, total = g * weight, scale, None
        dx = standard * (_product_to(g, standard, scale.shape) * -share)
    dx += g  # in place also where something is recorded, since then x is, and so is dx
    if how["center"]:
        dx -= (_sum_to(g, scale.shape) if total is None else total) * share
    dx *= factor
    return dx, dweight, dbias


def _even(part: Array, scale: Array) -> bool:
    """Whether a weight or bias is one number wherever the moments are, as in batch normalisation."""
    return _broadcasts(np.shape(part), scale.shape)


_normalize = op(
    _normalized,
    vjps=Joint(_vjp, 3),
    name="normalize",
    latex=r"{y} \frac{{{x} - \mu}}{{\sqrt{{\sigma^2 + \varepsilon}}}} + {z}",
)


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
    weight, bias = 1.0 if weight is None else as_array(weight), 0.0 if bias is None else as_array(bias)
    for name, given in (("weight", weight), ("bias", bias)):
        if not _broadcasts(np.shape(given), x.shape):
            raise ValueError(f"normalize: {name} of shape {given.shape} does not broadcast to x of shape {x.shape}")
    if known is None:
        known = moments(bare(x), axis, center)
    return _normalize(x, weight, bias, axis=axis, eps=eps, center=center, known=known)


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    tail = to[len(to) - len(shape) :]
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(shape, tail, strict=True))
