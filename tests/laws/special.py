"""Inputs for special functions: SciPy's own are the references, of an order where they have one."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from laws.cases import Beside, Case, array, shape
from laws.table import located

FAMILIES = ("iv", "ive", "jv", "kv", "kve", "yv", "zeta")  # of an order and an argument


def of_order(orders: list[float]) -> Callable[[Random], Case]:
    return lambda r: Case([array(r, shape(r), 0.25)], {}, Beside(r.choice(orders)))


def zeta(order: float, x: Any) -> Any:
    """SciPy's, and of complex numbers, which it does not take, four thousand terms and the integral over the others."""
    if not np.iscomplexobj(x):
        return located("scipy.special.zeta")(order, x)
    far = x + 4000.0
    terms = (np.expand_dims(x, -1) + np.arange(4000.0)) ** -order
    return terms.sum(-1) + far ** (1 - order) / (order - 1) + far**-order / 2 + order * far ** (-order - 1) / 12


COMPOSITIONS: dict[str, Any] = {name: of_order([0, 1, 0.5, 2.25]) for name in FAMILIES} | {"zeta": of_order([2, 1.5])}
DEFINITIONS: dict[str, Any] = {name: located(f"scipy.special.{name}") for name in FAMILIES} | {"zeta": zeta}


def with_order(name: str, usual: float) -> Callable[..., Any]:
    return lambda x, order=usual: DEFINITIONS[name](order, x)


REFERENCES: dict[str, Any] = {name: with_order(name, 2.0 if name == "zeta" else 1.5) for name in FAMILIES}
