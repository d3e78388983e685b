"""Inputs for linear algebra: matrices far from singular ones, of distinct eigenvalues, and vectors of a fixed sign."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from laws.cases import Case, array, distinct, shape

FLOATS = (np.float32, np.float64)  # LAPACK knows no half precision


def matrices(*arrays: np.ndarray, call: Callable[..., Any] | None = None, **kwargs: Any) -> Case:
    case = Case(list(arrays), kwargs, dtypes=FLOATS)
    if call is not None:
        case.call = call
    return case


def square(r: Random, n: int, lead: tuple[int, ...] = ()) -> np.ndarray:
    """Far from singular."""
    return array(r, (*lead, n, n), -1.0, 1.0) + 3.0 * np.eye(n)


def oblong(r: Random, m: int, n: int, lead: tuple[int, ...] = ()) -> np.ndarray:
    """Of full rank, its singular values and the diagonal of its triangular factor far apart and from 0."""
    return array(r, (*lead, m, n), -0.5, 0.5) + np.eye(m, n) * np.arange(2.0, 2.0 + 3 * n, 3.0)


def some_square(r: Random) -> Case:
    return matrices(square(r, r.randint(1, 3), shape(r, 0, 1, 2)))


# --- what is not unique, made so: of each vector's two signs, or its phases, the one that makes a sum positive


def sign(columns: Any) -> Any:
    total = np.sum(columns, axis=-2, keepdims=True) + 0.5 * columns[..., :1, :]
    return np.conj(total) / np.abs(total) if np.iscomplexobj(columns) else np.sign(total)


def across(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


def signed_eigen(w: Any, v: Any) -> list[Any]:
    return [w, v * sign(v)]


def signed_qr(q: Any, r: Any) -> list[Any]:
    signs = sign(q)
    return [q * signs, r * across(np.conj(signs))]


def signed_svd(u: Any, s: Any, vh: Any) -> list[Any]:
    k = s.shape[-1]
    signs, beyond = sign(u), sign(across(vh))
    v = across(vh)
    rows = [v[..., :k] * np.conj(signs[..., :k]), v[..., k:] * beyond[..., k:]]
    return [u * signs, s, *(across(x) for x in rows if x.shape[-1])]


def symmetric(function: Callable[..., Any], x: Any, **kwargs: Any) -> Any:
    """A function that reads one triangle, of the symmetric, or Hermitian, part: so both count."""
    return function(0.5 * (x + across(x).conj()), **kwargs)


def eigen_shapes(x: Any, **_: Any) -> list[tuple[int, ...]]:
    n = x.shape[-1]
    return [(n,), (n, n)]


def qr_shapes(x: Any, mode: str = "reduced") -> list[tuple[int, ...]]:
    (m, n), k = x.shape[-2:], min(x.shape[-2:])
    inner = m if mode == "complete" else k
    return [(m, inner), (inner, n)]


def svd_shapes(x: Any, full_matrices: bool = True, **_: Any) -> list[tuple[int, ...]]:
    (m, n), k = x.shape[-2:], min(x.shape[-2:])
    return [(m, m if full_matrices else k), (k,), (n if full_matrices else k, n)]


def of_parts(function: Callable[..., Any], shapes: Callable[..., Any], x: Any, **kwargs: Any) -> list[Any]:
    """What a function returns in parts, or in one row that holds them all."""
    out = function(x, **kwargs)
    if isinstance(out, tuple):
        return list(out)
    parts, start = [], 0
    for of in shapes(x, **kwargs):
        end = start + math.prod(of)
        parts.append(out[..., start:end].reshape((*x.shape[:-2], *of)))
        start = end
    return parts


def eigh_call(function: Any, x: Any, **kwargs: Any) -> Any:
    return signed_eigen(*symmetric(lambda x, **how: of_parts(function, eigen_shapes, x, **how), x, **kwargs))


def as_real(y: Any, x: Any) -> Any:
    """Eigenvalues and vectors of a real matrix that are real, too: from NumPy 2.5 on they are complex numbers."""
    return y.real if y.dtype.kind == "c" and x.dtype.kind != "c" else y


def eig_call(function: Any, x: Any) -> Any:
    return signed_eigen(*(as_real(y, x) for y in of_parts(function, eigen_shapes, x)))


def eigvals_call(function: Any, x: Any) -> Any:
    return as_real(function(x), x)


def qr_call(function: Any, x: Any, mode: str) -> Any:
    if mode == "r":
        r = function(x, mode=mode)
        return r * across(sign(across(r)))
    return signed_qr(*of_parts(function, qr_shapes, x, mode=mode))


def svd_call(function: Any, x: Any, **kwargs: Any) -> Any:
    if kwargs.get("compute_uv") is False:
        return function(x, **kwargs)
    return signed_svd(*of_parts(function, svd_shapes, x, **kwargs))


# --- recipes


def solve_case(r: Random) -> Case:
    n, k = r.randint(1, 3), r.randint(1, 2)
    lead = shape(r, 0, 1, 2)
    left = r.choice([lead, tuple(r.choice([1, m]) for m in lead), ()])
    rights = [(*lead, n, k)]
    if not left or np.lib.NumpyVersion(np.__version__) >= "2.0.0":  # before, a stack was solved for stacks alone
        rights += [(n,), (n, k)]
    return matrices(square(r, n, left), array(r, r.choice(rights)))


def triangular_case(r: Random) -> Case:
    n = r.randint(1, 3)
    how = {"trans": r.choice([0, 1, "N", "T"]), "lower": bool(r.randint(0, 1)), "unit_diagonal": bool(r.randint(0, 1))}
    return matrices(square(r, n), array(r, r.choice([(n,), (n, 2)])), **how)


def rectangle(r: Random) -> np.ndarray:
    return oblong(r, *r.choice([(1, 1), (2, 2), (3, 2), (2, 3)]))


def pinv_case(r: Random) -> Case:
    return matrices(rectangle(r), rcond=1e-10, hermitian=False)


def lstsq_case(r: Random) -> Case:
    a = rectangle(r)
    return matrices(a, array(r, r.choice([(len(a),), (len(a), 2)])), rcond=1e-10)


def lstsq_call(function: Any, a: Any, b: Any, rcond: float) -> Any:
    x, residuals, rank, s = function(a, b, rcond)
    assert rank == min(a.shape)
    return [x, residuals, s]


def whole_lstsq_case(r: Random) -> Case:
    case = lstsq_case(r)
    case.call = lstsq_call
    return case


def definite(r: Random) -> Case:
    n = r.randint(1, 3)
    return matrices(square(r, n, shape(r, 0, 1, 2)), call=symmetric)


def upper_or_lower(r: Random) -> Case:
    case = definite(r)
    if "upper" in getattr(np.linalg.cholesky, "__wrapped__", np.linalg.cholesky).__code__.co_varnames:
        case.kwargs["upper"] = bool(r.randint(0, 1))
    return case


def spread_out(r: Random) -> np.ndarray:
    n = r.randint(1, 3)
    return array(r, (*shape(r, 0, 1, 2), n, n), -0.5, 0.5) + np.diag(np.arange(1.0, 3 * n, 3.0))


def eigh_case(r: Random) -> Case:
    return matrices(spread_out(r), call=eigh_call, UPLO=r.choice("LU"))


def eig_case(r: Random) -> Case:
    return matrices(spread_out(r), call=eig_call)


def values_case(r: Random) -> Case:
    return matrices(spread_out(r))


def eigvals_case(r: Random) -> Case:
    return matrices(spread_out(r), call=eigvals_call)


def symmetric_values_case(r: Random) -> Case:
    return matrices(spread_out(r), call=symmetric, UPLO=r.choice("LU"))


def qr_of(*modes: str) -> Callable[[Random], Case]:
    def recipe(r: Random) -> Case:
        return matrices(oblong(r, *r.choice([(1, 1), (2, 2), (3, 2), (2, 3)])), call=qr_call, mode=r.choice(modes))

    return recipe


def svd_case(r: Random) -> Case:
    return matrices(rectangle(r), call=svd_call, full_matrices=bool(r.randint(0, 1)), hermitian=False)


def whole_svd_case(r: Random) -> Case:
    case = svd_case(r)
    case.kwargs["compute_uv"] = bool(r.randint(0, 2))
    return case


def away_from_zero(r: Random, of: tuple[int, ...]) -> np.ndarray:
    return (distinct(r, of) + 1.125) * np.array([r.choice([-1.0, 1.0]) for _ in range(math.prod(of))]).reshape(of)


def p_norm_case(r: Random) -> Case:
    x = away_from_zero(r, (2, r.randint(1, 3)))
    how = {"p": r.choice([1.0, 2.0, 3.0, 1.5, 0.5, -1.0]), "axis": r.choice([None, 0, -1, (0, 1)])}
    return matrices(x, keepdims=bool(r.randint(0, 1)), **how)


def norm_case(r: Random) -> Case:
    how: dict[str, Any] = r.choice(
        [
            {"ord": r.choice([None, 1, 2, 3, 2.5, 0.5, -1, -2, math.inf, -math.inf, 0]), "axis": r.choice([0, 1, -1])},
            {
                "ord": r.choice([None, "fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf]),
                "axis": r.choice([(0, 1), (1, 0)]),
            },
            {"ord": r.choice([None, "fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf])},
        ]
    )
    x = oblong(r, *r.choice([(2, 2), (3, 2), (2, 3)])) + r.choice([-1, 1]) * 0.625
    return matrices(x, keepdims=bool(r.randint(0, 1)), **how)


def vector_norm_case(r: Random) -> Case:
    how = {"ord": r.choice([1, 2, 3, math.inf]), "axis": r.choice([None, 0, (0, 1)]), "keepdims": bool(r.randint(0, 1))}
    return matrices(away_from_zero(r, (2, 3)), **how)


def matrix_norm_case(r: Random) -> Case:
    how = {"ord": r.choice(["fro", "nuc", 1, 2, -2, math.inf]), "keepdims": bool(r.randint(0, 1))}
    return matrices(oblong(r, 3, 2, shape(r, 0, 1, 2)) + 0.625, **how)


def cond_case(r: Random) -> Case:
    return matrices(spread_out(r), p=r.choice([None, 2, -2, 1, math.inf, "fro"]))


def pairs(*shapes: tuple[tuple[int, ...], tuple[int, ...]], **choices: Any) -> Callable[[Random], Case]:
    def recipe(r: Random) -> Case:
        x, y = r.choice(shapes)
        return Case([array(r, x), array(r, y)], {k: r.choice(v) for k, v in choices.items()})

    return recipe


def cross_case(r: Random) -> Case:
    x, y, how = r.choice(
        [
            ((3,), (3,), {}),
            ((2, 3), (3,), {}),
            ((3, 2), (3, 2), {"axis": 0}),
            ((2, 3), (3, 1), {"axisb": 0, "axisc": 0}),
            ((2, 3), (2, 3), {"axisa": 1, "axisb": -1}),
        ]
    )
    return Case([array(r, x), array(r, y)], how)


def listed(function: Callable[..., Any], *arrays: Any) -> Any:
    return function(list(arrays))


def multi_dot_case(r: Random) -> Case:
    of = r.choice([[(2, 3), (3, 1)], [(2,), (2, 3), (3, 2)], [(1, 2), (2, 3), (3, 2), (2,)], [(3,), (3, 3), (3,)]])
    return Case([array(r, s) for s in of], call=listed)


def power_case(r: Random) -> Case:
    n = r.randint(-3, 5)
    return matrices(square(r, r.randint(1, 3)), call=lambda f, x: f(x / 4.0, n))


def tensorsolve_case(r: Random) -> Case:
    a = square(r, 4)
    if r.randint(0, 1):
        return matrices(a.reshape(4, 2, 2), array(r, (4,)))
    return matrices(a.reshape(2, 2, 2, 2).transpose(0, 2, 1, 3).copy(), array(r, (2, 2)), axes=(1, 3))


def tensorinv_case(r: Random) -> Case:
    a, ind = square(r, 4), r.randint(1, 2)
    return matrices(a.reshape((4, 2, 2) if ind == 1 else (2, 2, 4)), ind=ind)


def slogdet_call(function: Any, x: Any) -> Any:
    return list(function(x))


def on_last_two(r: Random) -> Case:
    return Case([array(r, (*shape(r, 0, 1), r.randint(1, 3), r.randint(1, 3)))], {"offset": r.randint(-1, 1)})


RECIPES = {
    "cholesky": definite,
    "det": some_square,
    "eig": eig_case,
    "eigh": eigh_case,
    "eigvalsh": symmetric_values_case,
    "expm": lambda r: matrices(array(r, (*shape(r, 0, 1, 2), 2, 2), -1.0, 1.0)),
    "inv": some_square,
    "lstsq": lstsq_case,
    "p_norm": p_norm_case,
    "pinv": pinv_case,
    "qr": qr_of("reduced", "complete"),
    "slogdet": some_square,
    "solve": solve_case,
    "solve_triangular": triangular_case,
    "svd": svd_case,
    "svdvals": lambda r: matrices(rectangle(r)),
}

COMPOSITIONS = {
    "_diagonal": on_last_two,
    "_trace": on_last_two,
    "cholesky": upper_or_lower,
    "condition_number": cond_case,
    "cross": cross_case,
    "eig": eig_case,
    "eigh": eigh_case,
    "eigvals": eigvals_case,
    "kron": pairs(((), (2,)), ((2,), (3,)), ((2, 1), (2,)), ((2, 2), (1, 3)), ((1, 2, 2), (2, 1))),
    "lstsq": whole_lstsq_case,
    "matrix_norm": matrix_norm_case,
    "matrix_power": power_case,
    "matrix_transpose": lambda r: Case([array(r, (*shape(r, 0, 1), 2, 3))]),
    "matvec": pairs(((2, 3), (3,)), ((2, 2, 3), (3,)), ((2, 3), (2, 3)), ((2, 1, 1, 3), (2, 3))),
    "multi_dot": multi_dot_case,
    "norm": norm_case,
    "qr": qr_of("reduced", "complete", "r"),
    "slogdet": lambda r: matrices(square(r, r.randint(1, 3), shape(r, 0, 1, 2)), call=slogdet_call),
    "svd": whole_svd_case,
    "tensorinv": tensorinv_case,
    "tensorsolve": tensorsolve_case,
    "vdot": pairs(((), ()), ((3,), (3,)), ((2, 3), (3, 2))),
    "vecdot": pairs(((3,), (3,)), ((2, 3), (3,)), ((1, 3), (2, 1, 3)), axis=[-1]),
    "vecmat": pairs(((2,), (2, 3)), ((2,), (3, 2, 1)), ((3, 2), (2, 2)), ((2, 1, 2), (3, 2, 2))),
    "vector_norm": vector_norm_case,
}

# --- what each computes


def row(*parts: np.ndarray, lead: int) -> np.ndarray:
    return np.concatenate([p.reshape(*p.shape[:lead], -1) for p in parts], axis=-1)


def of_numpy(name: str) -> Callable[..., np.ndarray]:
    return lambda x, **how: row(*getattr(np.linalg, name)(x, **how), lead=x.ndim - 2)


def vector_norm(x: np.ndarray, p: float, axis: Any, keepdims: bool) -> np.ndarray:
    return (np.abs(x) ** p).sum(axis=axis, keepdims=keepdims) ** (1.0 / p)


def any_vector_norm(x: np.ndarray, ord: float, axis: Any, keepdims: bool) -> np.ndarray:  # noqa: A002
    if ord == math.inf:
        return np.abs(x).max(axis=axis, keepdims=keepdims)
    return vector_norm(x, ord, axis, keepdims)


def triangular(x: np.ndarray, y: np.ndarray, trans: Any, lower: bool, unit_diagonal: bool) -> np.ndarray:
    x = (np.tril if lower else np.triu)(x)
    if unit_diagonal:
        x = x - np.diag(np.diag(x)) + np.eye(len(x))
    return np.linalg.solve(x.T if trans in (1, "T") else x, y)


REFERENCES = {
    "cholesky": np.linalg.cholesky,
    "det": np.linalg.det,
    "eig": of_numpy("eig"),
    "eigh": of_numpy("eigh"),
    "eigvalsh": np.linalg.eigvalsh,
    "expm": lambda x: sum(np.linalg.matrix_power(x, k) / math.factorial(k) for k in range(40)),
    "inv": np.linalg.inv,
    "lstsq": lambda a, b, rcond: np.linalg.lstsq(a, b, rcond)[0],
    "p_norm": vector_norm,
    "pinv": np.linalg.pinv,
    "qr": of_numpy("qr"),
    "slogdet": lambda x: np.stack(np.linalg.slogdet(x), axis=-1),
    "solve": np.linalg.solve,
    "solve_triangular": triangular,
    "svd": of_numpy("svd"),
    "svdvals": lambda x: np.linalg.svd(x, compute_uv=False),
}

# of compositions that stand for functions that not every NumPy has
DEFINITIONS = {
    "_diagonal": lambda x, offset: np.diagonal(x, offset, -2, -1),
    "_trace": lambda x, offset: np.trace(x, offset, -2, -1),
    "matrix_norm": lambda x, ord, keepdims: np.linalg.norm(x, ord, (-2, -1), keepdims),  # noqa: A006
    "matrix_transpose": lambda x: np.swapaxes(x, -1, -2),
    "matvec": lambda x, y: np.einsum("...ij,...j->...i", x, y),
    "vecdot": lambda x, y, axis: (np.conj(x) * y).sum(axis),
    "vecmat": lambda x, y: np.einsum("...i,...ij->...j", np.conj(x), y),
    "vector_norm": any_vector_norm,
}
