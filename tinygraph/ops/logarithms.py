"""Logarithms of odds, and products with a logarithm that are 0 where their first factor is."""

from __future__ import annotations

import numpy as np

from tinygraph.op import REAL, Array
from tinygraph.ops.elementwise import elementwise

__all__ = ["logit", "xlog1py", "xlogy"]


def _logit(x: Array) -> Array:
    """Around 1/2, where the logarithms cancel, as an inverse hyperbolic tangent."""
    middle = np.abs(x - 0.5) < 0.25
    return np.where(middle, 2.0 * np.arctanh(np.where(middle, 2.0 * x - 1.0, 0.0)), np.log(x) - np.log1p(-x))


logit = elementwise(
    _logit,
    numpy="scipy.special.logit",
    vjps=[lambda g, ans, x: g / x / (1.0 - x)],
    domain=[(0.0, 1.0)],
    name="logit",
    latex=r"\operatorname{{logit}}({x})",
    doc="""The logarithm of the odds, ln(x / (1 - x)): the inverse of `sigmoid`.

    Example:
        >>> logit(np.array([0.5, 0.75])).round(6)
        array([0.      , 1.098612])
    """,
)


def _xlogy(x: Array, y: Array) -> Array:
    return x * np.log(_as_complex_as(x, np.where((x == 0) & (y == y), 1.0, y)))  # NaN stays


def _xlog1py(x: Array, y: Array) -> Array:
    return x * np.log1p(_as_complex_as(x, np.where((x == 0) & (y == y), 0.0, y)))


def _as_complex_as(x: Array, y: Array) -> Array:
    """y, complex where x is: negative numbers have a logarithm then."""
    return y + 0j if np.iscomplexobj(x) else y


# the logarithms in the rules are taken in the precision of the result, not of y

xlogy = elementwise(
    _xlogy,
    numpy="scipy.special.xlogy",
    vjps=[
        lambda g, ans, x, y: g * np.log(np.where((x == 0) & (y == 0), np.ones_like(ans), y)),
        lambda g, ans, x, y: g * (x / np.where((x == 0) & (y == 0), 1.0, y)),
    ],
    complex=True,
    domain=[REAL, (0.0, float("inf"))],
    name="xlogy",
    latex=r"{x} \ln {y}",
    doc="""x ln(y), and 0 where x is 0, whatever y is. Both its derivatives are 0 where x and y are 0.

    Example:
        >>> xlogy(np.array([0.0, 2.0]), np.array([0.0, 1.0]))
        array([0., 0.])
    """,
)
xlog1py = elementwise(
    _xlog1py,
    numpy="scipy.special.xlog1py",
    vjps=[
        lambda g, ans, x, y: g * np.log1p(np.where((x == 0) & (y == -1), np.zeros_like(ans), y)),
        lambda g, ans, x, y: g * (x / (1.0 + np.where((x == 0) & (y == -1), 0.0, y))),
    ],
    complex=True,
    domain=[REAL, (-1.0, float("inf"))],
    name="xlog1py",
    latex=r"{x} \ln(1 + {y})",
    doc="""x ln(1 + y), and 0 where x is 0, whatever y is. Both its derivatives are 0 where x is 0 and y is -1.

    Example:
        >>> xlog1py(np.array([0.0, 2.0]), np.array([-1.0, 0.0]))
        array([0., 0.])
    """,
)
