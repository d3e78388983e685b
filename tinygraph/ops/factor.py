"""Matrices as products: Cholesky's factor, QR, singular values and vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygraph.op import Array, op, spells
from tinygraph.ops.linalg import adjoint, from_papers
from tinygraph.ops.spectrum import symmetric
from tinygraph.ops.ties import joined, negligible, parted, several, shared, tied, warn_of_ties

__all__ = ["cholesky", "qr", "svd", "svdvals"]


class SVDResult(NamedTuple):
    """What `svd` returns."""

    U: Any
    S: Any
    Vh: Any


class QRResult(NamedTuple):
    """What `qr` returns."""

    Q: Any
    R: Any


# --- Cholesky


def _cholesky(x: Array) -> Array:
    return np.linalg.cholesky(x)


def _mirrored(x: Array) -> Array:
    """The symmetric, or Hermitian, matrix of a lower triangle."""
    half = np.tril(x) - 0.5 * x * np.eye(x.shape[-1], dtype=x.dtype, like=x)
    return half + adjoint(half)


@from_papers
def _cholesky_vjp(g: Array, ans: Array, x: Array) -> Array:
    """I. Murray, Differentiation of the Cholesky decomposition (2016), equation 10."""
    across = adjoint(ans)
    inner = 0.5 * _mirrored(across @ np.tril(g))
    return adjoint(np.linalg.solve(across, adjoint(np.linalg.solve(across, inner))))


_lower_factor = op(_cholesky, vjps=[_cholesky_vjp], complex=True, name="cholesky", latex=r"\operatorname{{chol}}({x})")


@spells(np.linalg.cholesky)
def cholesky(a: Any, *, upper: bool = False) -> Any:
    """The lower triangular L with a = L Lᴴ, or the upper one with a = Lᴴ L: `np.linalg.cholesky`.

    Reads one triangle of a, as NumPy does; the gradient is symmetric, or Hermitian.

    Raises:
        LinAlgError: a is not positive definite.

    Example:
        >>> cholesky(np.array([[4.0, 2.0], [2.0, 5.0]]))
        array([[2., 0.],
               [1., 2.]])
    """
    return adjoint(_lower_factor(adjoint(a))) if upper else _lower_factor(a)


# --- QR


def within(g: Array, basis: Array, k: int) -> Array:
    """The gradient of the first k columns of an orthonormal basis, with that of the rest, which only follow them."""
    if basis.shape[-1] == k:
        return g
    return g[..., :k] - basis[..., k:] @ (adjoint(g[..., k:]) @ basis[..., :k])


def _qr(x: Array, mode: Any = "reduced") -> Array:
    found = np.linalg.qr(x, mode)
    return joined(x, found[0], found[1])


def _qr_shapes(x: Array, mode: str) -> tuple[tuple[int, int], tuple[int, int]]:
    m, n = x.shape[-2:]
    inner = m if mode == "complete" else min(m, n)
    return (m, inner), (inner, n)


@from_papers
def _qr_vjp(g: Array, ans: Array, x: Array, mode: str) -> Array:
    """S. F. Walter and L. Lehmann (2018); the columns that a wide matrix has beyond a square are Qᵀ times x."""
    k, shapes = min(x.shape[-2:]), _qr_shapes(x, mode)
    (q, r), (gq, gr) = parted(ans, *shapes), parted(g, *shapes)
    gq, q, r, gr = within(gq, q, k), q[..., :k], r[..., :k, :k], np.triu(gr[..., :k, :])
    gr, beyond = gr[..., :k], gr[..., k:]
    if beyond.shape[-1]:
        gq = gq + x[..., k:] @ adjoint(beyond)
    inner = _mirrored(r @ adjoint(gr) - adjoint(gq) @ q)
    gx = adjoint(np.linalg.solve(r, adjoint(gq + q @ inner)))
    return np.concatenate([gx, q @ beyond], axis=-1) if beyond.shape[-1] else gx


_orthogonal = op(_qr, vjps=[_qr_vjp], complex=True, name="qr", symbol="QR", latex=r"\operatorname{{qr}}({x})")


@spells(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    """An orthonormal Q and an upper triangular R with a = Q R: `np.linalg.qr`; mode "r" returns R alone.

    Differentiable where the first columns, as many as there are rows at most, are independent; in mode "complete", the
    columns of Q beyond them only as the space that they span.

    Example:
        >>> abs(qr(np.array([[3.0], [4.0]])).R)
        array([[5.]])
    """
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"qr: mode={mode!r} is not one of 'reduced', 'complete', 'r'")
    found = _orthogonal(a, mode="reduced" if mode == "r" else mode)
    q, r = parted(found, *_qr_shapes(a, mode))
    return r if mode == "r" else QRResult(q, r)


# --- singular values


def _svd(x: Array, full_matrices: bool = True, hermitian: bool = False) -> Array:
    found = np.linalg.svd(x, full_matrices, hermitian=hermitian)
    return joined(x, found[0], found[1], found[2])


def _svd_shapes(x: Array, full_matrices: bool) -> tuple[tuple[int, ...], ...]:
    m, n = x.shape[-2:]
    k = min(m, n)
    return (m, m if full_matrices else k), (k,), (n if full_matrices else k, n)


def _real_values(row: Array, *shapes: Sequence[int]) -> tuple[Array, Array, Array]:
    """Left vectors, values and right ones, or their gradients; the values are real, whatever the vectors are."""
    u, s, vh = parted(row, *shapes)
    return u, np.real(s), vh


def _quotients(even: Array, odd: Array, s: Array, ties: Array) -> tuple[Array, Array]:
    """even / (s_j - s_i) and odd / (s_j + s_i), the parts of quotients by s_j² - s_i²; 0 where the divisor is."""
    zero = s <= negligible(s)
    none = zero[..., None, :] & zero[..., :, None]
    gap, total = s[..., None, :] - s[..., :, None], s[..., None, :] + s[..., :, None]
    return (
        np.where(ties, 0.0, even / np.where(ties, 1.0, gap)),
        np.where(none, 0.0, odd / np.where(none, 1.0, total)),
    )


def _scales(s: Array) -> Array:
    """1 / s for each column, 0 where s is."""
    zero = s <= negligible(s)
    return np.where(zero, 0.0, 1.0 / np.where(zero, 1.0, s))[..., None, :]


def _above_zero(s: Array, g: Array, ties: Array) -> Array:
    """Gradients or tangents of singular values: those that coincide share, those of 0 are at their minimum."""
    return np.where(s <= negligible(s), 0.0, shared(g, ties) if several(ties) else g)


@from_papers
def _svd_vjp(g: Array, ans: Array, x: Array, full_matrices: bool, hermitian: bool) -> Array:
    """J. Townsend (2016), its quotients by s_j² - s_i² in parts, of which one stays finite where values coincide."""
    (m, n), k, shapes = x.shape[-2:], min(x.shape[-2:]), _svd_shapes(x, full_matrices)
    (u, s, vh), (gu, gs, gvh) = _real_values(ans, *shapes), _real_values(g, *shapes)
    gu, gv = within(gu, u, k), within(adjoint(gvh), adjoint(vh), k)
    u, v, ties = u[..., :k], adjoint(vh)[..., :k], tied(s)
    left, right = adjoint(u) @ gu, adjoint(v) @ gv
    if several(ties):
        warn_of_ties("svd", ties, left + right)
    turn, twist = _quotients(_skew(left + right), _skew(left - right), s, ties)
    gx = (u * _above_zero(s, gs, ties)[..., None, :] + u @ (turn + twist)) @ adjoint(v)
    if m > k:
        gx = gx + ((gu - u @ left) * _scales(s)) @ adjoint(v)
    if n > k:
        gx = gx + (u * _scales(s)) @ adjoint(gv - v @ right)
    return symmetric(gx) if hermitian else gx


def _svd_jvp(tangents: Sequence[Array], ans: Array, x: Array, full_matrices: bool, hermitian: bool) -> Array:
    k, t = min(x.shape[-2:]), symmetric(tangents[0]) if hermitian else tangents[0]
    u, s, vh = _real_values(ans, *_svd_shapes(x, full_matrices))
    left, right, ties = u[..., :k], adjoint(vh)[..., :k], tied(s)
    inner = adjoint(left) @ t @ right
    if several(ties):
        warn_of_ties("svd", ties, symmetric(inner))
    turn, twist = _quotients(symmetric(inner), _skew(inner), s, ties)
    tu = left @ (turn + twist) + (t @ right - left @ inner) * _scales(s)
    tv = right @ (turn - twist) + (adjoint(t) @ left - right @ adjoint(inner)) * _scales(s)
    ts = _above_zero(s, np.real(np.diagonal(inner, axis1=-2, axis2=-1)), ties)
    return joined(x, _beside(tu, u, k), ts, adjoint(_beside(tv, adjoint(vh), k)))


def _beside(t: Array, basis: Array, k: int) -> Array:
    """The tangents of a whole basis, of whose columns those beyond k follow the first: the transpose of `within`."""
    if basis.shape[-1] == k:
        return t
    return np.concatenate([t, -(basis[..., :k] @ (adjoint(t) @ basis[..., k:]))], axis=-1)


def _skew(x: Array) -> Array:
    return 0.5 * (x - adjoint(x))


_singular = op(
    _svd, vjps=[_svd_vjp], jvp=_svd_jvp, complex=True, name="svd", symbol="UΣVᵀ", latex=r"\operatorname{{svd}}({x})"
)


def _svdvals(x: Array, hermitian: bool = False) -> Array:
    return np.linalg.svd(x, compute_uv=False, hermitian=hermitian)


@from_papers
def _svdvals_vjp(g: Array, ans: Array, x: Array, hermitian: bool) -> Array:
    u, _, vh = np.linalg.svd(x, full_matrices=False, hermitian=hermitian)
    gx = (u * _above_zero(ans, g, tied(ans))[..., None, :]) @ vh
    return symmetric(gx) if hermitian else gx


svdvals = op(
    _svdvals,
    numpy="numpy.linalg.svdvals",
    vjps=[_svdvals_vjp],
    complex=True,
    name="svdvals",
    symbol="σ",
    latex=r"\sigma({x})",
    doc="""Singular values, descending; those that coincide share their gradient, that of 0 is 0: `np.linalg.svdvals`.

    Example:
        >>> svdvals(np.array([[3.0, 0.0], [0.0, 4.0]]))
        array([4., 3.])
    """,
)


@spells(np.linalg.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """Singular values S, descending, and vectors, a = U diag(S) Vh: `np.linalg.svd`.

    Vectors are unique but for a sign, or a phase, that a column of U shares with its row of Vh: only functions that do
    not depend on it have derivatives, and of the columns beyond min(m, n) only functions of the space that they span.

    Example:
        >>> svd(np.array([[3.0, 0.0], [0.0, 4.0]])).S
        array([4., 3.])
    """
    if not compute_uv:
        return svdvals(a, hermitian=hermitian)
    found = _singular(a, full_matrices=full_matrices, hermitian=hermitian)
    return SVDResult(*_real_values(found, *_svd_shapes(a, full_matrices)))
