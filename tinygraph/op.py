"""What an operation is: one record that says everything there is to know about it.

A record is made by `op`, from a forward function and one derivative rule per array argument. The table in
`tinygraph.ops` and a user's own operations are made by the same call::

    @op(vjps=[lambda g, ans, x: g * 3 * x**2])
    def cube(x):
        return x**3
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, cached_property, partial
from importlib import import_module
from itertools import count
from typing import Any, NamedTuple

import numpy as np

Array = Any  # whatever speaks NumPy's protocols: an ndarray, a NumPy scalar, a device array, a Tensor
Rule = Callable[..., Array]
Interval = tuple[float, float]

REAL: Interval = (-float("inf"), float("inf"))
POSITIVE: Interval = (0.0, float("inf"))
REQUIRED = inspect.Parameter.empty
KINDS = ("elementwise", "linear", "multilinear", "general", "constant")


class Traced:
    """The marker base class of array types that record the operations done to them."""

    __slots__ = ()

    @property
    def data(self) -> Array:
        raise NotImplementedError

    def _record(self, op: Op, args: Sequence[Array], params: Mapping[str, Any] | None) -> Any:
        raise NotImplementedError


class Mapped:
    """The base class of arrays that have a value for each example of a `vmap`, which `value` holds."""

    __slots__ = ("value",)
    value: Array

    def settled(self, g: Any, value: Array) -> Any:
        raise NotImplementedError

    def spread(self, g: Any) -> Any:
        raise NotImplementedError


class UndecidedError(TypeError):
    """Somebody asks for the one value of an array that has one for each example.

    `each(name, function, args, params)` calls a function on the examples one by one.
    """

    def __init__(self, message: str, each: Callable[..., Any]) -> None:
        super().__init__(message)
        self.each = each


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


class Joint:
    """The rules of an operation whose gradients are found together: one function that returns all of them.

    Each walk over the rules runs it once for all arguments; a rule asked for by itself runs the whole function. A
    gradient that only one argument needs may be given as a function, which is called if that argument wants it.

    Example:
        >>> rules = Joint(lambda g, ans, x, y: (g * y, g * x), 2)
        >>> rules[0](1.0, 6.0, 2.0, 3.0), len(rules)
        (3.0, 2)
    """

    def __init__(self, rule: Callable[..., Sequence[Array]], arity: int) -> None:
        self.rule = rule
        self.arity = arity

    def __len__(self) -> int:
        return self.arity

    def __getitem__(self, i: Any) -> Any:
        return list(self)[i]

    def __iter__(self) -> Iterator[Rule]:
        """Rules that share what the first of them to be called finds, as long as they are called with the same."""
        arrays: tuple[Array, ...] = ()
        found: Sequence[Array] = ()

        def part(i: int, *called: Array, **params: Any) -> Array:
            nonlocal arrays, found
            if len(arrays) != len(called) or any(a is not b for a, b in zip(arrays, called, strict=True)):
                arrays, found = called, self.rule(*called, **params)
            return found[i]() if callable(found[i]) else found[i]

        return (partial(part, i) for i in range(self.arity))


class Borrowed:
    """A function of a package that is not imported before the function is called.

    Example:
        >>> Borrowed("math.hypot")(3.0, 4.0)
        5.0
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.__name__ = path.rpartition(".")[2]

    @cached_property
    def function(self) -> Callable[..., Any]:
        module, _, name = self.path.rpartition(".")
        try:
            found: Callable[..., Any] = getattr(import_module(module), name)
        except ImportError:
            package = module.partition(".")[0]
            raise ImportError(f"{name} is {package}'s, which is not installed: pip install {package}") from None
        return found

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


class Op:
    """One operation: forward function, derivative rules, domain, kinks, symbol and formula.

    Args:
        forward: the function on arrays; arrays are positional, everything else is keyword. The name of another
            package's function, "scipy.special.gamma", is that function, imported when it is first called.
        vjps: `vjps[i](g, ans, *args, **params)` is the gradient of argument i, where g is the gradient of the
            output `ans`; None where the argument has no derivative; an `Each` for any number of arrays, a `Joint`
            where they are found together.
        numpy: the NumPy functions that this operation stands for, the principal one first; those of a package that
            need not be installed by their names.
        kind: "elementwise" (broadcasts; rules act on each element), "linear" (jointly, in all its arrays),
            "multilinear" (in each array, the others held), "constant" (no derivative) or "general".
        jvp: forward rule `jvp(tangents, ans, *args, **params)` of a "general" op; None derives it from the vjps.
        complex: whether its rules hold for complex numbers, g being multiplied by derivatives that are not conjugated;
            by default where it is linear or multilinear. Otherwise a complex Tensor raises.
        domain: an open interval per array argument, inside which the op is differentiable but for its kinks.
        kinks: where it is not smooth.
        symbol: a short label for pictures.  latex: the formula, with {x}, {y} ... for the arguments.

    `widens` adds a composition for calls with arguments beyond the params.

    Example:
        >>> double = Op(lambda x: 2.0 * x, vjps=[lambda g, ans, x: 2.0 * g], kind="linear", name="double")
        >>> double, double(3.0)
        (<op double>, 6.0)
    """

    def __init__(
        self,
        forward: Callable[..., Any] | str,
        *,
        vjps: Sequence[Rule | None] | Each | Joint = (),
        numpy: Callable[..., Any] | str | Sequence[Callable[..., Any] | str] = (),
        kind: str = "general",
        jvp: Rule | None = None,
        complex: bool | None = None,  # noqa: A002  the field's word
        domain: Sequence[Interval] | None = None,
        kinks: Sequence[Kink] = (),
        symbol: str | None = None,
        latex: str | None = None,
        name: str | None = None,
        doc: str | None = None,
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"op kind {kind!r} is not one of {', '.join(KINDS)}")
        stands_for = (numpy,) if callable(numpy) or isinstance(numpy, str) else tuple(numpy)
        if isinstance(forward, np.ufunc | str) and forward not in stands_for:
            stands_for = (forward, *stands_for)
        if isinstance(forward, str):
            forward = Borrowed(forward)
        self.numpy: tuple[Callable[..., Any], ...] = tuple(f for f in stands_for if not isinstance(f, str))
        self.elsewhere: tuple[str, ...] = tuple(f for f in stands_for if isinstance(f, str))
        principal = self.numpy[0] if self.numpy else forward
        self.forward = forward
        self.name = name or principal.__name__
        self.vjps = vjps
        self.variadic = isinstance(vjps, Each)
        self.arity = -1 if isinstance(vjps, Each) else len(vjps)
        self.kind = kind
        self.constant = kind == "constant"
        self.jvp = jvp
        self.complex = kind in ("linear", "multilinear") if complex is None else complex
        self.domain = tuple(domain) if domain is not None else (REAL,) * max(self.arity, 0)
        self.kinks = tuple(kinks)
        self.wider: Callable[..., Any] | None = None
        self.symbol = symbol or self.name
        self.latex = latex or _default_latex(self.name, self.arity)
        self.__doc__ = doc or (principal if self.numpy else forward).__doc__
        self.__name__ = self.name

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.constant:
            return self._run([*map(bare, args)], {name: bare(value) for name, value in kwargs.items()})
        arrays: Sequence[Any] = args
        params: Mapping[str, Any] | None = None
        if kwargs or self.params or len(args) != self.arity:
            if self.wider is not None and (
                len(args) > self.arity + bool(self.params) or not kwargs.keys() <= self.params.keys()
            ):
                return as_numpy(self.wider, self.numpy[0], args, kwargs, self.name)
            arrays, params = self.bind(args, kwargs)
        for a in arrays:
            if isinstance(a, Traced):
                return a._record(self, arrays, params)
        arrays = [np.asarray(a) if isinstance(a, list | tuple) else a for a in arrays]
        return self._run(arrays, params or {})

    def _run(self, arrays: Sequence[Any], params: Mapping[str, Any]) -> Any:
        """The forward function on bare arrays."""
        try:
            return self.forward(*arrays, **params)
        except UndecidedError as undecided:
            return undecided.each(self.name, self.forward, arrays, params)

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Sequence[Any], dict[str, Any] | None]:
        """Sort a call in NumPy's way into its arrays and its params, every default filled in."""
        n, given = self.arity, kwargs
        if not self.variadic and (len(args) != n or not kwargs.keys() <= self.params.keys()):
            bound = _bound(self.name, self._positional, args, kwargs)
            try:
                args = [bound.pop(name) for name in self._positional[:n]]
            except KeyError as absent:
                raise TypeError(f"{self.name}() takes {n} arrays, argument {absent} is missing") from None
            given = {self._renamed.get(name, name): value for name, value in bound.items()}
        params = dict(self.params)
        for name, value in given.items():
            if isinstance(value, Traced):
                raise TypeError(
                    f"{self.name}: {name}= is a parameter and takes no Tensor, its gradient would be lost; give a "
                    "number, or give the op one more rule"
                )
            if name in params:
                params[name] = value
            else:
                _refuse(self.name, self._model, name, value)
        missing = [name for name, value in params.items() if value is REQUIRED]
        if missing:
            raise TypeError(f"{self.name}() needs {', '.join(missing)}=")
        return args, params or None

    @cached_property
    def params(self) -> dict[str, Any]:
        """The metadata of the op with their defaults: all that follows its arrays."""
        return _keywords(self.forward, self.arity)

    @cached_property
    def _model(self) -> Callable[..., Any] | None:
        """The function whose parameters a call follows, NumPy's or the forward one; None if neither tells them."""
        return next((f for f in (*self.numpy, self.forward) if signature(f) is not None), None)

    @cached_property
    def _renamed(self) -> dict[str, str]:
        """What an older NumPy calls one of the params: `newshape` for `shape`."""
        own = (*self._positional[: self.arity], *self.params)
        pairs = zip(self._positional, own, strict=False)
        return {theirs: mine for theirs, mine in pairs if theirs not in own and mine not in self._positional}

    @cached_property
    def _positional(self) -> tuple[str, ...]:
        """Argument names in NumPy's positional order."""
        if self._model is None:
            return (*("x", "y", "z", "w")[: self.arity], *self.params)
        return _positionals(self._model)


def signature(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """The parameters of a function, None where it does not tell them."""
    if isinstance(function, Borrowed):
        return None
    try:
        return list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):
        return None


def _bound(name: str, positional: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call by their names."""
    if len(args) > len(positional):
        raise TypeError(f"{name}() takes {len(positional)} arguments, got {len(args)}")
    bound = dict(zip(positional, args, strict=False))
    for key, value in kwargs.items():
        if key in bound:
            raise TypeError(f"{name}() got {key}= twice")
        bound[key] = value
    return bound


class Registry(dict[Any, Callable[..., Any]]):
    """{NumPy function: what stands for it on a Tensor}, an `Op` or a composition of ops.

    Functions of packages that are never imported here stand in it by their names. Who calls one has imported it.
    """

    def add(self, function: Callable[..., Any], keys: Sequence[Any]) -> None:
        for key in keys:
            if key in self:
                raise ValueError(f"{key} has a rule already, {self[key]!r}")
            self[key] = function

    def find(self, function: Callable[..., Any]) -> Callable[..., Any] | None:
        """What stands for a function, None if nothing does."""
        if function not in self:
            for path in [key for key in self if isinstance(key, str)]:
                module, _, name = path.rpartition(".")
                if getattr(sys.modules.get(module), name, None) is function:
                    self[function] = self[path]
        return self.get(function)


OPS = Registry()


def op(forward: Callable[..., Any] | str | None = None, **fields: Any) -> Any:
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
    OPS.add(made, (*made.numpy, *made.elsewhere))
    return made


def spells(*functions: Callable[..., Any] | str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a composition of ops as the meaning of NumPy functions; it needs no rule of its own.

    Those that not every NumPy has, and those of other packages, are given by name.
    """

    def register(composition: Callable[..., Any]) -> Callable[..., Any]:
        OPS.add(composition, functions)
        return composition

    return register


def widens(op: Op) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a composition as what takes the calls of an op with arguments beyond its params: `where=`, `dtype=`."""

    def register(composition: Callable[..., Any]) -> Callable[..., Any]:
        op.wider = composition
        return composition

    return register


def bare(value: Any) -> Any:
    """The array inside a recording array; anything else as it is."""
    return value.data if isinstance(value, Traced) else value


def whole(value: Any) -> Any:
    """The values of all examples of a `vmap`; anything else as it is."""
    while isinstance(value, Mapped):
        value = value.value
    return value


def as_numpy(
    composition: Callable[..., Any], function: Callable[..., Any], args: Any, kwargs: Any, name: str | None = None
) -> Any:
    """Call a composition as the NumPy function is called that it stands for: its names, its order, its defaults."""
    own, name = _names(composition), name or composition.__name__.lstrip("_")
    if "out" in own and any(o is not None for o in args[_positionals(composition).index("out") :][:1]):
        _refuse(name, None, "out", args)
    if not own or not _names(function) or (kwargs.keys() <= own.keys() and len(args) <= len(_positionals(composition))):
        return composition(*args, **kwargs)
    bound = _bound(name, _positionals(function), args, kwargs)
    for mine, theirs in zip(_positionals(composition), _positionals(function), strict=False):
        if theirs not in own and theirs in bound:
            bound[mine] = bound.pop(theirs)
    for key in bound.keys() - own.keys():
        _refuse(name, function, key, bound.pop(key))
    return composition(**bound)


TORCH = {"dim": "axis", "keepdim": "keepdims"}
NEUTRAL = {"where": True, "casting": "same_kind", "order": "K", "subok": True}  # of ufuncs that tell no signature


def _refuse(name: str, function: Callable[..., Any] | None, key: str, value: Any) -> None:
    """Raise for an argument that an op lacks, unless it has NumPy's own default and changes nothing."""
    default = _names(function).get(key, NEUTRAL.get(key)) if function is not None else NEUTRAL.get(key)
    same = value is default or (isinstance(value, str | bool) and value == default)
    if value is not None and value is not np._NoValue and not same:
        remedy = f"NumPy calls it {TORCH[key]}=" if key in TORCH else "leave it out, or use .numpy()"
        raise TypeError(f"{name}: {key}= is not supported on a Tensor; {remedy}")


@cache
def _names(function: Callable[..., Any]) -> dict[str, Any]:
    """The named parameters of a function and their defaults; none if it takes any number of arrays."""
    listed = signature(function) or []
    if any(p.kind is p.VAR_POSITIONAL for p in listed):
        return {}
    return {p.name: p.default for p in listed if p.kind is not p.VAR_KEYWORD}


@cache
def _positionals(function: Callable[..., Any]) -> tuple[str, ...]:
    listed = signature(function) or ()
    return tuple(p.name for p in listed if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))


def describe(value: Any) -> str:
    """An argument in an error message: its shape if it is an array, else itself."""
    shape = getattr(value, "shape", None)
    return repr(value)[:60] if shape is None else f"shape {tuple(shape)}"


def _keywords(forward: Callable[..., Any], arity: int) -> dict[str, Any]:
    listed = None if isinstance(forward, np.ufunc) else signature(forward)
    if listed is None:
        return {}
    metadata = [p for p in listed if p.kind is p.KEYWORD_ONLY]
    if not metadata and arity >= 0:
        metadata = [p for p in listed[arity:] if p.kind is p.POSITIONAL_OR_KEYWORD]
    return {p.name: REQUIRED if p.default is p.empty else p.default for p in metadata}


def _default_latex(name: str, arity: int) -> str:
    slots = ", ".join("{" + s + "}" for s in ("x", "y", "z", "w")[:arity]) if arity >= 0 else "{x}"
    return rf"\operatorname{{{{{name}}}}}({slots})"
