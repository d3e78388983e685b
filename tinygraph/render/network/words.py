"""What the parts of a network are called, and their figures in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from tinygraph.graph import Node
from tinygraph.op import Array
from tinygraph.render import text
from tinygraph.render.network.links import DATA, ENTRY, EXIT, MORE, PARAMETER, Item, Pill
from tinygraph.render.network.measure import Figures
from tinygraph.render.network.parts import COPY, NETWORK, OPERATION, REPEAT, SEGMENT, Part, operations

Namer = Callable[[Node], str | None]
RAISED = {"^": "power", "ᵀ": "transpose"}  # signs that stand on nothing where there is no formula
STEPS = 3  # how many parts of a repeat are named


class Measure(NamedTuple):
    """A figure that boxes can be coloured by: as a share of the whole, or by its order of magnitude."""

    key: str
    label: str
    written: Callable[[float], str]
    magnitude: bool = False

    def of(self, figures: Figures) -> float | None:
        found = getattr(figures, self.key)
        return None if found is None else float(found)


def amount(n: float, unit: str = "") -> str:
    """A count to three digits, with the prefixes of the SI.

    Example:
        >>> amount(512), amount(1234), amount(109386), amount(2.5e9, "FLOP"), amount(0.00042, "s")
        ('512', '1.23 k', '109 k', '2.5 GFLOP', '420 µs')
    """
    prefix, scale = "", 1.0
    if unit == "s":
        prefix, scale = next(((p, s) for p, s in (("", 1.0), ("m", 1e-3), ("µ", 1e-6)) if n >= s), ("n", 1e-9))
    elif n >= 1000:
        prefix, scale = next((p, s) for p, s in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)) if n >= s * 0.9995)
    number = f"{n / scale:.3g}"
    return f"{number} {prefix}{unit}".rstrip()


def counted(n: int, what: str) -> str:
    """A number of things: `1 operation`, `2 operations`."""
    return f"{n:,} {what}{'s' * (n != 1)}"


MEASURES = (
    Measure("parameters", "parameters", lambda n: counted(int(n), "parameter")),
    Measure("bytes", "memory", lambda n: amount(n, "B")),
    Measure("flops", "operations", lambda n: amount(n, "FLOP")),
    Measure("forward", "time forward", lambda n: amount(n, "s")),
    Measure("backward", "time backward", lambda n: amount(n, "s")),
    Measure("gradient", "gradient of the output", lambda n: f"‖g‖ = {text.number(n)}", True),
    Measure("learning", "gradient of the parameters", lambda n: f"‖g‖ = {text.number(n)}", True),
)


class Words:
    """Names for one graph, whose most common dtype goes without saying."""

    def __init__(self, nodes: Iterable[Node], name: Namer) -> None:
        self.name = name
        dtypes = Counter(node.value.dtype for node in nodes)
        self.dtype = str(dtypes.most_common(1)[0][0])

    def shape(self, node: Node) -> str:
        """A shape, and the dtype if it is not the common one."""
        dtype = str(node.value.dtype)
        shape = "×".join(map(str, np.shape(node.value))) or "scalar"
        return shape if dtype == self.dtype else f"{shape} {dtype}"

    def flow(self, values: Iterable[Node]) -> str:
        """What goes along an arrow."""
        shapes = Counter(map(self.shape, values))
        if len(shapes) > 1:
            return f"{shapes.total():,} values"
        ((shape, n),) = shapes.items()
        return shape if n == 1 else f"{n:,} × ({shape})"

    def heading(self, item: Item) -> tuple[str, str]:
        """The name of a box, and what is said quietly beside it."""
        if isinstance(item, Pill):
            return self._pill(item)
        if item.kind == OPERATION:
            return self._operation(item)
        if item.kind == REPEAT:
            return f"{self._steps(item.children[0])} ×{len(item.children):,}", self._range(item)
        if item.kind == COPY:
            return self._steps(item), f"no. {int(item.name) + 1:,}"
        if item.kind == SEGMENT:
            nodes = list(operations(item))
            common = [symbol for symbol, _ in Counter(n.op.symbol for n in nodes if n.op).most_common(STEPS)]
            return counted(len(nodes), "operation"), ", ".join(common)
        name, layer = text.plain(item.name), text.plain(item.layer or "")
        if item.kind == NETWORK:
            return layer or name or "network", ""
        return (layer, name if name != layer else "") if name.isdecimal() or name == layer else (name, layer)

    def _operation(self, part: Part) -> tuple[str, str]:
        node = part.node
        if node is None or node.op is None:
            return part.name, ""
        name, symbol = self.name(node), _symbol(node)
        number = next((a for x, a in zip(node.inputs or (), node.args or (), strict=True) if x is None), None)
        if number is not None and text.is_scalar(number) and len(node.args or ()) == 2:
            symbol, quiet = f"{symbol} {text.number(number)}", ""
        else:
            quiet = "" if symbol == node.op.name else node.op.name
        return (name, symbol) if name else (symbol, quiet)

    def _steps(self, part: Part) -> str:
        """A repeated part by the names of what is in it."""
        if part.kind != COPY:
            return self.short(part)
        names = list(map(self.short, part.children))
        return " → ".join(names[:STEPS]) + (" → …" if len(names) > STEPS else "")

    def short(self, part: Part) -> str:
        """The kind of a part in a word."""
        if part.kind in (REPEAT, SEGMENT, COPY):
            return self.heading(part)[0]
        return text.plain(part.layer or part.name)

    def _range(self, repeat: Part) -> str:
        first, last = text.plain(repeat.children[0].name), text.plain(repeat.children[-1].name)
        return f"{first} … {last}" if repeat.children[0].kind not in (COPY, OPERATION) and first != last else ""

    def _pill(self, pill: Pill) -> tuple[str, str]:
        node = pill.node
        if pill.kind == MORE:
            return f"… {pill.count:,} more alike …", ""
        if node is None:
            what = {PARAMETER: "parameters", DATA: "arrays", ENTRY: "values in", EXIT: "values out"}[pill.kind]
            return f"{pill.count:,} {what}", ""
        name = self.name(node)
        if pill.kind in (ENTRY, EXIT):
            return name or "", ""
        shared = f"  used {pill.uses}×" if pill.uses > 1 and pill.kind == PARAMETER else ""
        return name or _nameless(pill.kind, node.value), self.shape(node) + shared

    def path(self, part: Part) -> str:
        """The names of the scopes around a part, and its own."""
        names = []
        around: Part | None = part
        while around is not None and around.kind != NETWORK:
            if around.kind not in (REPEAT, SEGMENT):
                names.append(text.plain(around.name))
            around = around.parent
        return " / ".join(reversed(names))

    def figures(self, part: Part, figures: Figures) -> list[tuple[str, str]]:
        """All that is known of a part, as a table."""
        rows = [("arranged by", ", ".join(map(_symbol, part.arranged)))] if part.arranged else []
        rows.append(("operations", f"{figures.operations:,}"))
        if figures.parameters:
            rows.append(("parameters", f"{figures.parameters:,} ({amount(figures.parameter_bytes, 'B')})"))
        rows += [("memory of values", amount(figures.bytes, "B")), ("arithmetic", amount(figures.flops, "FLOP"))]
        for key, label in (("forward", "time forward"), ("backward", "time backward")):
            if (seconds := getattr(figures, key)) is not None:
                rows.append((label, amount(seconds, "s")))
        for key, label in (("gradient", "‖gradient‖ of the output"), ("learning", "‖gradient‖ of the parameters")):
            if (size := getattr(figures, key)) is not None:
                rows.append((label, text.number(size)))
        return rows


def _symbol(node: Node) -> str:
    """The sign of an operation where there is no formula; of an index the index."""
    if node.op is None:
        return ""
    if node.op.name == "getitem" and node.params:
        return f"[{text.index(node.params['index'])}]"
    return RAISED.get(node.op.symbol, text.plain(node.op.symbol))


def _nameless(kind: str, x: Array) -> str:
    """What an array without a name is called."""
    if kind == PARAMETER:
        return "parameter"
    return next((name for n, name in enumerate(("zeros", "ones")) if np.size(x) and np.all(x == n)), "data")
