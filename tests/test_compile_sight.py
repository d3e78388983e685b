"""compile: whatever a function sees, beside its arguments, may change between two calls, and the next one knows."""

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tinygraph as tg

X = np.array([1.0, 2.0, 4.0])
here = ModuleType("here")
here.settings = settings = ModuleType("here.settings")  # type: ignore[attr-defined]
settings.rate = 2.0  # type: ignore[attr-defined]


def scaled(x: Any, by: Any = 2.0, *, plus: Any = 0.0) -> Any:
    return by * x + plus


def moved_from(x: Any) -> Any:
    return x - 3.0


def agree(f: Callable[..., Any], compiled: Any) -> None:
    """Two calls: the second one runs what the first has recorded."""
    for _ in range(2):
        np.testing.assert_array_equal(compiled(X), f(X))


def test_code_and_defaults_of_a_function_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(x: Any) -> Any:
        return scaled(np.exp(x))

    compiled = tg.compile(f)
    agree(f, compiled)
    for name, value in (("__defaults__", (3.0,)), ("__kwdefaults__", {"plus": 1.0})):
        monkeypatch.setattr(scaled, name, value)
        agree(f, compiled)
    monkeypatch.setitem(scaled.__kwdefaults__, "plus", 5.0)  # type: ignore[arg-type]
    agree(f, compiled)
    monkeypatch.setattr(scaled, "__code__", moved_from.__code__)
    agree(f, compiled)
    np.testing.assert_array_equal(compiled(X), np.exp(X) - 3.0)


def test_a_variable_that_is_unbound_for_a_while() -> None:
    rate = 2.0

    def f(x: Any) -> Any:
        return rate * x

    compiled = tg.compile(f)
    agree(f, compiled)
    del rate
    with pytest.raises(NameError, match="rate"):
        compiled(X)
    rate = 3.0
    agree(f, compiled)


@pytest.mark.parametrize("f", [lambda x: settings.rate * x, lambda x: here.settings.rate * x])
def test_settings_of_a_module(f: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = tg.compile(f)
    agree(f, compiled)
    monkeypatch.setattr(settings, "rate", 5.0)
    agree(f, compiled)


def test_things_that_move_from_one_container_to_another() -> None:
    first, second, has = [2.0, 3.0], [5.0], SimpleNamespace(a=7.0)

    def f(x: Any) -> Any:
        return sum(first) * x + len(second) * x**2 + sum(vars(has).values()) * x**3 + ("b" in vars(has))

    compiled = tg.compile(f)
    agree(f, compiled)
    second.insert(0, first.pop())
    agree(f, compiled)
    has.b = has.a
    del has.a
    agree(f, compiled)
    vars(has)["c"] = second.pop()
    agree(f, compiled)


def test_one_is_not_true_nor_one_point_zero() -> None:
    table = {"n": 1}

    def f(x: Any) -> Any:
        return np.full(len(x), table["n"]) + x.astype(np.float32)

    compiled = tg.compile(f)
    for n in (1, True, 1.0, np.float32(1.0)):
        table["n"] = n
        for _ in range(2):
            assert compiled(X).dtype == f(X).dtype
