"""What a node of a picture says: numbers to four digits, formulas from the ops' symbols, names made safe."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinygraph.op import Op

LONGEST_NAME = 40
LONGEST_FORMULA = 17.0  # in ems
HIDDEN = "…"

_INFIX = {"+": 1, "−": 1, "×": 2, "÷": 2, "@": 2, "//": 2, "mod": 2, "^": 4}
_PREFIX, _ATOM = 3, 9
_MINUS = "−"  # the sign of arithmetic; a hyphen is too short for it

Formula = tuple[str, int]  # the text, and how tightly its outermost operation binds
_WIDE = set("…÷×+−=<>@%MWmw∞Σ")
_NARROW = set(" .,:;'|!()[]/ijlrtfI1")
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
UNKNOWN: Formula = (HIDDEN, _ATOM)


def number(value: Any) -> str:
    """A number to four significant digits.

    Example:
        >>> number(33.0), number(1 / 3), number(1e-7), number(float("nan")), number(True)
        ('33', '0.3333', '1e−07', 'nan', 'True')
    """
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    return f"{float(value) + 0.0:.4g}".replace("inf", "∞").replace("-", _MINUS)


def is_scalar(value: Any) -> bool:
    """Whether a value is one number, so that it can be written out."""
    return bool(np.ndim(value) == 0)


def shape_and_dtype(value: Any) -> str:
    """What is said of an array instead of its numbers.

    Example:
        >>> shape_and_dtype(np.zeros((2, 3), np.float32))
        '(2, 3) float32'
    """
    return f"{value.shape} {value.dtype}"


def plain(name: Any) -> str:
    r"""A name in one line without what no file can hold, cut where it is very long.

    Example:
        >>> plain("  cost\n\0(J) ")
        'cost (J)'
    """
    text = "".join(c if c.isprintable() else " " for c in str(name))
    text = re.sub(r"\s+", " ", text).strip()
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"


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
    return math.fsum(_em(c) for c in text)  # exact, so that every Python draws the same picture


def _em(c: str) -> float:
    if unicodedata.east_asian_width(c) in "WF" or c in _WIDE:
        return 1.0
    return 0.36 if c in _NARROW else 0.68


def formula(op: Op, params: Mapping[str, Any] | None, operands: Sequence[Formula]) -> Formula:
    """An operation on its operands, as a person would write it.

    Example:
        >>> import tinygraph as tg
        >>> formula(tg.multiply, None, [("3", 9), ("a + u", 1)])[0]
        '3 × (a + u)'
        >>> formula(tg.sum, {"axis": 0, "keepdims": False}, [("x", 9)])[0]
        'Σ(x, axis=0)'
    """
    symbol = op.symbol
    if symbol in _INFIX and len(operands) == 2:
        bond = _INFIX[symbol]
        left, right = operands
        if symbol == "^" and right[0].isdecimal():
            return f"{_bound(left, bond + 1)}{right[0].translate(_RAISED)}", bond
        return f"{_bound(left, bond + (symbol == '^'))} {symbol} {_bound(right, bond + 1)}", bond
    if len(operands) == 1 and symbol in ("−", "+"):
        return f"{symbol}{_bound(operands[0], _PREFIX + 1)}", _PREFIX
    if op.name == "getitem" and params is not None:
        return f"{_bound(operands[0], _ATOM)}[{_index(params['index'])}]", _ATOM
    given = [f"{name}={_param(value)}" for name, value in (params or {}).items() if _is_news(op, name, value)]
    if len(operands) == 1 and not given:
        if symbol == "ᵀ":
            return f"{_bound(operands[0], _ATOM)}ᵀ", _ATOM
        if len(symbol) > 1 and re.search(r"\bx", symbol) and not symbol.isalpha():  # x², 1/x, |x|
            enclosed = not symbol.startswith(("x", "1"))
            inner = operands[0][0] if enclosed else _bound(operands[0], _ATOM)
            return symbol.replace("x", inner, 1), _ATOM if enclosed else _PREFIX
    return f"{symbol}({', '.join([*(text for text, _ in operands), *given])})", _ATOM


def _bound(operand: Formula, bond: int) -> str:
    text, own = operand
    return text if own >= bond else f"({text})"


def _is_news(op: Op, name: str, value: Any) -> bool:
    default = op.params.get(name)
    return value is not None and not (
        type(value) is type(default) and isinstance(value, bool | int | str | float) and value == default
    )


def _param(value: Any) -> str:
    if isinstance(value, bool | int | float | str | np.dtype | type(None)):
        return str(value)
    if isinstance(value, tuple | list) and all(isinstance(v, int) for v in value):
        return str(tuple(value))
    return HIDDEN


def _index(key: Any) -> str:
    if isinstance(key, tuple):
        return ", ".join(map(_index, key))
    if isinstance(key, slice):
        parts = ["" if v is None else str(v) for v in (key.start, key.stop, key.step)]
        return ":".join(parts if parts[2] else parts[:2])
    if isinstance(key, int | np.integer):
        return str(key)
    return {type(None): "None", type(Ellipsis): "..."}.get(type(key), HIDDEN)


def shortened(found: Formula) -> Formula:
    """A formula to be read inside another: hidden where it is long, since its own node shows it."""
    return found if ems(found[0]) <= LONGEST_FORMULA / 2 else UNKNOWN


def atom(name: str) -> Formula:
    """A name inside a formula."""
    return name, _ATOM if name.isidentifier() else _PREFIX


def length(g: Any) -> float:
    """The Euclidean length of an array."""
    return float(np.linalg.norm(np.ravel(g)))


def constant(value: Any) -> Formula:
    """A bare operand inside a formula."""
    if not is_scalar(value):
        return UNKNOWN
    text = number(value)
    return text, 1 if text.startswith(_MINUS) else _ATOM


def derivative(of: str, by: str) -> str:
    """How the course writes a derivative; the nameless are left out."""
    return f"d{of}/d{by}"
