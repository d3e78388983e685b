"""Penalties of large weights, as in the course: added to the cost, they keep a network simple."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from tinygraph.nn.module import Module
from tinygraph.ops.penalty import sum_of_squares

__all__ = ["l1_penalty", "l2_penalty"]

Choice = Callable[[str, Any], bool]


def is_weight(name: str, parameter: Any) -> bool:
    """Whether a parameter is a weight, of two dimensions or more, and not the course's bias.

    That is named b, as b1 or b.0 of a list, and long in one axis alone: (n, 1), or (1, 1, 1, n) of a convolution.

    Example:
        >>> is_weight("W1", np.ones((3, 2))), is_weight("bias", np.ones(3)), is_weight("b1", np.ones((3, 1)))
        (True, False, False)
    """
    long = sum(n > 1 for n in np.shape(parameter))
    words = [word for word in name.split(".") if not word.isdigit()]
    return np.ndim(parameter) >= 2 and (long > 1 or not words or not words[-1].startswith("b"))


def _named(parameters: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(parameters, Module):
        yield from parameters.named_parameters()
    elif isinstance(parameters, dict):
        for name, part in parameters.items():
            yield from _named(part, str(name))
    elif isinstance(parameters, tuple) and len(parameters) == 2 and isinstance(parameters[0], str):
        yield from _named(parameters[1], parameters[0])
    elif isinstance(parameters, str):
        raise TypeError(f"penalties are of arrays, and {parameters!r} is a name: give the array, a dict or a Module")
    elif isinstance(parameters, Iterable) and not hasattr(parameters, "shape"):
        for part in parameters:
            yield from _named(part, prefix)
    else:
        yield prefix or getattr(parameters, "name", None) or "", parameters


def _chosen(kind: str, parameters: Any, m: int, of: Choice) -> list[Any]:
    if m < 1:
        raise ValueError(f"{kind}: m is the number of samples and at least 1, got {m}")
    named = list(_named(parameters))
    alone = of is is_weight and len(named) == 1 and named[0][1] is parameters  # an array by itself is what is meant
    found = [part for name, part in named if alone or of(name, part)]
    if not found:
        said = ", ".join(f"{name or '?'} {np.shape(part)}" for name, part in named[:5])
        raise ValueError(
            f"{kind}: there is no weight, of two dimensions or more, among the parameters ({said}); of= chooses them, "
            "as of=lambda name, p: name == 'w'"
        )
    return found


def l2_penalty(parameters: Any, lambd: float, m: int = 1, *, of: Choice = is_weight) -> Any:
    """lambda / (2m) sum(w^2), to be added to the cost; its gradient, lambda / m w, makes every step shrink the weights.

    W := W - alpha (dW + lambda/m W) = (1 - alpha lambda/m) W - alpha dW: weight decay (course 2, week 1).

    Args:
        parameters: a Module, its parameters(), a dict or list of Tensors or arrays, nested too, or one of them, of any
            dimension.
        lambd: the strength.
        m: the number of samples that the cost is a mean of; 1 where lambda is meant without it.
        of: a function of name and array that chooses; None of the biases by default.

    Raises:
        ValueError: no weights, or m below 1.

    Example:
        >>> p = {"W": np.array([[3.0, 4.0]]), "b": np.array([[5.0]])}
        >>> float(l2_penalty(p, 0.1, m=5))
        0.25
    """
    weights = _chosen("l2_penalty", parameters, m, of)
    return 0.5 * lambd / m * sum_of_squares(*weights)


def l1_penalty(parameters: Any, lambd: float, m: int = 1, *, of: Choice = is_weight) -> Any:
    """lambda / m sum(|w|), to be added to the cost; its gradient, lambda / m sign(w), makes many weights vanish.

    Arguments and errors are those of `l2_penalty` (course 2, week 1). The slope at 0 is taken as 0.

    Example:
        >>> p = {"W": np.array([[3.0, -4.0]]), "b": np.array([[5.0]])}
        >>> float(l1_penalty(p, 0.1, m=5).round(4))
        0.14
    """
    weights = _chosen("l1_penalty", parameters, m, of)
    return lambd / m * sum(np.sum(np.abs(w)) for w in weights)
