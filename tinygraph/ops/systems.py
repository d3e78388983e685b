"""Linear systems: inverses, solutions, least squares, determinants, powers and exponentials of matrices."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygraph.op import Array, Borrowed, bare, op, spells
from tinygraph.ops.complexes import squared
from tinygraph.ops.factor import svdvals
from tinygraph.ops.linalg import adjoint, from_papers, turned
from tinygraph.ops.shape import axis_in, reshape, sum_to, transpose
from tinygraph.ops.spectrum import symmetric

__all__ = [
    "det",
    "expm",
    "inv",
    "lstsq",
    "matrix_power",
    "pinv",
    "slogdet",
    "solve",
    "solve_triangular",
    "tensorinv",
    "tensorsolve",
]

# --- inverses


def _inv_vjp(g: Array, ans: Array, x: Array) -> Array:
    across = turned(ans)
    return -(across @ g @ across)


inv = op(np.linalg.inv, numpy=np.linalg.inv, vjps=[_inv_vjp], complex=True, symbol="x⁻¹", latex="{x}^{{-1}}")


def _pinv(x: Array, rcond: Any = None, hermitian: bool = False, rtol: Any = np._NoValue) -> Array:
    given = {} if rtol is np._NoValue else {"rtol": rtol}
    return np.linalg.pinv(x, hermitian=hermitian, **(given if rcond is None else {"rcond": rcond, **given}))


@from_papers
def _pinv_vjp(g: Array, ans: Array, x: Array, rcond: Any, hermitian: bool, rtol: Any) -> Array:
    """G. H. Golub and V. Pereyra (1973), where the rank stays what it is."""
    gt, across = adjoint(g), adjoint(ans)
    rows = (gt - x @ (ans @ gt)) @ ans @ across
    columns = across @ ans @ (gt - (gt @ ans) @ x)
    gx = rows + columns - across @ g @ across
    return symmetric(gx) if hermitian else gx


pinv = op(_pinv, numpy=np.linalg.pinv, vjps=[_pinv_vjp], complex=True, name="pinv", symbol="x⁺", latex="{x}^+")

op(np.linalg.matrix_rank, numpy=np.linalg.matrix_rank, kind="constant", name="matrix_rank")

# --- systems


def _columns(x: Array, vector: bool) -> Array:
    return x[..., None] if vector else x


def _solve_dy(g: Array, ans: Array, x: Array, y: Array) -> Array:
    vector = ans.ndim < x.ndim
    gy = np.linalg.solve(turned(x), _columns(g, vector))
    return sum_to(gy[..., 0] if vector else gy, shape=y.shape)


def _solve_dx(g: Array, ans: Array, x: Array, y: Array) -> Array:
    vector = ans.ndim < x.ndim
    gy = np.linalg.solve(turned(x), _columns(g, vector))
    return sum_to(-gy @ turned(_columns(ans, vector)), shape=x.shape)


solve = op(np.linalg.solve, numpy=np.linalg.solve, vjps=[_solve_dx, _solve_dy], complex=True, latex="{x}^{{-1}} {y}")

_substituted = Borrowed("scipy.linalg.solve_triangular")


def _solve_triangular(x: Array, y: Array, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False) -> Array:
    if trans in (2, "C") and np.iscomplexobj(x):
        raise TypeError("trans='C' has no rule for complex numbers: give np.conj(x) and trans='T'")
    return _substituted(x, y, trans, lower, unit_diagonal, check_finite=False)  # NaN flows through


def _opposite(y: Array, ans: Array, g: Array, x: Array, trans: Any, **how: Any) -> Array:
    """The gradient of the right hand side, as columns."""
    return solve_triangular(x, _columns(g, y.ndim == 1), trans=0 if trans in (1, 2, "T", "C") else 1, **how)


def _triangular_dx(g: Array, ans: Array, x: Array, y: Array, trans: Any, **how: Any) -> Array:
    gy, ans = _opposite(y, ans, g, x, trans, **how), _columns(ans, y.ndim == 1)
    gx = -(ans @ turned(gy)) if trans in (1, 2, "T", "C") else -(gy @ turned(ans))
    gx = sum_to(gx, shape=x.shape)
    aside = int(how["unit_diagonal"])
    return np.tril(gx, -aside) if how["lower"] else np.triu(gx, aside)


def _triangular_dy(g: Array, ans: Array, x: Array, y: Array, trans: Any, **how: Any) -> Array:
    gy = _opposite(y, ans, g, x, trans, **how)
    return sum_to(gy[..., 0] if y.ndim == 1 else gy, shape=y.shape)


solve_triangular = op(
    _solve_triangular,
    vjps=[_triangular_dx, _triangular_dy],
    complex=True,
    name="solve_triangular",
    latex="{x}^{{-1}} {y}",
    doc="""The solution z of x z = y for a triangular x, by substitution: SciPy's, with its arguments.

    SciPy's own function converts its arguments, so that it cannot be called with a Tensor; this one can.

    Example:
        >>> solve_triangular(np.array([[2.0, 0.0], [1.0, 4.0]]), np.array([2.0, 5.0]), lower=True)
        array([1., 1.])
    """,
)


class LstsqResult(NamedTuple):
    """What `lstsq` returns, in NumPy's order."""

    x: Any
    residuals: Any
    rank: int
    s: Any


def _lstsq(x: Array, y: Array, rcond: float) -> Array:
    return np.linalg.lstsq(x, y, rcond=rcond)[0]


def _inverse(g: Array, x: Array, rcond: float) -> Array:
    """In the precision of the solution."""
    return np.linalg.pinv(x if x.dtype == g.dtype else x.astype(g.dtype), rcond=rcond)


@from_papers
def _lstsq_dx(g: Array, ans: Array, x: Array, y: Array, rcond: float) -> Array:
    vector = y.ndim == 1
    g, ans, y = _columns(g, vector), _columns(ans, vector), _columns(y, vector)
    inverse = _inverse(g, x, rcond)
    across = adjoint(inverse)
    gy = across @ g
    return (y - x @ ans) @ adjoint(inverse @ gy) + across @ ans @ adjoint(g - adjoint(x) @ gy) - gy @ adjoint(ans)


@from_papers
def _lstsq_dy(g: Array, ans: Array, x: Array, y: Array, rcond: float) -> Array:
    return adjoint(_inverse(g, x, rcond)) @ g


_least_squares = op(_lstsq, vjps=[_lstsq_dx, _lstsq_dy], complex=True, name="lstsq", latex="{x}^+ {y}")


@spells(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: float | None = None) -> LstsqResult:
    """The least-squares solution of a x = b, of the least norm: `np.linalg.lstsq`, its rcond=None of NumPy 2.

    Differentiable where the rank of a stays what it is.

    Example:
        >>> lstsq(np.array([[1.0], [1.0]]), np.array([1.0, 3.0])).x.round(6)
        array([2.])
    """
    m, n = np.shape(a)
    s = svdvals(a)
    if rcond is None or rcond < 0:
        rcond = float(np.finfo(s.dtype).eps) * (max(m, n) if rcond is None else 1)
    x = _least_squares(a, b, rcond=rcond)
    rank = int((bare(s) > rcond * bare(s)[:1]).sum())
    residuals = s[:0]
    if rank == n < m:
        residuals = squared(b - a @ x).sum(axis=0)
        residuals = residuals if np.ndim(b) > 1 else residuals.reshape(1)
    return LstsqResult(x, residuals, rank, s)


@spells(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Sequence[int] | None = None) -> Any:
    """The x with tensordot(a, x, x.ndim) = b: `np.linalg.tensorsolve`.

    Example:
        >>> tensorsolve(np.eye(4).reshape(2, 2, 4), np.ones((2, 2)))
        array([1., 1., 1., 1.])
    """
    if axes is not None:
        last = [axis_in(k, np.ndim(a)) for k in axes]
        a = transpose(a, ([k for k in range(np.ndim(a)) if k not in last] + last))
    shape = np.shape(a)[np.ndim(b) :]
    if math.prod(shape) ** 2 != math.prod(np.shape(a)):
        raise np.linalg.LinAlgError(f"tensorsolve: an array of shape {np.shape(a)} is no square system for {shape}")
    square = reshape(a, (-1, math.prod(shape)) if math.prod(shape) else (0, 0))
    return reshape(solve(square, reshape(b, -1)), shape)


@spells(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Any:
    """The inverse of the map tensordot(a, x): `np.linalg.tensorinv`.

    Example:
        >>> tensorinv(2 * np.eye(4).reshape(4, 2, 2), ind=1).shape
        (2, 2, 4)
    """
    if ind <= 0:
        raise ValueError(f"tensorinv: ind={ind} is not positive")
    shape = np.shape(a)
    rows = math.prod(shape[:ind])
    return reshape(inv(reshape(a, (rows, math.prod(shape[ind:])))), (*shape[ind:], *shape[:ind]))


# --- determinants


def _cofactors(x: Array) -> Array:
    """The derivative of the determinant, minor by minor: for singular matrices, which have no inverse."""
    n = x.shape[-1]
    if n == 1:
        return np.ones_like(x)
    left_out = [[k for k in range(n) if k != j] for j in range(n)]
    rows = []
    for i in range(n):
        minors = np.linalg.det(np.moveaxis(x[..., left_out[i], :][..., left_out], -2, -3))
        rows.append(np.where((np.arange(n, like=bare(x)) + i) % 2 == 0, minors, -minors))
    return np.stack(rows, axis=-2)


def _det_vjp(g: Array, ans: Array, x: Array) -> Array:
    if np.all(ans != 0):
        return (g * ans)[..., None, None] * turned(np.linalg.inv(x))
    return g[..., None, None] * _cofactors(x)


det = op(np.linalg.det, numpy=np.linalg.det, vjps=[_det_vjp], complex=True, symbol="det", latex=r"\det {x}")


class SlogdetResult(NamedTuple):
    """What `slogdet` returns."""

    sign: Any
    logabsdet: Any


def _slogdet(x: Array) -> Array:
    sign, logabsdet = np.linalg.slogdet(x)
    return np.stack([sign, logabsdet], axis=-1)


def _slogdet_vjp(g: Array, ans: Array, x: Array) -> Array:
    slope = np.real(g[..., 1])
    if ans.dtype.kind == "c":  # the sign turns as the logarithm's imaginary part does
        slope = slope + np.imag(g[..., 0] * ans[..., 0]) * 1j
    return slope[..., None, None] * turned(np.linalg.inv(x))


_sign_and_log = op(
    _slogdet,
    vjps=[_slogdet_vjp],
    complex=True,
    name="slogdet",
    symbol="ln|det|",
    latex=r"\ln \left|\det {x}\right|",
)


@spells(np.linalg.slogdet)
def slogdet(a: Any) -> SlogdetResult:
    """The sign of the determinant, and the logarithm of its size, which does not overflow: `np.linalg.slogdet`.

    Example:
        >>> slogdet(np.array([[0.0, 1.0], [1.0, 0.0]])).sign.item()
        -1.0
    """
    found = _sign_and_log(a)
    return SlogdetResult(found[..., 0], np.real(found[..., 1]))


# --- powers and exponentials


@spells(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """The n-th power of square matrices, n any whole number: `np.linalg.matrix_power`.

    Example:
        >>> matrix_power(np.array([[1.0, 1.0], [0.0, 1.0]]), 5)
        array([[1., 5.],
               [0., 1.]])
    """
    n = operator.index(n)
    if np.ndim(a) < 2 or np.shape(a)[-1] != np.shape(a)[-2]:
        raise np.linalg.LinAlgError(f"matrix_power: matrices of shape {np.shape(a)} are not square")
    if n < 0:
        a, n = inv(a), -n
    if n == 0:  # recorded, so that its gradient is 0
        return np.where(np.ones_like(bare(a), dtype=bool), np.eye(np.shape(a)[-1], dtype=bare(a).dtype, like=a), a)
    power = None
    while n:
        if n % 2:
            power = a if power is None else power @ a
        n //= 2
        if n:
            a = a @ a
    return power


def _expm_vjp(g: Array, ans: Array, x: Array) -> Array:
    """The block above the diagonal of the exponential of [[xᵀ, g], [0, xᵀ]]: R. Mathias (1996)."""
    across, n = turned(x), x.shape[-1]
    above = np.concatenate([across, g], axis=-1)
    below = np.concatenate([np.zeros_like(g), across], axis=-1)
    return expm(np.concatenate([above, below], axis=-2))[..., :n, n:]


expm = op(
    Borrowed("scipy.linalg.expm"),
    vjps=[_expm_vjp],
    complex=True,
    symbol="eˣ",
    latex="e^{{{x}}}",
    doc="""The exponential of square matrices, Σ xᵏ / k!: SciPy's.

    SciPy's own function converts its argument, so that it cannot be called with a Tensor; this one can.

    Example:
        >>> expm(np.array([[0.0, 1.0], [0.0, 0.0]]))
        array([[1., 1.],
               [0., 1.]])
    """,
)
