"""Operations on each element: arithmetic, powers, exponentials, trigonometry, choices and roundings.

Rules are written for one element; what broadcasting repeated, the engine sums again. At a kink a rule returns 0 at a
local extremum, shares ties equally between its arguments, and else takes the finite one-sided slope.
"""

from __future__ import annotations

import operator
from functools import partial
from typing import Any

import numpy as np

from tinygraph.op import POSITIVE, REAL, Array, Kink, op, spells

__all__ = [
    "abs",
    "add",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "cbrt",
    "ceil",
    "clip",
    "cos",
    "cosh",
    "divide",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "floor_divide",
    "hypot",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "negative",
    "positive",
    "power",
    "reciprocal",
    "rint",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
    "trunc",
    "where",
]

elementwise = partial(op, kind="elementwise")
analytic = partial(elementwise, complex=True)

LN2 = 0.6931471805599453
LN10 = 2.302585092994046

# --- arithmetic. Python's operators are the forward functions: on scalars they are ten times faster than ufuncs.

add = analytic(
    operator.add,
    numpy=np.add,
    vjps=[lambda g, ans, x, y: g, lambda g, ans, x, y: g],
    symbol="+",
    latex="{x} + {y}",
)
subtract = analytic(
    operator.sub,
    numpy=np.subtract,
    vjps=[lambda g, ans, x, y: g, lambda g, ans, x, y: -g],
    symbol="−",
    latex="{x} - {y}",
)
multiply = analytic(
    operator.mul,
    numpy=np.multiply,
    vjps=[lambda g, ans, x, y: g * y, lambda g, ans, x, y: g * x],
    symbol="×",
    latex=r"{x} \cdot {y}",
)
divide = analytic(
    operator.truediv,
    numpy=np.divide,
    vjps=[lambda g, ans, x, y: g / y, lambda g, ans, x, y: -g * ans / y],
    domain=[REAL, POSITIVE],
    symbol="÷",
    latex=r"\frac{{{x}}}{{{y}}}",
)
negative = analytic(operator.neg, numpy=np.negative, vjps=[lambda g, ans, x: -g], symbol="−", latex="-{x}")
positive = analytic(operator.pos, numpy=np.positive, vjps=[lambda g, ans, x: g], symbol="+", latex="+{x}")
reciprocal = analytic(
    np.reciprocal,
    vjps=[lambda g, ans, x: -g * ans * ans],
    domain=[POSITIVE],
    symbol="1/x",
    latex=r"\frac{{1}}{{{x}}}",
)

WRAPS = Kink(
    "x / y is a whole number", lambda x, y: x / y - np.rint(x / y), "1 and -floor(x / y), the slopes beside the jump"
)

mod = elementwise(
    operator.mod,
    numpy=np.remainder,
    vjps=[lambda g, ans, x, y: g, lambda g, ans, x, y: -g * np.floor_divide(x, y)],
    domain=[REAL, POSITIVE],
    kinks=[WRAPS],
    name="mod",
    symbol="mod",
    latex=r"{x} \bmod {y}",
)


def _power_dx(g: Array, ans: Array, x: Array, y: Array) -> Array:
    if isinstance(y, int | float):
        return g * (y * x ** (y - 1)) if y else np.zeros_like(g)
    flat = (x == 0) & (y == 0)  # there 0 ** -1 must not meet a factor of 0
    return g * np.where(flat, 0.0, y * np.where(flat, 1.0, x) ** (y - 1.0))


def _power_dy(g: Array, ans: Array, x: Array, y: Array) -> Array:
    if ans.dtype.kind == "c":
        return g * (ans * np.log(np.where(x == 0, np.ones_like(ans), x)))
    slope = ans * np.log(np.where(x > 0, x, np.ones_like(ans)))  # in the precision of the result, not of x
    return g * np.where(x < 0, np.nan, slope)  # a negative base has real powers at whole exponents only


power = analytic(
    operator.pow,
    numpy=np.power,
    vjps=[_power_dx, _power_dy],
    domain=[POSITIVE, REAL],
    symbol="^",
    latex="{x}^{{{y}}}",
)
square = analytic(np.square, vjps=[lambda g, ans, x: g * (2.0 * x)], symbol="x²", latex="{x}^2")
sqrt = analytic(np.sqrt, vjps=[lambda g, ans, x: g * 0.5 / ans], domain=[POSITIVE], symbol="√", latex=r"\sqrt{{{x}}}")
cbrt = elementwise(
    np.cbrt, vjps=[lambda g, ans, x: g / (3.0 * ans * ans)], domain=[POSITIVE], symbol="∛", latex=r"\sqrt[3]{{{x}}}"
)

_FLAT = Kink("x = 0 and y = 0", lambda x, y: np.hypot(x, y), "0, the least slope at the minimum")

hypot = elementwise(
    np.hypot,
    vjps=[
        lambda g, ans, x, y: g * (x / np.where(ans == 0, 1.0, ans)),
        lambda g, ans, x, y: g * (y / np.where(ans == 0, 1.0, ans)),
    ],
    kinks=[_FLAT],
    latex=r"\sqrt{{{x}^2 + {y}^2}}",
)

# --- exponentials and logarithms

exp = analytic(np.exp, vjps=[lambda g, ans, x: g * ans], latex="e^{{{x}}}")
exp2 = analytic(np.exp2, vjps=[lambda g, ans, x: g * (LN2 * ans)], latex="2^{{{x}}}")
expm1 = analytic(np.expm1, vjps=[lambda g, ans, x: g * (ans + 1.0)], latex="e^{{{x}}} - 1")
log = analytic(np.log, vjps=[lambda g, ans, x: g / x], domain=[POSITIVE], latex=r"\ln {x}")
log2 = analytic(np.log2, vjps=[lambda g, ans, x: g / LN2 / x], domain=[POSITIVE], latex=r"\log_2 {x}")
log10 = analytic(np.log10, vjps=[lambda g, ans, x: g / LN10 / x], domain=[POSITIVE], latex=r"\log_{{10}} {x}")
log1p = analytic(np.log1p, vjps=[lambda g, ans, x: g / (1.0 + x)], domain=[(-1.0, float("inf"))], latex=r"\ln(1 + {x})")
logaddexp = elementwise(
    np.logaddexp,
    vjps=[lambda g, ans, x, y: g * np.exp(x - ans), lambda g, ans, x, y: g * np.exp(y - ans)],
    latex=r"\ln(e^{{{x}}} + e^{{{y}}})",
)
logaddexp2 = elementwise(
    np.logaddexp2,
    vjps=[lambda g, ans, x, y: g * np.exp2(x - ans), lambda g, ans, x, y: g * np.exp2(y - ans)],
    latex=r"\log_2(2^{{{x}}} + 2^{{{y}}})",
)

# --- trigonometric and hyperbolic. (1 - x)(1 + x) keeps the digits that 1 - x*x loses near its ends.

sin = analytic(np.sin, vjps=[lambda g, ans, x: g * np.cos(x)], latex=r"\sin {x}")
cos = analytic(np.cos, vjps=[lambda g, ans, x: -g * np.sin(x)], latex=r"\cos {x}")
tan = analytic(np.tan, vjps=[lambda g, ans, x: g * (1.0 + ans * ans)], latex=r"\tan {x}")
arcsin = analytic(
    np.arcsin, vjps=[lambda g, ans, x: g / np.sqrt((1.0 - x) * (1.0 + x))], domain=[(-1.0, 1.0)], latex=r"\arcsin {x}"
)
arccos = analytic(
    np.arccos, vjps=[lambda g, ans, x: -g / np.sqrt((1.0 - x) * (1.0 + x))], domain=[(-1.0, 1.0)], latex=r"\arccos {x}"
)


def _arctan_dx(g: Array, ans: Array, x: Array) -> Array:
    if x.dtype.kind == "c":
        return g / ((1.0 - 1j * x) * (1.0 + 1j * x))
    r = np.hypot(x, 1.0)  # x * x would overflow
    return g / r / r


arctan = analytic(np.arctan, vjps=[_arctan_dx], latex=r"\arctan {x}")


def _over_square(g: Array, a: Array, x: Array, y: Array) -> Array:
    half = np.hypot(0.5 * x, 0.5 * y)  # the whole radius may overflow
    half = np.where(half == 0, 1.0, half)
    return g * (0.5 * a / half / half * 0.5)


arctan2 = elementwise(
    np.arctan2,
    vjps=[lambda g, ans, x, y: _over_square(g, y, x, y), lambda g, ans, x, y: _over_square(-g, x, x, y)],
    domain=[REAL, POSITIVE],
    latex=r"\operatorname{{arctan2}}({x}, {y})",
)
sinh = analytic(np.sinh, vjps=[lambda g, ans, x: g * np.cosh(x)], latex=r"\sinh {x}")
cosh = analytic(np.cosh, vjps=[lambda g, ans, x: g * np.sinh(x)], latex=r"\cosh {x}")
tanh = analytic(np.tanh, vjps=[lambda g, ans, x: g * (1.0 - ans * ans)], latex=r"\tanh {x}")


def _arcsinh_dx(g: Array, ans: Array, x: Array) -> Array:
    return g / (np.sqrt((1.0 - 1j * x) * (1.0 + 1j * x)) if x.dtype.kind == "c" else np.hypot(x, 1.0))


arcsinh = analytic(np.arcsinh, vjps=[_arcsinh_dx], latex=r"\operatorname{{arcsinh}} {x}")
arccosh = analytic(
    np.arccosh,
    vjps=[lambda g, ans, x: g / (np.sqrt(x - 1.0) * np.sqrt(x + 1.0))],
    domain=[(1.0, float("inf"))],
    latex=r"\operatorname{{arccosh}} {x}",
)
arctanh = analytic(
    np.arctanh,
    vjps=[lambda g, ans, x: g / ((1.0 - x) * (1.0 + x))],
    domain=[(-1.0, 1.0)],
    latex=r"\operatorname{{arctanh}} {x}",
)

# --- choices

TIE = Kink("x = y", lambda x, y: x - y, "half to each argument")

maximum = analytic(
    np.maximum,
    vjps=[
        lambda g, ans, x, y: np.where(x == y, 0.5 * g, g * (x > y)),
        lambda g, ans, x, y: np.where(x == y, 0.5 * g, g * (y > x)),
    ],
    kinks=[TIE],
    symbol="max",
    latex=r"\max({x}, {y})",
)
minimum = analytic(
    np.minimum,
    vjps=[
        lambda g, ans, x, y: np.where(x == y, 0.5 * g, g * (x < y)),
        lambda g, ans, x, y: np.where(x == y, 0.5 * g, g * (y < x)),
    ],
    kinks=[TIE],
    symbol="min",
    latex=r"\min({x}, {y})",
)
where = analytic(
    np.where,
    numpy=np.where,
    vjps=[None, lambda g, ans, c, x, y: np.where(c, g, 0.0), lambda g, ans, c, x, y: np.where(c, 0.0, g)],
    domain=[REAL, REAL, REAL],
    latex=r"({x}\;?\;{y} : {z})",
)


def _bounded(x: Array, low: Array, high: Array) -> Array:
    return np.minimum(np.maximum(x, low), high)


_bounds = elementwise(
    _bounded,
    vjps=[
        lambda g, ans, x, low, high: g * ((x >= low) & (x <= high)),
        lambda g, ans, x, low, high: g * ((x < low) & (low <= high)),
        lambda g, ans, x, low, high: g * ((x > high) | (low > high)),
    ],
    kinks=[
        Kink("x at a lower bound", lambda x, low, high: x - low, "1 to x, its slope inside"),
        Kink("x at an upper bound", lambda x, low, high: x - high, "1 to x, its slope inside"),
        Kink("the bounds meet", lambda x, low, high: low - high, "the lower bound takes what is below"),
    ],
    complex=True,  # in NumPy's order, as maximum and minimum
    name="clip",
    latex=r"\operatorname{{clip}}({x}, {y}, {z})",
)


def end(dtype: Any, sign: int) -> Any:
    """What no number of a dtype lies beyond, below it or above."""
    if dtype.kind in "iu":
        return np.iinfo(dtype).min if sign < 0 else np.iinfo(dtype).max
    return sign > 0 if dtype.kind == "b" else sign * np.inf


@spells(np.clip)
def clip(x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    """Limit x to [a_min, a_max]: `np.clip`, differentiable in x and in both bounds; at a bound x keeps its slope.

    Example:
        >>> clip(np.array([-2.0, 0.5, 3.0]), 0.0, 1.0)
        array([0. , 0.5, 1. ])
    """
    low = min if a_min is None else a_min
    high = max if a_max is None else a_max
    dtype = getattr(x, "dtype", np.dtype(float))
    return _bounds(x, end(dtype, -1) if low is None else low, end(dtype, 1) if high is None else high)


def _abs_dx(g: Array, ans: Array, x: Array) -> Array:
    return g * (np.conj(x) / np.where(ans == 0, 1.0, ans) if x.dtype.kind == "c" else np.sign(x))


abs = analytic(
    operator.abs,
    numpy=[np.absolute, np.fabs],
    vjps=[_abs_dx],
    kinks=[Kink("x = 0", lambda x: x, "0, at the minimum")],
    name="abs",
    symbol="|x|",
    latex=r"\left|{x}\right|",
)

# --- steps: flat but for their jumps

_HALF = Kink("x is half-way between whole numbers", lambda x: x - np.floor(x) - 0.5, "0, the slope beside the jump")
_WHOLE = Kink("x is a whole number", lambda x: x - np.rint(x), "0, the slope beside the jump")
_step = partial(elementwise, vjps=[lambda g, ans, x: np.zeros_like(g)])


def _sign_slope(t: Array, unit: Array, x: Array) -> Array:
    """Of real numbers 0. Of complex ones, z / |z|, what of t does not lie along `unit`, over |z|; and 0 at 0."""
    if x.dtype.kind != "c":
        return np.zeros_like(t)
    across = t - unit * np.real(t * np.conj(unit))
    return np.where(x == 0, 0.0, across / np.where(x == 0, 1.0, np.abs(x)))


sign = elementwise(
    np.sign,
    vjps=[lambda g, ans, x: _sign_slope(g, np.conj(ans), x)],
    jvp=lambda tangents, ans, x: _sign_slope(tangents[0], ans, x),
    complex=bool(np.sign(2j) == 1j),  # before NumPy 2 it was the sign of the real part
    kinks=[Kink("x = 0", lambda x: x, "0, the slope beside the jump")],
)
floor = _step(np.floor, kinks=[_WHOLE], symbol="⌊x⌋", latex=r"\lfloor {x} \rfloor")
ceil = _step(np.ceil, kinks=[_WHOLE], symbol="⌈x⌉", latex=r"\lceil {x} \rceil")
trunc = _step(np.trunc, kinks=[_WHOLE])
rint = _step(np.rint, kinks=[_HALF])
floor_divide = elementwise(
    operator.floordiv,
    numpy=np.floor_divide,
    vjps=[lambda g, ans, x, y: np.zeros_like(g), lambda g, ans, x, y: np.zeros_like(g)],
    domain=[REAL, POSITIVE],
    kinks=[Kink(WRAPS.where, WRAPS.margin, "0, the slope beside the jump")],
    symbol="//",
    latex=r"\lfloor {x} / {y} \rfloor",
)
