"""Euler's gamma and beta functions and what their derivatives are made of. Their values are SciPy's."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from tinygraph.op import POSITIVE, Array, Borrowed, Op, spells
from tinygraph.ops.elementwise import elementwise

__all__ = ["beta", "betaln", "digamma", "gamma", "gammaln", "polygamma", "zeta"]

_hurwitz = Borrowed("scipy.special.zeta")


FAR = 16.0  # from here on the terms below are each a hundredth of the one before
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798)


def _zeta(x: Array, order: Any = 2.0) -> Array:
    return _complex_zeta(x, order) if np.iscomplexobj(x) else _hurwitz(order, x)


def _complex_zeta(x: Array, order: Any) -> Array:
    """The first terms, until x is far, and Euler's and Maclaurin's formula for the sum of the others (DLMF 25.11.5)."""
    total = 0.0 * x
    near = np.where(np.isfinite(x), np.real(x), FAR)
    for _ in range(int(np.ceil(FAR - np.min(near, initial=FAR)))):
        total = total + x**-order
        x = x + 1.0
    term = 0.5 * order * x ** (-order - 1.0)
    total = total + x ** (1.0 - order) / (order - 1.0) + 0.5 * x**-order
    for j, b in enumerate(BERNOULLI, 1):
        total = total + b * term
        term = term * ((order + 2 * j - 1) * (order + 2 * j) / ((2 * j + 1) * (2 * j + 2))) / (x * x)
    return total


_zetas: Op = elementwise(
    _zeta,
    vjps=[lambda g, ans, x, order: -g * order * _zetas(x, order=order + 1)],
    complex=True,
    domain=[POSITIVE],
    name="zeta",
    symbol="ζ",
    latex=r"\zeta({x})",
)


@spells("scipy.special.zeta", "scipy.special._ufuncs._zeta")
def zeta(x: Any, q: Any) -> Any:
    """Hurwitz's zeta function Σ 1 / (k + q)ˣ over k = 0, 1, 2, ...: SciPy's; differentiable by q, also a complex one.

    Example:
        >>> zeta(2.0, np.array([1.0, 2.0])).round(6)
        array([1.644934, 0.644934])
    """
    return _zetas(q, order=x)


digamma = elementwise(
    "scipy.special.digamma",
    vjps=[lambda g, ans, x: g * _zetas(x, order=2.0)],
    complex=True,
    domain=[POSITIVE],
    symbol="ψ",
    latex=r"\psi({x})",
    doc="""The derivative of ln Γ(x): SciPy's.

    Example:
        >>> digamma(np.array([1.0, 2.0])).round(6)
        array([-0.577216,  0.422784])
    """,
)
gammaln = elementwise(
    "scipy.special.gammaln",
    vjps=[lambda g, ans, x: g * digamma(x)],
    domain=[POSITIVE],
    symbol="ln Γ",
    latex=r"\ln \left|\Gamma({x})\right|",
    doc="""ln |Γ(x)|, which does not overflow: SciPy's.

    Example:
        >>> gammaln(np.array([1.0, 5.0])).round(6)
        array([0.      , 3.178054])
    """,
)
gamma = elementwise(
    "scipy.special.gamma",
    vjps=[lambda g, ans, x: g * ans * digamma(x)],
    complex=True,
    domain=[POSITIVE],
    symbol="Γ",
    latex=r"\Gamma({x})",
    doc="""Γ(x), which is (x - 1)! of a whole number: SciPy's.

    Example:
        >>> gamma(np.array([1.0, 5.0]))
        array([ 1., 24.])
    """,
)
betaln = elementwise(
    "scipy.special.betaln",
    vjps=[
        lambda g, ans, x, y: g * (digamma(x) - digamma(x + y)),
        lambda g, ans, x, y: g * (digamma(y) - digamma(x + y)),
    ],
    domain=[POSITIVE, POSITIVE],
    symbol="ln B",
    latex=r"\ln B({x}, {y})",
    doc="""ln B(x, y), which does not underflow: SciPy's.

    Example:
        >>> betaln(np.array([1.0, 2.0]), 2.0).round(6)
        array([-0.693147, -1.791759])
    """,
)
beta = elementwise(
    "scipy.special.beta",
    vjps=[
        lambda g, ans, x, y: g * ans * (digamma(x) - digamma(x + y)),
        lambda g, ans, x, y: g * ans * (digamma(y) - digamma(x + y)),
    ],
    domain=[POSITIVE, POSITIVE],
    symbol="B",
    latex="B({x}, {y})",
    doc="""B(x, y) = Γ(x) Γ(y) / Γ(x + y): SciPy's.

    Example:
        >>> beta(np.array([1.0, 2.0]), 2.0).round(6)
        array([0.5     , 0.166667])
    """,
)


def polygamma(n: int, x: Any) -> Any:
    """The n-th derivative of digamma, (-1)ⁿ⁺¹ n! ζ(n + 1, x), for a whole number n.

    Example:
        >>> polygamma(1, np.array([1.0])).round(6)
        array([1.644934])
    """
    n = operator.index(n)
    if n < 0:
        raise ValueError(f"polygamma: there is no derivative of order {n}")
    if n == 0:
        return digamma(x)
    return np.multiply(math.factorial(n) * (-1.0) ** (n + 1), zeta(n + 1.0, x))
