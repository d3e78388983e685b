"""compile: the arrays in arguments of every kind are handed in, each as the one that it is."""

import pickle
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygraph as tg
from tinygraph.tree import flatten

X = np.array([1.0, 2.0, 4.0])


@dataclass
class State:
    at: Any
    velocity: Any
    rate: float = 2.0
    title: str = field(default="", metadata={"static": True})


@dataclass(frozen=True, slots=True)
class Line:
    slope: Any
    offset: Any


class Metres(np.ndarray):
    """Numbers with a unit."""


class Pair(NamedTuple):
    a: Any
    b: Any


def moved(s: State) -> State:
    return State(s.at + s.rate * s.velocity, s.velocity * len(s.title))


def slopes(line: Line) -> Any:
    return tg.grad(lambda line: ((line.slope * X + line.offset) ** 2).sum())(line)


def difference(p: Any) -> Any:
    return p["a"] - 2.0 * p["b"]


def reordered(p: Any) -> Any:
    p = p.copy()
    p.move_to_end("a")
    return type(p)((key, 2.0 * x) for key, x in p.items())


CALLS = [
    (moved, lambda by: State(X * by, X, title="ab")),
    (slopes, lambda by: Line(np.array(by), np.array(1.0))),
    (lambda s: s.at.sum().data, lambda by: State(tg.Tensor(X * by), 1.0)),
    (difference, lambda by: OrderedDict(b=X * by, a=X)),
    (difference, lambda by: defaultdict(float, a=X * by, b=X)),
    (reordered, lambda by: OrderedDict(a=X * by, b=X)),
    (lambda p: p[0].b - p[0].a * p[1]["c"], lambda by: [Pair(X, X * by), OrderedDict(c=X)]),
]


@pytest.mark.parametrize(("f", "made"), CALLS)
def test_arrays_in_containers_of_every_kind_are_handed_in(f: Callable[..., Any], made: Callable[[float], Any]) -> None:
    compiled = tg.compile(f, strict=True)
    for by in (1.0, 3.0, 5.0):
        want, got = f(made(by)), compiled(made(by))
        assert type(got) is type(want)
        for w, g in zip(flatten(want)[0], flatten(got)[0], strict=True):
            np.testing.assert_array_equal(g, w)
    assert len(compiled.signatures) == 1


def test_what_a_dataclass_holds_beside_its_arrays_is_a_signature() -> None:
    compiled = tg.compile(moved)
    for rate, title in ((2.0, "ab"), (3.0, "ab"), (3.0, "abc"), (2.0, "ab")):
        state = State(X, X, rate, title)
        for want, got in zip(flatten(moved(state))[0], flatten(compiled(state))[0], strict=True):
            np.testing.assert_array_equal(got, want)
    assert len(compiled.signatures) == 3


def test_keywords_that_come_in_another_order_first() -> None:
    compiled = tg.compile(lambda a, b: a - 2.0 * b)
    for _ in range(2):
        np.testing.assert_array_equal(compiled(b=np.ones(3), a=X), X - 2.0)
        np.testing.assert_array_equal(compiled(a=X, b=np.ones(3)), X - 2.0)


@pytest.mark.parametrize("x", [X.view(Metres), np.ma.array([1.0, 2.0], mask=[False, True])])
def test_an_array_of_another_class_runs_the_function_as_it_is(x: Any) -> None:
    compiled = tg.compile(lambda x: x * x)
    with pytest.warns(RuntimeWarning, match=f"an argument is a {type(x).__name__}, and no plain array"):
        first = compiled(x)
    for got in (first, compiled(x.copy())):  # another warning would be an error
        assert type(got) is type(x)
        assert str(got) == str(x * x)
    with pytest.raises(TypeError, match="no plain array"):
        tg.compile(lambda x: x * x, strict=True)(x)


def test_an_array_that_is_given_twice_is_one_array() -> None:
    f = tg.compile(lambda x, y: x * (2.0 if x is y else 3.0), strict=True)
    for y in (X, X.copy()):
        for _ in range(2):
            np.testing.assert_array_equal(f(X, y), f.f(X, y))


def test_a_number_of_the_users_own_class() -> None:
    class Rate(float):
        power: float

    rate = Rate(2.0)
    f = tg.compile(lambda x, rate: x * rate**rate.power, strict=True)
    for rate.power in (1.0, 3.0):
        np.testing.assert_array_equal(f(X, rate), X * 2.0**rate.power)


NO_STAND_INS = [
    lambda x: x * memoryview(x).nbytes,
    lambda x: np.ndarray.sum(x) * x,
    lambda x: pickle.loads(pickle.dumps(x)),
]


@pytest.mark.parametrize("f", NO_STAND_INS)
def test_what_takes_arrays_alone_runs_as_it_is(f: Callable[..., Any]) -> None:
    compiled = tg.compile(f)
    with pytest.warns(RuntimeWarning, match="cannot be given what stands for an array"):
        np.testing.assert_array_equal(compiled(X), f(X))
    np.testing.assert_array_equal(compiled(2.0 * X), f(2.0 * X))
    with pytest.raises((TypeError, pickle.PicklingError)):
        tg.compile(f, strict=True)(X)


def test_an_error_of_the_function_itself_is_told_once_and_not_of_compile() -> None:
    f = tg.compile(lambda x, i: x[i])
    for _ in range(2):
        with pytest.raises(IndexError, match="out of bounds"):
            f(X, 9)
    np.testing.assert_array_equal(f(X, 1), X[1])
    items = iter([9, 1])
    g = tg.compile(lambda x: x[next(items)])
    with pytest.raises(IndexError, match="out of bounds"):
        g(X)
    assert next(items) == 1  # one was taken, and no other


def test_whether_arrays_share_their_memory() -> None:
    f = tg.compile(lambda x, y: x + np.shares_memory(x, y))
    with pytest.warns(RuntimeWarning, match="shares its memory"):
        np.testing.assert_array_equal(f(X, X[:]), X + 1.0)
    np.testing.assert_array_equal(f(X, X.copy()), X)


def test_errors_that_numpy_makes_of_warnings_stay_errors() -> None:
    def f(x: Any) -> Any:
        with np.errstate(all="raise"):
            return np.log(x)

    compiled = tg.compile(f)
    with pytest.warns(RuntimeWarning, match=r"np\.errstate"):
        compiled(X)
    with pytest.raises(FloatingPointError):
        compiled(-X)


def test_the_text_of_an_array() -> None:
    f = tg.compile(lambda x: (str(x), x))
    with pytest.warns(RuntimeWarning, match="is printed"):
        assert f(X)[0] == str(X)


def scaled(x: Any, by: Any) -> Any:
    return x * by


RETURNS = [
    lambda x: (x.sum().item(), x),
    lambda x: [x, x.sum().item(), x.max().item()],
    lambda x: {"loss": x.sum().item(), "x": (x.min().item(), scaled(x, 2.0))},
]


@pytest.mark.parametrize("f", RETURNS)
def test_numbers_that_are_returned_beside_others(f: Callable[..., Any]) -> None:
    compiled = tg.compile(f, strict=True)
    for x in (X, -X, 3.0 * X):
        for want, got in zip(flatten(f(x))[0], flatten(compiled(x))[0], strict=True):
            assert type(got) is type(want)
            np.testing.assert_array_equal(got, want)


USES = [
    lambda x: (scaled(2.0, x.sum().item()), x),
    lambda x: (x.sum().item().real, x),
    lambda x: (x, x[x.sum().item() > 0 :]),
    lambda x: [x, x.sum().item() + 1.0],
]


@pytest.mark.parametrize("f", USES)
def test_numbers_that_are_used_first_stay_pythons(f: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=r"item\(\)"):
        tg.compile(f, strict=True)(X)
