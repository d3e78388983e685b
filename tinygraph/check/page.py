"""A report as HTML, for a notebook: nothing in it is believed to be HTML already."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tinygraph.check.fault import Culprit

COLUMNS = ("verdict", "element", "exact", "numeric", "± bound", "ratio")
_RED, _GREEN = "#cf2a2a", "#2b8a3e"


def page(lines: Sequence[str], rows: Sequence[Sequence[str]], culprit: Culprit | None, ok: bool) -> str:
    """A heading, the notes, a table of the elements that are not right, and the culprit.

    Args:
        lines: the report as text; its first line is the heading, lines that begin with note: are kept.
        rows: one for each element shown, a cell for each of `COLUMNS`.
        culprit: the operation at fault.
        ok: whether all is well.

    Example:
        >>> page(["1 < 2"], [], None, True)
        '<div><p><b style="color:#2b8a3e">1 &lt; 2</b></p></div>'
    """
    parts = [f'<p><b style="color:{_GREEN if ok else _RED}">{escape(lines[0])}</b></p>']
    notes = [line.strip() for line in lines[1:] if line.strip().startswith("note:")]
    parts += [f"<p>{escape(note)}</p>" for note in notes]
    if rows:
        head = "".join(f"<th>{escape(name)}</th>" for name in COLUMNS)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    if culprit is not None:
        first, *rest = str(culprit).splitlines()
        told = "".join(f"<br><code>{escape(line.strip())}</code>" for line in rest)
        parts.append(f'<p><b style="color:{_RED}">{escape(first)}</b>{told}</p>')
    return f"<div>{''.join(parts)}</div>"
