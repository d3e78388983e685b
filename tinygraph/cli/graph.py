"""`tinygraph graph`: a formula's value, every step on the way, and the derivative by each, exact and two-sided."""

from __future__ import annotations

import argparse
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygraph.check import judge, numeric_grad
from tinygraph.check.verdict import REASONS, RIGHT, WRONG
from tinygraph.cli.errors import CommandError, FormulaError, UsageError
from tinygraph.cli.formula import CONSTANTS, Formula, Result
from tinygraph.graph import pullback
from tinygraph.op import bare
from tinygraph.tensor import Tensor

LONGEST_LABEL, FEW, MANY = 32, 6, 1000
DESCRIPTION = """Evaluate a formula, print every value on the way with the derivative of the result by it (exact, by the
chain rule, and beside it two-sided, by nudging the value), and draw the graph.

A formula holds numbers, names, + - * / // % ** @, comparisons, lists, indices, and the functions of tinygraph:
exp, log, sin, sum, matmul, sigmoid, ... Parts may be named: "u = b*c; v = a + u; J = 3*v". It is never executed as
Python."""
EXAMPLES = """examples:
  tinygraph graph "3*(a + b*c)" a=5 b=3 c=2 -o J.svg
  tinygraph graph "u = b*c; v = a + u; J = 3*v" a=5 b=3 c=2 -o J.svg
  tinygraph graph "z = w*x + b; a = sigmoid(z); L = -(y*log(a) + (1-y)*log(1-a))" w=0.5 x=2 b=-1 y=1
  tinygraph graph "sum((W @ x - y)**2)" "W=[[1,2],[3,4]]" x=[1,-1] y=[0,1]

A formula that begins with a minus sign goes behind --, or into brackets: "(-a*b)".
Exit codes: 0 done; 1 a derivative is wrong, or the picture cannot be made; 2 a bad formula or value."""


class Row(NamedTuple):
    """A line of the table."""

    label: str
    value: Any
    exact: Any = None
    numeric: Any = None
    verdict: str = RIGHT


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "graph",
        help="evaluate, differentiate and draw a formula",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("formula", help='such as "3*(a + b*c)"')
    parser.add_argument("values", nargs="*", metavar="NAME=VALUE", help="a value for each name: a=5, x=[1,2,3], h=1e-3")
    parser.add_argument("-o", "--output", metavar="FILE", help="draw the graph: .svg, or .dot for its source")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do what the command line asks; 1 if a derivative is wrong.

    Raises:
        CommandError: a formula, a value or a file that is no good.
    """
    formula = Formula(args.formula)
    values = _values(args.values, formula)
    tensors = {name: Tensor(value) for name, value in values.items()}
    result = formula.evaluate(tensors)
    names = _names(formula, result)
    rows = _rows(formula, values, tensors, result)
    if args.output is not None:  # first, so that nothing is printed of a job that fails
        _draw(result.value, names, args.output)
    _print(_output_name(formula), result.value, rows)
    return int(any(row.verdict == WRONG for row in rows))


def _values(given: Sequence[str], formula: Formula) -> dict[str, Any]:
    """The inputs by name, in the order in which they are given."""
    values: dict[str, Any] = {}
    for text in given:
        name, equals, written = text.partition("=")
        name = unicodedata.normalize("NFKC", name.strip())
        if not equals or not name.isidentifier():
            raise UsageError(f"{text!r} is no value: write NAME=VALUE, such as a=5")
        if name in values:
            raise UsageError(f"{name} is given twice")
        if name not in formula.inputs:
            raise UsageError(f"{name} is given, but the formula does not ask for it")
        values[name] = _number(name, written)
    missing = [name for name in formula.inputs if name not in values and name not in CONSTANTS]
    if missing:
        example = " ".join(f"{name}=1" for name in missing)
        raise formula.error(f"{missing[0]} has no value, add one: {example}", formula.inputs[missing[0]])
    return values


def _number(name: str, written: str) -> Any:
    """A value that is written as a number or a list."""
    value = Formula(written)
    if value.output is not None or any(n not in CONSTANTS for n in value.inputs):
        raise FormulaError(f"the value of {name} must be a number or a list", written.strip(), 0)
    return np.asarray(value.evaluate({}).value, dtype=np.float64)


def _output_name(formula: Formula) -> str:
    return formula.output or next(name for name in ("J", "y", "out", "f", "_") if name not in formula.used)


def _names(formula: Formula, result: Result) -> dict[str, Any]:
    """All names, for the picture; the result is called J where the formula gives it no name."""
    return {**result.names, _output_name(formula): result.value}


def _rows(formula: Formula, values: dict[str, Any], tensors: dict[str, Tensor], result: Result) -> list[Row]:
    """The inputs, then the steps in the order of evaluation."""
    out = result.value
    if not isinstance(out, Tensor) or not out.requires_grad:
        return []
    wanted = {t._node for t in (*tensors.values(), *(step.value for step in result.steps))}
    with np.errstate(all="ignore"):
        exact = pullback(out._node, np.ones_like(out.data), wanted)
    rows = []
    for name, t in tensors.items():

        def by_input(value: Any, name: str = name) -> Any:
            return np.sum(formula.evaluate({**values, name: value}).value)

        rows.append(_row(name, t, exact.get(t._node), by_input))
    for step in result.steps:

        def by_step(value: Any, node: Any = step.node) -> Any:
            return np.sum(formula.evaluate(values, {node: value}).value)

        label = f"{step.name} = {step.written}" if step.name else step.written
        rows.append(_row(label, step.value, exact.get(step.value._node), by_step))
    return rows


def _row(label: str, t: Tensor, exact: Any, f: Any) -> Row:
    """Exact and two-sided derivative by one value."""
    label = " ".join("".join(c if c.isprintable() else " " for c in label).split())
    if len(label) > LONGEST_LABEL:
        label = label[: LONGEST_LABEL - 1] + "…"
    exact = np.zeros_like(t.data) if exact is None else exact
    if t.size > MANY:
        return Row(label, t.data, exact)
    with np.errstate(all="ignore"):
        estimate = numeric_grad(f, t.data)
        verdicts = np.ravel(judge(exact, estimate))
    found = sorted(map(str, verdicts), key=(RIGHT, *REASONS, WRONG).index)
    return Row(label, t.data, exact, estimate.value, found[-1] if found else RIGHT)


def _draw(result: Any, names: dict[str, Any], path: str) -> None:
    from tinygraph.render import render
    from tinygraph.render.layout import LayoutError

    if not isinstance(result, Tensor):
        raise UsageError("there is nothing to draw: the formula holds no name")
    try:
        render(result, path, names=names)
    except ValueError as error:
        raise UsageError(str(error)) from None
    except (LayoutError, OSError) as error:
        raise CommandError(str(error)) from None


def _print(name: str, result: Any, rows: Sequence[Row]) -> None:
    print(f"{name} = {_shown(bare(result))}")
    if rows:
        print()
        table = [("", "value", f"d{name}/d·", "two-sided", "difference", "")]
        table += [
            (r.label, _shown(r.value), _shown(r.exact), *_compared(r), r.verdict if r.verdict != RIGHT else "")
            for r in rows
        ]
        widths = [max(map(_width, column)) for column in zip(*table, strict=True)]
        for first, *others in table:
            cells = [first + " " * (widths[0] - _width(first))]
            cells += [" " * (w - _width(cell)) + cell for cell, w in zip(others, widths[1:], strict=True)]
            print("  ".join(cells).rstrip())
    for note in _notes(name, result, rows):
        print(f"\nnote: {note}")


def _compared(row: Row) -> tuple[str, str]:
    if row.numeric is None:
        return "-", "-"
    with np.errstate(all="ignore"):
        gap = np.max(np.abs(np.asarray(row.exact) - row.numeric), initial=0.0)
    return _shown(row.numeric), f"{gap:.1e}" if gap else "0"


def _notes(name: str, result: Any, rows: Sequence[Row]) -> Sequence[str]:
    notes = []
    if np.ndim(bare(result)) and rows:
        notes.append(f"{name} has shape {np.shape(bare(result))}; the derivatives are those of the sum of its elements")
    broken = next((row for row in rows if not np.all(np.isfinite(row.value))), None)
    if broken is not None:
        notes.append(f"{broken.label} is not finite; the derivatives through it mean nothing")
    elif not np.all(np.isfinite(bare(result))):
        notes.append(f"{name} is not finite")
    verdicts = dict.fromkeys(row.verdict for row in rows)
    notes += [f"{verdict}: {REASONS[verdict]}" for verdict in verdicts if verdict in REASONS]
    if WRONG in verdicts:
        notes.append(f"{WRONG}: the exact derivative lies outside the two-sided one's error bound")
    if any(row.numeric is None for row in rows):
        notes.append(f"arrays of more than {MANY:,} elements are not nudged")
    return notes


def _shown(value: Any) -> str:
    """A number with ten digits; a few of them in brackets; of many their shape and length."""
    value = np.asarray(value)
    if not value.ndim:
        return f"{value.item() + 0.0:.10g}"  # no -0
    if value.size <= FEW:
        return _listed(value.tolist())
    with np.errstate(all="ignore"):
        return f"{value.shape} ‖·‖ {np.linalg.norm(np.ravel(value)):.4g}"


def _listed(value: Any) -> str:
    return f"[{', '.join(map(_listed, value))}]" if isinstance(value, list) else f"{value + 0.0:.4g}"


def _width(text: str) -> int:
    """Columns on a terminal, where a Chinese sign takes two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
