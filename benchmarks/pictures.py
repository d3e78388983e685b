"""`python -m benchmarks.pictures`: time and peak memory of pictures of chains, layered and recurrent networks.

Beside tinygraph stand torchviz and torchview, where they are installed. Both write DOT and leave the rest to the `dot`
program; so each is measured twice, writing DOT, and with that DOT drawn by the same Graphviz as tinygraph's pictures.
A process for each picture, in which the graph is built before the clock starts. Time is the processor's, with that of
Graphviz's own process, and the least of a few tries, so that other work on the machine counts little.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from benchmarks import environment

SIZES = (10, 1_000, 10_000, 100_000)
TIME_LIMIT = 60.0
WIDTH = 8


class Drawn(NamedTuple):
    """What a picture took: processor seconds, peak MB above what the graph takes, and how many boxes it has."""

    seconds: float
    megabytes: float
    boxes: int


# --- the graphs, of about so many operations


def tinygraph_graph(kind: str, operations: int) -> Any:
    import tinygraph as tg
    from tinygraph import nn

    x = np.full((1, WIDTH), 0.5)
    if kind == "chain":
        y, w = tg.Tensor(x, name="x"), tg.Tensor(np.full(WIDTH, 0.9), name="w")
        for _ in range(operations // 3):
            y = np.tanh(y * w + w)
        return np.sum(y)
    if kind == "layers":
        blocks = (layer for i in range(operations // 2) for layer in (nn.Linear(WIDTH, WIDTH, rng=i), nn.Tanh()))
        return np.sum(nn.Sequential(*blocks)(x))
    cell, h = nn.RNNCell(WIDTH, WIDTH, rng=0), np.zeros((1, WIDTH))
    steps = max(1, operations // _operations_of_a_step(cell, x, h))
    for _ in range(steps):
        h = cell(x, h)
    return np.sum(h)


def _operations_of_a_step(cell: Any, x: Any, h: Any) -> int:
    from tinygraph.render.content import reached

    return sum(node.op is not None for node in reached([cell(x, h)._node]))


def torch_module(kind: str, operations: int) -> Any:
    import torch

    class Chain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = torch.nn.Parameter(torch.full((WIDTH,), 0.9))

        def forward(self, y: Any) -> Any:
            for _ in range(operations // 3):
                y = torch.tanh(y * self.w + self.w)
            return y.sum()

    class Recurrent(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = torch.nn.RNNCell(WIDTH, WIDTH)

        def forward(self, x: Any) -> Any:
            h = torch.zeros(1, WIDTH)
            for _ in range(max(1, operations // 6)):
                h = self.cell(x, h)
            return h.sum()

    if kind == "layers":
        pairs = ((torch.nn.Linear(WIDTH, WIDTH), torch.nn.Tanh()) for _ in range(operations // 2))
        return torch.nn.Sequential(*(layer for pair in pairs for layer in pair))
    return Chain() if kind == "chain" else Recurrent()


# --- the contestants: make the graph, and return what draws it and says how many boxes there are


def tinygraph_svg(kind: str, operations: int) -> Callable[[], int]:
    from tinygraph.render import render

    y = tinygraph_graph(kind, operations)
    return lambda: render(y, view="network").svg.count('class="node')


def tinygraph_page(kind: str, operations: int) -> Callable[[], int]:
    from tinygraph.render import render

    y = tinygraph_graph(kind, operations)

    def draw() -> int:
        page = render(y, view="network").html
        return len(json.loads(page.split('id="network">')[1].split("</script>")[0])["boxes"])

    return draw


def torchviz_dot(kind: str, operations: int) -> Callable[[], str]:
    import torch
    import torchviz

    module = torch_module(kind, operations)
    y = module(torch.full((1, WIDTH), 0.5)).sum()
    return lambda: torchviz.make_dot(y, params=dict(module.named_parameters())).source


def torchview_dot(kind: str, operations: int) -> Callable[[], str]:
    import torch
    import torchview

    module, x = torch_module(kind, operations), torch.full((1, WIDTH), 0.5)
    return lambda: torchview.draw_graph(module, input_data=x, expand_nested=True, device="cpu").visual_graph.source


def _nodes(dot: str) -> int:
    return sum("[" in line and "->" not in line for line in dot.splitlines()[1:])


def _written(write: Callable[[str, int], Callable[[], str]]) -> Callable[[str, int], Callable[[], int]]:
    def start(kind: str, operations: int) -> Callable[[], int]:
        source = write(kind, operations)
        return lambda: _nodes(source())

    return start


def _laid_out(write: Callable[[str, int], Callable[[], str]]) -> Callable[[str, int], Callable[[], int]]:
    def start(kind: str, operations: int) -> Callable[[], int]:
        from tinygraph.render.layout import svg

        source = write(kind, operations)
        return lambda: svg(source()).count('class="node')

    return start


CONTESTANTS: dict[str, tuple[str, Callable[[str, int], Callable[[], int]]]] = {
    "tinygraph, SVG": ("tinygraph", tinygraph_svg),
    "tinygraph, page": ("tinygraph", tinygraph_page),
    "torchviz, DOT alone": ("torchviz", _written(torchviz_dot)),
    "torchviz, SVG": ("torchviz", _laid_out(torchviz_dot)),
    "torchview, DOT alone": ("torchview", _written(torchview_dot)),
    "torchview, SVG": ("torchview", _laid_out(torchview_dot)),
}
KINDS = {"chain": "chain", "layers": "layered network", "recurrent": "unrolled recurrent network"}


def measured(name: str, kind: str, operations: int) -> Drawn:
    """Draw one picture, in this process."""
    draw = CONTESTANTS[name][1](kind, operations)
    before, _ = environment.resident_kb()
    start = sum(os.times()[:4])  # user and system, of this process and of those that it waited for
    boxes = draw()
    seconds = sum(os.times()[:4]) - start
    _, peak = environment.resident_kb()
    return Drawn(seconds, max(0.0, peak - before) / 1024, boxes)


def in_a_process(name: str, kind: str, operations: int, limit: float) -> Drawn | str:
    """The same in a process of its own; why there is no picture, if there is none."""
    command = [sys.executable, "-m", "benchmarks.pictures", "--one", name, kind, str(operations)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return f"not in {limit:g} s"
    if done.returncode < 0:
        return f"signal {-done.returncode}"
    if done.returncode:
        said = done.stderr.strip().rpartition("\n")[2]
        return said.partition(":")[0].rpartition(".")[2][:40] or "failed"
    return Drawn(**json.loads(done.stdout.splitlines()[-1]))


def best(name: str, kind: str, operations: int, limit: float, tries: int) -> Drawn | str:
    """The quickest of a few tries; the first that failed, if one did."""
    drawn = []
    for _ in range(tries):
        found = in_a_process(name, kind, operations, limit)
        if isinstance(found, str):
            return found
        drawn.append(found)
    return min(drawn)


def study(
    names: Iterable[str], kinds: Iterable[str], sizes: Iterable[int], limit: float, tries: int = 1
) -> dict[str, Any]:
    """{kind: {contestant: {operations: Drawn, or why not}}}; who failed at a size is not asked for a larger one."""
    present = [name for name in names if find_spec(CONTESTANTS[name][0])]
    found: dict[str, Any] = {}
    for kind in kinds:
        for name in present:
            row = found.setdefault(kind, {}).setdefault(name, {})
            for operations in sizes:
                last = next(reversed(row.values()), None)
                row[operations] = last if isinstance(last, str) else best(name, kind, operations, limit, tries)
    return found


def table(found: dict[str, Any]) -> str:
    """In Markdown: seconds, memory and boxes by the number of operations."""
    lines = []
    for kind, rows in found.items():
        sizes = list(next(iter(rows.values())))
        lines += ["", f"### {KINDS[kind]}", "", "| | " + " | ".join(f"{n:,} operations" for n in sizes) + " |"]
        lines.append("|---" * (len(sizes) + 1) + "|")
        for name, row in rows.items():
            lines.append(f"| {name} | " + " | ".join(_cell(cell) for cell in row.values()) + " |")
    return "\n".join(lines).strip()


def _cell(cell: Drawn | str) -> str:
    if isinstance(cell, str):
        return cell
    return f"{cell.seconds:.2f} s, {cell.megabytes:.0f} MB, {cell.boxes:,} boxes"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures", description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=[*CONTESTANTS], metavar="CONTESTANT", default=[*CONTESTANTS])
    parser.add_argument("--kinds", nargs="+", choices=[*KINDS], default=[*KINDS])
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="numbers of operations")
    parser.add_argument("--limit", type=float, default=TIME_LIMIT, help="seconds for each picture")
    parser.add_argument("--tries", type=int, default=3, help="of which the quickest counts")
    parser.add_argument("--one", nargs=3, metavar=("CONTESTANT", "KIND", "OPERATIONS"), help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.one:
        name, kind, operations = args.one
        print(json.dumps(measured(name, kind, int(operations))._asdict()))
        return 0
    print(table(study(args.only, args.kinds, args.sizes, args.limit, args.tries)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
