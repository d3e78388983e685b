"""The network as one HTML page that needs nothing else: the groups' layouts, and a script that unfolds them."""

from __future__ import annotations

import html
import json
from collections import deque
from dataclasses import asdict, fields
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from tinygraph.graph import Node
from tinygraph.render import colour, text
from tinygraph.render.colour import DARK, LIGHT, Palette
from tinygraph.render.network.heat import RAMPS, Scale, ink
from tinygraph.render.network.links import DATA, ENTRY, EXIT, PARAMETER, Interior, Item, Pill
from tinygraph.render.network.parts import REPEAT, Part
from tinygraph.render.network.place import Arrow, Placed, Plan, place
from tinygraph.render.network.words import MEASURES, counted

if TYPE_CHECKING:
    from tinygraph.render.network import Network

WIDE = 2.6  # half the width of a letter at an arrow, as Graphviz measures it
UNFOLDED = 400  # boxes that "unfold all" shows
GROUNDS = {"light": ("#ffffff", "#ffffff", "#d5dae0"), "dark": ("#14171a", "#1d2125", "#3a4148")}
FOCUS = {"light": "#0b57d0", "dark": "#8ab4f8"}


def page(network: Network) -> str:
    """The whole page."""
    data, late = Pages(network).data()
    said = f"{network.counts}, {network.rest}" + (
        f"; {counted(late, 'group')} laid out simply, for lack of time" if late else ""
    )
    parts = {
        "THEME": "" if network.theme == "auto" else f' data-theme="{network.theme}"',
        "TITLE": html.escape(network.title),
        "CAPTION": html.escape(said),
        "STYLE": _colours(network.theme) + _asset("page.css"),
        "TEXT": html.escape(network.text),
        "DATA": json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        "SCRIPT": _asset("page.js"),
    }
    first, *pieces = _asset("page.html").split("{{")
    return first + "".join(parts[name] + rest for name, _, rest in (piece.partition("}}") for piece in pieces))


def _asset(name: str) -> str:
    return files("tinygraph.render.network").joinpath(name).read_text(encoding="utf-8")


class Pages:
    """Collects what the script needs: boxes in an order in which each stands after what it is in, and their rooms."""

    def __init__(self, network: Network) -> None:
        self.network, self.links, self.words = network, network.links(network.shown), network.words
        self.scales = [scale for m in MEASURES if _is_known(scale := network.scale(m.key), network)]
        self.number: dict[Item, int] = {}
        self.boxes: list[dict[str, Any]] = []

    def data(self) -> tuple[dict[str, Any], int]:
        """Everything, and how many groups were laid out simply."""
        network, root = self.network, self.network.tree.root
        groups = self._collect(root)
        plans = [self._plan(self.links.interiors[group]) for group in groups]
        placed, late = place(plans, network.seconds, network.backend)
        rooms = {}
        for group, plan, at in zip(groups, plans, placed, strict=True):
            rooms[self.number[group]] = self._room(self.links.interiors[group], plan, at)
        self._count()
        measures = [
            {"key": s.measure.key, "label": s.measure.label, "magnitude": s.measure.magnitude, **_ends(s)}
            for s in self.scales
        ]
        return {
            "boxes": self.boxes,
            "rooms": rooms,
            "open": sorted(self.number[part] for part in network.opened if part in self.number),
            "measures": measures,
            "heat": network.heat or "",
            "room": UNFOLDED,
        }, late

    def plain(self) -> dict[str, Any]:
        """The parts and the arrows between them, without a layout."""
        groups = self._collect(self.network.tree.root)
        keys = {"k": "kind", "t": "name", "q": "note", "p": "parent", "path": "path"}
        parts = [{name: box[key] for key, name in keys.items() if box.get(key) not in ("", None)} for box in self.boxes]
        for part, i in self.number.items():
            if isinstance(part, Part):
                parts[i] |= asdict(self.network.figures[part])
        arrows = [
            {"from": self.number[a], "to": self.number[b], "values": self.words.flow(values)}
            for group in groups
            for (a, b), values in self.links.interiors[group].arrows.items()
        ]
        return {"parts": parts, "arrows": arrows}

    def _collect(self, root: Part) -> list[Part]:
        """Make a box of each part and pill, level by level; the groups that can open."""
        groups: list[Part] = []
        self._add(root, -1, 0)
        queue = deque([root])
        while queue:
            group = queue.popleft()
            groups.append(group)
            mine = self.number[group]
            for item in self.links.interiors[group].items:
                self._add(item, mine, self.boxes[mine]["level"] + 1)
                if isinstance(item, Part) and item in self.links.interiors:
                    queue.append(item)
        return groups

    def _add(self, item: Item, parent: int, level: int) -> None:
        self.number[item] = len(self.boxes)
        name, quiet = self.words.heading(item)
        box: dict[str, Any] = {"p": parent, "level": level, "k": item.kind, "t": name, "q": quiet}
        if isinstance(item, Part):
            self._describe(box, item)
        else:
            box["pill"] = True
        said = [*(found[1] for found in box.get("f", {}).values()), box.get("second", "")]
        sign = 16.0 if item in self.links.interiors else 0.0
        heading = text.ems(name) * 12.5 + text.ems(quiet) * 11 + (6 if quiet else 0) + sign
        if box.get("pill"):
            box["w"], box["h"] = (heading * 0.88 + 18, 20.0) if name else (9.0, 9.0)
        else:
            box["w"] = max(heading + 22, max(map(text.ems, said)) * 11 + 16, 64.0)
            box["h"] = 54.0 if "strip" in box else 40.0
            box["head"] = heading + 40 + (330 if "strip" in box else 0)
        box["w"] = round(box["w"], 1)
        box["words"] = f"{name} {quiet}".lower()
        self.boxes.append(box)

    def _describe(self, box: dict[str, Any], part: Part) -> None:
        """The figures of a part, in words and as steps of the colours."""
        figures = self.network.figures[part]
        if part.node is not None and part.node in self.network.roots:
            box["k"] = colour.OUTPUT
        box["path"] = self.words.path(part)
        box["d"] = self.words.figures(part, figures)
        if part.node is not None:
            box["d"] = [("output", self.words.shape(part.node)), *box["d"]]
        elif figures.parameters:
            box["second"] = counted(figures.parameters, "parameter")
        steps = ((scale, scale.step(figures)) for scale in self.scales)
        box["f"] = {scale.measure.key: [step, scale.said(figures)] for scale, step in steps if step is not None}
        if part.kind == REPEAT:
            copies = [self.network.figures[copy] for copy in part.children]
            box["strip"] = {scale.measure.key: scale.strip(copies) for scale in self.scales}

    def _plan(self, interior: Interior) -> Plan:
        number = {item: i for i, item in enumerate(interior.items)}
        boxes = [self.boxes[self.number[item]] for item in interior.items]
        said: set[Item] = set()
        arrows = []
        for (a, b), values in interior.arrows.items():
            told = isinstance(a, Pill) and a.kind in (PARAMETER, DATA)  # its shape, in itself
            label = "" if a in said or told else self.words.flow(values)
            said.add(a)
            arrows.append(Arrow(number[a], number[b], label))
        return Plan(
            tuple((box["w"], box["h"]) for box in boxes),
            tuple(arrows),
            tuple(i for item, i in number.items() if isinstance(item, Pill) and item.kind == ENTRY),
            tuple(i for item, i in number.items() if isinstance(item, Pill) and item.kind == EXIT),
        )

    def _room(self, interior: Interior, plan: Plan, placed: Placed) -> dict[str, Any]:
        for item, (x, y) in zip(interior.items, placed.centres, strict=True):
            box = self.boxes[self.number[item]]
            box["x"], box["y"] = round(x, 1), round(y, 1)
        arrows = []
        for (a, b), values, arrow, curve, at in zip(
            interior.arrows, interior.arrows.values(), plan.arrows, placed.curves, placed.labels, strict=True
        ):
            told: dict[str, Any] = {"a": self.number[a], "b": self.number[b]}
            told["c"] = [round(c, 1) for point in curve for c in point]
            if at is not None:
                told["l"] = [arrow.label, round(at[0] - WIDE * len(arrow.label) + 3, 1), round(at[1], 1)]
            for key, group, kind in (("in", b, ENTRY), ("out", a, EXIT)):
                if isinstance(group, Part) and group in self.links.interiors:
                    told[key] = self._doors(self.links.interiors[group], values, kind)
            arrows.append(told)
        return {
            "w": round(placed.width, 1),
            "h": round(placed.height, 1),
            "items": [self.number[item] for item in interior.items],
            "arrows": arrows,
        }

    def _doors(self, interior: Interior, values: dict[Node, None], kind: str) -> list[int]:
        """By which pills values come into a group, or leave it."""
        found: dict[int, None] = {}
        for (a, b), along in interior.arrows.items():
            door = a if kind == ENTRY else b
            if isinstance(door, Pill) and door.kind == kind and any(value in along for value in values):
                found[self.number[door]] = None
        return list(found)

    def _count(self) -> None:
        """Number the boxes as a reader goes through them: downwards, each before what is in it."""
        inside: dict[int, list[int]] = {}
        for i, box in enumerate(self.boxes):
            inside.setdefault(box["p"], []).append(i)
        stack, n = [0], 0
        while stack:
            i = stack.pop()
            self.boxes[i]["n"] = n = n + 1
            stack += sorted(inside.get(i, ()), key=lambda j: (-self.boxes[j]["y"], -self.boxes[j]["x"]))


def _is_known(scale: Scale, network: Network) -> bool:
    """Whether a measure says anything of this network."""
    return any(scale.measure.of(f) for f in network.figures.values())


def _ends(scale: Scale) -> dict[str, str]:
    if scale.measure.magnitude:
        return {"low": "≤ 10⁻⁸", "high": "≥ 10⁸"}
    return {"low": "none", "high": "all of it"}


def _colours(theme: str) -> str:
    """The colours as variables: light, and dark on a dark screen or by choice."""
    light, dark = (f"{{{_variables(name, p, i)}}}" for i, (name, p) in enumerate((("light", LIGHT), ("dark", DARK))))
    if theme != "auto":
        return f":root{light if theme == 'light' else dark}\n"
    return f":root{light}\n@media screen and (prefers-color-scheme:dark){{:root{dark}}}\n"


def _variables(name: str, palette: Palette, which: int) -> str:
    said = {"color-scheme": name, "--focus": FOCUS[name]}
    said |= dict(zip(("--ground", "--raised", "--line"), GROUNDS[name], strict=True))
    for field in fields(Palette):
        value = getattr(palette, field.name)
        if isinstance(value, tuple):
            said[f"--{field.name}"], said[f"--{field.name}-line"] = value
        else:
            said[f"--{field.name}"] = value
    for letter, ramps in zip("sm", RAMPS, strict=True):
        for i, fill in enumerate(ramps[which]):
            said[f"--{letter}{i}"], said[f"--{letter}i{i}"] = fill, ink(fill)
    return ";".join(f"{key}:{value}" for key, value in said.items())
