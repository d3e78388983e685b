"""Linear algebra against closed forms and PyTorch; coinciding values, singular matrices, empty stacks, errors."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph.op import Borrowed

RNG = np.random.default_rng(5)
A = RNG.normal(size=(2, 3, 3)) + 3.0 * np.eye(3)
SYMMETRIC = A @ np.swapaxes(A, -1, -2)
TALL, WIDE = RNG.normal(size=(2, 4, 3)), RNG.normal(size=(2, 3, 4))
WEIGHTS = RNG.normal(size=(5, 5))


def weighted(y: Any) -> Any:
    """A sum that tells every element of a stack of matrices or vectors apart."""
    n, m = (1, *np.shape(y))[-2:]
    return (y * WEIGHTS[:n, :m]).sum()


def projector(columns: Any) -> Any:
    return columns @ np.swapaxes(columns, -1, -2)


# --- against PyTorch

BESIDE_TORCH: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[np.ndarray, ...]]] = {
    "inv": (np.linalg.inv, lambda t, x: t.linalg.inv(x), (A,)),
    "pinv tall": (np.linalg.pinv, lambda t, x: t.linalg.pinv(x), (TALL,)),
    "pinv wide": (np.linalg.pinv, lambda t, x: t.linalg.pinv(x), (WIDE,)),
    "solve": (np.linalg.solve, lambda t, x, y: t.linalg.solve(x, y), (A, WIDE)),
    "lstsq": (
        lambda x, y: np.linalg.lstsq(x, y, rcond=None)[0],
        lambda t, x, y: t.linalg.lstsq(x, y).solution,
        (TALL[0], TALL[1]),
    ),
    "det": (np.linalg.det, lambda t, x: t.linalg.det(x), (A,)),
    "logdet": (lambda x: np.linalg.slogdet(x)[1], lambda t, x: t.linalg.slogdet(x)[1], (A,)),
    "cholesky": (np.linalg.cholesky, lambda t, x: t.linalg.cholesky(x), (SYMMETRIC,)),
    "eigvalsh": (np.linalg.eigvalsh, lambda t, x: t.linalg.eigvalsh(x), (SYMMETRIC,)),
    "eigh": (
        lambda x: projector(np.linalg.eigh(x)[1][..., :2]),
        lambda t, x: projector_of_torch(t.linalg.eigh(x)[1][..., :2]),
        (SYMMETRIC,),
    ),
    "svdvals": (lambda x: np.linalg.svd(x, compute_uv=False), lambda t, x: t.linalg.svdvals(x), (TALL,)),
    "svd": (
        lambda x: np.linalg.svd(x, full_matrices=False)[0] @ np.linalg.svd(x, full_matrices=False)[2],
        lambda t, x: t.linalg.svd(x, full_matrices=False)[0] @ t.linalg.svd(x, full_matrices=False)[2],
        (TALL,),
    ),
    "qr of tall": (lambda x: np.linalg.qr(x)[0], lambda t, x: t.linalg.qr(x)[0], (TALL,)),
    "r of wide": (lambda x: np.linalg.qr(x)[1], lambda t, x: t.linalg.qr(x)[1], (WIDE,)),
    "matrix_power": (lambda x: np.linalg.matrix_power(x, -3), lambda t, x: t.linalg.matrix_power(x, -3), (A,)),
    "expm": (tg.expm, lambda t, x: t.linalg.matrix_exp(x), (A,)),
    "solve_triangular": (
        lambda x, y: tg.solve_triangular(x, y, lower=True),
        lambda t, x, y: t.linalg.solve_triangular(x, y, upper=False),
        (A[0], WIDE[0]),
    ),
    "cross": (np.cross, lambda t, x, y: t.linalg.cross(x, y), (A[0], A[1])),
    "kron": (np.kron, lambda t, x, y: t.kron(x, y), (A[0, :2, :1], A[1, :2])),
    "multi_dot": (
        lambda *xs: np.linalg.multi_dot(xs),
        lambda t, *xs: t.linalg.multi_dot(xs),
        (A[0], A[1], WIDE[0]),
    ),
    **{
        f"norm {order}": (
            lambda x, order=order: np.linalg.norm(x, order, axis=(-2, -1)),
            lambda t, x, order=order: t.linalg.matrix_norm(x, order),
            (TALL,),
        )
        for order in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)
    },
    **{
        f"norm of vectors {order}": (
            lambda x, order=order: np.linalg.norm(x, order, axis=-1),
            lambda t, x, order=order: t.linalg.vector_norm(x, order, dim=-1),
            (TALL,),
        )
        for order in (0.5, 1, 2, 3.5, -1, math.inf, -math.inf)
    },
}


def projector_of_torch(columns: Any) -> Any:
    return columns @ columns.mT


@pytest.mark.parametrize("name", BESIDE_TORCH)
def test_values_and_gradients_are_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs, arrays = BESIDE_TORCH[name]
    leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
    want = theirs(torch, *leaves)
    n, m = (1, *want.shape)[-2:]
    (want * torch.tensor(WEIGHTS[:n, :m])).sum().backward()
    np.testing.assert_allclose(ours(*arrays), want.detach(), rtol=1e-9, atol=1e-11)
    found = tg.grad(lambda *xs: weighted(ours(*xs)), tuple(range(len(arrays))))(*arrays)
    for g, leaf in zip(found, leaves, strict=True):
        np.testing.assert_allclose(g, leaf.grad, rtol=1e-8, atol=1e-10)


# --- closed forms


def test_the_gradient_of_ln_det_is_the_inverse_transposed_and_its_hessian_that_of_the_inverse() -> None:
    x = A[0]

    def logdet(x: Any) -> Any:
        return np.linalg.slogdet(x)[1]

    inverse = np.linalg.inv(x)
    np.testing.assert_allclose(tg.grad(logdet)(x), inverse.T, rtol=1e-12)
    np.testing.assert_allclose(tg.hessian(logdet)(x), -np.einsum("li,jk->ijkl", inverse, inverse), rtol=1e-11)


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_a_determinant_of_0_has_every_derivative(rank: int) -> None:
    x = np.diag(np.arange(1.0, 4.0) * (np.arange(3) < rank))

    def leibniz(x: Any) -> Any:
        return sum(
            s * x[0, i] * x[1, j] * x[2, k]
            for i, j, k, s in [(0, 1, 2, 1), (1, 2, 0, 1), (2, 0, 1, 1), (2, 1, 0, -1), (1, 0, 2, -1), (0, 2, 1, -1)]
        )

    assert np.linalg.det(x) == 0.0
    np.testing.assert_allclose(tg.grad(np.linalg.det)(x), tg.grad(leibniz)(x), atol=1e-14)
    np.testing.assert_allclose(tg.hessian(np.linalg.det)(x), tg.hessian(leibniz)(x), atol=1e-14)
    np.testing.assert_array_equal(tg.grad(np.linalg.det)(np.zeros((1, 1))), [[1.0]])


def test_a_power_of_0_is_the_identity_and_has_gradient_0() -> None:
    x = tg.Tensor(A)
    y = np.linalg.matrix_power(x, 0)
    np.testing.assert_array_equal(y.data, np.broadcast_to(np.eye(3), (2, 3, 3)))
    weighted(y).backward()
    np.testing.assert_array_equal(x.grad, np.zeros_like(A))


def test_the_gradients_of_functions_of_symmetric_matrices_are_symmetric_whichever_triangle_is_read() -> None:
    for uplo in "LU":
        g = tg.grad(lambda x, uplo=uplo: (np.linalg.eigvalsh(x, uplo) ** 2).sum())(SYMMETRIC)
        np.testing.assert_allclose(g, 2.0 * SYMMETRIC, rtol=1e-11)
    g = tg.grad(lambda x: np.log(np.diagonal(np.linalg.cholesky(x), 0, -2, -1)).sum())(SYMMETRIC)
    np.testing.assert_allclose(g, 0.5 * np.linalg.inv(SYMMETRIC), rtol=1e-10)


# --- values that coincide

TURN = np.linalg.qr(RNG.normal(size=(4, 4)))[0]
TIED = TURN @ np.diag([2.0, 2.0, 2.0, 5.0]) @ TURN.T
SPACE = TURN[:, :3] @ TURN[:, :3].T


@pytest.mark.parametrize("x", [TIED, np.eye(3), np.zeros((2, 2))])
def test_functions_that_treat_equal_eigenvalues_alike_have_their_gradient(x: np.ndarray) -> None:
    with np.errstate(all="raise", under="ignore"):
        g = tg.grad(lambda x: (np.linalg.eigvalsh(x) ** 3).sum())(x)
    np.testing.assert_allclose(g, 3.0 * x @ x, atol=1e-12)


def test_equal_eigenvalues_share_the_gradient_of_one_of_them() -> None:
    g = tg.grad(lambda x: np.linalg.eigvalsh(x)[0])(TIED)
    np.testing.assert_allclose(g, SPACE / 3.0, atol=1e-12)
    s = tg.grad(lambda x: np.linalg.svd(x, compute_uv=False)[-1])(TIED)
    np.testing.assert_allclose(s, SPACE / 3.0, atol=1e-12)
    m = tg.grad(lambda x: np.linalg.norm(x, 2))(np.eye(4))
    np.testing.assert_allclose(m, np.eye(4) / 4.0, atol=1e-15)


def test_the_space_of_equal_eigenvalues_has_its_derivative_and_a_warning_names_the_limit() -> None:
    c = RNG.normal(size=(4, 4))

    def onto(x: Any) -> Any:
        return (projector(np.linalg.eigh(x)[1][:, :3]) * c).sum()

    def apart(x: Any) -> Any:  # the same projector by the one eigenvector that stands alone
        return -(projector(np.linalg.eigh(x)[1][:, 3:]) * c).sum()

    want = tg.grad(apart)(TIED)
    with pytest.warns(RuntimeWarning, match="eigh met values that coincide"):
        found = tg.grad(onto)(TIED)
    np.testing.assert_allclose(found, want, atol=1e-11)
    with warnings.catch_warnings():  # what does not tell the tied vectors apart says nothing
        warnings.simplefilter("error")
        tg.grad(apart)(TIED)


def test_the_nearest_rotation_to_one_is_differentiable() -> None:
    """All singular values of a rotation are 1; the polar factor's derivative is the part along rotations."""

    def polar(x: Any) -> Any:
        u, _, vh = np.linalg.svd(x)
        return u @ vh

    t = RNG.normal(size=(4, 4))
    with pytest.warns(RuntimeWarning, match="svd met values that coincide"):
        _, moved = tg.jvp(polar, (TURN,), (t,))
    np.testing.assert_allclose(moved, 0.5 * (t - TURN @ t.T @ TURN), atol=1e-12)


def test_what_is_not_the_same_for_every_choice_of_vectors_warns_and_is_finite() -> None:
    def rebuilt(x: Any) -> Any:
        w, v = np.linalg.eigh(x)
        return weighted((v * w**0.5) @ v.T)

    with pytest.warns(RuntimeWarning, match="leaves out"):
        assert np.all(np.isfinite(tg.grad(rebuilt)(TIED)))
    with pytest.warns(RuntimeWarning, match="leaves out"):
        assert np.isfinite(tg.jvp(rebuilt, (TIED,), (SPACE[:, ::-1],))[1])
    with pytest.warns(RuntimeWarning, match="eigh met"):  # the second derivative needs the vectors
        tg.hvp(lambda x: (np.linalg.eigvalsh(x) ** 3).sum(), (TIED,), (SPACE[:, ::-1],))


def test_singular_values_of_0_are_at_their_minimum() -> None:
    x = np.outer([1.0, 2.0, 2.0], [3.0, 4.0])
    np.testing.assert_allclose(tg.grad(lambda x: np.linalg.norm(x, "nuc"))(x), x / 15.0, rtol=1e-14)
    with np.errstate(all="raise"):
        for order in ("nuc", 2, -2, "fro", 1, math.inf):
            g = tg.grad(lambda x, order=order: np.linalg.norm(x, order))(np.zeros((3, 2)))
            np.testing.assert_array_equal(g, np.zeros((3, 2)))


def test_the_count_of_elements_that_are_not_0_is_flat() -> None:
    x = np.array([[1.0, 0.0], [2.0, 3.0]])
    y, pull = tg.vjp(lambda x: np.linalg.norm(x, 0, axis=1), x)
    np.testing.assert_array_equal(y, [1.0, 2.0])
    np.testing.assert_array_equal(pull(np.ones(2))[0], np.zeros((2, 2)))


@pytest.mark.parametrize("order", [None, 1, 2, 3, 1.5, math.inf])
def test_a_norm_of_0_has_gradient_0_and_finite_second_derivatives(order: Any) -> None:
    x = np.zeros(3)
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(tg.grad(lambda x: np.linalg.norm(x, order))(x), x)
        assert np.all(np.isfinite(tg.hessian(lambda x: np.linalg.norm(x, order))(x)))


# --- edges


def test_empty_stacks_and_empty_matrices() -> None:
    for f in (
        np.linalg.inv,
        np.linalg.pinv,
        np.linalg.det,
        np.linalg.cholesky,
        np.linalg.eigvalsh,
        lambda x: np.linalg.slogdet(x)[1],
        lambda x: np.linalg.qr(x)[0],
        lambda x: np.linalg.svd(x)[1],
        lambda x: np.linalg.eigh(x)[1],
        lambda x: np.linalg.norm(x, axis=(-2, -1)),
        lambda x: np.linalg.solve(x, x),
        lambda x: np.linalg.matrix_power(x, 3),
    ):
        x = np.zeros((0, 3, 3))
        y, pull = tg.vjp(f, x)
        assert np.shape(y) == np.shape(f(x))
        assert pull(np.ones_like(y))[0].shape == x.shape
    for f in (np.linalg.inv, np.linalg.det, np.linalg.cholesky, np.linalg.eigvalsh):
        y, pull = tg.vjp(f, np.zeros((2, 0, 0)))
        assert np.shape(y) == np.shape(f(np.zeros((2, 0, 0))))
        assert pull(np.ones_like(y))[0].shape == (2, 0, 0)


def test_results_in_parts_have_numpys_names() -> None:
    x = tg.Tensor(SYMMETRIC)
    assert np.linalg.eigh(x).eigenvalues.shape == (2, 3)
    assert np.linalg.svd(x).Vh.shape == (2, 3, 3)
    assert np.linalg.qr(x).R.shape == (2, 3, 3)
    assert np.linalg.slogdet(x).logabsdet.shape == (2,)


def test_least_squares_returns_what_numpys_does() -> None:
    for x, y in ((TALL[0], TALL[1]), (WIDE[0], WIDE[1]), (TALL[0], TALL[1, :, 0]), (TALL[0] * [1, 1, 0], TALL[1])):
        want = np.linalg.lstsq(x, y, rcond=None)
        found = np.linalg.lstsq(tg.Tensor(x), tg.Tensor(y), rcond=None)
        for one, other in zip(found, want, strict=True):
            np.testing.assert_allclose(getattr(one, "data", one), other, atol=1e-12)


def test_errors_are_linear_algebras_own_and_name_the_operation() -> None:
    with pytest.raises(np.linalg.LinAlgError, match=r"cholesky of shape \(2, 2\)"):
        np.linalg.cholesky(tg.Tensor(-np.eye(2)))
    with pytest.raises(np.linalg.LinAlgError, match=r"inv of shape \(2, 2\)"):
        np.linalg.inv(tg.Tensor(np.zeros((2, 2))))
    with pytest.raises(ValueError, match="norm of matrices"):
        np.linalg.norm(tg.Tensor(np.ones(3)), "nuc", axis=0)
    with pytest.raises(ValueError, match="2 or 3"):
        np.cross(tg.Tensor(np.ones(4)), np.ones(4))
    with pytest.raises(np.linalg.LinAlgError, match="square"):
        np.linalg.matrix_power(tg.Tensor(np.ones((2, 3))), 2)
    with pytest.raises(ValueError, match="mode='raw'"):
        np.linalg.qr(tg.Tensor(np.eye(2)), "raw")


def test_a_function_that_is_not_installed_says_what_to_install() -> None:
    with pytest.raises(ImportError, match="pip install no_such_package"):
        Borrowed("no_such_package.linalg.expm")(1.0)


def test_the_cheapest_order_of_a_product() -> None:
    x, y, z = (tg.Tensor(np.ones(s)) for s in ((2, 50), (50, 50), (50, 1)))
    out = np.linalg.multi_dot([x, y, z])
    assert out._node.inputs[0] is x._node  # x (y z)
