"""How cost grows, as a picture: with operations, elements, depth and batch. `python -m benchmarks.growth growth.svg`.

Chains `x = tanh(x*w + w)` in float64, and training steps of dense networks with Adam in float32, as in the tables.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from benchmarks import chain, contestants, environment, mlp
from benchmarks.harness import Entry, Quartiles, Result, enter, race
from benchmarks.profiles import PROFILES, Profile

CHAINED = ("numpy", "tinygraph", "torch")
TRAINED = ("numpy", "tinygraph", "tinygraph-compiled", "torch")
COLOURS = {"numpy": "0.45", "tinygraph": "C0", "tinygraph-compiled": "C2", "torch": "C1"}


class Axis(NamedTuple):
    """One quantity that grows: the sizes, the largest of a tiny run, and who can do the work of one size."""

    label: str
    unit: str
    sizes: tuple[int, ...]
    tiny: int
    names: tuple[str, ...]
    work: Callable[[int, str], Entry]
    operations: Callable[[int], int]
    tolerance: float


def _chain(steps: int, size: int, name: str) -> Entry:
    return chain.MAKERS[name](*chain.values(size), steps)


def _network(depth: int, batch: int, name: str) -> Entry:
    return mlp.entry(mlp.STEPS[name], mlp.make_task((64,) * depth + (10,), batch))


STEPS = 10
AXES = (
    Axis(
        "operations, of one number each",
        "µs an operation",
        tuple(10**k for k in range(2, 7)),
        100,
        CHAINED,
        lambda n, name: _chain(n // chain.OPS_PER_STEP, 0, name),
        lambda n: n // chain.OPS_PER_STEP * chain.OPS_PER_STEP,
        chain.TOLERANCE,
    ),
    Axis(
        "elements, 30 operations",
        "ns an element and operation",
        tuple(10**k for k in range(8)),
        10,
        CHAINED,
        lambda n, name: _chain(STEPS, n, name),
        lambda n: n * STEPS * chain.OPS_PER_STEP,
        chain.TOLERANCE,
    ),
    Axis(
        "layers of 64, batch 64",
        "µs a layer",
        (1, 2, 4, 8, 16, 32, 64),
        2,
        TRAINED,
        lambda n, name: _network(n, 64, name),
        lambda n: n,
        mlp.TOLERANCE,
    ),
    Axis(
        "batch, 64-64-10",
        "µs a sample",
        tuple(4**k for k in range(7)),
        4,
        TRAINED,
        lambda n, name: _network(2, n, name),
        lambda n: n,
        mlp.TOLERANCE,
    ),
)


def measured(axis: Axis, profile: Profile, names: list[str]) -> Iterator[tuple[int, Result]]:
    """Each size with what each contestant took."""
    for n in axis.sizes:
        if profile is PROFILES["tiny"] and n > axis.tiny:
            return
        result = Result("growth", f"{n:,} {axis.label}", operations=axis.operations(n))
        makers = {name: lambda name=name, n=n: axis.work(n, name) for name in axis.names}
        yield n, race(result, enter(makers, names, result, axis.tolerance), profile)
        print(f"measured {result.case}", file=sys.stderr, flush=True)


def draw(curves: list[tuple[Axis, list[tuple[int, Result]]]], path: Path) -> None:
    """A panel for each axis; the band is between the quartiles."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7), layout="constrained")
    for ax, (axis, points) in zip(figure.subplots(2, 2).flat, curves, strict=True):
        scale = 1000.0 if axis.unit.startswith("ns") else 1.0
        for name in axis.names:
            found = [(n, point.microseconds(name)) for n, point in points if name in point.samples]
            if found:
                sizes, costs = zip(*found, strict=True)
                low, middle, high = ([scale * c for c in part] for part in zip(*costs, strict=True))
                ax.loglog(sizes, middle, "o-", color=COLOURS[name], label=contestants.CONTESTANTS[name].label)
                ax.fill_between(sizes, low, high, color=COLOURS[name], alpha=0.2, linewidth=0)
        ax.set(xlabel=axis.label, ylabel=axis.unit)
        ax.grid(alpha=0.3)
        ax.legend(edgecolor="none")
    figure.savefig(path)


def cell(q: Quartiles) -> str:
    return f"{q.median:.3g} [{q.low:.3g}, {q.high:.3g}]"


def main(argv: list[str]) -> int:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path, help="the file to draw into: .svg, .png or .pdf")
    parser.add_argument("--profile", choices=PROFILES, default="quick")
    args = parser.parse_args(argv)
    names, _ = contestants.settle(TRAINED)
    contestants.restrain(names)
    environment.settle_malloc()
    profile = replace(PROFILES[args.profile], sample_seconds=0.01) if args.profile != "tiny" else PROFILES["tiny"]
    curves = []
    for axis in AXES:
        points = list(measured(axis, profile, names))
        curves.append((axis, points))
        print(f"\n{axis.label}: µs an operation, an element and operation, a layer or a sample")
        for n, point in points:
            print(f"{n:>10,}  " + "  ".join(f"{name} {cell(point.microseconds(name))}" for name in point.samples))
    draw(curves, args.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
