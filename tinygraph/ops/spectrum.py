"""Eigenvalues and eigenvectors. Vectors of coinciding values are spoken of in `ties`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygraph.op import Array, op, spells
from tinygraph.ops.complexes import conjugate
from tinygraph.ops.linalg import adjoint, from_papers
from tinygraph.ops.ties import joined, parted, several, shared, tied, warn_of_ties

__all__ = ["eig", "eigh", "eigvals", "eigvalsh"]


class EighResult(NamedTuple):
    """What `eigh` returns."""

    eigenvalues: Any
    eigenvectors: Any


class EigResult(NamedTuple):
    """What `eig` returns."""

    eigenvalues: Any
    eigenvectors: Any


def _gaps(w: Array, ties: Array) -> Array:
    """The eigenvalue of each column less that of each row, 1 where they coincide."""
    return np.where(ties, 1.0, w[..., None, :] - w[..., :, None])


# --- symmetric matrices. A gradient is symmetric too: a change of one triangle is a change of both.


def symmetric(x: Array) -> Array:
    return 0.5 * (x + adjoint(x))


def _eigh(x: Array, UPLO: Any = "L") -> Array:
    found = np.linalg.eigh(x, UPLO)
    return joined(x, found[0], found[1])


def _real_values(row: Array, n: int) -> tuple[Array, Array]:
    """Values and vectors, or their gradients, of one row; the values are real, whatever the vectors are."""
    values, vectors = parted(row, (n,), (n, n))
    return np.real(values), vectors


@from_papers
def _eigh_vjp(g: Array, ans: Array, x: Array, UPLO: str) -> Array:
    n = x.shape[-1]
    (w, v), (gw, gv) = _real_values(ans, n), _real_values(g, n)
    across, ties = adjoint(v), tied(w)
    inner = across @ gv
    if several(ties):
        gw = shared(gw, ties)
        warn_of_ties("eigh", ties, inner)
    turn = np.where(ties, 0.0, 0.5 * (inner - adjoint(inner)) / _gaps(w, ties))
    return (v * gw[..., None, :] + v @ turn) @ across


def _eigh_jvp(tangents: Sequence[Array], ans: Array, x: Array, UPLO: str) -> Array:
    n = x.shape[-1]
    w, v = _real_values(ans, n)
    inner, ties = adjoint(v) @ symmetric(tangents[0]) @ v, tied(w)
    tw = np.real(np.diagonal(inner, axis1=-2, axis2=-1))
    if several(ties):
        tw = shared(tw, ties)
        warn_of_ties("eigh", ties, inner)
    return joined(x, tw, v @ np.where(ties, 0.0, inner / _gaps(w, ties)))


_symmetric_eigen = op(
    _eigh,
    vjps=[_eigh_vjp],
    jvp=_eigh_jvp,
    complex=True,
    name="eigh",
    symbol="λ, v",
    latex=r"\operatorname{{eigh}}({x})",
)


@spells(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> EighResult:
    """Eigenvalues, ascending, and eigenvectors, in columns, of symmetric, or Hermitian, matrices: `np.linalg.eigh`.

    Reads one triangle of a, as NumPy does; the gradient is symmetric. Eigenvectors are unique but for their sign:
    only functions that do not depend on it, of complex ones on their phase, have derivatives.

    Example:
        >>> eigh(np.array([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
        array([1., 2.])
    """
    found, n = _symmetric_eigen(a, UPLO=UPLO), np.shape(a)[-1]
    return EighResult(*_real_values(found, n))


def _eigvalsh(x: Array, UPLO: Any = "L") -> Array:
    return np.linalg.eigvalsh(x, UPLO)


@from_papers
def _eigvalsh_vjp(g: Array, ans: Array, x: Array, UPLO: Any) -> Array:
    v, ties = np.linalg.eigh(x, UPLO)[1], tied(ans)
    if several(ties):
        g = shared(g, ties)
    return (v * g[..., None, :]) @ adjoint(v)


eigvalsh = op(
    _eigvalsh,
    numpy=np.linalg.eigvalsh,
    vjps=[_eigvalsh_vjp],
    complex=True,
    name="eigvalsh",
    symbol="λ",
    latex=r"\lambda({x})",
)


# --- any square matrices. Of real ones too, values and vectors may be complex.


def _eig(x: Array) -> Array:
    found = np.linalg.eig(x)
    return joined(x, found[0], found[1])


def _part_along(v: Array, t: Array) -> Array:
    """How much of each column of t would change the length of that of v."""
    return np.real(np.sum(conjugate(v) * t, axis=-2, keepdims=True))


@from_papers
def _eig_vjp(g: Array, ans: Array, x: Array) -> Array:
    n = x.shape[-1]
    (w, v), (gw, gv) = parted(ans, (n,), (n, n)), parted(g, (n,), (n, n))
    across, ties = adjoint(v), tied(w)
    inner = across @ (gv - v * _part_along(v, gv))  # the length stays 1
    if several(ties):
        gw = shared(gw, ties)
        warn_of_ties("eig", ties, inner)
    middle = np.where(ties, 0.0, inner / conjugate(_gaps(w, ties))) + gw[..., None, :] * np.eye(
        n, dtype=x.dtype, like=x
    )
    return np.linalg.solve(across, middle @ across)


def _eig_jvp(tangents: Sequence[Array], ans: Array, x: Array) -> Array:
    n = x.shape[-1]
    w, v = parted(ans, (n,), (n, n))
    inner, ties = np.linalg.solve(v, tangents[0] @ v), tied(w)
    tw = np.diagonal(inner, axis1=-2, axis2=-1)
    if several(ties):
        tw = shared(tw, ties)
        warn_of_ties("eig", ties, inner)
    tv = v @ np.where(ties, 0.0, inner / _gaps(w, ties))
    return joined(x, tw, tv - v * _part_along(v, tv))


_eigen = op(
    _eig, vjps=[_eig_vjp], jvp=_eig_jvp, complex=True, name="eig", symbol="λ, v", latex=r"\operatorname{{eig}}({x})"
)


@spells(np.linalg.eig)
def eig(a: Any) -> EigResult:
    """Eigenvalues and eigenvectors of length 1, in columns; of a real matrix too they may be complex: `np.linalg.eig`.

    Eigenvectors are unique but for their sign or phase: only functions that do not depend on it have derivatives.

    Example:
        >>> eig(np.array([[1.0, 1.0], [0.0, 3.0]])).eigenvalues.real
        array([1., 3.])
    """
    found, n = _eigen(a), np.shape(a)[-1]
    return EigResult(*parted(found, (n,), (n, n)))


@spells(np.linalg.eigvals)
def eigvals(a: Any) -> Any:
    """Eigenvalues; of a real matrix too they may be complex: `np.linalg.eigvals`.

    Example:
        >>> eigvals(np.array([[1.0, 1.0], [0.0, 3.0]])).real
        array([1., 3.])
    """
    return eig(a).eigenvalues
