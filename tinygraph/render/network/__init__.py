"""The network view: layers as boxes that fold and unfold, with what they hold and what they cost."""

from __future__ import annotations

import gc
import html
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tinygraph.graph import Node
from tinygraph.render import export, text
from tinygraph.render.colour import palette, style
from tinygraph.render.content import reached
from tinygraph.render.names import titled
from tinygraph.render.network import heat as colouring
from tinygraph.render.network import place
from tinygraph.render.network.fold import fold
from tinygraph.render.network.heat import Scale
from tinygraph.render.network.links import Links
from tinygraph.render.network.measure import gradients, measure
from tinygraph.render.network.outline import outline
from tinygraph.render.network.paint import paint
from tinygraph.render.network.parts import Part, Tree
from tinygraph.render.network.still import Still
from tinygraph.render.network.view import at_first, foldable
from tinygraph.render.network.words import MEASURES, Words, amount, counted

SECONDS = 10.0


class Network:
    """A drawn network: `svg` and `dot` are the still picture, `html` the page that folds and unfolds, `text` in words.

    All are made when they are first asked for. A notebook shows the still picture by itself.

    Args:
        roots: the nodes of the results.
        names: by node, by tag and by the identity of bare arrays.
        given: the leaves that are data, though they require a gradient.
        seconds: how long Graphviz may take; a folded picture, then a simpler layout is drawn after that, which says so.
        The others are those of `tinygraph.render`.

    Example:
        >>> import numpy as np
        >>> from tinygraph import nn
        >>> from tinygraph.render import render
        >>> network = render(nn.Linear(3, 2), inputs=(np.zeros((4, 3)),))
        >>> print(network.text)
        Linear: 1 operation, 8 parameters, 56 FLOP
          linear: 4×2, 8 parameters
    """

    def __init__(
        self,
        roots: Sequence[Node],
        names: Mapping[Any, str] = MappingProxyType({}),
        given: Collection[Node] = frozenset(),
        *,
        title: str | None = None,
        theme: str = "auto",
        backend: str | None = None,
        depth: int | None = None,
        parameters: bool = True,
        profile: bool = False,
        heat: str | None = None,
        seconds: float = SECONDS,
    ) -> None:
        if depth is not None and depth < 1:
            raise ValueError(f"depth {depth}: a network has at least one level")
        if heat is not None and heat not in (keys := [m.key for m in MEASURES]):
            raise ValueError(f"heat {heat!r} is not one of {', '.join(keys)}")
        self.theme, self.backend, self.seconds, self.parameters = theme, backend, seconds, parameters
        self.colours = palette(theme)
        self.given, self.names = given, names
        self.roots = list(roots)
        with _uncollected():
            nodes = reached(roots)
            named = (node for node in nodes if node.op is not None and self.name(node))
            self.tree = Tree(nodes, {*self.roots, *named})
            fold(self.tree)
            found = gradients(self.roots, nodes)
            timed = profile or heat in ("forward", "backward")
            self.figures = measure(self.tree, found, self.roots, self.is_parameter, timed)
        self.words = Words(nodes, self.name)
        self.title = titled(title) or self.words.heading(self.tree.root)[0]
        self.tree.root.name = self.tree.root.name or self.title
        self.shown = foldable(self.tree, self.figures, parameters)
        self.opened = at_first(self.shown, self.tree, depth, heat is not None)
        self.heat = heat

    def is_parameter(self, node: Node) -> bool:
        """Whether a leaf is learned."""
        return node.requires_grad and node not in self.given

    def name(self, node: Node) -> str | None:
        """The name given by the caller, else the Tensor's own; of a parameter what its layer calls it."""
        tag = node.tag
        own = tag.name if tag is not None else None
        found = self.names.get(node) or (self.names.get(tag) if tag is not None else None)
        if found and own and found.endswith(f".{own}"):
            found = own
        found = found or own or self.names.get(id(node.value))
        return text.plain(found) or None if found else None

    def scale(self, key: str) -> Scale:
        """The colours of one measure."""
        chosen = next(m for m in MEASURES if m.key == key)
        return Scale(chosen, self.figures[self.tree.root], self.theme == "dark")

    @cached_property
    def counts(self) -> str:
        """The whole in a line."""
        whole = self.figures[self.tree.root]
        said = [counted(whole.operations, "operation"), counted(whole.parameters, "parameter")]
        return ", ".join([*said, amount(whole.flops, "FLOP")])

    @cached_property
    def rest(self) -> str:
        """The dtype that goes without saying."""
        return f"{self.words.dtype} where nothing else is said"

    def links(self, shown: dict[Part, list[Part]]) -> Links:
        """What flows between the parts of these groups."""
        return Links(self.tree, shown, self.is_parameter, self.name, self.parameters)

    def _still(self, opened: set[Part], said: str = "", simply: bool = False) -> tuple[str, Still]:
        shown = {group: inside for group, inside in self.shown.items() if group in opened}
        links = self.links(shown)
        scale = self.scale(self.heat) if self.heat else None
        told = ""
        if scale is not None:
            ends = "blue is small, white about 1, orange large" if scale.measure.magnitude else "the stronger, the more"
            told = f"coloured by {scale.measure.label}: {ends}"
            if not any(map(scale.said, self.figures.values())):
                told = f"no {scale.measure.label} is known: the result is not one number, and backward has not run"
                scale = None
        still = Still(self.tree, self.figures, links, self.words, self.colours, scale, self.roots)
        return still.write(self.title, filter(None, [self.counts, self.rest + said, told]), simply), still

    @cached_property
    def dot(self) -> str:
        """The still picture's source for Graphviz."""
        return self._still(self.opened)[0]

    @cached_property
    def svg(self) -> str:
        """The still picture, without a script.

        Raises:
            LayoutError: nothing to draw with is installed.
        """
        from tinygraph.render.layout import svg, tidy  # which loads graphviz

        source, still = self._still(self.opened)
        drawn, done = place.run([source], "svg", self.seconds, self.backend)
        if not done:
            source, still = self._still({self.tree.root}, "; folded, since unfolded its layout took too long")
            drawn, done = place.run([source], "svg", self.seconds, self.backend)
            if not done:
                said = "; folded, in a simpler layout, since Graphviz took too long"
                source, still = self._still({self.tree.root}, said, simply=True)
                drawn = svg(source, engine="nop", backend=self.backend)
        styles = style(self.theme) + (colouring.style(self.theme) if self.heat else "")
        head = f"<title>{html.escape(self.title)}</title><desc>{html.escape(self.text)}</desc>{styles}"
        return paint(tidy(drawn), still.boxes, self.colours, head, still.titles)

    @cached_property
    def text(self) -> str:
        """The network as an indented outline."""
        return outline(self.tree, self.figures, self.words)

    @cached_property
    def html(self) -> str:
        """One page that needs nothing else: layers fold and unfold, zoom, search, colours by figures."""
        from tinygraph.render.network.page import page

        return page(self)

    @cached_property
    def data(self) -> dict[str, Any]:
        """The parts as JSON has them, each with its figures and the number of the part that it is in."""
        from tinygraph.render.network.page import Pages

        return {"title": self.title, **Pages(self).plain()}

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
        return {"image/svg+xml": self.svg, "text/plain": self.text}


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without garbage collection: it would go through all parts of a large tree again and again, and free none."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
