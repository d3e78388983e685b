"""Complex numbers: the laws for every operation that takes them, and what the engine makes of real and complex."""

import warnings
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from laws import cases, checks, complexes, table

import tinygraph as tg
from tinygraph.op import Op

FUNCTIONS = [*table.RULED, *sorted(set(table.COMPOSED.values()), key=lambda f: f.__name__)]
WEAK = np.lib.NumpyVersion(np.__version__) >= "2.0.0"  # before, the precision of a scalar hung on its value
TRIED = max(1, settings().max_examples // 10)
Z = np.array([1.0 + 2.0j, -0.5 + 0.25j, 0.75 - 1.0j])


def label(function: Any) -> str:
    return f"op-{function.name}" if isinstance(function, Op) else function.__name__


TAKING = [f for f in FUNCTIONS if complexes.takes_complex(f)]


def test_an_operation_takes_complex_numbers_if_its_record_says_so() -> None:
    refusing = {o.name for o in table.RULED if o.complex and o not in TAKING}
    assert refusing == set()
    assert {o.name for o in TAKING if isinstance(o, Op) and not o.complex} == set()


@pytest.mark.parametrize("function", TAKING, ids=label)
def test_the_laws_hold_for_complex_numbers(function: Any) -> None:
    for seed in range(TRIED):
        case = complexes.complex_case(function, Random(seed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of what follows a pole
            expected = checks.closed(cases.reference(function), case)(*case.arrays)
        found = checks.values(function, case)
        bare = checks.closed(function, case)(*case.arrays)
        for want, recorded, raw in zip(expected, found, bare, strict=True):
            rounding = checks.EPS * (32 + case.size)
            np.testing.assert_allclose(
                recorded, want, rtol=rounding, atol=8 * checks.round_off(case), err_msg=str(case)
            )
            np.testing.assert_array_equal(recorded, raw)
        checks.check_rule(function, case)
        if isinstance(function, Op) or TRIED > 1:  # what is made of others follows from them
            checks.check_second_order(function, case)
            checks.check_modes(function, case)
            if WEAK:
                checks.check_alike(function, case)


# --- the convention

HOLOMORPHIC = {
    "exp": np.exp,
    "log": lambda z: 1 / z,
    "sqrt": lambda z: 0.5 / np.sqrt(z),
    "sin": np.cos,
    "tanh": lambda z: 1 - np.tanh(z) ** 2,
    "arctan": lambda z: 1 / (1 + z * z),
    "reciprocal": lambda z: -1 / z**2,
}


@pytest.mark.parametrize("name", HOLOMORPHIC)
def test_a_holomorphic_rule_is_g_times_the_derivative_without_conjugation(name: str) -> None:
    _, pull = tg.vjp(getattr(np, name), Z)
    np.testing.assert_allclose(pull(np.full(3, 2 - 1j))[0], (2 - 1j) * HOLOMORPHIC[name](Z), rtol=1e-14)
    _, ahead = tg.jvp(getattr(np, name), (Z,), (np.full(3, 2 - 1j),))
    np.testing.assert_allclose(ahead, (2 - 1j) * HOLOMORPHIC[name](Z), rtol=1e-14)


def test_the_gradient_of_a_real_function_is_that_of_jax() -> None:
    """∂f/∂x - i ∂f/∂y."""
    np.testing.assert_allclose(tg.grad(lambda z: (np.abs(z) ** 2).sum())(Z), 2 * np.conj(Z), rtol=1e-15)
    np.testing.assert_array_equal(tg.grad(lambda z: np.real(z).sum())(Z), np.ones(3))
    np.testing.assert_array_equal(tg.grad(lambda z: np.imag(z).sum())(Z), np.full(3, -1j))
    np.testing.assert_allclose(tg.grad(lambda z: np.angle(z).sum())(Z), -1j / Z, rtol=1e-15)


def riemann(z: Any) -> Any:
    """A function of several complex numbers, its derivatives found by hand below."""
    return np.exp(z[0] * z[1]) + z[2] ** 3


def test_the_derivative_of_a_holomorphic_function() -> None:
    (a, b, c), e = Z, np.exp(Z[0] * Z[1])
    value, found = tg.value_and_grad(riemann, holomorphic=True)(Z)
    np.testing.assert_allclose(value, e + c**3, rtol=1e-14)
    np.testing.assert_allclose(found, [b * e, a * e, 3 * c**2], rtol=1e-14)
    np.testing.assert_array_equal(tg.grad(riemann, holomorphic=True)(Z), found)
    want = [[b * b * e, e + a * b * e, 0], [e + a * b * e, a * a * e, 0], [0, 0, 6 * c]]
    np.testing.assert_allclose(tg.hessian(riemann, holomorphic=True)(Z), want, rtol=1e-14)
    second = tg.jacobian(tg.grad(riemann, holomorphic=True), holomorphic=True)
    np.testing.assert_allclose(second(Z), want, rtol=1e-14)
    np.testing.assert_array_equal(tg.compile(tg.grad(riemann, holomorphic=True))(Z), found)
    assert tg.grad(np.exp, holomorphic=True)(np.complex64(1j)).dtype == np.complex64


@pytest.mark.parametrize("jacobian", [tg.jacobian, tg.jacfwd, tg.jacrev])
def test_the_jacobian_of_a_holomorphic_function_is_the_difference_along_any_direction(jacobian: Any) -> None:
    def f(z: Any) -> Any:
        return np.stack([z[0] * np.sin(z[1]), z[2] / z[0]])

    J, step = jacobian(f, holomorphic=True)(Z), 1e-6 * np.exp(0.7j)
    for j, unit in enumerate(np.eye(3)):
        difference = (f(Z + step * unit) - f(Z - step * unit)) / (2 * step)
        np.testing.assert_allclose(J[:, j], difference, rtol=1e-8, atol=1e-9)


SPELLED: dict[str, Callable[[Any, Any], Any]] = {
    "products": lambda xp, z: xp.real(xp.vdot(z, z * z) * (1 - 2j)),
    "powers": lambda xp, z: xp.abs(z ** (1 + 0.5j) + 2.0**z).sum(),
    "parts": lambda xp, z: (xp.imag(z) ** 2 * xp.angle(z) + xp.real(xp.conj(z) ** 3)).sum(),
    "spread": lambda xp, z: xp.std(z * z) + xp.var(xp.exp(z)),
    "norms": lambda xp, z: xp.abs(xp.cumprod(z)[::-1] / (1 + xp.where(xp.real(z) > 0, z, 2j))).sum(),
    "waves": lambda xp, z: xp.abs(xp.sin(z) * xp.arcsinh(z) - xp.log1p(z) * xp.arccos(z)).prod(),
}


# JAX compiles for longer than the rest of this file takes: most of it is for CI
@pytest.mark.parametrize("name", SPELLED if TRIED > 1 else ["products", "parts"])
def test_gradients_are_those_of_jax(name: str) -> None:
    jax = pytest.importorskip("jax")
    f = SPELLED[name]
    with jax.enable_x64(True):
        want = np.asarray(jax.grad(lambda z: f(jax.numpy, z))(Z))
    np.testing.assert_allclose(tg.grad(lambda z: f(np, z))(Z), want, rtol=1e-12)


# --- real and complex numbers together


@pytest.mark.parametrize(("wide", "narrow"), [(np.complex128, np.float64), (np.complex64, np.float32)])
def test_a_real_argument_has_a_real_gradient_in_its_own_precision(wide: Any, narrow: Any) -> None:
    x, z = np.array([1.0, 2.0, 3.0], narrow), Z.astype(wide)
    gx, gz = tg.grad(lambda x, z: np.abs(x * z + 1j * x).sum(), (0, 1))(x, z)
    assert (gx.dtype, gz.dtype) == (narrow, wide)
    unit = np.conj(x * z + 1j * x) / np.abs(x * z + 1j * x)
    np.testing.assert_allclose(gx, np.real(unit * (z + 1j)), rtol=1e-5)
    np.testing.assert_allclose(gz, unit * x, rtol=1e-5)


def test_real_and_complex_parts_that_are_added_up() -> None:
    add = next(o for o in table.RULED if o.name == "tap_add")
    assert np.array_equal(add(np.ones(2), 1j * np.ones(2), at=[slice(0, 2), slice(1, 3)], shape=(3,)), [1, 1 + 1j, 1j])


def test_a_real_argument_that_is_broadcast_against_complex_ones() -> None:
    g = tg.grad(lambda x: np.imag(x * Z).sum())(2.0)
    assert g.dtype == np.float64
    assert g == Z.imag.sum()


def test_a_spectrum_of_a_real_parameter_by_backward() -> None:
    w = tg.Tensor([0.5, 1.0])
    J = (abs(np.exp(1j * w) + 1.0) ** 2).sum()  # 2 + 2 cos w
    J.backward(create_graph=True)
    np.testing.assert_allclose(w.grad.data, -2 * np.sin(w.data), rtol=1e-14)
    w.grad.sum().backward()
    np.testing.assert_allclose(w.grad.data, -2 * np.sin(w.data) - 2 * np.cos(w.data), rtol=1e-14)
    w.zero_grad()


def test_a_tensor_of_complex_numbers() -> None:
    t = tg.Tensor(Z)
    assert t.requires_grad
    assert repr(tg.Tensor([1j])) == "Tensor([0.+1.j])"
    assert tg.Tensor(2j).dtype == tg.Tensor([1, 2j]).dtype == tg.Tensor([1.0], dtype=complex).dtype == np.complex128
    assert tg.Tensor(Z.astype(np.complex64)).dtype == np.complex64
    assert complex(tg.Tensor(1 + 2j)) == tg.Tensor(1 + 2j).item() == 1 + 2j
    for found, want in [(t.real, Z.real), (t.imag, Z.imag), (t.conj(), Z.conj()), (t.conjugate(), Z.conj())]:
        np.testing.assert_array_equal(found.data, want)
    assert (t * 1.0).real.dtype == np.float64
    assert tg.Tensor([1.0]).imag.data == 0.0
    assert np.real_if_close(tg.Tensor([1.0 + 0j])).dtype == np.float64
    assert np.real_if_close(t).dtype == np.complex128


def test_derivatives_of_abs_and_angle_at_zero_are_zero() -> None:
    for f in (np.abs, np.angle):
        with np.errstate(all="raise"):
            assert tg.grad(lambda z, f=f: f(z).sum())(np.zeros(1, complex)) == 0.0


def test_jacobians_with_complex_numbers_on_one_side() -> None:
    x = np.array([1.0, 2.0])
    np.testing.assert_allclose(tg.jacobian(lambda x: np.exp(1j * x))(x), np.diag(1j * np.exp(1j * x)))
    np.testing.assert_allclose(tg.jacobian(np.abs)(Z), np.diag(np.conj(Z) / np.abs(Z)))


def test_check_grads_takes_complex_numbers_apart() -> None:
    tg.check.check_grads(lambda z, x: np.exp(z) * np.conj(z) * x, Z, 1.5, order=2)
    wrong = tg.op(lambda x: x * x, vjps=[lambda g, ans, x: 2 * g * np.conj(x)], complex=True, name="wrong")
    with pytest.raises(tg.check.GradientError, match=r"wrong: x0\.imag\[0\]"):
        tg.check.check_grads(wrong, Z)
    report = tg.check.compare_grads(lambda z: (np.abs(z) ** 2).sum(), Z, gradient=lambda z: 2 * z)
    assert report.notes == ("the gradient of x0.imag is of the wrong sign",)


def test_a_program_of_complex_numbers_is_what_it_was_made_of() -> None:
    f = tg.grad(lambda z: (np.abs(np.exp(1j * z) * z) ** 2).sum())
    np.testing.assert_allclose(tg.compile(f)(Z), f(Z), rtol=1e-14)


def test_pictures_write_complex_numbers_out() -> None:
    z = tg.Tensor(1 + 2j, name="z")
    J = abs(z * z)
    J.name = "J"
    J.backward()
    assert "(1+2j)" in tg.render(J).svg


RAISING = [
    (lambda t: tg.optim.SGD([t]), "parameter 0 is complex; make its real and its imaginary part two parameters"),
    (tg.relu, r"relu of shape \(3,\): it has no rule for complex numbers; take \.real, \.imag or abs"),
    (np.rint, "rint of .* no rule for complex numbers"),
    (lambda t: np.floor_divide(2.0, t), "floor_divide of .* no rule for complex numbers"),
    (lambda t: tg.relu(t.real) + tg.sigmoid(2j * tg.Tensor(1.0)), "sigmoid of .* no rule for complex numbers"),
    (np.nan_to_num, "nan_to_num: complex numbers have no rule"),
    (lambda t: t.sum().backward(), r"backward from a complex number.*\.real, \.imag or abs"),
    (lambda t: tg.grad(lambda z: z.sum())(Z), r"grad: the function returned a complex number.*np\.real"),
    (lambda t: t.real.backward(np.full(3, 1j)), r"grad is complex, the Tensor is of float64"),
    (lambda t: tg.vjp(np.abs, Z)[1](Z), r"vjp: cotangent of complex numbers for an array of dtype float64"),
    (lambda t: tg.jvp(np.exp, (Z.real,), (Z,)), r"jvp: tangent of complex numbers for an array of dtype float64"),
    (lambda t: tg.jacobian(np.exp)(Z), "jacobian: .* np.real and np.imag, or use jvp and vjp.* holomorphic=True"),
    (lambda t: tg.hessian(lambda z: abs(z[0]) ** 2)(Z), "hessian: .* no one matrix; .* or use hvp"),
    (lambda t: tg.grad(np.exp, holomorphic=True)(2.0), r"it takes float64; give \.astype\(complex\)"),
    (lambda t: tg.grad(abs, holomorphic=True)(1j), "it returned float64; leave holomorphic=True out"),
    (lambda t: tg.jacrev(np.abs, holomorphic=True)(Z), "jacrev: .* it returned float64"),
    (lambda t: tg.hessian(lambda z: abs(z[0]), holomorphic=True)(Z), "it returned float64"),
    (lambda t: tg.jacobian(np.abs, mode="fwd")(Z), "jacobian: .* nor in this mode"),
    (lambda t: t.astype(float), r"astype of .*not cut to float64 silently: take \.real"),
    (lambda t: tg.Tensor(Z, dtype=float), "dtype complex128 are not real; take np.real"),
    (lambda t: tg.Tensor([1.0]).copy().__setitem__(0, 1j), r"would be cut: use \.astype\(complex\)"),
    (lambda t: float(tg.Tensor(1j, requires_grad=False)), "complex"),
    (lambda t: tg.check.numeric_grad(np.abs, 1j), r"\.real and \.imag"),
]


@pytest.mark.parametrize(("call", "said"), RAISING)
def test_what_has_no_meaning_for_complex_numbers_raises_and_says_so(call: Callable[[Any], Any], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        call(tg.Tensor(Z))


@pytest.mark.parametrize("narrow", [np.float32, np.float64])
def test_python_complex_numbers_beside_scalars_give_numpys(narrow: Any) -> None:
    wide = (narrow(2.0) * 1j).dtype
    t = tg.Tensor(narrow(2.0)) * narrow(1.0)  # a NumPy scalar
    for y in (1j * t, t * 1j, 1j + t, 1j - t, 1j / t, 1j**t, np.multiply(1j, t)):
        assert y.dtype == wide
        y.real.backward()
    with tg.no_grad():
        assert (1j * t).dtype == (t * 1j).dtype == wide
    assert tg.grad(lambda z: np.imag(z))(1j) == -1j  # noqa: PLW0108  a ufunc's dispatch, not its op
    assert tg.grad(lambda z: np.abs(1j * z.real * z.imag))(1 + 2j) == 2 - 1j


# --- linear algebra

RNG = np.random.default_rng(7)
A = RNG.normal(size=(3, 3)) + 1j * RNG.normal(size=(3, 3))
TALL = RNG.normal(size=(4, 3)) + 1j * RNG.normal(size=(4, 3))
WEIGHTS = RNG.normal(size=(3, 3)) + 1j * RNG.normal(size=(3, 3))


def weighed(xp: Any, y: Any) -> Any:
    return xp.real((y[:3, :3] * WEIGHTS).sum())


def definite(x: Any) -> Any:
    return x @ x.conj().T


MATRICES: dict[str, tuple[Callable[[Any, Any], Any], np.ndarray]] = {
    "inv": (lambda xp, x: weighed(xp, xp.linalg.inv(x)), A),
    "solve": (lambda xp, x: weighed(xp, xp.linalg.solve(x, xp.conj(x) + 1j)), A),
    "det": (lambda xp, x: xp.abs(xp.linalg.det(x)), A),
    "slogdet": (lambda xp, x: xp.real(xp.linalg.slogdet(x)[0] * (2 + 1j)) + xp.linalg.slogdet(x)[1], A),
    "cholesky": (lambda xp, x: weighed(xp, xp.linalg.cholesky(definite(x))), A),
    "qr": (lambda xp, x: weighed(xp, xp.linalg.qr(x)[0]) + weighed(xp, xp.linalg.qr(x)[1]), TALL),
    "pinv": (lambda xp, x: weighed(xp, xp.linalg.pinv(x)), TALL),
    "norms": (lambda xp, x: xp.linalg.norm(x) + xp.linalg.norm(x, "nuc") * xp.linalg.norm(x, 1), TALL),
    "eigvals": (lambda xp, x: xp.abs(xp.linalg.eigvals(x)).sum(), A),
    "eigvals of a real matrix": (lambda xp, x: xp.abs(xp.linalg.eigvals(x)).sum(), A.real),
}


def of_eigh(xp: Any, x: Any) -> Any:
    w, v = xp.linalg.eigh(definite(x))
    return weighed(xp, (v * w**3) @ v.conj().T)


def of_svd(xp: Any, x: Any) -> Any:
    u, s, vh = xp.linalg.svd(x, full_matrices=False)
    return weighed(xp, (u * s**3) @ vh)


MATRICES |= {"eigh": (of_eigh, A), "svd": (of_svd, TALL)}


@pytest.mark.parametrize("name", MATRICES if TRIED > 1 else ["qr", "slogdet", "svd"])
def test_gradients_of_matrices_are_those_of_jax(name: str) -> None:
    jax = pytest.importorskip("jax")
    f, x = MATRICES[name]
    with jax.enable_x64(True):
        want = np.asarray(jax.grad(lambda x: f(jax.numpy, x))(x))
    found = tg.grad(lambda x: f(np, x))(x)
    assert found.dtype == x.dtype
    np.testing.assert_allclose(found, want, rtol=1e-10, atol=1e-10 * np.abs(want).max())


def test_a_real_matrix_may_have_complex_eigenvalues() -> None:
    def frequency(x: Any) -> Any:  # of λ = ±i √(ab)
        return np.max(np.imag(np.linalg.eigvals(x)))

    a, b = 4.0, 9.0
    x = np.array([[0.0, -a], [b, 0.0]])
    found = tg.grad(frequency)(x)
    np.testing.assert_allclose(found, [[0.0, -np.sqrt(b / a) / 2], [np.sqrt(a / b) / 2, 0.0]], atol=1e-14)
    tg.check.check_grads(frequency, x + 0.5, order=2)


def test_a_polynomial_with_the_eigenvalues_of_a_matrix() -> None:
    x = np.array([[1.0, -4.0], [9.0, 2.0]])  # of trace 3 and determinant 38
    p, pull = tg.vjp(np.poly, x)
    assert p.dtype == np.float64
    np.testing.assert_allclose(p, [1.0, -3.0, 38.0])
    np.testing.assert_allclose(pull(np.array([0.0, 0.0, 1.0]))[0], [[2.0, -9.0], [4.0, 1.0]])


def test_roots_where_coefficients_are_zero_and_where_roots_coincide() -> None:
    p = np.array([0.0, 1.0, -2.0, 0.0])  # x² - 2x
    np.testing.assert_array_equal(np.roots(tg.Tensor(p)).data, np.roots(p))
    np.testing.assert_allclose(tg.jacobian(np.roots)(p), -np.vander([2.0, 0.0], 4) / [[2.0], [-2.0]])
    np.testing.assert_array_equal(tg.jacobian(np.roots)(np.array([1.0, -2.0, 1.0])), np.zeros((2, 3)))
    for few in ([], [0.0, 0.0], [3.0], [2.0, 0.0, 0.0]):
        np.testing.assert_array_equal(np.roots(tg.Tensor(few)).data, np.roots(few))
    tg.check.check_grads(lambda p: np.abs(np.roots(p)).sum(), np.array([1.0, 0.0, 1.0, 2.0]), order=2)
    with pytest.raises(ValueError, match=r"roots: takes a vector of coefficients, got shape \(2, 2\)"):
        np.roots(tg.Tensor(np.eye(2)))


def test_the_gradient_of_hermitian_matrices_whose_eigenvalues_coincide() -> None:
    rng = np.random.default_rng(3)
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))
    x = (q * [2.0, 2.0, 5.0]) @ q.conj().T
    found = tg.grad(lambda x: (np.linalg.eigvalsh(x) ** 3).sum())(x)
    np.testing.assert_allclose(found, 3 * np.conj(x @ x), atol=1e-12)


def test_the_adjoint_of_a_triangular_system_is_asked_for_by_conjugation() -> None:
    pytest.importorskip("scipy")
    x, y = np.tril(A) + 3 * np.eye(3), A[0]
    with pytest.raises(TypeError, match=r"give np\.conj\(x\) and trans='T'"):
        tg.solve_triangular(tg.Tensor(x), y, trans="C", lower=True)
    found = tg.solve_triangular(np.conj(tg.Tensor(x)), y, trans="T", lower=True)
    np.testing.assert_allclose(found.data, np.linalg.solve(x.conj().T, y), rtol=1e-12)


# --- Fourier transforms


def transform(n: int, sign: float) -> np.ndarray:
    """The matrix of the discrete transform, by its definition."""
    return np.exp(sign * 2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
def test_fourier_transforms_and_their_gradients_are_those_of_the_matrix(n: int) -> None:
    rng = np.random.default_rng(n)
    z, g = rng.normal(size=n) + 1j * rng.normal(size=n), rng.normal(size=n) + 1j * rng.normal(size=n)
    x = rng.normal(size=n)
    F = transform(n, -1.0)
    for f, matrix in [(np.fft.fft, F), (np.fft.ifft, transform(n, 1.0) / n)]:
        y, pull = tg.vjp(f, z)
        np.testing.assert_allclose(y, matrix @ z, atol=1e-13)
        np.testing.assert_allclose(pull(g)[0], matrix.T @ g, atol=1e-13)
        np.testing.assert_allclose(tg.vjp(f, x)[1](g)[0], np.real(matrix.T @ g), atol=1e-13)
    half = F[: n // 2 + 1]
    y, pull = tg.vjp(np.fft.rfft, x)
    np.testing.assert_allclose(y, half @ x, atol=1e-13)
    np.testing.assert_allclose(pull(g[: n // 2 + 1])[0], np.real(half.T @ g[: n // 2 + 1]), atol=1e-13)


def test_a_spectrum_keeps_single_precision_as_numpys_does() -> None:
    x = np.ones((2, 4), np.float32)
    y, pull = tg.vjp(np.fft.rfft2, x)
    assert y.dtype == np.fft.rfft2(x).dtype
    assert pull(np.ones_like(y))[0].dtype == np.float32


def test_a_filter_in_the_spectrum_is_a_convolution_forth_and_back() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=7), rng.normal(size=4)

    def filtered(x: Any, w: Any) -> Any:
        return np.fft.irfft(np.fft.rfft(x, 10) * np.fft.rfft(w, 10), 10)

    def loss(f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x, w: (f(x, w) ** 3).sum()

    for found, want in zip(
        tg.grad(loss(filtered), (0, 1))(x, w), tg.grad(loss(np.convolve), (0, 1))(x, w), strict=True
    ):
        np.testing.assert_allclose(found, want, rtol=1e-10)
    tg.check.check_grads(filtered, x, w, order=2)


def test_transforms_of_complex_numbers_that_must_be_real_raise() -> None:
    with pytest.raises(TypeError, match=r"rfft of .* no rule for complex numbers"):
        np.fft.rfft(tg.Tensor(Z))
    with pytest.raises(ValueError, match="norm='twice' is not 'backward', 'ortho' or 'forward'"):
        np.fft.hfft(tg.Tensor(Z), norm="twice")
    with pytest.raises(ValueError, match="fft of shape"):
        np.fft.fft(tg.Tensor(Z), 0)
    with pytest.raises(ValueError, match="different lengths"):
        np.fft.fftn(tg.Tensor(Z), s=(3, 3), axes=(0,))
