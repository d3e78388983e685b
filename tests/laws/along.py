"""Inputs for reductions with all their arguments, those that leave out NaN, and what runs along an axis."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from laws.cases import (
    Beside,
    Case,
    Recipe,
    along_axis,
    array,
    axes_of,
    axis_of,
    broadcastable,
    distinct,
    elementwise_case,
    prod_case,
    shape,
)
from tinygraph.ops import elementwise


def flag(r: Random) -> bool:
    return bool(r.randint(0, 1))


def mask(r: Random, of: tuple[int, ...]) -> np.ndarray:
    return np.array([flag(r) for _ in range(int(np.prod(of)))], dtype=bool).reshape(of)


def chosen(initial: bool = True, of: Any = array) -> Recipe:
    """A reduction of some elements, from an initial value on."""

    def recipe(r: Random) -> Case:
        a = of(r, shape(r, 0, 3))
        how: dict[str, Any] = {"axis": axes_of(r, a), "keepdims": flag(r)}
        if initial and flag(r):
            how["initial"] = 1.28125
        if flag(r):
            how["where"] = mask(r, broadcastable(r, a.shape))
        if flag(r):
            how["dtype"] = np.dtype(np.float64)
        return Case([a], how)

    return recipe


def chosen_extremum(r: Random) -> Case:
    case = chosen(of=distinct)(r)
    case.kwargs = {"initial": 0.0625} | case.kwargs
    case.kwargs.pop("dtype", None)
    return case


def chosen_spread(r: Random) -> Case:
    """Two at least are chosen in each row and column."""
    a = distinct(r, (3, 4))
    there = np.arange(12).reshape(3, 4) % 3 != r.randint(0, 2)
    how = r.choice([{"where": there}, {"mean": 0.5}, {"where": there, "mean": 0.5}, {}])
    return Case([a], {"axis": r.choice([None, 0, -1, (0, 1)]), "keepdims": flag(r), **how})


def chosen_variance(r: Random) -> Case:
    case = chosen_spread(r)
    case.kwargs |= r.choice([{}, {"ddof": 1}, {"correction": 1}])
    if case.kwargs["axis"] == 0:
        case.kwargs.pop("correction", None), case.kwargs.pop("ddof", None)
    return case


def chosen_mean(r: Random) -> Case:
    case = chosen_spread(r)
    case.kwargs.pop("mean", None)
    return case


def ufunc_reduce(extremum: bool = False) -> Recipe:
    def recipe(r: Random) -> Case:
        a = (distinct if extremum else array)(r, shape(r, 1, 3))
        how: dict[str, Any] = {"axis": r.choice([0, -1, None]), "keepdims": flag(r)}
        if flag(r):
            how["initial"] = 0.0625
            if flag(r):
                how["where"] = mask(r, a.shape)
        return Case([a], how)

    return recipe


def ufunc_accumulate(r: Random) -> Case:
    a = distinct(r, shape(r, 1, 3))
    return Case([a], r.choice([{}, {"axis": axis_of(r, a)}, {"axis": 0, "dtype": np.dtype(np.float64)}]))


def with_nan(r: Random) -> np.ndarray:
    """Distinct numbers, of which one is NaN: no row is without numbers."""
    a = distinct(r, (3, 3))
    if flag(r):
        a[r.randint(0, 2), r.randint(0, 2)] = np.nan
    return a


def without_nan(*more: dict[str, Any]) -> Recipe:
    def recipe(r: Random) -> Case:
        how = {"axis": r.choice([None, 0, -1, (0, 1)]), "keepdims": flag(r)}
        return Case([with_nan(r)], how | r.choice([{}, *more]))

    return recipe


MOST = np.array([[True, True, False], [False, True, True], [True, True, True]])


def nan_running(r: Random) -> Case:
    return Case([with_nan(r)], {"axis": r.choice([None, 0, -1])})


def running(r: Random) -> Case:
    a = array(r, shape(r, 1, 3))
    return Case([a], r.choice([{}, {"axis": 0}, {"axis": -1}, {"axis": 0, "dtype": np.dtype(np.float64)}]))


def running_product(r: Random) -> Case:
    """With no zero, one or two."""
    a = prod_case(r).arrays[0]
    a = a.reshape(-1) if a.ndim == 0 else a
    return Case([a], {"axis": axis_of(r, a)})


def cumulative(r: Random) -> Case:
    a = array(r, shape(r, 1, 2))
    how = {"include_initial": flag(r)}
    return Case([a], how if a.ndim == 1 and flag(r) else how | {"axis": axis_of(r, a)})


def difference(r: Random) -> Case:
    a = array(r, (r.randint(1, 4), r.randint(1, 3)))
    axis = axis_of(r, a)
    how: dict[str, Any] = {"axis": axis, "n": r.randint(0, 2)}
    if flag(r):
        how |= {"prepend": 1.5, "append": a[:1] if axis % 2 == 0 else a[:, :1]}
    return Case([a], how)


def flat_difference(r: Random) -> Case:
    return Case([array(r, shape(r, 1, 2))], r.choice([{}, {"to_end": 1.5}, {"to_begin": [1.5, -2.0], "to_end": 0.25}]))


def slopes(r: Random) -> Case:
    f = array(r, (3, 4))
    coordinates = distinct(r, (4,)).cumsum() + 1.0
    how: dict[str, Any] = {"edge_order": r.randint(1, 2)}
    distances, axes = r.choice(
        [
            ((), {}),
            ((0.5,), {}),
            ((0.5, coordinates), {}),
            ((coordinates,), {"axis": 1}),
            ((), {"axis": (1, 0)}),
            ((2.0,), {"axis": -1}),
        ]
    )
    return Case([f], how | axes, Beside(*distances, after=True))


def area(r: Random) -> Case:
    y = array(r, (r.randint(1, 3), 3))
    x = distinct(r, (3,)).cumsum()
    how = r.choice([{}, {"dx": 0.5}, {"axis": 0}, {"x": x}, {"x": x, "axis": 1}, {"x": np.array(y * y), "axis": 0}])
    return Case([y], how)


def turning(r: Random) -> Case:
    a = distinct(r, (r.randint(1, 3), r.randint(2, 3))) * 7.0 + 0.25
    how = r.choice([{}, {"axis": 0}, {"period": 6.0}, {"discont": 4.0}])
    return Case([a], how)


def pairs(r: Random) -> Case:
    x, y = array(r, shape(r, 0, 2), 0.0), array(r, shape(r, 0, 2), 0.0)
    for _ in range(100):
        if not np.any(np.abs(np.subtract.outer(x, y)) < 1 / 16):
            break
        x = array(r, x.shape, 0.0) if r.randint(0, 1) else x + 1 / 8
    return Case([x, y])


def with_infinities(r: Random) -> Case:
    a = array(r, (2, 3))
    for value in (np.nan, np.inf, -np.inf):
        if flag(r):
            a[r.randint(0, 1), r.randint(0, 2)] = value
    how = r.choice([{}, {"nan": 1.5}, {"posinf": 2.0, "neginf": -2.0}])
    return Case([a], {"posinf": 3.0, "neginf": -3.0} | how)


RECIPES: dict[str, Recipe] = {"cumsum": along_axis, "cumprod": running_product}
REFERENCES: dict[str, Any] = {"ldexp": lambda x, exponent=1: x * 2.0**exponent}
COMPOSITIONS: dict[str, Recipe] = {
    **{f"_{name}_outer": pairs for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum")},
    "_add_accumulate": ufunc_accumulate,
    "_add_reduce": ufunc_reduce(),
    "_max_of": chosen_extremum,
    "_maximum_accumulate": ufunc_accumulate,
    "_maximum_reduce": ufunc_reduce(extremum=True),
    "_mean_of": chosen_mean,
    "_min_of": chosen_extremum,
    "_minimum_accumulate": ufunc_accumulate,
    "_minimum_reduce": ufunc_reduce(extremum=True),
    "_multiply_accumulate": ufunc_accumulate,
    "_multiply_reduce": ufunc_reduce(),
    "_prod_of": chosen(),
    "_std_of": chosen_spread,
    "_sum_of": chosen(),
    "_var_of": chosen_variance,
    "cumprod": running,
    "cumsum": running,
    "cumulative_prod": cumulative,
    "cumulative_sum": cumulative,
    "diff": difference,
    "divmod": lambda r: elementwise_case(elementwise.mod, r),
    "ediff1d": flat_difference,
    "fix": lambda r: elementwise_case(elementwise.trunc, r),
    "float_power": lambda r: elementwise_case(elementwise.power, r),
    "frexp": lambda r: Case([array(r, shape(r), 1.0, 2.0)], {}, lambda f, x: f(x)[:1]),
    "gradient": slopes,
    "ldexp": lambda r: Case([array(r, (2, r.randint(1, 3)))], {}, Beside(np.array([[1], [-2]]), after=True)),
    "modf": lambda r: elementwise_case(elementwise.trunc, r),
    "nan_to_num": with_infinities,
    "nancumprod": nan_running,
    "nancumsum": nan_running,
    "nanmax": without_nan({"initial": 0.0625}, {"initial": 0.0625, "where": MOST}),
    "nanmean": without_nan(),
    "nanmin": without_nan({"initial": 0.0625}, {"initial": 0.0625, "where": MOST}),
    "nanprod": without_nan({"initial": 2.0}, {"where": MOST}),
    "nanstd": without_nan(),
    "nansum": without_nan({"initial": 2.0}, {"where": MOST}, {"dtype": np.dtype(np.float64)}),
    "nanvar": without_nan({"ddof": 1}),
    "trapezoid": area,
    "unwrap": turning,
}

DEFINITIONS = {"fix": np.trunc}  # from NumPy 2.5 on, its own says so with a warning
