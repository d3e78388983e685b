"""What a Tensor promises: what it holds, what it keeps, what it prints, how it is copied."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph.tensor import Tensor

# --- making one


@pytest.mark.parametrize("data", [3, 3.0, True, [1, 2], [[1.0], [2.0]], (1, 2)])
def test_numbers_and_lists_become_float64(data: Any) -> None:
    t = Tensor(data)
    assert t.dtype == np.float64
    assert t.requires_grad
    np.testing.assert_array_equal(t.data, np.array(data, dtype=float))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_float_arrays_keep_their_dtype_and_are_not_copied(dtype: Any) -> None:
    a = np.ones((2, 3), dtype)
    t = Tensor(a)
    assert t.data is a
    assert t.numpy() is a
    assert t.dtype == dtype


def test_a_dtype_converts() -> None:
    assert Tensor([1, 2], dtype=np.float32).dtype == np.float32
    assert Tensor(np.ones(2), dtype=np.float32).dtype == np.float32
    assert Tensor(np.array([1, 2]), dtype=float).requires_grad


@pytest.mark.parametrize("a", [np.array([1, 2]), np.array([True, False]), np.uint8([1, 2])])
def test_integers_and_booleans_are_constants(a: np.ndarray) -> None:
    t = Tensor(a)
    assert t.dtype == a.dtype
    assert not t.requires_grad
    x = Tensor([3.0, 4.0])
    (x * t).sum().backward()
    np.testing.assert_array_equal(x.grad, a.astype(float))
    with pytest.raises(TypeError, match=r"constant and has no gradient; use \.astype\(float\)"):
        _ = t.grad


def test_a_scalar_of_numpy_is_taken_as_an_array() -> None:
    t = Tensor(np.float32(2.0))
    assert (t.shape, t.dtype) == ((), np.float32)
    assert isinstance(t.data, np.ndarray)


def test_requires_grad_false_makes_a_named_constant() -> None:
    c, x = Tensor(2.0, requires_grad=False, name="c"), Tensor(3.0)
    (c * x).backward()
    assert c.name == "c"
    assert c.grad is None
    assert float(x.grad) == 2.0


def test_a_parameter_is_frozen_and_thawed() -> None:
    w, x = Tensor([1.0, 2.0], name="w"), Tensor(3.0)
    before = (w * x).sum()
    w.requires_grad = False
    (w * x).sum().backward()
    assert w.grad is None
    assert float(x.grad) == 3.0
    before.backward()  # what was recorded before goes on as it was
    np.testing.assert_array_equal(w.grad, [3.0, 3.0])
    w.requires_grad = True
    w.zero_grad()
    (w * x).sum().backward()
    np.testing.assert_array_equal(w.grad, [3.0, 3.0])
    c = Tensor([1.0], requires_grad=False)
    c.requires_grad = True
    (c * 2.0).sum().backward()
    np.testing.assert_array_equal(c.grad, [2.0])


def test_a_result_and_integers_are_neither_frozen_nor_thawed() -> None:
    y = Tensor(2.0) * 3.0
    with pytest.raises(ValueError, match=r"the result of multiply; \.detach\(\)"):
        y.requires_grad = False
    with pytest.raises(TypeError, match=r"int64 is a constant.*astype"):
        Tensor(np.array([1, 2])).requires_grad = True


def test_an_array_in_an_expression_is_a_constant() -> None:
    x, c = Tensor([1.0, 2.0]), np.array([3.0, 4.0])
    for y in (x * c, c * x, x + c - c, np.multiply(c, x), [3.0, 4.0] * x):
        assert isinstance(y, Tensor)
    (c * x).sum().backward()
    np.testing.assert_array_equal(x.grad, c)


# --- what it knows


def test_shape_and_size_and_numbers() -> None:
    t = Tensor(np.arange(6.0).reshape(2, 3))
    assert (t.shape, t.ndim, t.size, len(t)) == ((2, 3), 2, 6, 2)
    assert t.T.shape == (3, 2)
    assert t.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert Tensor([[7.0]]).item() == 7.0
    assert isinstance(Tensor(7.0).item(), float)
    assert (float(Tensor(7.5)), int(Tensor(7.5))) == (7.5, 7)
    assert [float(row.sum()) for row in t] == [3.0, 12.0]


def test_results_hold_arrays_also_where_numpy_gives_scalars() -> None:
    x = Tensor(2.0)
    for y in (x * x, x.sum(), x[()], np.exp(x)):
        assert isinstance(y.data, np.ndarray)
        assert isinstance(y.numpy(), np.ndarray)


def test_comparisons_give_boolean_arrays_and_hashing_is_by_identity() -> None:
    x, y = Tensor([1.0, 2.0]), Tensor([1.0, 3.0])
    for found, want in [
        (x == y, [True, False]),
        (x != y, [False, True]),
        (x < y, [False, True]),
        (x <= np.array([1.0, 1.0]), [True, False]),
        (x > 1.5, [False, True]),
        (1.5 >= x, [True, False]),  # noqa: SIM300 - the reflected comparison is meant
        (np.array([1.0, 1.0]) == x, [True, False]),
    ]:
        assert isinstance(found, np.ndarray)
        assert found.dtype == bool
        np.testing.assert_array_equal(found, want)
    assert {x: 1, y: 2}[x] == 1
    assert hash(x) != hash(Tensor([1.0, 2.0]))


def test_truth_of_a_scalar() -> None:
    assert Tensor(1.0)
    assert not Tensor([0.0])
    assert bool((Tensor(2.0) > 1.0).all())


def test_printing_shows_values_dtype_and_name() -> None:
    assert repr(Tensor([1.0, 2.0])) == "Tensor([1., 2.])"
    assert repr(Tensor(np.float32([1.0]), name="w")) == "Tensor([1.], dtype=float32, name='w')"
    assert "requires_grad=False" in repr(Tensor(1.0).detach())
    assert f"{Tensor(3.14159):.2f}" == "3.14"
    assert str(Tensor(2.0)) == "Tensor(2.)"


def test_reductions_and_searches_of_numpy_agree() -> None:
    a = np.array([[3.0, 1.0], [2.0, 5.0]])
    t = Tensor(a)
    assert t.argmax() == 3
    np.testing.assert_array_equal(t.argmin(axis=1), a.argmin(axis=1))
    assert (t > 0).all()
    assert (t.any(), t.all()) == (True, True)
    np.testing.assert_array_equal(np.argsort(t, axis=0), np.argsort(a, axis=0))


def test_methods_take_what_numpys_take() -> None:
    a = np.arange(6.0).reshape(2, 3)
    t = Tensor(a)
    for found, want in [
        (t.sum(0), a.sum(0)),
        (t.mean(axis=1, keepdims=True), a.mean(axis=1, keepdims=True)),
        (t.reshape(3, 2), a.reshape(3, 2)),
        (t.reshape((3, -1)), a.reshape(3, 2)),
        (t.transpose(1, 0), a.T),
        (t.transpose((1, 0)), a.T),
        (t.flatten(), a.ravel()),
        (t.var(axis=0, ddof=1), a.var(axis=0, ddof=1)),
        (t.clip(1.0, 3.0), a.clip(1.0, 3.0)),
        (t.dot(a.T), a @ a.T),
        (t.take([0, 5]), a.take([0, 5])),
        (t.repeat(2, axis=1), a.repeat(2, axis=1)),
        (t.cumsum(axis=1), a.cumsum(axis=1)),
        (t.swapaxes(0, 1), a.T),
        (t.trace(), a.trace()),
        (t.diagonal(1), a.diagonal(1)),
        (t[None].squeeze(), a),
        (t.max(axis=0), a.max(axis=0)),
        (t.prod(axis=1), a.prod(axis=1)),
        (t.std(), a.std()),
        (abs(-t), a),
        (divmod(t, 2.0)[1] if hasattr(Tensor, "__divmod__") else t % 2.0, a % 2.0),
    ]:
        assert isinstance(found, Tensor)
        np.testing.assert_allclose(found.data, want, rtol=1e-15)


# --- gradients


def test_leaves_and_named_results_keep_their_gradient() -> None:
    x = Tensor(2.0)
    y = x * x
    y.name = "y"
    z = y * 3.0
    z.retain_grad()
    (z + 1.0).backward()
    assert (float(x.grad), float(y.grad), float(z.grad)) == (12.0, 3.0, 1.0)
    assert isinstance(x.grad, np.ndarray)


def test_a_gradient_has_the_dtype_of_its_tensor() -> None:
    x, w = Tensor(np.ones(3, np.float32)), Tensor(np.ones(3))
    (x * w * 2.0).sum().backward()
    assert (x.grad.dtype, w.grad.dtype) == (np.float32, np.float64)


def test_a_gradient_may_be_set_and_forgotten() -> None:
    x = Tensor([1.0, 2.0])
    x.grad = np.array([1.0, 1.0])
    (x * 2.0).sum().backward()
    np.testing.assert_array_equal(x.grad, [3.0, 3.0])
    x.grad = None
    assert x.grad is None


def test_a_seed_may_be_a_list_a_number_an_array_or_a_tensor() -> None:
    for seed in ([1.0, 10.0], np.array([1, 10]), Tensor([1.0, 10.0])):
        x = Tensor([1.0, 2.0])
        (x * x).backward(seed)
        np.testing.assert_array_equal(x.grad, [2.0, 40.0])
    x = Tensor(3.0)
    (x * x).backward(2.0)
    assert float(x.grad) == 12.0


def test_a_single_number_in_any_shape_needs_no_seed() -> None:
    x = Tensor([[3.0]])
    (x * x).backward()
    np.testing.assert_array_equal(x.grad, [[6.0]])


def test_detach_shares_the_array_and_stops_the_gradient() -> None:
    x = Tensor([1.0, 2.0])
    d = x.detach()
    assert d.data is x.data
    assert not d.requires_grad
    (x * d).sum().backward()
    np.testing.assert_array_equal(x.grad, x.data)


def test_a_named_leaf_that_is_a_constant_keeps_nothing() -> None:
    c = Tensor(np.array([1, 2]), name="c")
    assert c.name == "c"
    assert not c.requires_grad


# --- changing one


def test_in_place_operators_rebind() -> None:
    x = Tensor([1.0, 2.0])
    y = x
    y += 1.0
    y *= x
    assert y is not x
    np.testing.assert_array_equal(x.data, [1.0, 2.0])
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [3.0, 5.0])


def test_new_data_is_what_the_leaf_computes_with_from_then_on() -> None:
    x = Tensor([1.0, 2.0], name="x")
    before = (x * x).sum()
    x.data = np.array([5.0, 7.0])
    after = (x * x).sum()
    before.backward()
    np.testing.assert_array_equal(x.grad, [2.0, 4.0])
    after.backward()
    np.testing.assert_array_equal(x.grad, [12.0, 18.0])
    assert x.name == "x"


def test_new_data_is_converted_to_the_tensors_dtype() -> None:
    x = Tensor(np.ones(2, np.float32))
    x.data = [3, 4]
    assert x.dtype == np.float32
    x.data -= 1.0
    np.testing.assert_array_equal(x.data, [2.0, 3.0])


def test_assigning_keeps_the_name_with_the_handle() -> None:
    x = Tensor([1.0, 2.0])
    y = x * 2.0
    y.name = "y"
    y[0] = 5.0
    assert y.name == "y"
    y.sum().backward()
    np.testing.assert_array_equal(y.grad, [1.0, 1.0])
    np.testing.assert_array_equal(x.grad, [0.0, 2.0])


def test_assigning_to_a_constant_leaf_is_no_harm() -> None:
    c = Tensor([1.0, 2.0], requires_grad=False)
    before = c.data
    x = Tensor(7.0)
    c[0] = x
    np.testing.assert_array_equal(c.data, [7.0, 2.0])
    np.testing.assert_array_equal(before, [1.0, 2.0])
    c.sum().backward()
    assert float(x.grad) == 1.0


def test_a_copy_is_recorded_and_may_be_assigned_to() -> None:
    x = Tensor([1.0, 2.0])
    y = x.copy()
    y[0] = 0.0
    y.sum().backward()
    np.testing.assert_array_equal(x.data, [1.0, 2.0])
    np.testing.assert_array_equal(x.grad, [0.0, 1.0])


def test_astype_is_recorded_between_floats_and_plain_to_integers() -> None:
    x = Tensor([1.5, 2.5])
    y = x.astype(np.float32)
    assert y.dtype == np.float32
    y.sum().backward()
    assert x.grad.dtype == np.float64
    assert isinstance(x.astype(int), np.ndarray)


# --- copies


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))], ids=["copy", "deepcopy", "pickle"]
)
def test_leaves_can_be_copied_and_pickled(duplicate: Any) -> None:
    for t in (Tensor(np.float32([1.0, 2.0]), name="w"), Tensor(2.0, requires_grad=False), Tensor(np.array([1, 2]))):
        other = duplicate(t)
        assert other is not t
        np.testing.assert_array_equal(other.data, t.data)
        assert (other.dtype, other.name, other.requires_grad) == (t.dtype, t.name, t.requires_grad)


def test_a_deep_copy_shares_nothing() -> None:
    t = Tensor([1.0, 2.0])
    other = copy.deepcopy({"w": t})["w"]
    other.data[0] = 9.0
    assert t.data[0] == 1.0
    (other * 2.0).sum().backward()
    assert t.grad is None


# --- a user's own operation


def test_an_operation_of_ones_own_needs_no_global_state() -> None:
    before = dict(tg.OPS)

    @tg.op(vjps=[lambda g, ans, x: g * 3 * x**2], kind="elementwise")
    def cube(x: Any) -> Any:
        return x**3

    assert dict(tg.OPS) == before
    x = Tensor([1.0, 2.0])
    cube(x).sum().backward()
    np.testing.assert_array_equal(x.grad, [3.0, 12.0])
    np.testing.assert_array_equal(cube(np.array([2.0])), [8.0])
    np.testing.assert_array_equal(tg.jvp(cube, (2.0,), (1.0,))[1], 12.0)
    np.testing.assert_array_equal(tg.grad(tg.grad(cube))(2.0), 12.0)


def test_an_operation_of_ones_own_may_have_parameters_and_a_function_of_numpy() -> None:
    def scaled(x: Any, *, by: float = 2.0) -> Any:
        return x * by

    own = tg.op(scaled, vjps=[lambda g, ans, x, by: own(g, by=by)], kind="linear")
    x = Tensor([1.0, 2.0])
    own(x, by=5.0).sum().backward()
    np.testing.assert_array_equal(x.grad, [5.0, 5.0])
    with pytest.raises(ValueError, match="has a rule already"):
        tg.op(np.exp, vjps=[lambda g, ans, x: g])
    with pytest.raises(ValueError, match="kind 'smooth' is not one of"):
        tg.op(scaled, vjps=[None], kind="smooth")


@pytest.mark.parametrize(
    ("method", "how"),
    [
        ("sum", {"where": True}),
        ("mean", {"axis": 0, "keepdims": True, "where": True}),
        ("max", {"initial": 2.5, "where": True}),
        ("min", {"axis": 1, "initial": 9.0, "where": True}),
        ("prod", {"initial": 2.0, "where": True}),
        ("std", {"ddof": 1, "where": True}),
        ("var", {"axis": 1, "where": True}),
        ("any", {"where": True}),
        ("all", {"where": True, "axis": 0}),
        ("argmax", {"axis": 1, "keepdims": True}),
    ],
)
def test_reducing_methods_take_what_numpys_take(method: str, how: dict[str, Any]) -> None:
    a = np.array([[1.0, 2.0], [3.0, np.nan]])
    how = {k: ~np.isnan(a) if k == "where" else v for k, v in how.items()}
    found = getattr(tg.Tensor(a), method)(**how)
    np.testing.assert_array_equal(getattr(found, "data", found), getattr(a, method)(**how))


def test_a_reducing_method_passes_gradients_where_it_looks() -> None:
    t = tg.Tensor(np.array([[1.0, 2.0], [3.0, np.nan]]))
    t.sum(where=~np.isnan(t.data)).backward()
    np.testing.assert_array_equal(t.grad, [[1.0, 1.0], [1.0, 0.0]])
    with pytest.raises(TypeError, match="sum: foo= is not supported on a Tensor"):
        t.sum(foo=1)
