"""What the public kit, `compare_grads` and `compare_laws`, says to each mutant of each operation."""

from __future__ import annotations

import itertools
import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np
from laws import checks
from laws.cases import Case, recipe_for

from mutations.faults import Mutant, large, mutants
from tinygraph.check import compare_grads, compare_laws
from tinygraph.op import Joint, Op

CASES, TIES, LARGEST, LONGEST = 6, 3, 30, 60  # the last for operations over several steps
ERRORS = (AssertionError, ValueError, TypeError, IndexError, AttributeError)
HALVES = np.arange(-5, 6) / 2.0
DIFFERENCES, LAWS, SECOND, RAISED = "differences", "laws", "second order", "an error"
EQUIVALENT, SURVIVED = "no difference", "survived"


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant."""

    op: str
    mutant: Mutant
    by: str
    why: str = ""  # why a mutant makes no difference


def cases_for(op: Op) -> tuple[list[Case], list[Case]]:
    """Inputs away from kinks, of different shapes and signs, and inputs at kinks."""
    r = Random(op.name)
    largest = LONGEST if isinstance(op.vjps, Joint) else LARGEST
    made = [case for case in (recipe_for(op)(r) for _ in range(8 * CASES)) if 0 < case.size <= largest]
    made.sort(key=lambda case: -case.size)
    kinds = {repr(case.kwargs): k for k, case in reversed(list(enumerate(made)))}  # the largest of each way to call it
    ways = sorted(kinds.values())
    first = [k for k, case in enumerate(made) if beside_another(case)]
    order = dict.fromkeys([0, *first[:1], *ways[: CASES - 2], *range(len(made))])
    chosen = [made[k] for k in itertools.islice(order, CASES)]
    chosen += [case for case in made if len({a.shape for a in case.arrays}) > 1][:1]
    return [*chosen, *mirrored(op, chosen), *lowered(op, chosen)], ties(op)


def beside_another(case: Case) -> bool:
    """Whether it is called on an axis that is not the last."""
    axis, ndim = case.kwargs.get("axis"), case.arrays[0].ndim
    return isinstance(axis, int) and ndim > 1 and axis % ndim != ndim - 1


def lowered(op: Op, cases: Sequence[Case]) -> list[Case]:
    """The first input, brought below zero, for operations whose result depends on the order of numbers."""
    case = cases[0]
    top = max(np.max(a, initial=0.0) for a in case.arrays) + 0.5
    below = replace(case, arrays=[a - top for a in case.arrays])
    return [below] if op.kinks and all(np.all(np.abs(m) > 1e-3) for m in below.margins(below.arrays)) else []


def mirrored(op: Op, cases: Sequence[Case]) -> list[Case]:
    """The same inputs with all signs turned, where an elementwise operation has a value there too."""
    if op.kind != "elementwise" or all(low < 0.0 for low, _ in op.domain):
        return []
    found = []
    for signs in itertools.product((1.0, -1.0), repeat=len(cases[0].arrays)):
        turned = [replace(cases[0], arrays=[s * a for s, a in zip(signs, cases[0].arrays, strict=True)])]
        with np.errstate(all="ignore"):
            seen = [*checks.values(op, turned[0]), *_first(op, turned[0])]
            if all(np.isfinite(a).all() for a in seen):
                found += turned
    return found


def ties(op: Op) -> list[Case]:
    """Inputs at the declared kinks, each by itself."""
    if not op.kinks:
        return []
    if op.kind != "elementwise":
        spread = np.array([[2.0, -1.0, 2.0], [2.0, 2.0, -1.0], [-1.0, -1.0, 0.5]])
        flat = np.full((3, 3), 1.5)
        ways = [{"axis": axis} for axis in (None, 0, 1)] if "axis" in op.params else [dict(op.params)]
        return [Case([flat if op.name == "std" else spread], way, kinks=op.kinks) for way in ways]
    inside = [[x for x in HALVES if low < x < high] for low, high in op.domain]
    points = [p for p in itertools.product(*inside) if sum(k.margin(*map(np.float64, p)) == 0.0 for k in op.kinks) == 1]
    chosen = Random(op.name).sample(points, min(TIES, len(points)))
    return [Case([np.array([x]) for x in p], {}, kinks=op.kinks) for p in chosen]


def observed(op: Op, cases: Sequence[Case]) -> list[Any]:
    """All that the rules of an op can do to anybody: gradients, their derivatives, tangents, or what they raise."""
    seen: list[Any] = []
    for case in cases:
        for look in (_first, _second, _tangents):
            try:
                with np.errstate(all="ignore"):
                    seen.append(look(op, case))
            except ERRORS as error:
                seen.append(type(error))
    return seen


def uneven(like: Sequence[Any], k: int) -> list[Any]:
    """Numbers with all their digits, so that rounding to single precision shows."""
    rng = np.random.default_rng(k)
    return [rng.uniform(0.5, 1.5, np.shape(a)) * rng.choice([-1.0, 1.0], np.shape(a)) for a in like]


def squared(function: Callable[..., Any]) -> Callable[..., Any]:
    """A polynomial of all results: what is wrong in how a rule depends on its cotangent shows in second order."""

    def of(*arrays: Any) -> list[Any]:
        made = function(*arrays)
        return [y * (y + 1.0) for y in (made if isinstance(made, list | tuple) else [made])]

    return of


def _first(op: Op, case: Case) -> Any:
    return checks.gradients(op, case, uneven(checks.values(op, case), 1))


def _second(op: Op, case: Case) -> Any:
    beyond = Case(case.arrays, {}, lambda f, *arrays: squared(checks.closed(f, case))(*arrays))
    return checks.second_order(op, beyond, uneven(checks.values(op, case), 1), uneven(case.arrays, 3))


def _tangents(op: Op, case: Case) -> Any:
    t = uneven(case.arrays, 2)
    return [checks.tangents(op, case, d) for d in (t, *checks.one_at_a_time(t))]


def same(x: Any, y: Any) -> bool:
    """Equal but for the last digits."""
    if isinstance(x, type) or isinstance(y, type):
        return x is y
    if isinstance(x, list):
        return len(x) == len(y) and all(map(same, x, y))
    return np.shape(x) == np.shape(y) and bool(np.allclose(x, y, rtol=1e-12, atol=1e-13, equal_nan=True))


def caught(op: Op, cases: Sequence[Case], tied: Sequence[Case]) -> str:
    """By what the kit finds fault with an op on these inputs; `SURVIVED` if by nothing."""
    for by, look in LOOKS:
        for case in cases if by != LAWS else [*cases, *tied]:
            try:
                if look(checks.closed(op, case), case):
                    return by
            except ERRORS:
                return RAISED
    return SURVIVED


def _wrong(order: int, mode: str) -> Callable[..., bool]:
    def look(f: Callable[..., Any], case: Case) -> bool:
        report = compare_grads(squared(f) if order == 2 else f, *case.arrays, order=order, mode=mode)
        return report.wrong > 0

    return look


def _broken(f: Callable[..., Any], case: Case) -> bool:
    """A law is broken; the rows of a tie are samples, where the operation does not tell them apart."""
    tied = bool(case.kinks) and "axis" in case.kwargs and case.kwargs["axis"] in (None, 0)
    return bool(compare_laws(f, *case.arrays, batch=0 if tied and case.arrays[0].ndim == 2 else None).of("broken"))


LOOKS = (
    (DIFFERENCES, _wrong(1, "rev")),
    (LAWS, _broken),
    (DIFFERENCES, _wrong(1, "fwd")),
    (SECOND, _wrong(2, "rev")),
)


def chosen(op: Op, mutant: Mutant, part: int) -> bool:
    """A sample that is the same in every run: one of `part` mutants, and all at ties, which the laws alone can see."""
    return (
        mutant.fault.startswith("wrong at ties")
        or zlib.crc32(f"{op.name} {mutant.fault} {mutant.i}".encode()) % part == 0
    )


def study(op: Op, part: int = 1) -> Iterator[Verdict]:
    """The verdicts on the mutants of an op; the right op itself must pass."""
    cases, tied = cases_for(op)
    assert caught(op, cases if part == 1 else cases[:2], tied) == SURVIVED, (
        f"the right rules of {op.name} are called wrong"
    )
    right = observed(op, [*cases, *tied])
    for mutant in mutants(op, cases):
        if not chosen(op, mutant, part):
            continue
        if same(observed(mutant.op, [*cases, *tied]), right):
            yield Verdict(op.name, mutant, EQUIVALENT, reason(op, mutant, cases))
        else:
            yield Verdict(op.name, mutant, caught(mutant.op, cases, tied))


NO_GRADIENT = "the gradient is zero everywhere"
NOT_READ = "the rule does not read the numbers of that array, or the two never have the same shape"
LINEAR = "the operation is linear, or in pieces: its rule reads no numbers that change it"
NEVER = "the gradient is zero, or the operation has no value, at such numbers"
ALIKE = "the rules read no numbers, or are the same for both"
BY_SHAPE = "the rule goes by the shape alone"


def reason(op: Op, mutant: Mutant, cases: Sequence[Case]) -> str:
    """Why a mutant makes no difference, as far as it can be shown; empty where nothing shows it."""
    fault, i = mutant.fault, mutant.i
    if i is not None and not any(np.any(_gradient(op, case, i)) for case in cases):
        return NO_GRADIENT
    if fault in ("ans for x", "x for ans"):
        return NOT_READ
    if fault == "wrong in second order: blind":
        curved = any(np.any(a) for case in cases for a in _plain_second(op, case))
        return "" if curved else LINEAR
    if fault in ("wrong for negative x", "wrong for large x") and i is not None:
        limit = large(cases, i)
        for case in [c for c in cases if i < len(c.arrays)]:
            x = case.arrays[i]
            if np.any(_gradient(op, case, i)[x < 0.0 if "negative" in fault else np.abs(x) > limit]):
                return ""
        return NEVER
    if "exchanged" in fault and op.name in ("add", "assign", "floor_divide", "mod", "subtract"):
        return ALIKE
    return BY_SHAPE if fault == "wrong axis" and op.name in ("expand_dims", "squeeze") else ""


def _gradient(op: Op, case: Case, i: int) -> Any:
    found = _first(op, case)
    return found[min(i, len(found) - 1)]


def _plain_second(op: Op, case: Case) -> Any:
    return checks.second_order(op, case, uneven(checks.values(op, case), 1), uneven(case.arrays, 3))


COLUMNS = ("planted", EQUIVALENT, DIFFERENCES, LAWS, SECOND, RAISED, SURVIVED)


def table(verdicts: Sequence[Verdict]) -> str:
    """A table in Markdown: faults down, and what became of them across."""
    faults = dict.fromkeys(v.mutant.fault for v in verdicts)
    counts = Counter((v.mutant.fault, v.by) for v in verdicts)
    lines = [f"| fault | {' | '.join(COLUMNS)} |", f"|---|{'---:|' * len(COLUMNS)}"]

    def row(name: str, of: Sequence[str]) -> str:
        found = [sum(counts[fault, by] for fault in of) for by in COLUMNS[1:]]
        return f"| {name} | {' | '.join(map(str, [sum(found), *found]))} |"

    return "\n".join([*lines, *(row(fault, [fault]) for fault in faults), row("**all**", list(faults))])


def deep() -> bool:
    return os.environ.get("HYPOTHESIS_PROFILE") == "deep"


def page(verdicts: Sequence[Verdict]) -> str:
    """docs/mutation.md."""
    reasons = Counter(v.why for v in verdicts if v.by == EQUIVALENT)
    where = {
        why: dict.fromkeys(v.mutant.fault for v in verdicts if v.by == EQUIVALENT and v.why == why) for why in reasons
    }
    told = [f"| {why} | {', '.join(where[why])} | {count} |" for why, count in reasons.most_common()]
    return f"""{INTRODUCTION}
{table(verdicts)}

## What makes no difference

A mutant whose gradients, second derivatives and tangents are the same as the right ones on all inputs, to the last
digits, is not wrong. Each of them has one of these reasons, and the tests show that it has.

| reason | faults | mutants |
|---|---|---:|
{chr(10).join(told)}
"""


INTRODUCTION = """# Mutation study

Does the kit see what it is there to see? Into a copy of every operation of the table, one fault after another is
planted, in each of its rules; the public functions `compare_grads` and `compare_laws` then look at it, on small inputs
of several shapes, on either side of zero, broadcast and not, and at the declared kinks. The tests do this to a sample
in every run, and to all with `HYPOTHESIS_PROFILE=deep`. The operations as they are must pass on the same inputs.

The columns say what was the first to find a mutant wrong: two-sided differences of first order, in reverse or forward
mode; a law; differences of second order; or the engine, which raises where a gradient has the wrong shape. Ties are
beyond differences: there only the laws help, that a gradient at a kink lies between the slopes beside it, and that
permuting a batch permutes its gradients.
"""
