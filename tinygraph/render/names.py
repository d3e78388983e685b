"""Names as mathematics writes them: W[1] and W1 with a raised [1], x1 with a lowered 1, alpha as α, y_hat as ŷ.

A name in a picture is text with marks in it, which say what is raised and what is lowered; `unmarked` takes them out.
"""

from __future__ import annotations

import re
from typing import Any

LONGEST_NAME = 40
LONGEST_TITLE = 200  # of a picture, which has several lines for it
RAISED, LOWERED, END = "\ue000", "\ue001", "\ue002"  # of Unicode's private use area, so that no name holds them

_LETTERS = (
    "α alpha β beta γ gamma δ delta ε epsilon ζ zeta η eta θ theta ι iota κ kappa λ lambda μ mu ν nu ξ xi π pi ρ rho"
)
_LETTERS += (
    " σ sigma τ tau υ upsilon φ phi χ chi ψ psi ω omega Γ Gamma Δ Delta Θ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma Φ Phi"
)
_LETTERS += " Ψ Psi Ω Omega"
_GREEK = dict(zip(_LETTERS.split()[1::2], _LETTERS.split()[::2], strict=True))
_COMMAND = {letter: rf"\{name}" for name, letter in _GREEK.items()}
_BELOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_ON_LINE = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_HAT = "\u0302"
_MARKED = re.compile(
    rf"(?P<stem>[^\W\d_₀-₉]+)(?P<hat>{_HAT})?(?P<digits>[₀-₉]+)?(?P<low>{LOWERED}\w+{END})?(?P<index>{RAISED}[^{END}]+{END})?"
)
_PARTS = re.compile(r"(?P<stem>[^\W\d_₀-₉]+)(?P<hat>_hat)?(?P<low>_\w|_\d+)?(?P<digits>\d*)(?P<index>\[[\w,+−\- ]+\])?")


def plain(name: Any, longest: int = LONGEST_NAME) -> str:
    r"""A name in one line without what no file can hold, cut where it is very long.

    Example:
        >>> plain("  cost\n\0(J) ")
        'cost (J)'
    """
    text = "".join(c if c.isprintable() else " " for c in str(name))
    text = re.sub(r"\s+", " ", text).strip()
    return text if len(text) <= longest else text[: longest - 1] + "…"


def titled(title: Any) -> str:
    """A title in one line, until a picture breaks it; empty where there is none."""
    return plain(title, LONGEST_TITLE) if title else ""


def shown(name: str, array: bool = False) -> str:
    """A name with its index raised or lowered: of an array it is the layer's, of a number the component's.

    Example:
        >>> unmarked(shown("W1", array=True)), shown("x1"), shown("alpha"), shown("参数")
        ('W[1]', 'x₁', 'α', '参数')
    """
    found = _split(name)
    if found is None:
        return name
    stem, hat, low, digits, index = found
    stem = _GREEK.get(stem, stem) + (_HAT if hat else "")
    if digits and array and not index:
        digits, index = "", f"[{digits}]"
    low += digits
    below = low.translate(_BELOW) if low.isdecimal() else f"{LOWERED}{low}{END}" if low else ""
    return stem + below + (f"{RAISED}{index}{END}" if index else "")


def latex(name: str) -> str:
    r"""A name that is marked for pictures, for LaTeX; words of several letters stand upright.

    Example:
        >>> latex(shown("W1", array=True)), latex(shown("x1")), latex(shown("alpha")), latex("cost")
        ('W^{[1]}', 'x_{1}', '\\alpha', '\\mathrm{cost}')
        >>> latex(shown("y_hat")), latex("参数"), latex("a_b")
        ('\\hat{y}', '\\text{参数}', '\\mathrm{a\\_b}')
    """
    found = _MARKED.fullmatch(name)
    if found is None:
        return _upright(unmarked(name))
    written = _COMMAND.get(found["stem"]) or found["stem"]
    written = written if len(found["stem"]) == 1 and (written.isascii()) else _upright(found["stem"])
    if found["hat"]:
        written = rf"\hat{{{written}}}"
    low = (found["digits"] or "").translate(_ON_LINE) + (found["low"] or "")[1:-1]
    index = (found["index"] or "")[1:-1]
    return written + (f"_{{{low}}}" if low else "") + (f"^{{{index}}}" if index else "")


def unmarked(text: str) -> str:
    """Text without its marks."""
    return re.sub(f"[{RAISED}{LOWERED}{END}]", "", text)


def is_symbol(text: str) -> bool:
    """Whether a name is one letter with its indices, so that a product needs no sign between two of them."""
    bare = re.sub(f"[{RAISED}{LOWERED}].*?{END}|[₀-₉{_HAT}ᵀ]", "", text)
    return bare.isalpha() and len(bare.removeprefix("d")) <= 1


def _split(name: str) -> tuple[str, str, str, str, str] | None:
    """Stem, hat, lowered index, digits and raised index of a name of this form; a word with an underscore is a word."""
    found = _PARTS.fullmatch(name.removesuffix("_") if name == "lambda_" else name)
    if found is None:
        return None
    stem, hat, low, digits, index = (found[k] or "" for k in ("stem", "hat", "low", "digits", "index"))
    short = len(stem) == 1 or stem in _GREEK
    if (low or hat or (digits and not index)) and not short:
        return None
    return stem, hat, low[1:], digits, index


def _upright(text: str) -> str:
    special = {"\\": r"\backslash{}", "^": r"\hat{}", "~": r"\sim{}", "·": r"\cdot{}", " ": r"\ "}
    command = "mathrm" if text.isascii() else "text"
    return rf"\{command}{{" + "".join(special.get(c, rf"\{c}" if c in "&%$#_{}" else c) for c in text) + "}"
