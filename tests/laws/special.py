"""Inputs for special functions: SciPy's own are the references, of an order where they have one."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from laws.cases import Beside, Case, array, shape
from laws.table import located

FAMILIES = ("iv", "ive", "jv", "kv", "kve", "yv", "zeta")  # of an order and an argument


def of_order(orders: list[float]) -> Callable[[Random], Case]:
    return lambda r: Case([array(r, shape(r), 0.25)], {}, Beside(r.choice(orders)))


COMPOSITIONS: dict[str, Any] = {name: of_order([0, 1, 0.5, 2.25]) for name in FAMILIES} | {"zeta": of_order([2, 1.5])}
DEFINITIONS: dict[str, Any] = {name: located(f"scipy.special.{name}") for name in FAMILIES}


def with_order(name: str, usual: float) -> Callable[..., Any]:
    return lambda x, order=usual: DEFINITIONS[name](order, x)


REFERENCES: dict[str, Any] = {name: with_order(name, 2.0 if name == "zeta" else 1.5) for name in FAMILIES}
