"""What a function can see of the world: its arguments, its closure, the globals that it names, the objects in them.

Of arrays and Tensors the shape, dtype and identity count, of everything else the value. Two calls that see the same may
run the same program.
"""

from __future__ import annotations

import os
import pickle
import sysconfig
from collections.abc import Callable
from functools import cache, partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from tinygraph.op import Op
from tinygraph.program.code import GENERATORS
from tinygraph.program.effects import state_of
from tinygraph.program.tracer import HERE
from tinygraph.tensor import Tensor

PLAIN = (int, float, complex, str, bytes, bool, type(None), type(Ellipsis), np.dtype)
OPAQUE = (type, ModuleType, np.ufunc, Op, *GENERATORS)
_PARTS: dict[type, Callable[[Any], Any]] = {
    list: tuple,
    tuple: tuple,
    set: tuple,
    frozenset: tuple,
    dict: lambda x: [part for item in x.items() for part in item],
    MethodType: lambda x: (x.__self__, x.__func__),
    partial: lambda x: (x.func, x.args, x.keywords),
}
_LIBRARIES = (HERE, *(sysconfig.get_path(p) + os.sep for p in ("stdlib", "platstdlib", "purelib", "platlib")))


class View(NamedTuple):
    """What one call sees: the key of its signature, the arrays it is given, and what must stay alive for the key."""

    key: tuple[Any, ...]
    arrays: list[Any]
    held: list[Any]


class _Walk:
    """Adds up the key, each object once."""

    def __init__(self) -> None:
        self.key: list[Any] = []
        self.arrays: list[Any] = []
        self.held: list[Any] = []
        self.seen: dict[int, int] = {}

    def argument(self, x: Any) -> None:
        """Arrays among arguments are given to the program; which of them are one and the same counts."""
        kind = type(x)
        if kind is np.ndarray or isinstance(x, np.generic) or kind is Tensor:
            data = x._data if kind is Tensor else x
            first = self.seen.setdefault(id(x), len(self.arrays))
            self.key.append((kind, data.shape, data.dtype, data.strides, kind is Tensor and x.requires_grad, first))
            self.arrays.append(x)
        elif kind is dict or kind is list or kind is tuple or (isinstance(x, tuple) and hasattr(x, "_fields")):
            self.key.append((kind, tuple(x) if kind is dict else len(x)))
            for part in x.values() if kind is dict else x:
                self.argument(part)
        else:
            self.surroundings(x)

    def surroundings(self, x: Any) -> None:
        kind = type(x)
        if isinstance(x, PLAIN):
            self.key.append((kind, repr(x) if kind is float else x))
            return
        self.key.append(id(x))
        if id(x) in self.seen:
            return
        self.seen[id(x)] = -1
        self.held.append(x)
        if kind is Tensor or isinstance(x, np.ndarray):
            data = x._data if kind is Tensor else x
            self.key.append((data.shape, data.dtype, data.strides, kind is Tensor and x.requires_grad))
        elif kind is FunctionType:
            self._function(x)
        elif kind in _PARTS:
            parts = _PARTS[kind](x)
            self.key.append(len(parts))
            for part in parts:
                self.surroundings(part)
        elif hasattr(kind, "seen_by_program"):
            own, parts = x.seen_by_program()  # what of it a program depends on, and what else to look at
            self.key.append(own)
            for part in parts:
                self.surroundings(part)
        elif not (isinstance(x, OPAQUE) or (callable(x) and not hasattr(x, "__dict__"))):
            self._object(x)

    def _function(self, f: FunctionType) -> None:
        for cell in f.__closure__ or ():
            try:
                self.surroundings(cell.cell_contents)
            except ValueError:  # not bound yet
                self.key.append(None)
        for default in (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()):
            self.surroundings(default)
        if not of_library(f.__code__.co_filename):
            names = _globals_of(f.__code__)
            for name in names:
                part = f.__globals__.get(name)
                if isinstance(part, ModuleType) and not of_library(getattr(part, "__file__", None) or "<frozen"):
                    for inner in names:  # settings.rate
                        self.surroundings(vars(part).get(inner))
                elif part is not None and not isinstance(part, ModuleType):
                    self.surroundings(part)

    def _object(self, x: Any) -> None:
        """The attributes of an object; of a layer, its class's forward is the user's code as well."""
        methods = vars(type(x))
        for forward in (methods.get("forward"), methods.get("__call__")):
            if isinstance(forward, FunctionType):
                self.surroundings(forward)
        slots = [s for c in type(x).__mro__ for s in getattr(c, "__slots__", ()) if not s.startswith("__")]
        for name, part in [*getattr(x, "__dict__", {}).items(), *((s, getattr(x, s, None)) for s in slots)]:
            self.key.append(name)
            self.surroundings(part)


@cache
def of_library(filename: str) -> bool:
    """Whether code is of this package, of Python or of a package that is installed, and not the user's."""
    return filename.startswith(_LIBRARIES) or filename.startswith("<frozen")


@cache
def _globals_of(code: CodeType) -> tuple[str, ...]:
    inner = [n for c in code.co_consts if isinstance(c, CodeType) for n in _globals_of(c)]
    return tuple(dict.fromkeys([*code.co_names, *inner]))


def view(f: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> View:
    """What a call of f sees."""
    walk = _Walk()
    walk.argument(args)
    walk.argument(dict(sorted(kwargs.items())))
    walk.surroundings(f)
    return View(tuple(walk.key), walk.arrays, walk.held)


def generators(held: list[Any]) -> list[Any]:
    """The random generators in sight, and NumPy's common one."""
    return [np.random.mtrand._rand, *(x for x in held if isinstance(x, GENERATORS))]


def states(of: list[Any]) -> bytes:
    """What tells whether one of them has been drawn from."""
    return pickle.dumps([state_of(g) for g in of])
