"""The strategies make what they say, all of it, and shrink."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from laws import table

import tinygraph as tg
from tinygraph import Kink, Op
from tinygraph.check import choose, compare_grads, operands
from tinygraph.check import strategies as tgst
from tinygraph.ops import elementwise

INF = float("inf")
SIMPLE = [
    o
    for o in table.RULED
    if not o.variadic
    and all(o.vjps)
    and o.name not in ("expand_dims", "cholesky")  # one needs its axis, the other reads one triangle of two
    and set(o.params) <= {"axis", "keepdims", "ddof"}
    and (o.kind == "elementwise" or o.arity < 3 or o.name == "linear")  # the arrays of others have to fit each other
]
KINKED = [o for o in table.RULED if o.kinks]
named = pytest.mark.parametrize("op", SIMPLE, ids=lambda o: o.name)


def cubic_hinge() -> Op:
    return tg.op(
        lambda x: np.where(x > 0.3, x**3, 0.027),
        kind="elementwise",
        domain=[(-1.0, 1.0)],
        kinks=[Kink("x³ = 0.027", lambda x: x**3 - 0.027, "0")],
        name="cubic_hinge",
        vjps=[lambda g, ans, x: g * np.where(x > 0.3, 3.0 * x**2, 0.0)],
    )


# --- arrays


@given(x=tgst.arrays(low=-1.0, high=2.0, away_from=[0.0, 1.0], margin=0.125))
def test_arrays_are_inside_away_uneven_and_read_only(x: np.ndarray) -> None:
    assert np.all((x > -1.0) & (x < 2.0))
    assert np.all(np.abs(x) >= 0.125)
    assert np.all(np.abs(x - 1.0) >= 0.125)
    assert len(set(x.ravel().tolist())) == x.size
    assert np.array_equal(x * 2**10, np.rint(x * 2**10))
    with pytest.raises(ValueError, match="read-only"):
        x[...] = 0.0


@given(x=tgst.arrays((4,), low=0.0, high=1e-6, dtype=np.float32), y=tgst.arrays((2, 0)))
def test_arrays_of_any_interval_shape_and_dtype(x: np.ndarray, y: np.ndarray) -> None:
    assert x.dtype == np.float32
    assert np.all((x > 0.0) & (x < 1e-6))
    assert y.shape == (2, 0)


@pytest.mark.parametrize("interval", [(100.0, INF), (-INF, -7.0), (0.0, 1e300), (-1e-9, 1e-9), (5.0, 5.5)])
def test_numbers_stay_inside_every_interval(interval: tuple[float, float]) -> None:
    for seed in range(50):
        x = choose.array(choose.seeded(seed), (3, 3), interval)
        assert np.all((x > interval[0]) & (x < interval[1]))
        assert len(np.unique(x)) == 9


def test_an_empty_interval_is_an_error() -> None:
    with pytest.raises(ValueError, match="empty"):
        find(tgst.arrays(low=1.0, high=1.0), lambda x: True)


def test_a_shape_may_be_a_strategy_and_many_elements_are_all_different() -> None:
    x = find(tgst.arrays(st.just((2, 5))), lambda x: True)
    assert x.shape == (2, 5)
    assert len(np.unique(choose.array(choose.seeded(0), (20, 20)))) == 400


def test_arrays_shrink() -> None:
    assert find(tgst.arrays(2), lambda x: True).tolist() == [0.0, 0.0625]
    assert find(tgst.op_arguments(np.log), lambda args: True) == (0.125,)
    with pytest.raises(TypeError, match="len is no Op"):
        find(tgst.op_arguments(len), lambda args: True)
    assert find(tgst.arrays(), lambda x: np.any(x > 1.0)).shape == ()
    assert find(tgst.arrays((3,), unique=False), lambda x: np.sum(x) >= 1.0).tolist().count(0.0) == 2


@given(shapes=tgst.broadcastable_shapes(3), one=tgst.array_shapes(min_dims=1, max_dims=3, max_side=2))
def test_shapes(shapes: Any, one: Any) -> None:
    assert np.broadcast_shapes(*shapes) in shapes
    assert 1 <= len(one) <= 3
    assert max(one) <= 2


# --- arguments of operations


@named
@given(data=st.data())
def test_arguments_are_inside_the_domain_and_away_from_kinks(op: Op, data: Any) -> None:
    args = data.draw(tgst.op_arguments(op))
    assert len(args) == op.arity
    for x, (low, high) in zip(args, op.domain, strict=True):
        assert np.all((low < x) & (x < high))
        assert not x.flags.writeable
    for kink in op.kinks:
        assert np.all(np.abs(kink.margin(*args)) >= operands.MARGIN)
    with np.errstate(all="raise", under="ignore"):
        assert np.all(np.isfinite(op(*args)))


def test_no_matrix_is_where_eigenvectors_change_their_sign() -> None:
    eig = next(o for o in SIMPLE if o.name == "eig")
    assert all(np.all(operands.arguments(choose.seeded(seed), eig, {})[0]) for seed in range(200))


@named
@settings(max_examples=5)
@given(data=st.data())
def test_arguments_suit_the_check(op: Op, data: Any) -> None:
    args = data.draw(tgst.op_arguments(op))
    report = compare_grads(op, *args)
    assert report.wrong == report.inconclusive == 0


@given(args=tgst.op_arguments(cubic_hinge()), x=tgst.op_arguments(tg.max, axis=0))
def test_a_users_op_and_metadata(args: Any, x: Any) -> None:
    assert np.all(np.abs(args[0] ** 3 - 0.027) >= operands.MARGIN)
    ranked = np.sort(x[0], axis=0)
    assert np.all(ranked[-1] - ranked[-2] >= operands.MARGIN)


def test_arguments_broadcast_in_every_way() -> None:
    seen = {tuple(x.shape for x in operands.arguments(choose.seeded(s), tg.add, {}) or ()) for s in range(2000)}
    for wanted in [((2, 3), (3,)), ((3,), (2, 3)), ((2, 1), (2, 3)), ((), (3,)), ((1, 3), (2, 3)), ((3,), (3,))]:
        assert wanted in seen


@given(args=tgst.op_arguments(elementwise.where))
def test_a_condition_is_boolean(args: Any) -> None:
    assert [x.dtype.kind for x in args] == ["b", "f", "f"]


def test_an_op_on_any_number_of_arrays_asks_for_arrays() -> None:
    variadic = next(o for o in table.RULED if o.variadic)
    with pytest.raises(ValueError, match="arrays of your own"):
        find(tgst.op_arguments(variadic), lambda args: True)


# --- at the kinks


@pytest.mark.parametrize("op", KINKED, ids=lambda o: o.name)
@given(data=st.data())
def test_at_kinks_an_element_is_exactly_there(op: Op, data: Any) -> None:
    args = data.draw(tgst.at_kinks(op))
    assert len({x.shape for x in args}) == 1
    with np.errstate(all="ignore"):
        assert any(np.any(np.asarray(k.margin(*args)) == 0.0) for k in op.kinks)
    for x, (low, high) in zip(args, op.domain, strict=True):
        assert np.all((low < x) & (x < high))


@given(args=tgst.at_kinks(cubic_hinge()))
def test_at_kinks_of_a_users_op_that_have_many_digits(args: Any) -> None:
    assert np.any(np.abs(args[0] - 0.3) < 1e-15)


def test_an_op_without_kinks_says_how_to_declare_them() -> None:
    with pytest.raises(ValueError, match="kinks="):
        find(tgst.at_kinks(tg.exp), lambda args: True)


# --- indices, contractions, products


@given(data=st.data(), shape=st.lists(st.integers(0, 4), max_size=4).map(tuple))
def test_every_index_is_numpys(data: Any, shape: tuple[int, ...]) -> None:
    index = data.draw(tgst.indices(shape))
    x = np.arange(float(np.prod(shape))).reshape(shape)
    t = tg.Tensor(x)
    y = t[index]
    np.testing.assert_array_equal(y.data, x[index])
    g = np.asarray(x[index]) + 0.5
    y.backward(g)
    want = np.zeros(shape)
    np.add.at(want, index, g)
    np.testing.assert_array_equal(t.grad, want)


def kinds_of_index(index: Any) -> set[str]:
    parts = index if isinstance(index, tuple) else (index,)
    kinds = {"tuple" if isinstance(index, tuple) else "bare"}
    arrays = [p for p in parts if isinstance(p, np.ndarray | list) or np.ndim(p) > 0]
    for p in parts:
        if isinstance(p, slice):
            kinds.add("backwards" if (p.step or 1) < 0 else "slice")
        elif isinstance(p, bool | np.bool_):
            kinds.add("one boolean")
        elif isinstance(p, np.ndarray) and p.dtype == bool:
            kinds.add("mask" if p.ndim == 1 else "mask over axes")
        elif isinstance(p, np.ndarray | list):
            flat = np.ravel(p).tolist()
            kinds |= {"list" if isinstance(p, list) else "integers"}
            kinds |= {"repeated"} if len(set(flat)) < len(flat) else set()
            kinds |= {"negative"} if min(flat) < 0 else set()
        else:
            kinds.add({type(None): "new axis", type(...): "ellipsis"}.get(type(p), "integer"))
    places = [i for i, p in enumerate(parts) if any(p is a for a in arrays)]
    if len(places) > 1:
        kinds.add("several arrays" if places[-1] - places[0] == len(places) - 1 else "arrays apart")
    return kinds


def test_indices_of_every_kind_are_made() -> None:
    seen: set[str] = set()
    for seed in range(3000):
        seen |= kinds_of_index(tgst.index(choose.seeded(seed), (3, 2, 3)))
    assert seen >= {
        *("slice", "backwards", "integer", "ellipsis", "new axis", "one boolean", "mask", "mask over axes", "integers"),
        *("list", "repeated", "negative", "several arrays", "arrays apart", "tuple", "bare"),
    }


@given(data=st.data(), shape=tgst.array_shapes(max_dims=3))
def test_basic_indices_give_views(data: Any, shape: tuple[int, ...]) -> None:
    x = np.zeros(shape)
    part = x[data.draw(tgst.indices(shape, advanced=False))]
    assert not isinstance(part, np.ndarray) or part.size == 0 or np.shares_memory(part, x)


@given(pair=tgst.einsum_operands(), xy=tgst.matmul_operands())
def test_contractions_and_products_are_numpys(pair: Any, xy: Any) -> None:
    subscripts, arrays = pair
    np.testing.assert_allclose(
        tg.einsum(subscripts, *map(tg.Tensor, arrays)).data, np.einsum(subscripts, *arrays), rtol=1e-12, atol=1e-12
    )
    x, y = xy
    np.testing.assert_allclose((tg.Tensor(x) @ y).data, x @ y, rtol=1e-14, atol=1e-14)


def test_contractions_of_every_kind_are_made() -> None:
    specs = [operands.einsum(choose.seeded(seed))[0] for seed in range(2000)]
    terms = [term for spec in specs for term in spec.partition("->")[0].split(",")]
    assert any(len(set(t)) < len(t) and "..." not in t for t in terms)  # a diagonal
    assert any("..." in spec for spec in specs)
    assert any("->" not in spec for spec in specs)
    assert any(spec.endswith("->") for spec in specs)
    assert any(", " in spec for spec in specs)
    assert {spec.count(",") for spec in specs} == {0, 1, 2}
    shapes = {tuple(x.ndim for x in operands.matmul(choose.seeded(seed))) for seed in range(500)}
    assert {(1, 1), (1, 2), (2, 1), (2, 2), (3, 2), (2, 3), (4, 3)} <= shapes


# --- where they live


def test_the_check_without_strategies_does_not_load_hypothesis() -> None:
    program = (
        "import sys, tinygraph.check, tinygraph.check.programs\n"
        "tinygraph.check.programs.random_program(1)\nprint('hypothesis' in sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert loaded.stdout == "False\n"
