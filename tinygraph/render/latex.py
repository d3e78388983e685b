"""Formulas in LaTeX, from the template that each op bears; nothing that KaTeX and MathJax do not know."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from string import Formatter
from typing import Any

import numpy as np

from tinygraph.render import names, numbers, text
from tinygraph.render.expression import Expr

_SUM, _ENTRYWISE, _PRODUCT, _FUNCTION, _POWER, _ATOM = 0, 1, 2, 3, 4, 9  # a product of arrays stands with no sign
_BONDS = {"+": _SUM, "−": _SUM, "×": _PRODUCT, "÷": _ATOM, "@": _PRODUCT, "mod": _PRODUCT, "//": _ATOM, "^": _POWER}
_SLOTS = "xyzw"
_CLOSED = [("{", "}"), ("(", ")"), ("(", ","), (", ", ","), (", ", ")"), ("|", "\\")]
_CLOSED += [("floor ", r" \r"), ("ceil ", r" \r")]

Formula = tuple[str, int]
TIMES = r" \cdot "


def number(value: Any) -> str:
    r"""A number to four significant digits.

    Example:
        >>> number(1e-7), number(float("inf")), number(-2.0)
        ('1 \\times 10^{-7}', '\\infty', '-2')
    """
    plain = text.number(value).replace("−", "-").replace("∞", r"\infty").replace("nan", r"\mathrm{nan}")
    mantissa, e, exponent = plain.partition("e") if plain[-1:].isdigit() else (plain, "", "")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if e else mantissa


def spell(x: Expr) -> Formula:
    r"""A formula as LaTeX, and how tightly its outermost operation binds; the names in it are LaTeX already.

    Example:
        >>> import tinygraph as tg
        >>> a, b = (Expr(np.float64(2.0), name=name) for name in "ab")
        >>> spell(Expr(np.float64(1.0), tg.divide, (a, b)))[0]
        '\\frac{a}{b}'
    """
    if x.op is None:
        return atom(x.name) if x.name else constant(x.value)
    operands = [spell(o) for o in x.operands]
    return _special(x, operands) or _by_template(x, operands)


def atom(name: str) -> Formula:
    """A name inside a formula: marked for pictures, or LaTeX already where it begins with a backslash or a d."""
    is_latex = name.startswith(("\\", "d")) and ("{" in name or "\\" in name or (len(name) == 2 and name.isascii()))
    written = name if is_latex else names.latex(name)
    return written, _POWER if "^" in written else _ATOM


def constant(value: Any) -> Formula:
    """A bare operand inside a formula."""
    if np.ndim(value):
        return r"\ldots", _ATOM
    written = number(value)
    return written, _SUM if written.startswith("-") or "times" in written else _ATOM


def _special(x: Expr, operands: Sequence[Formula]) -> Formula | None:
    """What reads otherwise than its template: products of arrays, indices, sums along axes, broadcasting."""
    assert x.op is not None
    name, params = x.op.name, x.params or {}
    if x.op.symbol == "×" and all(np.ndim(o.value) for o in x.operands):
        return rf"{bound(operands[0], _ENTRYWISE)} * {bound(operands[1], _PRODUCT + 1)}", _ENTRYWISE
    if name == "getitem":
        return rf"{bound(operands[0], _ATOM)}_{{{text.index(params['index'])}}}".replace("…", r"\ldots"), _ATOM
    if name in ("sum", "sum_to"):
        axes = _axes(x)
        return rf"\sum{axes} {bound(operands[0], _PRODUCT)}", _PRODUCT
    if name == "broadcast_to" and np.size(x.operands[0].value) == 1:
        shape = r" \times ".join(map(str, np.shape(x.value)))
        factor = "" if x.operands[0].number == 1 else rf"{bound(operands[0], _PRODUCT)} \, "
        return rf"{factor}\mathbf{{1}}_{{{shape}}}", _PRODUCT
    if x.op.symbol == "ᵀ" and len(operands) == 1 and not params.get("axes") and operands[0][0].endswith("]}"):
        return rf"{operands[0][0][:-1]}\top}}", _POWER
    if x.op.symbol == "−" and len(operands) == 1:
        return f"-{bound(operands[0], _PRODUCT)}", _SUM
    given = [f"{k}={text.param(v)}" for k, v in params.items() if text.is_news(x.op, k, v)]
    if given or len(operands) > len(_SLOTS):
        inner = ", ".join([o for o, _ in operands] + [rf"\mathrm{{{_words(g)}}}" for g in given])
        return rf"\operatorname{{{_words(x.op.name)}}}({inner})", _ATOM
    return None


def _axes(x: Expr) -> str:
    before, after = np.shape(x.operands[0].value), np.shape(x.value)
    axis = (x.params or {}).get("axis") if x.op is not None and x.op.name == "sum" else None
    found = str(axis) if axis is not None else text.summed_axes(before, after) if np.size(x.value) > 1 else ""
    return rf"_{{\mathrm{{axis}}\,{found}}}" if found else ""


def _by_template(x: Expr, operands: Sequence[Formula]) -> Formula:
    """The op's own formula; an operand that nothing encloses there is put in brackets where it must be."""
    assert x.op is not None
    pieces = list(Formatter().parse(x.op.latex))
    own = _BONDS.get(x.op.symbol) if len(operands) == 2 else None
    written = ""
    following = [*(literal for literal, *_ in pieces[1:]), ""]
    for (literal, slot, _, _), after in zip(pieces, following, strict=True):
        written += literal
        if not slot:
            continue
        place = _SLOTS.index(slot)
        if any(written.endswith(a) and after.startswith(b) for a, b in _CLOSED):
            need = 0
        elif own is not None and own < _POWER:
            need = own + (place > 0)
        else:
            need = _ATOM if after[:1] in ("^", "_") else _POWER
        written += bound(operands[place], need)
    return written, own if own is not None else _own_bond(x.op.latex)


def _own_bond(template: str) -> int:
    """How tightly a template binds: as a sum, a power, a function before its argument, or as a whole."""
    bare = re.sub(r"\{.*\}|\(.*\)", "", template)
    if re.search(r" [+-] ", bare):
        return _SUM
    if re.match(r"\{x\}[\^_]", template):
        return _POWER
    return _FUNCTION if re.search(r"\w \{x\}$", template) else _ATOM


def bound(operand: Formula, bond: int) -> str:
    """A formula inside another, in brackets where it binds less tightly than it must."""
    written, own = operand
    return written if own >= bond else rf"\left({written}\right)"


def _words(plain: str) -> str:
    return plain.replace("_", r"\_").replace("…", r"\ldots")


def derivative(of: str, by: str, d: str = "d") -> str:
    r"""A derivative as a fraction.

    Example:
        >>> derivative("J", "u")
        '\\frac{dJ}{du}'
    """
    d = {"∂": r"\partial "}.get(d, d)
    return rf"\frac{{{d}{of}}}{{{d}{by}}}"


def value(x: Any) -> str:
    r"""A number, or a small array as a matrix; nothing of a large one.

    Example:
        >>> value(np.array([[1.0, 0.5]]))
        '\\begin{bmatrix} 1 & 0.5 \\end{bmatrix}'
    """
    if np.ndim(x) == 0:
        return number(x)
    if not numbers.is_small(x):
        return ""
    rows = r" \\ ".join(" & ".join(map(number, row)) for row in np.atleast_2d(x))
    return rf"\begin{{bmatrix}} {rows} \end{{bmatrix}}"


def total(parts: Iterable[str]) -> str:
    """A sum of what is written already."""
    first, *others = parts
    return first + "".join(f" - {o[1:]}" if o.startswith("-") else f" + {o}" for o in others)


def finished(written: str) -> str:
    """A line as the reader has it."""
    return written
