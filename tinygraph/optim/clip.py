"""Clipping of gradients: by value and by their common norm, as rules of a chain and as functions on parameters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from tinygraph.mode import tracer
from tinygraph.op import Array, bare
from tinygraph.optim.parameters import named
from tinygraph.optim.rule import Rule, State, nonnegative, stateless
from tinygraph.tensor import Tensor

Params = Tensor | Iterable[Tensor] | Mapping[str, Tensor]
_TINY = 1e-6  # PyTorch's: a norm of zero divides too


def clip(value: float) -> Rule:
    """Clip each number of the gradients to [-value, value].

    Example:
        >>> import numpy as np
        >>> clip(1.0).update(np.array([0.5, -20.0]), {}, np.zeros(2))[0]
        array([ 0.5, -1. ])
    """
    nonnegative("clip", value=value)
    return stateless(lambda g, p: np.clip(g, -value, value))


def clip_by_global_norm(max_norm: float) -> Rule:
    """Scale all gradients by one number, so that their common norm is at most max_norm.

    Source: Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks (2013), algorithm 1.

    Example:
        >>> import numpy as np
        >>> rule = clip_by_global_norm(1.0)
        >>> p = [np.zeros(1), np.zeros(1)]
        >>> [g.round(3) for g in rule.update([np.array([3.0]), np.array([4.0])], rule.init(p), p)[0]]
        [array([0.6]), array([0.8])]
    """
    nonnegative("clip_by_global_norm", max_norm=max_norm)

    def apply(gs: Sequence[Array], states: Sequence[State], ps: Sequence[Array]) -> list[Array]:
        squares = [(g * g).sum() for g in gs]
        factor = np.minimum(1.0, max_norm / (sum(squares) ** 0.5 + _TINY)) if squares else 1.0
        return [_scaled(g, factor) for g in gs]

    return Rule(lambda p: {}, apply, joint=True, reads_params=False)


def clip_grad_norm_(params: Params, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False) -> float:
    """Scale the gradients of the parameters in place, so that their common norm is at most max_norm.

    Args:
        params: Tensors, or a dict of them; one without a gradient is passed over.
        norm_type: the p of the norm; infinity for the largest absolute value.

    Returns:
        the norm before.

    Raises:
        RuntimeError: the norm is NaN or infinite, and error_if_nonfinite is set; without it the gradients become NaN.

    Example:
        >>> w = Tensor([3.0, 4.0])
        >>> (w * w).sum().backward()
        >>> clip_grad_norm_([w], 1.0), w.grad.round(3)
        (10.0, array([0.6, 0.8]))
    """
    params = [p for _, p in named(params)]
    grads = _gradients(params)
    recorder = tracer()
    if recorder is not None and grads:
        found = _clipped_by_program(grads, max_norm, norm_type, recorder)
        if found is not None:
            return found  # type: ignore[no-any-return]
        grads = _gradients(params)
    norm = _norm(np.array([_norm(g, norm_type) for g in grads]), norm_type)
    if error_if_nonfinite and not math.isfinite(norm):
        raise RuntimeError(f"clip_grad_norm_: the gradients' norm is {norm}, so that they cannot be scaled")
    factor = max_norm / (norm + _TINY)
    if not factor >= 1.0:  # NaN too
        for g in grads:
            g *= factor
    return norm


def clip_grad_value_(params: Params, clip_value: float) -> None:
    """Clip each number of the parameters' gradients to [-clip_value, clip_value], in place.

    Example:
        >>> w = Tensor([3.0, -0.1])
        >>> (w * w).sum().backward()
        >>> clip_grad_value_([w], 1.0)
        >>> w.grad
        array([ 1. , -0.2])
    """
    for g in _gradients(p for _, p in named(params)):
        g[...] = np.clip(g, -clip_value, clip_value)


def _clipped_by_program(grads: list[Array], max_norm: float, norm_type: float, recorder: Any) -> Any:
    """The same without a branch, for x * 1.0 is x, and the norm as a variable; None where it overflows."""
    norms = [np.linalg.norm(g.ravel(), norm_type).astype(np.float64) if g.size else np.float64(0.0) for g in grads]
    if not np.isfinite(reduce(add, norms)):
        recorder.notice("overflows as its norm is taken", "a gradient")
        return None
    norm = np.linalg.norm(np.stack(norms), norm_type)
    factor = np.minimum(1.0, max_norm / (norm + _TINY))
    for g in grads:
        g *= factor.astype(g.dtype)
    return norm


def _scaled(g: Array, factor: Array) -> Array:
    scaled = g * factor
    return scaled if scaled.dtype == g.dtype else scaled.astype(g.dtype)


def _gradients(params: Iterable[Tensor]) -> list[Array]:
    return [bare(p.grad) for p in params if p.grad is not None]


def _norm(g: Array, norm_type: float) -> float:
    """The norm of all numbers in an array; in double precision where single precision overflows."""
    flat = g.ravel()
    if not flat.size:
        return 0.0
    with np.errstate(over="ignore"):
        norm = float(np.linalg.norm(flat, norm_type))
    return norm if math.isfinite(norm) else float(np.linalg.norm(flat.astype(np.float64), norm_type))
