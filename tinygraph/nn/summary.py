"""A network as a table of its layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tinygraph.mode import no_grad
from tinygraph.tensor import Tensor

HEADINGS = ("layer", "kind", "output", "parameters")


class Row(NamedTuple):
    """One layer: its path, class, the shape that it gave out, and how many numbers it learns."""

    layer: str
    kind: str
    output: str
    parameters: int


@dataclass(frozen=True)
class Summary:
    """What `Module.summary` returns; printed as a table. `layers` counts those that learn.

    `frozen` counts the numbers of Tensors that do not learn, which are in none of the others.
    """

    rows: tuple[Row, ...]
    parameters: int
    bytes: int
    frozen: int = 0

    @property
    def layers(self) -> int:
        return sum(row.parameters > 0 for row in self.rows)

    def __str__(self) -> str:
        shown = [HEADINGS, *((r.layer, r.kind, r.output, f"{r.parameters:,}") for r in self.rows)]
        columns = [i for i in range(4) if i != 2 or any(r.output for r in self.rows)]
        widths = {i: max(len(line[i]) for line in shown) for i in columns}
        lines = ["  ".join(_aligned(line[i], widths[i], i) for i in columns).rstrip() for line in shown]
        lines.insert(1, "  ".join("-" * widths[i] for i in columns))
        counted = f"{self.layers} layer{'s' * (self.layers != 1)}"
        learned = f"{self.parameters:,} parameter{'s' * (self.parameters != 1)}"
        frozen = f"; {self.frozen:,} more frozen" if self.frozen else ""
        return "\n".join([*lines, f"{counted}, {learned}, {self.bytes:,} bytes{frozen}"])

    __repr__ = __str__


def _aligned(text: str, width: int, column: int) -> str:
    return text.rjust(width) if column == 3 else text.ljust(width)


def summarised(model: Any, inputs: Sequence[Any]) -> Summary:
    """The rows of a model: parts without parts of their own, and those that hold parameters themselves."""
    shapes = _shapes(model, inputs) if inputs else {}
    counted: set[int] = set()
    rows = []
    for path, module in model.named_modules():
        own = [p for p in _own_parameters(module) if id(p) not in counted]
        counted.update(map(id, own))
        if own or not any(True for _ in module.children()):
            kind = type(module).__name__
            rows.append(Row(path or kind, kind, shapes.get(id(module), ""), sum(p.size for p in own)))
    parameters = list(model.parameters())
    frozen = sum(b.size for b in model.buffers() if isinstance(b, Tensor))
    return Summary(tuple(rows), sum(p.size for p in parameters), sum(p.data.nbytes for p in parameters), frozen)


def _own_parameters(module: Any) -> list[Any]:
    """The parameters that no part of the module holds."""
    inner = {id(p) for child in module.children() for p in child.parameters()}
    return [p for p in module.parameters() if id(p) not in inner]


def _shapes(model: Any, inputs: Sequence[Any]) -> dict[int, str]:
    """The shape that each part gave out when the model ran on the inputs, in evaluation mode."""
    found: dict[int, str] = {}
    modes = [(module, module.training) for module in model.modules()]

    def note(module: Any, args: Any, out: Any) -> None:
        found[id(module)] = _shape(out)

    removers = [module.register_forward_hook(note) for module, _ in modes]
    try:
        with no_grad():
            model.eval()(*inputs)
    finally:
        for module, training in modes:
            module.training = training
        for remove in removers:
            remove()
    return found


def _shape(out: Any) -> str:
    if isinstance(out, tuple | list):
        return ", ".join(_shape(part) for part in out if part is not None)
    return str(np.shape(out.data) if hasattr(out, "data") else np.shape(out))
