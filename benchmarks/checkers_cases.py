"""Correct functions with their rules, and the faults that are planted into the rules, for every library alike.

A function is f(xp, *xs) and a rule is rule(xp, g, *xs), one gradient for each x, with xp the library's NumPy.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

RNG = np.random.default_rng(11)


class Case(NamedTuple):
    """A correct function: `faults` are those of its own, beside the ones that fit everywhere."""

    name: str
    f: Callable[..., Any]
    rule: Callable[..., tuple]
    xs: tuple[np.ndarray, ...]
    faults: dict[str, Callable[..., tuple]] = {}  # noqa: RUF012 - never written to


def layer(xp: Any, x: Any, w: Any, b: Any) -> Any:
    return xp.tanh(x @ w + b)


def layer_rule(xp: Any, g: Any, x: Any, w: Any, b: Any) -> tuple:
    dz = g * (1 - xp.tanh(x @ w + b) ** 2)
    return dz @ w.T, x.T @ dz, xp.sum(dz, axis=0)


def _layer_fault(change: Callable[..., tuple]) -> Callable[..., tuple]:
    def rule(xp: Any, g: Any, x: Any, w: Any, b: Any) -> tuple:
        dz = g * (1 - xp.tanh(x @ w + b) ** 2)
        return change(xp, g, dz, x, w, b)

    return rule


def layer_rule_z(xp: Any, g: Any, x: Any, w: Any, b: Any) -> tuple:
    dz = g * (1 - (x @ w + b) ** 2)
    return dz @ w.T, x.T @ dz, xp.sum(dz, axis=0)


LAYER_FAULTS = {
    "transpose missing": _layer_fault(lambda xp, g, dz, x, w, b: (dz @ w, x.T @ dz, xp.sum(dz, axis=0))),
    "gradient transposed": _layer_fault(lambda xp, g, dz, x, w, b: (dz @ w.T, dz.T @ x, xp.sum(dz, axis=0))),
    "sum of a broadcast missing": _layer_fault(lambda xp, g, dz, x, w, b: (dz @ w.T, x.T @ dz, dz)),
    "mean for sum": _layer_fault(lambda xp, g, dz, x, w, b: (dz @ w.T, x.T @ dz, xp.sum(dz, axis=0) / 4)),
    "activation forgotten": _layer_fault(lambda xp, g, dz, x, w, b: (g @ w.T, x.T @ g, xp.sum(g, axis=0))),
    "z for a": layer_rule_z,
    "one argument zero": _layer_fault(lambda xp, g, dz, x, w, b: (dz @ w.T, x.T @ dz, 0 * b)),
}


DATA, TARGET = RNG.normal(size=(20, 4)), RNG.normal(size=20)


def cost(xp: Any, w: Any) -> Any:
    return xp.sum((DATA @ w - TARGET) ** 2) / 20 + 0.05 * xp.sum(w * w)


def cost_rule(xp: Any, g: Any, w: Any) -> tuple:
    return (g * (2 * DATA.T @ (DATA @ w - TARGET) / 20 + 0.1 * w),)


COST_FAULTS = {
    "1/m missing": lambda xp, g, w: (g * (2 * DATA.T @ (DATA @ w - TARGET) + 0.1 * w),),
    "1/m twice": lambda xp, g, w: (g * (2 * DATA.T @ (DATA @ w - TARGET) / 400 + 0.1 * w),),
    "regulariser forgotten": lambda xp, g, w: (g * 2 * DATA.T @ (DATA @ w - TARGET) / 20,),
    "off by one": lambda xp, g, w: (xp.roll(cost_rule(xp, g, w)[0], 1),),
}

CUBE_FAULTS = {
    "wrong for negative inputs": lambda xp, g, x: (g * 3 * x * xp.abs(x),),
    "wrong for large inputs": lambda xp, g, x: (g * xp.where(x > 3, 6 * x**2, 3 * x**2),),
    "value for argument": lambda xp, g, x: (g * 3 * (x**3) ** 2,),
    "cotangent forgotten": lambda xp, g, x: (3 * x**2,),
    "wrong dtype": lambda xp, g, x: ((g * 3 * x**2).astype("float32"),),
}

TIES = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [0.5, 4.0, -1.0]])
SCALES = np.array([1e-8, 1e-4, 1.0, 1e4, 1e8])


def _shared(xp: Any, g: Any, x: Any) -> tuple:
    best = xp.where(x == xp.max(x, axis=1, keepdims=True), 1.0, 0.0)
    return (g[:, None] * best / xp.sum(best, axis=1, keepdims=True),)


def _doubled(xp: Any, g: Any, x: Any) -> tuple:
    return (g[:, None] * xp.where(x == xp.max(x, axis=1, keepdims=True), 1.0, 0.0),)


def _softmax(xp: Any, x: Any, axis: int) -> Any:
    e = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    return e / xp.sum(e, axis=axis, keepdims=True)


def _log_sum_exp(xp: Any, x: Any) -> Any:
    top = xp.max(x, axis=1, keepdims=True)
    return xp.log(xp.sum(xp.exp(x - top), axis=1)) + top[:, 0]


def _noisy(xp: Any, x: Any) -> Any:
    return xp.sum(xp.sin(x)) + 1e-7 * xp.sum(xp.sin(1e10 * x))


LAYER = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 3)), RNG.normal(size=3)
CASES = [
    Case("layer tanh(x @ w + b)", layer, layer_rule, LAYER, LAYER_FAULTS),
    Case("cost with 1/m and a regulariser", cost, cost_rule, (RNG.normal(size=4),), COST_FAULTS),
    Case("product x * y", lambda xp, x, y: x * y, lambda xp, g, x, y: (g * y, g * x),
         (RNG.normal(size=5), RNG.normal(size=5)), {"exchanged": lambda xp, g, x, y: (g * x, g * y)}),
    Case("cube, negative and large", lambda xp, x: x**3, lambda xp, g, x: (g * 3 * x**2,),
         (np.array([-2.0, -0.3, 0.7, 1.5, 5.0]),), CUBE_FAULTS),
    Case("log-sum-exp of rows", _log_sum_exp, lambda xp, g, x: (g[:, None] * _softmax(xp, x, 1),),
         (RNG.normal(size=(3, 3)),), {"wrong axis": lambda xp, g, x: (g[:, None] * _softmax(xp, x, 0),)}),
    Case("log at 1e-8 ... 1e8", lambda xp, x: xp.log(x), lambda xp, g, x: (g / x,), (SCALES,),
         {"wrong where it is small": lambda xp, g, x: (xp.where(x > 1e3, 2.0, 1.0) * g / x,)}),
    Case("squares of 1e8", lambda xp, x: x * x, lambda xp, g, x: (2 * g * x,), (1e8 * np.array([1.0, -2.0, 0.5]),)),
    Case("squares of 1e-8", lambda xp, x: x * x, lambda xp, g, x: (2 * g * x,), (1e-8 * np.array([1.0, -2.0, 0.5]),)),
    Case("steep: sin(1e4 x)", lambda xp, x: xp.sin(1e4 * x), lambda xp, g, x: (g * 1e4 * xp.cos(1e4 * x),),
         (np.array([0.1, 0.73, -0.4]),)),
    Case("at a tie: max of rows", lambda xp, x: xp.max(x, axis=1), _shared, (TIES,), {"wrong at ties": _doubled}),
    Case("at a kink: relu with a 0", lambda xp, x: xp.maximum(x, 0.0), lambda xp, g, x: (g * (x > 0),),
         (np.array([-1.0, 0.0, 0.5, 2.0]),), {"leaking": lambda xp, g, x: (g * xp.where(x > 0, 1.0, 0.01),)}),
    Case("beside a kink: |x| at 1e-7", lambda xp, x: xp.abs(x), lambda xp, g, x: (g * xp.sign(x),),
         (np.array([1e-7, -1.0, 2.0]),)),
    Case("noisy: sin and 1e-7 of noise", _noisy, lambda xp, g, x: (g * xp.cos(x),), (RNG.normal(size=5),)),
    Case("layer in float32", layer, layer_rule, tuple(x.astype(np.float32) for x in LAYER)),
]  # fmt: skip


def _scaled(rule: Callable[..., tuple], factor: float) -> Callable[..., tuple]:
    return lambda xp, g, *xs: tuple(factor * d for d in rule(xp, g, *xs))


EVERYWHERE = {"zero": 0.0, "sign": -1.0, "factor 2": 2.0, "factor 1.001": 1.001}


def faults() -> list[Case]:
    """Every case with each fault that fits it."""
    found = []
    for case in CASES:
        rules = {name: _scaled(case.rule, factor) for name, factor in EVERYWHERE.items()} | case.faults
        found += [case._replace(name=f"{case.name}: {name}", rule=rule) for name, rule in rules.items()]
    return found
