"""The laws of `laws.checks`, for every operation of the table, on inputs that Hypothesis makes up."""

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import cases, checks, table
from laws.cases import Case, recipe_for

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
        np.testing.assert_allclose(recorded, want, rtol=rounding, atol=rounding, err_msg=str(case))
        np.testing.assert_array_equal(recorded, bare)


@each(FUNCTIONS)
@given(r=randoms)
def test_rule_is_the_two_sided_difference(function: Any, r: Random) -> None:
    checks.check_rule(function, recipe_for(function)(r))


@each(FUNCTIONS)
@given(r=randoms)
def test_second_order_is_the_difference_of_the_rule(function: Any, r: Random) -> None:
    checks.check_second_order(function, recipe_for(function)(r))


@each(FUNCTIONS)
@given(r=randoms)
def test_forward_mode_is_the_transpose_of_reverse_mode(function: Any, r: Random) -> None:
    checks.check_modes(function, recipe_for(function)(r))


@each(FUNCTIONS)
@given(r=randoms)
def test_gradient_has_the_shape_and_dtype_of_its_argument(function: Any, r: Random) -> None:
    checks.check_alike(function, recipe_for(function)(r))


@each([o for o in table.RULED if o.kind in ("linear", "multilinear")])
@given(r=randoms)
def test_linear_operations_and_their_rules_are_adjoint_exactly(function: Op, r: Random) -> None:
    checks.check_adjoint(function, recipe_for(function)(r), jointly=function.kind == "linear")


@each(FUNCTIONS)
@given(r=randoms)
def test_the_layout_in_memory_does_not_matter_and_nothing_is_written(function: Any, r: Random) -> None:
    checks.check_layouts(function, recipe_for(function)(r))
