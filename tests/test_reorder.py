"""Passes that are asked for: equal to rounding, with less to do; never by themselves."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_fast_programs import X, network, program_of

import tinygraph as tg
from tinygraph.check.programs import random_program
from tinygraph.program import reorder
from tinygraph.program.code import Program
from tinygraph.program.passes import applied
from tinygraph.program.source import compiled as defined
from tinygraph.program.source import text


def run(program: Program) -> list[Any]:
    return list(defined(program)[0](*program.inputs.values(), *program.constants.values()))


@pytest.mark.parametrize(
    ("f", "gone", "there"),
    [
        (lambda x: np.exp(x) / 3.0, "/ 3.0", "* 0.333"),
        (lambda x: 0.1 * (0.3 * np.exp(x)), "0.3 *", "0.03 *"),
        (lambda x: -(0.3 * np.exp(x)), "-(", "-0.3 *"),
        (lambda x: -(np.exp(x) / 4.0 * 2.0), "/ 4.0", "-0.5 * np.exp"),
        (lambda x: (0.3 * np.exp(x)).sum(axis=0), "(0.3 *", "0.3 * np.exp(x).sum"),
        (lambda x: (np.exp(x) / 4.0).sum(), "/ 4.0", "0.25 * np.exp(x).sum"),
    ],
)
def test_numbers_are_gathered(f: Callable[..., Any], gone: str, there: str) -> None:
    for x in (X, X.astype(np.float32)):
        program = program_of(f, x)
        after = applied(program, reorder.REORDERING)
        assert gone in text(program)
        assert gone not in text(after)
        assert there in text(after)
        assert all(map(reorder.near, run(program), run(after)))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x / 0.0,
        lambda x: x / 5e-324,
        lambda x: 1e200 * (1e200 * x),
        lambda x: 1e-200 * (1e-200 * x),
        lambda x: 3.0 / x,
        lambda x: (np.where(x > 0, 1, 0) * 2) // 3,
        lambda x: np.array([1, 2, 3]) * 2 * 3 + (x > 0).sum(),
    ],
)
def test_what_would_overflow_or_is_no_float_is_left(f: Callable[..., Any]) -> None:
    with np.errstate(all="ignore"):
        program = program_of(f, X)
        for want, got in zip(run(program), run(applied(program, reorder.REORDERING)), strict=True):
            np.testing.assert_array_equal(want, got)


def test_it_has_to_be_asked_for() -> None:
    f, args = network(np.float64)
    exact, other = tg.compile(f), tg.compile(f, reorder=True, check=3)
    for _ in range(12):
        found, (value, grads) = exact(*args), other(*args)
    want, wanted = f(*args)
    assert found[0] == want
    assert all(np.array_equal(found[1][k], wanted[k]) for k in wanted)
    assert value == pytest.approx(want, rel=1e-12)
    for k in wanted:
        np.testing.assert_allclose(grads[k], wanted[k], rtol=0, atol=1e-13 * abs(wanted[k]).max())
    assert len(other._last().program.lines) < len(exact._last().program.lines)


def test_random_programs_are_equal_to_rounding() -> None:
    for seed in range(25):
        f = random_program(seed, kinks=True)
        g = tg.value_and_grad(lambda *a, f=f: np.sum(f(*a)), argnums=tuple(range(len(f.args))))
        with np.errstate(all="ignore"):
            program = program_of(g, *f.args)
            assert all(map(reorder.near, run(program), run(applied(program, reorder.REORDERING))))


def test_near_tells_rounding_from_a_mistake() -> None:
    x = np.array([1.0, 1e-20, np.nan, np.inf])
    assert reorder.near(x, x * (1 + 1e-15))
    assert not reorder.near(x, x * (1 + 1e-10))
    assert not reorder.near(x, x.astype(np.float32))
    assert not reorder.near(np.array([1]), np.array([2]))
