"""Eigenvalues and eigenvectors. Vectors of coinciding values are spoken of in `ties`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygraph.op import Array, op, spells
from tinygraph.ops.linalg import turned
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
    return 0.5 * (x + turned(x))


def _eigh(x: Array, UPLO: Any = "L") -> Array:
    found = np.linalg.eigh(x, UPLO)
    return joined(x, found[0], found[1])


def _eigh_vjp(g: Array, ans: Array, x: Array, UPLO: str) -> Array:
    n = x.shape[-1]
    (w, v), (gw, gv) = parted(ans, (n,), (n, n)), parted(g, (n,), (n, n))
    across, ties = turned(v), tied(w)
    inner = across @ gv
    if several(ties):
        gw = shared(gw, ties)
        warn_of_ties("eigh", ties, inner)
    turn = np.where(ties, 0.0, 0.5 * (inner - turned(inner)) / _gaps(w, ties))
    return (v * gw[..., None, :] + v @ turn) @ across


def _eigh_jvp(tangents: Sequence[Array], ans: Array, x: Array, UPLO: str) -> Array:
    n = x.shape[-1]
    w, v = parted(ans, (n,), (n, n))
    inner, ties = turned(v) @ symmetric(tangents[0]) @ v, tied(w)
    tw = np.diagonal(inner, axis1=-2, axis2=-1)
    if several(ties):
        tw = shared(tw, ties)
        warn_of_ties("eigh", ties, inner)
    return joined(x, tw, v @ np.where(ties, 0.0, inner / _gaps(w, ties)))


_symmetric_eigen = op(
    _eigh, vjps=[_eigh_vjp], jvp=_eigh_jvp, name="eigh", symbol="λ, v", latex=r"\operatorname{{eigh}}({x})"
)


@spells(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> EighResult:
    """Eigenvalues, ascending, and eigenvectors, in columns, of symmetric matrices: `np.linalg.eigh`.

    Reads one triangle of a, as NumPy does; the gradient is symmetric. Eigenvectors are unique but for their sign:
    only functions that do not depend on it have derivatives.

    Example:
        >>> eigh(np.array([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
        array([1., 2.])
    """
    found, n = _symmetric_eigen(a, UPLO=UPLO), np.shape(a)[-1]
    return EighResult(*parted(found, (n,), (n, n)))


def _eigvalsh(x: Array, UPLO: Any = "L") -> Array:
    return np.linalg.eigvalsh(x, UPLO)


def _eigvalsh_vjp(g: Array, ans: Array, x: Array, UPLO: Any) -> Array:
    v, ties = np.linalg.eigh(x, UPLO)[1], tied(ans)
    if several(ties):
        g = shared(g, ties)
    return (v * g[..., None, :]) @ turned(v)


eigvalsh = op(
    _eigvalsh,
    numpy=np.linalg.eigvalsh,
    vjps=[_eigvalsh_vjp],
    name="eigvalsh",
    symbol="λ",
    latex=r"\lambda({x})",
)


# --- any square matrices whose eigenvalues are real


def _eig(x: Array) -> Array:
    found = np.linalg.eig(x)
    if found[0].dtype.kind == "c":
        raise ValueError("its eigenvalues are not all real; only matrices with a real spectrum have derivatives here")
    return joined(x, found[0], found[1])


def _eig_vjp(g: Array, ans: Array, x: Array) -> Array:
    n = x.shape[-1]
    (w, v), (gw, gv) = parted(ans, (n,), (n, n)), parted(g, (n,), (n, n))
    across, ties = turned(v), tied(w)
    inner = across @ (gv - v * np.sum(v * gv, axis=-2, keepdims=True))  # the length stays 1
    if several(ties):
        gw = shared(gw, ties)
        warn_of_ties("eig", ties, inner)
    middle = np.where(ties, 0.0, inner / _gaps(w, ties)) + gw[..., None, :] * np.eye(n, dtype=x.dtype, like=x)
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
    return joined(x, tw, tv - v * np.sum(v * tv, axis=-2, keepdims=True))


_eigen = op(_eig, vjps=[_eig_vjp], jvp=_eig_jvp, name="eig", symbol="λ, v", latex=r"\operatorname{{eig}}({x})")


@spells(np.linalg.eig)
def eig(a: Any) -> EigResult:
    """Eigenvalues and eigenvectors of length 1, in columns, of matrices with a real spectrum: `np.linalg.eig`.

    Example:
        >>> eig(np.array([[1.0, 1.0], [0.0, 3.0]])).eigenvalues
        array([1., 3.])
    """
    found, n = _eigen(a), np.shape(a)[-1]
    return EigResult(*parted(found, (n,), (n, n)))


@spells(np.linalg.eigvals)
def eigvals(a: Any) -> Any:
    """Eigenvalues of matrices with a real spectrum: `np.linalg.eigvals`.

    Example:
        >>> eigvals(np.array([[1.0, 1.0], [0.0, 3.0]]))
        array([1., 3.])
    """
    return eig(a).eigenvalues
