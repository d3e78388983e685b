"""Correct derivatives are never called wrong: random programs, every operation, at kinks, and under noise.

10,000 examples in the profile "ci", a tenth of them in "dev", ten times as many, new ones each time, in "deep"
(`make deep`). What cannot be decided, a kink or noise, comes out as inconclusive.
"""

from __future__ import annotations

from random import Random
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from laws import checks, table
from laws.cases import recipe_for
from laws.examples import PROFILE

import tinygraph as tg
from tinygraph import Op
from tinygraph.check import check_grads, compare_backprop, compare_grads, compare_pair
from tinygraph.check import strategies as tgst
from tinygraph.check.programs import Program, random_program
from tinygraph.check.projection import compare_along
from tinygraph.check.report import Report
from tinygraph.check.verdict import KINK, NOISE
from tinygraph.graph import differentiable
from tinygraph.op import bare

TIMES = {"deep": 10.0, "ci": 1.0}.get(PROFILE, 0.1)
PARAMS = {"axis", "keepdims", "ddof"}
ONE_TRIANGLE = {"cholesky", "eigh", "eigvalsh"}  # they read one, and their derivative is that by symmetric matrices
SIMPLE = [
    o
    for o in table.RULED
    if o.name not in ONE_TRIANGLE
    if not o.variadic and all(o.vjps) and o.name != "expand_dims" and set(o.params) <= PARAMS
    if o.kind == "elementwise" or o.arity < 3 or o.name == "linear"
]
FITTED = [o for o in table.RULED if o not in SIMPLE]  # whose arrays have to fit each other, or their params
KINKED = [o for o in table.RULED if o.kinks]
CORNERS = [tg.abs, tg.maximum, tg.minimum, tg.hypot, tg.relu, tg.leaky_relu, tg.max, tg.min, tg.std]

orders = pytest.mark.parametrize("order", [1, 2])
modes = pytest.mark.parametrize("mode", ["rev", "fwd"])


def examples(count: int) -> Any:
    """So many in "ci"."""
    return settings(max_examples=max(5, round(count * TIMES)), suppress_health_check=list(HealthCheck))


def innocent(report: Report, what: Any) -> None:
    assert report.wrong == 0, f"a false alarm: {what!r}\n{report}"


@orders
@modes
@examples(900)
@given(program=tgst.programs())
def test_smooth_programs(order: int, mode: str, program: Program) -> None:
    innocent(compare_grads(program, *program.args, order=order, mode=mode), program)


def on_a_kink(program: Program) -> bool:
    """Whether some operation of a program is exactly at a kink that it declares."""
    found = program(*map(tg.Tensor, program.args))._node
    for node in differentiable([found]):
        for kink in node.op.kinks if node.op else ():
            with np.errstate(all="ignore"):
                if np.any(np.abs(kink.margin(*node.args, **(node.params or {}))) < 1e-12):
                    return True
    return False


@orders
@modes
@examples(500)
@given(program=tgst.programs(kinks=True))
def test_programs_with_kinks(order: int, mode: str, program: Program) -> None:
    report = compare_grads(program, *program.args, order=order, mode=mode)
    if report.wrong and on_a_kink(program):
        return  # see the last test: there the derivative may be wrong indeed
    innocent(report, program)


@pytest.mark.parametrize("op", SIMPLE, ids=lambda o: o.name)
@examples(40)
@given(data=st.data(), order=st.sampled_from([1, 2]), mode=st.sampled_from(["rev", "fwd"]))
def test_operations_away_from_their_kinks(op: Op, data: Any, order: int, mode: str) -> None:
    args = data.draw(tgst.op_arguments(op))
    innocent(compare_grads(op, *args, order=order, mode=mode), (op, args))


@pytest.mark.parametrize("op", FITTED, ids=lambda o: o.name)
@examples(40)
@given(seed=st.integers(0, 2**32), order=st.sampled_from([1, 2]), mode=st.sampled_from(["rev", "fwd"]))
def test_operations_on_arrays_that_fit(op: Op, seed: int, order: int, mode: str) -> None:
    case = recipe_for(op)(Random(seed))
    innocent(compare_grads(checks.closed(op, case), *case.arrays, order=order, mode=mode), (op, case))


@pytest.mark.parametrize("op", KINKED, ids=lambda o: o.name)
@examples(40)
@given(data=st.data(), order=st.sampled_from([1, 2]), mode=st.sampled_from(["rev", "fwd"]))
def test_operations_at_their_kinks(op: Op, data: Any, order: int, mode: str) -> None:
    args = data.draw(tgst.at_kinks(op))
    if op.name == "clip":  # between bounds that meet it is constant, but x at them keeps its slope by convention
        assume(np.all(args[1] != args[2]))
    innocent(compare_grads(op, *args, order=order, mode=mode), (op, args))


@pytest.mark.parametrize("op", CORNERS, ids=lambda o: o.name)
@examples(10)
@given(data=st.data())
def test_a_corner_is_inconclusive_and_says_kink(op: Op, data: Any) -> None:
    args = data.draw(tgst.at_kinks(op).filter(lambda args: args[0].size > 1 or op.kind == "elementwise"))
    report = compare_grads(op, *args)
    assert any(np.any(c.verdicts == KINK) for c in report.comparisons)


def noisy(size: float, clean: Any) -> Any:
    """A function with errors of a given relative size that depend on nothing but its arguments' bits."""

    def f(*args: Any) -> float:
        draw = crc32(b"".join(np.asarray(bare(a)).tobytes() for a in args)) / 2.0**31 - 1.0
        return float(bare(clean(*args))) * (1.0 + size * draw)

    return f


@examples(1000)
@given(program=tgst.programs(steps=4), size=st.sampled_from([1e-15, 1e-12, 1e-9, 1e-6, 1e-3]))
def test_values_with_noise(program: Program, size: float) -> None:
    def clean(*args: Any) -> Any:
        return np.sum(program(*args) * 0.25)

    def gradient(*args: Any) -> Any:
        found = tg.grad(clean, tuple(range(len(args))))(*args)
        return found if len(args) > 1 else found[0]

    report = compare_grads(noisy(size, clean), *program.args, gradient=gradient)
    innocent(report, program)


def test_noise_is_told_as_noise() -> None:
    loud = noisy(1e-2, lambda x: np.sum(np.tanh(x)))
    report = compare_grads(loud, np.array([0.5, -0.25, 1.0]), gradient=lambda x: 1.0 - np.tanh(x) ** 2)
    assert (report.right, report.wrong) == (0, 0)
    assert all(np.all(np.isin(c.verdicts, [NOISE, KINK])) for c in report.comparisons)


def test_nearly_all_derivatives_of_smooth_programs_are_decided() -> None:
    right = size = 0
    for seed in range(200):
        program = random_program(seed)
        report = compare_grads(program, *program.args, order=1 + seed % 2)
        right, size = right + report.right, size + report.size
    assert right >= 0.98 * size


def test_a_single_program_by_check_grads() -> None:
    program = random_program(10)
    check_grads(program, *program.args, order=2)


# --- what once was called wrong


@orders
@modes
@pytest.mark.parametrize(
    "f",
    [
        lambda x: x - np.stack([x, x]),
        lambda x: np.broadcast_to(np.stack([x, x, x], axis=-1), (3,)) - x,
        lambda x: tg.logsumexp(tg.log_softmax(np.stack([x, 2.0 * x, -x]))),
    ],
)
def test_terms_that_cancel_but_for_their_round_off(f: Any, order: int, mode: str) -> None:
    for x in (0.0, 0.3, -0.96875):
        innocent(compare_grads(f, x, order=order, mode=mode), x)


@pytest.mark.parametrize(
    ("f", "order"),
    [
        (np.abs, 2),
        (np.sign, 1),
        (lambda x: np.clip(np.sign(x) * 2.0 / (x * x + 0.5), -0.5, 0.5), 1),
        (lambda x: np.maximum(x, -x), 2),
    ],
)
def test_a_jump_with_the_point_in_its_middle(f: Any, order: int) -> None:
    report = compare_grads(f, 0.0, order=order)
    assert (report.right, report.wrong) == (0, 0)
    assert report.comparisons[0].verdicts == KINK


def test_a_slope_that_is_wrong_where_the_function_is_flat_is_still_wrong() -> None:
    slanted = tg.op(lambda x: x**4, vjps=[lambda g, ans, x: g * (4.0 * x**3 + 1e-3)], kind="elementwise")
    assert compare_grads(slanted, 0.0).wrong == 1
    stuck = tg.op(lambda x: x * 0.0, vjps=[lambda g, ans, x: 1e-9 * g], kind="elementwise", name="stuck")
    assert compare_grads(stuck, 0.5).wrong == 1


def test_noise_that_shows_only_where_the_arguments_move_unevenly() -> None:
    report = compare_grads(lambda x: np.tanh(np.var(2.0 * x)), np.array([1.4375, -1.75]), order=2)
    assert report.wrong == 0


def spread_of_round_off(x: Any) -> Any:
    a = np.stack([x, x, x])
    return np.var(np.hypot(x, a * a + 0.5))


@orders
@modes
@pytest.mark.parametrize("x", [1.0625, 1.5, 0.71875])
def test_a_spread_of_round_off_alone(x: float, order: int, mode: str) -> None:
    innocent(compare_grads(spread_of_round_off, x, order=order, mode=mode), x)
    innocent(compare_grads(spread_of_round_off, x, order=order, mode=mode, directions=2), x)


def test_round_off_in_a_gradient_that_somebody_wrote() -> None:
    gradient = tg.grad(spread_of_round_off)
    reports = [compare_pair(spread_of_round_off, gradient, x) for x in np.arange(0.5, 3.0, 0.0625)]
    reports += [compare_along(spread_of_round_off, x, gradient=g) for x in (1.0625, 1.5) for g in (None, gradient)]
    assert not any(report.wrong for report in reports)


def test_round_off_in_a_backward_pass_by_hand() -> None:
    def forward(x: Any) -> Any:
        a = np.hypot(x, np.stack([x, x, x]) ** 2 + 0.5)
        return np.var(a), (x, a)

    def backward(cache: Any) -> Any:
        x, a = cache
        da = 2.0 * (a - np.mean(a)) / 3.0
        return {"dx": np.sum(da * (x + 2.0 * x * (x * x + 0.5)) / a)}

    reports = [compare_backprop(forward, backward, x=x) for x in np.arange(0.5, 3.0, 0.0625)]
    assert not any(report.wrong for report in reports)


@orders
@modes
@pytest.mark.parametrize(
    "f",
    [
        lambda b: np.tanh(np.expm1(b)),
        lambda b: 1.0 - np.tanh(np.expm1(b)),
        lambda b: np.log(1.0 - np.tanh(b * b)),
        lambda b: np.arctanh(np.tanh(b * b)),
    ],
)
def test_a_function_that_is_constant_in_floating_point_but_not_in_truth(f: Any, order: int, mode: str) -> None:
    """tanh(18.5) = 1 - 2⁻⁵³, and so for all numbers nearby: no difference of values can see its slope."""
    for b in np.arange(2.0, 3.2, 0.0625):
        innocent(compare_grads(f, b, order=order, mode=mode), b)


def test_a_product_of_one_number_that_is_zero() -> None:
    assert np.array_equal(tg.grad(lambda x: np.prod(np.sum(x)))(np.zeros(2)), [1.0, 1.0])


def test_kinks_that_cancel_are_no_false_alarm() -> None:
    """Each rule gives a subgradient, 0, and their sum is 0, but the function is x (or x²): no rule can see that."""
    assert compare_grads(lambda x: tg.relu(x) - tg.relu(-x), 0.0).wrong == 1
    assert compare_grads(lambda x: np.abs(x) * np.abs(x), 0.0).wrong == 0
    assert compare_grads(lambda x: np.abs(x) * np.abs(x), 0.0, order=2).wrong == 1
