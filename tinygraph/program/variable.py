"""An array that writes down what NumPy does to it: what a function is given while it is recorded as a program."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from tinygraph.op import Mapped, Traced


class Recorder(Protocol):
    """What a variable tells of itself to; see `tinygraph.program.tracer`."""

    def operate(self, symbol: Any, function: Callable[..., Any], *operands: Any) -> Any: ...
    def augment(self, symbol: Any, function: Callable[..., Any], target: Variable, other: Any) -> Any: ...
    def ufunc(self, ufunc: np.ufunc, method: str, args: Any, kwargs: Any) -> Any: ...
    def function(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any: ...
    def method(self, of: Variable, name: str, args: Any, kwargs: Any) -> Any: ...
    def attribute(self, of: Variable, name: str) -> Any: ...
    def item(self, of: Variable, key: Any) -> Any: ...
    def assign(self, of: Variable, key: Any, value: Any) -> None: ...
    def decided(self, of: Variable, found: Any, what: str) -> None: ...
    def notice(self, what: str) -> None: ...
    def returning(self) -> bool: ...
    def printed(self) -> None: ...


_SYMBOLS: dict[str, Any] = {
    "add": ast.Add,
    "sub": ast.Sub,
    "mul": ast.Mult,
    "truediv": ast.Div,
    "floordiv": ast.FloorDiv,
    "mod": ast.Mod,
    "pow": ast.Pow,
    "matmul": ast.MatMult,
    "and": ast.BitAnd,
    "or": ast.BitOr,
    "xor": ast.BitXor,
    "lshift": ast.LShift,
    "rshift": ast.RShift,
}
COMPARISONS: dict[str, Any] = {"lt": ast.Lt, "le": ast.LtE, "gt": ast.Gt, "ge": ast.GtE, "eq": ast.Eq, "ne": ast.NotEq}
UNARY: dict[str, Any] = {"neg": ast.USub, "pos": ast.UAdd, "invert": ast.Invert}
ARRAYS = (np.ndarray, np.generic, bool, int, float)  # of what an operation gives, what may be a variable
STATIC = {"strides", "itemsize", "nbytes", "flags"}  # what a call's signature settles
VALUES = {"tolist", "flat", "tobytes", "tofile", "dump", "dumps", "data", "ctypes"}
IN_PLACE = {"fill", "sort", "put", "partition", "resize", "setflags", "setfield", "byteswap"}


def value_of(x: Any) -> Any:
    """The value of a variable, in whatever holds it; anything else as it is."""
    kind = type(x)
    if kind is Variable:
        return x.value
    if kind in (list, tuple):
        return kind(map(value_of, x))
    if kind is dict:
        return {key: value_of(v) for key, v in x.items()}
    return slice(value_of(x.start), value_of(x.stop), value_of(x.step)) if kind is slice else x


class Variable:
    """One variable of a program: its name there, and the value that it has in the call that is recorded.

    It passes for an instance of its value's class, so that a function takes the path that it takes on plain arrays.
    What would make a Python value of it, a truth or a number, is told to the tracer.
    """

    __slots__ = ("__weakref__", "name", "tracer", "value")
    __array_priority__ = 100.0
    __hash__ = object.__hash__

    def __init__(self, tracer: Recorder, name: str, value: Any) -> None:
        self.tracer = tracer
        self.name = name
        self.value = value

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self.value)

    # --- NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        if any(issubclass(type(a), (Traced, Mapped)) for a in args):
            return NotImplemented
        return self.tracer.ufunc(ufunc, method, args, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if any(issubclass(t, (Traced, Mapped)) for t in types):
            return NotImplemented
        return self.tracer.function(function, args, kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        self.tracer.notice("is made a plain array")
        return np.array(self.value, dtype=dtype, copy=copy)

    # --- what the signature of a call settles

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    @property
    def ndim(self) -> int:
        return np.ndim(self.value)

    @property
    def size(self) -> int:
        return np.size(self.value)

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    def __len__(self) -> int:
        return len(self.value)

    # --- what would leave the program

    def __bool__(self) -> bool:
        found = bool(self.value)
        self.tracer.decided(self, found, "bool()")
        return found

    def __int__(self) -> int:
        found = int(self.value)
        self.tracer.decided(self, found, "int()")
        return found

    def __float__(self) -> float:
        found = float(self.value)
        self.tracer.decided(self, found, "float()")
        return found

    def __index__(self) -> int:
        found = operator.index(self.value)
        self.tracer.decided(self, found, "an index")
        return found

    def item(self, *args: Any) -> Any:
        found = self.value.item(*args)
        if not args and self.tracer.returning():
            return self.tracer.method(self, "item", args, {})
        self.tracer.decided(self, found, ".item()") if self.size == 1 else self.tracer.notice("is read by .item()")
        return found

    def __repr__(self) -> str:
        self.tracer.printed()
        return repr(self.value)

    def __str__(self) -> str:
        self.tracer.printed()
        return str(self.value)

    def __format__(self, spec: str) -> str:
        self.tracer.printed()
        return format(self.value, spec)

    # --- everything else is written down

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.value, name)
        if name in STATIC:
            return found
        if name in VALUES or name in IN_PLACE:
            self.tracer.notice(f"is read by .{name}" if name in VALUES else f"is changed in place by .{name}()")
            return found
        if callable(found):
            return lambda *args, **kwargs: self.tracer.method(self, name, args, kwargs)
        return self.tracer.attribute(self, name)

    def __getitem__(self, key: Any) -> Any:
        return self.tracer.item(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.tracer.assign(self, key, value)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    def __abs__(self) -> Any:
        return self.tracer.operate("abs", operator.abs, self)

    def __divmod__(self, other: Any) -> Any:
        return np.divmod(self, other)


def _binary(symbol: Any, function: Callable[..., Any]) -> tuple[Any, Any]:
    def method(self: Variable, other: Any) -> Any:
        if issubclass(type(other), (Traced, Mapped)):
            return NotImplemented
        return self.tracer.operate(symbol, function, self, other)

    def reflected(self: Variable, other: Any) -> Any:
        return self.tracer.operate(symbol, function, other, self)

    return method, reflected


def _in_place(symbol: Any, function: Callable[..., Any]) -> Any:
    def method(self: Variable, other: Any) -> Any:
        if issubclass(type(other), (Traced, Mapped)):
            return NotImplemented
        return self.tracer.augment(symbol, function, self, other)

    return method


for _name, _symbol in _SYMBOLS.items():
    _function = getattr(operator, f"__{_name}__")
    _method, _reflected = _binary(_symbol, _function)
    setattr(Variable, f"__{_name}__", _method)
    setattr(Variable, f"__r{_name}__", _reflected)
    setattr(Variable, f"__i{_name}__", _in_place(_symbol, getattr(operator, f"__i{_name}__")))
for _name, _symbol in COMPARISONS.items():
    setattr(Variable, f"__{_name}__", _binary(_symbol, getattr(operator, _name))[0])


def _unary(symbol: Any, function: Callable[..., Any]) -> Any:
    return lambda self: self.tracer.operate(symbol, function, self)


for _name, _symbol in UNARY.items():
    setattr(Variable, f"__{_name}__", _unary(_symbol, getattr(operator, _name)))
