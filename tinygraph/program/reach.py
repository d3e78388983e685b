"""What a function can see of the world: its arguments, its closure, the globals that it names, the objects in them.

Of arrays and Tensors the shape, dtype and identity count, of everything else the value. Two calls that see the same may
run the same program.
"""

from __future__ import annotations

import pickle
import random
import sys
import weakref
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from functools import cache, partial
from itertools import count
from operator import length_hint
from types import BuiltinMethodType, CodeType, FunctionType, GeneratorType, MappingProxyType, MethodType, ModuleType
from typing import Any

import numpy as np

from tinygraph.op import Op
from tinygraph.program.code import GENERATORS
from tinygraph.program.draws import state_of
from tinygraph.program.lookups import PLAIN, content, lookups
from tinygraph.program.user_code import of_library
from tinygraph.tensor import Tensor
from tinygraph.tree import branches_of

OPAQUE = (type, CodeType, ModuleType, np.ufunc, type(np.sum), Op, *GENERATORS)
Parts = Callable[[Any], Sequence[Any]]
Looked = tuple[Parts, Any, Sequence[Any]]


def entries(x: Any) -> Sequence[Any]:
    """The keys of a dict, and its values."""
    return [*x, *x.values()]


_PARTS: dict[type, Parts] = {
    list: tuple,
    tuple: tuple,
    set: tuple,
    frozenset: tuple,
    dict: entries,
    MappingProxyType: entries,
    deque: tuple,
    type({}.keys()): tuple,
    type({}.values()): tuple,
    type({}.items()): lambda x: [part for item in x for part in item],
    bytearray: lambda x: (bytes(x),),
    memoryview: lambda x: (bytes(x),),
    array: lambda x: (x.typecode, x.tobytes()),
    MethodType: lambda x: (x.__self__, x.__func__),
    BuiltinMethodType: lambda x: (x.__self__,),  # the random of a generator
    partial: lambda x: (x.func, x.args, x.keywords),
    staticmethod: lambda x: (x.__func__,),
    classmethod: lambda x: (x.__func__,),
    property: lambda x: (x.fget,),
    weakref.ref: lambda x: (x(),),
    ContextVar: lambda x: (x.get(None),),
}


def is_given(x: Any) -> bool:
    """Whether an argument is an array that a program is given."""
    return type(x) is Tensor or type(x) is np.ndarray or isinstance(x, np.generic)


def is_fixed(x: Any) -> bool:
    """Whether nobody changes it: a number, a text, a class, a function, what is hashed by its value."""
    hashed: Any = type(x).__hash__
    return hashed not in (None, object.__hash__) or isinstance(
        x, (*PLAIN, type, ModuleType, FunctionType, np.ufunc, Op, np.generic)
    )


class Walk:
    """Adds up the key, each object once; `looked` is what to look at again to know that the key is the same.

    Arrays among arguments that the function sees in any case, those `in_sight` by id, are no inputs.
    """

    __slots__ = ("arrays", "held", "in_sight", "key", "looked", "seen")

    def __init__(self, in_sight: frozenset[int] = frozenset()) -> None:
        self.in_sight = in_sight
        self.key: list[Any] = []
        self.arrays: list[Any] = []
        self.held: list[Any] = []
        self.seen: dict[int, int] = {}
        self.looked: list[Looked] = []

    def argument(self, x: Any) -> None:
        """Arrays among arguments are given to the program; which of them are one and the same counts."""
        kind = type(x)
        if is_given(x) and id(x) not in self.in_sight:
            data = x._data if kind is Tensor else x
            first = self.seen.setdefault(id(x), len(self.arrays))
            self.key.append((kind, data.shape, data.dtype, data.strides, kind is Tensor and x.requires_grad, first))
            self.arrays.append(x)
        elif kind is dict or kind is list or kind is tuple or (isinstance(x, tuple) and hasattr(x, "_fields")):
            self.key.append((kind, tuple((type(key), key) for key in x) if kind is dict else len(x)))
            for part in x.values() if kind is dict else x:
                self.argument(part)
        elif isinstance(x, np.ndarray) and kind is not np.ndarray:
            self.key.append(kind)  # one of another class, for which there is no program
        elif isinstance(x, PLAIN) or (branches := branches_of(x)) is None:
            self.surroundings(x)
        else:
            beside = [part for part in object_parts(x) if all(part is not branch for branch in branches.values())]
            self.key += [(kind, *branches), len(beside)]
            for part in branches.values():
                self.argument(part)
            for part in beside:
                self.surroundings(part)

    def surroundings(self, x: Any) -> None:
        kind = type(x)
        if isinstance(x, PLAIN):
            self.key.append((kind, repr(x) if isinstance(x, (float, complex)) else x))
            if kind in PLAIN or not getattr(x, "__dict__", None):
                return
        self.key.append(id(x))
        if id(x) in self.seen:
            return
        self.seen[id(x)] = -1
        self.held.append(x)
        if kind is Tensor:
            self.key.append((*layout(x._data), x.requires_grad, x.name))
            self.looked.append((node, x, node(x)))
        elif isinstance(x, np.ndarray):
            self._array(x)
        elif kind is FunctionType:
            self._parts(function_parts, x)
        elif kind in _PARTS:
            self._parts(_PARTS[kind], x)
        elif hasattr(kind, "seen_by_program"):
            self._parts(told_parts, x)
        elif isinstance(x, tuple(_PARTS)):  # an OrderedDict, a named tuple
            self._parts(next(parts for base, parts in _PARTS.items() if isinstance(x, base)), x)
            self._parts(object_parts, x)
        elif isinstance(x, type) and own_classes(x):
            self._parts(_class_parts, x)
        elif not (isinstance(x, OPAQUE) or (callable(x) and not hasattr(x, "__dict__"))):
            self._parts(object_parts, x)

    def _array(self, x: Any) -> None:
        self.key.append(layout(x))
        self.looked.append((layout, x, layout(x)))
        if x.dtype.hasobject:
            self._parts(objects, x)
        if type(x) is not np.ndarray:
            self._parts(object_parts, x)

    def _parts(self, parts_of: Parts, x: Any) -> None:
        parts = parts_of(x)
        if type(x) is not tuple and (len(parts) or parts_of not in (told_parts, function_parts)):
            self.looked.append((parts_of, x, parts))
        self.key.append(len(parts))
        for part in parts:
            self.surroundings(part)


def node(x: Tensor) -> Sequence[Any]:
    """The node of a Tensor, for other data make another one, and its name."""
    return x._node, x.name


def layout(x: Any) -> Sequence[Any]:
    """How an array lies in memory."""
    return x.shape, x.dtype, x.strides


def objects(x: Any) -> Sequence[Any]:
    """What is in an array of objects."""
    return list(x.flat)


def told_parts(x: Any) -> Sequence[Any]:
    """What an object says that a program depends on."""
    return x.seen_by_program()  # type: ignore[no-any-return]


def function_parts(f: FunctionType) -> Sequence[Any]:
    """Its code, defaults, closure, attributes, and what it looks up by name: see `lookups`.

    Of the functions of libraries the closure alone: tg.grad(f) has f there.
    """
    parts = [*map(content, f.__closure__ or ()), *(space.get(name) for space, name in lookups(f))]
    if of_library(f.__code__.co_filename):
        return parts
    return [f.__code__, f.__defaults__, f.__kwdefaults__, *f.__dict__, *f.__dict__.values(), *parts]


def object_parts(x: Any) -> Sequence[Any]:
    """The attributes of an object, and its class if that is the user's."""
    kind: Any = type(x)
    own = getattr(x, "__dict__", {})
    return [*([kind] if own_classes(kind) else ()), *own, *own.values(), *(getattr(x, s, None) for s in slots(kind))]


def _class_parts(kind: Any) -> Sequence[Any]:
    """The methods and settings of a class, of those that it inherits from, and its metaclass if that is the user's."""
    meta: Any = type(kind)
    above = [meta] if own_classes(meta) else []
    return above + [part for c in own_classes(kind) for name, part in vars(c).items()
            if name[:2] != "__" or type(part) in (FunctionType, staticmethod, classmethod)]  # fmt: skip


@cache
def own_classes(kind: Any) -> tuple[Any, ...]:
    """A class and its bases, as far as they are the user's code."""
    files = [(c, getattr(sys.modules.get(c.__module__), "__file__", None)) for c in kind.__mro__]
    return tuple(c for c, file in files if c.__module__ == "__main__" or not of_library(file or "<frozen"))


@cache
def slots(kind: Any) -> list[str]:
    """The attributes of a class's objects that are not in their `__dict__`."""
    return [s for c in kind.__mro__ for s in getattr(c, "__slots__", ()) if not s.startswith("__")]


def generators(held: list[Any]) -> list[Any]:
    """The random generators in sight, and the common ones of NumPy and of Python."""
    return [np.random.mtrand._rand, random._inst, *(x for x in held if isinstance(x, (*GENERATORS, random.Random)))]


def iterators(held: list[Any]) -> list[Any]:
    """The iterators in sight, but for those of the user's own classes, whose attributes tell."""
    return [x for x in held if isinstance(x, Iterator) and not hasattr(x, "__dict__")]


def position(x: Any) -> Any:
    """What tells whether an item has been taken from an iterator, as far as it can be told."""
    if isinstance(x, GeneratorType):
        return x.gi_frame and (x.gi_frame.f_lasti, [*map(id, x.gi_frame.f_locals.values())])
    return repr(x) if isinstance(x, count) else length_hint(x, -1) if hasattr(x, "__length_hint__") else object()


def states(of: list[Any]) -> bytes:
    """What tells whether one of them has been drawn from."""
    return pickle.dumps([state_of(g) for g in of])
