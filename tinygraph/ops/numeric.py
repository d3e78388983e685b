"""Further functions of each element: remainders, roundings, angles, NaN, signs, sin x / x; tables of pairs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygraph.op import POSITIVE, REAL, Array, Kink, bare, spells
from tinygraph.ops.elementwise import (
    TIE,
    WRAPS,
    add,
    analytic,
    divide,
    elementwise,
    floor_divide,
    maximum,
    minimum,
    mod,
    multiply,
    power,
    subtract,
    trunc,
    where,
)
from tinygraph.ops.shape import as_array, astype

__all__ = [
    "copysign",
    "deg2rad",
    "divmod",
    "fix",
    "float_power",
    "fmax",
    "fmin",
    "fmod",
    "frexp",
    "heaviside",
    "ldexp",
    "modf",
    "nan_to_num",
    "rad2deg",
    "round",
    "sinc",
]

# --- remainders and powers

fmod = elementwise(
    np.fmod,
    vjps=[lambda g, ans, x, y: g, lambda g, ans, x, y: -g * np.rint((x - ans) / y)],
    domain=[REAL, POSITIVE],
    kinks=[Kink(WRAPS.where, WRAPS.margin, "1 and -trunc(x / y), the slopes beside the jump")],
    latex=r"\operatorname{{fmod}}({x}, {y})",
)


@spells(np.divmod)
def divmod(x: Any, y: Any) -> tuple[Any, Any]:
    """Quotient, rounded down, and remainder: `np.divmod`.

    Example:
        >>> divmod(np.array([7.0]), 2.0)
        (array([3.]), array([1.]))
    """
    return floor_divide(x, y), mod(x, y)


@spells(np.float_power)
def float_power(x: Any, y: Any) -> Any:
    """x to the power y in double precision at least: `np.float_power`.

    Example:
        >>> float_power(np.array([2, 3]), -1)
        array([0.5       , 0.33333333])
    """
    return power(_double(x), _double(y))


def _double(x: Any) -> Any:
    if isinstance(x, int | float):
        return float(x)
    x = as_array(x)
    dtype = np.result_type(x, np.float64)
    return x if x.dtype == dtype else astype(x, dtype=dtype)


# --- roundings


def _round(x: Array, decimals: int = 0) -> Array:
    return np.round(x, decimals)


def _to_half(x: Array, decimals: int = 0) -> Array:
    scaled = x * 10.0**decimals
    return scaled - np.floor(scaled) - 0.5


round = elementwise(
    _round,
    numpy=[np.round, *([np.around] if np.around is not np.round else [])],
    vjps=[lambda g, ans, x, decimals: np.zeros_like(g)],
    kinks=[Kink("x is half-way between rounded numbers", _to_half, "0, the slope beside the jump")],
    name="round",
)


@spells(np.fix)
def fix(x: Any) -> Any:
    """x rounded towards 0: `np.fix`.

    Example:
        >>> fix(np.array([-1.5, 1.5]))
        array([-1.,  1.])
    """
    return trunc(as_array(x))


@spells(np.modf)
def modf(x: Any) -> tuple[Any, Any]:
    """What stands behind the point and what stands before it, both with the sign of x: `np.modf`.

    Example:
        >>> modf(np.array([-1.5, 2.25]))
        (array([-0.5 ,  0.25]), array([-1.,  2.]))
    """
    x = as_array(x)
    x = x if x.dtype.kind == "f" else x * 1.0
    whole = trunc(x)
    return np.where(np.isinf(x), np.copysign(0.0, x), x - whole), whole


_scaled = elementwise(
    lambda x, exponent=1: np.ldexp(x, exponent),
    vjps=[lambda g, ans, x, exponent: np.ldexp(g, exponent)],
    name="ldexp",
    latex=r"{x} \cdot 2^n",
)


@spells(np.ldexp)
def ldexp(x: Any, exponent: Any) -> Any:
    """x times 2 to a whole power: `np.ldexp`.

    Example:
        >>> ldexp(np.array([0.5, 3.0]), [1, 2])
        array([ 1., 12.])
    """
    exponent = bare(exponent)
    return _scaled(x, exponent=exponent if hasattr(exponent, "dtype") else np.asarray(exponent, like=as_array(bare(x))))


@spells(np.frexp)
def frexp(x: Any) -> tuple[Any, Any]:
    """x as a number between 1/2 and 1 times 2 to a whole power, which is a constant: `np.frexp`.

    Example:
        >>> frexp(np.array([12.0]))
        (array([0.75]), array([4], dtype=int32))
    """
    _, exponent = np.frexp(bare(as_array(x)))
    return ldexp(x, -exponent), exponent


# --- angles

DEGREE = 0.017453292519943295

deg2rad = elementwise(
    np.deg2rad, numpy=[np.deg2rad, np.radians], vjps=[lambda g, ans, x: g * DEGREE], latex=r"\frac{{\pi}}{{180}} {x}"
)
rad2deg = elementwise(
    np.rad2deg, numpy=[np.rad2deg, np.degrees], vjps=[lambda g, ans, x: g / DEGREE], latex=r"\frac{{180}}{{\pi}} {x}"
)

# --- choices, signs and NaN

fmax = analytic(
    np.fmax,
    vjps=[
        lambda g, ans, x, y: np.where(x == y, 0.5 * g, g * ((x > y) | np.isnan(y))),
        lambda g, ans, x, y: np.where(x == y, 0.5 * g, g * ((y > x) | np.isnan(x))),
    ],
    kinks=[TIE],
)
fmin = analytic(
    np.fmin,
    vjps=[
        lambda g, ans, x, y: np.where(x == y, 0.5 * g, g * ((x < y) | np.isnan(y))),
        lambda g, ans, x, y: np.where(x == y, 0.5 * g, g * ((y < x) | np.isnan(x))),
    ],
    kinks=[TIE],
)
copysign = elementwise(
    np.copysign,
    vjps=[lambda g, ans, x, y: g * (np.sign(x) * np.copysign(1.0, y)), lambda g, ans, x, y: np.zeros_like(g)],
    kinks=[
        Kink("x = 0", lambda x, y: x, "0, at the extremum"),
        Kink("y = 0", lambda x, y: y, "0 to y, the slope beside the jump"),
    ],
)
heaviside = elementwise(
    np.heaviside,
    vjps=[lambda g, ans, x, y: np.zeros_like(g), lambda g, ans, x, y: g * (x == 0)],
    kinks=[Kink("x = 0", lambda x, y: x, "0 to x, the slope beside the jump; 1 to y, the value there")],
)


@spells(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """x with numbers in place of NaN and of infinities, and gradient 0 there: `np.nan_to_num`.

    Example:
        >>> nan_to_num(np.array([1.0, np.nan, np.inf]), posinf=9.0)
        array([1., 0., 9.])
    """
    x = as_array(x)
    if not copy:
        raise TypeError("nan_to_num: copy=False would write into the array; leave it out, and use what is returned")
    if x.dtype.kind == "c":
        raise TypeError("nan_to_num: complex numbers have no rule here; take their .real and .imag")
    if x.dtype.kind != "f":
        return x
    largest = float(np.finfo(x.dtype).max)
    x = where(np.isnan(x), nan, x)
    x = where(np.isposinf(x), largest if posinf is None else posinf, x)
    return where(np.isneginf(x), -largest if neginf is None else neginf, x)


# --- sin x / x

# of the derivative of sin(u) / u, in powers of u u, the highest first
_SERIES = [(-1) ** k * 2.0 * k / math.factorial(2 * k + 1) for k in range(12, 0, -1)]


def _sinc_dx(g: Array, ans: Array, x: Array) -> Array:
    """(cos u - sin(u) / u) / u with u = π x; near 0, where its digits cancel, the series."""
    u = np.pi * x
    near = np.abs(u) < 1.0
    small, far = np.where(near, u, 0.0), np.where(near, 1.0, u)
    s, series = small * small, _SERIES[0]
    for c in _SERIES[1:]:
        series = series * s + c
    return g * (np.pi * np.where(near, series * small, (np.cos(far) - ans) / far))


sinc = analytic(np.sinc, numpy=np.sinc, vjps=[_sinc_dx], latex=r"\operatorname{{sinc}}({x})")

# --- tables of pairs


def _table(pair: Any) -> Callable[..., Any]:
    """`ufunc.outer`: the operation on every element of x with every element of y."""

    def outer(x: Any, y: Any) -> Any:
        x = as_array(x)
        return pair(np.reshape(x, (*x.shape, *(1,) * np.ndim(y))), as_array(y))

    outer.__name__ = f"_{pair.name}_outer"
    return spells(pair.numpy[0].outer)(outer)


for _pair in (add, subtract, multiply, divide, maximum, minimum):
    _table(_pair)
