"""Each pass does what it is for, leaves alone what it must, and changes no result by a bit."""

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from laws import checks, table
from laws.cases import recipe_for

import tinygraph as tg
from tinygraph.op import Op
from tinygraph.program import passes
from tinygraph.program.code import Program
from tinygraph.program.source import compiled as defined
from tinygraph.program.source import text

ON_THE_HOST = {"expm", "solve_triangular"}  # SciPy's, which no program can follow
RULED = [op for op in table.RULED if op.name not in ON_THE_HOST]

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])


def recorded(f: Callable[..., Any], *args: Any) -> Program:
    compiled = tg.compile(f, strict=True)
    compiled(*args)
    program = compiled._last().recorded
    assert program is not None
    return program


def body(program: Program) -> str:
    return text(program).partition("def program")[2]


def run(program: Program) -> list[np.ndarray]:
    return list(defined(program)[0](*program.inputs.values(), *program.constants.values()))


def unchanged(program: Program, *changes: passes.Pass) -> Program:
    """The program after some passes, which gives the same bits."""
    after = passes.applied(program, changes)
    for want, got in zip(run(program), run(after), strict=True):
        assert np.asarray(want).tobytes() == np.asarray(got).tobytes()
    return after


def test_dead_code() -> None:
    def f(x: Any) -> Any:
        np.exp(x)
        return x + 1.0

    program = recorded(f, X)
    assert "np.exp" in body(program)
    assert "np.exp" not in body(unchanged(program, passes.dead_code))


def test_dead_code_keeps_what_is_written_to_an_array_that_is_used() -> None:
    def f(x: Any) -> Any:
        y = x.copy()
        row = y[0]
        row[...] = 2.0 * row
        y[1, 1] = x[0, 0]
        return y

    after = unchanged(recorded(f, X), *passes.EXACT)
    np.testing.assert_array_equal(run(after)[0], f(X))


def test_common_subexpressions() -> None:
    program = recorded(lambda x: np.exp(x) * (1.0 - np.exp(x)), X)
    assert body(program).count("np.exp") == 2
    assert body(unchanged(program, passes.common_subexpressions)).count("np.exp") == 1


def test_the_softmax_of_cross_entropy_is_computed_once() -> None:
    f = tg.value_and_grad(tg.cross_entropy)
    program = recorded(f, X, np.array([0, 2]))
    assert body(unchanged(program, *passes.EXACT)).count("np.exp") == 1


def test_what_is_read_before_and_after_a_write_is_read_twice() -> None:
    def f(x: Any) -> Any:
        y = x.copy()
        view = y[0]
        before = y * 2.0
        view[1] = 7.0
        return before + y * 2.0

    after = unchanged(recorded(f, X), *passes.EXACT)
    assert body(after).count("* 2.0") == 2
    np.testing.assert_array_equal(run(after)[0], f(X))


def test_copies_are_not_merged() -> None:
    program = recorded(lambda x: (x.copy(), x.copy()), X)
    one, two = run(unchanged(program, *passes.EXACT))
    assert not np.shares_memory(one, two)


def test_constants_stand_before_the_function() -> None:
    program = recorded(lambda x: x[np.arange(2, like=x), np.arange(2, like=x)], X)
    after = unchanged(program, *passes.EXACT)
    assert "np.arange" in body(program)
    assert "np.arange" not in body(after)
    assert text(after).count("np.arange(2)") == 1


@pytest.mark.parametrize(
    ("f", "gone"),
    [
        (lambda x: (x * 1.0) + 2.0, "* 1.0"),
        (lambda x: (1 * x) + 2.0, "1 *"),
        (lambda x: (x / 1.0) + 2.0, "/ 1.0"),
        (lambda x: x.T.T + 2.0, ".T"),
        (lambda x: x.reshape((2, 3)) + 2.0, "reshape"),
    ],
)
def test_exact_algebra(f: Callable[..., Any], gone: str) -> None:
    program = recorded(f, X)
    assert gone in body(program)
    assert gone not in body(unchanged(program, passes.exact_algebra, passes.dead_code))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * np.float64(1.0),
        lambda x: x * np.ones(3),
        lambda x: x + 0.0,
        lambda x: x * 0.0,
        lambda x: x.reshape((3, 2)),
    ],
)
def test_algebra_that_would_change_a_bit_a_shape_or_a_dtype_is_left(f: Callable[..., Any]) -> None:
    for x in (X, X.astype(np.float32), np.array([[-0.0, 1.0, np.nan]] * 2)):
        unchanged(recorded(f, x), *passes.EXACT)


def test_a_sum_that_keeps_its_axis() -> None:
    program = recorded(tg.grad(lambda b, x: np.exp(x + b).sum()), np.zeros((2, 1)), X)
    assert ".sum(axis=1, keepdims=True)" in body(unchanged(program, *passes.EXACT))


def test_copies_of_what_nobody_else_holds_are_spared() -> None:
    program = recorded(lambda x: np.exp(x).copy(), X)
    assert "copy" not in body(unchanged(program, *passes.EXACT))
    program = recorded(lambda x: (x.copy(), x.T.copy()), X)
    assert body(unchanged(program, *passes.EXACT)).count("copy") == 2


@pytest.mark.parametrize("change", [*passes.EXACT, passes.folded], ids=lambda p: p.__name__)
@pytest.mark.parametrize("function", RULED[::5], ids=lambda o: f"op-{o.name}")
def test_each_pass_alone_changes_no_bit(function: Op, change: passes.Pass) -> None:
    case = recipe_for(function)(Random(1))
    f = checks.closed(function, case)

    def both(*arrays: Any) -> Any:
        outs, pull = tg.vjp(f, *arrays)
        return outs, pull([np.ones_like(y) for y in outs])

    unchanged(recorded(both, *case.arrays), change)


def test_a_number_that_is_broadcast_stands_for_itself() -> None:
    x = np.linspace(0.5, 2.0, 100_000)  # so many that the gradient of a sum is a view
    program = recorded(tg.grad(lambda x: (np.exp(x) * 3.0 + x).sum()), x)
    assert "broadcast_to" in body(program)
    after = unchanged(program, *passes.EXACT)
    assert "broadcast_to" not in text(after)
    assert "np.exp(x) * 3.0" not in body(after)
