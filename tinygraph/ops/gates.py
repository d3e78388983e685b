"""What recurrent layers share: gates as an axis of their own, products with their weights, and the way back.

Gates stand before time: so each is one piece of memory at each step, which NumPy goes through several times as fast as
through columns. Large arrays are few and filled in place, since a new one costs more than its arithmetic.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygraph.op import Array, Traced, UndecidedError, bare

__all__: list[str] = []


class Steps(NamedTuple):
    """All that the steps have found, the states first, for the arrays that it is of.

    The forward pass finds it and the reverse pass needs it again. As `Moments`, it is only taken for those arrays.
    """

    of: tuple[Array, ...]
    found: tuple[Array, ...]


def steps_of(run: Callable[..., tuple[Array, ...]], *arrays: Any) -> Steps | None:
    """The steps for the arrays in Tensors; None where an example of `vmap` would write into what all share."""
    of = tuple(map(bare, arrays))
    try:
        return Steps(of, run(*of))
    except UndecidedError:
        return None


def recalled(known: Steps | None, *arrays: Array) -> tuple[Array, ...] | None:
    return known.found if known is not None and all(map(operator.is_, known.of, arrays)) else None


def room_for(g: Array, ans: Array, shape: tuple[int, ...]) -> Any:
    """Room for the gradients of all steps, by gates; Nones where they are recorded, and so are arrays of their own."""
    recorded = isinstance(g, Traced) or isinstance(ans, Traced)
    return [None] * shape[0] if recorded else np.empty_like(g, shape=shape, order="C")


def by_gate(weight: Array, gates: int) -> Array:
    """The matrix of each gate."""
    return weight.reshape(gates, weight.shape[0] // gates, weight.shape[1])


def turned_by_gate(weight: Array, gates: int) -> Array:
    return by_gate(weight, gates).swapaxes(1, 2)


def parts(x: Any) -> list[Array]:
    """What stands along the first axis: a loop over an array itself is not for every kind of array."""
    return [x[k] for k in range(len(x))]


def as_rows(x: Array) -> Array:
    """All samples of all steps as the rows of a matrix, or of one for each gate."""
    return x.reshape(*x.shape[:-3], x.shape[-3] * x.shape[-2], x.shape[-1])


def project(x: Array, w: Array, gates: int, dtype: Any) -> Array:
    """W x for each gate and all steps, in a precision."""
    rows = as_rows(x)
    z = (rows if rows.dtype == dtype else rows.astype(dtype)) @ turned_by_gate(w, gates)
    return z.reshape(gates, *x.shape[:2], z.shape[-1])


def affine(x: Array, w: Array, b: Array, gates: int, *others: Array) -> Array:
    """W x + b, in the precision that it has beside other arrays."""
    z = project(x, w, gates, np.result_type(x, w, b, *others))
    z += b.reshape(gates, 1, 1, -1)
    return z


def to_sigmoid(z: Array) -> None:
    """In place: 1 / (1 + exp(-z)); where the exponential overflows, 0."""
    np.negative(z, out=z)
    np.exp(z, out=z)
    z += 1.0
    np.reciprocal(z, out=z)


def sigmoid_slope(s: Array, out: Array | None = None) -> Array:
    slope = np.subtract(1.0, s, out=out)
    slope *= s  # in place, here and below, but for where something is recorded: there slope becomes another
    return slope


def tanh_slope(t: Array, out: Array | None = None) -> Array:
    slope = np.subtract(1.0, t, out=out)
    slope *= 1.0 + t
    return slope


def multiplied(slopes: Sequence[Array], gs: Sequence[Array], room: Any, t: int) -> Array:
    """The gradient of each gate at one step: its slope times what comes, in the room if there is any."""
    if room[0] is None:
        return np.stack([slope[t] * g for slope, g in zip(slopes, gs, strict=True)])
    for slope, g, place in zip(slopes, gs, parts(room[:, t]), strict=True):
        np.multiply(slope[t], g, out=place)
    return room[:, t]


def all_steps(room: Any, last_first: Sequence[Array], shape: tuple[int, ...], g: Array) -> Array:
    """The gradients of the gates at all steps."""
    if room[0] is not None:
        return room
    return np.stack(last_first[::-1], axis=1) if last_first else np.zeros_like(g, shape=shape)


def weight_gradient(dz: Array, x: Array) -> Array:
    """The gradient of the matrices that each gate has multiplied x with."""
    parts = as_rows(dz).swapaxes(1, 2) @ as_rows(x)
    return parts.reshape(parts.shape[0] * parts.shape[1], parts.shape[2])


def bias_gradient(dz: Array) -> Array:
    return np.add.reduce(as_rows(dz), axis=1).reshape(-1)


def input_gradient(dz: Array, w: Array, shape: tuple[int, ...]) -> Array:
    rows, weights = as_rows(dz), by_gate(w, len(dz))
    total = rows[0] @ weights[0]
    for k in range(1, len(dz)):
        total += rows[k] @ weights[k]
    return total.reshape(shape)
