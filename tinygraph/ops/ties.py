"""What several results, and values that coincide, ask of the rules of decompositions.

What comes in several parts is recorded as one array of them all. A rule for vectors that are not unique, up to their
sign say, is right for every function that does not depend on the choice. Where eigenvalues or singular values coincide,
they share gradients as ties do; what would tell their vectors apart has no derivative, and a warning says so.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np

from tinygraph.op import Array, bare

__all__: list[str] = []

# --- several results as one array


def joined(x: Array, *parts: Array) -> Array:
    """The parts of what a stack of matrices x was taken into, in one row for each matrix."""
    lead = x.shape[:-2]
    flat = [p.reshape((*lead, math.prod(p.shape[len(lead) :]))) for p in parts]
    return np.concatenate(flat, axis=-1)


def parted(row: Array, *shapes: Sequence[int]) -> list[Array]:
    """The parts again; each shape is that of one matrix's part."""
    parts, start = [], 0
    for shape in shapes:
        end = start + math.prod(shape)
        parts.append(row[..., start:end].reshape((*row.shape[:-1], *shape)))
        start = end
    return parts


# --- coinciding values

ROUNDING = 8.0  # in units of the largest value's last digit, times their number: what LAPACK leaves of a gap


def negligible(values: Array) -> Array:
    """What is no more than rounding beside the largest of the values."""
    values = np.abs(bare(values))
    return values.max(axis=-1, keepdims=True, initial=0.0) * (
        ROUNDING * values.shape[-1] * float(np.finfo(values.dtype).eps)
    )


def tied(values: Array) -> Array:
    """Which pairs of values coincide, each with itself too."""
    values = bare(values)
    return np.abs(values[..., :, None] - values[..., None, :]) <= negligible(values)[..., None]


def shared(g: Array, ties: Array) -> Array:
    """The gradients of values, shared equally among those that coincide."""
    weight = ties.astype(g.dtype)
    return (weight @ g[..., None])[..., 0] / np.add.reduce(weight, axis=-1)


def warn_of_ties(name: str, ties: Array, inner: Array) -> None:
    """Warn if `inner`, vectors against gradients or tangents, tells vectors of coinciding values apart: if it is no
    multiple of the identity among them.
    """
    inner = bare(inner)
    allowed = 1e3 * float(np.finfo(inner.dtype).eps) * np.abs(inner).max(initial=0.0)
    level = np.diagonal(inner, axis1=-2, axis2=-1)
    itself = np.eye(inner.shape[-1], dtype=bool, like=inner)
    crossed = np.where(ties & ~itself, np.abs(inner), 0.0)
    uneven = np.where(ties, np.abs(level[..., :, None] - level[..., None, :]), 0.0)
    if np.any(crossed > allowed) or np.any(uneven > allowed):
        warnings.warn(
            f"a derivative of {name} met values that coincide: it is right for functions of the space that their "
            "vectors span, and leaves out what tells these vectors apart",
            RuntimeWarning,
            stacklevel=2,
        )


def several(ties: Array) -> bool:
    """Whether any value coincides with another."""
    return bool(np.any(np.add.reduce(ties, axis=-1) > 1))
