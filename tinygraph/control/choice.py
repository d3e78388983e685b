"""cond: one of two functions, chosen by the value of an array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygraph.control.steps import truth
from tinygraph.transforms.trace import check_callable


def cond(pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any) -> Any:
    """true_fun(*operands) if pred, else false_fun(*operands).

    Only the function that is chosen is run, and differentiated. Both return results of the same structure, shapes and
    dtypes where the choice shall be compiled.

    Args:
        pred: one boolean, or one number, which counts as true if it is not 0.
        true_fun, false_fun: functions of the operands.
        operands: anything; arrays and nested dicts, lists and tuples of them above all.

    Raises:
        TypeError: pred is not a single value.

    Source:
        `jax.lax.cond`.

    Example:
        >>> import tinygraph as tg
        >>> f = lambda x: cond(x > 1.0, lambda x: x * x, lambda x: x, x)
        >>> tg.grad(f)(3.0), tg.grad(f)(0.5)
        (array(6.), array(1.))
    """
    check_callable(true_fun, "cond")
    check_callable(false_fun, "cond")
    return true_fun(*operands) if truth(pred, "cond: pred") else false_fun(*operands)


__all__ = ["cond"]
