"""Laws of the elementwise operations alone: every broadcasting, every number, and what happens at a kink."""

import itertools
import math
from random import Random
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from laws import cases, checks, table
from laws.cases import Case

import tinygraph as tg
from tinygraph.op import Op

each = pytest.mark.parametrize("op", table.ELEMENTWISE, ids=lambda o: o.name)
KINKED = pytest.mark.parametrize("op", [o for o in table.ELEMENTWISE if o.kinks], ids=lambda o: o.name)
randoms = st.randoms(use_true_random=False)


def on_shapes(op: Op, r: Random, shapes: Any) -> Case:
    """A case of given shapes; the numbers avoid kinks, which broadcasting has no part in."""
    case = cases.elementwise_case(op, r)
    case.arrays = [np.resize(a, s) for a, s in zip(case.arrays, shapes[len(shapes) - len(case.arrays) :], strict=True)]
    case.__post_init__()
    if len(case.arrays) < len(shapes):
        chosen = np.resize([True, False, True], shapes[0])
        case.call = cases.Beside(chosen)
    return case


@each
@given(data=st.data(), r=randoms)
def test_gradient_of_a_broadcast_argument_is_the_sum_over_its_copies(op: Op, data: Any, r: Random) -> None:
    drawn = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=op.arity, min_side=0, max_side=3, max_dims=4))
    case = on_shapes(op, r, drawn.input_shapes)
    spread = [np.array(np.broadcast_to(a, drawn.result_shape)) for a in case.arrays]
    here, there = checks.values(op, case), checks.values(op, case, spread)
    assert here[0].shape == drawn.result_shape
    np.testing.assert_array_equal(here, there)
    g = checks.directions(there, 1)
    found, full = checks.gradients(op, case, g), checks.gradients(op, case, g, spread)
    for x, one, copies in zip(case.arrays, found, full, strict=True):
        assert (one.shape, one.dtype) == (x.shape, x.dtype)
        rounding = checks.EPS * (8 + copies.size) * checks.summed(np.abs(copies), x.shape)
        assert np.all(np.abs(one - checks.summed(copies, x.shape)) <= rounding)
    t = checks.directions(case.arrays, 2)
    _, ahead = tg.jvp(checks.closed(op, case), tuple(case.arrays), tuple(t))
    assert ahead[0].shape == drawn.result_shape


ANY = st.floats(width=64, allow_nan=True, allow_infinity=True)
# SciPy's zeta, the slope of digamma too, goes up from a negative number in steps of 1: from -1e9 it takes seconds
STEPWISE = {name: ANY.filter(lambda x: not -math.inf < x < -1e4) for name in ("digamma", "zeta")}


@each
@given(data=st.data())
def test_forward_and_rules_take_every_float_there_is(op: Op, data: Any) -> None:
    arrays = [data.draw(hnp.arrays(np.float64, 3, elements=STEPWISE.get(op.name, ANY))) for _ in range(op.arity)]
    if op.name == "where":
        arrays[0] = arrays[0] > 0
    for a in arrays:
        a.flags.writeable = False
    with np.errstate(all="ignore"):
        want = cases.reference(op)(*arrays, **op.params)
        recorded = op(*map(tg.Tensor, arrays)) if op.name != "where" else op(arrays[0], *map(tg.Tensor, arrays[1:]))
        np.testing.assert_allclose(recorded.data, want, rtol=64 * checks.EPS, atol=np.finfo(float).tiny)
        recorded.backward(np.ones(3))  # whatever comes out, it does not raise


# --- stable forms

WIDE = np.longdouble
# y x^(y-1): for x at the very end of the floats, the power overflows before a small y brings it back
# most positive floats that Hypothesis draws are so small that the slope of k1e, -1/x², is beyond them
# NumPy's logaddexp takes x - y
HALF = [(-8e307, 8e307)] * 2
TEMPERATE = {
    "logaddexp": HALF,
    "logaddexp2": HALF,
    "sinc": [(-1e300, 1e300)],
    "power": [(1e-100, 1e100), (-float("inf"), float("inf"))],
    "k1e": [(1e-100, float("inf"))],
}
NO_WIDER = np.finfo(WIDE).max == np.finfo(np.float64).max


@pytest.mark.skipif(NO_WIDER, reason="longdouble is no wider than float64 here: nothing can tell true overflow")
@each
@given(data=st.data())
def test_nothing_raises_inside_the_domain(op: Op, data: Any) -> None:
    """Under errstate(all="raise"), but where the value or the derivative itself is beyond float64."""

    def inside(low: float, high: float) -> Any:
        return st.floats(
            low, high, exclude_min=math.isfinite(low), exclude_max=math.isfinite(high), allow_infinity=False
        )

    domain = TEMPERATE.get(op.name, op.domain)
    arrays = [np.array([data.draw(inside(*domain[i]))]) for i in range(op.arity)]
    if op.name == "where":
        arrays[0] = arrays[0] > 0
    try:
        true = in_dtype(op, arrays, WIDE)
    except TypeError:  # SciPy's functions know no longdouble: at least nothing may raise on the way to what fits
        with np.errstate(all="ignore"):
            true = in_dtype(op, arrays, np.float64)
    fits = all(np.all(np.abs(y) <= np.finfo(np.float64).max) for y in true)
    assume(fits)
    with np.errstate(all="raise", under="ignore"):
        assert all(np.all(np.isfinite(y)) for y in in_dtype(op, arrays, np.float64))


SIZES = [5e-324, 2.3e-308, 1e-200, 1e-16, 0.75, 1.0, 30.0, 1e4, 1e16, 1e154, 1e200, 1.7e308]
EDGES = [0.0, *SIZES, *(-x for x in SIZES)]


@pytest.mark.skipif(NO_WIDER, reason="longdouble is no wider than float64 here: nothing can tell true overflow")
@each
def test_nothing_raises_at_the_edges_of_the_floats(op: Op) -> None:
    """As above, for all pairs of very small and very large numbers that the domain has."""
    domain = TEMPERATE.get(op.name, op.domain)
    inside = [[x for x in EDGES if low < x < high] for low, high in domain[: op.arity]]
    arrays = [np.array(xs) for xs in zip(*itertools.product(*inside), strict=True)]
    if op.name == "where":
        arrays[0] = arrays[0] > 0
    try:
        true = in_dtype(op, arrays, WIDE)
    except TypeError:  # as above
        with np.errstate(all="ignore"):
            true = in_dtype(op, arrays, np.float64)
    fits = np.all([np.abs(y) <= np.finfo(np.float64).max for y in true], axis=0)
    assert np.any(fits)
    with np.errstate(all="raise", under="ignore"):
        assert all(np.all(np.isfinite(y)) for y in in_dtype(op, [a[fits] for a in arrays], np.float64))


def in_dtype(op: Op, arrays: Any, dtype: Any) -> list[np.ndarray]:
    """The value and the gradients, computed in a dtype."""
    case = Case([a.astype(dtype) for a in arrays if a.dtype != bool], dict(op.params))
    if arrays[0].dtype == bool:
        case.call = cases.Beside(arrays[0])
    wide = dtype is WIDE
    with np.errstate(**({"all": "ignore"} if wide else {})):
        outs, pull = tg.vjp(checks.closed(op, case), *case.arrays)
        return [*outs, *pull([np.ones_like(y) for y in outs])]


EXTREME = [0.0, 1e-300, 1e-8, 1.0, 30.0, 700.0, 1e4, 1e150]


@pytest.mark.parametrize(
    "function",
    [
        *(
            tg.sigmoid,
            tg.softplus,
            tg.tanh,
            tg.arctan,
            tg.arcsinh,
            tg.logaddexp,
            tg.logaddexp2,
            tg.hypot,
            tg.erf,
            tg.ndtr,
        ),
        *(tg.elu, tg.silu, tg.mish, tg.softsign, tg.log_sigmoid, tg.erf, tg.ndtr, tg.gelu_tanh),
    ],
)
def test_numbers_of_any_size_are_finite_and_raise_nothing(function: Op) -> None:
    for xs in itertools.product([*EXTREME, *(-x for x in EXTREME)], repeat=function.arity):
        with np.errstate(all="raise", under="ignore"):
            y, pull = tg.vjp(function, *xs)
            assert np.isfinite(y)
            assert np.all(np.isfinite(pull(1.0)))


@pytest.mark.parametrize("function", [tg.softmax, tg.log_softmax, tg.logsumexp], ids=lambda o: o.name)
@pytest.mark.parametrize("row", [[1e4, -1e4, 0.0], [-1e300, 1e300, 0.0], [700.0, 700.0, 700.0], [-1e4]])
def test_rows_of_any_size_are_finite_and_raise_nothing(function: Op, row: list[float]) -> None:
    with np.errstate(all="raise", under="ignore"):
        y, pull = tg.vjp(function, np.array(row))
        assert np.all(np.isfinite(y))
        assert np.all(np.isfinite(pull(np.ones_like(y))[0]))


@pytest.mark.parametrize("size", [0.0, 1.0, 800.0, 1e5])
def test_losses_from_logits_of_any_size_are_finite_and_raise_nothing(size: float) -> None:
    with np.errstate(all="raise", under="ignore"):
        logits = np.array([[size, -size], [-size, size]])
        for loss in (
            lambda x: tg.cross_entropy(x, np.array([0, 0])),
            lambda x: tg.binary_cross_entropy_with_logits(x, np.array([[0.0, 1.0], [1.0, 0.5]])),
        ):
            value, g = tg.value_and_grad(loss)(logits)
            assert np.isfinite(value)
            assert np.all(np.isfinite(g))
            assert np.all(np.isfinite(tg.hvp(loss, (logits,), (np.ones_like(logits),))))


# --- kinks: x, y, ... -> the subgradients that are promised there


def _clip(x: float, low: float, high: float) -> tuple[float, float, float]:
    if low <= high:
        return float(low <= x <= high), float(x < low), float(x > high)
    return 0.0, 0.0, 1.0  # NumPy's upper bound wins


PROMISED = {
    "abs": lambda x: (0.0,),
    "relu": lambda x: (0.0,),
    "leaky_relu": lambda x: (0.01,),
    "elu": lambda x: (1.0,),
    "i0e": lambda x: (0.0,),
    "i1e": lambda x: (0.5,),
    "softsign": lambda x: (1.0,),
    "hard_tanh": lambda x: (0.0,),
    "sign": lambda x: (0.0,),
    "floor": lambda x: (0.0,),
    "ceil": lambda x: (0.0,),
    "trunc": lambda x: (0.0,),
    "rint": lambda x: (0.0,),
    "floor_divide": lambda x, y: (0.0, 0.0),
    "mod": lambda x, y: (1.0, -np.floor(x / y)),
    "maximum": lambda x, y: (0.5, 0.5),
    "minimum": lambda x, y: (0.5, 0.5),
    "hypot": lambda x, y: (0.0, 0.0),
    "clip": _clip,
    "copysign": lambda x, y: (float(np.sign(x)) * float(np.copysign(1.0, y)), 0.0),
    "fmax": lambda x, y: (0.5, 0.5),
    "fmin": lambda x, y: (0.5, 0.5),
    "fmod": lambda x, y: (1.0, -np.trunc(x / y)),
    "heaviside": lambda x, y: (0.0, 1.0),
    "round": lambda x: (0.0,),
}
HALVES = np.arange(-5, 6) / 2.0


def points_at_kinks(op: Op) -> list[tuple[float, ...]]:
    inside = [[x for x in HALVES if low < x < high] for low, high in op.domain]
    return [p for p in itertools.product(*inside) if any(k.margin(*map(np.float64, p)) == 0.0 for k in op.kinks)]


@KINKED
def test_subgradient_at_a_kink_is_the_promised_one(op: Op) -> None:
    points = points_at_kinks(op)
    assert points, "no multiple of 1/2 lies on a declared kink"
    for k in op.kinks:
        assert any(k.margin(*map(np.float64, p)) == 0.0 for p in points), f"no point on {k.where}"
    with np.errstate(all="raise", under="ignore"):
        for p in points:
            found = tg.grad(op, tuple(range(op.arity)))(*p)
            assert tuple(map(float, found)) == PROMISED[op.name](*p), f"at {p}"


@KINKED
def test_subgradient_lies_between_the_slopes_beside_the_kink(op: Op) -> None:
    """Argument by argument; where it jumps, the slopes beyond the jump. Where two kinks meet, no one slope decides."""
    h = 2.0**-20
    for p in points_at_kinks(op):
        if sum(k.margin(*map(np.float64, p)) == 0.0 for k in op.kinks) > 1:
            continue
        found = tg.grad(op, tuple(range(op.arity)))(*p)
        for i, g in enumerate(found):
            line = [[np.float64(x + s * h * (i == j)) for j, x in enumerate(p)] for s in (-2, -1, 0, 1, 2)]
            rises = np.diff([op(*q) for q in line]) / h
            beside = rises[1:3] if np.any(np.abs(rises[1:3]) < 1e3) else rises[::3]
            slopes = [s for s in beside if abs(s) < 1e3]
            assert min(slopes) - 1e-4 <= g <= max(slopes) + 1e-4, f"{g} is not between {slopes} at {p}, argument {i}"


@KINKED
def test_derivatives_of_second_order_at_a_kink_are_finite(op: Op) -> None:
    with np.errstate(all="raise", under="ignore"):
        for p in points_at_kinks(op):
            second = tg.hessian(op, tuple(range(op.arity)))(*p)
            assert np.all(np.isfinite(second)), f"{second} at {p}"


def test_no_gradient_is_nan_where_a_branch_not_taken_is_infinite() -> None:
    x = np.array([0.0, 4.0])
    with np.errstate(divide="ignore"):
        g = tg.grad(lambda x: np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0).sum())(x)
    np.testing.assert_array_equal(g, [0.0, 0.25])


@pytest.mark.parametrize(
    ("base", "exponent", "slope"), [(0.0, 1.0, 1.0), (0.0, 2.0, 0.0), (0.0, 0.0, 0.0), (-2.0, 3.0, 12.0)]
)
@pytest.mark.parametrize("wrap", [float, np.float64, np.array])
def test_powers_of_zero_and_of_negative_numbers_have_finite_slopes(
    base: float, exponent: float, slope: float, wrap: Any
) -> None:
    with np.errstate(all="raise"):
        assert tg.grad(lambda x: x ** wrap(exponent))(base) == slope
        by_exponent = tg.grad(np.power, 1)(base, exponent)
        assert np.isfinite(by_exponent) == (base >= 0.0)  # a negative base has real powers at whole exponents only


def test_the_mixed_derivative_of_a_power_is_right_at_exponent_zero() -> None:
    mixed = tg.grad(lambda y: tg.grad(lambda x: (x**y).sum())(np.array([2.0, 4.0])).sum())
    np.testing.assert_array_equal(mixed(np.zeros(2)), [0.5, 0.25])
