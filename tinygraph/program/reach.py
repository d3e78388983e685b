"""What a function can see of the world: its arguments, its closure, the globals that it names, the objects in them.

Of arrays and Tensors the shape, dtype and identity count, of everything else the value. Two calls that see the same may
run the same program.
"""

from __future__ import annotations

import pickle
import random
import sys
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial
from operator import is_
from types import BuiltinMethodType, CodeType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from tinygraph.op import Op
from tinygraph.program.code import GENERATORS
from tinygraph.program.draws import state_of
from tinygraph.program.user_code import of_library
from tinygraph.tensor import Tensor
from tinygraph.tree import branches_of

PLAIN = (int, float, complex, str, bytes, bool, type(None), type(Ellipsis), np.dtype)
OPAQUE = (type, CodeType, ModuleType, np.ufunc, Op, *GENERATORS)
Parts = Callable[[Any], Sequence[Any]]


def _entries(x: Any) -> Sequence[Any]:
    return [*x, *x.values()]


_PARTS: dict[type, Parts] = {
    list: tuple,
    tuple: tuple,
    set: tuple,
    frozenset: tuple,
    dict: _entries,
    MappingProxyType: _entries,
    deque: tuple,
    bytearray: lambda x: (bytes(x),),
    array: lambda x: (x.typecode, x.tobytes()),
    MethodType: lambda x: (x.__self__, x.__func__),
    BuiltinMethodType: lambda x: (x.__self__,),  # the random of a generator
    partial: lambda x: (x.func, x.args, x.keywords),
    staticmethod: lambda x: (x.__func__,),
    classmethod: lambda x: (x.__func__,),
    property: lambda x: (x.fget,),
}


def is_given(x: Any) -> bool:
    """Whether an argument is an array that a program is given."""
    return type(x) is Tensor or type(x) is np.ndarray or isinstance(x, np.generic)


class View(NamedTuple):
    """What one call sees: the key of its signature, the arrays it is given, and what must stay alive for the key."""

    key: tuple[Any, ...]
    arrays: list[Any]
    given: list[Any]
    around: _Around

    @property
    def held(self) -> list[Any]:
        return [*self.given, *self.around.held]


class _Walk:
    """Adds up the key, each object once; `looked` is what to look at again to know that the key is the same."""

    __slots__ = ("arrays", "held", "key", "looked", "seen")

    def __init__(self) -> None:
        self.key: list[Any] = []
        self.arrays: list[Any] = []
        self.held: list[Any] = []
        self.seen: dict[int, int] = {}
        self.looked: list[tuple[Parts, Any, Sequence[Any]]] = []

    def argument(self, x: Any) -> None:
        """Arrays among arguments are given to the program; which of them are one and the same counts."""
        kind = type(x)
        if is_given(x):
            data = x._data if kind is Tensor else x
            first = self.seen.setdefault(id(x), len(self.arrays))
            self.key.append((kind, data.shape, data.dtype, data.strides, kind is Tensor and x.requires_grad, first))
            self.arrays.append(x)
        elif kind is dict or kind is list or kind is tuple or (isinstance(x, tuple) and hasattr(x, "_fields")):
            self.key.append((kind, tuple(x) if kind is dict else len(x)))
            for part in x.values() if kind is dict else x:
                self.argument(part)
        elif isinstance(x, np.ndarray):
            self.key.append(kind)  # one of another class, for which there is no program
        elif isinstance(x, PLAIN) or (branches := branches_of(x)) is None:
            self.surroundings(x)
        else:
            beside = [part for part in _object_parts(x) if all(part is not branch for branch in branches.values())]
            self.key += [(kind, *branches), len(beside)]
            for part in branches.values():
                self.argument(part)
            for part in beside:
                self.surroundings(part)

    def surroundings(self, x: Any) -> None:
        kind = type(x)
        if isinstance(x, PLAIN):
            self.key.append((kind, repr(x) if kind is float or kind is complex else x))
            return
        self.key.append(id(x))
        if id(x) in self.seen:
            return
        self.seen[id(x)] = -1
        self.held.append(x)
        if kind is Tensor:
            self.key.append((*_layout(x._data), x.requires_grad))
            self.looked.append((_node, x, _node(x)))
        elif isinstance(x, np.ndarray):
            self.key.append(_layout(x))
            self.looked.append((_layout, x, _layout(x)))
        elif kind is FunctionType:
            self._parts(_function_parts, x)
        elif kind in _PARTS:
            self._parts(_PARTS[kind], x)
        elif hasattr(kind, "seen_by_program"):
            self._parts(_told_parts, x)
        elif isinstance(x, tuple(_PARTS)):  # an OrderedDict, a named tuple
            self._parts(next(parts for base, parts in _PARTS.items() if isinstance(x, base)), x)
            self._parts(_object_parts, x)
        elif isinstance(x, type) and _own_classes(x):
            self._parts(_class_parts, x)
        elif not (isinstance(x, OPAQUE) or (callable(x) and not hasattr(x, "__dict__"))):
            self._parts(_object_parts, x)

    def _parts(self, parts_of: Parts, x: Any) -> None:
        parts = parts_of(x)
        if type(x) is not tuple and (len(parts) or parts_of is not _told_parts):
            self.looked.append((parts_of, x, parts))
        self.key.append(len(parts))
        for part in parts:
            self.surroundings(part)


def _node(x: Tensor) -> Sequence[Any]:
    return (x._node,)  # other data make another node


def _layout(x: Any) -> Sequence[Any]:
    return x.shape, x.dtype, x.strides


def _told_parts(x: Any) -> Sequence[Any]:
    return x.seen_by_program()  # type: ignore[no-any-return]


def _function_parts(f: FunctionType) -> Sequence[Any]:
    """Its code, defaults, closure, attributes, the globals that it names, those of modules of the user's too."""
    parts = [f.__code__, f.__defaults__, f.__kwdefaults__, *map(_content, f.__closure__ or ())]
    if of_library(f.__code__.co_filename):
        return parts
    parts += [*f.__dict__, *f.__dict__.values()]
    names = _globals_of(f.__code__)
    seen = list(map(f.__globals__.get, names))
    modules = [part for part in seen if _is_users_module(part)]
    for module in modules:  # settings.rate; here.settings.rate
        found = list(map(vars(module).get, names))
        modules += [part for part in found if _is_users_module(part) and part not in modules]
        parts += found
    return parts + seen


def _is_users_module(x: Any) -> bool:
    if type(x) is not ModuleType:
        return False
    where = getattr(x, "__file__", None) or getattr(getattr(x, "__spec__", None), "origin", None)
    return where is None or not (where in ("built-in", "frozen") or of_library(where))


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return None


def _object_parts(x: Any) -> Sequence[Any]:
    """The attributes of an object, and its class if that is the user's."""
    kind: Any = type(x)
    own = getattr(x, "__dict__", {})
    return [*([kind] if _own_classes(kind) else ()), *own, *own.values(), *(getattr(x, s, None) for s in _slots(kind))]


def _class_parts(kind: Any) -> Sequence[Any]:
    """The methods and settings of a class, and of those that it inherits from."""
    return [part for c in _own_classes(kind) for name, part in vars(c).items()
            if name[:2] != "__" or (type(part) is FunctionType and name != "__init__")]  # fmt: skip


@cache
def _own_classes(kind: Any) -> tuple[Any, ...]:
    """A class and its bases, as far as they are the user's code."""
    files = [(c, getattr(sys.modules.get(c.__module__), "__file__", None)) for c in kind.__mro__]
    return tuple(c for c, file in files if c.__module__ == "__main__" or not of_library(file or "<frozen"))


@cache
def _slots(kind: Any) -> list[str]:
    return [s for c in kind.__mro__ for s in getattr(c, "__slots__", ()) if not s.startswith("__")]


@cache
def _globals_of(code: CodeType) -> tuple[str, ...]:
    inner = [n for c in code.co_consts if isinstance(c, CodeType) for n in _globals_of(c)]
    return tuple(dict.fromkeys([*code.co_names, *inner]))


_END = object()  # after the parts of a thing


class _Around:
    """What a function sees beside its arguments: a key, and what to look at again to know that it is still right."""

    __slots__ = ("_before", "_hash", "_layouts", "_look", "held", "key")

    def __init__(self, f: Callable[..., Any]) -> None:
        walk = _Walk()
        walk.surroundings(f)
        self.key, self.held = tuple(walk.key), walk.held
        self._layouts = [(x, parts) for parts_of, x, parts in walk.looked if parts_of is _layout]
        looked = [look for look in walk.looked if look[0] is not _layout]
        self._look = _looking(looked)
        self._before = [part for _, _, parts in looked for part in (*parts, _END)]
        self._hash = hash(self.key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Around) and self.key == other.key

    def stands(self) -> bool:
        """Whether all is as it was: the same objects everywhere, arrays of the same layout."""
        try:
            now = self._look()
        except ValueError:  # a variable that the function closes over is no longer bound
            return False
        before = self._before
        if len(now) != len(before) or not all(map(is_, now, before)):
            return False
        return not self._layouts or all(_layout(x) == layout for x, layout in self._layouts)


def _looking(looked: Sequence[tuple[Parts, Any, Sequence[Any]]]) -> Callable[[], list[Any]]:
    """The function that lists all parts as they are now, written out as one expression in place of a call for each.

    `[x0.__code__, ..., c0_0.cell_contents, end, *x1, *x1.values(), end, x2._node, end]`, say.
    """
    space: dict[str, Any] = {"end": _END}
    written: list[str] = []
    for i, (parts_of, x, parts) in enumerate(looked):
        kind: Any = type(x)
        space |= {f"x{i}": x, f"p{i}": parts_of}
        if parts_of is tuple:
            written.append(f"*x{i}")
        elif parts_of is _entries:
            written.append(f"*x{i}, *x{i}.values()")
        elif parts_of is _node:
            written.append(f"x{i}._node")
        elif parts_of is _told_parts:
            written.append(f"*x{i}.seen_by_program()")
        elif parts_of is _object_parts and hasattr(x, "__dict__") and not _slots(kind):
            written.append(f"{f'type(x{i}), ' if _own_classes(kind) else ''}*x{i}.__dict__, *x{i}.__dict__.values()")
        elif parts_of is _function_parts and not any(map(_is_users_module, parts)):
            cells = x.__closure__ or ()
            space |= {f"c{i}_{j}": cell for j, cell in enumerate(cells)}
            written.append(f"x{i}.__code__, x{i}.__defaults__, x{i}.__kwdefaults__")
            written += [f"c{i}_{j}.cell_contents" for j in range(len(cells))]
            if not of_library(x.__code__.co_filename):
                space |= {f"g{i}": x.__globals__.get, f"n{i}": _globals_of(x.__code__)}
                written.append(f"*x{i}.__dict__, *x{i}.__dict__.values(), *map(g{i}, n{i})")
        else:
            written.append(f"*p{i}(x{i})")
        written.append("end")
    return eval(_code(f"lambda: [{', '.join(written)}]"), space)  # type: ignore[no-any-return]  # noqa: S307


@lru_cache(64)
def _code(text: str) -> CodeType:
    return compile(text, "<reach>", "eval")


class Sight:
    """What calls of one function see."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f = f
        self._around: _Around | None = None

    def view(self, args: Any, kwargs: dict[str, Any]) -> View:
        """What a call sees."""
        walk = _Walk()
        walk.argument(args)
        if kwargs:
            walk.argument(dict(sorted(kwargs.items())))
        around = self._around
        if around is None or not around.stands():
            around = self._around = _Around(self.f)
        return View((*walk.key, around), walk.arrays, walk.held, around)


def generators(held: list[Any]) -> list[Any]:
    """The random generators in sight, and the common ones of NumPy and of Python."""
    return [np.random.mtrand._rand, random._inst, *(x for x in held if isinstance(x, (*GENERATORS, random.Random)))]


def states(of: list[Any]) -> bytes:
    """What tells whether one of them has been drawn from."""
    return pickle.dumps([state_of(g) for g in of])
