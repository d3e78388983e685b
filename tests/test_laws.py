"""The laws of `laws.checks`, for every operation of the table, on inputs that Hypothesis makes up."""

import warnings
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import cases, checks, table
from laws.cases import Case, recipe_for
from laws.examples import at_first

import tinygraph as tg
from tinygraph.op import Op

COMPOSITIONS = sorted(set(table.COMPOSED.values()), key=lambda f: f.__name__)
FUNCTIONS: list[Callable[..., Any]] = [*table.RULED, *COMPOSITIONS]
randoms = st.randoms(use_true_random=False)


def label(function: Any) -> str:
    return f"op-{function.name}" if isinstance(function, Op) else function.__name__


def each(functions: list[Any]) -> Any:
    return pytest.mark.parametrize("function", functions, ids=label)


def test_every_operation_has_inputs_and_a_reference() -> None:
    for function in FUNCTIONS:
        assert isinstance(recipe_for(function)(Random(0)), Case)
        assert callable(cases.reference(function))


def test_the_tables_of_inputs_name_nothing_that_is_gone() -> None:
    assert set(cases.RECIPES) == {o.name for o in table.RULED if o.kind != "elementwise"}
    assert set(cases.COMPOSITIONS) == {f.__name__ for f in COMPOSITIONS}
    assert set(cases.REFERENCES) <= {o.name for o in table.RULED}


def test_names_of_operations_are_unique() -> None:
    assert len({o.name for o in table.RULED}) == len(table.RULED) > 75


@each(FUNCTIONS)
@given(r=randoms)
def test_forward_is_what_numpy_or_the_definition_says(function: Any, r: Random) -> None:
    case = recipe_for(function)(r)
    expected = checks.closed(cases.reference(function), case)(*case.arrays)
    found = checks.values(function, case)
    raw = checks.closed(function, case)(*case.arrays)
    for want, recorded, bare in zip(expected, found, raw, strict=True):
        assert np.shape(recorded) == np.shape(bare) == np.shape(want)
        rounding = checks.EPS * (8 + case.size)
        np.testing.assert_allclose(recorded, want, rtol=rounding, atol=checks.round_off(case), err_msg=str(case))
        np.testing.assert_array_equal(recorded, bare)


@each(FUNCTIONS)
@at_first(7)
@given(r=randoms)
def test_rule_is_the_two_sided_difference(function: Any, r: Random) -> None:
    checks.check_rule(function, recipe_for(function)(r))


@each(FUNCTIONS)
@at_first(5, ci=20)
@given(r=randoms)
def test_second_order_is_the_difference_of_the_rule(function: Any, r: Random) -> None:
    checks.check_second_order(function, recipe_for(function)(r))


@each(FUNCTIONS)
@given(r=randoms)
def test_forward_mode_is_the_transpose_of_reverse_mode(function: Any, r: Random) -> None:
    checks.check_modes(function, recipe_for(function)(r))


@each(FUNCTIONS)
@at_first(5, ci=15)
@given(r=randoms)
def test_gradient_has_the_shape_and_dtype_of_its_argument(function: Any, r: Random) -> None:
    checks.check_alike(function, recipe_for(function)(r))


@each([o for o in table.RULED if o.kind in ("linear", "multilinear")])
@given(r=randoms)
def test_linear_operations_and_their_rules_are_adjoint_exactly(function: Op, r: Random) -> None:
    checks.check_adjoint(function, recipe_for(function)(r), jointly=function.kind == "linear")


@each(FUNCTIONS)
@at_first(5, ci=15)
@given(r=randoms)
def test_the_layout_in_memory_does_not_matter_and_nothing_is_written(function: Any, r: Random) -> None:
    checks.check_layouts(function, recipe_for(function)(r))


@each(FUNCTIONS)
@given(r=randoms)
def test_nan_flows_through_and_raises_nothing(function: Any, r: Random) -> None:
    case = recipe_for(function)(r)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        if getattr(function, "__name__", "").startswith("nan"):
            warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's own, that nothing is left
        for i in range(len(case.arrays)):
            arrays = [np.full_like(a, np.nan) if i == j else a for j, a in enumerate(case.arrays)]
            try:
                checks.closed(cases.reference(function), case)(*arrays)
            except ValueError as refused:  # LAPACK's iterations do not converge on it
                with pytest.raises(type(refused)):
                    checks.values(function, case, arrays)
                continue
            try:
                outs = checks.values(function, case, arrays)
            except np.linalg.LinAlgError:  # NumPy's own gives NaN, from 2.5 on, without having it decomposed
                assert getattr(function, "__name__", "") == "condition_number"
                continue
            assert [y.shape for y in outs] == [y.shape for y in checks.values(function, case)]
            found = checks.gradients(function, case, None, arrays)
            assert [g.shape for g in found] == [a.shape for a in arrays]


# --- kinks of operations that are not elementwise

EQUAL = np.array([[2.0, 2.0, 2.0], [1.0, 3.0, 3.0], [2.0, 1.0, 3.0]])


def test_the_kinks_of_every_other_operation_are_tried_here() -> None:
    assert {o.name for o in table.RULED if o.kinks and o.kind != "elementwise"} == {
        *("max", "max_pool", "min", "p_norm", "std")
    }


@pytest.mark.parametrize(("name", "sign"), [("max", 1.0), ("min", -1.0)])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1)])
def test_ties_for_an_extremum_share_equally(name: str, sign: float, axis: Any) -> None:
    x = sign * EQUAL
    hits = x == getattr(np, name)(x, axis=axis, keepdims=True)
    assert all(np.any(k.margin(x, axis=axis) == 0.0) for k in cases.NAMED[name].kinks)
    with np.errstate(all="raise"):
        g = tg.grad(lambda x: getattr(np, name)(x, axis=axis).sum())(x)
    np.testing.assert_allclose(g, hits / hits.sum(axis=axis, keepdims=True), rtol=1e-15)


@pytest.mark.parametrize("low", [0.0, -np.inf])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("frame", [0, 1])
def test_ties_in_a_window_share_equally_and_what_stands_around_gets_nothing(
    frame: int, stride: int, low: float
) -> None:
    x = np.where(EQUAL == 1.0, EQUAL, low)
    how = {"kernel": (2, 2), "stride": (stride,) * 2, "dilation": (1, 1), "frame": ((frame, frame),) * 2}
    pool = cases.NAMED["max_pool"]
    assert (frame, stride) == (0, 2) or np.any(pool.kinks[0].margin(np.maximum(x, 0.0), **how) == 0.0)
    want = np.zeros((3, 3))
    for p in np.ndindex(*np.shape(pool(x, **how))):
        window = tuple(slice(max(i * stride - frame, 0), i * stride - frame + 2) for i in p)
        hits = x[window] == x[window].max()
        want[window] += hits / hits.sum()
    with np.errstate(all="raise"):
        g = tg.grad(lambda x: np.maximum(pool(x, **how), -1.0).sum() + np.minimum(pool(x, **how), -1.0).sum())(x)
    np.testing.assert_allclose(g, want, rtol=1e-15)


@pytest.mark.parametrize("ddof", [0, 1])
def test_the_spread_of_equal_elements_has_slope_zero(ddof: int) -> None:
    x = np.array([[2.0, 2.0, 2.0], [1.0, 2.0, 4.0]])
    assert np.any(cases.NAMED["std"].kinks[0].margin(x, axis=1, ddof=ddof) == 0.0)
    with np.errstate(all="raise"):
        g = tg.grad(lambda x: np.std(x, axis=1, ddof=ddof).sum())(x)
        curvature = tg.hvp(lambda x: np.std(x, axis=1, ddof=ddof).sum(), (x,), (np.ones((2, 3)),))
    np.testing.assert_array_equal(g[0], np.zeros(3))
    assert np.all(np.isfinite(curvature))
    assert np.all(np.abs(g[1]) > 0.05)


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
def test_a_product_of_zeros_has_finite_derivatives(zeros: int) -> None:
    x = np.array([2.0, 3.0, 5.0])
    x[:zeros] = 0.0
    with np.errstate(all="raise"):
        g = tg.grad(np.prod)(x)
        H = tg.hessian(np.prod)(x)
    np.testing.assert_array_equal(g, [x[1] * x[2], x[0] * x[2], x[0] * x[1]])
    np.testing.assert_array_equal(H, [[0, x[2], x[1]], [x[2], 0, x[0]], [x[1], x[0], 0]])


# --- nothing in, nothing out

EMPTY = np.zeros((0, 3))
ON_EMPTY: list[Callable[[Any], Any]] = [
    lambda x: x.sum(),
    lambda x: x.sum(axis=0),
    lambda x: x.sum(axis=1, keepdims=True),
    lambda x: np.prod(x, axis=0),
    lambda x: x.max(axis=1),
    lambda x: x.mean(axis=1),
    lambda x: x.var(axis=1),
    lambda x: x.std(axis=1),
    lambda x: np.cumsum(x, axis=0),
    tg.softmax,
    tg.log_softmax,
    lambda x: tg.logsumexp(x, axis=1),
    lambda x: x.reshape(3, 0),
    lambda x: x.T,
    lambda x: x @ np.ones((3, 2)),
    lambda x: np.ones((2, 0)) @ x,
    lambda x: np.einsum("ij->j", x),
    lambda x: np.concatenate([x, np.ones((1, 3))]),
    lambda x: np.stack([x, x]),
    lambda x: x[:, 1],
    lambda x: x[[]],
    lambda x: x[x > 0],
    lambda x: np.pad(x, 1),
    lambda x: np.tile(x, 2),
    np.flip,
    lambda x: np.roll(x, 1, axis=0),
    lambda x: np.repeat(x, 2, axis=1),
    np.tril,
    lambda x: np.broadcast_to(x, (2, 0, 3)),
    lambda x: tg.cross_entropy(x, np.zeros(0, int), reduction="sum"),
    lambda x: np.where(x > 0, x, 0.0),
    np.trace,
    lambda x: np.nansum(x, axis=0),
    lambda x: np.sum(x, axis=1, where=x > 0, initial=1.0),
    lambda x: np.max(x, axis=0, initial=0.0),
    lambda x: np.cumprod(x, axis=0),
    lambda x: np.maximum.accumulate(x, axis=0),
    lambda x: np.diff(x, axis=1),
    lambda x: np.sort(x, axis=0),
    lambda x: np.median(x, axis=1),
    lambda x: np.hstack([x, x]),
    lambda x: np.append(x, [[1.0, 2.0, 3.0]], axis=0),
    lambda x: np.insert(x, 1, 5.0, axis=1),
    lambda x: np.delete(x, 1, axis=1),
    lambda x: np.resize(x, (2, 2)),
    np.rot90,
    lambda x: np.select([x > 0], [x]),
    lambda x: np.interp(x, [0.0, 1.0], [2.0, 3.0]),
    lambda x: np.polyval([1.0, 2.0], x),
    np.unique,
]


@pytest.mark.parametrize("f", ON_EMPTY)
def test_arrays_without_elements_have_gradients_without_elements(f: Callable[[Any], Any]) -> None:
    want = f(EMPTY)
    y, pull = tg.vjp(f, EMPTY)
    np.testing.assert_array_equal(y, want)
    assert pull(np.ones_like(y))[0].shape == (0, 3)
    _, t = tg.jvp(f, (EMPTY,), (EMPTY,))
    assert t.shape == np.shape(want)
    np.testing.assert_array_equal(t, np.zeros_like(want))
