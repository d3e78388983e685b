"""Normalisation: mean 0 and variance 1 along axes, then scale and shift."""

from __future__ import annotations

import math
from collections.abc import Sequence
from string import ascii_lowercase
from typing import Any, NamedTuple

import numpy as np

from tinygraph.op import Array, bare, op
from tinygraph.ops.reduce import Axis, kept_shape
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


def moments(x: Array, axis: Axis, center: bool = True) -> Moments:
    """Mean and (biased) variance along axes."""
    mean = np.mean(x, axis=axis, keepdims=True) if center else 0.0
    deviation = x - mean if center else x
    return Moments(x, mean, _mean_product(deviation, deviation, axis))


def _product_to(x: Array, y: Array, shape: Sequence[int]) -> Array:
    """`sum_to(x * y, shape)` without an array for the products."""
    letters = ascii_lowercase[: x.ndim]
    long = (1,) * (x.ndim - len(shape)) + tuple(shape)
    left = "".join(letter for letter, n in zip(letters, long, strict=True) if n != 1)
    return np.einsum(f"{letters},{letters}->{left}", x, y).reshape(shape)


def _mean_product(x: Array, y: Array, axis: Axis) -> Array:
    """mean(x * y) along axes, with keepdims."""
    kept = kept_shape(x, axis)
    return _product_to(x, y, kept) / max(x.size // max(math.prod(kept), 1), 1)


def _standard(x: Array, axis: Axis, eps: float, center: bool, known: Moments | None) -> tuple[Array, Array]:
    """What is left of x without its mean, and what that is to be multiplied with."""
    found = known if known is not None and known.of is x else moments(x, axis, center)
    return x - found.mean if center else x, 1.0 / np.sqrt(found.var + eps)


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
    out = deviation * (scale * weight)
    out += bias  # in place, here and below: a large array costs more to make than to fill
    return out


def _dx(g: Array, ans: Array, x: Array, weight: Array, bias: Array, **how: Any) -> Array:
    deviation, scale = _standard(x, **how)
    if _even(x, weight, how["axis"]):
        factor = scale * weight
    else:
        g, factor = g * weight, scale
    out = deviation * (-_mean_product(g, deviation, how["axis"]) * (scale * scale))
    out += g  # in place also where something is recorded, since then x is, and so is out
    if how["center"]:
        out -= np.mean(g, axis=how["axis"], keepdims=True)
    out *= factor
    return out


def _dweight(g: Array, ans: Array, x: Array, weight: Array, bias: Array, **how: Any) -> Array:
    deviation, scale = _standard(x, **how)
    if _even(x, weight, how["axis"]):
        return sum_to(_product_to(g, deviation, scale.shape) * scale, shape=weight.shape)
    return _product_to(g, deviation * scale, weight.shape)


def _even(x: Array, weight: Array, axis: Axis) -> bool:
    """Whether the weight is one number wherever the moments are, as in batch normalisation."""
    return _broadcasts(np.shape(weight), kept_shape(x, axis))


def _dbias(g: Array, ans: Array, x: Array, weight: Array, bias: Array, **how: Any) -> Array:
    return sum_to(g, shape=bias.shape)


_normalize = op(
    _normalized,
    vjps=[_dx, _dweight, _dbias],
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
