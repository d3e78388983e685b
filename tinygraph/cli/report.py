"""The demo's findings as one page of HTML that needs no other file."""

from __future__ import annotations

from html import escape
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from string import Template
from typing import Any, NamedTuple

import numpy as np

from tinygraph.check import Report
from tinygraph.cli.charts import digit
from tinygraph.data import Split

_MISTAKES = 12


class Drawing(NamedTuple):
    """A picture of a graph: its SVG, or, where nothing can draw, None; and its DOT source."""

    svg: str | None
    dot: str


class Findings(NamedTuple):
    """All that the page tells. Every text in it is plain text."""

    command: str
    course: Drawing
    step: Drawing
    curve: str
    source: str
    data: Split
    found: Any
    accuracies: dict[str, float]
    goal: float
    gradients: Report
    parameters: int
    epochs: int
    seed: int
    batch: int


def page(f: Findings) -> str:
    """The page, the same text for the same findings."""
    wrong = np.flatnonzero(f.found != f.data.held_out_y)
    template = Template((files(__package__) / "report.html").read_text(encoding="utf-8"))
    return template.substitute(
        command=escape(f.command),
        figures=_figures(f),
        course=_picture(f.course),
        step=_picture(f.step, " wide"),
        source=escape(f.source),
        curve=f.curve,
        confusion=_confusion(f.data.held_out_y, f.found),
        mistakes=_mistakes(f.data, f.found, wrong),
        mistakes_title=_mistakes_title(len(wrong), len(f.found)),
        gradients=_gradients(f.gradients),
        gradients_title="Its gradients are right" if f.gradients.ok else "Its gradients are not right",
        evaluations=f"{f.gradients.evaluations:,}",
        training=f"{len(f.data.train_y):,}",
        held_out=len(f.data.held_out_y),
        epochs=f.epochs,
        seed=f.seed,
        batch=f.batch,
        version=_version(),
        numpy=np.__version__,
    )


def _version() -> str:
    try:
        return version("tinygraph")
    except PackageNotFoundError:
        return "from source"


def _figures(f: Findings) -> str:
    """The figures at the top; the last two are judged."""
    (simple, easy), (deep, reached) = f.accuracies.items()
    g = f.gradients
    tiles = [
        (f"{f.parameters:,}", f"parameters of the {deep}", ""),
        (f"{easy:.1%}", f"held-out accuracy, {simple}", ""),
        (f"{reached:.1%}", f"held-out accuracy, {deep}", "good" if reached >= f.goal else "bad"),
        (f"{g.right:,}", f"of {g.size:,} gradients right, {g.wrong:,}\u00a0wrong", "good" if g.ok else "bad"),
    ]
    return "".join(
        f'<div class="figure"><b class="{kind}">{escape(figure)}</b><span>{escape(words)}</span></div>'
        for figure, words, kind in tiles
    )


def _picture(drawing: Drawing, kind: str = "") -> str:
    if drawing.svg is not None:
        return f'<div class="picture{kind}">{drawing.svg}</div>'
    why = "Nothing to draw with is installed; this is the graph's source for Graphviz."
    return f"<p>{why}</p><pre>{escape(drawing.dot)}</pre>"


def _confusion(truth: Any, found: Any) -> str:
    """Rows are the digits shown, columns what the network read."""
    counts = np.zeros((10, 10), dtype=int)
    np.add.at(counts, (truth, found), 1)
    rows = ['<tr><th class="axis">shown \\ read</th>' + "".join(f"<th>{k}</th>" for k in range(10)) + "</tr>"]
    for shown, row in enumerate(counts):
        cells = "".join(_cell(int(n), shown == read, int(row.sum())) for read, n in enumerate(row))
        rows.append(f"<tr><th>{shown}</th>{cells}</tr>")
    return f'<div class="scroll"><table class="confusion">{"".join(rows)}</table></div>'


def _cell(n: int, right: bool, total: int) -> str:
    if n == 0:
        return "<td></td>"
    shade = 0.12 + 0.5 * n / total if right else min(0.25 + 0.15 * n, 0.8)
    return f'<td style="background:rgba(var(--{"blue" if right else "red"}),{shade:.2f})">{n}</td>'


def _mistakes_title(wrong: int, total: int) -> str:
    if wrong <= _MISTAKES:
        return f"The {wrong} it misread, of {total}"
    return f"{_MISTAKES} of the {wrong} it misread, of {total}"


def _mistakes(data: Split, found: Any, wrong: Any) -> str:
    figures = []
    for k in wrong[:_MISTAKES]:
        shown, read = int(data.held_out_y[k]), int(found[k])
        image = digit(data.held_out_x[k], f"a {shown} read as {read}")
        figures.append(f"<figure>{image}a {shown}, read as&nbsp;{read}</figure>")
    return f'<div class="digits">{"".join(figures)}</div>' if figures else "<p>None.</p>"


def _gradients(report: Report) -> str:
    """A row for each parameter array."""
    head = ["parameter", "shape", "right", "wrong", "inconclusive", "largest difference", "largest bound"]
    rows = ["<tr>" + "".join(f"<th>{escape(words)}</th>" for words in head) + "</tr>"]
    for c in report.comparisons:
        right, wrong = c.count("right"), c.count("wrong")
        with np.errstate(all="ignore"):
            gap = np.max(np.abs(c.exact - c.numeric.value), initial=0.0, where=c.verdicts == "right")
            bound = np.max(c.numeric.bound, initial=0.0, where=c.verdicts == "right")
        name = c.name.removeprefix("x0['").removesuffix("']")
        shape = " × ".join(map(str, c.verdicts.shape)) or "scalar"
        cells = [
            name,
            shape,
            f"{right:,}",
            f"{wrong:,}",
            f"{c.verdicts.size - right - wrong:,}",
            f"{gap:.1e}",
            f"{bound:.1e}",
        ]
        rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    return f"<table>{''.join(rows)}</table>"
