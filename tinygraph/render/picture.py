"""A drawn graph, as a notebook, a file or another program wants it."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tinygraph.render import dot, export, steps
from tinygraph.render.colour import palette, style
from tinygraph.render.drawing import Drawing
from tinygraph.render.paint import paint

SECONDS = 10.0  # for Graphviz


@dataclass(frozen=True)
class Picture:
    """A drawn graph: `dot` is its source for Graphviz, `svg` the picture, drawn when it is first asked for.

    A notebook shows it by itself; `text` tells the same to whoever cannot see it. `svg` raises
    `tinygraph.render.layout.LayoutError` where there is nothing to draw with.

    Example:
        >>> import tinygraph as tg
        >>> from tinygraph.render import render
        >>> x = tg.Tensor(3.0, name="x")
        >>> y = x * x
        >>> picture = render(y * 2, names={"y": y})
        >>> print(picture.text)
        x = 3
        y = x × x = 3 × 3 = 9
        y × 2 = 9 × 2 = 18
        d/dy = d(y × 2)/dy = 2
        d/dx = d/dy · dy/dx = d/dy · (2 × x) = 2 · 6 = 12
        >>> "d/dx = 12" in picture.dot and "d/dx = 12" in picture.svg
        True
    """

    drawing: Drawing
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    theme: str = field(default="auto", repr=False)
    backend: str | None = field(default=None, repr=False)
    steps: bool = field(default=False, repr=False)
    seconds: float = field(default=SECONDS, repr=False)

    @cached_property
    def dot(self) -> str:
        """The source for Graphviz."""
        return dot.write(self.drawing, palette(self.theme))

    @cached_property
    def svg(self) -> str:
        """The picture: one element, which can stand in a file or in HTML.

        Where Graphviz takes longer than `seconds`, a simpler layout is drawn, and says so.
        """
        from tinygraph.render.layout import LateError, svg

        colours = palette(self.theme)
        try:
            drawn = svg(self.dot, backend=self.backend, seconds=self.seconds)
        except LateError as late:
            simpler = dot.write(self.drawing, colours, f"a simpler layout, since {late}", dot.simply(self.drawing))
            drawn = svg(simpler, engine="nop", backend=self.backend)
        return paint(drawn, self.drawing, colours, style(self.theme))

    @property
    def text(self) -> str:
        """The graph in words: each value with its equation, then each derivative by the chain rule."""
        return self.drawing.text

    @cached_property
    def html(self) -> str:
        """A page that holds the picture and its text, or its steps, and asks for nothing from elsewhere."""
        if self.steps:
            title = self.drawing.title or "forward and backward, step by step"
            return steps.page(self.svg, self.drawing.steps, title, self.text, self.theme)
        return export.page(self.svg, self.drawing.title or "computation graph", self.text, self.theme)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file: .svg, .png, .pdf, .html, .json, or .dot and .gv, by its ending.

        Raises:
            ValueError: an ending that is none of these.
            OSError: the file cannot be written; nothing is half written.
            LayoutError: nothing to draw with is installed; the source is then written beside, as .dot.
            ModuleNotFoundError: what makes PNG and PDF of SVG is not installed; the message says what to install.
        """
        export.save(self, Path(path))

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        shown = {"image/svg+xml": self.svg, "text/plain": self.text}
        if self.steps:
            frame = f'<iframe style="border:0;width:100%;height:46rem" srcdoc="{html.escape(self.html)}"></iframe>'
            shown["text/html"] = frame
        return shown
