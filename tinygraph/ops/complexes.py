"""Complex numbers taken apart: real and imaginary part, conjugate, angle.

A gradient g at a complex x + iy stands for the change Re(g (dx + i dy)), as in JAX and autograd: a holomorphic rule is
g * f'(x), with nothing conjugated, and the gradient of a real function is ∂f/∂x - i ∂f/∂y. Where the
result or an argument is real, the engine takes the real part of what a rule gives.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from tinygraph.op import Array, bare, op, spells
from tinygraph.ops.elementwise import arctan2
from tinygraph.ops.numeric import rad2deg
from tinygraph.ops.shape import as_array

__all__ = ["angle", "conj", "imag", "real", "real_if_close"]

part = partial(op, kind="linear")

real = part(np.real, numpy=np.real, vjps=[lambda g, ans, x: g], symbol="Re", latex=r"\operatorname{{Re}} {x}")


def _imag_dx(g: Array, ans: Array, x: Array) -> Array:
    return g * -1j if x.dtype.kind == "c" else np.zeros_like(g)


imag = part(np.imag, numpy=np.imag, vjps=[_imag_dx], symbol="Im", latex=r"\operatorname{{Im}} {x}")
conj = part(np.conj, vjps=[lambda g, ans, x: np.conj(g)], name="conj", symbol="x̄", latex=r"\overline{{{x}}}")


def conjugate(x: Array) -> Array:
    """Complex numbers conjugated; real ones as they are."""
    return np.conj(x) if x.dtype.kind == "c" else x


def squared(x: Array) -> Array:
    """|x|², a real number also for a complex x."""
    return np.real(x * np.conj(x)) if x.dtype.kind == "c" else x * x


def direction(x: Array) -> Array:
    """The derivative of |x|: its sign, or of complex numbers x̄ / |x|, and 0 at 0."""
    return np.conj(x) / np.where(x == 0, 1.0, np.abs(x)) if x.dtype.kind == "c" else np.sign(x)


@spells(np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    """The angle of complex numbers with the positive real axis, its derivative 0 at 0: `np.angle`.

    Example:
        >>> angle(np.array([1j, -1.0]), deg=True)
        array([ 90., 180.])
    """
    z = as_array(z)
    found = arctan2(imag(z), real(z))
    return rad2deg(found) if deg else found


@spells(np.real_if_close)
def real_if_close(a: Any, tol: float = 100) -> Any:
    """The real part, if all imaginary parts are next to 0, else the numbers themselves: `np.real_if_close`.

    Example:
        >>> real_if_close(np.array([2.0 + 0j]))
        array([2.])
    """
    a = as_array(a)
    return a if np.iscomplexobj(np.real_if_close(bare(a), tol)) else real(a)
