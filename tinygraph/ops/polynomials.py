"""Polynomials by their coefficients, the highest power first: values, sums, products, slopes, roots and fits."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tinygraph.op import Array, bare, op, spells
from tinygraph.ops.complexes import real, squared
from tinygraph.ops.padding import pad
from tinygraph.ops.shape import array_beside, as_array, concatenate, flip, reshape
from tinygraph.ops.signal import convolve
from tinygraph.ops.spectrum import eigvals
from tinygraph.ops.systems import inv, lstsq

__all__ = [
    "poly",
    "polyadd",
    "polyder",
    "polyfit",
    "polyint",
    "polymul",
    "polysub",
    "polyval",
    "roots",
    "vander",
]

RankWarning = getattr(np.exceptions, "RankWarning", getattr(np, "RankWarning", RuntimeWarning))  # NumPy 2's place, 1's


@spells(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """p[0] xⁿ⁻¹ + ... + p[n - 1], by Horner's scheme: `np.polyval`, differentiable in p and in x.

    Example:
        >>> float(polyval(np.array([1.0, 0.0, 2.0]), 3.0))
        11.0
    """
    p, x = as_array(p), as_array(x)
    y: Any = np.zeros_like(x)
    for i in range(p.shape[0]):
        y = y * x + p[i]
    return y


def _sum(p: Any, q: Any) -> Any:
    p, q = reshape(as_array(p), -1), reshape(as_array(q), -1)
    n = max(p.shape[0], q.shape[0])
    return (pad(c, (n - c.shape[0], 0)) if c.shape[0] < n else c for c in (p, q))


@spells(np.polyadd)
def polyadd(p: Any, q: Any) -> Any:
    """The coefficients of a sum of polynomials: `np.polyadd`.

    Example:
        >>> polyadd(np.array([1.0, 2.0]), np.array([3.0]))
        array([1., 5.])
    """
    p, q = _sum(p, q)
    return p + q


@spells(np.polysub)
def polysub(p: Any, q: Any) -> Any:
    """The coefficients of a difference of polynomials: `np.polysub`.

    Example:
        >>> polysub(np.array([1.0, 2.0]), np.array([3.0]))
        array([ 1., -1.])
    """
    p, q = _sum(p, q)
    return p - q


@spells(np.polymul)
def polymul(p: Any, q: Any) -> Any:
    """The coefficients of a product of polynomials: `np.polymul`, but that leading zeros stay.

    Example:
        >>> polymul(np.array([1.0, 1.0]), np.array([1.0, -1.0]))
        array([ 1.,  0., -1.])
    """
    return convolve(p, q)


@spells(np.polyder)
def polyder(p: Any, m: int = 1) -> Any:
    """The coefficients of the m-th derivative of a polynomial: `np.polyder`.

    Example:
        >>> polyder(np.array([1.0, 2.0, 3.0]))
        array([2., 2.])
    """
    p = as_array(p)
    if m < 0:
        raise ValueError(f"polyder: m is how many times, not {m}; polyint goes the other way")
    for _ in range(m):
        p = p[:-1] * np.arange(p.shape[0] - 1.0, 0.0, -1.0, like=p).astype(p.dtype)
    return p


@spells(np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """The coefficients of the m-th integral of a polynomial, its constants of integration in k: `np.polyint`.

    Example:
        >>> polyint(np.array([2.0, 2.0]))
        array([1., 2., 0.])
    """
    p = as_array(p)
    if m < 0:
        raise ValueError(f"polyint: m is how many times, not {m}; polyder goes the other way")
    k = reshape(array_beside(0.0 if k is None else k, p), -1)
    if k.shape[0] not in (1, m):
        raise ValueError(f"polyint: {k.shape[0]} constants for {m} integrals; give one, or one for each")
    for i in range(m):
        powers = np.arange(float(p.shape[0]), 0.0, -1.0, like=p).astype(p.dtype)
        p = concatenate([p / powers, k if k.shape[0] == 1 else k[i : i + 1]])
    return p


@spells(np.poly)
def poly(roots: Any) -> Any:
    """The coefficients of the polynomial with these roots, of a matrix with its eigenvalues: `np.poly`.

    Example:
        >>> poly(np.array([1.0, -1.0]))
        array([ 1.,  0., -1.])
    """
    roots = as_array(roots)
    if roots.ndim > 1:
        roots = eigvals(roots)
    p: Any = np.ones_like(roots, shape=(1,))
    for i in range(roots.size):
        root = roots[i : i + 1]
        p = convolve(p, concatenate([np.ones_like(root), -root]))
    values = bare(roots)
    in_pairs = values.dtype.kind == "c" and np.all(np.sort(values) == np.sort(np.conj(values)))
    return real(p) if in_pairs else p


@spells(np.vander)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The powers of x in columns, the highest first: `np.vander`.

    Example:
        >>> vander(np.array([2.0, 3.0]), 3)
        array([[4., 2., 1.],
               [9., 3., 1.]])
    """
    x = as_array(x)
    if x.ndim != 1:
        raise ValueError(f"vander: takes a vector, got {x.ndim} dimensions")
    n = x.shape[0] if N is None else N
    one = np.ones_like(x)[:, None]
    powers = np.cumprod(concatenate([one, *([x[:, None]] * (n - 1))], 1), axis=1) if n else one[:, :0]
    return powers if increasing else flip(powers, axis=1)


# --- roots: p(r) = 0 stays true, so dr = -dp(r) / p'(r)


def _eigenvalues(x: Array, ends: tuple[int, int]) -> Array:
    """The eigenvalues of the companion matrix; as many zeros more as there are at the end."""
    before, after = ends
    inner = x[before : x.shape[0] - after]
    n = inner.shape[0] - 1
    if n < 1:
        return np.zeros_like(x, shape=(after,))
    first = -inner[1:] / inner[:1]
    found = np.linalg.eigvals(np.concatenate([first[None], np.eye(n - 1, n, dtype=x.dtype, like=x)]))
    return np.concatenate([found, np.zeros_like(found, shape=(after,))])


def _over_slope(t: Array, roots: Array, x: Array) -> Array:
    """t over the slope of the polynomial x at its roots, and 0 where several coincide, which have none."""
    slope = polyval(polyder(x), roots)
    return np.where(slope == 0, 0.0, t / np.where(slope == 0, 1.0, slope))


_roots = op(
    _eigenvalues,
    vjps=[lambda g, ans, x, ends: -_over_slope(g, ans, x) @ vander(ans, x.shape[0])],
    jvp=lambda tangents, ans, x, ends: -_over_slope(polyval(tangents[0], ans), ans, x),
    complex=True,
    name="roots",
    latex=r"\operatorname{{roots}}({x})",
)


@spells(np.roots)
def roots(p: Any) -> Any:
    """The roots of a polynomial, complex where they are: `np.roots`. Differentiable where they are simple.

    A leading coefficient of 0 stands for a root at infinity, which is left out.

    Example:
        >>> roots(np.array([1.0, -3.0, 2.0])).real
        array([2., 1.])
    """
    p = reshape(as_array(p), -1) * 1.0 if np.ndim(p) < 1 else as_array(p) * 1.0
    if p.ndim != 1:
        raise ValueError(f"roots: takes a vector of coefficients, got shape {p.shape}")
    there = bare(p) != 0
    return _roots(p, ends=(int(np.argmax(there)), int(np.argmax(there[::-1]))) if there.any() else (p.size, 0))


@spells(np.polyfit)
def polyfit(
    x: Any, y: Any, deg: int, rcond: float | None = None, full: bool = False, w: Any = None, cov: bool | str = False
) -> Any:
    """The polynomial of degree `deg` nearest to points, by least squares: `np.polyfit`, differentiable in all arrays.

    With `full` or `cov` also what NumPy returns beside it: residuals, rank, singular values and rcond, or the
    covariances of the coefficients.

    Example:
        >>> polyfit(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]), 1).round(6)
        array([2., 1.])
    """
    x, y, deg = as_array(x) * 1.0, as_array(y) * 1.0, int(deg)
    if deg < 0 or x.ndim != 1 or not x.size or y.ndim not in (1, 2) or y.shape[0] != x.size:
        raise TypeError(
            f"polyfit: takes as many values as places, of degree 0 or more; got x of shape {x.shape}, y of shape "
            f"{y.shape}, deg={deg}"
        )
    left, right = vander(x, deg + 1), y
    if w is not None:
        w = as_array(w)
        if w.shape != x.shape:
            raise TypeError(f"polyfit: takes a weight for each of {x.size} points, got w of shape {w.shape}")
        left, right = left * w[:, None], right * (w if y.ndim == 1 else w[:, None])
    length = np.sqrt(np.sum(squared(left if full else bare(left)), axis=0))
    # of columns: the solution is the same for any, so exact ones are taken; the singular values are NumPy's
    scale = length if full else np.exp2(np.rint(np.log2(length)))
    rcond = len(x) * float(np.finfo(x.dtype).eps) if rcond is None else rcond
    found = lstsq(left / scale, right, rcond)
    if found.rank <= deg and not full:
        warnings.warn("polyfit: the points do not tell this many coefficients", RankWarning, stacklevel=2)
    p = (found.x.T / scale).T
    if full:
        return p, found.residuals, found.rank, found.s, rcond
    return (p, _covariances(left / scale, found.residuals, scale, cov == "unscaled", y.ndim)) if cov else p


def _covariances(left: Any, residuals: Any, scale: Any, known: bool, ndim: int) -> Any:
    """Those of the coefficients: (AᵀA)⁻¹, times the variance of the points unless it is known to be 1."""
    m, n = left.shape
    if m <= n and not known:
        raise ValueError(f"polyfit: {m} points tell no errors of {n} coefficients; give cov='unscaled'")
    found = inv(left.T @ left) / np.multiply.outer(scale, scale)
    found = found if ndim == 1 else found[..., None]
    return found if known else found * (residuals / (m - n))
