"""Products of several arrays, matrices, tables and counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygraph.batch.level import Level
from tinygraph.batch.rules import RULES, OtherWay, Rule, all_examples, named, rule
from tinygraph.batch.ufuncs import aligned, innermost, is_at, ready, wrapped
from tinygraph.op import whole
from tinygraph.ops.linalg import LETTERS


@rule(np.einsum)
def _einsum(level: Level, subscripts: Any, *arrays: Any, **kwargs: Any) -> Any:
    """One letter more, for the batch, in each operand that has one and in the output."""
    if not isinstance(subscripts, str) or "->" not in subscripts or "." in subscripts:
        raise OtherWay
    operands, output = subscripts.replace(" ", "").split("->")
    batch = next(c for c in LETTERS if c not in subscripts)
    terms = [batch + t if is_at(a, level) else t for t, a in zip(operands.split(","), arrays, strict=True)]
    values = [a.value if is_at(a, level) else a for a in arrays]
    return level.of(np.einsum(",".join(terms) + "->" + batch + output, *values, **kwargs))


def _of_matrices(function: Callable[..., Any]) -> Rule:
    """A function of a stack of matrices takes one that is higher."""

    def run(level: Level, x: Any, *args: Any, **kwargs: Any) -> Any:
        value = all_examples(level, x, args, kwargs)
        if x.ndim < 2:
            raise np.linalg.LinAlgError(f"{x.ndim}-dimensional array given, it must be at least two-dimensional")
        return wrapped(level, function(value, *args, **kwargs))

    return run


for _f in named("inv det slogdet cholesky eig eigh eigvals eigvalsh svd svdvals qr matrix_power pinv cond", np.linalg):
    RULES[_f] = _of_matrices(_f)


@rule(np.linalg.solve)
def _solve(level: Level, a: Any, b: Any) -> Any:
    if np.ndim(b) == 1:  # in a stack, NumPy would take it for a matrix
        return np.linalg.solve(a, np.expand_dims(b, 1))[..., 0]
    ndim = max(np.ndim(a), np.ndim(b))

    def whole_of(m: Any) -> Any:  # NumPy 1 takes for vectors what has one axis less
        return aligned(m, level, ndim) if is_at(m, level) else m[(None,) * (ndim + 1 - np.ndim(m))]

    return level.of(np.linalg.solve(whole_of(a), whole_of(b)))


@rule(np.bincount)
def _bincount(level: Level, x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """The numbers of each example, moved apart."""
    if np.ndim(x) != 1:
        raise OtherWay
    places, batch = ready(x, level), level.size
    length = max(int(np.max(whole(places), initial=-1)) + 1, minlength)
    if is_at(x, level) and length > minlength:  # how long a result is would depend on the other examples
        raise OtherWay
    apart = (places + np.arange(batch)[:, None] * length).reshape(-1)
    heavy = None if weights is None else ready(weights, level).reshape(-1)
    if innermost(apart, heavy) is not None:
        raise OtherWay
    return level.of(np.bincount(apart, heavy, batch * length).reshape(batch, length))


@rule(np.searchsorted)
def _searchsorted(level: Level, a: Any, v: Any, side: Any = "left", sorter: Any = None) -> Any:
    return level.of(np.searchsorted(a, all_examples(level, v, a, sorter), side, sorter))


@rule(np.interp)
def _interp(level: Level, x: Any, *table: Any, **kwargs: Any) -> Any:
    return level.of(np.interp(all_examples(level, x, table, kwargs), *table, **kwargs))
