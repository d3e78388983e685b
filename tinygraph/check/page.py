"""Reports as HTML, for a notebook, bright or dark: nothing in them is believed to be HTML already."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tinygraph.check.fault import Culprit

COLUMNS = ("verdict", "element", "exact", "numeric", "± bound", "remark")
_RED, _GREEN = "#e5484d", "#2f9e44"  # legible on white and on black


def heading(text: str, ok: bool | None) -> str:
    """A line in bold, green where all is well and red where it is not.

    Example:
        >>> heading("1 < 2", None)
        '<p><b>1 &lt; 2</b></p>'
    """
    colour = "" if ok is None else f' style="color:{_GREEN if ok else _RED}"'
    return f"<p><b{colour}>{escape(text)}</b></p>"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of text.

    Example:
        >>> table(["of"], [["a & b"]])
        '<table><thead><tr><th>of</th></tr></thead><tbody><tr><td>a &amp; b</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def page(lines: Sequence[str], rows: Sequence[Sequence[str]], culprit: Culprit | None, ok: bool) -> str:
    """A heading, the notes, a table of the elements that are not right, and the culprit.

    Args:
        lines: the report as text; its first line is the heading, lines that begin with note: are kept.
        rows: one for each element shown, a cell for each of `COLUMNS`.
        culprit: the operation at fault.
        ok: whether all is well.

    Example:
        >>> page(["1 < 2"], [], None, True)
        '<div><p><b style="color:#2f9e44">1 &lt; 2</b></p></div>'
    """
    parts = [heading(lines[0], ok)]
    notes = [line.strip() for line in lines[1:] if line.strip().startswith("note:")]
    parts += [f"<p>{escape(note)}</p>" for note in notes]
    if rows:
        parts.append(table(COLUMNS, rows))
    if culprit is not None:
        first, *rest = str(culprit).splitlines()
        told = "".join(f"<br><code>{escape(line.strip())}</code>" for line in rest)
        parts.append(f'<p><b style="color:{_RED}">{escape(first)}</b>{told}</p>')
    return f"<div>{''.join(parts)}</div>"
