"""Round-off of the functions and gradients that are compared: it is measured where something looks wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph.check import compare_grads, compare_pair
from tinygraph.check.rounding import Dice, Shaken, spread

MATRIX = np.random.default_rng(0).uniform(0.25, 0.75, (3, 4))
FUNCTIONS: list[Callable[[Any], Any]] = [
    np.sum,
    np.var,
    np.max,
    np.sort,
    np.cumsum,
    np.modf,
    np.linalg.norm,
    lambda x: x.mean(axis=0),
    lambda x: x @ x.T,
    lambda x: x.dot(x.T),
    lambda x: np.einsum("ij->i", x),
    lambda x: np.einsum("ij,kj->ik", x, x),
    lambda x: np.where(x > 0.5, x, 0.0),
    lambda x: np.stack([x, x * 2.0]),
    lambda x: np.pad(x, 1),
    lambda x: np.clip(x, 0.3, 0.5),
    lambda x: np.linalg.inv(x[:3, :3]),
    lambda x: 1.0 / x[0, 0],
    lambda x: sum(row[0] for row in x),
    lambda x: np.exp(x, out=np.empty_like(x)),
    lambda x: np.float64(2.0) * x[0, 1],
    lambda x: np.add.reduceat(x, [0, 2], axis=1),
]


def leaves(found: Any) -> list[Any]:
    return list(found) if isinstance(found, tuple | list) else [found]


@pytest.mark.parametrize("f", FUNCTIONS)
def test_numpy_goes_on_as_before_but_for_the_last_digits(f: Callable[[Any], Any]) -> None:
    shaken = leaves(f(Shaken.of(MATRIX, Dice(0))))
    for found, right in zip(shaken, leaves(f(MATRIX)), strict=True):
        assert type(found) is Shaken
        assert found.dtype == right.dtype
        assert found.shape == np.shape(right)
        np.testing.assert_allclose(np.asarray(found), right, rtol=1e-13)


def test_what_is_exact_stays_exact_and_what_is_rounded_does_not() -> None:
    x = Shaken.of(MATRIX, Dice(0))
    for exact in (-x, np.abs(x), np.maximum(x, 0.5), np.sort(x), x.copy(), np.stack([x])[0], x.T):
        assert set(np.asarray(exact).ravel()) <= {*MATRIX.ravel(), *-MATRIX.ravel(), 0.5}
    for rounded in (x + 0.0, np.exp(x), np.sum(x, axis=0), x @ np.eye(4), np.einsum("ij->j", x)):
        assert np.all(np.asarray(rounded) != np.asarray(rounded + 0.0))
    assert (x > 0.5).dtype == bool
    assert type(x > 0.5) is np.ndarray
    assert (x.astype(np.float32) * 2).dtype == np.float32


def test_a_result_written_into_an_array_is_shaken_there() -> None:
    x, plain = Shaken.of(MATRIX.copy(), Dice(0)), MATRIX.copy()
    x += 1.0
    plain += 1.0
    assert 0.0 < np.max(np.abs(np.asarray(x) - plain)) < 1e-15


def test_gradients_of_every_order_are_shaken() -> None:
    f = lambda x: np.tanh(x) * np.sum(x)  # noqa: E731
    second = tg.grad(lambda x: tg.grad(lambda x: f(x).sum())(x).sum())
    moved = second(Shaken.of(MATRIX, Dice(0)))
    assert 0.0 < np.max(np.abs(np.asarray(moved) - second(MATRIX))) < 1e-12


def test_an_iteration_that_waits_for_its_last_digit_comes_to_an_end() -> None:
    def root(a: Any) -> Any:
        x, before = a, a * 0.0
        while x != before:
            x, before = (x + a / x) / 2.0, x
        return x

    assert spread(lambda a: [root(a)], [np.array(2.0)], samples=2)[0] < 1e-13


def test_where_no_value_is_so_near_nothing_can_be_said() -> None:
    def edge(x: Any) -> Any:
        if x != 1.0:
            raise ValueError("only at 1")
        return x

    assert spread(lambda x: [edge(x)], [np.array(1.0)])[0] == np.inf


# --- it takes no fault away


def test_a_gradient_that_is_wrong_at_this_point_alone_is_wrong() -> None:
    report = compare_pair(lambda x: x**3, lambda x: np.where(x == 1.0, 2.9, 3.0 * x**2), 1.0)
    assert report.wrong == 1


@pytest.mark.parametrize("factor", [0.0, -1.0, 2.0, 1.001])
def test_a_wrong_rule_beside_terms_that_cancel_is_wrong(factor: float) -> None:
    square = tg.op(lambda x: x * x, vjps=[lambda g, ans, x: 2.0 * factor * g * x], kind="elementwise")
    f = lambda x: np.sum(square(x) + (np.exp(x) + 1.0) - np.exp(x))  # noqa: E731
    report = compare_grads(f, np.array([0.5, 1.0625, -2.0]))
    assert report.wrong == 3


def test_where_the_function_takes_plain_arrays_alone_its_arguments_are_moved() -> None:
    def plain(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def strict(x: Any) -> Any:
            if isinstance(x, Shaken):
                raise TypeError("a Shaken is not an ndarray")
            return np.float64(f(float(x)))

        return strict

    cancelling = compare_pair(plain(lambda x: x * x), plain(lambda x: ((1e6 + x) - 1e6) * 2.0), 0.3)
    assert (cancelling.right, cancelling.wrong) == (1, 0)
    assert compare_pair(plain(math.sin), plain(lambda x: -math.cos(x)), 0.3).wrong == 1


def test_nothing_is_measured_where_nothing_looks_wrong() -> None:
    calls = []

    def gradient(x: Any) -> Any:
        calls.append(type(x))
        return np.cos(x)

    report = compare_pair(lambda x: np.sum(np.sin(x)), gradient, np.linspace(0.1, 1.0, 10))
    assert (report.right, calls) == (10, [np.ndarray])
    assert report.evaluations <= 4 * 10 + 20


def test_a_gradient_in_single_precision_is_moved_by_its_own_digits() -> None:
    def f(x: Any) -> Any:
        narrow = np.asarray(x, np.float32)
        return np.sum((narrow + np.float32(1.0)) - np.float32(1.0), dtype=np.float32)

    def gradient(x: Any) -> Any:
        narrow = np.asarray(x, np.float32)
        return np.asarray((narrow + np.float32(4096.0)) - np.float32(4095.0) - narrow, np.float64)

    report = compare_pair(f, gradient, np.array([0.3, 0.7]), power=0.1)
    assert report.wrong == 0
