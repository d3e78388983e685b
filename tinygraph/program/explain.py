"""What has become of a recorded program, in words: what each pass left out, and where the arrays lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from tinygraph.program.buffers import owners
from tinygraph.program.code import Line, Program
from tinygraph.program.fast import Fast
from tinygraph.program.notation import text_of
from tinygraph.program.passes import EXACT

WHY = {
    "constants": "what depends on no argument is computed once",
    "exact_algebra": "x * 1, a transpose of a transpose, a shape that is there already",
    "plain_numbers": "numbers in place of arrays that are full of them",
    "common_subexpressions": "what was written twice is computed once",
    "copies": "an array that nobody else holds need not be copied",
    "dead_code": "no result needs it",
}


def explained(recorded: Program, fast: Fast) -> Iterator[str]:
    """The lines of `compiled.explain()` for one signature."""
    program = recorded
    rows: list[str] = []
    for change in EXACT:
        before, program = program, change(program)
        gone = len(before.lines) - len(program.lines)
        if gone:
            rows.append(f"  {change.__name__.replace('_', ' ')}: {_size(before, program)}: {WHY[change.__name__]}")
    yield f"{len(recorded.lines)} operations were recorded, {len(program.lines)} are left"
    yield from rows
    yield from _memory(fast)


def _size(before: Program, after: Program) -> str:
    """How many operations are gone, and the bytes of their results."""
    left, owner = {line.name for line in after.lines}, owners(before)
    gone = _bytes(line for line in before.lines if line.name not in left and owner.get(line.name or "") == line.name)
    return f"{len(before.lines)} → {len(after.lines)} operations" + (f", {gone:,} bytes less" if gone else "")


def _bytes(lines: Iterable[Line]) -> int:
    return sum(line.value.nbytes for line in lines if isinstance(line.value, np.ndarray))


def _memory(fast: Fast) -> Iterator[str]:
    plan = fast.plan
    yield f"{len(plan.offsets)} arrays lie in one memory of {plan.size:,} bytes; apart they would take {plan.apart:,}"
    if plan.reused:
        pairs = ", ".join(f"{new} in {old}" for new, old in plan.reused.items())
        yield f"  {len(plan.reused)} are filled in place of an operand that is used for the last time: {pairs}"
    for title, loop in fast.loops.items():
        yield f"  {title} is one pass over {len(loop.args)} arrays in place of {loop.operations} operations"
    if fast.views:
        yield f"  {len(fast.views)} views of them are made once: {', '.join(line.name or '' for line in fast.views)}"
    if fast.fresh:
        yield f"  {len(fast.fresh)} are made anew on each call, {_bytes(fast.fresh):,} bytes:"
    for line in fast.fresh:
        why = "a result" if line.name in fast.program.results else "NumPy has no out= for it"
        yield f"    {line.name} = {text_of(line.code)}: {why}"
