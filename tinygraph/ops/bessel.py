"""Bessel's functions of the first and second kind and the modified ones, plain and scaled. Their values are SciPy's.

They are differentiable by their argument. The order is a number, or an array of numbers, and has no derivative.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from tinygraph.op import POSITIVE, Array, Borrowed, Kink, Op, spells
from tinygraph.ops.elementwise import elementwise

__all__ = [
    "i0", "i0e", "i1", "i1e", "iv", "ive", "j0", "j1", "jv",
    "k0", "k0e", "k1", "k1e", "kv", "kve", "y0", "y1", "yv",
]  # fmt: skip

of_order = partial(elementwise, domain=[POSITIVE])  # of another order than a whole one they are not real below 0

# --- of any order


def _jv(x: Array, order: Any = 1.5) -> Array:
    return _scipy_jv(order, x)


def _yv(x: Array, order: Any = 1.5) -> Array:
    return _scipy_yv(order, x)


def _iv(x: Array, order: Any = 1.5) -> Array:
    return _scipy_iv(order, x)


def _kv(x: Array, order: Any = 1.5) -> Array:
    return _scipy_kv(order, x)


def _ive(x: Array, order: Any = 1.5) -> Array:
    return _scipy_ive(order, x)


def _kve(x: Array, order: Any = 1.5) -> Array:
    return _scipy_kve(order, x)


_scipy_jv, _scipy_yv = Borrowed("scipy.special.jv"), Borrowed("scipy.special.yv")
_scipy_iv, _scipy_ive = Borrowed("scipy.special.iv"), Borrowed("scipy.special.ive")
_scipy_kv, _scipy_kve = Borrowed("scipy.special.kv"), Borrowed("scipy.special.kve")

_j: Op = of_order(
    _jv,
    vjps=[lambda g, ans, x, order: g * (0.5 * (_j(x, order=order - 1) - _j(x, order=order + 1)))],
    complex=True,
    name="jv",
    symbol="J",
    latex="J({x})",
)
_y: Op = of_order(
    _yv,
    vjps=[lambda g, ans, x, order: g * (0.5 * (_y(x, order=order - 1) - _y(x, order=order + 1)))],
    complex=True,
    name="yv",
    symbol="Y",
    latex="Y({x})",
)
_i: Op = of_order(
    _iv,
    vjps=[lambda g, ans, x, order: g * (0.5 * (_i(x, order=order - 1) + _i(x, order=order + 1)))],
    complex=True,
    name="iv",
    symbol="I",
    latex="I({x})",
)
_k: Op = of_order(
    _kv,
    vjps=[lambda g, ans, x, order: -g * (0.5 * (_k(x, order=order - 1) + _k(x, order=order + 1)))],
    complex=True,
    name="kv",
    symbol="K",
    latex="K({x})",
)
_ie: Op = of_order(
    _ive,
    vjps=[lambda g, ans, x, order: g * (0.5 * (_ie(x, order=order - 1) + _ie(x, order=order + 1)) - np.sign(x) * ans)],
    name="ive",
    latex=r"e^{{-|{x}|}} I({x})",
)
_ke: Op = of_order(
    _kve,
    vjps=[lambda g, ans, x, order: g * (ans - 0.5 * (_ke(x, order=order - 1) + _ke(x, order=order + 1)))],
    complex=True,
    name="kve",
    latex="e^{{{x}}} K({x})",
)


@spells("scipy.special.jv")
def jv(v: Any, z: Any) -> Any:
    """Bessel's function of the first kind and order v, Jᵥ(z): SciPy's.

    Example:
        >>> jv(0.5, np.array([1.0])).round(6)
        array([0.671397])
    """
    return _j(z, order=v)


@spells("scipy.special.yv")
def yv(v: Any, z: Any) -> Any:
    """Bessel's function of the second kind and order v, Yᵥ(z): SciPy's.

    Example:
        >>> yv(0.5, np.array([1.0])).round(6)
        array([-0.431099])
    """
    return _y(z, order=v)


@spells("scipy.special.iv")
def iv(v: Any, z: Any) -> Any:
    """The modified Bessel function of the first kind and order v, Iᵥ(z): SciPy's.

    Example:
        >>> iv(0.5, np.array([1.0])).round(6)
        array([0.937675])
    """
    return _i(z, order=v)


@spells("scipy.special.kv")
def kv(v: Any, z: Any) -> Any:
    """The modified Bessel function of the second kind and order v, Kᵥ(z): SciPy's.

    Example:
        >>> kv(0.5, np.array([1.0])).round(6)
        array([0.461069])
    """
    return _k(z, order=v)


@spells("scipy.special.ive")
def ive(v: Any, z: Any) -> Any:
    """exp(-|z|) Iᵥ(z), which does not overflow: SciPy's.

    Example:
        >>> ive(0.5, np.array([1000.0])).round(6)
        array([0.012616])
    """
    return _ie(z, order=v)


@spells("scipy.special.kve")
def kve(v: Any, z: Any) -> Any:
    """exp(z) Kᵥ(z), which does not underflow: SciPy's.

    Example:
        >>> kve(0.5, np.array([1000.0])).round(6)
        array([0.039633])
    """
    return _ke(z, order=v)


# --- of order 0 and 1. Those of order 2 stand for quotients by x, which 0 has none of.

j0 = elementwise(
    "scipy.special.j0",
    vjps=[lambda g, ans, x: -g * j1(x)],
    symbol="J₀",
    latex="J_0({x})",
    doc="""J₀(x): SciPy's.

    Example:
        >>> j0(np.array([0.0, 1.0])).round(6)
        array([1.      , 0.765198])
    """,
)
j1: Op = elementwise(
    "scipy.special.j1",
    vjps=[lambda g, ans, x: g * (0.5 * (j0(x) - _j(x, order=2.0)))],
    symbol="J₁",
    latex="J_1({x})",
    doc="""J₁(x): SciPy's.

    Example:
        >>> j1(np.array([0.0, 1.0])).round(6)
        array([0.      , 0.440051])
    """,
)
y0 = elementwise(
    "scipy.special.y0",
    vjps=[lambda g, ans, x: -g * y1(x)],
    domain=[POSITIVE],
    symbol="Y₀",
    latex="Y_0({x})",
    doc="""Y₀(x): SciPy's.

    Example:
        >>> y0(np.array([1.0])).round(6)
        array([0.088257])
    """,
)
y1: Op = elementwise(
    "scipy.special.y1",
    vjps=[lambda g, ans, x: g * (0.5 * (y0(x) - _y(x, order=2.0)))],
    domain=[POSITIVE],
    symbol="Y₁",
    latex="Y_1({x})",
    doc="""Y₁(x): SciPy's.

    Example:
        >>> y1(np.array([1.0])).round(6)
        array([-0.781213])
    """,
)
i0 = elementwise(
    "scipy.special.i0",
    numpy=np.i0,
    vjps=[lambda g, ans, x: g * i1(x)],
    symbol="I₀",
    latex="I_0({x})",
    doc="""I₀(x): SciPy's.

    Example:
        >>> i0(np.array([0.0, 1.0])).round(6)
        array([1.      , 1.266066])
    """,
)
i1: Op = elementwise(
    "scipy.special.i1",
    vjps=[lambda g, ans, x: g * (0.5 * (i0(x) + _i(x, order=2.0)))],
    symbol="I₁",
    latex="I_1({x})",
    doc="""I₁(x): SciPy's.

    Example:
        >>> i1(np.array([0.0, 1.0])).round(6)
        array([0.      , 0.565159])
    """,
)
k0 = elementwise(
    "scipy.special.k0",
    vjps=[lambda g, ans, x: -g * k1(x)],
    domain=[POSITIVE],
    symbol="K₀",
    latex="K_0({x})",
    doc="""K₀(x): SciPy's.

    Example:
        >>> k0(np.array([1.0])).round(6)
        array([0.421024])
    """,
)
k1: Op = elementwise(
    "scipy.special.k1",
    vjps=[lambda g, ans, x: -g * (0.5 * (k0(x) + _k(x, order=2.0)))],
    domain=[POSITIVE],
    symbol="K₁",
    latex="K_1({x})",
    doc="""K₁(x): SciPy's.

    Example:
        >>> k1(np.array([1.0])).round(6)
        array([0.601907])
    """,
)

# --- scaled

i0e = elementwise(
    "scipy.special.i0e",
    vjps=[lambda g, ans, x: g * (i1e(x) - np.sign(x) * ans)],
    kinks=[Kink("x = 0", lambda x: x, "0, at the maximum")],
    latex=r"e^{{-|{x}|}} I_0({x})",
    doc="""exp(-|x|) I₀(x), which does not overflow: SciPy's.

    Example:
        >>> i0e(np.array([0.0, 1000.0])).round(6)
        array([1.      , 0.012617])
    """,
)
i1e: Op = elementwise(
    "scipy.special.i1e",
    vjps=[lambda g, ans, x: g * (0.5 * (i0e(x) + _ie(x, order=2.0)) - np.sign(x) * ans)],
    kinks=[Kink("x = 0", lambda x: x, "1/2, the slope at both sides; it bends there")],
    latex=r"e^{{-|{x}|}} I_1({x})",
    doc="""exp(-|x|) I₁(x), which does not overflow: SciPy's.

    Example:
        >>> i1e(np.array([0.0, 1000.0])).round(6)
        array([0.      , 0.012611])
    """,
)
k0e = elementwise(
    "scipy.special.k0e",
    vjps=[lambda g, ans, x: g * (ans - k1e(x))],
    domain=[POSITIVE],
    latex="e^{{{x}}} K_0({x})",
    doc="""exp(x) K₀(x), which does not underflow: SciPy's.

    Example:
        >>> k0e(np.array([1000.0])).round(6)
        array([0.039628])
    """,
)
k1e: Op = elementwise(
    "scipy.special.k1e",
    vjps=[lambda g, ans, x: g * (ans - k0e(x) - ans / x)],  # SciPy's K₂ is NaN for a large x
    domain=[POSITIVE],
    latex="e^{{{x}}} K_1({x})",
    doc="""exp(x) K₁(x), which does not underflow: SciPy's.

    Example:
        >>> k1e(np.array([1000.0])).round(6)
        array([0.039648])
    """,
)
