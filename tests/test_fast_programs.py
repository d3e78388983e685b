"""The fast rendering: the same bits as the program that is read, in memory that is made once and taken over."""

import os
import threading
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pytest
from laws import checks, table
from laws.cases import recipe_for

import tinygraph as tg
from tinygraph import nn
from tinygraph.check.programs import random_program
from tinygraph.op import Op
from tinygraph.program.buffers import compact, owners
from tinygraph.program.choice import TRIALS, Choice, Pool, same
from tinygraph.program.code import Program
from tinygraph.program.fast import Fast, fast, workspaces
from tinygraph.program.products import by_dot
from tinygraph.program.source import compiled as defined

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
ON_THE_HOST = {"expm", "solve_triangular"}  # SciPy's, which no program can follow
RULED = [op for op in table.RULED if op.name not in ON_THE_HOST]
X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])


def program_of(f: Callable[..., Any], *args: Any) -> Program:
    compiled = tg.compile(f, strict=True)
    compiled(*args)
    program = compiled._last().program
    assert program is not None
    return program


def given(program: Program) -> list[Any]:
    return [*program.inputs.values(), *program.constants.values()]


def agrees(program: Program, lent: bool = False) -> Fast:
    """The fast rendering, which gives the same bits as the program that is read, called twice in one workspace."""
    rendered = fast(program, lent)
    run = workspaces(rendered)()
    wanted = defined(program)[0](*given(program))
    for _ in range(2):
        assert same(wanted, run(*given(program))), rendered.text()
    return rendered


def network(dtype: Any = np.float32, batch: int = 64) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Loss and gradient of an MLP, and what they are called with."""
    rng = np.random.default_rng(0)
    sizes = (64, 64, 48, 10)
    params = {f"W{i}": rng.normal(size=s).astype(dtype) * 0.1 for i, s in enumerate(pairwise(sizes))}
    params |= {f"b{i}": np.zeros(n, dtype) for i, n in enumerate(sizes[1:])}

    def loss(p: Any, x: Any, y: Any) -> Any:
        for i in range(len(sizes) - 1):
            x = x @ p[f"W{i}"] + p[f"b{i}"]
            x = tg.relu(x) if i < len(sizes) - 2 else x
        return ((x - y) ** 2).mean()

    data = [rng.normal(size=(batch, n)).astype(dtype) for n in (sizes[0], sizes[-1])]
    return tg.value_and_grad(loss), (params, *data)


def test_arrays_are_filled_in_place_and_views_are_made_once() -> None:
    program = program_of(lambda x: (np.exp(-(x * x)) @ x.T).T.sum(axis=0), X)
    rendered = agrees(program)
    text = rendered.text()
    assert "    multiply(x, x, out=" in text
    assert "    negative(t_2, out=t_3)" in text
    assert rendered.plan.reused == {"t_3": "t_2", "t_4": "t_3"}
    assert rendered.plan.size == 64 + 64
    assert [line.name for line in rendered.views] == ["t_7"]
    assert text.index("t_7 = t_6.T") < text.index("def program")


def test_numbers_beside_arrays_have_places_of_their_own() -> None:
    rendered = agrees(program_of(lambda c_2, n_1: np.exp(np.maximum(c_2 * 3.0 + 0.5, 0.25) - 4.0) * n_1 * 2.0, X, X))
    titles = [line.name for line in rendered.program.lines if line.block == "constants"]
    assert titles == ["c_1", "c_3", "c_4", "c_5"]
    rate = tg.Tensor(X.copy())
    opt = tg.optim.Adam([rate], lr=0.1)
    compiled = tg.compile(lambda: ((rate * rate).sum().backward(), opt.step(), opt.zero_grad())[0], strict=True)
    compiled()
    assert "n_1[()] = 1e-08 * root" in compiled.fast_source


def test_no_array_of_the_printed_source_takes_the_name_of_its_function() -> None:
    def y(x: Any) -> Any:
        y = np.exp(x)
        return y * 2.0 + y

    compiled = tg.compile(y, strict=True)
    compiled(X)
    space: dict[str, Any] = {}
    exec(compiled.fast_source, space)  # noqa: S102  our own source
    np.testing.assert_array_equal(space["y"](X)[0], y(X))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_mask_beside_floats_is_made_floats_first(dtype: Any) -> None:
    x = X.astype(dtype)
    rendered = agrees(program_of(lambda x: np.maximum(x * (x > 0.1), x < -0.2) - (x == x[:1]), x))
    assert rendered.text().count("[...] = ") == 3
    agrees(program_of(lambda x: (x * 2.0) * (x[:1] > 0.1) + (x[:1] > 0.0) * 3.0, x))  # of another shape; of a number
    assert "[...] = " not in agrees(program_of(lambda x: np.ldexp(x, x > 0.1), x)).text()  # a whole number


def test_a_few_arrays_are_joined_by_assignments() -> None:
    for axis in (0, 1, -1):
        rendered = agrees(program_of(lambda x, axis=axis: np.concatenate([2.0 * x, np.exp(x)], axis=axis) * 3.0, X))
        assert "concatenate" not in rendered.text()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dot_stands_for_matmul_where_both_give_the_same_bits(dtype: Any) -> None:
    rng = np.random.default_rng(1)
    usual = 0
    for m, k, n in [(1, 1, 1), (1, 10, 1), (32, 10, 1), (1, 32, 10), (5, 1, 7), (64, 64, 10), (3, 2, 4), (7, 30, 1)]:
        x, y = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
        for a in (x, np.asfortranarray(x), x.repeat(2, axis=1)[:, ::2]):
            for b in (y, np.asfortranarray(y), y.repeat(2, axis=0)[::2]):
                if by_dot(a, b, a @ b):
                    usual += 1
                    for _ in range(3):
                        a[...], b[...] = rng.normal(size=a.shape), rng.normal(size=b.shape)
                        assert a.dot(b).tobytes() == (a @ b).tobytes()
    assert usual
    assert not by_dot(x, y, np.zeros((7, 2), dtype)[:, :1])
    assert not by_dot(X.astype(int), X.T.astype(int), X.astype(int) @ X.T.astype(int))


def test_an_operand_is_not_overwritten_while_a_view_of_it_is_read() -> None:
    square = np.arange(9.0).reshape(3, 3)

    def f(x: Any) -> Any:
        y = x * 2.0
        return (y + y.T) * 3.0

    rendered = agrees(program_of(f, square))
    assert "y" not in rendered.plan.reused.values()
    np.testing.assert_array_equal(tg.compile(f)(square), f(square))


def test_an_operand_that_is_read_again_is_not_overwritten() -> None:
    def f(x: Any) -> Any:
        y = np.tanh(x)
        z = y * 2.0
        return z + y, z.T

    assert not agrees(program_of(f, X)).plan.reused


def test_a_row_is_not_filled_in_place_of_the_matrix_that_it_is_added_to() -> None:
    rendered = agrees(program_of(lambda x: np.exp(np.exp(x[0] * 1.5) + np.exp(x)) * 2.0, X))
    values = rendered.values
    assert all(values[a].shape == values[b].shape for a, b in rendered.plan.reused.items())


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.where(x > 0.3, x * 2.0, x * 3.0) + 1.0,
        lambda x: np.where(x[0] > 0.3, x * 2.0, 0.0) + 1.0,
        lambda x: np.where(x > 0.3, 1, x.T[:1].T * 2.0) + 1.0,
        lambda x: (x**2) + (x**0.5) + (x**-1) + (x**3) + (x**1) + (2.0**x) + x,
        lambda x: np.zeros_like(x * 2.0) + np.full_like(x, 3.0) + np.ones_like(x) + 1.0,
        lambda x: (x * 2.0).astype(np.float32).T.reshape(3, 2).T.ravel() * 2.0,
        lambda x: np.concatenate([x * 2.0, np.stack([x[0], x[1]])]) + np.concatenate([x, x]),
        lambda x: ((x > 0) & ~(x < 1.0) | (x == 0.5)) * 2.0,
        lambda x: abs(x * 2.0) // 0.7 % 0.6 + (-x).max(axis=1, keepdims=True) + np.cumsum(x, axis=1),
        lambda x: (x * 2.0).copy(order="F").sum(axis=0) + (x.T * 3.0).sum(axis=1) + x.mean(axis=0) * 2.0,
        lambda x: np.exp(x[:, :0] * 2.0).sum(axis=1) + x[:, 0] * 2.0,
    ],
)
def test_every_way_to_fill_an_array(f: Callable[..., Any]) -> None:
    odd = np.array([[np.nan, -0.0, np.inf], [0.3, -np.inf, 1e-320]])
    for x in (X, X.astype(np.float32), np.asfortranarray(X), odd, X.astype(np.float16)):
        with np.errstate(all="ignore"):
            agrees(program_of(f, x))
            agrees(program_of(f, x), lent=True)


def test_what_is_written_to_lies_in_memory_too() -> None:
    def f(x: Any) -> Any:
        y = x * 2.0
        row = y[0]
        row *= 3.0
        y[1, 1] = x[0, 0]
        y += row
        return y * 1.5

    rendered = agrees(program_of(f, X))
    assert "y" in rendered.plan.offsets
    np.testing.assert_array_equal(tg.compile(f)(X), f(X))


CASTING = 200_000  # bytes, at most, of the chunks by which NumPy brings booleans to floats


def test_no_array_is_made_after_the_first_call() -> None:
    f, args = network(batch=2048)
    program = program_of(f, *args)
    rendered = agrees(program, lent=True)
    run = workspaces(rendered)()
    hidden = 2048 * 48 * 4
    assert not rendered.fresh
    assert _peak(lambda: run(*given(program))) < CASTING < hidden
    assert _peak(lambda: defined(program)[0](*given(program))) > 5 * hidden


def test_borrowed_results_cost_no_array_and_are_overwritten() -> None:
    f, args = network()
    compiled = tg.compile(f, borrow=True)
    wanted = f(*args)
    for _ in range(4):
        _, grads = compiled(*args)
    assert all(np.array_equal(grads[k], wanted[1][k]) for k in grads)
    again = compiled(args[0], 2 * args[1], args[2])[1]
    assert all(np.shares_memory(grads[k], again[k]) for k in grads)
    owned = tg.compile(f)
    for _ in range(3 * TRIALS):
        first, second = owned(*args)[1], owned(*args)[1]
        assert not any(np.shares_memory(a, b) for a in first.values() for b in second.values())


def test_the_planned_peak_is_the_measured_one_and_less_than_the_graphs() -> None:
    f, args = network(np.float64, 2048)
    program = program_of(f, *args)
    rendered = fast(program, lent=True)
    make = workspaces(rendered)
    measured = _peak(lambda: make()(*given(program)))
    assert rendered.plan.size <= measured < rendered.plan.size + CASTING
    assert measured < rendered.plan.apart / 2
    assert measured < _peak(lambda: f(*args))


def _peak(f: Callable[[], Any]) -> int:
    """Bytes that a call takes at its fullest."""
    f()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        f()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def test_threads_have_a_workspace_each() -> None:
    f, args = network()
    compiled = tg.compile(f)
    for _ in range(2 * TRIALS + 2):
        compiled(*args)
    compiled._last().run.chosen = compiled._last().run.runs[-1]
    inputs = [(args[0], args[1] + k, args[2]) for k in range(4)]
    wanted = [f(*x)[0] for x in inputs]
    failures: list[int] = []

    def work(k: int) -> None:
        for _ in range(30):
            if compiled(*inputs[k])[0] != wanted[k]:
                failures.append(k)  # noqa: PERF401

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_the_faster_rendering_is_chosen_and_a_wrong_one_left_out() -> None:
    calls: list[str] = []

    def rendering(name: str, factor: float, work: int) -> Callable[[], Callable[..., Any]]:
        def run(x: Any) -> Any:
            calls.append(name)
            for _ in range(work):
                np.linalg.svd(np.eye(20))
            return (x * factor,)

        return lambda: run

    for slow, quick in ((0, 30), (30, 0)):
        choice = Choice([rendering("one", 2.0, slow), rendering("other", 2.0, quick)])
        for _ in range(2 * TRIALS + 3):
            np.testing.assert_array_equal(choice(X)[0], X * 2.0)
        assert calls[-1] == ("one" if slow == 0 else "other")
    choice = Choice([rendering("right", 2.0, 5), rendering("wrong", 2.0 + 1e-15, 0)])
    for _ in range(4):
        np.testing.assert_array_equal(choice(X)[0], X * 2.0)
    calls.clear()
    choice(X)
    assert calls == ["right"]


def test_a_call_that_raises_leaves_the_next_one_right() -> None:
    def run(x: Any) -> Any:
        if x is None:
            raise ValueError("nothing")
        return (x + 1.0,)

    pool = Pool(lambda: run)
    pool(X)
    with pytest.raises(ValueError, match="nothing"):
        pool(None)
    np.testing.assert_array_equal(pool(X)[0], X + 1.0)


def test_explain_tells_where_arrays_lie() -> None:
    f, args = network()
    compiled = tg.compile(f)
    compiled(*args)
    said = compiled.explain()
    plan = fast(compiled._last().program).plan
    assert f"{len(plan.offsets)} arrays lie in one memory of {plan.size:,} bytes" in said
    assert f"{len(plan.reused)} are filled in place of an operand" in said
    assert "dW0 = " in said
    assert f"memory = np.empty({plan.size}, np.uint8)" in compiled.fast_source


def test_compact() -> None:
    assert all(map(compact, (X, X.T, X[None], np.zeros((2, 3, 4)).transpose(1, 0, 2))))
    assert not any(map(compact, (X[:, :2], X[:, ::-1], np.broadcast_to(X, (2, 2, 3)), X[:0], np.float64(1.0))))


def test_owners_look_through_views() -> None:
    program = program_of(lambda x: (x * 2.0).T[0] + x.reshape(-1)[:2], X)
    owner = owners(program)
    assert len(set(owner.values())) == 3  # x, x * 2 and the sum


@pytest.mark.parametrize("function", RULED if DEEP else RULED[1::4], ids=lambda o: f"op-{o.name}")
def test_every_operation_gives_the_same_bits(function: Op) -> None:
    case = recipe_for(function)(Random(2))
    f = checks.closed(function, case)

    def both(*arrays: Any) -> Any:
        outs, pull = tg.vjp(f, *arrays)
        return outs, pull([np.ones_like(y) for y in outs])

    program = program_of(both, *case.arrays)
    agrees(program)
    agrees(program, lent=True)


@pytest.mark.parametrize("seeds", [range(i, i + 20) for i in range(0, 4000 if DEEP else 40, 20)], ids=str)
def test_random_programs_give_the_same_bits(seeds: range) -> None:
    for seed in seeds:
        f = random_program(seed, kinks=True)

        def loss(*args: Any, f: Any = f) -> Any:
            return np.sum(f(*args))

        with np.errstate(all="ignore"):
            g = tg.value_and_grad(loss, argnums=tuple(range(len(f.args))))
            agrees(program_of(g, *f.args))
            compiled = tg.compile(g)
            for _ in range(3):
                for want, got in zip(_flat(g(*f.args)), _flat(compiled(*f.args)), strict=True):
                    np.testing.assert_array_equal(want, got)


def _flat(found: Any) -> list[Any]:
    value, grads = found
    return [value, *grads]


def test_views_of_what_was_computed_twice_keep_it_alive() -> None:
    def f(x: Any) -> Any:
        rows, again = np.exp(x), np.exp(x)  # one array, once the passes are done
        view = again.T
        return (np.exp(rows * 2.0) + 1.0).T * 3.0 + view

    agrees(program_of(f, X))


def test_complex_numbers_lie_in_memory_too() -> None:
    rendered = agrees(program_of(lambda x: np.fft.ifft(np.fft.fft(x) * 2.0 * np.fft.fft(x)).real * 3.0, X))
    assert any(rendered.values[n].dtype.kind == "c" for n in rendered.plan.offsets)


def test_numbers_beside_arrays_are_made_once() -> None:
    for x in (X, X.astype(np.float32)):
        text = agrees(program_of(lambda x: np.exp(x * 0.1 + 1) / 3.0 * 2.0, x)).text()
        assert f"np.array(0.1, np.{x.dtype})" in text.partition("def program")[0]


def test_results_come_back_in_the_brackets_that_they_were_in() -> None:
    class Pair(NamedTuple):
        one: Any
        two: Any

    def f(x: Any) -> Any:
        return {"a": [x * 2.0, None], 3: (x + 1.0,), "same": x}, Pair(x * 3.0, 7), ()

    compiled = tg.compile(f)
    for _ in range(3):
        found, pair, empty = compiled(X)
        assert list(found) == ["a", 3, "same"]
        assert type(found["a"]) is list
        assert found["a"][1] is None
        assert type(found[3]) is tuple
        assert found["same"] is X
        assert type(pair) is Pair
        assert pair.two == 7
        assert empty == ()
        np.testing.assert_array_equal(pair.one, X * 3.0)
        np.testing.assert_array_equal(found["a"][0], X * 2.0)


def test_layers_give_the_same_bits() -> None:
    net = nn.Sequential(nn.Conv2d(1, 3, 3, rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 4, rng=1))
    params = {n: t.data for n, t in net.named_parameters()}
    x = np.random.default_rng(0).normal(size=(5, 1, 8, 8))

    def loss(p: Any, x: Any, y: Any) -> Any:
        return tg.cross_entropy(nn.functional_call(net, p, x), y)

    agrees(program_of(tg.value_and_grad(loss), params, x, np.array([0, 1, 2, 3, 0])))
