"""What an operation is: one record that says everything there is to know about it.

A record is made by `op`, from a forward function and one derivative rule per array argument. The table in
`tinygraph.ops` and a user's own operations are made by the same call::

    @op(vjps=[lambda g, ans, x: g * 3 * x**2])
    def cube(x):
        return x**3
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import count
from typing import Any, NamedTuple

import numpy as np

Array = Any  # whatever speaks NumPy's protocols: an ndarray, a NumPy scalar, a device array, a Tensor
Rule = Callable[..., Array]
Interval = tuple[float, float]

REAL: Interval = (-float("inf"), float("inf"))
POSITIVE: Interval = (0.0, float("inf"))
KINDS = ("elementwise", "linear", "multilinear", "general", "constant")


class Traced:
    """The marker base class of array types that record the operations done to them."""

    __slots__ = ()

    @property
    def data(self) -> Array:
        raise NotImplementedError

    def _record(self, op: Op, args: Sequence[Array], params: Mapping[str, Any] | None) -> Any:
        raise NotImplementedError


class Kink(NamedTuple):
    """A place where an operation is not smooth, and the subgradient that its rule returns there.

    `margin(*args, **params)` is zero exactly at the kink, and its size is the distance from it.

    Example:
        >>> Kink("x = 0", lambda x: x, "0, at the minimum").margin(-0.25)
        -0.25
    """

    where: str
    margin: Callable[..., Array]
    subgradient: str


class Each:
    """The rules of an operation on any number of arrays: one function that is told the argument's place."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def __getitem__(self, i: int) -> Rule:
        return partial(self.rule, i)

    def __iter__(self) -> Iterator[Rule]:
        return map(self.__getitem__, count())


class Op:
    """One operation: forward function, derivative rules, domain, kinks, symbol and formula.

    Args:
        forward: the function on arrays; arrays are positional, everything else is keyword.
        vjps: `vjps[i](g, ans, *args, **params)` is the gradient of argument i, where g is the gradient of the
            output `ans`; None where the argument has no derivative; an `Each` for any number of arrays.
        numpy: the NumPy functions that this operation stands for, the principal one first.
        kind: "elementwise" (broadcasts; rules act on each element), "linear" (jointly, in all its arrays),
            "multilinear" (in each array, the others held), "constant" (no derivative) or "general".
        jvp: forward rule `jvp(tangents, ans, *args, **params)` of a "general" op; None derives it from the vjps.
        domain: an open interval per array argument, inside which the op is differentiable but for its kinks.
        kinks: where it is not smooth.
        symbol: a short label for pictures.  latex: the formula, with {x}, {y} ... for the arguments.

    Example:
        >>> double = Op(lambda x: 2.0 * x, vjps=[lambda g, ans, x: 2.0 * g], kind="linear", name="double")
        >>> double, double(3.0)
        (<op double>, 6.0)
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        *,
        vjps: Sequence[Rule | None] | Each = (),
        numpy: Callable[..., Any] | Sequence[Callable[..., Any]] = (),
        kind: str = "general",
        jvp: Rule | None = None,
        domain: Sequence[Interval] | None = None,
        kinks: Sequence[Kink] = (),
        symbol: str | None = None,
        latex: str | None = None,
        name: str | None = None,
        doc: str | None = None,
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"op kind {kind!r} is not one of {', '.join(KINDS)}")
        self.numpy: tuple[Callable[..., Any], ...] = (numpy,) if callable(numpy) else tuple(numpy)
        if isinstance(forward, np.ufunc) and forward not in self.numpy:
            self.numpy = (forward, *self.numpy)
        principal = self.numpy[0] if self.numpy else forward
        self.forward = forward
        self.name = name or principal.__name__
        self.vjps = vjps
        self.variadic = isinstance(vjps, Each)
        self.arity = -1 if isinstance(vjps, Each) else len(vjps)
        self.kind = kind
        self.constant = kind == "constant"
        self.jvp = jvp
        self.domain = tuple(domain) if domain is not None else (REAL,) * max(self.arity, 0)
        self.kinks = tuple(kinks)
        self.symbol = symbol or self.name
        self.latex = latex or _default_latex(self.name, self.arity)
        self.__doc__ = doc or (principal if self.numpy else forward).__doc__
        self.__name__ = self.name

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for a in args:
            if isinstance(a, Traced):
                if self.constant:
                    return self.forward(*map(bare, args), **kwargs)
                if not self.params and not kwargs and len(args) == self.arity:
                    return a._record(self, args, None)
                arrays, params = self.bind(args, kwargs)
                return a._record(self, arrays, params)
        if self.numpy:
            return self.numpy[0](*args, **kwargs)
        return self.forward(*args, **kwargs)

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Sequence[Any], dict[str, Any] | None]:
        """Sort a call in NumPy's way into its arrays and its params, every default filled in."""
        if self.variadic or not (args or kwargs):
            return args, self._settle(dict(kwargs))
        n = self.arity
        if len(args) == n and kwargs.keys() <= self.params.keys():
            return args, {**self.params, **kwargs} if self.params else None
        names = self._positional
        if len(args) > len(names):
            raise TypeError(f"{self.name}() takes {len(names)} arguments, got {len(args)}")
        bound = dict(zip(names, args, strict=False))
        for name, value in kwargs.items():
            if name in bound:
                raise TypeError(f"{self.name}() got {name}= twice")
            bound[name] = value
        try:
            arrays = [bound.pop(name) for name in names[:n]]
        except KeyError as missing:
            raise TypeError(f"{self.name}() takes {n} arrays, argument {missing} is missing") from None
        return arrays, self._settle(bound)

    def _settle(self, given: dict[str, Any]) -> dict[str, Any] | None:
        params = dict(self.params)
        for name, value in given.items():
            if name in params:
                params[name] = value
            elif name == "out" and value is not None:
                raise TypeError(f"{self.name}: out= would overwrite an array of the graph; use the returned Tensor")
            elif not _is_default(name, value):
                raise TypeError(f"{self.name}: {name}= is not supported on a Tensor; leave it out, or use .numpy()")
        return params or None

    @cached_property
    def params(self) -> dict[str, Any]:
        """The metadata of the op with their defaults: all that follows its arrays."""
        return _keywords(self.forward, self.arity)

    @cached_property
    def _positional(self) -> tuple[str, ...]:
        """Argument names in NumPy's positional order."""
        own = (*("x", "y", "z", "w")[: self.arity], *self.params)
        for function in (*self.numpy, self.forward):
            try:
                listed = inspect.signature(function).parameters.values()
            except (ValueError, TypeError):
                continue
            return tuple(p.name for p in listed if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))
        return own


class Registry(dict[Any, Callable[..., Any]]):
    """{NumPy function: what stands for it on a Tensor}, an `Op` or a composition of ops."""

    def add(self, function: Callable[..., Any], keys: Sequence[Any]) -> None:
        for key in keys:
            if key in self:
                raise ValueError(f"{key} has a rule already, {self[key]!r}")
            self[key] = function


OPS = Registry()


def op(forward: Callable[..., Any] | None = None, **fields: Any) -> Any:
    """Make an operation of a function; also a decorator. The fields are those of `Op`.

    Raises:
        ValueError: a kind that does not exist, or a NumPy function that has a rule already.

    Example:
        >>> import tinygraph as tg
        >>> @tg.op(vjps=[lambda g, ans, x: g * 3 * x**2])
        ... def cube(x):
        ...     return x**3
        >>> tg.grad(cube)(2.0)
        array(12.)
    """
    if forward is None:
        return partial(op, **fields)
    made = Op(forward, **fields)
    OPS.add(made, made.numpy)
    return made


def spells(*functions: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a composition of ops as the meaning of NumPy functions; it needs no rule of its own."""

    def register(composition: Callable[..., Any]) -> Callable[..., Any]:
        OPS.add(composition, functions)
        return composition

    return register


def bare(value: Any) -> Any:
    """The array inside a recording array; anything else as it is."""
    return value.data if isinstance(value, Traced) else value


def describe(value: Any) -> str:
    """An argument in an error message: its shape if it is an array, else itself."""
    shape = getattr(value, "shape", None)
    return repr(value)[:60] if shape is None else f"shape {tuple(shape)}"


def _keywords(forward: Callable[..., Any], arity: int) -> dict[str, Any]:
    if isinstance(forward, np.ufunc):
        return {}
    try:
        listed = inspect.signature(forward).parameters.values()
    except ValueError:
        return {}
    metadata = [p for p in listed if p.kind is p.KEYWORD_ONLY]
    if not metadata and arity >= 0:
        metadata = [p for p in list(listed)[arity:] if p.kind is p.POSITIONAL_OR_KEYWORD]
    return {p.name: None if p.default is p.empty else p.default for p in metadata}


def _is_default(name: str, value: Any) -> bool:
    """Whether an argument that an op lacks was given the value that changes nothing."""
    if value is None or value is np._NoValue:
        return True
    neutral = {"where": True, "casting": "same_kind", "order": "K", "subok": True, "copy": True}
    return bool(name in neutral and value is neutral[name])


def _default_latex(name: str, arity: int) -> str:
    slots = ", ".join("{" + s + "}" for s in ("x", "y", "z", "w")[:arity]) if arity >= 0 else "{x}"
    return rf"\operatorname{{{{{name}}}}}({slots})"
