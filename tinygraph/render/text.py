"""What a node of a picture says: numbers to four digits, formulas from the ops' symbols."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygraph.op import Op, whole
from tinygraph.render.expression import Expr
from tinygraph.render.names import END, LOWERED, RAISED, is_symbol, plain, unmarked

__all__ = [
    "HIDDEN",
    "TIMES",
    "Formula",
    "atom",
    "bound",
    "constant",
    "derivative",
    "ems",
    "escaped",
    "finished",
    "formula",
    "index",
    "is_news",
    "is_scalar",
    "is_short",
    "length",
    "number",
    "param",
    "plain",
    "shape_and_dtype",
    "spell",
    "summed_axes",
    "total",
    "value",
]

LONGEST_FORMULA = 17.0  # in ems
HIDDEN = "…"

_INFIX = {"+": 1, "−": 1, "×": 2, "*": 2, "÷": 2, "@": 2, "//": 2, "mod": 2, "^": 4}
_PREFIX, _ATOM = 3, 9
_MINUS = "−"  # the sign of arithmetic; a hyphen is too short for it

Formula = tuple[str, int]  # the text, and how tightly its outermost operation binds
_WIDE = set("\u2003…÷×+−=<>@%MWmw∞Σ*‖")
_NARROW = set(" .,:;'|!()[]/ijlrtfI")
_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_SUBSCRIPT = str.maketrans("0123456789×", "₀₁₂₃₄₅₆₇₈₉ₓ")
TIMES = " · "
UNKNOWN: Formula = (HIDDEN, _ATOM)


def number(value: Any) -> str:
    """A number to four significant digits.

    Example:
        >>> number(33.0), number(1 / 3), number(1e-7), number(float("nan")), number(True)
        ('33', '0.3333', '1e−07', 'nan', 'True')
        >>> number(1 - 2j)
        '(1−2j)'
    """
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    found = f"({complex(value) + 0.0:.4g})" if np.iscomplexobj(value) else f"{float(value) + 0.0:.4g}"
    return found.replace("inf", "∞").replace("-", _MINUS)


def is_scalar(value: Any) -> bool:
    """Whether a value is one number, so that it can be written out."""
    return bool(np.ndim(whole(value)) == 0)


def shape_and_dtype(value: Any) -> str:
    """What is said of an array beside its numbers.

    Example:
        >>> shape_and_dtype(np.zeros((2, 3), np.float32))
        '(2, 3) float32'
    """
    value = whole(value)
    return f"{value.shape} {value.dtype}"


def escaped(text: str) -> str:
    r"""Text as it stands in a DOT label, where a backslash begins a command and an ampersand a sign.

    Example:
        >>> escaped(r"a\N &lt;")
        'a\\\\N &amp;lt;'
    """
    return text.replace("\\", "\\\\").replace("&", "&amp;")


def ems(text: str) -> float:
    """A generous width of text in units of its size: Graphviz measures with one font, the reader's may be wider.

    Example:
        >>> ems("ab") < ems("概率")
        True
    """
    return math.fsum(_em(c) for c in unmarked(text))  # exact, so that every Python draws the same picture


def _em(c: str) -> float:
    if unicodedata.combining(c):
        return 0.0
    if unicodedata.east_asian_width(c) in "WF" or c in _WIDE:
        return 1.0
    return 0.36 if c in _NARROW else 0.68


def spell(x: Expr) -> Formula:
    """A formula as text, and how tightly its outermost operation binds."""
    if x.op is None:
        return atom(x.name) if x.name else constant(x.value)
    operands = [spell(o) for o in x.operands]
    arrays = len(operands) > 1 and all(np.ndim(o.value) for o in x.operands)
    return _special(x, operands) or formula(x.op, x.params, operands, arrays)


def _special(x: Expr, operands: Sequence[Formula]) -> Formula | None:
    """The engine's own operations, which only a reverse pass shows."""
    name = x.op.name if x.op is not None else ""
    if name == "sum_to":
        summed = summed_axes(np.shape(x.operands[0].value), np.shape(x.value))
        return f"Σ({operands[0][0]}{f', axis={summed}' if summed else ''})", _ATOM
    if name == "broadcast_to" and np.size(x.operands[0].value) == 1:
        shape = "×".join(map(str, np.shape(x.value)))
        factor = "" if x.operands[0].number == 1 else f"{bound(operands[0], _INFIX['×'])} "
        return f"{factor}𝟏{LOWERED}{shape}{END}", _INFIX["×"]
    return None


def summed_axes(before: tuple[int, ...], after: tuple[int, ...]) -> str:
    """The axes along which an array of one shape is summed to one of another; empty where it is all of them."""
    extra = len(before) - len(after)
    axes = [*range(extra), *(i for i, n in enumerate(before[extra:], extra) if n != after[i - extra])]
    if math.prod(after) == 1:
        return ""
    return str(axes[0]) if len(axes) == 1 else str(tuple(axes))


def formula(op: Op, params: Mapping[str, Any] | None, operands: Sequence[Formula], arrays: bool = False) -> Formula:
    """An operation on its operands, as a person would write it; `arrays` where all of several operands are.

    Example:
        >>> import tinygraph as tg
        >>> formula(tg.multiply, None, [("3", 9), ("a + u", 1)])[0]
        '3 × (a + u)'
        >>> formula(tg.sum, {"axis": 0, "keepdims": False}, [("x", 9)])[0]
        'Σ(x, axis=0)'
    """
    symbol = "*" if arrays and op.symbol == "×" else op.symbol
    if symbol in _INFIX and len(operands) == 2:
        return _infix(symbol, *operands)
    if len(operands) == 1 and symbol in ("−", "+"):
        return f"{symbol}{bound(operands[0], _INFIX['×'])}", _INFIX["+"] if symbol == "−" else _PREFIX
    if op.name == "getitem" and params is not None:
        return f"{bound(operands[0], _ATOM)}[{index(params['index'])}]", _ATOM
    given = [f"{name}={param(value)}" for name, value in (params or {}).items() if is_news(op, name, value)]
    if len(operands) == 1 and not given:
        if symbol == "ᵀ":
            return f"{bound(operands[0], _ATOM)}ᵀ", _ATOM
        if len(symbol) > 1 and re.search(r"\bx", symbol) and not symbol.isalpha():  # x², 1/x, |x|
            enclosed = not symbol.startswith(("x", "1"))
            inner = (
                operands[0][0] if enclosed else _base(operands[0]) if symbol[0] == "x" else bound(operands[0], _ATOM)
            )
            return symbol.replace("x", inner, 1), _ATOM if enclosed else _PREFIX
    return f"{symbol}({', '.join([*(text for text, _ in operands), *given])})", _ATOM


def _infix(symbol: str, left: Formula, right: Formula) -> Formula:
    bond = _INFIX[symbol]
    if symbol == "^" and right[0].isdecimal():
        return f"{_base(left)}{right[0].translate(_SUPERSCRIPT)}", bond
    if symbol == "@" and is_symbol(left[0]) and is_symbol(right[0]):
        return f"{left[0]} {right[0]}", bond
    return f"{bound(left, bond + (symbol == '^'))} {symbol} {bound(right, bond + 1)}", bond


def _base(operand: Formula) -> str:
    """What a power stands at: in brackets also where something is raised there already."""
    return f"({operand[0]})" if operand[0].endswith(END) else bound(operand, _ATOM)


def bound(operand: Formula, bond: int) -> str:
    """A formula inside another, in brackets where it binds less tightly than it must."""
    text, own = operand
    return text if own >= bond else f"({text})"


def is_news(op: Op, name: str, value: Any) -> bool:
    """Whether a param differs from its default, and so must be said."""
    default = op.params.get(name)
    return value is not None and not (
        type(value) is type(default) and isinstance(value, bool | int | str | float) and value == default
    )


def param(value: Any) -> str:
    """A param in a formula."""
    if isinstance(value, bool | int | float | str | np.dtype | type(None)):
        return str(value)
    if isinstance(value, tuple | list) and all(isinstance(v, int) for v in value):
        return str(tuple(value))
    return HIDDEN


def index(key: Any) -> str:
    """What stands between the brackets of an index."""
    if isinstance(key, tuple):
        return ", ".join(map(index, key))
    if isinstance(key, slice):
        parts = ["" if v is None else str(v) for v in (key.start, key.stop, key.step)]
        return ":".join(parts if parts[2] else parts[:2])
    if isinstance(key, int | np.integer):
        return str(key)
    return {type(None): "None", type(Ellipsis): "..."}.get(type(key), HIDDEN)


def is_short(formula: str) -> bool:
    """Whether a formula reads well inside another; a hidden part of it would be ambiguous."""
    return HIDDEN not in formula and ems(formula) <= LONGEST_FORMULA / 2


def atom(name: str) -> Formula:
    """A name inside a formula."""
    whole = re.fullmatch(r"[^\W\d][\w.]*(\[\d+\][\w.]*)*", unmarked(name)) or RAISED in name or is_symbol(name)
    return name, _ATOM if whole else _PREFIX


def total(parts: Iterable[str]) -> str:
    """A sum of numbers that are written already.

    Example:
        >>> total(["2", "−1", "3"])
        '2 − 1 + 3'
    """
    first, *others = parts
    return first + "".join(f" − {o[1:]}" if o.startswith(_MINUS) else f" + {o}" for o in others)


def length(g: Any) -> float:
    """The Euclidean length of an array, of a small one in half of `np.linalg.norm`'s time.

    Example:
        >>> length(np.array([[3.0], [4.0]])), length(np.float32(-2.0))
        (5.0, 2.0)
    """
    return math.sqrt(np.vdot(g, g).real)


def constant(value: Any) -> Formula:
    """A bare operand inside a formula."""
    if not is_scalar(value):
        return UNKNOWN
    text = number(value)
    return text, _INFIX["+"] if text.startswith(_MINUS) else _ATOM


def derivative(of: str, by: str, d: str = "d") -> str:
    """How the course writes a derivative; the nameless are left out."""
    return f"{d}{of}/{d}{by}"


def finished(written: str) -> str:
    """A line as the reader has it, without marks."""
    return unmarked(re.sub(f"{LOWERED}([0-9×]+){END}", lambda found: found[1].translate(_SUBSCRIPT), written))


def value(x: Any) -> str:
    """A value in one line: a number, a small array, or the shape of a large one."""
    from tinygraph.render.numbers import short

    return short(x)
