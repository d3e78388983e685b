"""Reading and writing parts: every kind of index against NumPy itself."""

from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygraph as tg
from tinygraph.tensor import Tensor

SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)


def numbers(shape: tuple[int, ...]) -> np.ndarray:
    a = np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)
    a.flags.writeable = False
    return a


@st.composite
def indices(draw: Any, shape: tuple[int, ...]) -> Any:
    """Basic, integer, boolean and mixed indices, with repeated elements, ellipsis and new axes."""
    way = draw(st.sampled_from(["basic", "integer", "boolean", "mixed"]))
    if way == "basic" or 0 in shape:
        return draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    if way == "integer":
        return draw(hnp.integer_array_indices(shape))
    if way == "boolean":
        of = shape[: draw(st.integers(1, len(shape)))]
        return draw(hnp.arrays(bool, of))
    picks = draw(hnp.array_shapes(min_dims=1, max_dims=2, max_side=3))
    kinds = [
        st.one_of(
            st.slices(n),
            st.integers(-n, n - 1),
            hnp.arrays(np.intp, picks, elements=st.integers(-n, n - 1)),
            st.lists(st.integers(-n, n - 1), min_size=picks[-1], max_size=picks[-1]),
        )
        for n in shape
    ]
    parts: list[Any] = [draw(kind) for kind in kinds]
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), None)
    if draw(st.booleans()):
        parts[draw(st.integers(0, len(parts) - 1)) :] = [Ellipsis]
    return tuple(parts)


@given(data=st.data(), shape=SHAPES)
def test_reading_any_index_is_numpys_and_its_gradient_counts_the_readings(data: Any, shape: tuple[int, ...]) -> None:
    x, index = numbers(shape), data.draw(indices(shape))
    t = Tensor(x)
    y = t[index]
    np.testing.assert_array_equal(y.data, x[index])
    g = np.asarray(x[index]) * 2.0 + 1.0
    y.backward(g)
    want = np.zeros(shape)
    np.add.at(want, index, g)
    np.testing.assert_array_equal(t.grad, want)


@given(data=st.data(), shape=SHAPES)
def test_writing_any_index_is_numpys_and_the_last_writing_counts(data: Any, shape: tuple[int, ...]) -> None:
    x, index = numbers(shape), data.draw(indices(shape))
    part = np.shape(x[index])
    kept = data.draw(st.integers(0, len(part)))
    v = -numbers(tuple(data.draw(st.sampled_from([1, n])) for n in part[kept:]))
    a, b = Tensor(x), Tensor(v)
    y = a.copy()
    y[index] = b
    want = x.copy()
    want[index] = v
    np.testing.assert_array_equal(y.data, want)
    np.testing.assert_array_equal(a.data, x)
    g = np.sqrt(numbers(shape))
    y.backward(g)
    # each element of the result is one of x's or one of v's: read off which, by writing serial numbers
    serial = np.full(shape, -1)
    serial[index] = np.arange(v.size).reshape(v.shape)
    np.testing.assert_array_equal(a.grad, np.where(serial < 0, g, 0.0))
    from_v = np.zeros(v.size)
    np.add.at(from_v, serial[serial >= 0], g[serial >= 0])
    np.testing.assert_allclose(b.grad.reshape(-1), from_v, rtol=1e-14)


@given(data=st.data(), shape=hnp.array_shapes(min_dims=1, max_dims=2, max_side=3))
def test_second_order_through_an_index(data: Any, shape: tuple[int, ...]) -> None:
    x, index = numbers(shape), data.draw(indices(shape))
    counts = np.zeros(shape)
    np.add.at(counts, index, 1.0)
    v = np.ones(shape)
    found = tg.hvp(lambda x: (x[index] ** 3).sum(), (x,), (v,))
    np.testing.assert_allclose(found, 6.0 * x * counts, rtol=1e-14)


def test_an_index_may_be_a_tensor_of_integers() -> None:
    x, i = Tensor([1.0, 2.0, 3.0]), Tensor(np.array([2, 0, 2]))
    (x[i] * np.array([1.0, 10.0, 100.0])).sum().backward()
    np.testing.assert_array_equal(x.grad, [10.0, 0.0, 101.0])


def test_a_mask_may_be_a_comparison_of_tensors() -> None:
    x = Tensor([1.0, -2.0, 3.0])
    x[x > 0].sum().backward()
    np.testing.assert_array_equal(x.grad, [1.0, 0.0, 1.0])


@pytest.mark.parametrize("index", [5, (0, 7), np.array([9]), (0, 0, 0), "a", 1.5])
def test_a_bad_index_names_the_operation_and_the_shape(index: Any) -> None:
    with pytest.raises(IndexError, match=r"getitem of shape \(2, 3\)"):
        Tensor(np.ones((2, 3)))[index]


def test_assignment_of_a_tensor_to_a_part_that_was_used_before() -> None:
    x = Tensor([1.0, 2.0, 3.0])
    y = x * 2.0
    before = y * y
    y[0] = 10.0
    (before.sum() + (y * y).sum()).backward()
    np.testing.assert_array_equal(x.grad, [8.0, 32.0, 48.0])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("columns", [(), (3,), (2, 2)])
def test_many_repeated_places_add_up_as_numpy_adds_them(dtype: Any, columns: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    index = rng.integers(-5, 5, (20, 6))
    g = rng.integers(-9, 10, (20, 6, *columns)).astype(dtype)
    want = np.zeros((5, *columns), dtype)
    np.add.at(want, index, g)
    found = tg.scatter_add(g, index=index, shape=(5, *columns))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, want)
    with pytest.raises(IndexError):
        tg.scatter_add(g, index=index, shape=(4, *columns))
