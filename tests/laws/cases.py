"""Inputs for every operation: derived from the record for elementwise ones, else from a table of recipes.

A recipe is a function of a `Random`; Hypothesis hands it one that shrinks. Numbers are multiples of 1/64, so that the
steps of a numeric derivative are exact, and keep away from the ends of the domain and from kinks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np

from laws.table import COMPOSED, RULED, located
from tinygraph.op import Op
from tinygraph.ops import elementwise

GRID = 64
SMALLEST_MARGIN = 1 / 16
FAR = {1: [1.3125], 2: [1.3125, 0.5625], 3: [0.3125, -1.75, 1.6875]}
REDUCTIONS = ("mean", "sum", "none")
DTYPES = (np.float16, np.float32, np.float64)


def plain(function: Callable[..., Any], *arrays: Any, **kwargs: Any) -> Any:
    return function(*arrays, **kwargs)


def joined(function: Callable[..., Any], *arrays: Any, **kwargs: Any) -> Any:
    """A function that takes its arrays as a list."""
    return function(list(arrays), **kwargs)


@dataclass
class Case:
    """The arrays to differentiate in, and how to call the operation on them."""

    arrays: list[np.ndarray]
    kwargs: dict[str, Any] = field(default_factory=dict)
    call: Callable[..., Any] = plain
    kinks: Sequence[Any] = ()
    dtypes: Sequence[Any] = DTYPES

    def __post_init__(self) -> None:
        self.arrays = [np.array(a) for a in self.arrays]  # an operation on a 0-d array gives a scalar
        for a in self.arrays:
            a.flags.writeable = False

    @property
    def size(self) -> int:
        return sum(a.size for a in self.arrays)

    def margins(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The distances of arrays from each declared kink."""
        if not self.kinks:
            return []
        return self.call(
            lambda *args, **params: [np.asarray(k.margin(*args, **params)) for k in self.kinks], *arrays, **self.kwargs
        )


def Beside(*constants: Any, after: bool = False) -> Callable[..., Any]:  # noqa: N802 - reads as a value in the table
    """A call with constants before or after the arrays that are differentiated."""

    def call(function: Callable[..., Any], *arrays: Any, **kwargs: Any) -> Any:
        return function(*arrays, *constants, **kwargs) if after else function(*constants, *arrays, **kwargs)

    return call


# --- arrays


def shape(r: Random, least: int = 0, most: int = 2, longest: int = 3) -> tuple[int, ...]:
    return tuple(r.randint(1, longest) for _ in range(r.randint(least, most)))


def array(r: Random, of: tuple[int, ...], low: float = -3.0, high: float = 3.0) -> np.ndarray:
    """Multiples of 1/64 inside an interval, an eighth from its ends."""
    a, b = int(max(low + 1 / 8, -3.0) * GRID), int(min(high - 1 / 8, 3.0) * GRID)
    return np.array([r.randint(a, b) for _ in range(int(np.prod(of)))], dtype=float).reshape(of) / GRID


def distinct(r: Random, of: tuple[int, ...]) -> np.ndarray:
    """Numbers no two of which are nearer than 1/8."""
    n = int(np.prod(of))
    order = list(range(n))
    r.shuffle(order)
    return (np.array(order, dtype=float) / 8 - 0.5).reshape(of)


def broadcastable(r: Random, to: tuple[int, ...]) -> tuple[int, ...]:
    """A shape that broadcasts to another."""
    kept = to[r.randint(0, len(to)) :]
    return tuple(r.choice([1, n]) for n in kept)


# --- elementwise operations: everything is in the record


def elementwise_case(op: Op, r: Random) -> Case:
    out = shape(r)
    shapes = [out if r.randint(0, 1) else broadcastable(r, out) for _ in range(op.arity)]
    arrays = [array(r, s, *op.domain[i]) for i, s in enumerate(shapes)]
    constants = [i for i, rule in enumerate(op.vjps) if rule is None]
    call = plain
    if constants == [0]:
        call = Beside(arrays.pop(0) > 0)

    case = Case(arrays, {}, call, op.kinks)
    if op.elsewhere:  # SciPy's functions know no half precision
        case.dtypes = DTYPES[1:]
    for _ in range(100):
        if all(np.all(np.abs(m) >= SMALLEST_MARGIN) for m in case.margins(case.arrays)):
            return case
        case.arrays = [array(r, a.shape, *op.domain[i]) for i, a in enumerate(case.arrays)]
        case.__post_init__()
    far = FAR[op.arity]  # few numbers of many are far from every kink: these are
    return Case([np.full(a.shape, x) for a, x in zip(case.arrays, far, strict=True)], {}, call, op.kinks)


# --- everything else

Recipe = Callable[[Random], Case]


def axis_of(r: Random, a: np.ndarray) -> int:
    return r.randint(-a.ndim, a.ndim - 1)


def axes_of(r: Random, a: np.ndarray) -> Any:
    """None, one axis or several, of either sign."""
    kind = r.randint(0, 2)
    if kind == 0 or a.ndim == 0:
        return None
    if kind == 1:
        return axis_of(r, a)
    order = list(range(a.ndim))
    r.shuffle(order)
    return tuple(i - r.choice([0, a.ndim]) for i in order[: r.randint(1, a.ndim)])


def reduction(r: Random, make: Callable[..., np.ndarray] = array, least: int = 0, longest: int = 3) -> Case:
    a = make(r, shape(r, least, 3, longest))
    return Case([a], {"axis": axes_of(r, a), "keepdims": bool(r.randint(0, 1))})


def spread_case(r: Random) -> Case:
    """For var and std: two elements at least go into each."""
    a = distinct(r, (r.randint(2, 3), r.randint(2, 3)))
    return Case(
        [a], {"axis": r.choice([None, 0, -1, (0, 1)]), "keepdims": bool(r.randint(0, 1)), "ddof": r.randint(0, 1)}
    )


def extremum_case(op: Op) -> Recipe:
    def recipe(r: Random) -> Case:
        case = reduction(r, distinct)
        case.kinks = op.kinks
        return case

    return recipe


def along_axis(r: Random) -> Case:
    a = array(r, shape(r, 1, 3))
    return Case([a], {"axis": axis_of(r, a)})


def index_for(r: Random, of: tuple[int, ...]) -> Any:
    """An index of any kind for an array of at least one axis."""
    n = of[0]
    picks = [r.randint(-n, n - 1) for _ in range(r.randint(1, 4))]
    kinds = [
        r.randint(-n, n - 1),
        slice(r.randint(0, n), None, r.choice([1, 2])),
        slice(None, None, -1),
        np.array(picks),
        picks,
        np.array(picks[:1] * 2).reshape(2, 1),
        np.arange(n) % 2 == 0,
        Ellipsis,
        None,
        (Ellipsis, r.randint(-of[-1], of[-1] - 1)),
        (None, slice(None), None),
    ]
    if len(of) > 1:
        m = of[1]
        kinds += [
            (np.array(picks), np.array([r.randint(0, m - 1) for _ in picks])),
            (slice(None), np.array([0, m - 1, 0])),
            (0, np.array([0, -1])),
            np.add.outer(np.arange(n), np.arange(m)) % 2 == 0,
            (np.array(picks), slice(None, None, -1)),
        ]
    return r.choice(kinds)


def getitem_case(r: Random) -> Case:
    a = array(r, shape(r, 1, 2))
    return Case([a], {"index": index_for(r, a.shape)})


def scatter_case(r: Random) -> Case:
    to = shape(r, 1, 2)
    index = index_for(r, to)
    return Case([array(r, np.zeros(to)[index].shape)], {"index": index, "shape": to})


def assign_case(r: Random) -> Case:
    a = array(r, shape(r, 1, 2))
    index = index_for(r, a.shape)
    return Case([a, array(r, broadcastable(r, a[index].shape))], {"index": index})


def matmul_case(r: Random) -> Case:
    n, m, k = (r.randint(1, 3) for _ in range(3))
    stack = shape(r, 0, 2, 2)
    lone = [((m,), (m,)), ((m,), (m, k)), ((n, m), (m,)), ((*stack, n, m), (m,)), ((m,), (*stack, m, k))]
    stacks = [((n, m), (m, k)), ((*stack, n, m), (m, k)), ((n, m), (*stack, m, k))]
    stacks.append(((*stack, n, m), (*broadcastable(r, stack), m, k)))
    x, y = r.choice([*lone, *stacks])
    return Case([array(r, x), array(r, y)])


EXPLICIT = [
    "ij,jk->ik",
    "ij->ji",
    "ij->",
    "i->i",
    "ij->j",
    "i,j->ij",
    "ij,ij->ij",
    "ij,ji->",
    "bij,bjk->bik",
    "ij,j,k->k",
    "ijk->k",
    "i,i,i->",
    ",i->i",
]


def einsum_case(r: Random) -> Case:
    subscripts = r.choice(EXPLICIT)
    sizes = {c: r.randint(1, 3) for c in "bijk"}
    terms = subscripts.partition("->")[0].split(",")
    return Case(
        [array(r, tuple(sizes[c] for c in term)) for term in terms], {"subscripts": subscripts, "optimize": False}
    )


def roll_case(r: Random) -> Case:
    a = array(r, shape(r, 1, 2))
    how = [{"shift": r.randint(-4, 4)}, {"shift": r.randint(-4, 4), "axis": axis_of(r, a)}]
    if a.ndim == 2:
        how.append({"shift": (1, -2), "axis": (0, 1)})
    return Case([a], {"axis": None} | r.choice(how))


def reshape_case(r: Random) -> Case:
    a = array(r, shape(r, 0, 3))
    return Case([a], {"shape": r.choice([-1, a.shape[::-1], (a.size,), (1, *a.shape), (-1, 1)])})


def in_columns_case(r: Random) -> Case:
    case = reshape_case(r)
    return Case(case.arrays, {"order": "F"}, Beside(case.kwargs["shape"], after=True))


def squeeze_case(r: Random) -> Case:
    a = array(r, r.choice([(1,), (1, 3), (2, 1), (1, 2, 1), (3,)]))
    single = [i for i, n in enumerate(a.shape) if n == 1]
    return Case([a], {"axis": r.choice([None, tuple(single), *single])})


def transpose_case(r: Random) -> Case:
    a = array(r, shape(r, 0, 3))
    axes = list(range(a.ndim))
    r.shuffle(axes)
    return Case([a], {"axes": r.choice([None, tuple(i - r.choice([0, a.ndim]) for i in axes)])})


def triangle(r: Random) -> Case:
    return Case([array(r, (*shape(r, 0, 1), r.randint(1, 3), r.randint(1, 3)))], {"k": r.randint(-2, 2)})


def broadcast_case(r: Random) -> Case:
    to = shape(r, 0, 3)
    return Case([array(r, broadcastable(r, to))], {"shape": to})


def sum_to_case(r: Random) -> Case:
    a = array(r, shape(r, 0, 3))
    return Case([a], {"shape": broadcastable(r, a.shape)})


def rows(r: Random) -> Case:
    n, classes = r.randint(1, 3), r.randint(1, 3)
    labels = np.array([r.randint(0, classes - 1) for _ in range(n)])
    return Case([array(r, (n, classes))], {"reduction": r.choice(REDUCTIONS)}, Beside(labels, after=True))


def labelled(r: Random) -> Case:
    a = array(r, shape(r, 0, 2))
    return Case([a, array(r, a.shape)], {"reduction": r.choice(REDUCTIONS)})


def linear_case(r: Random) -> Case:
    n, m = r.randint(1, 3), r.randint(1, 3)
    return Case([array(r, (*shape(r, 0, 2), n)), array(r, (m, n)), array(r, (m,))])


def dropout_case(r: Random) -> Case:
    a = array(r, shape(r, 0, 2))
    mask = np.array([r.random() < 0.5 for _ in range(a.size)]).reshape(a.shape)
    return Case([a], {"mask": mask, "keep_prob": r.choice([0.5, 0.75])})


def normalize_case(r: Random) -> Case:
    """An axis of the largest and one of the others, of elements that differ; weights of each mean, or of each place."""
    to, by_row = (r.randint(2, 3), r.randint(1, 3), 2), bool(r.randint(0, 1))
    axis = r.choice([0, -1, (0, 2), (0, -1), (0, 1, 2)])
    weights = np.sum(np.ones(to), axis).shape if by_row else _over(to, axis)
    params = {"axis": axis, "eps": r.choice([0.125, 0.5]), "center": bool(r.randint(0, 1)), "by_row": by_row}
    return Case([distinct(r, to), array(r, weights), array(r, weights)], {**params, "known": None}, dtypes=[np.float64])


def _over(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """The lengths of some axes."""
    return tuple(shape[i] for i in sorted({a % len(shape) for a in np.atleast_1d(axis)}))


def distributed(r: Random) -> Case:
    a = array(r, shape(r, 1, 3))
    return Case([a, array(r, a.shape)], {"axis": axis_of(r, a), "reduction": r.choice(REDUCTIONS)})


def concatenate_case(r: Random) -> Case:
    a = array(r, shape(r, 1, 2))
    axis = axis_of(r, a)
    parts = [a]
    for _ in range(r.randint(0, 2)):
        other = list(a.shape)
        other[axis] = r.randint(1, 3)
        parts.append(array(r, tuple(other)))
    return Case(parts, {"axis": axis})


def pad_case(r: Random) -> Case:
    a = array(r, shape(r, 1, 2))
    return Case([a], {"pad_width": [(r.randint(0, 2), r.randint(0, 2)) for _ in a.shape]})


def prod_case(r: Random) -> Case:
    case = reduction(r)
    for _ in range(r.choice([0, 0, 1, 2])):  # with no zero, one, or two
        a = case.arrays[0].copy()
        a.reshape(-1)[r.randint(0, a.size - 1)] = 0.0
        case.arrays = [a]
        case.__post_init__()
    return case


def swap_case(r: Random) -> Case:
    a = array(r, shape(r, 1, 3))
    return Case([a], {"axis1": axis_of(r, a), "axis2": axis_of(r, a)})


def move_case(r: Random) -> Case:
    a = array(r, shape(r, 1, 3))
    if a.ndim > 1 and r.randint(0, 1):
        return Case([a], {"source": (0, -1), "destination": (-1, 0)})
    return Case([a], {"source": axis_of(r, a), "destination": axis_of(r, a)})


def flip_case(r: Random) -> Case:
    a = array(r, shape(r, 1, 3))
    return Case([a], {"axis": axes_of(r, a)})


def steps_case(gates: int, states: int, biases: int = 1) -> Recipe:
    """A sequence of one or two steps, and the state before them."""

    def recipe(r: Random) -> Case:
        t, n, f, h = r.choice([(2, 2, 1, 2), (1, 2, 2, 1)])
        x, *before = array(r, (t, n, f)), *(array(r, (n, h)) for _ in range(states))
        rows = gates * h
        return Case([x, *before, array(r, (rows, f)), array(r, (rows, h)), *(array(r, (rows,)) for _ in range(biases))])

    return recipe


def reversed_case(r: Random) -> Case:
    a = array(r, (r.randint(1, 3), r.randint(1, 3), *shape(r, 0, 1)))
    return Case([a], {"lengths": np.array([r.randint(0, a.shape[0]) for _ in range(a.shape[1])])})


def one_array(kwargs: dict[str, Any] | None = None, least: int = 0) -> Recipe:
    return lambda r: Case([array(r, shape(r, least, 3))], dict(kwargs or {}))


NAMED = {o.name: o for o in RULED}

RECIPES: dict[str, Recipe] = {
    "assign": assign_case,
    "astype": one_array({"dtype": np.dtype(np.float64)}),
    "binary_cross_entropy_with_logits": labelled,
    "broadcast_to": broadcast_case,
    "concatenate": concatenate_case,
    "copy": one_array(),
    "cross_entropy": rows,
    "cross_entropy_of_distributions": distributed,
    "cumsum": along_axis,
    "dropout": dropout_case,
    "einsum": einsum_case,
    "expand_dims": lambda r: Case([array(r, shape(r, 0, 2))], {"axis": r.choice([0, -1, (0, -1)])}),
    "flip": flip_case,
    "getitem": getitem_case,
    "gru_steps": steps_case(3, 1, biases=2),
    "linear": linear_case,
    "log_softmax": along_axis,
    "logsumexp": reduction,
    "lstm_steps": steps_case(4, 2),
    "matmul": matmul_case,
    "max": extremum_case(NAMED["max"]),
    "mean": reduction,
    "min": extremum_case(NAMED["min"]),
    "moveaxis": move_case,
    "normalize": normalize_case,
    "pad": pad_case,
    "prod": prod_case,
    "ravel": one_array(),
    "reshape": reshape_case,
    "reverse_sequence": reversed_case,
    "rnn_steps": steps_case(1, 1),
    "roll": roll_case,
    "scatter_add": scatter_case,
    "softmax": along_axis,
    "squeeze": squeeze_case,
    "std": spread_case,
    "sum": reduction,
    "sum_of_squares": lambda r: Case([array(r, shape(r, 0, 2)) for _ in range(r.randint(2, 3))]),
    "sum_to": sum_to_case,
    "swapaxes": swap_case,
    "transpose": transpose_case,
    "tril": triangle,
    "triu": triangle,
    "var": spread_case,
}


def recipe_for(function: Callable[..., Any]) -> Recipe:
    """The inputs of an op or of a composition: an operation without any fails the tests that ask."""
    if not isinstance(function, Op):
        return COMPOSITIONS[function.__name__]
    if function.kind == "elementwise":
        return lambda r: elementwise_case(function, r)
    return RECIPES[function.name]


# --- compositions, called in NumPy's way


def clip_case(r: Random) -> Case:
    case = elementwise_case(elementwise._bounds, r)
    if r.randint(0, 1):
        return case
    x, low = (case.arrays[i] for i in (0, 1))
    return Case([x, low], {}, call=lambda f, x, low: f(x, low, np.inf), kinks=case.kinks[:1])


def take_case(r: Random) -> Case:
    a = array(r, shape(r, 1, 2))
    axis = r.choice([None, axis_of(r, a)])
    n = a.size if axis is None else a.shape[axis]
    mode = r.choice(["raise", "clip", "wrap"])
    far = 0 if mode == "raise" else 2 * n
    low = 0 if mode == "clip" else -n  # NumPy clips negative indices to 0
    picks = [r.randint(low - far * (mode == "wrap"), n - 1 + far) for _ in range(r.randint(1, 4))]
    indices = r.choice([picks, np.array(picks), picks[0], np.array(picks)[:, None]])
    return Case([a], {"axis": axis, "mode": mode}, Beside(indices, after=True))


def take_along_case(r: Random) -> Case:
    a = array(r, shape(r, 1, 2))
    axis = r.choice([None, axis_of(r, a)])
    n = a.size if axis is None else a.shape[axis]
    to = list(a.shape) if axis is not None else [0]
    to[0 if axis is None else axis] = r.randint(1, 4)
    picks = np.array([r.randint(-n, n - 1) for _ in range(int(np.prod(to)))]).reshape(to)
    return Case([a], {"axis": axis}, Beside(picks, after=True))


def repeat_case(r: Random) -> Case:
    a = array(r, shape(r, 1, 2))
    axis = r.choice([None, axis_of(r, a)])
    n = a.size if axis is None else a.shape[axis]
    return Case([a], {"axis": axis}, Beside(r.choice([2, 0, [r.randint(0, 2) for _ in range(n)]]), after=True))


def split_case(r: Random, sections: Sequence[Any] = (1, 2, 4, [1], [1, 3])) -> Case:
    return Case(
        [array(r, (4, r.randint(1, 2)))], {"axis": r.choice([0, -2])}, Beside(r.choice(list(sections)), after=True)
    )


def padding_case(r: Random) -> Case:
    a = distinct(r, shape(r, 1, 2))
    how: list[dict[str, Any]] = [{"mode": m} for m in ("constant", "edge", "reflect", "symmetric", "wrap", "mean")]
    how += [
        {"mode": "maximum", "stat_length": 2},
        {"mode": "minimum"},
        {"mode": "linear_ramp", "end_values": (2.0, 1.0)},
    ]
    how.append({"mode": "constant", "constant_values": 1.5})
    return Case([a], r.choice(how), Beside(r.choice([1, (1, 2), ((0, 2),) * a.ndim]), after=True))


def diagonal_case(r: Random) -> Case:
    a = array(r, (r.randint(1, 3), r.randint(1, 3), *shape(r, 0, 1)))
    return Case(
        [a], {"offset": r.randint(-1, 1), **r.choice([{}, {"axis1": 1, "axis2": 0}, {"axis1": 0, "axis2": -1}])}
    )


def products(*pairs: tuple[tuple[int, ...], tuple[int, ...]]) -> Recipe:
    def recipe(r: Random) -> Case:
        x, y = r.choice(pairs)
        return Case([array(r, x), array(r, y)])

    return recipe


def tensordot_case(r: Random) -> Case:
    x, y, axes = r.choice(
        [
            ((2, 3), (3, 2), 1),
            ((2, 3), (2, 3), 2),
            ((2,), (3,), 0),
            ((2, 3, 2), (2, 2, 3), ([0, 1], [1, 2])),
            ((2, 3), (3, 2), (0, 1)),
            ((2, 3, 1), (3, 2), ([1, 0], [-2, -1])),
        ]
    )
    return Case([array(r, x), array(r, y)], {"axes": axes})


def einsum_call_case(r: Random) -> Case:
    subscripts, shapes = r.choice(
        [
            ("ij,jk", [(2, 3), (3, 2)]),
            ("ij,jk->ki", [(2, 3), (3, 1)]),
            ("...ij,...jk->...ik", [(2, 2, 3), (3, 1)]),
            ("ii->i", [(3, 3)]),
            ("ii", [(2, 2)]),
            ("iij->j", [(2, 2, 3)]),
            ("iii->i", [(2, 2, 2)]),
            ("i...->...", [(2, 3)]),
            ("i,i", [(3,), (3,)]),
            ("b i, b j -> b i j", [(2, 3), (2, 2)]),
            ("ij,kl", [(1, 2), (2, 1)]),
            ("ij,ij->i", [(2, 3), (1, 3)]),
            ("...,...", [(2,), (2, 2)]),
        ]
    )
    return Case([array(r, s) for s in shapes], {}, Beside(subscripts))


def stack_case(r: Random) -> Case:
    a = array(r, shape(r, 0, 2))
    return Case([a, array(r, a.shape)], {"axis": r.choice([0, -1])}, joined)


def joined_case(r: Random) -> Case:
    case = concatenate_case(r)
    case.call = joined
    if r.randint(0, 3) == 0:
        case.kwargs = {"axis": None}
    return case


def tile_case(r: Random) -> Case:
    return Case([array(r, shape(r, 0, 2))], {}, Beside(r.choice([2, (2,), (2, 1), (1, 2, 2), 0]), after=True))


FLAT_PRODUCTS = [((), (2,)), ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (3, 2))]

COMPOSITIONS: dict[str, Recipe] = {
    "_raveled": lambda r: Case([array(r, shape(r, 0, 3))], {"order": r.choice("CF")}),
    "_reshaped": in_columns_case,
    "array_split": lambda r: split_case(r, (3, 5, [1], [2, 2])),
    "broadcast_to": broadcast_case,
    "clip": clip_case,
    "concatenate": joined_case,
    "diag": lambda r: Case([array(r, shape(r, 1, 2))], {"k": r.randint(-1, 1)}),
    "diagonal": diagonal_case,
    "dot": products(*FLAT_PRODUCTS, ((2, 1, 3), (3, 2)), ((2, 3), (2, 3, 1)), ((2, 2, 3), (3,))),
    "einsum": einsum_call_case,
    "inner": products(((), (2,)), ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (1, 3)), ((2, 1, 3), (2, 3))),
    "outer": products(((), (2,)), ((2,), (3,)), ((2, 1), (1, 3))),
    "pad": padding_case,
    "repeat": repeat_case,
    "split": split_case,
    "stack": stack_case,
    "take": take_case,
    "take_along_axis": take_along_case,
    "tensordot": tensordot_case,
    "tile": tile_case,
    "trace": diagonal_case,
}


# --- what each operation computes, found independently of its record


def _loss(losses: np.ndarray, reduction: str) -> np.ndarray:
    return {"mean": np.mean, "sum": np.sum, "none": np.asarray}[reduction](losses)


def _rows_loss(x: np.ndarray, labels: np.ndarray, reduction: str) -> np.ndarray:
    rows = [-np.log(np.exp(row[k]) / np.exp(row).sum()) for row, k in zip(x, labels, strict=True)]
    return _loss(np.array(rows), reduction)


def _bce(x: np.ndarray, y: np.ndarray, reduction: str) -> np.ndarray:
    return _loss(y * np.log1p(np.exp(-x)) + (1 - y) * np.log1p(np.exp(x)), reduction)


def _distributions_loss(x: np.ndarray, y: np.ndarray, axis: int, reduction: str) -> np.ndarray:
    return _loss(-(y * np.log(_exponentials(x, axis))).sum(axis=axis), reduction)


def _bce_of_probability(a: float, y: float) -> float:
    """No logarithm is less than -100; what is no probability has none."""
    if not 0 <= a <= 1:
        return math.nan
    ln_a = -100.0 if a == 0 else max(math.log(a), -100.0)
    ln_rest = -100.0 if a == 1 else math.log1p(-a)
    return -(y * ln_a + (1 - y) * ln_rest)


def _scattered(x: np.ndarray, index: Any, shape: tuple[int, ...]) -> np.ndarray:
    out = np.zeros(shape, x.dtype)
    np.add.at(out, index, x)
    return out


def _assigned(x: np.ndarray, v: np.ndarray, index: Any) -> np.ndarray:
    out = np.array(x)
    out[index] = v
    return out


def _each(f: Callable[..., float]) -> Callable[..., np.ndarray]:
    return np.vectorize(f, otypes=[np.float64])


def _exp(x: float) -> float:
    return float(np.exp(np.float64(x)))


def _sum_to(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    x = x.sum(axis=tuple(range(x.ndim - len(shape))))
    return x.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


def _exponentials(x: np.ndarray, axis: int) -> np.ndarray:
    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)


def _gelu_tanh(x: float) -> float:
    return 0.5 * x * (1.0 + float(np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x))))


def _linear(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    rows = [[row @ out + c for out, c in zip(w, b, strict=True)] for row in x.reshape(-1, x.shape[-1])]
    return np.array(rows).reshape(*x.shape[:-1], len(w))


def _normalized(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, axis: Any, eps: float, center: bool, by_row: bool, known: None
) -> np.ndarray:
    mean = x.mean(axis, keepdims=True) * center
    summed = {a % x.ndim for a in np.atleast_1d(axis)}
    beside = [1 if (i in summed) is by_row else n for i, n in enumerate(x.shape)]
    w, b = w.reshape(beside), b.reshape(beside)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(axis, keepdims=True) + eps) * w + b


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _lstm_loop(
    x: np.ndarray, h: np.ndarray, c: np.ndarray, w: np.ndarray, u: np.ndarray, b: np.ndarray, known: None = None
) -> np.ndarray:
    rows = [np.stack([h, c])]
    for step in x:
        i, f, g, o = np.split(step @ w.T + h @ u.T + b, 4, axis=1)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        h = _sigmoid(o) * np.tanh(c)
        rows.append(np.stack([h, c]))
    return np.stack(rows, axis=1)


def _gru_loop(
    x: np.ndarray,
    h: np.ndarray,
    w: np.ndarray,
    u: np.ndarray,
    b: np.ndarray,
    d: np.ndarray,
    known: None = None,
) -> np.ndarray:
    rows = [h]
    for step in x:
        (a, e, c), (p, q, s) = np.split(step @ w.T + b, 3, axis=1), np.split(h @ u.T + d, 3, axis=1)
        r, z = _sigmoid(a + p), _sigmoid(e + q)
        h = (1 - z) * np.tanh(c + r * s) + z * h
        rows.append(h)
    return np.array(rows)


def _rnn_loop(
    x: np.ndarray, h: np.ndarray, w: np.ndarray, u: np.ndarray, b: np.ndarray, relu: bool = False
) -> np.ndarray:
    rows = [h]
    for step in x:
        z = step @ w.T + rows[-1] @ u.T + b
        rows.append(z.clip(min=0) if relu else np.tanh(z))
    return np.array(rows)


def _reversed(x: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    out = x.copy()
    for n, length in enumerate(lengths):
        out[:length, n] = x[:length, n][::-1]
    return out


REFERENCES: dict[str, Callable[..., Any]] = {
    "assign": _assigned,
    "astype": lambda x, dtype: np.array(x, dtype=dtype),
    "binary_cross_entropy": np.vectorize(_bce_of_probability, otypes=[np.float64]),
    "binary_cross_entropy_with_logits": _bce,
    "concatenate": lambda *arrays, axis: np.concatenate(arrays, axis),
    "cross_entropy": _rows_loss,
    "cross_entropy_of_distributions": _distributions_loss,
    "dropout": lambda x, mask, keep_prob: np.where(mask, x / keep_prob, 0.0),
    "einsum": lambda *arrays, subscripts, optimize: np.einsum(subscripts, *arrays),
    "elu": _each(lambda x, alpha=1.0: float(np.expm1(x)) * alpha if x <= 0 else x),
    "erf": lambda x: located("scipy.special.erf")(x) if np.iscomplexobj(x) else _each(math.erf)(x),
    "gelu_tanh": _each(_gelu_tanh),
    "getitem": lambda x, index: x[index],
    "gru_steps": _gru_loop,
    "hard_tanh": _each(lambda x, min_val=-1.0, max_val=1.0: min_val if x < min_val else max_val if x > max_val else x),
    "kl_div": lambda x, y: y * (np.log(y, where=y != 0, out=np.zeros_like(y)) - x),
    "leaky_relu": _each(lambda x, negative_slope=0.01: x if x > 0 else negative_slope * x),
    "log_softmax": lambda x, axis: np.log(_exponentials(x, axis)),
    "linear": _linear,
    "log_sigmoid": _each(lambda x: -float(np.log1p(np.exp(-x))) if x > 0 else x - float(np.log1p(np.exp(x)))),
    "logsumexp": lambda x, axis, keepdims: np.log(np.exp(x).sum(axis=axis, keepdims=keepdims)),
    "lstm_steps": _lstm_loop,
    "mish": _each(lambda x: x * float(np.tanh(np.logaddexp(0.0, x)))),
    "ndtr": lambda x: (
        located("scipy.special.ndtr")(x)
        if np.iscomplexobj(x)
        else _each(lambda x: 0.5 * math.erfc(-x * math.sqrt(0.5)))(x)
    ),
    "normalize": _normalized,
    "relu": _each(lambda x: 0.0 if x < 0 else x),
    "reverse_sequence": _reversed,
    "rnn_steps": _rnn_loop,
    "scatter_add": _scattered,
    "sigmoid": _each(lambda x: 1 / (1 + _exp(-x)) if x > 0 else _exp(x) / (1 + _exp(x))),
    "silu": _each(lambda x: x / (1 + _exp(-x)) if x > 0 else x * (_exp(x) / (1 + _exp(x)))),
    "softmax": _exponentials,
    "softsign": _each(lambda x: x / (1 + abs(x))),
    "softplus": _each(lambda x: x + float(np.log1p(np.exp(-x))) if x > 0 else float(np.log1p(np.exp(x)))),
    "squared_error": lambda x, y: (x - y) ** 2,
    "sum_of_squares": lambda *arrays: sum((x**2).sum() for x in arrays),
    "sum_to": _sum_to,
}


# of compositions, where NumPy's function is none that every version has
DEFINITIONS: dict[str, Callable[..., Any]] = {}


def reference(function: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's or SciPy's function of the same name, or a definition written out above."""
    if not isinstance(function, Op):
        if function.__name__ in DEFINITIONS:
            return DEFINITIONS[function.__name__]
        return next(key for key, value in COMPOSED.items() if value is function and not isinstance(key, str))
    if function.name in REFERENCES:
        return REFERENCES[function.name]
    return getattr(np, function.name, None) or located(function.elsewhere[0])
