"""compile: whatever a function sees, beside its arguments, may change between two calls, and the next one knows."""

import itertools
import math
import os
import random
import sys
import weakref
from collections.abc import Callable
from contextvars import ContextVar
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


def closed_over(module: Any) -> Callable[[Any], Any]:
    return lambda x: module.rate * x


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


def test_a_global_with_the_name_of_an_attribute_is_another_thing(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(x: Any) -> Any:
        return 2.0 * x.T

    compiled = tg.compile(f)
    for value in (1.0, 2.0, 3.0):
        monkeypatch.setitem(globals(), "T", value)
        agree(f, compiled)
    assert len(compiled.signatures) == 1


def test_the_order_of_a_dict() -> None:
    rates = {"a": 2.0, "b": 3.0}

    def f(x: Any) -> Any:
        for rate in rates.values():
            x = np.sin(rate * x)
        return x

    compiled = tg.compile(f)
    agree(f, compiled)
    before = f(X)
    rates["a"] = rates.pop("a")
    agree(f, compiled)
    assert not np.array_equal(f(X), before)


def test_an_array_that_changes_its_shape_in_place() -> None:
    x = np.arange(6.0)
    compiled = tg.compile(lambda x: x.sum(axis=0))
    assert compiled(x) == compiled(x) == 15.0
    x.resize((2, 3))
    np.testing.assert_array_equal(compiled(x), [3.0, 5.0, 7.0])


def test_an_object_among_arguments_that_changes() -> None:
    model = SimpleNamespace(rate=2.0, shift=X.copy())
    compiled = tg.compile(lambda model, x: model.rate * x + model.shift)
    for rate in (2.0, 2.0, 3.0, 3.0, 2.0):
        model.rate = rate
        model.shift += 1.0
        np.testing.assert_array_equal(compiled(model, X), rate * X + model.shift)
        np.testing.assert_array_equal(compiled(model, model.shift), rate * model.shift + model.shift)


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


def imports(x: Any) -> Any:
    from _settings_of_a_test import rate  # type: ignore[import-not-found]

    return rate * x


SETTINGS = [
    lambda x: settings.rate * x,
    lambda x: here.settings.rate * x,
    closed_over(settings),
    lambda x: getattr(settings, "rate") * x,  # noqa: B009
    lambda x: vars(settings)["rate"] * x,
    imports,
]


@pytest.mark.parametrize("f", SETTINGS)
def test_settings_of_a_module(f: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "_settings_of_a_test", settings)
    compiled = tg.compile(f)
    agree(f, compiled)
    monkeypatch.setattr(settings, "rate", 5.0)
    agree(f, compiled)


def test_functions_and_numbers_of_libraries_and_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATE", "2")

    def f(x: Any) -> Any:
        return float(os.environ["RATE"]) * tg.relu(x) + math.pi * float(os.getenv("RATE", "1")) + np.linalg.norm(x)

    compiled = tg.compile(f, strict=True)
    agree(f, compiled)
    for change in (
        lambda: monkeypatch.setenv("RATE", "3"),
        lambda: monkeypatch.setattr(tg, "relu", lambda x: 7.0 * x, raising=False),
        lambda: monkeypatch.setattr(math, "pi", 3.0),
        lambda: monkeypatch.setattr(np.linalg, "norm", lambda x: 1.0),
    ):
        change()
        agree(f, compiled)


def test_the_name_of_a_parameter() -> None:
    w = tg.Tensor([1.0], name="W")
    f = tg.compile(lambda x: x * (2.0 if w.name == "W" else 3.0), strict=True)
    agree(f.f, f)
    w.name = "b"
    agree(f.f, f)


@pytest.mark.parametrize("items", [itertools.count(1), (i for i in range(1, 9)), iter([1, 2, 3, 4]), zip(range(9))])
def test_the_next_item_of_an_iterator(items: Any) -> None:
    compiled = tg.compile(lambda x: x * np.asarray(next(items)).sum())
    with pytest.warns(RuntimeWarning, match="an iterator is advanced"):
        first = compiled(X)
    np.testing.assert_array_equal(first + X, compiled(X))
    np.testing.assert_array_equal(first + X + X, compiled(X))


def test_iterators_that_nobody_takes_from() -> None:
    ids = [itertools.count(1), iter([1])]
    agree(lambda x: x * len(ids), tg.compile(lambda x: x * len(ids), strict=True))


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


TAKEN = {
    "an element": lambda A: lambda x: x * A[0],
    "a sum": lambda A: lambda x: x * A.sum(),
    "a float": lambda A: lambda x: x * float(A[0]),
    "a branch": lambda A: lambda x: x if A[0] > 2.5 else -x,
    "a length": lambda A: lambda x: x[: int(A[0])],
    "an element in a loop": lambda A: lambda x: tg.scan(lambda h, row: (h * A[0] + row, None), 0.0, x)[0],
}


@pytest.mark.parametrize("what", TAKEN)
def test_numbers_taken_out_of_an_array_in_sight(what: str) -> None:
    A = np.array([2.0])
    f = TAKEN[what](A)
    compiled = tg.compile(f, strict=True)
    for value in (2.0, 3.0, 1.0):
        A[0] = value
        agree(f, compiled)


def test_an_array_that_the_function_itself_counts_in() -> None:
    def counting() -> Callable[..., Any]:
        calls = np.zeros(1)

        def f(x: Any) -> Any:
            calls[0] += 1
            return x * calls[0]

        return f

    f, compiled = counting(), tg.compile(counting())
    with pytest.warns(RuntimeWarning, match="writes to an array that it sees"):
        np.testing.assert_array_equal(compiled(X), f(X))
    agree(f, compiled)


def test_too_many_numbers_in_sight() -> None:
    A = np.zeros((1 << 17) + 1)
    whole = tg.compile(lambda x: (x + A[: len(A)].shape[0]).sum())
    with pytest.warns(RuntimeWarning, match="too many others"):
        whole(X)
    plain = tg.compile(lambda x: x.sum() * A, strict=True)
    plain(X)
    A[:] = 1.0
    np.testing.assert_array_equal(plain(X), np.full(A.shape, 7.0))


MINE = random.Random(0)


@pytest.mark.parametrize(
    "draw", [random.random, MINE.random, np.random.default_rng(0).random, lambda: MINE.gauss(0.0, 1.0)]
)
def test_random_numbers_of_python(draw: Callable[[], float]) -> None:
    compiled = tg.compile(lambda x: x * draw())
    with pytest.warns(RuntimeWarning, match="draws random numbers"):
        first = compiled(X)
    assert not np.array_equal(first, compiled(X))


def test_the_array_that_a_view_looks_into() -> None:
    f = tg.compile(lambda x: x.T.base * 2.0)
    for x in (np.ones((2, 3)), np.full((2, 3), 5.0)):
        np.testing.assert_array_equal(f(x), x * 2.0)


def test_attributes_of_a_function() -> None:
    def inner(x: Any) -> Any:
        return x * getattr(inner, "rate", 1.0)

    def f(x: Any) -> Any:
        return inner(x)

    compiled = tg.compile(f, strict=True)
    agree(f, compiled)
    for rate in (2.0, 3.0):
        inner.rate = rate  # type: ignore[attr-defined]
        agree(f, compiled)


def test_signs_of_complex_zeros() -> None:
    scale = [0j]
    compiled = tg.compile(lambda x: np.angle(np.full(len(x), scale[0])) + x, strict=True)
    for scale[0] in (0j, complex(-0.0, 0.0), complex(0.0, -0.0)):
        np.testing.assert_array_equal(compiled(X), np.angle(scale[0]) + X)


def test_signs_of_zeros_of_numpy() -> None:
    sign = SimpleNamespace(of=0.0)

    def f(x: Any) -> Any:
        return np.copysign(x, sign.of)

    compiled = tg.compile(f)
    for sign.of in (np.float64(0.0), np.float64(-0.0), np.float64(0.0)):
        agree(f, compiled)


def test_an_array_that_is_given_and_in_sight_is_that_one() -> None:
    known = 2.0 * X

    def f(x: Any) -> Any:
        return x - 1.0 if x is known else x * 3.0

    compiled = tg.compile(f)
    for x in (X, known, X):
        for _ in range(2):
            np.testing.assert_array_equal(compiled(x), f(x))


def test_a_parameter_that_is_given_and_in_sight_is_that_one() -> None:
    W, y = tg.Tensor(X), tg.Tensor(3.0 * X)

    def f(y: Any) -> Any:
        W.grad = y.grad = None
        (y * W * W).sum().backward()
        return W.grad, y.grad

    compiled = tg.compile(f)
    for given in (y, W, y, W):
        for _ in range(2):
            for got, want in zip(compiled(given), f(given), strict=True):
                np.testing.assert_array_equal(got, want)


def test_how_objects_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    class Scale:
        def __new__(cls) -> Any:
            return object.__new__(cls)

        def __init__(self) -> None:
            self.by = settings.rate  # type: ignore[attr-defined]

    def doubled(cls: Any) -> Any:
        made = object.__new__(cls)
        made.rate = 5.0
        return made

    def of_rate(self: Any) -> None:
        self.by = self.rate

    def f(x: Any) -> Any:
        return Scale().by * x

    compiled = tg.compile(f)
    agree(f, compiled)
    monkeypatch.setattr(settings, "rate", 3.0)
    agree(f, compiled)
    Scale.__new__, Scale.__init__ = staticmethod(doubled), of_rate  # type: ignore[method-assign, assignment]
    agree(f, compiled)


def test_what_others_look_into() -> None:
    class Holder:
        by = 2.0

    numbers, holder, asked = {"a": 2.0}, Holder(), ContextVar("asked", default=2.0)
    text, things = bytearray(b"a"), np.array([[2.0], None], dtype=object)
    seen, values, held = memoryview(text), numbers.values(), weakref.ref(holder)

    def f(x: Any) -> Any:
        return x * seen[0] * sum(values) * held().by * asked.get() * things[0][0]  # type: ignore[union-attr]

    compiled = tg.compile(f)
    agree(f, compiled)
    text[0] = 98
    agree(f, compiled)
    numbers["a"] = 3.0
    agree(f, compiled)
    holder.by = 3.0
    agree(f, compiled)
    asked.set(3.0)
    agree(f, compiled)
    things[0][0] = 3.0
    agree(f, compiled)


def test_attributes_of_an_array_and_of_a_metaclass() -> None:
    class Metres(np.ndarray[Any, Any]):
        per = 2.0

    class Meta(type):
        by = 2.0

    class Scale(metaclass=Meta):
        pass

    a = X.view(Metres)

    def f(x: Any) -> Any:
        return x * a.per * Scale.by

    compiled = tg.compile(f)
    agree(f, compiled)
    a.per = 3.0
    agree(f, compiled)
    Meta.by = 3.0
    agree(f, compiled)
