"""Results as tables, for the terminal and in Markdown, and as JSON."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tabulate import tabulate

from benchmarks import (
    arithmetic,
    chain,
    conv,
    derivatives,
    fit,
    layers,
    million,
    mlp,
    models,
    ode,
    optimizers,
    record,
    startup,
    vmap,
)
from benchmarks.budgets import Verdict
from benchmarks.contestants import CONTESTANTS, REFERENCE, label
from benchmarks.harness import Quartiles, Result

_MODULES = (
    record,
    chain,
    arithmetic,
    mlp,
    models,
    conv,
    layers,
    optimizers,
    vmap,
    derivatives,
    ode,
    fit,
    million,
    startup,
)
MODULES = {module.__name__.rpartition(".")[2]: module for module in _MODULES}
ABOUT = {name: module.ABOUT for name, module in MODULES.items()}


class Unit(NamedTuple):
    """How a workload's cost is shown, and what beside its ratio to NumPy: the difference, the ratio to a peer."""

    label: str
    microseconds: float
    difference: bool
    peer: str | None = None


MICROSECONDS = Unit("us an operation", 1, False)
UNITS = {
    "record": Unit("us an operation", 1, True),
    "mlp": Unit("us a step", 1, False),
    "models": Unit("us a step", 1, False, peer="torch"),
    "conv": Unit("us a step", 1, False),
    "layers": Unit("us a step", 1, False, peer="torch"),
    "optimizers": Unit("us a step", 1, False, peer="torch"),
    "vmap": Unit("us a batch", 1, False, peer="torch"),
    "derivatives": Unit("ms", 1000, False, peer="torch"),
    "ode": Unit("us a step", 1, False, peer="torch"),
    "fit": Unit("s", 1e6, False, peer="torch"),
    "startup": Unit("ms", 1000, True),
}
MEMORY = {"million": "KB an operation", "fit": "KB over the start"}

METHOD = """\
Every contestant's results are compared with those of NumPy written by hand before it is timed. All are timed in one
run: in each round each is sampled once, in random order; a ratio is taken within its round. A cell is the median over
the rounds, with the quartiles in brackets. As many threads for everybody. Time is the processor's, which a process has
not while others have it; but for `startup`, and with several threads, where it is the clock's. Smaller is better."""


def number(value: float) -> str:
    """Three digits."""
    if value == 0 or not 1e-3 <= abs(value) < 1e5:
        return f"{value:.3g}"
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{max(digits, 3) if abs(value) < 0.1 else digits}f}"


def spread(q: Quartiles) -> str:
    return f"{number(q.median)} [{number(q.low)}, {number(q.high)}]"


def rows_of(result: Result) -> list[list[str]]:
    """One row for each contestant that ran, the fastest first."""
    names = sorted(result.samples, key=lambda name: result.microseconds(name).median)
    rows = []
    unit = UNITS.get(result.workload, MICROSECONDS)
    for name in names:
        cost = result.microseconds(name).median / unit.microseconds
        row = [result.case, label(name), number(cost), _beside(result, name, REFERENCE)]
        if unit.peer is not None:
            row.append(_beside(result, name, unit.peer))
        if unit.difference:
            above = Quartiles(*(value / unit.microseconds for value in result.above(name)))
            row.append("" if name == REFERENCE else spread(above))
        if result.memory:
            row.append(number(result.kilobytes(name).median))
        rows.append(row)
    return rows


def _beside(result: Result, name: str, to: str) -> str:
    return spread(result.ratio(name, to)) if to in result.samples else ""


def headers_of(workload: str) -> list[str]:
    unit = UNITS.get(workload, MICROSECONDS)
    headers = ["case", "", unit.label, f"x {CONTESTANTS[REFERENCE].label}"]
    if unit.peer is not None:
        headers.append(f"x {CONTESTANTS[unit.peer].label}")
    if unit.difference:
        headers.append(f"{unit.label.split()[0]} above NumPy")
    if workload in MEMORY:
        headers.append(MEMORY[workload])
    return headers


def _table(rows: Sequence[Sequence[str]], headers: Sequence[str], markdown: bool) -> str:
    words = ("case", "work", "worst case", "in", "")
    align = ["left" if header in words else "right" for header in headers]
    return tabulate(rows, headers, tablefmt="github" if markdown else "simple", disable_numparse=True, colalign=align)


def workload_table(workload: str, results: Iterable[Result], markdown: bool) -> str:
    """The table of one workload under its heading, and who was left out."""
    results = list(results)
    heading = f"{workload}: {ABOUT[workload]}"
    parts = [f"### {heading}" if markdown else f"{heading}\n{'-' * len(heading)}", ""]
    rows = [row for result in results for row in rows_of(result)]
    headers = headers_of(workload)
    told = [i for i in range(len(headers)) if any(row[i] for row in rows) or not rows]
    parts += [_table([[row[i] for i in told] for row in rows], [headers[i] for i in told], markdown), ""]
    cases: dict[str, list[str]] = {}
    for result in results:
        for name, why in result.left_out.items():
            cases.setdefault(f"{CONTESTANTS[name].label}: {why}", []).append(result.case)
    parts += [f"{'- ' if markdown else ''}left out: {why} ({'; '.join(of)})" for why, of in cases.items()]
    return "\n".join(parts).rstrip() + "\n"


def budget_table(verdicts: Iterable[Verdict], markdown: bool) -> str:
    """What was to be reached and what was."""
    rows = []
    for verdict in verdicts:
        budget = verdict.budget
        measured = "" if verdict.measured is None else spread(verdict.measured)
        by_hand = "" if verdict.by_hand is None else number(verdict.by_hand.median)
        bounds = number(budget.must), number(budget.aim)
        rows.append([budget.work, verdict.case, budget.unit, *bounds, measured, by_hand, verdict.word])
    headers = ["work", "worst case", "in", "must", "aim", "measured", "NumPy by hand reaches", ""]
    title = "budgets of tinygraph: not more than"
    heading = f"### {title}" if markdown else f"{title}\n{'-' * len(title)}"
    return f"{heading}\n\n{_table(rows, headers, markdown)}\n"


def head(machine: dict[str, str], absent: dict[str, str], profile: str) -> str:
    """How, and on what, it was measured."""
    lines = [METHOD, "", f"profile: {profile}; " + "; ".join(f"{key}: {value}" for key, value in machine.items())]
    lines += [f"left out: {CONTESTANTS[name].label}: {why}" for name, why in absent.items()]
    return "\n".join(lines) + "\n"


def report(header: str, results: Sequence[Result], verdicts: Sequence[Verdict], markdown: bool) -> str:
    """The whole report: the head, a table for each workload, and the budgets."""
    workloads = dict.fromkeys(result.workload for result in results)
    each = [workload_table(name, (r for r in results if r.workload == name), markdown) for name in workloads]
    return "\n".join([header, *each, budget_table(verdicts, markdown)])


def as_json(
    machine: dict[str, str],
    absent: dict[str, str],
    profile: str,
    results: Sequence[Result],
    verdicts: Sequence[Verdict],
) -> dict[str, Any]:
    """Everything, samples included."""
    return {
        "profile": profile,
        "machine": machine,
        "contestants": {name: label(name) for result in results for name in result.samples},
        "not_installed": absent,
        "results": [result.as_dict() for result in results],
        "budgets": [
            {
                "work": v.budget.work,
                "unit": v.budget.unit,
                "must": v.budget.must,
                "aim": v.budget.aim,
                "case": v.case,
                "measured": None if v.measured is None else v.measured._asdict(),
                "by_hand": None if v.by_hand is None else v.by_hand._asdict(),
                "verdict": v.word,
            }
            for v in verdicts
        ],
    }
