"""Inputs for what joins, cuts, turns, orders and chooses elements, for convolutions, polynomials and averages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np

from laws.along import flag, mask, with_nan
from laws.cases import DTYPES, Beside, Case, Recipe, array, axes_of, axis_of, broadcastable, distinct, joined, shape
from laws.matrices import as_real


def of(*shapes: Sequence[int], make: Callable[..., np.ndarray] = array, **kwargs: Any) -> Recipe:
    """Arrays of given shapes."""
    return lambda r: Case([make(r, tuple(s)) for s in shapes], dict(kwargs))


def one_of(*recipes: Recipe) -> Recipe:
    return lambda r: r.choice(recipes)(r)


def called(recipe: Recipe, call: Callable[..., Any]) -> Recipe:
    def recipe_with(r: Random) -> Case:
        case = recipe(r)
        case.call = call
        return case

    return recipe_with


def together(*shapes: Sequence[int], **kwargs: Any) -> Recipe:
    """Arrays that are given as a list."""
    return called(of(*shapes, **kwargs), joined)


def blocks(f: Callable[..., Any], x: Any, y: Any, z: Any) -> Any:
    return f([[x, y], [z]])


def insertion(r: Random) -> Case:
    places, values, axis = r.choice(
        [
            (1, (), None),
            ([0, 2], (2,), None),
            ([3, 1, 1], (), None),
            (0, (3,), 0),
            ([1], (1, 3), 0),
            (-1, (2,), 1),
            ([0, 3], (2, 2), 1),
            (slice(0, 2), (2, 1), -1),
            (np.array([True, False]), (1, 3), 0),
        ]
    )
    return Case([array(r, (2, 3)), array(r, values)], {"axis": axis}, lambda f, x, v, axis: f(x, places, v, axis=axis))


def deletion(r: Random) -> Case:
    places, axis = r.choice([(1, None), ([0, -1], None), (slice(0, 2), 1), (np.array([True, False]), 0), ([1], -1)])
    return Case([array(r, (2, 3))], {"axis": axis}, Beside(places, after=True))


def ordered(r: Random) -> Case:
    a = distinct(r, shape(r, 1, 3))
    return Case([a], {"axis": r.choice([None, axis_of(r, a)])})


def parted(r: Random) -> Case:
    """Two elements only: what `partition` leaves open is not compared."""
    a = distinct(r, (2, r.randint(1, 3)))
    return Case([a], {"axis": 0, "kth": r.choice([0, 1, (0, 1), -1])})


METHODS = ["linear", "lower", "higher", "nearest", "midpoint", "hazen", "weibull", "median_unbiased"]
METHODS += ["normal_unbiased", "inverted_cdf", "averaged_inverted_cdf", "closest_observation"]


def quantiles(most: float, make: Callable[[Random], np.ndarray]) -> Recipe:
    def recipe(r: Random) -> Case:
        a = make(r)
        q = r.choice([0.5, 0.0, 1.0, 0.3125, [0.25, 0.8125], [[0.25], [0.75]]])
        q = most * q if isinstance(q, float) else (most * np.array(q)).tolist()
        how = {"axis": axes_of(r, a), "keepdims": flag(r), "method": r.choice(METHODS)}
        return Case([a], how, Beside(q, after=True))

    return recipe


def middle(make: Callable[[Random], np.ndarray]) -> Recipe:
    def recipe(r: Random) -> Case:
        a = make(r)
        return Case([a], {"axis": axes_of(r, a), "keepdims": flag(r)})

    return recipe


def several(r: Random) -> np.ndarray:
    return distinct(r, shape(r, 1, 3))


def different(r: Random) -> Case:
    if flag(r):
        return Case([distinct(r, shape(r, 1, 2))], {"equal_nan": False})
    return Case([distinct(r, (3, 2))], {"axis": r.choice([0, -1]), "equal_nan": False})


def conditional(r: Random) -> Case:
    to = shape(r)
    arrays = [array(r, broadcastable(r, to)) for _ in range(2)]
    conditions = [mask(r, to), mask(r, to)]
    return Case(arrays, {}, lambda f, *choices: f(conditions, list(choices), 0.5))


def named(r: Random) -> Case:
    to = shape(r)
    places = np.array([r.randint(0, 1) for _ in range(int(np.prod(to)))], dtype=int).reshape(to)
    far, mode = r.choice([(0, "raise"), (2, "wrap"), (1, "clip")])
    arrays = [array(r, broadcastable(r, to)) for _ in range(2)]
    return Case(arrays, {"mode": mode}, lambda f, *choices, mode: f(places + far, list(choices), mode=mode))


def by_condition(same: bool) -> Recipe:
    def recipe(r: Random) -> Case:
        a = array(r, (2, 3))
        axis = None if same else r.choice([None, 0, 1, -1])
        n = 6 if axis is None else a.shape[axis]
        condition = mask(r, (2, 3) if same else (n,))
        return Case([a], {} if same else {"axis": axis}, Beside(condition))

    return recipe


def pieces(r: Random) -> Case:
    a = array(r, (2, 3))
    below = np.arange(6).reshape(2, 3) % 2 == r.randint(0, 1)
    return Case([a], {}, Beside([below], [lambda x: x * x, lambda x: -x * 3.0], after=True))


def line(r: Random) -> Case:
    xp = np.sort(distinct(r, (4,))) * 4.0 + 0.0625
    x = array(r, shape(r, 0, 2), -2.0, 3.0)
    x = np.where(np.min(np.abs(x[..., None] - xp), axis=-1) < 1 / 32, x + 1 / 16, x)
    how = r.choice([{}, {"left": -1.0}, {"right": 2.0}])
    return Case([x, xp, array(r, (4,))], how)


def counts(r: Random) -> Case:
    places = np.array([2, 0, 2, 1])
    return Case([array(r, (4,))], r.choice([{}, {"minlength": 5}]), Beside(places))


def written(write: Callable[..., None]) -> Recipe:
    """What writes into an array, on a copy."""

    def recipe(r: Random) -> Case:
        def call(f: Callable[..., Any], x: Any, v: Any) -> Any:
            if not callable(getattr(x, "copy", None)):
                return f(x, v)
            out = x.copy()
            write(f, out, v)
            return out

        return Case([array(r, (2, 2)), array(r, (2,))], {}, call)

    return recipe


def sequences(r: Random) -> Case:
    return Case(
        [array(r, (r.randint(1, 5),)), array(r, (r.randint(1, 5),))], {"mode": r.choice(["full", "same", "valid"])}
    )


def weighted(r: Random) -> Case:
    to = (2, r.randint(1, 3))
    axis, of_weights = r.choice([(None, to), (0, to), (1, to), (0, to[:1]), (-1, to[1:]), ((0, 1), to)])
    return Case([array(r, to), array(r, of_weights, 0.0)], {"axis": axis, "keepdims": flag(r)}, _average)


def _average(f: Callable[..., Any], x: Any, w: Any, **kwargs: Any) -> Any:
    return f(x, weights=w, **kwargs)


def covariance(r: Random) -> Case:
    how: list[dict[str, Any]] = [{}, {"rowvar": False}, {"bias": True}, {"ddof": 0}]
    how += [{"fweights": np.array([1, 2, 1])}, {"aweights": np.array([0.5, 2.0, 1.0]), "ddof": 1}]
    how.append({"fweights": np.array([1, 2, 1]), "aweights": np.array([0.5, 2.0, 1.0])})
    a = distinct(r, (3, 3))
    return Case([a] if flag(r) else [a, distinct(r, (3, 3)) + 1.0], r.choice(how))


def correlated(r: Random) -> Case:
    """All correlations, or one row of them without the ones of the diagonal, which lie at a kink of clip."""
    a = array(r, (2, 3)) / 8 + np.array([[1.0, -1.0, 0.5], [0.5, 2.0, -1.0]])
    if flag(r):
        return Case([a])
    return Case([np.concatenate([a, a[:1] * a[1:] + 1.0])], {}, lambda f, x: f(x)[0, 1:])


def pairs(r: Random) -> np.ndarray:
    """Two distinct numbers in each row, beside a NaN."""
    a = distinct(r, (2, 3))
    a[[0, 1], [r.randint(0, 2), r.randint(0, 2)]] = np.nan
    return a


def with_roots(r: Random) -> Case:
    """A polynomial whose roots are far apart."""
    found = np.poly(4.0 * distinct(r, (r.randint(1, 3),))) * r.choice([1.0, -0.5, 2.0])
    return Case([found], {"ends": (0, 0)}, lambda f, x, **kwargs: as_real(f(x, **kwargs), x), dtypes=DTYPES[1:])


def positive(r: Random, of: tuple[int, ...]) -> np.ndarray:
    return array(r, of, 0.0)


def ratios(r: Random) -> Case:
    to = r.choice([((), ()), ((2,), ()), ((1, 2), (3, 1))])
    case = Case([positive(r, s) * sign for sign in [r.choice([1.0, -1.0])] for s in to], {"num": 3})
    case.kwargs |= r.choice([{}, {"endpoint": False}, {"axis": -1}])
    return case


def fitted(r: Random) -> Case:
    places = 4.0 * distinct(r, (5,)) + 1.0  # from -1 to 1, where powers are far from alike
    points, weighed = [places, array(r, r.choice([(5,), (5, 2)]))], r.choice([[], [array(r, (5,), 0.5)]])
    return Case([*points, *weighed], {"deg": r.randint(1, 2)}, _fit, dtypes=DTYPES[1:])


def _fit(f: Callable[..., Any], x: Any, y: Any, *w: Any, deg: int) -> Any:
    return f(x, y, deg, **dict(zip(("w",), w, strict=False)))


RECIPES: dict[str, Recipe] = {"roots": with_roots}
REFERENCES: dict[str, Any] = {"roots": lambda x, ends: np.roots(x)}


COMPOSITIONS: dict[str, Recipe] = {
    "_copyto": written(lambda f, x, v: f(x, v)),
    "_fill_diagonal": written(lambda f, x, v: f(x, v)),
    "_place": written(lambda f, x, v: f(x, np.array([[True, False], [True, True]]), v)),
    "_put": written(lambda f, x, v: f(x, [3, -4], v)),
    "_put_along_axis": written(lambda f, x, v: f(x, np.array([[1], [0]]), v[:, None], 1)),
    "_putmask": written(lambda f, x, v: f(x, np.array([[True, False], [False, True]]), v)),
    "apply_along_axis": lambda r: Case(
        [array(r, (2, 3))], {}, Beside(r.choice([np.cumsum, np.sum, lambda a: a[None] * a[:, None]]), r.choice([0, -1]))
    ),
    "apply_over_axes": called(one_of(of((2, 1, 3)), of((2, 2, 3))), lambda f, x: f(np.sum, x, (0, -1))),
    "append": one_of(of((2,), (3,)), of((2, 1), ()), of((2, 1), (2, 3), axis=1), of((1, 2), (2, 2), axis=0)),
    "atleast_1d": one_of(of(()), of((2, 1)), of((), (2,))),
    "atleast_2d": one_of(of(()), of((2,)), of((2,), ())),
    "atleast_3d": one_of(of(()), of((2,)), of((2, 3)), of((2,), (1, 2, 3))),
    "average": weighted,
    "bincount": counts,
    "block": one_of(called(of((2, 1), (2, 2), (1, 3)), blocks), called(of((), (2,)), joined)),
    "broadcast_arrays": one_of(of((2, 1), (3,)), of((), (2,), (1, 1))),
    "choose": named,
    "column_stack": one_of(together((2,), (2, 3)), together((2, 1), (2,))),
    "compress": by_condition(same=False),
    "convolve": sequences,
    "corrcoef": correlated,
    "correlate": sequences,
    "cov": covariance,
    "delete": deletion,
    "diagflat": one_of(of((2,)), of((2, 2), k=1), of((3,), k=-1)),
    "dsplit": lambda r: Case([array(r, (1, 2, 4))], {}, Beside(r.choice([2, [1, 3]]), after=True)),
    "dstack": one_of(together((2,), (2,)), together((2, 1), (2, 1)), together((1, 2, 1), (1, 2, 3))),
    "extract": by_condition(same=True),
    "fliplr": one_of(of((2, 3)), of((2, 3, 2))),
    "flipud": one_of(of((3,)), of((2, 3))),
    "full_like": called(of((3,)), lambda f, v: f(v, v[:1])),
    "hsplit": lambda r: Case([array(r, r.choice([(4,), (2, 4)]))], {}, Beside(r.choice([2, [1, 3]]), after=True)),
    "hstack": one_of(together((), (2,)), together((2, 1), (2, 3))),
    "insert": insertion,
    "interp": line,
    "_astype": lambda r: Case([array(r, shape(r))], {}, Beside(np.float64, after=True)),
    "geomspace": ratios,
    "logspace": one_of(
        of((), (), num=3),
        of((2,), (3, 1), num=2, axis=-1, endpoint=False),
        called(of((2,), (2, 1), (), make=positive, num=3), lambda f, b, x, y, num: f(x, y, num, base=b)),
    ),
    "linspace": one_of(of((), (), num=3), of((2,), (), num=4, endpoint=False), of((2,), (3, 1), num=2, axis=-1)),
    "median": middle(several),
    "meshgrid": one_of(of((2,), (3,)), of((2,), (3,), (1,), indexing="ij"), of((2,), (3,), sparse=True), of((), (2,))),
    "nanmedian": one_of(
        lambda r: Case([with_nan(r)], {"axis": r.choice([None, 0, -1, (0, 1)]), "keepdims": flag(r)}),
        lambda r: Case([pairs(r)], {"axis": -1, "keepdims": flag(r)}),
    ),
    "nanpercentile": quantiles(100.0, with_nan),
    "nanquantile": quantiles(1.0, with_nan),
    "partition": parted,
    "percentile": quantiles(100.0, several),
    "piecewise": pieces,
    "poly": one_of(of((1,)), of((3,))),
    "polyadd": one_of(of((2,), (3,)), of((3,), ())),
    "polyder": one_of(of((3,)), of((3,), m=2), of((2,), m=0)),
    "polyfit": fitted,
    "polyint": one_of(of((3,)), of((2,), m=2), of((2,), m=2, k=[1.5, -0.5])),
    "polymul": one_of(*(of(*s, make=lambda r, s: array(r, s, 0.0)) for s in (((2,), (3,)), ((3,), (1,))))),
    "polysub": one_of(of((2,), (3,)), of((3,), ())),
    "polyval": one_of(of((3,), (2, 2)), of((1,), ()), of((2,), (2,))),
    "ptp": middle(lambda r: distinct(r, shape(r, 0, 3, 3))),
    "quantile": quantiles(1.0, several),
    "resize": lambda r: Case([array(r, shape(r, 0, 2))], {}, Beside(r.choice([2, (2, 3), (1, 1, 2)]), after=True)),
    "rollaxis": one_of(of((2, 3, 1), axis=2), of((2, 3), axis=0, start=2), of((2, 1, 3), axis=-1, start=1)),
    "roots": lambda r: replace(with_roots(r), kwargs={}),
    "rot90": one_of(*(of((2, 3), k=k) for k in (0, 1, 2, 3, -1)), of((2, 1, 3), k=1, axes=(2, 0))),
    "select": conditional,
    "sort": ordered,
    "unique": different,
    "unstack": one_of(of((2, 3)), of((2, 3), axis=1), of((3,), axis=-1)),
    "vander": one_of(of((3,)), called(of((2,)), lambda f, x: f(x, 4, increasing=True))),
    "vsplit": lambda r: Case([array(r, (4, 2))], {}, Beside(r.choice([2, [1, 3]]), after=True)),
    "vstack": one_of(together((2,), (2,)), together((2,), (3, 2)), together((), ())),
}
