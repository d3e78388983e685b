"""compile: later calls run the program and give what the function itself gives; what would be stale is not compiled."""

import copy
import pickle
import sys
import threading
import warnings
from array import array
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.tree import flatten

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
RATE = 0.5
TABLE = np.array([1.0, 2.0, 3.0])


def agree(f: Callable[..., Any], compiled: Any, *args: Any) -> None:
    """Three calls of the compiled function give what f gives, to the bit, and in the same kinds of array."""
    for _ in range(3):
        for want, got in zip(flatten(f(*args))[0], flatten(compiled(*args))[0], strict=True):
            assert type(want) is type(got)
            want, got = (y.data if isinstance(y, tg.Tensor) else y for y in (want, got))
            assert np.asarray(want).dtype == np.asarray(got).dtype
            np.testing.assert_array_equal(want, got)


def is_compiled(compiled: Any, signatures: int = 1) -> None:
    assert len(compiled.signatures) == signatures, compiled.signatures
    assert all(s.endswith(": compiled") for s in compiled.signatures), compiled.signatures


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """work(0), work(1) and so on, at the same time."""
    threads = [threading.Thread(target=work, args=(k,)) for k in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def stays_eager(f: Callable[..., Any], *args: Any, match: str) -> Any:
    """f says once why it is not compiled, goes on right, and raises if it must be compiled."""
    compiled = tg.compile(f)
    with pytest.warns(RuntimeWarning, match=match) as said:
        compiled(*args)
    compiled(*args)  # another warning would be an error
    assert len(said) == 1
    assert said[0].filename == __file__
    with pytest.raises(TypeError, match=match):
        tg.compile(f, strict=True)(*args)
    return compiled


def tree_loss(p: Any, x: Any) -> Any:
    return ((np.tanh(x @ p["W"] + p["b"][0])) ** 2).mean()


# --- what is compiled


def test_forward_pass_of_arrays() -> None:
    def f(x: Any, y: Any) -> Any:
        return np.exp(x) @ y.T + 1.0

    compiled = tg.compile(f)
    agree(f, compiled, X, X + 1.0)
    is_compiled(compiled)
    assert isinstance(compiled(X, X), np.ndarray)


def test_gradient_and_value_over_nested_arguments() -> None:
    p = {"W": np.ones((3, 2)), "b": [np.zeros(2)]}
    for f in (tg.grad(tree_loss), tg.value_and_grad(tree_loss)):
        compiled = tg.compile(f)
        agree(f, compiled, p, X)
        agree(f, compiled, {"W": np.full((3, 2), 0.3), "b": [np.ones(2)]}, X + 1.0)
        is_compiled(compiled)


def test_jvp_hvp_and_the_gradient_of_a_gradient() -> None:
    def f(x: Any) -> Any:
        return (np.sin(x) * x).sum()

    def product(x: Any, v: Any) -> Any:
        return tg.hvp(f, (x,), (v,))

    def second(x: Any) -> Any:
        return tg.grad(lambda x: (tg.grad(f)(x) ** 2).sum())(x)

    for g, args in ((product, (X, X + 1)), (second, (X,)), (lambda x, v: tg.jvp(f, (x,), (v,)), (X, X + 1))):
        compiled = tg.compile(g)
        agree(g, compiled, *args)
        agree(g, compiled, *(a + 0.25 for a in args))
        is_compiled(compiled)


def test_parameters_that_are_closed_over_are_read_afresh() -> None:
    w = tg.Tensor(np.ones(3), name="w")

    def f(x: Any) -> Any:
        with tg.no_grad():
            return np.tanh(x @ w)

    compiled = tg.compile(f)
    agree(f, compiled, X)
    w.data[...] = 2.0
    agree(f, compiled, X)
    w.data = np.array([3.0, -1.0, 0.0])
    agree(f, compiled, X)
    w.data -= 1.0
    agree(f, compiled, X)
    is_compiled(compiled)


def test_a_layer_that_is_passed_or_closed_over() -> None:
    net = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 1, rng=1))

    def closed(x: Any) -> Any:
        return net(x)

    def passed(net: Any, x: Any) -> Any:
        return net(x)

    with tg.no_grad():
        for f, args in ((closed, (X,)), (passed, (net, X)), (net, (X,))):
            compiled = tg.compile(f)
            agree(f, compiled, *args)
            is_compiled(compiled)
            for p in net.parameters():
                p.data += 0.5
            agree(f, compiled, *args)
            is_compiled(compiled)


def test_gradient_of_a_network_by_functional_call() -> None:
    net = nn.Sequential(nn.Linear(3, 4, rng=0), nn.ReLU(), nn.Linear(4, 2, rng=1))
    p = {name: t.data for name, t in net.named_parameters()}
    y = np.array([1, 0])
    f = tg.value_and_grad(lambda p, x, y: tg.cross_entropy(nn.functional_call(net, p, x), y))
    compiled = tg.compile(f)
    agree(f, compiled, p, X, y)
    agree(f, compiled, p, X, 1 - y)
    is_compiled(compiled)


def test_integers_and_comparisons_of_traced_arrays_are_part_of_the_program() -> None:
    def f(x: Any) -> Any:
        best = np.argmax(x, axis=1)
        return np.where(x > 0.3, x, np.sign(x)), best, (x > 0).sum(), x[np.arange(2), best]

    compiled = tg.compile(f)
    agree(f, compiled, X)
    agree(f, compiled, -X)
    is_compiled(compiled)


def test_data_and_numpy_of_a_tensor_are_part_of_the_program() -> None:
    f = tg.grad(lambda x: (x * (x.data > 0) * x.numpy().max()).sum())
    compiled = tg.compile(f)
    agree(f, compiled, X)
    agree(f, compiled, -X)
    is_compiled(compiled)


def test_no_call_changes_what_another_has_returned() -> None:
    compiled = tg.compile(lambda x: (x + 1.0, np.zeros_like(x), x))
    first = [y.copy() for y in compiled(X)]
    kept = compiled(X)
    kept[0][...] = 7.0
    kept[1][...] = 7.0
    again = compiled(X)
    assert again[2] is X
    for y, z in zip(first, again, strict=True):
        np.testing.assert_array_equal(y, z)
    assert not np.shares_memory(again[0], kept[0])


def test_arrays_that_do_not_depend_on_the_arguments_are_the_callers_own() -> None:
    compiled = tg.compile(lambda x: (np.zeros(2), x))
    for _ in range(4):
        zeros, _ = compiled(X)
        np.testing.assert_array_equal(zeros, [0.0, 0.0])
        zeros += 1.0
    is_compiled(compiled)


@pytest.mark.parametrize("made", [lambda: {1, 2}, lambda: bytearray(b"a"), SimpleNamespace, lambda: tg.Tensor(X)])
def test_what_the_function_makes_anew_is_made_anew(made: Any) -> None:
    compiled = tg.compile(lambda x: (made(), x * 2.0))
    with pytest.warns(RuntimeWarning, match="is made by the function and returned"):
        found = [compiled(X)[0] for _ in range(4)]
    assert len({*map(id, found)}) == 4


def test_gradients_are_arrays_of_their_own() -> None:
    compiled = tg.compile(tg.grad(lambda p: (p["a"] + p["b"]).sum()))
    p = {"a": np.ones(3), "b": np.ones(3)}
    for _ in range(3):
        g = compiled(p)
        g["a"] += 1.0
        np.testing.assert_array_equal(g["b"], np.ones(3))


def test_branches_in_python_on_plain_values_are_signatures() -> None:
    def f(x: Any, power: int, up: bool = True) -> Any:
        for _ in range(power):
            x = x * 2.0 if up else x / 2.0
        return x

    compiled = tg.compile(f)
    for args in ((X, 1), (X, 3), (X, 3, False), (X, 1), (X, 1.0 and 1, True)):
        agree(f, compiled, *args)
    assert len(compiled.signatures) == 4


def test_shapes_dtypes_and_layouts_are_signatures() -> None:
    def f(x: Any) -> Any:
        return (x * x.shape[0]).sum(axis=0) / x.size

    compiled = tg.compile(f)
    for x in (X, X[:1], X.astype(np.float32), np.asfortranarray(X), X[:, ::2], np.zeros((1, 0))):
        agree(f, compiled, x)
    is_compiled(compiled, 6)


@pytest.mark.parametrize("x", [np.array(2.0), np.float32(2.0), np.zeros((0, 3)), np.ones((2, 3), np.float32)])
def test_odd_shapes_and_precisions(x: Any) -> None:
    f = tg.value_and_grad(lambda x: (np.sin(x) * x + 1.0).sum())
    compiled = tg.compile(f)
    agree(f, compiled, x)
    is_compiled(compiled)


def test_python_numbers_are_told_apart() -> None:
    compiled = tg.compile(lambda x, c: x * c)
    assert compiled(np.ones(2, np.float32), 2).dtype == np.float32
    assert np.signbit(compiled(X, 0.0)).sum() == (X < 0).sum()
    assert np.signbit(compiled(X, -0.0)).sum() == (X > 0).sum()
    assert compiled(np.array([3]), True).dtype == np.int64
    assert compiled(np.array([3]), 1.0).dtype == np.float64


def test_keywords_in_any_order() -> None:
    compiled = tg.compile(lambda *, x, y: x - y)
    for _ in range(2):
        np.testing.assert_array_equal(compiled(x=X, y=2 * X), -X)
        np.testing.assert_array_equal(compiled(y=2 * X, x=X), -X)
    is_compiled(compiled, signatures=2)


def test_keywords_whose_order_counts() -> None:
    compiled = tg.compile(lambda **named: np.concatenate([*named.values()]))
    for _ in range(2):
        np.testing.assert_array_equal(compiled(x=X, y=2 * X), np.concatenate([X, 2 * X]))
        np.testing.assert_array_equal(compiled(y=2 * X, x=X), np.concatenate([2 * X, X]))


def test_one_array_given_twice() -> None:
    f = tg.grad(lambda x, y: (x * y * x).sum(), argnums=(0, 1))
    compiled = tg.compile(f)
    agree(f, compiled, X, X)
    agree(f, compiled, X, X.copy())
    agree(f, compiled, X, X + 1.0)


def test_views_at_other_places_of_one_array() -> None:
    base = np.arange(12.0)
    compiled = tg.compile(lambda x: np.cumsum(x) * 2.0)
    for start in range(4):
        np.testing.assert_array_equal(compiled(base[start : start + 3]), 2.0 * np.cumsum(base[start : start + 3]))
    is_compiled(compiled)


def test_methods_and_objects_that_share_them() -> None:
    class Model:
        def __init__(self, scale: float) -> None:
            self.scale = scale
            self.w = tg.Tensor(np.ones(3))

        def predict(self, x: Any) -> Any:
            with tg.no_grad():
                return (x @ self.w) * self.scale

    one, two = Model(1.0), Model(2.0)
    first, second = tg.compile(one.predict), tg.compile(two.predict)
    for _ in range(2):
        agree(one.predict, first, X)
        agree(two.predict, second, X)
    one.scale = 5.0
    agree(one.predict, first, X)
    one.w = tg.Tensor(np.array([1.0, 2.0, 3.0]))
    agree(one.predict, first, X)


def test_compiled_functions_within_one_another() -> None:
    inner = tg.compile(lambda x: np.tanh(x) * 2.0)
    outer = tg.compile(tg.grad(lambda x: inner(x).sum()))
    agree(tg.grad(lambda x: (np.tanh(x) * 2.0).sum()), outer, X)
    is_compiled(outer)


class Fitted:
    def __init__(self, scale: float) -> None:
        self.scale = scale

    @tg.compile
    def predict(self, points: Any) -> Any:
        return points * self.scale


def test_a_method_that_is_decorated() -> None:
    one, two = Fitted(1.0), Fitted(2.0)
    for model in (one, two, one):
        np.testing.assert_array_equal(model.predict(X), X * model.scale)
    one.scale = 5.0
    np.testing.assert_array_equal(one.predict(X), X * 5.0)
    is_compiled(Fitted.predict, signatures=3)
    assert "points" in Fitted.predict.source


class Settings:
    rate = 2.0


class Scaling(tg.nn.Module):
    rate = 2.0

    def forward(self, x: Any) -> Any:
        return self.scaled(x) * Settings.rate

    def scaled(self, x: Any) -> Any:
        return x * self.rate


class Inheriting(Scaling):
    @property
    def doubled(self) -> float:
        return 2.0 * Settings.rate

    @staticmethod
    def apart(x: Any) -> Any:
        return x * Settings.rate


INHERITING = Inheriting()


@pytest.mark.parametrize("holder", [Settings, Scaling])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * Settings.rate * Scaling.rate,
        lambda x: INHERITING(x) * 1.0,
        lambda x: INHERITING.scaled(x) * INHERITING.doubled,
        lambda x: INHERITING.apart(INHERITING.scaled(x)),
    ],
)
def test_what_classes_hold_is_looked_at_on_each_call(f: Any, holder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = tg.compile(f)
    agree(f, compiled, X)
    is_compiled(compiled)
    monkeypatch.setattr(holder, "rate", 3.0)
    agree(f, compiled, X)
    is_compiled(compiled, signatures=2)


@pytest.mark.parametrize("watching", [(), ("settrace",), ("setprofile",)], ids=["alone", "debugger", "profiler"])
def test_names_are_read_off_beside_a_debugger_or_a_profiler(watching: tuple[str, ...]) -> None:
    def f(x: Any) -> Any:
        hidden = np.exp(x)
        return hidden * hidden

    before = sys.gettrace(), sys.getprofile()
    for watch in watching:
        getattr(sys, watch)(lambda frame, event, arg: None)
    there = sys.gettrace(), sys.getprofile()
    try:
        compiled = tg.compile(f)
        compiled(np.ones(3))
        assert (sys.gettrace(), sys.getprofile()) == there
    finally:
        sys.settrace(before[0])
        sys.setprofile(before[1])
    assert "hidden = np.exp(x)" in compiled.source


def test_threads() -> None:
    f = tg.value_and_grad(lambda x: (np.sin(x) ** 2).sum())
    compiled = tg.compile(f)
    failures: list[Any] = []

    def work(k: int) -> None:
        x = X + k
        for _ in range(20):
            if not all(map(np.array_equal, f(x), compiled(x))):
                failures.append(k)  # noqa: PERF401

    in_threads(4, work)
    assert not failures
    is_compiled(compiled)


def test_threads_that_read_the_same_parameters() -> None:
    model = tg.nn.Sequential(tg.nn.Linear(3, 8, rng=0), tg.nn.Tanh(), tg.nn.Linear(8, 2, rng=1))
    compiled = tg.compile(lambda x: model(x).data)
    inputs = [np.random.default_rng(k).normal(size=(5 + k % 2, 3)) for k in range(8)]
    wanted = [model(x).data for x in inputs]
    found: dict[int, list[Any]] = {k: [] for k in range(8)}

    def work(k: int) -> None:
        for _ in range(20):
            found[k].append(compiled(inputs[k]))

    in_threads(8, work)
    assert all(np.array_equal(wanted[k], y) and len(found[k]) == 20 for k in found for y in found[k])
    assert compiled._turn is None
    is_compiled(compiled, signatures=2)


def test_threads_that_all_come_first() -> None:
    def f(x: Any) -> Any:
        for _ in range(30):
            x = np.tanh(x) + 1.0
        return x.sum()

    compiled, start = tg.compile(tg.grad(f)), threading.Barrier(8)
    failures: list[int] = []

    def work(k: int) -> None:
        start.wait()
        if not np.array_equal(tg.grad(f)(X + k), compiled(X + k)):
            failures.append(k)

    in_threads(8, work)
    assert not failures
    is_compiled(compiled)


def test_an_error_in_the_first_call_is_the_functions_own() -> None:
    fails = [True]

    def f(x: Any) -> Any:
        if fails[0]:
            raise KeyError("first")
        return x + 1.0

    compiled = tg.compile(f)
    with pytest.raises(KeyError, match="first"):
        compiled(X)
    fails[0] = False
    agree(f, compiled, X)
    is_compiled(compiled)
    with pytest.raises(ValueError, match="matmul"):
        tg.compile(lambda x: tg.Tensor(x) @ np.ones(7))(X)


# --- what changes between calls


def test_closures_and_globals_that_change(monkeypatch: pytest.MonkeyPatch) -> None:
    factor = 2.0

    def f(x: Any) -> Any:
        return x * factor + RATE * TABLE

    compiled = tg.compile(f)
    agree(f, compiled, X)
    factor = 3.0
    agree(f, compiled, X)
    monkeypatch.setitem(globals(), "RATE", 0.125)
    agree(f, compiled, X)
    monkeypatch.setitem(globals(), "TABLE", np.array([9.0, 9.0, 9.0]))
    agree(f, compiled, X)
    assert len(compiled.signatures) == 4


def test_containers_of_every_kind_that_change() -> None:
    class Pair(NamedTuple):
        rate: list[float]

    ordered, counted, queue = OrderedDict(rate=2.0), defaultdict(float, rate=2.0), deque([2.0])
    numbers, raw, pair = array("d", [2.0]), bytearray(b"\x02"), Pair([2.0])

    def f(x: Any) -> Any:
        return x * ordered["rate"] * counted["rate"] * queue[0] * numbers[0] * raw[0] * pair.rate[0]

    compiled = tg.compile(f, strict=True)
    for held, key in ((ordered, "rate"), (counted, "rate"), (queue, 0), (numbers, 0), (raw, 0), (pair.rate, 0)):
        agree(f, compiled, X)
        held[key] = 3
        agree(f, compiled, X)


def test_captured_arrays_are_listed_and_may_be_changed_in_place() -> None:
    table = np.array([1.0, 2.0, 3.0])
    compiled = tg.compile(lambda x: x * table)
    agree(lambda x: x * table, compiled, X)
    assert [a is table for a in compiled.constants.values()] == [True]
    table[0] = 10.0
    agree(lambda x: x * table, compiled, X)
    is_compiled(compiled)


def test_training_and_evaluation() -> None:
    net = nn.Sequential(nn.Linear(3, 4, rng=0), nn.BatchNorm1d(4))
    net(X)

    def f(x: Any) -> Any:
        with tg.no_grad():
            return net(x)

    net.eval()
    compiled = tg.compile(f)
    agree(f, compiled, X)
    is_compiled(compiled)
    net.train()
    agree(f, compiled, X)
    is_compiled(compiled, 2)
    net.eval()
    agree(f, compiled, X)
    agree(f, compiled, X + 1.0)


def test_what_is_made_of_an_array_in_sight_follows_it() -> None:
    scale = np.ones(3)

    def f(x: Any) -> Any:
        return x / np.sqrt(scale + 1.0)

    compiled = tg.compile(f)
    agree(f, compiled, X)
    scale += 2.0
    agree(f, compiled, X)
    is_compiled(compiled)


# --- what stays as it is, and says so


def test_a_decision_by_a_traced_value() -> None:
    def f(x: Any) -> Any:
        return x * 2.0 if x.sum() > 0 else x / 2.0

    compiled = stays_eager(f, X, match=r"becomes a Python value by bool\(\), at .*test_compile.py:\d+")
    agree(f, compiled, -X)


@pytest.mark.parametrize(
    ("f", "what"),
    [
        (lambda x: x * float(x[0, 0]), r"float\(\)"),
        (lambda x: x[int(x[1, 0])], r"int\(\)"),
        (lambda x: x * x.max().item(), r"item\(\)"),
        (lambda x: x * (tg.Tensor(x).sum().item()), r"item\(\)"),
        (lambda x: x[x > 0].sum(), "how many elements"),
        (lambda x: np.nonzero(x)[0], "how long the result of nonzero"),
        (lambda x: np.where(x > 0)[0], "how long the result of where"),
        (lambda x: x * len(np.repeat(x[0], (x[0] > 0).astype(int))), "how long the result of repeat"),
        (lambda x: x * len(x[0].repeat((x[0] > 0).astype(int))), "how long the result of repeat"),
        (lambda x: x * np.delete(x[0], x[0] > 0).size, "how long the result of delete"),
        (lambda x: np.roots(x[0]), "how long the result of roots"),
        (lambda x: x * x.flat[0], "flat"),
        (lambda x: np.asarray(x).sum(), "plain array"),
        (lambda x: x.tolist(), "tolist"),
        (lambda x: f"{x[0, 0]:.3f}", "printed"),
        (lambda x: (x.fill(1.0), x)[1] if False else x.copy().sort(), "in place by .sort"),
    ],
)
def test_a_value_that_leaves_the_program(f: Any, what: str) -> None:
    stays_eager(f, X, match=what)


def test_random_numbers_of_the_functions_own_are_drawn_anew() -> None:
    rng = np.random.default_rng(0)
    for f in (lambda x: x * rng.random(3), lambda x: x * np.random.rand(3)):  # noqa: NPY002
        compiled = stays_eager(f, X, match="draws random numbers")
        assert not np.array_equal(compiled(X), compiled(X))


def test_dropout_draws_from_the_same_generator() -> None:
    for make in (lambda: nn.Dropout(0.5, rng=1), lambda: nn.Dropout(0.5, rng=np.random.RandomState(1)), nn.Dropout):
        found = []
        for change in (lambda f: f, lambda f: tg.compile(f, strict=True)):
            nn.init.manual_seed(3)
            layer = make()
            f = change(lambda x, layer=layer: layer(x) + layer(x))
            found.append([f(X) for _ in range(6)])
            found.append([layer(X)])  # and they go on together
        np.testing.assert_array_equal(found[0], found[2])
        np.testing.assert_array_equal(found[1], found[3])
        assert not np.array_equal(found[0][0], found[0][1])


def test_what_a_mask_leaves_out_stays_as_it_was() -> None:
    def f(x: Any) -> Any:
        y = np.exp(x)
        np.add(y, 1.0, out=y, where=x > 0.0)
        y[:1] = 5.0
        return y, np.divide(1.0, x, out=np.zeros_like(x), where=x != 0.0)

    compiled = tg.compile(f, strict=True)
    for x in (np.array([-1.0, 0.0, 2.0]), np.array([1.0, -2.0, 0.0])):
        for _ in range(3):
            for got, want in zip(compiled(x), f(x), strict=True):
                np.testing.assert_array_equal(got, want)
    tg.render(compiled)


def test_an_array_that_differs_from_call_to_call() -> None:
    compiled = tg.compile(lambda x: x + np.random.default_rng().random(3))
    with pytest.warns(RuntimeWarning, match="differ from call to call"):
        found = [compiled(np.zeros(3))[0] for _ in range(5)]
    assert len(set(found)) == 5


def test_an_array_that_is_made_alike_in_each_call_is_compiled() -> None:
    def f(x: Any) -> Any:
        return x + np.array([1.0, 2.0, 3.0]) * np.random.default_rng(3).random(3)

    compiled = tg.compile(f)
    agree(f, compiled, X)
    is_compiled(compiled)


def test_an_argument_that_is_written_to_is_written_to() -> None:
    def f(x: Any) -> Any:
        x += 1.0
        return x * 2.0

    compiled = tg.compile(f)
    x = np.zeros(3)
    with pytest.warns(RuntimeWarning, match="argument that is written to"):
        compiled(x)
    compiled(x)
    compiled(x)
    np.testing.assert_array_equal(x, np.full(3, 3.0))


def test_an_array_outside_that_is_written_to() -> None:
    total = np.zeros(3)

    def f(x: Any) -> Any:
        np.add(total, x, out=total)
        return total.copy()

    compiled = tg.compile(f)
    with pytest.warns(RuntimeWarning, match="written into"):
        compiled(np.ones(3))
    compiled(np.ones(3))
    np.testing.assert_array_equal(total, np.full(3, 2.0))


def test_arrays_of_its_own_may_be_written_to() -> None:
    def f(x: Any) -> Any:
        y = x.copy()
        part = y[0]
        part *= 3.0
        y[1, 1] = x[0, 0]
        before = y * 2.0
        y += 1.0
        return y, before, part

    compiled = tg.compile(f)
    agree(f, compiled, X)
    agree(f, compiled, X + 2.0)
    is_compiled(compiled)


def test_a_tensor_with_a_graph_behind_it_is_not_cut_off() -> None:
    w = tg.Tensor(np.ones(3), name="w")
    compiled = tg.compile(lambda x: (x @ w).sum())
    with pytest.warns(RuntimeWarning, match="returned with a gradient"):
        compiled(X).backward()
    compiled(X).backward()
    np.testing.assert_array_equal(w.grad, 2.0 * X.sum(axis=0))


@pytest.mark.parametrize("f", [lambda x: (x**3).sum(), lambda x: (x**3).sum() if x.sum() > 0 else x.sum()])
@pytest.mark.filterwarnings("ignore:compile")
def test_the_first_call_of_one_that_stays_uncompiled_can_be_differentiated(f: Any) -> None:
    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(tg.grad(tg.compile(f))(x), [3.0, 12.0])
    inner = tg.compile(f)
    np.testing.assert_array_equal(tg.grad(lambda x: inner(2.0 * x))(x), [24.0, 96.0])
    np.testing.assert_array_equal(tg.hessian(tg.compile(f))(x), [[6.0, 0.0], [0.0, 12.0]])
    assert tg.jvp(tg.compile(f), (x,), (np.ones(2),))[1] == 15.0
    w = tg.Tensor(x)
    tg.compile(f)(w * 2.0).backward()
    np.testing.assert_array_equal(w.grad, [24.0, 96.0])


def test_a_value_that_is_kept_beyond_the_call() -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        y = np.tanh(x)
        kept.append(y)
        return y * 2.0

    compiled = tg.compile(f)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for k in range(4):
            compiled(X + k)
    assert any("beyond its call" in str(w.message) for w in said)
    assert len(kept) == 4
    np.testing.assert_array_equal(kept[0] + 0.0, np.tanh(X))


def test_many_signatures_end_in_a_warning() -> None:
    compiled = tg.compile(lambda x, n: x * n)
    for n in range(8):
        compiled(X, n)
    with pytest.warns(RuntimeWarning, match="more than 8 signatures"):
        np.testing.assert_array_equal(compiled(X, 100), X * 100)


def test_a_check_within_an_operation_fails_and_the_function_itself_runs() -> None:
    f = tg.grad(np.prod)
    compiled = tg.compile(f)
    agree(f, compiled, np.array([2.0, 3.0]))
    agree(f, compiled, np.array([2.0, 0.0]))
    agree(f, compiled, np.array([2.0, 4.0]))
    g = tg.value_and_grad(tg.cross_entropy)
    compiled = tg.compile(g)
    agree(g, compiled, X, np.array([0, 2]))
    with pytest.raises(IndexError, match="labels must lie in"):
        compiled(X, np.array([0, -2]))
    agree(g, compiled, X, np.array([1, 0]))


# --- what can be asked


def test_check_runs_both_and_finds_a_difference() -> None:
    f = tg.grad(lambda x: (x**3).sum())
    compiled = tg.compile(f, check=2)
    for _ in range(4):
        compiled(X)
    ((key, recording),) = compiled._recordings.items()
    compiled.check = 1
    compiled._recordings[key] = recording._replace(run=lambda *a: tuple(r * 1.001 for r in recording.run(*a)))
    with pytest.raises(AssertionError, match="compiled gives"):
        compiled(X)


def test_source_and_explain() -> None:
    compiled = tg.compile(tg.value_and_grad(tree_loss))
    with pytest.raises(ValueError, match="call it first"):
        _ = compiled.source
    compiled({"W": np.ones((3, 2)), "b": [np.zeros(2)]}, X)
    text = compiled.source
    assert "def tree_loss(W, b0, x):" in text
    assert "dW = x.T @" in text
    assert text.index("# forward") < text.index("# loss") < text.index("# backward")
    assert "test_compile.py:" in text
    assert "operations were recorded" in compiled.explain()


def test_decorator_and_errors() -> None:
    @tg.compile(strict=True)
    def f(x: Any) -> Any:
        """Twice."""
        return 2.0 * x

    assert f.__doc__ == "Twice."
    np.testing.assert_array_equal(f(X), 2.0 * X)
    with pytest.raises(TypeError, match="a function is needed"):
        tg.compile(3)  # type: ignore[arg-type]


def test_a_copy_of_a_compiled_function_records_for_itself() -> None:
    compiled = tg.compile(np.tanh)
    agree(np.tanh, compiled, X)
    for again in (copy.deepcopy(compiled), pickle.loads(pickle.dumps(compiled))):
        assert again.signatures == []
        agree(np.tanh, again, X)


def test_borrowed_results_that_are_handed_in_again() -> None:
    def f(x: Any, y: Any) -> Any:
        return y + x, x * y

    compiled, (a, b), (c, d) = tg.compile(f, borrow=True), (X, X + 1.0), (X, X + 1.0)
    for _ in range(4):
        (a, b), (c, d) = compiled(a, b), f(c, d)
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)
