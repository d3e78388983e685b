"""NumPy's functions with arguments that the generated laws do not draw: ties, NaN, what must raise, what writes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph.op import bare
from tinygraph.ops import polynomials
from tinygraph.tensor import Tensor


def slope(f: Callable[[Any], Any], x: Any) -> list[float]:
    with np.errstate(all="raise"):
        return tg.grad(lambda x: f(x).sum())(np.array(x)).tolist()


# --- at the kinks: docs/rules.md


@pytest.mark.parametrize(
    ("f", "x", "want"),
    [
        (lambda x: np.sort(x)[0], [2.0, 2.0, 3.0], [1.0, 0.0, 0.0]),
        (np.median, [2.0, 2.0, 2.0], [0.0, 1.0, 0.0]),
        (np.unique, [2.0, 3.0, 2.0], [1.0, 1.0, 0.0]),
        (lambda x: np.maximum.accumulate(x)[-1], [2.0, 2.0, 1.0], [0.5, 0.5, 0.0]),
        (np.ptp, [2.0, 2.0], [0.0, 0.0]),
        (
            lambda x: np.interp(x, [0.0, 1.0, 3.0], [0.0, 1.0, 5.0]),
            [1.0, -1.0, 4.0, 0.0, 3.0],
            [2.0, 0.0, 0.0, 1.0, 2.0],
        ),
        (np.nanmax, [np.nan, 2.0, 2.0], [0.0, 0.5, 0.5]),
        (lambda x: np.max(x, initial=2.0), [1.0, 2.0], [0.0, 0.5]),
        (np.nanstd, [np.nan, 2.0, 2.0], [0.0, 0.0, 0.0]),
        (lambda x: np.std(x, where=np.array([True, False, True])), [1.0, 5.0, 1.0], [0.0, 0.0, 0.0]),
        (lambda x: np.cumprod(x)[-1], [0.0, 3.0, 0.0], [0.0, 0.0, 0.0]),
        (lambda x: np.cumprod(x)[-1], [2.0, 0.0, 5.0], [0.0, 10.0, 0.0]),
        (np.sinc, [0.0], [0.0]),
        (np.nan_to_num, [np.nan, np.inf, 1.0], [0.0, 0.0, 1.0]),
        (lambda x: np.where(np.isnan(x), 0.0, x), [np.nan, 1.0], [0.0, 1.0]),
    ],
)
def test_slope_at_a_kink_is_what_the_rules_promise(f: Callable[[Any], Any], x: list[float], want: list[float]) -> None:
    assert slope(f, x) == want


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_derivatives_of_sinc_near_zero_are_those_of_its_series(order: int) -> None:
    """sinc x = 1 - u²/6 + u⁴/120 - u⁶/5040 ... with u = π x."""
    f: Callable[..., Any] = np.sinc
    for _ in range(order):
        f = tg.grad(f)
    for x in (0.0, 1e-9, 1e-3, 0.01):
        powers = {2: -1 / 6, 4: 1 / 120, 6: -1 / 5040, 8: 1 / 362880}
        want = sum(
            c * np.pi**n * np.prod([float(n - i) for i in range(order)]) * x ** (n - order)
            for n, c in powers.items()
            if n >= order
        )
        np.testing.assert_allclose(f(x), want, rtol=1e-9, atol=1e-12)


# --- NaN


def test_a_slice_of_nothing_but_nan_has_an_extremum_and_a_median_of_nan() -> None:
    x = Tensor([[np.nan, np.nan], [1.0, np.nan]])
    for f in (np.nanmax, np.nanmin, np.nanmedian):
        y = f(x, axis=1)
        np.testing.assert_array_equal(y.data, [np.nan, 1.0])
        x.zero_grad()
        y.backward(np.ones(2))
        np.testing.assert_array_equal(x.grad, [[0.0, 0.0], [1.0, 0.0]])


@pytest.mark.parametrize("f", [np.median, lambda x, axis: np.quantile(x, [0.25, 0.5], axis=axis)])
def test_a_quantile_of_nan_is_nan(f: Callable[..., Any]) -> None:
    x = np.array([[1.0, np.nan, 2.0], [1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(f(Tensor(x), axis=1).data, f(x, axis=1))


def test_infinities_have_quantiles() -> None:
    x = np.array([-np.inf, 1.0, np.inf])
    assert float(np.median(Tensor(x)).data) == 1.0
    np.testing.assert_array_equal(np.quantile(Tensor(x), [0.0, 0.5, 1.0]).data, x)


# --- with ndarrays beside Tensors, and through what is not the first argument


def test_gradients_reach_every_array_argument() -> None:
    x, xp, fp = Tensor([0.5, 2.5]), Tensor([0.0, 1.0, 3.0]), Tensor([0.0, 1.0, 5.0])
    np.interp(x, xp, fp).sum().backward()
    np.testing.assert_allclose(x.grad, [1.0, 2.0])
    np.testing.assert_allclose(fp.grad, [0.5, 0.75, 0.75])
    np.testing.assert_allclose(xp.grad, [-0.5, -1.0, -1.5])
    weights = Tensor([1.0, 3.0])
    np.average(np.array([1.0, 2.0]), weights=weights).backward()
    np.testing.assert_allclose(weights.grad, [-0.1875, 0.0625])
    v = Tensor([1.0, 2.0])
    np.convolve(np.array([1.0, 2.0, 3.0]), v).sum().backward()
    np.testing.assert_array_equal(v.grad, [6.0, 6.0])
    dx = Tensor(0.5)
    tg.trapezoid(np.array([1.0, 2.0, 4.0]), dx=dx).backward()
    assert dx.grad == 4.5
    initial = Tensor(2.0)
    np.sum(Tensor([1.0, 2.0]), initial=initial).backward()
    assert initial.grad == 1.0
    h = Tensor([0.0, 1.0, 3.0])
    np.gradient(Tensor([1.0, 4.0, 9.0]), h).sum().backward()
    assert np.all(np.isfinite(h.grad))
    assert np.any(h.grad != 0.0)


def test_padding_with_statistics_of_each_end() -> None:
    x = np.array([[3.0, 1.0, 2.0, 7.0], [0.0, 5.0, 9.0, 4.0]])
    how: dict[str, Any] = {"mode": "median", "stat_length": ((1, 2), (3, 9))}
    np.testing.assert_allclose(np.pad(Tensor(x), 2, **how).data, np.pad(x, 2, **how), rtol=1e-15)
    tg.check.check_grads(lambda x: np.pad(x, 2, **how), x)


def test_a_number_is_padded_by_nothing() -> None:
    assert tg.grad(lambda x: np.pad(x, 0))(2.0) == 1.0


def test_a_fit_of_too_few_points_warns() -> None:
    with pytest.warns(polynomials.RankWarning, match="do not tell this many coefficients"):
        found = np.polyfit(Tensor([1.0, 1.0]), [2.0, 4.0], 1)
    np.testing.assert_allclose(found.data, [1.5, 1.5])
    np.testing.assert_allclose(np.polyfit([1.0, 2.0], Tensor([2.0, 4.0]), 0).data, [3.0])


def test_weights_of_counts_keep_their_gradient() -> None:
    w = Tensor([1.0, 2.0, 3.0])
    y = np.bincount(np.array([0, 2, 2]), weights=w, minlength=4)
    np.testing.assert_array_equal(y.data, [1.0, 0.0, 5.0, 0.0])
    (y * np.array([1.0, 10.0, 100.0, 1000.0])).sum().backward()
    np.testing.assert_array_equal(w.grad, [1.0, 100.0, 100.0])


# --- arguments of reductions, by position too


def test_arguments_may_stand_where_numpy_has_them() -> None:
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    there = np.array([[True, False], [True, True]])
    t = Tensor(x)
    given = (0, None, None, True, 1.0, there)
    np.testing.assert_array_equal(np.sum(t, *given).data, np.sum(x, *given))
    np.testing.assert_array_equal(np.max(t, 0, None, True).data, np.max(x, 0, None, True))
    np.testing.assert_array_equal(np.cumsum(t, 1, np.float32).data, np.cumsum(x, 1, np.float32))
    assert np.sum(t, dtype=np.float32).dtype == np.float32
    assert np.mean(t.astype(np.float32), dtype=np.float64).dtype == np.float64
    np.testing.assert_array_equal(np.add.reduce(t, 1, keepdims=True).data, np.add.reduce(x, 1, keepdims=True))


RISING = np.array([0.5, 1.0, 2.5, 3.0])
TABLE = np.array([[3.0, 1.0, 2.0, 7.0], [0.5, 5.0, 9.0, 4.0], [6.0, 8.0, -1.0, -2.0]])
HEAVY = np.array([0.0, 1.0, 3.0, 2.0])


@pytest.mark.skipif(np.__version__ < "2", reason="arguments of NumPy 2")
@pytest.mark.parametrize(
    ("call", "x"),
    [
        (lambda t: np.polyint(t, 2, 3.0), RISING),
        (lambda t: np.polyint(t, 2, [1.0, 2.0]), RISING),
        (lambda t: np.polyfit(t, t**2 + HEAVY, 1, full=True), RISING),
        (lambda t: np.polyfit(t, np.stack([t**2, HEAVY], 1), 1, cov=True), RISING),
        (lambda t: np.polyfit(t, t**2, 1, cov="unscaled"), RISING),
        (lambda t: np.polyfit(t, t**2 + HEAVY, 1, w=HEAVY + 1.0, cov=True), RISING),
        (lambda t: np.pad(t, ((3, 7), (9, 1)), "reflect", reflect_type="odd"), TABLE),
        (lambda t: np.pad(t, ((8, 7), (0, 9)), "symmetric", reflect_type="odd"), TABLE),
        (lambda t: np.pad(t[:1], 2, "reflect", reflect_type="odd"), TABLE),
        (lambda t: np.linspace(t, 2.0 * t, 3, dtype=np.float32), RISING),
        (lambda t: np.logspace(t, 0.0, 3, dtype=np.float32), RISING),
        (lambda t: np.geomspace(t, 9.0, 3, dtype=np.float32), RISING),
        (lambda t: np.concatenate([t, t], 1, dtype=np.float32), TABLE),
        (lambda t: np.stack([t, t], 1, dtype=np.complex128), TABLE),
        (lambda t: np.hstack([t, t], dtype=np.float32), TABLE),
        (lambda t: np.vstack([t, t], dtype=np.float32, casting="same_kind"), TABLE),
        (lambda t: np.trace(t, 1, dtype=np.float32), TABLE),
        (lambda t: np.cov(t, dtype=np.float32), TABLE),
        (lambda t: np.exp(t, dtype=np.float32), RISING),
        (lambda t: np.multiply(t, 2, dtype=np.float64), RISING.astype(np.float32)),
        (lambda t: np.reshape(t, (2, -1), order="F"), TABLE),
        (lambda t: (t.reshape(4, 3, order="F"), t.ravel("F"), t.flatten("F"), np.ravel(t, order="F")), TABLE),
        (lambda t: (*divmod(t, 0.75), *divmod(7.0, t)), RISING),
        (
            lambda t: (
                t.sum(0, np.float32),
                t.mean(1, None, None, True),
                t.std(0, None, None, 1),
                t.max(0, None, True),
            ),
            TABLE,
        ),
        (lambda t: (t.mT, t.astype(np.float32, copy=False), t.compress([True, False, True], 0)), TABLE),
        (lambda t: (t.take([5], 1, None, "wrap"), t.clip(0, 2, dtype=None), t.item(1), t.nbytes), TABLE),
        (lambda t: (t.argsort(0), *t.nonzero(), t[1].searchsorted(4.5), t.argpartition(1)[:, 1]), TABLE),
        (lambda t: np.quantile(t, [0.0, 0.4, 1.0], axis=1, weights=HEAVY, method="inverted_cdf"), TABLE),
        (lambda t: np.percentile(t, 30, weights=TABLE + 2.0, method="inverted_cdf", keepdims=True), TABLE),
        (lambda t: np.quantile(t[None], 0.4, axis=(2, 0), weights=HEAVY[:, None], method="inverted_cdf"), TABLE),
        (lambda t: np.quantile(t, 0.3, overwrite_input=False), TABLE),
        (lambda t: np.nanmedian(t, axis=0), np.zeros((2, 0))),
        (np.mean, np.array([2**62] * 4)),
        (lambda t: (np.clip(t, None, 2), t.clip(1), np.clip(t, 0, 3)), TABLE.astype(np.int8)),
        (np.modf, TABLE.astype(np.int64)),
        *(
            (lambda t, f=f: (f(t), f(t, 0)), TABLE.astype(dtype))
            for f in (np.nansum, np.nanprod, np.nanmax, np.nanmin, np.nanmean, np.nanstd, np.nancumsum, np.nancumprod)
            for dtype in (bool, np.int8)
        ),
        *(
            (lambda t, f=f: f(t, 1, where=HEAVY > 0), TABLE.astype(np.int64))
            for f in (np.sum, np.prod, np.mean, np.var, np.nansum, np.nanmean)
        ),
        (lambda t: (np.max(t, 1, where=HEAVY > 0, initial=0), np.nanmin(t, initial=0)), TABLE.astype(np.int8)),
    ],
)
def test_the_numbers_the_dtypes_and_the_arguments_are_numpys(call: Callable[[Any], Any], x: np.ndarray) -> None:
    def each(found: Any) -> list[Any]:
        return list(found) if isinstance(found, tuple) else [found]

    found = each(call(Tensor(x)))
    for got, want in zip(map(bare, found), each(call(x)), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6 if np.result_type(want).itemsize < 8 else 1e-12)
        if not isinstance(want, np.int32):  # a rank
            assert np.result_type(got) == np.result_type(want)
    dtypes = {y.dtype for y in found if isinstance(y, Tensor)}
    if dtypes == {np.dtype(np.float64)} == {x.dtype}:
        tg.check.check_grads(lambda t: [y for y in each(call(t)) if isinstance(y, Tensor)], x)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda t: np.reshape(t, 2, order="A"), "order='A' follows the layout in memory"),
        (lambda t: np.linspace(t, 1.0, dtype=int), "dtype int64 has no derivatives"),
        (lambda t: np.pad(t, 1, "reflect", reflect_type="rotten"), "neither even nor odd"),
        (lambda t: tg.quantile(t, 0.5, weights=[1, 2]), "weights= are for method='inverted_cdf' alone"),
        (lambda t: tg.quantile(t, 0.5, weights=[1.0] * 9, method="inverted_cdf"), r"weights of shape \(9,\) for x of"),
        (lambda t: tg.quantile(t, 0.5, weights=-np.ones(t.shape), method="inverted_cdf"), "not be negative"),
        (lambda t: t.astype(np.float32, casting="safe"), "float64 to float32 is not a 'safe' cast"),
        (lambda t: np.max(t, where=np.array([True, False])), "needs initial="),
        (lambda t: np.sum(t, where=np.ones((3, 2), bool)), "does not broadcast"),
        (lambda t: np.sum(t, dtype=int), "dtype int64 has no derivatives"),
        (lambda t: np.quantile(t, 1.5), "between 0 and 1"),
        (lambda t: np.quantile(t, t), "q is a parameter and takes no Tensor"),
        (lambda t: np.quantile(t, 0.5, weights=t, method="inverted_cdf"), "weights"),
        (lambda t: np.diff(t, -1), "how many times"),
        (lambda t: np.gradient(t, edge_order=2), "edge_order.* 3 elements"),
        (lambda t: np.gradient(t, [1.0, 2.0, 3.0]), "coordinates of shape"),
        (np.power.reduce, "has no rule"),
        (lambda t: np.add.reduceat(t, [0]), "has no rule"),
        (lambda t: np.hypot.outer(t, t), "has no rule"),
        (np.histogram, "has no rule"),
        (lambda t: np.apply_along_axis(np.sum, 1, t[:0, None]), r"shape \(0, 1\) has no vectors"),
        (lambda t: np.apply_over_axes(lambda x, axis: x.sum(), t[None], [0]), "more than one axis less"),
        (lambda t: np.pad(t, 1, "linear_ramp", end_values=t), "end_values= take no Tensor"),
        (lambda t: np.pad(t, 1, "edge", end_values=1.0), "'edge' takes no end_values=, which is for linear_ramp"),
        (lambda t: np.pad(t[None, :0], 1, "mean"), r"shape \(1, 0\) has nothing along axis 1"),
        (lambda t: np.geomspace(t, 0.0), "an end that is 0"),
        (lambda t: np.polyfit(t, t[:1], 1), r"got x of shape \(2,\), y of shape \(1,\), deg=1"),
        (lambda t: np.polyfit(t, t, 1, w=t[:, None]), r"a weight for each of 2 points, got w of shape \(2, 1\)"),
        (lambda t: np.polyfit(t, t, 1, cov=True), "2 points tell no errors of 2 coefficients"),
        (lambda t: np.interp(t, [], []), "one at least"),
        (lambda t: np.rot90(t, axes=(0, 0)), "two different axes"),
        (lambda t: np.vsplit(t, 1), "2 dimensions at least"),
        (lambda t: np.block([[t], t]), "nested equally deep"),
        (lambda t: np.convolve(t, np.zeros(0)), "not empty"),
        (lambda t: np.choose(np.array([0, 2]), [t, t]), "beyond the 2 choices"),
        (lambda t: np.select([t > 0], [t, t]), "not one for each"),
        (lambda t: np.piecewise(t, [t > 0, t < 0], [1.0]), "1 functions for 2 conditions"),
        (lambda t: np.nan_to_num(t, copy=False), "copy=False"),
        (lambda t: np.resize(t, (-1, 2)), "negative"),
        (lambda t: np.copyto(np.zeros(2), t), "does not turn into an ndarray"),
        (lambda t: np.put(t, [0], [1.0]), "a leaf cannot be assigned to"),
    ],
)
def test_what_cannot_be_done_says_why(call: Callable[[Any], Any], says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        call(Tensor([1.0, 2.0]))


def test_a_tensor_is_written_into_as_an_array_is() -> None:
    x, v = Tensor([1.0, 2.0, 3.0]), Tensor([10.0])
    y = x * 2.0
    before = y.sum()
    np.put(y, [1], v)
    (before + (y * y).sum()).backward()
    np.testing.assert_array_equal(y.data, [2.0, 10.0, 6.0])
    np.testing.assert_array_equal(x.grad, [10.0, 2.0, 26.0])
    np.testing.assert_array_equal(v.grad, [20.0])


@pytest.mark.skipif(np.__version__ < "2", reason="before NumPy 2 a Python number widens a result of shape ()")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_single_precision_stays_single(dtype: Any) -> None:
    x = Tensor(np.array([3.0, 1.0, 2.0], dtype))
    for f in (
        np.median,
        np.ptp,
        np.sort,
        np.cumprod,
        np.diff,
        np.gradient,
        np.nanmean,
        np.nanstd,
        np.sinc,
        np.nan_to_num,
        np.modf,
        lambda x: np.quantile(x, 0.3),
        lambda x: np.polyval(np.array([1.0, 2.0], dtype), x),
        lambda x: np.append(x, x),
        lambda x: np.insert(x, 1, 5.0),
        lambda x: np.clip(x, 0.0, 1.0),
        lambda x: np.sum(x, where=np.array([True, False, True]), initial=1.0),
        lambda x: np.mean(x, where=np.array([True, False, True])),
        lambda x: np.var(x, where=np.array([True, False, True])),
    ):
        y = f(x)
        y = y[0] if isinstance(y, tuple) else y
        assert y.dtype == dtype
        x.zero_grad()
        y.sum().backward()
        assert x.grad.dtype == dtype
