"""Special functions: called by SciPy's names, against PyTorch, JAX and closed forms, far out and at the edges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygraph as tg

special = pytest.importorskip("scipy.special")
X = np.array([0.125, 0.75, 1.5, 3.25])
SHARES = np.array([0.0625, 0.25, 0.5, 0.875])


@pytest.mark.parametrize(
    ("name", "op"),
    [
        *(("erf", "erf"), ("erfc", "erfc"), ("ndtr", "ndtr"), ("expit", "sigmoid"), ("log_expit", "log_sigmoid")),
        *(("gammaln", "gammaln"), ("psi", "digamma"), ("xlogy", "xlogy"), ("i0", "i0"), ("logit", "logit")),
    ],
)
def test_scipys_name_and_ours_are_one_operation(name: str, op: str) -> None:
    arrays = (SHARES,) if name != "xlogy" else (SHARES, X)
    y = getattr(special, name)(*map(tg.Tensor, arrays))
    assert y._node.op is getattr(tg, op)
    np.testing.assert_allclose(y.data, getattr(special, name)(*arrays), rtol=1e-14)


BESIDE = {
    "erf": X, "erfc": X, "erfcx": X, "erfinv": SHARES, "gammaln": X, "i0": X, "i0e": X, "i1": X,
    "i1e": X, "log_ndtr": -X, "logit": SHARES, "ndtr": X, "ndtri": SHARES,
}  # fmt: skip


@pytest.mark.parametrize("name", BESIDE)
def test_values_and_two_derivatives_are_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    x = torch.tensor(BESIDE[name], requires_grad=True)
    y = getattr(torch.special, name)(x)
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    ours = getattr(tg, name)
    np.testing.assert_allclose(ours(x.detach().numpy()), y.detach(), rtol=1e-12)
    np.testing.assert_allclose(tg.grad(lambda x: ours(x).sum())(BESIDE[name]), first.detach(), rtol=1e-11)
    if first.requires_grad and name != "erfcx":
        (second,) = torch.autograd.grad(first.sum(), x)
        found = tg.hvp(lambda x: ours(x).sum(), (BESIDE[name],), (np.ones(4),))
        np.testing.assert_allclose(found, second, rtol=1e-9)


@pytest.mark.parametrize("name", ["beta", "betaln", "xlogy", "xlog1py"])
def test_functions_of_two_arrays_are_jaxs(name: str) -> None:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    theirs, ours = getattr(jax.scipy.special, name), getattr(special, name)
    want = jax.grad(lambda x, y: theirs(x, y).sum(), (0, 1))(X, SHARES)
    found = tg.grad(lambda x, y: ours(x, y).sum(), (0, 1))(X, SHARES)
    np.testing.assert_allclose(found, want, rtol=1e-11)


# --- closed forms


def test_bessel_functions_of_order_one_half_are_elementary() -> None:
    root = np.sqrt(2.0 / np.pi / X)
    closed = {
        "jv": root * np.sin(X),
        "yv": -root * np.cos(X),
        "iv": root * np.sinh(X),
        "kv": np.sqrt(np.pi / 2.0 / X) * np.exp(-X),
    }
    slopes = {
        "jv": root * (np.cos(X) - np.sin(X) / 2.0 / X),
        "yv": root * (np.sin(X) + np.cos(X) / 2.0 / X),
        "iv": root * (np.cosh(X) - np.sinh(X) / 2.0 / X),
        "kv": -closed["kv"] * (1.0 + 1.0 / 2.0 / X),
    }
    for name, want in closed.items():
        f = getattr(special, name)
        np.testing.assert_allclose(f(0.5, tg.Tensor(X)).data, want, rtol=1e-13)
        found = tg.grad(lambda x, f=f: f(0.5, x).sum())(X)
        np.testing.assert_allclose(found, slopes[name], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", ["j0", "j1", "y0", "y1"])
def test_bessels_equation_holds(name: str) -> None:
    """x² f'' + x f' + (x² - n²) f = 0."""
    f, n = getattr(special, name), int(name[1])
    first = tg.grad(lambda x: f(x).sum())(X)
    second = tg.hvp(lambda x: f(x).sum(), (X,), (np.ones(4),))
    np.testing.assert_allclose(X * X * second + X * first + (X * X - n * n) * f(X), 0.0, atol=1e-12)


@pytest.mark.parametrize("name", ["i0", "i1", "k0", "k1"])
def test_the_modified_equation_holds(name: str) -> None:
    f, n = getattr(special, name), int(name[1])
    first = tg.grad(lambda x: f(x).sum())(X)
    second = tg.hvp(lambda x: f(x).sum(), (X,), (np.ones(4),))
    scale = np.abs(X * X * second) + np.abs(X * first)
    assert np.all(np.abs(X * X * second + X * first - (X * X + n * n) * f(X)) <= 1e-12 * scale)


def test_an_array_of_orders_broadcasts() -> None:
    orders = np.array([[0.0], [1.0], [2.5]])
    found = tg.grad(lambda x: special.jv(orders, x).sum())(X)
    want = sum(tg.grad(lambda x, v=v: special.jv(float(v), x).sum())(X) for v in orders.ravel())
    np.testing.assert_allclose(found, want, rtol=1e-13)


def test_the_polygamma_functions_are_the_derivatives_of_ln_gamma() -> None:
    f: Any = tg.gammaln
    for n in range(4):
        f = tg.grad(f)
        np.testing.assert_allclose(f(1.5), special.polygamma(n, 1.5), rtol=1e-12)
        np.testing.assert_allclose(tg.polygamma(n, X), special.polygamma(n, X), rtol=1e-12)
    with pytest.raises(ValueError, match="order -1"):
        tg.polygamma(-1, X)


# --- far out, and at the edges


@pytest.mark.parametrize("x", [-1e150, -1e8, -40.0, -1.0, 0.0, 1.0, 40.0, 1e150])
def test_the_logarithm_of_the_normal_distribution_far_out(x: float) -> None:
    with np.errstate(all="raise", under="ignore"):
        slope = tg.grad(tg.log_ndtr)(x)
    if x <= -40.0:  # the inverse Mills ratio is -x - 1/x + 2/x³ - ...
        np.testing.assert_allclose(slope, -x - 1.0 / x + 2.0 / x / x / x, rtol=1e-7)
    else:
        want = math.exp(-0.5 * min(x * x, 1e6)) / math.sqrt(2.0 * math.pi) / special.ndtr(x)
        np.testing.assert_allclose(slope, want, rtol=1e-13)


def test_the_slope_of_the_scaled_complement_keeps_its_digits_far_out() -> None:
    for x in (29.0, 31.0, 1e3, 1e8, 1e150):
        z = 1.0 / x / x
        want = -z / math.sqrt(math.pi) * (1.0 - 1.5 * z + 3.75 * z**2 - 13.125 * z**3 + 59.0625 * z**4)
        np.testing.assert_allclose(tg.grad(tg.erfcx)(x), want, rtol=1e-11 if x < 100 else 1e-13)


def test_a_product_with_the_logarithm_of_0_is_0_and_its_derivatives_are_finite() -> None:
    with np.errstate(all="raise"):
        for f, edge in ((special.xlogy, 0.0), (special.xlog1py, -1.0)):
            assert f(tg.Tensor(0.0), tg.Tensor(edge)).item() == 0.0
            assert [float(g) for g in tg.grad(f, (0, 1))(0.0, edge)] == [0.0, 0.0]
            mixed = tg.grad(lambda y, f=f: tg.grad(f)(0.0, y))(2.0)
            np.testing.assert_allclose(mixed, 1.0 / (2.0 - edge), rtol=1e-15)
    assert np.isnan(tg.xlogy(0.0, np.nan))


def test_the_odds_keep_their_digits_around_one_half_and_at_both_ends() -> None:
    x = np.array([1e-300, 1e-9, 0.25, 0.5 - 1e-12, 0.5, 0.5 + 1e-9, 0.75, 1.0 - 1e-9])
    np.testing.assert_allclose(tg.logit(x), special.logit(x), rtol=4e-15)


def test_slopes_of_complex_numbers_far_out() -> None:
    slope = {f: tg.grad(getattr(tg, f), holomorphic=True) for f in ("digamma", "gamma", "log_ndtr", "erfcx")}
    for z in (-7.5 + 1j, 0.25 - 3j, 20.0 + 0.5j):  # by the reflection formulas
        turned = np.pi / np.sin(np.pi * z)
        np.testing.assert_allclose(slope["digamma"](z) + slope["digamma"](1 - z), turned**2, atol=1e-13)
        product = tg.grad(lambda z: tg.gamma(z) * tg.gamma(1 - z), holomorphic=True)(z)
        np.testing.assert_allclose(product, -(turned**2) * np.cos(np.pi * z), rtol=1e-9)
    for z in (1.0 + 100.0j, -40.0 + 1.0j):
        np.testing.assert_allclose(slope["log_ndtr"](z), -z - 1.0 / z + 2.0 / z**3, rtol=1e-7)
    for z in (40.0 + 2.0j, -1.0 + 100.0j):
        np.testing.assert_allclose(
            slope["erfcx"](z), -(1.0 - 1.5 / z**2 + 3.75 / z**4) / z**2 / np.sqrt(np.pi), rtol=1e-8
        )
    assert tg.xlogy(2.0 + 1j, -1.0) == special.xlogy(2.0 + 1j, -1.0)
    with np.errstate(invalid="ignore"):
        beside = tg.grad(lambda z: np.sum(tg.digamma(z)), holomorphic=True)(np.array([np.nan, 1.0 + 0.0j]))
    np.testing.assert_allclose(beside, [np.nan, np.pi**2 / 6.0], rtol=1e-13)


# --- what is refused


@pytest.mark.parametrize("name", ["gammaln", "erfinv", "i0", "ive", "expit"])
def test_what_has_no_complex_derivative_says_so(name: str) -> None:
    with pytest.raises(TypeError, match="no rule for complex numbers"):
        getattr(special, name)(*([0.5] if name == "ive" else []), tg.Tensor(0.5 + 1j))


def test_a_function_without_a_rule_is_named() -> None:
    with pytest.raises(TypeError, match=r"^ellipk has no rule for Tensors"):
        special.ellipk(tg.Tensor(0.5))


def test_the_order_of_a_bessel_function_has_no_derivative() -> None:
    with pytest.raises(TypeError, match="order= is a parameter"):
        special.jv(tg.Tensor(0.5), 1.0)
    with pytest.raises(TypeError, match="order= is a parameter"):
        special.zeta(tg.Tensor(2.0), 1.0)


def test_single_precision_stays_single() -> None:
    for f in (tg.gammaln, tg.digamma, tg.i0e, tg.erfinv, tg.logit, lambda x: tg.jv(1.5, x), lambda x: tg.zeta(2.0, x)):
        x = tg.Tensor(SHARES.astype(np.float32))
        y = f(x)
        y.sum().backward()
        assert y.dtype == x.grad.dtype == np.float32
