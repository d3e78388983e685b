"""Transforms over trees of arrays: structure, dtypes, argnums, aux, modes, and Tensors passing through."""

import tracemalloc
from collections import namedtuple
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygraph as tg
from tinygraph.tensor import Tensor
from tinygraph.transforms import basis
from tinygraph.tree import flatten

A = np.array([[1.0, 2.0], [3.0, 4.0]])
V = np.array([0.5, -1.5])
Pair = namedtuple("Pair", "weight bias")


def loss(p: dict[str, Any], x: Any) -> Any:
    return ((x @ p["layer"][0] + p["layer"][1]) ** 2).sum() * p["scale"]


PARAMS = {"layer": (A, V), "scale": 2.0, "none": []}


def same_structure(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same_structure(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same_structure, a, b))
    return np.shape(a) == np.shape(b)


# --- trees


def test_the_gradient_has_the_structure_of_the_argument() -> None:
    g = tg.grad(loss)(PARAMS, V)
    assert same_structure(g, PARAMS)
    np.testing.assert_allclose(g["layer"][0], 4.0 * np.outer(V, V @ A + V))
    np.testing.assert_allclose(g["layer"][1], 4.0 * (V @ A + V))
    np.testing.assert_allclose(g["scale"], ((V @ A + V) ** 2).sum())


def test_named_tuples_and_lists_keep_their_type() -> None:
    p = Pair(weight=[2.0, np.ones(2)], bias={"b": (1.0,)})
    g = tg.grad(lambda p: p.weight[0] * p.weight[1].sum() * p.bias["b"][0])(p)
    assert isinstance(g, Pair)
    assert isinstance(g.weight, list)
    assert isinstance(g.bias["b"], tuple)
    np.testing.assert_array_equal(g.weight[1], [2.0, 2.0])


@dataclass(frozen=True)
class Line:
    weight: Any
    bias: Any = None
    label: str = field(default="line", metadata={"static": True})

    def __post_init__(self) -> None:
        assert np.shape(self.weight), "is only called by who makes one"


def test_dataclasses_are_trees_whose_static_fields_stay() -> None:
    def f(line: Line, x: Any) -> Any:
        y = (line.weight * x).sum()
        return y if line.bias is None else y + line.bias

    line = Line(V, 2.0, "mine")
    g = tg.grad(f)(line, V)
    assert isinstance(g, Line)
    assert (g.label, float(g.bias)) == ("mine", 1.0)
    np.testing.assert_array_equal(g.weight, V)
    np.testing.assert_array_equal(line.weight, V)
    assert tg.grad(f)(Line(V), V).bias is None
    _, pull = tg.vjp(lambda line: Line(line.weight * 2.0, line.bias), line)
    assert float(pull(g)[0].bias) == 1.0
    with pytest.raises(ValueError, match="a Line is needed, got a dict"):
        pull({"weight": V, "bias": 1.0})
    leaves, rebuild = flatten(line)
    assert rebuild(leaves) is line
    assert rebuild([None, 3.0]).weight is None


def test_none_is_a_tree_without_leaves() -> None:
    g = tg.grad(lambda p: (p["w"] ** 2).sum())({"w": V, "b": None})
    np.testing.assert_array_equal(g["w"], 2 * V)
    assert g["b"] is None
    with pytest.raises(ValueError, match="None is needed, got a float"):
        tg.jvp(lambda p: p["w"], ({"w": V, "b": None},), ({"w": V, "b": 1.0},))


TREES = st.recursive(
    st.sampled_from([(), (2,), (1, 3)]).map(np.ones),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=2), inner, max_size=3),
    ),
    max_leaves=6,
)


@given(tree=TREES)
def test_any_tree_is_rebuilt_and_differentiated(tree: Any) -> None:
    leaves, rebuild = flatten(tree)
    assert same_structure(rebuild(leaves), tree)
    if leaves:
        value, g = tg.value_and_grad(lambda t: sum((x**2).sum() * (i + 1) for i, x in enumerate(flatten(t)[0])))(tree)
        assert same_structure(g, tree)
        for i, gx in enumerate(flatten(g)[0]):
            np.testing.assert_array_equal(gx, np.full(gx.shape, 2.0 * (i + 1)))
        assert value == sum(x.size * (i + 1) for i, x in enumerate(leaves))


def test_vjp_and_jvp_take_trees_in_and_give_trees_out() -> None:
    def f(p: Any) -> Any:
        return {"sum": p[0] + p[1]["b"], "parts": [p[0] * 2.0, p[1]["b"].sum()]}

    p = (V, {"b": V * 3.0})
    y, pull = tg.vjp(f, p)
    assert list(y) == ["sum", "parts"]
    cotangent = {"sum": np.ones(2), "parts": [np.array([1.0, 10.0]), 5.0]}
    (g,) = pull(cotangent)
    assert same_structure(g, p)
    np.testing.assert_array_equal(g[0], [3.0, 21.0])
    np.testing.assert_array_equal(g[1]["b"], [6.0, 6.0])
    _, t = tg.jvp(f, (p,), ((np.ones(2), {"b": np.array([0.0, 1.0])}),))
    np.testing.assert_array_equal(t["sum"], [1.0, 2.0])
    np.testing.assert_array_equal(t["parts"][0], [2.0, 2.0])
    assert float(t["parts"][1]) == 1.0


def test_pull_may_be_called_any_number_of_times() -> None:
    _, pull = tg.vjp(lambda x: x * x, V)
    for k in (1.0, 2.0, 1.0):
        np.testing.assert_array_equal(pull(np.full(2, k))[0], 2 * V * k)


# --- arguments


def test_argnums_choose_the_arguments() -> None:
    def f(x: Any, y: Any, z: Any) -> Any:
        return (x * y**2 * z**3).sum()

    args = (2.0, 3.0, 5.0)
    slopes = [9.0 * 125, 2 * 6.0 * 125, 2 * 9.0 * 75]
    assert float(tg.grad(f)(*args)) == slopes[0]
    assert float(tg.grad(f, 2)(*args)) == slopes[2]
    assert float(tg.grad(f, -1)(*args)) == slopes[2]
    assert [float(g) for g in tg.grad(f, (0, 2))(*args)] == [slopes[0], slopes[2]]
    assert [float(g) for g in tg.grad(f, [2, 1])(*args)] == [slopes[2], slopes[1]]
    assert isinstance(tg.grad(f, (1,))(*args), tuple)


def test_other_arguments_may_be_anything_and_keywords_pass_through() -> None:
    def f(x: Any, how: str, *, times: int = 1) -> Any:
        return getattr(x, how)() * times

    assert float(tg.grad(f)(3.0, "sum", times=4)) == 4.0
    value, g = tg.value_and_grad(f)(3.0, "sum", times=4)
    assert (float(value), float(g)) == (12.0, 4.0)
    np.testing.assert_array_equal(tg.jacobian(f)(V, "sum", times=2), [2.0, 2.0])


def test_aux_comes_along() -> None:
    def f(x: Any) -> Any:
        return (x**2).sum(), {"seen": x.shape, "twice": 2}

    g, aux = tg.grad(f, has_aux=True)(V)
    np.testing.assert_array_equal(g, 2 * V)
    assert aux == {"seen": (2,), "twice": 2}
    (value, aux), g = tg.value_and_grad(f, has_aux=True)(V)
    assert float(value) == (V**2).sum()
    assert aux["twice"] == 2
    _, _, aux = tg.vjp(f, V, has_aux=True)
    _, _, aux2 = tg.jvp(f, (V,), (V,), has_aux=True)
    assert aux == aux2


def test_an_unused_argument_has_a_gradient_of_zeros() -> None:
    gx, gy = tg.grad(lambda x, y: x.sum(), (0, 1))(V, A.astype(np.float32))
    np.testing.assert_array_equal(gx, [1.0, 1.0])
    np.testing.assert_array_equal(gy, np.zeros((2, 2)))
    assert gy.dtype == np.float32
    np.testing.assert_array_equal(tg.grad(lambda x: 3.0)(V), [0.0, 0.0])
    np.testing.assert_array_equal(tg.jvp(lambda x: np.ones(3), (V,), (V,))[1], np.zeros(3))
    np.testing.assert_array_equal(tg.jacobian(lambda x: np.ones(3))(V), np.zeros((3, 2)))


def test_gradients_are_arrays_that_may_be_written_to() -> None:
    for g in (
        *tg.grad(lambda x, y: (x + y).sum(), (0, 1))(V, V),
        tg.grad(lambda x: x)(1.0),
        tg.vjp(lambda x: x, V)[1](V)[0],
    ):
        assert isinstance(g, np.ndarray)
        assert g.flags.writeable
        assert not np.shares_memory(g, V)


# --- dtypes


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_float_types_stay(dtype: Any) -> None:
    x = V.astype(dtype)
    f = lambda x: (np.tanh(x * 2.0) ** 2).sum()  # noqa: E731
    value, g = tg.value_and_grad(f)(x)
    assert (value.dtype, g.dtype) == (dtype, dtype)
    assert tg.jvp(f, (x,), (x,))[1].dtype == dtype
    assert tg.jacobian(lambda x: x * 2.0)(x).dtype == dtype
    assert tg.hessian(f)(x).dtype == dtype
    assert tg.hvp(f, (x,), (x,)).dtype == dtype


def test_python_numbers_are_float64() -> None:
    assert tg.grad(lambda x: x**2)(3).dtype == np.float64


# --- jacobians and hessians


@pytest.mark.parametrize("mode", ["rev", "fwd", None])
def test_the_jacobian_has_the_outputs_axes_first(mode: Any) -> None:
    def f(x: Any) -> Any:
        return np.einsum("ij,j->i", x, V) * np.ones((3, 1))

    found = tg.jacobian(f, mode=mode)(A)
    assert found.shape == (3, 2, 2, 2)
    want = np.zeros((3, 2, 2, 2))
    for i in range(2):
        want[:, i, i, :] = V
    np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("mode", ["rev", "fwd"])
def test_the_jacobian_of_trees_nests_outputs_over_inputs(mode: str) -> None:
    J = tg.jacobian(lambda p: {"y": p["a"] * p["b"]}, mode=mode)({"a": V, "b": 2.0})
    np.testing.assert_array_equal(J["y"]["a"], np.diag([2.0, 2.0]))
    np.testing.assert_array_equal(J["y"]["b"], V)


def test_the_jacobian_over_several_arguments() -> None:
    jx, jy = tg.jacobian(lambda x, y: x * y, argnums=(0, 1))(V, 3.0)
    np.testing.assert_array_equal(jx, np.diag([3.0, 3.0]))
    np.testing.assert_array_equal(jy, V)


def test_empty_arrays_have_empty_derivatives() -> None:
    e = np.zeros((0, 3))
    assert tg.grad(lambda x: x.sum())(e).shape == (0, 3)
    assert tg.jacobian(lambda x: x * 2.0)(e).shape == (0, 3, 0, 3)
    assert tg.jacobian(lambda x: x.sum(axis=0), mode="fwd")(e).shape == (3, 0, 3)


def test_the_hessian_of_a_quadratic_form_is_its_matrix() -> None:
    S = A + A.T
    f = lambda x: 0.5 * x @ S @ x  # noqa: E731
    np.testing.assert_allclose(tg.hessian(f)(V), S, rtol=1e-14)
    np.testing.assert_allclose(tg.hvp(f, (V,), (np.array([1.0, 0.0]),)), S[:, 0], rtol=1e-14)


def test_the_hessian_over_several_arguments_has_all_blocks() -> None:
    H = tg.hessian(lambda x, y: (x * y**2).sum(), (0, 1))(V, V + 1.0)
    np.testing.assert_allclose(H[0][0], np.zeros((2, 2)))
    np.testing.assert_allclose(H[0][1], np.diag(2 * (V + 1.0)))
    np.testing.assert_allclose(H[1][0], np.diag(2 * (V + 1.0)))
    np.testing.assert_allclose(H[1][1], np.diag(2 * V))


def test_hvp_over_several_arguments_is_a_tuple() -> None:
    hx, hy = tg.hvp(lambda x, y: (x * y**2).sum(), (V, V + 1.0), (np.ones(2), np.zeros(2)))
    np.testing.assert_allclose(hx, [0.0, 0.0])
    np.testing.assert_allclose(hy, 2 * (V + 1.0))


# --- Tensors passing through


def test_a_tensor_given_gives_a_tensor_that_can_be_differentiated() -> None:
    x = Tensor(3.0)
    g = tg.grad(lambda x: x**3)(x)
    assert isinstance(g, Tensor)
    assert float(g) == 27.0
    g.backward()
    assert float(x.grad) == 18.0


def test_a_tensor_given_gives_a_tensor_also_where_the_result_does_not_depend_on_it() -> None:
    assert isinstance(tg.grad(lambda x: 7.0)(Tensor(3.0)), Tensor)


def test_a_constant_tensor_gives_an_array() -> None:
    assert isinstance(tg.grad(lambda x: x**3)(Tensor(3.0).detach()), np.ndarray)


def test_a_tensor_as_cotangent_or_tangent_is_differentiated_too() -> None:
    c = Tensor(V.copy())
    (g,) = tg.vjp(lambda x: x**3, V)[1](c)
    assert isinstance(g, Tensor)
    g.sum().backward()
    np.testing.assert_allclose(c.grad, 3 * V**2)
    t = Tensor(V.copy())
    tg.jvp(lambda x: x**3, (V,), (t,))[1].sum().backward()
    np.testing.assert_allclose(t.grad, 3 * V**2)


def test_the_callers_tensors_get_no_gradient_from_a_transform() -> None:
    w = Tensor(2.0)
    tg.grad(lambda x: x * w)(3.0)
    assert w.grad is None


def test_a_function_that_returns_its_argument_or_a_number() -> None:
    assert float(tg.grad(lambda x: x)(2.0)) == 1.0
    assert float(tg.grad(lambda x: 7.0)(2.0)) == 0.0
    value, g = tg.value_and_grad(lambda x: 7)(2.0)
    assert (float(value), float(g)) == (7.0, 0.0)


def test_the_wrapped_function_keeps_its_name_and_docstring() -> None:
    def cost(x: Any) -> Any:
        """J."""
        return x

    for made in (tg.grad(cost), tg.value_and_grad(cost), tg.jacobian(cost), tg.hessian(cost)):
        assert (made.__name__, made.__doc__) == ("cost", "J.")


# --- more of them


def test_linearize_calls_the_function_once() -> None:
    calls = []

    def f(x: Any, p: Any) -> Any:
        calls.append(1)
        return {"y": np.sin(x) * p["w"]}, "aux"

    y, push, aux = tg.linearize(f, V, {"w": 2.0}, has_aux=True)
    for t in (np.ones(2), V):
        want = tg.jvp(f, (V, {"w": 2.0}), (t, {"w": 3.0}), has_aux=True)[1]
        np.testing.assert_array_equal(push(t, {"w": 3.0})["y"], want["y"])
    assert (len(calls), aux) == (3, "aux")
    np.testing.assert_array_equal(y["y"], 2.0 * np.sin(V))
    with pytest.raises(ValueError, match=r"linearize: tangent of shape \(3,\) for an array of shape \(2,\)"):
        push(np.ones(3), {"w": 1.0})
    with pytest.raises(ValueError, match="linearize: tangents: a sequence of 2 is needed"):
        push(np.ones(2))


def test_pushes_of_a_tensor_can_be_differentiated() -> None:
    g = tg.grad(lambda t: tg.linearize(np.sin, V)[1](t).sum())(np.ones(2))
    np.testing.assert_allclose(g, np.cos(V))
    h = tg.grad(lambda x: tg.linearize(np.sin, x)[1](np.ones(2)).sum())(V)
    np.testing.assert_allclose(h, -np.sin(V))


def test_stop_gradient_makes_constants_of_a_tree_at_every_level() -> None:
    def f(p: Any) -> Any:
        q = tg.stop_gradient(p)
        return (p["x"] * q["x"] * q["n"]).sum()

    np.testing.assert_array_equal(tg.grad(f)({"x": V, "n": 3.0})["x"], 3.0 * V)
    assert tg.grad(tg.grad(lambda x: x * x * tg.stop_gradient(x)))(5.0) == 10.0
    assert tg.stop_gradient((1, V, None))[1] is V


def test_aux_is_seen_from_outside() -> None:
    w = tg.Tensor(2.0)

    def f(x: Any) -> Any:
        return (x**2).sum(), {"inner": x * 3.0, "same": x, "const": tg.Tensor(1.0, requires_grad=False), "text": "a"}

    for aux in (
        tg.grad(f, has_aux=True)(V)[1],
        tg.value_and_grad(f, has_aux=True)(V)[0][1],
        tg.vjp(f, V, has_aux=True)[2],
        tg.jvp(f, (V,), (V,), has_aux=True)[2],
        tg.jacobian(f, has_aux=True)(V)[1],
        tg.jacfwd(f, has_aux=True)(V)[1],
        tg.jacrev(f, has_aux=True)(V)[1],
        tg.hessian(f, has_aux=True)(V)[1],
        tg.hvp(f, (V,), (V,), has_aux=True)[1],
        tg.linearize(f, V, has_aux=True)[2],
    ):
        np.testing.assert_array_equal(aux["inner"], 3.0 * V)
        assert all(type(aux[k]) is np.ndarray for k in ("inner", "same", "const"))
        assert aux["same"] is not V
        assert aux["text"] == "a"
    _, aux = tg.grad(lambda x: (x, x * w), has_aux=True)(3.0)
    aux.backward()
    assert w.grad == 3.0
    slope = tg.grad(lambda y: tg.grad(lambda x: (x, x * x), has_aux=True)(y)[1])(3.0)
    assert slope == 6.0


def test_the_modes_of_the_jacobian_have_names() -> None:
    def f(x: Any) -> Any:
        return np.sin(x) * V

    for take in (tg.jacfwd, tg.jacrev, tg.jacobian):
        np.testing.assert_allclose(take(f)(V), np.diag(np.cos(V) * V), rtol=1e-15)
    with pytest.raises(ValueError, match="mode 'both' is not"):
        tg.jacobian(f, mode="both")


# --- many directions in one walk

M = np.random.default_rng(0).normal(size=(3, 4))
SQUARE = tg.custom_vjp(lambda x: x**2)
SQUARE.defvjp(lambda x: (x**2, x), lambda x, g: (np.asarray(g) * 2.0 * np.asarray(x),))  # knows no stacks


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sort(x**2, axis=1),
        lambda x: np.linalg.eigh(x.T @ x)[0],
        lambda x: np.einsum("ij,kj->ik", x, x)[:, [2, 0, 0]],
        lambda x: x.max(axis=0) * np.where(x > 0, x, 0.0).sum(0),
        tg.checkpoint(lambda x: np.tanh(x.T) @ x),
        lambda x: np.concatenate([x, np.cumsum(x, axis=1)])[::2],
    ],
    ids=["sort", "eigh", "einsum", "max", "checkpoint", "concatenate"],
)
@pytest.mark.parametrize(
    "take", [tg.jacrev, tg.jacfwd, lambda f: tg.hessian(lambda x: (f(x) ** 2).sum())], ids=["rev", "fwd", "hessian"]
)
def test_blocks_of_directions_give_what_each_gives_alone(f: Any, take: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(basis, "BLOCK", 12 * 5)  # blocks of five directions and less
    together = take(f)(M)
    monkeypatch.setattr(basis, "FEW", 1000)
    np.testing.assert_allclose(together, take(f)(M), rtol=1e-12, atol=1e-13)


def test_third_derivatives_and_gradients_through_a_jacobian_share_walks_too() -> None:
    def f(x: Any, w: Any) -> Any:
        return np.sin(x * w) * w.sum()

    x, w = M[0], M[1]
    want = -np.cos(x * w) * w**3 * w.sum()
    third = tg.jacobian(tg.hessian(lambda x: f(x, w).sum()))(x)
    np.testing.assert_allclose(third, want[:, None, None] * np.eye(4)[:, :, None] * np.eye(4), atol=1e-12)
    slope = tg.grad(lambda w: (tg.jacobian(lambda x: f(x, w))(x) ** 2).sum())
    tg.check.check_pair(lambda w: (np.cos(x * w) ** 2 * w**2).sum() * w.sum() ** 2, slope, w)


def test_a_block_of_directions_is_one_call_of_each_rule() -> None:
    calls = []
    double = tg.op(lambda x: 2.0 * x, vjps=[lambda g, ans, x: calls.append(1) or 2.0 * g], name="double")
    np.testing.assert_array_equal(tg.jacrev(double)(np.zeros(50)), 2.0 * np.eye(50))
    assert len(calls) == 1


@pytest.mark.filterwarnings("error")
def test_a_rule_that_knows_no_stacks_is_called_for_each_direction() -> None:
    np.testing.assert_allclose(tg.jacrev(SQUARE)(M[0]), np.diag(2.0 * M[0]))

    def refuses(g: Any, ans: Any, x: Any) -> Any:
        if type(g) is not np.ndarray:
            raise NotImplementedError
        return 2.0 * g

    double = tg.op(lambda x: 2.0 * x, vjps=[refuses], name="double")
    np.testing.assert_array_equal(tg.jacrev(double)(np.zeros(5)), 2.0 * np.eye(5))


def test_a_compiled_jacobian_is_one_stack() -> None:
    compiled = tg.compile(tg.jacrev(lambda x: np.sin(x) * x.sum()), strict=True)
    for x in (M, 2.0 * M, M - 1.0):
        np.testing.assert_allclose(compiled(x), tg.jacrev(lambda x: np.sin(x) * x.sum())(x), rtol=1e-13)
    assert len(compiled.source.splitlines()) < 40


def test_a_forward_walk_drops_tangents_that_nobody_needs() -> None:
    def chain(x: Any) -> Any:
        first = x
        for _ in range(100):
            x = np.sin(x)
        return x + first

    x = np.linspace(0.0, 1.0, 10_000)
    _, push = tg.linearize(chain, x)
    tracemalloc.start()
    try:
        push(x)
        assert tracemalloc.get_traced_memory()[1] < 10 * x.nbytes
    finally:
        tracemalloc.stop()
