"""What is drawn, before anybody has laid it out: boxes with lines of text, and arrows between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

TURN, EACH = 8.0, 6.0  # points that a turn takes along the way, and for each arrow beside it


class Line(NamedTuple):
    """A line of text in a box: what it says, how (name, value, quiet, gradient), and how much of it is a bold name."""

    text: str
    kind: str = "name"
    bold: str = ""

    @property
    def is_row(self) -> bool:
        """Whether it is a row of an array."""
        return self.kind in ("value", "gradient") and self.text.startswith("[")


@dataclass(frozen=True)
class Box:
    """A box: its key in the drawing, its lines, its kind, which gives the colour, and what a resting pointer reads.

    `mark` frames it: "fault", or how it differs in a comparison. `cluster` is the group that it stands in.
    """

    key: str
    lines: tuple[Line, ...]
    kind: str
    whole: str = ""
    mark: str = ""
    cluster: str = ""


@dataclass(frozen=True)
class Arrow:
    """An arrow from box to box; with `back`, a second one in red runs against it.

    `above` stands over the arrow, `below` under it; `whole` and `whole_back` are what a resting pointer reads. `edge`
    is what the steps call it, if not "tail head".
    """

    tail: str
    head: str
    back: bool = False
    above: str = ""
    below: str = ""
    whole: str = ""
    whole_back: str = ""
    mark: str = ""
    edge: str = ""

    @property
    def labelled(self) -> bool:
        return bool(self.above or self.below)


class Step(NamedTuple):
    """One step of the walk: forward or backward, its equation in parts, and the boxes and arrows that it brings."""

    phase: str
    parts: tuple[str, ...]
    boxes: tuple[str, ...]
    arrows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drawing:
    """All of a picture but its colours and places. `text` is what is read out where the picture cannot be seen.

    Values flow to the right, or `down` the page.
    """

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...] = ()
    title: str = ""
    text: str = ""
    steps: tuple[Step, ...] = ()
    clusters: Mapping[str, str] = field(default_factory=dict)
    down: bool = False

    @cached_property
    def lanes(self) -> tuple[Counter[str], Counter[str]]:
        """How many arrows leave each box, and how many arrive."""
        return Counter(a.tail for a in self.arrows), Counter(a.head for a in self.arrows)

    def room(self, arrow: Arrow) -> tuple[float, float]:
        """Points before and after the words of an arrow, in which it turns among others that leave or arrive there."""
        leaving, arriving = self.lanes[0][arrow.tail], self.lanes[1][arrow.head]
        before, after = (TURN + EACH * min(n, 6) if n > 1 else 0.0 for n in (leaving, arriving))
        return before, after
