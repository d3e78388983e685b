"""Expressions as text, as `ast.unparse` writes them: a program has many, all of a few kinds, and this is quicker."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

Sign = tuple[str, int]  # a symbol, and how strongly it binds
BINARY: dict[type, Sign] = {ast.BitOr: ("|", 3), ast.BitXor: ("^", 4), ast.BitAnd: ("&", 5)}
BINARY |= {ast.LShift: ("<<", 6), ast.RShift: (">>", 6), ast.Add: ("+", 7), ast.Sub: ("-", 7), ast.Mult: ("*", 8)}
BINARY |= {ast.Div: ("/", 8), ast.FloorDiv: ("//", 8), ast.Mod: ("%", 8), ast.MatMult: ("@", 8), ast.Pow: ("**", 10)}
UNARY: dict[type, Sign] = {ast.Not: ("not ", 1), ast.USub: ("-", 9), ast.UAdd: ("+", 9), ast.Invert: ("~", 9)}
COMPARED: dict[type, str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
COMPARED |= {ast.Is: "is", ast.IsNot: "is not"}
COMPARING, ATOM = 2, 11

Names = Mapping[str, str]
AS_THEY_ARE: Names = {}


def text_of(code: Any, names: Names = AS_THEY_ARE, binding: int = 0) -> str:
    """The text of an expression or statement, with other names for some of its variables.

    `binding` tells how strongly what stands around it binds: it stands in brackets where that is more than it does.
    """
    if type(code) is ast.Name:
        return names.get(code.id, code.id)
    found: tuple[str, int] | None = getattr(code, "as_text", None) if names is AS_THEY_ARE else None
    if found is None:
        found = _text_of(code, names)
        if names is AS_THEY_ARE:
            code.as_text = found  # no expression is ever changed
    text, own = found
    return f"({text})" if binding > own else text


def _text_of(code: Any, names: Names) -> tuple[str, int]:
    """The text, and how strongly it binds."""
    kind = type(code)
    if kind is ast.BinOp:
        symbol, own = BINARY[type(code.op)]
        power = own == 10  # which is read from right to left
        text = f"{text_of(code.left, names, own + power)} {symbol} {text_of(code.right, names, own + 1 - power)}"
    elif kind is ast.UnaryOp:
        symbol, own = UNARY[type(code.op)]
        text = symbol + text_of(code.operand, names, own)
    elif kind is ast.Compare:
        sides = [text_of(x, names, COMPARING + 1) for x in (code.left, *code.comparators)]
        own, text = (
            COMPARING,
            sides[0] + "".join(f" {COMPARED[type(op)]} {side}" for op, side in zip(code.ops, sides[1:], strict=True)),
        )
    elif kind in _WRITERS:
        own, text = ATOM, _WRITERS[kind](code, names)
    else:
        own, text = 0, _else(code, names)
    return text, own


def _constant(code: Any, names: Names) -> str:
    return "..." if code.value is Ellipsis else repr(code.value)


def _attribute(code: Any, names: Names) -> str:
    return f"{text_of(code.value, names, ATOM)}.{code.attr}"


def _call(code: Any, names: Names) -> str:
    given = [text_of(x, names) for x in code.args]
    given += [f"{k.arg}={text_of(k.value, names)}" if k.arg else f"**{text_of(k.value, names)}" for k in code.keywords]
    return f"{text_of(code.func, names, ATOM)}({', '.join(given)})"


def _subscript(code: Any, names: Names) -> str:
    of, key = text_of(code.value, names, ATOM), text_of(code.slice, names)
    bare = type(code.slice) is ast.Tuple and code.slice.elts
    return f"{of}[{key[1:-1] if bare else key}]"


def _tuple(code: Any, names: Names) -> str:
    parts = [text_of(x, names) for x in code.elts]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def _list(code: Any, names: Names) -> str:
    return f"[{', '.join([text_of(x, names) for x in code.elts])}]"


def _dict(code: Any, names: Names) -> str:
    pairs = zip(code.keys, code.values, strict=True)
    return "{" + ", ".join(f"{text_of(key, names)}: {text_of(value, names)}" for key, value in pairs) + "}"


def _slice(code: Any, names: Names) -> str:
    lower, upper, step = ("" if x is None else text_of(x, names) for x in (code.lower, code.upper, code.step))
    return f"{lower}:{upper}" + f":{step}" * bool(step)


def _assign(code: Any, names: Names) -> str:
    return " = ".join(text_of(x, names) for x in (*code.targets, code.value))


def _augmented(code: Any, names: Names) -> str:
    return f"{text_of(code.target, names)} {BINARY[type(code.op)][0]}= {text_of(code.value, names)}"


def _else(code: Any, names: Names) -> str:
    """What is rare: checks of values."""
    for part in ast.walk(code := ast.parse(ast.unparse(code))):
        if isinstance(part, ast.Name):
            part.id = names.get(part.id, part.id)
    return ast.unparse(code)


_WRITERS = {
    ast.Constant: _constant,
    ast.Attribute: _attribute,
    ast.Call: _call,
    ast.Subscript: _subscript,
    ast.Tuple: _tuple,
    ast.List: _list,
    ast.Dict: _dict,
    ast.Slice: _slice,
    ast.Expr: lambda code, names: text_of(code.value, names),
    ast.Assign: _assign,
    ast.AugAssign: _augmented,
}
