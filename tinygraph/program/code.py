"""A program: straight-line NumPy code as lines, each a name and the expression that it stands for."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

SPECIAL = "scipy.special"  # whose functions a program names too, where it is loaded
LOAD = ast.Load()
GENERATORS = (np.random.Generator, np.random.RandomState)
Capture = Callable[[Any], ast.expr]
NOTED = ("names_used", "as_text")  # what is noted at an expression, for no expression is ever changed
UNMATCHED = "NotImplemented"  # what a program returns where its checks find other values than those it was recorded on


class Line(NamedTuple):
    """`name = code`; without a name a statement: an assignment into an array, or a check of a value."""

    name: str | None
    code: ast.AST
    value: Any = None  # what was recorded: its shape and dtype are known, its memory tells what shares it
    where: str = ""  # file and line of the user's code
    block: str = "forward"

    @property
    def check(self) -> bool:
        return isinstance(self.code, ast.If)

    def of(self, code: ast.AST) -> Line:
        """The line with another expression."""
        return self if code is self.code else Line(self.name, code, self.value, self.where, self.block)


@dataclass(frozen=True)
class Program:
    """What a function did to its arrays, in order.

    `inputs` and `constants` are the names of its arguments and of arrays that it met, with their values; `results`
    names what it returns; `labels` has the user's name of a variable; `unstable` are variables whose memory is written
    to, and random generators, so that no expression of them may be moved or merged. `writes` says what some inputs,
    or parts of inputs, shall hold in the end, each the value of a variable. `routines` are loops, as functions of their
    own: see `tinygraph.program.routines`.
    """

    inputs: Mapping[str, Any]
    constants: Mapping[str, Any]
    lines: tuple[Line, ...]
    results: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    unstable: frozenset[str] = frozenset()
    writes: Mapping[str, str] = field(default_factory=dict)
    routines: Mapping[str, Any] = field(default_factory=dict)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The variables that must be there in the end: what is returned, what is written, and what it is written to."""
        return (*self.results, *self.writes.values(), *self.writes)

    @property
    def generators(self) -> frozenset[str]:
        """The names of the random generators that it draws from."""
        return frozenset(k for k, x in self.constants.items() if isinstance(x, GENERATORS))

    def with_lines(self, lines: Sequence[Line], **changes: Any) -> Program:
        return replace(self, lines=tuple(lines), **changes)


Pass = Callable[[Program], Program]


def used(code: ast.AST) -> tuple[str, ...]:
    """The names that are read in an expression or statement, as often as they are."""
    found: tuple[str, ...] | None = getattr(code, "names_used", None)
    if found is None:
        if isinstance(code, ast.BinOp):
            found = used(code.left) + used(code.right)
        elif isinstance(code, ast.Name):
            found = (code.id,)
        else:
            found = ()
            for part in _parts(code):
                found += used(part)
        code.names_used = found  # type: ignore[attr-defined]  # no expression is ever changed
    return found


def _parts(code: ast.AST) -> list[ast.AST]:
    """The expressions that an expression is made of."""
    found: list[ast.AST] = []
    for part in code._fields:
        value = getattr(code, part, None)
        if isinstance(value, list):
            found += [v for v in value if isinstance(v, ast.AST)]
        elif isinstance(value, ast.AST) and value._fields:  # or it is an operator, say
            found.append(value)
    return found


def substitute(code: ast.AST, by: Mapping[str, ast.expr]) -> Any:
    """An expression with expressions in place of names; the one that was given stays as it is."""
    if not by or by.keys().isdisjoint(used(code)):
        return code
    if isinstance(code, ast.Name):
        return by[code.id]
    made: Any = type(code).__new__(type(code))
    for part, value in code.__dict__.items():
        if isinstance(value, list):
            value = [substitute(v, by) if isinstance(v, ast.AST) else v for v in value]
        elif isinstance(value, ast.AST) and value._fields:
            value = substitute(value, by)
        if part not in NOTED:
            setattr(made, part, value)
    return made


@lru_cache(1 << 14)
def name(identifier: str) -> ast.Name:
    """A name that is read: one expression, wherever it stands."""
    return ast.Name(identifier, LOAD)


def call(function: ast.expr, args: list[ast.expr], keywords: Mapping[str, ast.expr]) -> ast.expr:
    """`function(args, key=value)`."""
    return ast.Call(function, args, [ast.keyword(key, value) for key, value in keywords.items()])


def attribute(of: ast.expr, *path: str) -> ast.expr:
    """`of.one.other`."""
    for part in path:
        of = ast.Attribute(of, part, LOAD)
    return of


def library_name(function: Any) -> ast.expr | None:
    """`np.exp`, `np.linalg.norm`, `scipy.special.j0`: how a function or type is called; None if it is none of these."""
    own = getattr(function, "__name__", "")
    module = getattr(function, "__module__", None) or "numpy"
    for path in ((), tuple(module.split(".")[1:]), ("lib", "stride_tricks")):
        found: Any = np
        for part in (*path, own):
            found = getattr(found, part, None)
        if found is function and found is not None and not any(part.startswith("_") for part in path):
            return attribute(name("np"), *path, own)
    for inner in ((), ("_ufuncs",)):  # some of SciPy's are a private ufunc, behind a look at their arguments
        if own and getattr(sys.modules.get(".".join([SPECIAL, *inner])), own, None) is function:
            return attribute(name("scipy"), "special", *inner, own)
    return None


def literal(value: Any, capture: Capture) -> ast.expr:
    """The expression of a value; of what has none, arrays above all, the name that `capture` gives it."""
    kind = type(value)
    if value is None or value is Ellipsis or kind in (bool, str, bytes):
        return ast.Constant(value)
    if kind in (int, float):
        return _number(value)
    if kind is complex:
        return call(name("complex"), [_number(value.real), _number(value.imag)], {})
    if kind in (tuple, list):
        return (ast.Tuple if kind is tuple else ast.List)([literal(v, capture) for v in value], LOAD)
    if kind is dict:
        return ast.Dict([literal(k, capture) for k in value], [literal(v, capture) for v in value.values()])
    if kind is slice:
        return call(name("slice"), [literal(part, capture) for part in (value.start, value.stop, value.step)], {})
    if kind is range:
        return call(name("range"), [literal(part, capture) for part in (value.start, value.stop, value.step)], {})
    if issubclass(kind, np.dtype) and value.isnative and value.kind in "fiubc":
        return attribute(name("np"), value.type.__name__)
    if issubclass(kind, np.generic) and value.dtype.kind in "fiubc":
        return call(attribute(name("np"), kind.__name__), [literal(value.item(), capture)], {})
    if kind is type and value in (bool, int, float, complex):
        return name(value.__name__)
    return (library_name(value) if callable(value) else None) or capture(value)


def _number(value: float) -> ast.expr:
    if value != value:
        return attribute(name("np"), "nan")
    if value in (float("inf"), -float("inf")):
        size: ast.expr = attribute(name("np"), "inf")
    else:
        size = ast.Constant(abs(value))
    negative = value < 0 or (value == 0 and str(value).startswith("-"))
    return ast.UnaryOp(ast.USub(), size) if negative else size


def subscript(of: ast.expr, key: Any, capture: Capture) -> ast.expr:
    """`x[key]`, with slices as they are written."""

    def part(k: Any) -> ast.expr:
        if type(k) is slice:
            return ast.Slice(*(None if p is None else literal(p, capture) for p in (k.start, k.stop, k.step)))
        return literal(k, capture)

    inner = ast.Tuple([part(k) for k in key], LOAD) if isinstance(key, tuple) and key else part(key)
    return ast.Subscript(of, inner, LOAD)
