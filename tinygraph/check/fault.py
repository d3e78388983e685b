"""The operation whose rule is at fault, and how it is told."""

from __future__ import annotations

import linecache
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tinygraph.graph import Node


@dataclass(frozen=True)
class Culprit:
    """The first operation of a graph whose own derivative is wrong on its own recorded values.

    `op` is its name, `argument` the place of the argument, `where` the file and line that recorded it, `what` says what
    is wrong with the derivative, `element` shows the worst element with its exact and numeric value.

    Example:
        >>> import tinygraph as tg
        >>> from tinygraph.check import compare_grads
        >>> half = tg.op(lambda x: x**2, vjps=[lambda g, ans, x: g * x], name="half")
        >>> culprit = compare_grads(lambda x: half(x + 1.0) * 3.0, 2.0).culprit
        >>> culprit.op, culprit.argument, culprit.what
        ('half', 0, '2 times too small')
    """

    op: str
    argument: int
    what: str
    where: str | None = None
    element: str = ""
    shapes: tuple[tuple[int, ...], ...] = ()
    mode: str = "rev"
    order: int = 1
    node: Node | None = field(default=None, repr=False, compare=False)
    outputs: tuple[Any, ...] = field(default=(), repr=False, compare=False)
    names: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    bypass: bool = False

    @property
    def source(self) -> str:
        """The line of code that recorded the operation, empty where it cannot be read."""
        file, _, line = (self.where or "").rpartition(":")
        return linecache.getline(file, int(line)).strip() if file and line.isdigit() else ""

    @property
    def headline(self) -> str:
        """What is wrong, in one line."""
        if self.bypass:
            return (
                f"argument {self.argument} of {self.op} is a constant to the graph, but changes with the arguments: "
                ".numpy(), .detach(), .data, no_grad or a bare array cut the derivative; every rule is right by itself"
            )
        rule = "forward derivative" if self.mode == "fwd" else "derivative"
        order = "" if self.order == 1 else "second "
        return f"the {order}{rule} of {self.op} for its argument {self.argument} is {self.what}"

    def __str__(self) -> str:
        lines = [f"culprit: {self.headline}"]
        if self.where:
            lines.append(f"  recorded at {self.where}" + (f": {self.source}" if self.source else ""))
        if self.shapes:
            lines.append(f"  inputs of shapes {', '.join(map(str, self.shapes))}")
        return "\n".join([*lines, *([f"  {self.element}"] if self.element else [])])
