"""The graph and its walks: shapes of graphs, levels of nesting, depth, memory, threads, and whose the gradients are."""

import asyncio
import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygraph as tg
from tinygraph import graph
from tinygraph.op import bare
from tinygraph.tensor import Tensor
from tinygraph.transforms import trace


def leaf(*numbers: float) -> Tensor:
    return Tensor(np.array(numbers))


# --- shapes of graphs


def test_the_courses_graph() -> None:
    a, b, c = Tensor(5.0, name="a"), Tensor(3.0, name="b"), Tensor(2.0, name="c")
    u = b * c
    v = a + u
    u.name, v.name = "u", "v"
    J = 3 * v
    J.backward()
    assert J.item() == 33.0
    assert [float(t.grad) for t in (v, a, u, b, c)] == [3.0, 3.0, 3.0, 6.0, 9.0]


def test_a_diamond_sums_both_ways() -> None:
    x = leaf(2.0, 3.0)
    y = x * x
    (np.sin(y) + np.exp(y)).sum().backward()
    np.testing.assert_allclose(x.grad, 2 * x.data * (np.cos(x.data**2) + np.exp(x.data**2)), rtol=1e-14)


def test_the_gradient_inside_a_diamond_is_whole_before_it_flows_on() -> None:
    x = Tensor(2.0)
    y = x * 3.0
    y.name = "y"
    z = y * y
    (z * y + z).backward()
    assert float(y.grad) == 3 * 6.0**2 + 2 * 6.0
    assert float(x.grad) == 3 * float(y.grad)


def test_a_ladder_of_diamonds_is_walked_once() -> None:
    x = Tensor(1.0)
    y = x
    for _ in range(200):  # 2^200 paths
        y = y * 0.5 + y * 0.5
    y.backward()
    assert float(x.grad) == 1.0


def test_a_value_used_twice_by_one_operation() -> None:
    x = leaf(1.0, -2.0)
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad, [2.0, -4.0])
    m = Tensor([[1.0, 2.0], [3.0, 4.0]])
    (m @ m.T).sum().backward()
    np.testing.assert_array_equal(m.grad, 2 * np.tile(m.data.sum(axis=0), (2, 1)))
    y = leaf(3.0)
    np.concatenate([y, y, y]).sum().backward()
    np.testing.assert_array_equal(y.grad, [3.0])
    z = leaf(4.0)
    (z - z).sum().backward()
    np.testing.assert_array_equal(z.grad, [0.0])


def test_one_subgraph_serves_two_results() -> None:
    x = leaf(1.0, 2.0)
    shared = np.exp(x)
    first, second = shared.sum(), (shared * shared).sum()
    first.backward()
    np.testing.assert_allclose(x.grad, np.exp(x.data))
    x.zero_grad()
    second.backward()
    np.testing.assert_allclose(x.grad, 2 * np.exp(2 * x.data))


def test_two_backwards_add_up_and_zero_grad_starts_anew() -> None:
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    for times in (1, 2, 3):
        y.backward()
        np.testing.assert_array_equal(x.grad, times * 2 * x.data)
    x.zero_grad()
    assert x.grad is None
    y.backward()
    np.testing.assert_array_equal(x.grad, 2 * x.data)


def test_zero_dimensional_contributions_all_count() -> None:
    """NumPy's scalars are not added to in place."""
    x, y = Tensor(3.0), Tensor(5.0)
    (x * y + x / y + x * x + x).backward()
    assert float(x.grad) == pytest.approx(5.0 + 0.2 + 6.0 + 1.0)


def test_an_empty_graph_is_a_leafs_own_gradient() -> None:
    x = Tensor(2.0)
    x.backward()
    assert float(x.grad) == 1.0


def test_assignment_is_right_also_where_the_tensor_was_used_before() -> None:
    x, v = leaf(1.0, 2.0, 3.0), Tensor(7.0)
    y = x * 1.0
    before = (y**2).sum()
    y[1] = v
    after = (y**3).sum()
    (before + after).backward()
    np.testing.assert_array_equal(x.grad, [2.0 + 3.0, 4.0, 6.0 + 27.0])
    assert float(v.grad) == 3 * 49.0


# --- depth


@pytest.mark.parametrize("depth", [1_000_000])
def test_a_million_operations_deep(depth: int) -> None:
    limit = sys.getrecursionlimit()
    x = Tensor(1.0)
    y = x
    for _ in range(depth):
        y = y + 1.0
    y.backward()
    assert float(x.grad) == 1.0
    assert float(y) == depth + 1.0
    del y  # is freed without recursion, or the interpreter dies here
    assert sys.getrecursionlimit() == limit


def test_a_deep_graph_is_released_while_it_is_walked() -> None:
    x = Tensor(1.0)
    y = x
    for _ in range(50_000):
        y = y * 1.0
    y.backward(retain_graph=False)
    assert float(x.grad) == 1.0


def test_forward_mode_and_second_order_of_a_deep_graph() -> None:
    def deep(x: Any) -> Any:
        for _ in range(20_000):
            x = x * 1.0
        return x * x

    assert float(tg.jvp(deep, (3.0,), (1.0,))[1]) == 6.0
    assert float(tg.grad(tg.grad(deep))(3.0)) == 2.0


# --- levels


def test_nested_grad_does_not_confuse_its_levels() -> None:
    assert float(tg.grad(lambda x: x * tg.grad(lambda y: x * y)(2.0))(3.0)) == 6.0
    assert float(tg.grad(lambda x: x * tg.grad(lambda y: x + y)(1.0))(3.0)) == 1.0
    assert float(tg.grad(lambda x: x * tg.grad(lambda y: x + y)(x))(3.0)) == 1.0


def test_nested_forward_mode_does_not_confuse_its_levels() -> None:
    def along(f: Callable[[Any], Any], x: Any) -> Any:
        return tg.jvp(f, (x,), (np.ones_like(x) if np.ndim(x) else 1.0,))[1]

    assert float(along(lambda x: x * along(lambda y: x * y, 2.0), 3.0)) == 6.0
    assert float(along(lambda x: x * along(lambda y: x + y, 1.0), 3.0)) == 1.0
    assert float(tg.grad(lambda x: x * along(lambda y: x + y, 1.0))(3.0)) == 1.0
    assert float(along(lambda x: x * tg.grad(lambda y: x * y)(2.0), 3.0)) == 6.0


def test_a_grad_of_a_grad_of_a_grad() -> None:
    f = tg.grad(tg.grad(tg.grad(lambda x: np.sin(x) * x**2)))
    x = 0.7
    assert float(f(x)) == pytest.approx(-(x**2) * np.cos(x) - 6 * x * np.sin(x) + 6 * np.cos(x), rel=1e-13)


def test_a_closure_over_an_outer_tensor_lets_its_gradient_through() -> None:
    w = leaf(2.0, 3.0)
    g = tg.grad(lambda x: (w * x * x).sum())(np.array([5.0, 7.0]))
    assert isinstance(g, Tensor)
    np.testing.assert_array_equal(g.data, 2 * w.data * [5.0, 7.0])
    g.sum().backward()
    np.testing.assert_array_equal(w.grad, [10.0, 14.0])


def test_a_gradient_penalty_reaches_the_weights() -> None:
    w, x = leaf(2.0, -1.0), leaf(0.5, 0.25)
    slope = tg.grad(lambda x: np.tanh(w * x).sum())(x)
    (slope**2).sum().backward()
    want = tg.grad(lambda w: ((w / np.cosh(w * x.data) ** 2) ** 2).sum())(w.data)
    np.testing.assert_allclose(w.grad, want, rtol=1e-13)
    assert x.grad is not None


def test_create_graph_makes_gradients_that_can_be_differentiated() -> None:
    x = Tensor(3.0)
    (x**3).backward(create_graph=True)
    first = x.grad
    assert isinstance(first, Tensor)
    x.zero_grad()
    first.backward()
    assert float(x.grad) == 18.0


def test_transforms_work_inside_no_grad() -> None:
    with tg.no_grad():
        assert float(tg.grad(lambda x: x**3)(2.0)) == 12.0
        assert float(tg.grad(tg.grad(lambda x: x**3))(2.0)) == 12.0
        assert float(tg.jvp(lambda x: x**3, (2.0,), (1.0,))[1]) == 12.0


def test_no_grad_inside_a_function_holds_a_part_constant() -> None:
    def f(x: Any) -> Any:
        with tg.no_grad():
            held = x * x
        return held * x

    assert float(tg.grad(f)(3.0)) == 9.0


# --- modes belong to a thread and a task


def test_no_grad_is_per_thread() -> None:
    x = Tensor(2.0)
    inside, seen = threading.Event(), threading.Event()
    elsewhere: list[bool] = []

    def other() -> None:
        inside.wait(10)
        elsewhere.append((x * x).requires_grad)
        seen.set()

    thread = threading.Thread(target=other)
    thread.start()
    with tg.no_grad():
        assert not (x * x).requires_grad
        inside.set()
        assert seen.wait(10)
    thread.join()
    assert elsewhere == [True]


def test_no_grad_is_per_task() -> None:
    x = Tensor(2.0)

    async def held() -> bool:
        with tg.no_grad():
            await asyncio.sleep(0.001)
            return (x * x).requires_grad

    async def free() -> bool:
        await asyncio.sleep(0.0005)
        return (x * x).requires_grad

    async def both() -> list[bool]:
        return list(await asyncio.gather(held(), free(), held()))

    assert asyncio.run(both()) == [False, True, False]


def test_no_grad_ends_with_its_block_also_by_an_error() -> None:
    x = Tensor(2.0)
    with pytest.raises(ZeroDivisionError), tg.no_grad():
        _ = 1 / 0
    assert (x * x).requires_grad

    @tg.no_grad()
    def decorated() -> bool:
        return (x * x).requires_grad

    assert [decorated(), decorated(), (x * x).requires_grad] == [False, False, True]


def test_threads_may_add_to_the_gradients_of_shared_leaves() -> None:
    w = Tensor(np.ones(100_000))  # so large that NumPy lets other threads run meanwhile
    rounds, threads = 20, 4

    def work(k: int) -> None:
        for _ in range(rounds):
            (w * float(k)).sum().backward()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(1, threads + 1)))
    np.testing.assert_array_equal(w.grad, np.full(100_000, rounds * (1.0 + 2.0 + 3.0 + 4.0)))


def test_threads_may_walk_one_graph_at_a_time_each() -> None:
    x = Tensor(np.arange(1.0, 50.0))
    y = np.tanh(x * x).sum()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: y.backward(), range(20)))
    alone = tg.grad(lambda x: np.tanh(x * x).sum())(x.data)
    np.testing.assert_allclose(x.grad, 20 * alone, rtol=1e-12)


# --- memory


@contextmanager
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def network(x: Tensor, w: Tensor) -> Tensor:
    hidden = np.maximum(x @ w, 0.0)
    hidden = hidden - hidden.mean(axis=0)
    hidden[0] = 1.0
    return np.concatenate([tg.softmax(hidden), np.exp(hidden[:, ::2])], axis=1).sum()


@pytest.mark.parametrize(
    "walk",
    [
        lambda y: None,
        lambda y: y.backward(),
        lambda y: y.backward(retain_graph=False),
        lambda y: y.backward(create_graph=True),
    ],
    ids=["forward", "backward", "release", "create_graph"],
)
def test_a_graph_is_freed_by_reference_counts_alone(walk: Callable[[Tensor], None]) -> None:
    with no_collector():
        x, w = Tensor(np.ones((4, 3))), Tensor(np.ones((3, 4)))
        y = network(x, w)
        nodes, stack = [], [y._node]
        while stack:
            node = stack.pop()
            nodes.append(weakref.ref(node.value) if isinstance(node.value, np.ndarray) else lambda: None)
            stack.extend(n for n in node.inputs if n is not None)
        del node
        walk(y)
        x.zero_grad()
        w.zero_grad()
        gone = weakref.ref(y)
        del y, x, w
        assert gone() is None
        assert [r for r in nodes if r() is not None] == []


def test_transforms_leave_nothing_behind() -> None:
    def f(x: Any) -> Any:
        seen.append(weakref.ref(x))
        y = np.tanh(x)
        seen.append(weakref.ref(y))
        return (y * y).sum()

    x = np.ones(3)
    for transform in (
        lambda: tg.grad(f)(x),
        lambda: tg.grad(lambda x: tg.grad(f)(x).sum())(x),
        lambda: tg.jvp(f, (x,), (x,)),
        lambda: tg.vjp(f, x)[1](1.0),
        lambda: tg.jacobian(f)(x),
        lambda: tg.hessian(f)(x),
    ):
        seen: list[Any] = []
        with no_collector():
            transform()
            assert seen
            assert [r for r in seen if r() is not None] == []


def test_an_error_in_the_middle_leaves_nothing_behind() -> None:
    with no_collector():
        x = Tensor(np.ones((2, 3)))
        y = np.exp(x)
        with pytest.raises(ValueError, match="matmul"):
            y @ y
        gone = weakref.ref(y)
        del y
        assert gone() is None


def test_released_arrays_are_freed_although_the_result_lives() -> None:
    x = Tensor(np.ones(1000))
    y = np.exp(x)
    held = weakref.ref(y.data)
    loss = (y * y).sum()
    del y
    assert held() is not None
    loss.backward(retain_graph=False)
    assert held() is None
    assert loss.item() == pytest.approx(1000 * np.exp(2.0))


def test_a_second_backward_after_a_release_says_what_to_do() -> None:
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    y.backward(retain_graph=False)
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()
    np.testing.assert_array_equal(x.grad, [2.0, 4.0])


# --- what is visited


def counting() -> tuple[Any, list[str]]:
    calls: list[str] = []

    def seen(name: str, slope: float) -> Callable[..., Any]:
        def rule(g: Any, ans: Any, *args: Any) -> Any:
            calls.append(name)
            return g * slope

        return rule

    return tg.op(lambda x, y: x + 2.0 * y, vjps=[seen("x", 1.0), seen("y", 2.0)], name="counted"), calls


def test_the_walk_visits_only_what_leads_to_a_wanted_leaf() -> None:
    op, calls = counting()
    x, c = Tensor(1.0), Tensor(1.0, requires_grad=False)
    unused = op(x, x)
    y = op(op(x, c), op(c, c))
    assert calls == []
    y.backward()
    assert calls == ["x", "x"]  # neither the constants' rules, nor the result that nobody asked for
    assert float(x.grad) == 1.0
    calls.clear()
    tg.grad(lambda a, b: op(op(a, b), op(b, b)), 0)(1.0, 1.0)
    assert calls == ["x", "x"]
    del unused


def test_a_parameter_made_inside_the_function_costs_no_rule() -> None:
    op, calls = counting()

    def f(x: Any) -> Any:
        inner = Tensor(2.0)
        return op(x * 1.0, op(inner, inner))

    assert float(tg.grad(f)(3.0)) == 1.0
    assert calls == ["x"]


def test_what_is_older_than_the_function_is_not_walked() -> None:
    op, calls = counting()
    w = Tensor(2.0)
    outer = op(w, w)
    g = tg.grad(lambda x: x * outer * outer)(3.0)
    assert calls == []
    assert float(g) == 36.0
    g.backward()
    assert calls == ["x", "y"]
    assert float(w.grad) == 3 * 2 * 6.0


def test_a_transform_looks_no_further_back_than_its_own_call(monkeypatch: pytest.MonkeyPatch) -> None:
    outer = Tensor(1.0)
    for _ in range(1000):
        outer = outer * 1.0
    looked: list[int] = []

    def spy(*args: Any) -> Any:
        found = graph.differentiable(*args)
        looked.append(len(found))
        return found

    monkeypatch.setattr(trace, "differentiable", spy)
    g = tg.grad(lambda x: x * x * outer)(3.0)
    assert float(g) == 6.0
    assert sum(looked) < 10
    node = (outer * 1.0)._node
    assert graph.differentiable([node], node.serial) == [node]


def test_a_released_graph_below_a_transform_is_told() -> None:
    w = Tensor(2.0)
    outer = w * w
    (outer * 1.0).backward(retain_graph=False)
    assert float(outer) == 4.0
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        tg.grad(lambda x: x * x * outer)(3.0)
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        (np.exp(outer) * 3.0).backward()
    assert float(w.grad) == 4.0


def test_each_rule_runs_once_however_often_its_result_is_used() -> None:
    op, calls = counting()
    x = Tensor(1.0)
    y = op(x, x)
    (y * y + y * 3.0 + np.exp(y)).backward()
    assert sorted(calls) == ["x", "y"]


def test_a_graph_without_wanted_leaves_is_not_walked() -> None:
    op, calls = counting()
    outer = Tensor(2.0)
    g = tg.grad(lambda x: x * 1.0)(3.0)
    assert float(g) == 1.0
    op(outer, outer)
    assert calls == []


# --- whose the gradients are


def owned(*arrays: np.ndarray) -> None:
    """Each may be written to, and none shares memory with another."""
    for i, a in enumerate(arrays):
        assert isinstance(a, np.ndarray)
        assert a.flags.writeable
        for b in arrays[:i]:
            assert not np.shares_memory(a, b)


@pytest.mark.parametrize(
    "f",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: np.concatenate([a, b]),
        lambda a, b: np.stack([a, b]),
        lambda a, b: a.reshape(1, 3) + b,
        lambda a, b: a.copy() + b[::-1],
        lambda a, b: np.positive(a) + np.flip(b),
        lambda a, b: a * b.data + b * a.data,
        lambda a, b: np.broadcast_to(a, (2, 3)) + b,
        lambda a, b: np.where(True, a, b) + b,
        lambda a, b: np.moveaxis(a[None], 0, 1) + b[:, None],
    ],
)
def test_gradients_are_their_owners_alone(f: Callable[..., Any]) -> None:
    a, b = Tensor(np.array([1.0, 2.0, 3.0])), Tensor(np.array([4.0, 5.0, 6.0]))
    y = f(a, b)
    seed = np.ones(y.shape)
    y.backward(seed)
    owned(a.grad, b.grad, seed, a.data, b.data, y.data)
    again = tg.vjp(f, a.data, b.data)
    seed = np.ones(y.shape)
    owned(*again[1](seed), seed, a.data, b.data, again[0])


def test_writing_to_a_gradient_changes_no_other_and_no_later_one() -> None:
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = a + b
    y.name = "y"
    y.backward(np.ones(2))
    a.grad[:] = 99.0
    np.testing.assert_array_equal(b.grad, [1.0, 1.0])
    np.testing.assert_array_equal(y.grad, [1.0, 1.0])
    a.zero_grad()
    y.backward(np.ones(2))
    np.testing.assert_array_equal(a.grad, [1.0, 1.0])
    np.testing.assert_array_equal(b.grad, [2.0, 2.0])


def test_a_rule_may_return_one_of_its_arguments() -> None:
    product = tg.op(lambda x, y: (x * y).sum(), vjps=[lambda g, ans, x, y: y, lambda g, ans, x, y: x], name="unseeded")
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (product(x, y) + product(x, y) + product(x, y)).backward()
    np.testing.assert_array_equal(x.grad, [9.0, 12.0])
    np.testing.assert_array_equal(y.grad, [3.0, 6.0])
    owned(x.grad, y.grad, x.data, y.data)
    np.testing.assert_array_equal(y.data, [3.0, 4.0])


def test_a_seed_stays_its_givers() -> None:
    for create_graph in (False, True):
        x, seed = leaf(1.0, 2.0), np.ones(2)
        x.backward(seed, create_graph=create_graph)
        seed[:] = 99.0
        np.testing.assert_array_equal(bare(x.grad), [1.0, 1.0])


def test_a_kept_gradient_is_not_changed_by_the_rest_of_the_walk() -> None:
    x = leaf(1.0, 2.0)
    y = x + 0.0
    y.name = "y"
    ((y + x) + y).backward(np.ones(2))
    np.testing.assert_array_equal(y.grad, [2.0, 2.0])
    np.testing.assert_array_equal(x.grad, [3.0, 3.0])


def test_inputs_and_values_are_not_written_to() -> None:
    arrays = [np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([5.0, 6.0])]
    for a in arrays:
        a.flags.writeable = False
    x, b = map(Tensor, arrays)
    y = np.exp((x @ b + b) * b).sum() + (x * x).sum() + x.sum(axis=0)[0]
    seed = np.array(1.0)
    seed.flags.writeable = False
    y.backward(seed)
    y.backward(seed)
    assert x.data is arrays[0]


# --- any graph at all, against a recursive forward evaluation with dual numbers

UNARY: list[tuple[Callable[[Any], Any], Callable[[Any], Any]]] = [
    (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    (np.sin, np.cos),
    (np.negative, lambda x: -np.ones_like(x)),
    (np.arctan, lambda x: 1 / (1 + x**2)),
]
BINARY: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
    (np.add, lambda x, y: (1.0, 1.0)),
    (np.subtract, lambda x, y: (1.0, -1.0)),
    (lambda x, y: np.sin(x) * y, lambda x, y: (np.cos(x) * y, np.sin(x))),  # grows no faster than its arguments
    (np.logaddexp, lambda x, y: (np.exp(x - np.logaddexp(x, y)), np.exp(y - np.logaddexp(x, y)))),
]


def random_program(r: Random, leaves: int, steps: int) -> list[tuple[Any, ...]]:
    """Steps (function, slopes, places): a DAG in which any value may be used any number of times, or never."""
    program: list[tuple[Any, ...]] = []
    for k in range(leaves, leaves + steps):
        if r.randint(0, 2):
            program.append((*r.choice(BINARY), (r.randint(0, k - 1), r.randint(0, k - 1))))
        else:
            program.append((*r.choice(UNARY), (r.randint(0, k - 1),)))
    return program


def dual(program: list[tuple[Any, ...]], values: list[Any], slopes: list[Any]) -> tuple[Any, Any]:
    """The last value and its derivative, carried along by hand."""
    for f, derivative, places in program:
        args = [values[p] for p in places]
        partial = derivative(*args)
        partial = partial if isinstance(partial, tuple) else (partial,)
        values = [*values, f(*args)]
        slopes = [*slopes, sum(d * slopes[p] for d, p in zip(partial, places, strict=True))]
    return values[-1], slopes[-1]


@given(r=st.randoms(use_true_random=False), leaves=st.integers(1, 3), steps=st.integers(1, 12))
def test_any_graph_has_the_derivatives_that_dual_numbers_have(r: Random, leaves: int, steps: int) -> None:
    program = random_program(r, leaves, steps)
    start = [np.array([0.5, -1.25]) + 0.375 * i for i in range(leaves)]

    def f(*xs: Any) -> Any:
        values = list(xs)
        for g, _, places in program:
            values.append(g(*(values[p] for p in places)))
        return values[-1]

    xs = [Tensor(x) for x in start]
    y = f(*xs)
    if y.is_leaf:
        return
    y.backward(np.ones(2))
    for i, x in enumerate(xs):
        basis = [np.ones(2) * (i == j) for j in range(leaves)]
        value, slope = dual(program, list(start), basis)
        np.testing.assert_array_equal(y.data, value)
        want = np.zeros(2) + slope
        found = np.zeros(2) if x.grad is None else x.grad
        np.testing.assert_allclose(found, want, rtol=1e-10, atol=1e-10)
        ahead = tg.jvp(f, tuple(start), tuple(basis))[1]
        np.testing.assert_allclose(ahead, want, rtol=1e-10, atol=1e-10)


@given(r=st.randoms(use_true_random=False), steps=st.integers(1, 6))
def test_any_graph_has_a_symmetric_hessian_of_its_own_gradient(r: Random, steps: int) -> None:
    program = random_program(r, 2, steps)

    def f(x: Any) -> Any:
        values = [x, x[::-1]]
        for g, _, places in program:
            values.append(g(*(values[p] for p in places)))
        return (values[-1] * np.array([1.0, 0.5])).sum()

    x = np.array([0.5, -1.25])
    hessian = tg.hessian(f)(x)
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-8, atol=1e-8)
    rows = tg.jacobian(tg.grad(f), mode="rev")(x)
    np.testing.assert_allclose(hessian, rows, rtol=1e-8, atol=1e-8)
    for i in range(2):
        np.testing.assert_allclose(tg.hvp(f, (x,), (np.eye(2)[i],)), hessian[:, i], rtol=1e-8, atol=1e-8)


def test_a_rule_that_returns_an_array_of_its_own_keeping_finds_it_unchanged():
    stored = np.ones(2)
    keeper = tg.op(lambda x: x.sum(), vjps=[lambda g, ans, x: stored], name="keeper")
    x = Tensor(np.ones(2))
    (keeper(x) + keeper(x)).backward()
    assert x.grad.tolist() == [2.0, 2.0]
    assert stored.tolist() == [1.0, 1.0]
    assert not np.shares_memory(x.grad, stored)
