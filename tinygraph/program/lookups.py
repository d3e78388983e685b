"""The names that a function looks up: globals, what it imports, the settings and functions of modules."""

from __future__ import annotations

import dis
import os
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from tinygraph.program.user_code import of_library

PLAIN = (int, float, complex, str, bytes, bool, type(None), type(Ellipsis), np.dtype)
INDIRECT = {"getattr", "globals", "vars", "__dict__"}  # by which names are looked up that are written as texts


def lookups(f: FunctionType) -> Sequence[tuple[dict[str, Any], str]]:
    """The globals that a function names, and what it names in modules, each as a dict and a key.

    In modules of the user's these are all the names in its code, for it may hand a module on; in others what it reads
    of them: np.linalg.norm.
    """
    if of_library(f.__code__.co_filename):
        return [(vars(os), "environ")] if f is os.getenv else []
    read = names_in(f.__code__)
    found: list[tuple[Any, str]] = [(f.__globals__, name) for name in read.globals]
    found += [(sys.modules, name) for name in read.imported]
    around = dict(zip(f.__code__.co_freevars, map(content, f.__closure__ or ()), strict=True))
    modules = [x for x in (*around.values(), *(space.get(name) for space, name in found)) if is_users_module(x)]
    for module in modules:  # settings.rate; here.settings.rate
        found += [(vars(module), name) for name in read.names]
        inner = [vars(module).get(name) for name in read.names]
        modules += [x for x in inner if is_users_module(x) and x not in modules]
    for start, *path in read.paths:
        module = around[start] if start in around else f.__globals__.get(start)
        for name in path:
            if type(module) is not ModuleType or is_users_module(module):
                break
            space, module = vars(module), getattr(module, name, None) if _is_lazy(module) else vars(module).get(name)
            if type(module) is ModuleType or callable(module) or isinstance(module, (*PLAIN, type(os.environ))):
                found.append((space, name))
    return list({(id(space), name): (space, name) for space, name in found}.values())


def _is_lazy(module: Any) -> bool:
    """Whether it is this package, which loads its parts when they are asked for."""
    return bool(module.__name__ == __name__.partition(".")[0])


def is_users_module(x: Any) -> bool:
    """Whether it is a module of the user's own code."""
    if type(x) is not ModuleType:
        return False
    where = getattr(x, "__file__", None) or getattr(getattr(x, "__spec__", None), "origin", None)
    return where is None or not (where in ("built-in", "frozen") or of_library(where))


def content(cell: Any) -> Any:
    """What a variable of a closure holds."""
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return None


class Names(NamedTuple):
    """The names in code and in the functions within it."""

    globals: tuple[str, ...]  # that are looked up there: no attributes' names
    names: tuple[str, ...]
    imported: tuple[str, ...]  # modules
    paths: tuple[tuple[str, ...], ...]  # np.linalg.norm, of a global or a variable around the function


@cache
def names_in(code: CodeType) -> Names:
    """The names that a function may look up, and those within it."""
    inner = [names_in(c) for c in code.co_consts if isinstance(c, CodeType)]
    own: list[str] = []
    imported: list[str] = []
    paths: list[tuple[str, ...]] = [()]
    for i in dis.get_instructions(code):
        if "GLOBAL" in i.opname or i.opname in ("LOAD_NAME", "LOAD_DEREF"):
            own += [i.argval] * (i.opname != "LOAD_DEREF")
            paths.append((i.argval,))
        elif i.opname in ("LOAD_ATTR", "LOAD_METHOD") and paths[-1]:
            paths[-1] += (i.argval,)
        elif i.opname != "EXTENDED_ARG":
            imported += [i.argval] * (i.opname == "IMPORT_NAME")
            paths.append(())
    names = list(code.co_names)
    if not INDIRECT.isdisjoint(names):
        said = [c for c in code.co_consts if isinstance(c, str) and c.isidentifier()]
        names += said
        own += said * ("globals" in names)
    found: list[Sequence[Any]] = [own, names, imported, [path for path in paths if len(path) > 1]]
    return Names(*(_once([*mine, *(n for of in inner for n in of[i])]) for i, mine in enumerate(found)))


def _once(names: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(names))
