"""Functions whose derivatives their author gives: `custom_vjp` and `custom_jvp`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from operator import index
from types import FunctionType
from typing import Any

import numpy as np

from tinygraph.op import bare
from tinygraph.transforms.replay import is_recorded, records
from tinygraph.transforms.rules import Call, ForwardRule, ReverseRule, name_of
from tinygraph.transforms.trace import check_callable
from tinygraph.tree import flatten


class custom_vjp:  # noqa: N801  JAX's name
    """A function with a reverse rule of one's own: a decorator.

    `f.defvjp(fwd, bwd)` gives the rule. fwd(*args) returns (f(*args), residuals), bwd(residuals, g) the tuple of the
    gradients of <f, g>, one for each argument, None for zeros. Written in NumPy's functions, both are differentiated
    for higher orders. Forward mode takes the transpose of bwd, which must then be linear in g.

    Args:
        f: a function of arrays and trees of them. It may close over no Tensor that requires a gradient.
        nondiff_argnums: arguments that are no arrays, as functions: bwd is given them before the residuals.

    Raises:
        AttributeError: it is differentiated before it has a rule.
        TypeError: f closes over a Tensor; bwd does not return a gradient for each argument.
        ValueError: a gradient of another shape than its argument.

    Source:
        `jax.custom_vjp`.

    Example:
        >>> import tinygraph as tg
        >>> @tg.custom_vjp
        ... def clipped_below(x):  # its gradient is no larger than 1
        ...     return x * x
        >>> clipped_below.defvjp(lambda x: (x * x, x), lambda x, g: (np.clip(2.0 * x * g, -1.0, 1.0),))
        >>> tg.grad(clipped_below)(3.0)
        array(1.)
    """

    def __init__(self, f: Callable[..., Any], nondiff_argnums: int | Sequence[int] = ()) -> None:
        check_callable(f, "custom_vjp")
        self.f = f
        self.nondiff_argnums = _numbers(nondiff_argnums)
        self.fwd: Callable[..., Any] | None = None
        self.bwd: Callable[..., Any] | None = None
        update_wrapper(self, f)

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Give the rule: fwd(*args) -> (result, residuals), bwd(*nondiff, residuals, g) -> gradients."""
        check_callable(fwd, "defvjp: fwd")
        check_callable(bwd, "defvjp: bwd")
        self.fwd, self.bwd = fwd, bwd

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args = _positional(self.f, args, kwargs)
        if not _differentiates(args):
            return self.f(*args)
        if self.fwd is None or self.bwd is None:
            raise AttributeError(f"custom_vjp: {name_of(self.f)} has no rule yet; give it one by .defvjp(fwd, bwd)")
        return ReverseRule(self.fwd, self.bwd, Call(self.f, args, self.nondiff_argnums)).recorded()


class custom_jvp:  # noqa: N801  JAX's name
    """A function with a forward rule of one's own: a decorator.

    `f.defjvp(jvp)` gives the rule: jvp(primals, tangents) returns (f(*primals), its derivative along the tangents).
    It must be linear in the tangents; reverse mode is its transpose. Written in NumPy's functions, it is
    differentiated for higher orders. `f.defjvps(...)` takes a rule for each argument by itself.

    Args:
        f: a function of arrays and trees of them. It may close over no Tensor that requires a gradient.
        nondiff_argnums: arguments that are no arrays, as functions: jvp is given them before the primals.

    Raises:
        AttributeError: it is differentiated before it has a rule.
        TypeError: f closes over a Tensor; jvp does not return a pair.
        ValueError: a tangent of another shape than its output.

    Source:
        `jax.custom_jvp`.

    Example:
        >>> import tinygraph as tg
        >>> @tg.custom_jvp
        ... def log1pexp(x):
        ...     return np.log1p(np.exp(x))
        >>> @log1pexp.defjvp
        ... def rule(primals, tangents):
        ...     (x,), (t,) = primals, tangents
        ...     return log1pexp(x), (1.0 - 1.0 / (1.0 + np.exp(x))) * t  # is 1, not NaN, where exp(x) overflows
        >>> with np.errstate(over="ignore"):
        ...     tg.grad(log1pexp)(1000.0)
        array(1.)
    """

    def __init__(self, f: Callable[..., Any], nondiff_argnums: int | Sequence[int] = ()) -> None:
        check_callable(f, "custom_jvp")
        self.f = f
        self.nondiff_argnums = _numbers(nondiff_argnums)
        self.jvp: Callable[..., Any] | None = None
        update_wrapper(self, f)

    def defjvp(self, jvp: Callable[..., Any]) -> Callable[..., Any]:
        """Give the rule: jvp(*nondiff, primals, tangents) -> (result, tangent). Also a decorator."""
        check_callable(jvp, "defjvp")
        self.jvp = jvp
        return jvp

    def defjvps(self, *rules: Callable[..., Any] | None) -> None:
        """Give a rule for each argument, rule(t, ans, *primals), None where it has no derivative; they are added.

        Example:
            >>> import tinygraph as tg
            >>> product = tg.custom_jvp(lambda x, y: x * y)
            >>> product.defjvps(lambda t, ans, x, y: t * y, lambda t, ans, x, y: x * t)
            >>> tg.grad(product, (0, 1))(2.0, 3.0)
            (array(3.), array(2.))
        """
        if self.nondiff_argnums:
            raise TypeError("custom_jvp: defjvps knows no nondiff_argnums; use defjvp")

        def jvp(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
            if len(rules) != len(primals):
                raise TypeError(f"custom_jvp: {name_of(self.f)} has {len(rules)} rules for {len(primals)} arguments")
            ans = self(*primals)
            pairs = zip(rules, tangents, strict=True)
            parts = [rule(t, ans, *primals) for rule, t in pairs if rule is not None]
            return ans, sum(parts[1:], parts[0]) if parts else np.zeros_like(bare(ans))

        self.jvp = jvp

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args = _positional(self.f, args, kwargs)
        if not _differentiates(args):
            return self.f(*args)
        if self.jvp is None:
            raise AttributeError(f"custom_jvp: {name_of(self.f)} has no rule yet; give it one by .defjvp(jvp)")
        return ForwardRule(self.jvp, Call(self.f, args, self.nondiff_argnums)).recorded()


def _numbers(nondiff_argnums: int | Sequence[int]) -> tuple[int, ...]:
    given = nondiff_argnums if isinstance(nondiff_argnums, Sequence) else (nondiff_argnums,)
    return tuple(map(index, given))


def _positional(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """All arguments by position, defaults filled in, as rules are given them."""
    if not kwargs and not isinstance(f, FunctionType):  # NumPy's functions have arguments that no rule wants
        return args
    bound = inspect.signature(f).bind(*args, **kwargs)
    bound.apply_defaults()
    if bound.kwargs:
        raise TypeError(f"{name_of(f)}: {', '.join(bound.kwargs)} is taken by keyword only, and rules by position")
    return bound.args


def _differentiates(args: Sequence[Any]) -> bool:
    return records() and any(map(is_recorded, flatten(tuple(args))[0]))
