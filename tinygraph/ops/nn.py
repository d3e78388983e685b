"""What layers compute beside their activations: affine maps, dropout."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from tinygraph.op import Array, Op, op
from tinygraph.ops.shape import as_array

__all__ = ["dropout", "linear"]


def _rows(x: Array) -> Array:
    """The samples, whatever stands before the last axis, as the rows of a matrix."""
    return x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def _linear(x: Array, weight: Array, bias: Array) -> Array:
    if x.ndim < 3:
        return x @ weight.T + bias
    return (_rows(x) @ weight.T + bias).reshape(*x.shape[:-1], weight.shape[0])  # one product, not one for each matrix


def _linear_jvp(ts: Any, ans: Array, x: Array, weight: Array, bias: Array) -> Array:
    tx, tw, tb = ts
    parts = [None if tx is None else tx @ weight.T, None if tw is None else x @ tw.T, tb]
    return functools.reduce(np.add, [part for part in parts if part is not None])


_affine = op(
    _linear,
    vjps=[
        lambda g, ans, x, weight, bias: g @ weight if g.ndim < 3 else (_rows(g) @ weight).reshape(x.shape),
        lambda g, ans, x, weight, bias: _rows(g).T @ _rows(x),
        lambda g, ans, x, weight, bias: np.add.reduce(_rows(g), axis=0),
    ],
    jvp=_linear_jvp,
    complex=True,
    name="linear",
    latex=r"{x} {y}^\top + {z}",
)


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """x Wᵀ + b: each row of x is a sample, each row of W an output.

    Args:
        x: (..., n_in).
        weight: (n_out, n_in).
        bias: (n_out,), or None.

    Returns:
        (..., n_out).

    Raises:
        ValueError: shapes that do not fit.

    Example:
        >>> linear(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), np.array([0.5]))
        array([[11.5]])
    """
    x, weight = as_array(x), as_array(weight)
    if weight.ndim != 2 or not x.ndim or x.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"linear: x of shape {x.shape} and weight of shape {weight.shape} do not fit: the last axis of x must be "
            "as long as a row of weight, (n_out, n_in)"
        )
    if bias is None:
        return x @ weight.T
    bias = as_array(bias)
    if bias.shape != weight.shape[:1]:
        raise ValueError(f"linear: bias of shape {bias.shape} for weight of shape {weight.shape} must be (n_out,)")
    return _affine(x, weight, bias)


def _dropped(x: Array, mask: Array, keep_prob: float) -> Array:
    out = x * mask
    out /= keep_prob or 1.0  # in place: a large array costs more to make than to fill
    return out


dropout: Op = op(
    _dropped,
    kind="linear",
    vjps=[lambda g, ans, x, mask, keep_prob: dropout(g, mask=mask, keep_prob=keep_prob)],
    name="dropout",
    latex=r"\operatorname{{dropout}}({x})",
    doc="""x * mask / keep_prob, inverted dropout with a mask of zeros and ones that broadcasts to x (course 2, week 1).

    Example:
        >>> dropout(np.array([1.0, 2.0]), mask=np.array([True, False]), keep_prob=0.5)
        array([2., 0.])
    """,
)
