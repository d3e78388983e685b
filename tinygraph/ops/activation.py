"""Activations, each in its numerically stable form."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.op import Array, Kink
from tinygraph.ops.elementwise import elementwise
from tinygraph.ops.shape import as_array
from tinygraph.ops.special import ndtr

__all__ = [
    "elu",
    "gelu",
    "gelu_tanh",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softplus",
    "softsign",
]


def _sigmoid(x: Array) -> Array:
    small = np.exp(-np.abs(x))  # never overflows, and keeps the digits of both tails
    return np.maximum(small, x >= 0) / (1.0 + small)  # its numerator is 1 or small; np.where branches


sigmoid = elementwise(
    _sigmoid,
    numpy="scipy.special.expit",
    vjps=[lambda g, ans, x: g * (ans * (1.0 - ans))],
    name="sigmoid",
    symbol="σ",
    latex=r"\sigma({x})",
    doc="""The logistic function 1 / (1 + exp(-x)), without overflow.

    Example:
        >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
        array([0. , 0.5, 1. ])
    """,
)
softplus = elementwise(
    lambda x: np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x))),
    vjps=[lambda g, ans, x: g * sigmoid(x)],
    name="softplus",
    latex=r"\ln(1 + e^{{{x}}})",
    doc="""ln(1 + exp(x)), without overflow; a smooth relu.

    Example:
        >>> softplus(np.array([0.0, 1000.0]))
        array([6.93147181e-01, 1.00000000e+03])
    """,
)
log_sigmoid = elementwise(
    lambda x: np.minimum(x, 0.0) - np.log1p(np.exp(-np.abs(x))),
    numpy="scipy.special.log_expit",
    vjps=[lambda g, ans, x: g * sigmoid(-x)],
    name="log_sigmoid",
    latex=r"\ln \sigma({x})",
    doc="""ln(1 / (1 + exp(-x))), without overflow.

    Example:
        >>> log_sigmoid(np.array([-1000.0, 0.0]))
        array([-1.00000000e+03, -6.93147181e-01])
    """,
)
relu = elementwise(
    lambda x: np.maximum(x, 0.0),
    vjps=[lambda g, ans, x: g * (ans > 0)],  # np.sign branches: up to ten times slower
    kinks=[Kink("x = 0", lambda x: x, "0, at the minimum")],
    name="relu",
    latex=r"\max(0, {x})",
    doc="""max(0, x); its slope at 0 is taken as 0.

    Example:
        >>> relu(np.array([-1.0, 2.0]))
        array([0., 2.])
    """,
)


def _leaky_relu(x: Array, negative_slope: float = 0.01) -> Array:
    return x * np.where(x > 0, np.ones_like(x), negative_slope)


leaky_relu = elementwise(
    _leaky_relu,
    vjps=[lambda g, ans, x, negative_slope: np.where(x > 0, g, negative_slope * g)],
    kinks=[Kink("x = 0", lambda x, negative_slope=0.01: x, "negative_slope")],
    name="leaky_relu",
    latex=r"\operatorname{{leaky}}({x})",
    doc="""x where x > 0, else negative_slope * x.

    Example:
        >>> leaky_relu(np.array([-1.0, 2.0]))
        array([-0.01,  2.  ])
    """,
)


def prelu(x: Any, weight: Any) -> Any:
    """x where x > 0, else weight * x, with a slope that is learned: He et al. (2015). It broadcasts.

    Example:
        >>> prelu(np.array([-2.0, 2.0]), np.array([0.25]))
        array([-0.5,  2. ])
    """
    x = as_array(x)
    return np.where(x > 0, x, weight * x)


_AT_ZERO = "x = 0"


def _elu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0)))


elu = elementwise(
    _elu,
    vjps=[lambda g, ans, x, alpha: g * np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0.0)))],
    kinks=[Kink(_AT_ZERO, lambda x, alpha=1.0: x, "alpha")],
    name="elu",
    latex=r"\operatorname{{elu}}({x})",
    doc="""x where x > 0, else alpha * (exp(x) - 1): Clevert et al. (2015).

    Example:
        >>> elu(np.array([-1.0, 2.0])).round(4)
        array([-0.6321,  2.    ])
    """,
)

SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772


def selu(x: Any) -> Any:
    """1.0507 * elu(x, alpha=1.6733), which keeps mean 0 and variance 1 over depth: Klambauer et al. (2017).

    Example:
        >>> selu(np.array([-1.0, 2.0])).round(4)
        array([-1.1113,  2.1014])
    """
    return SELU_SCALE * elu(x, alpha=SELU_ALPHA)


def _silu_vjp(g: Array, ans: Array, x: Array) -> Array:
    s = sigmoid(x)
    return g * (s + ans * (1.0 - s))


silu = elementwise(
    lambda x: x * _sigmoid(x),
    vjps=[_silu_vjp],
    name="silu",
    latex=r"{x} \sigma({x})",
    doc="""x * sigmoid(x), also called swish: Elfwing et al. (2017), Ramachandran et al. (2017).

    Example:
        >>> silu(np.array([-1.0, 2.0])).round(4)
        array([-0.2689,  1.7616])
    """,
)


def _mish_vjp(g: Array, ans: Array, x: Array) -> Array:
    t = np.tanh(softplus(x))
    return g * (t + x * sigmoid(x) * (1.0 - t * t))


mish = elementwise(
    lambda x: x * np.tanh(softplus.forward(x)),
    vjps=[_mish_vjp],
    name="mish",
    latex=r"\operatorname{{mish}}({x})",
    doc="""x * tanh(softplus(x)): Misra (2019).

    Example:
        >>> mish(np.array([-1.0, 2.0])).round(4)
        array([-0.3034,  1.944 ])
    """,
)
softsign = elementwise(
    lambda x: x / (1.0 + np.abs(x)),
    vjps=[lambda g, ans, x: g / (1.0 + np.abs(x)) / (1.0 + np.abs(x))],  # the square would overflow
    kinks=[Kink(_AT_ZERO, lambda x: x, "1; only the second derivative jumps")],
    name="softsign",
    latex=r"\frac{{{x}}}{{1 + |{x}|}}",
    doc="""x / (1 + |x|).

    Example:
        >>> softsign(np.array([-1.0, 3.0]))
        array([-0.5 ,  0.75])
    """,
)

# --- gelu

GELU_SCALE = 0.7978845608028654  # √(2/π)
GELU_CUBE = 0.044715


def _gelu_gate(x: Array) -> Array:
    x = np.clip(x, -10.0, 10.0)  # beyond, tanh is ±1 to the last digit; the cube would overflow
    return np.tanh(GELU_SCALE * x * (1.0 + GELU_CUBE * x * x))


def _gelu_tanh_vjp(g: Array, ans: Array, x: Array) -> Array:
    t, near = _gelu_gate(x), np.clip(x, -10.0, 10.0)
    slope = GELU_SCALE * (1.0 + 3.0 * GELU_CUBE * near * near)
    return g * (0.5 * (1.0 + t) + 0.5 * near * ((1.0 - t) * (1.0 + t)) * slope)


gelu_tanh = elementwise(
    lambda x: 0.5 * x * (1.0 + _gelu_gate(x)),
    vjps=[_gelu_tanh_vjp],
    name="gelu_tanh",
    symbol="gelu",
    latex=r"\operatorname{{gelu}}({x})",
    doc="""0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))), within 5e-4 of `gelu` and faster.

    Example:
        >>> gelu_tanh(np.array([-1.0, 2.0])).round(4)
        array([-0.1588,  1.9546])
    """,
)


def gelu(x: Any, approximate: str = "none") -> Any:
    """x Φ(x), with the normal distribution function Φ: Hendrycks and Gimpel (2016).

    Args:
        approximate: "tanh" for `gelu_tanh`; "none" for x Φ(x) itself.

    Raises:
        ValueError: another word.

    Example:
        >>> gelu(np.array([-1.0, 2.0])).round(4), gelu(np.array([-1.0, 2.0]), "tanh").round(4)
        (array([-0.1587,  1.9545]), array([-0.1588,  1.9546]))
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate={approximate!r} must be 'none' or 'tanh'")
    if approximate == "tanh":
        return gelu_tanh(x)
    x = as_array(x)
    return x * ndtr(x)


# --- made of straight pieces: flat at their bounds, as at any extremum


def _hard_tanh(x: Array, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    return np.minimum(np.maximum(x, min_val), max_val)


hard_tanh = elementwise(
    _hard_tanh,
    vjps=[lambda g, ans, x, min_val, max_val: g * ((x > min_val) & (x < max_val))],
    kinks=[
        Kink("x = min_val", lambda x, min_val=-1.0, max_val=1.0: x - min_val, "0, at the minimum"),
        Kink("x = max_val", lambda x, min_val=-1.0, max_val=1.0: x - max_val, "0, at the maximum"),
    ],
    name="hard_tanh",
    latex=r"\operatorname{{clip}}({x}, -1, 1)",
    doc="""x, but no less than min_val and no more than max_val; flat at both, where `clip` keeps its slope.

    Example:
        >>> hard_tanh(np.array([-3.0, 0.5, 3.0]))
        array([-1. ,  0.5,  1. ])
    """,
)


def relu6(x: Any) -> Any:
    """min(max(0, x), 6).

    Example:
        >>> relu6(np.array([-1.0, 2.0, 8.0]))
        array([0., 2., 6.])
    """
    return hard_tanh(x, min_val=0.0, max_val=6.0)


def hard_sigmoid(x: Any) -> Any:
    """relu6(x + 3) / 6, a sigmoid of straight pieces.

    Example:
        >>> hard_sigmoid(np.array([-3.0, 0.0, 1.5]))
        array([0.  , 0.5 , 0.75])
    """
    return relu6(as_array(x) + 3.0) / 6.0


def hard_swish(x: Any) -> Any:
    """x * hard_sigmoid(x): Howard et al., Searching for MobileNetV3 (2019).

    Example:
        >>> hard_swish(np.array([-4.0, 1.0, 4.0])).round(4)
        array([-0.    ,  0.6667,  4.    ])
    """
    x = as_array(x)
    return x * hard_sigmoid(x)
