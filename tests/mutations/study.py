"""What the public kit, `compare_grads` and `compare_laws`, says to each mutant of each operation."""

from __future__ import annotations

import itertools
import os
import zlib
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
Function = Callable[..., Any]
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
    drawn = [recipe_for(op)(r) for _ in range(8 * CASES)]
    made = [case for case in drawn if 0 < case.size <= largest]
    made.sort(key=lambda case: -case.size)
    kinds = {repr(case.kwargs): k for k, case in reversed(list(enumerate(made)))}  # the largest of each way to call it
    ways = sorted(kinds.values())
    first = [k for k, case in enumerate(made) if beside_another(case)]
    order = dict.fromkeys([0, *first[:1], *ways[: CASES - 2], *range(len(made))])
    chosen = [made[k] for k in itertools.islice(order, CASES)]
    chosen += [case for case in made if len({a.shape for a in case.arrays}) > 1][:1]
    for i in range(op.arity):  # every array is seen with neighbours that a fault could exchange
        if not any(neighbours(case, i) for case in chosen):
            chosen += sorted((case for case in drawn if neighbours(case, i)), key=lambda case: case.size)[:1]
    return [*chosen, *mirrored(op, chosen), *lowered(op, chosen)], ties(op)


def neighbours(case: Case, i: int) -> bool:
    """Whether array i has more than one element along its last axis, and along another if there is one."""
    if i >= len(case.arrays) or not case.arrays[i].ndim:
        return False
    x = case.arrays[i]
    return x.shape[-1] > 1 and (x.ndim == 1 or x.size > x.shape[-1])


def beside_another(case: Case) -> bool:
    """Whether it is called on an axis that is not the last."""
    axis, ndim = case.kwargs.get("axis"), case.arrays[0].ndim
    return isinstance(axis, int) and ndim > 1 and axis % ndim != ndim - 1


def lowered(op: Op, cases: Sequence[Case]) -> list[Case]:
    """The first input, brought below zero, for operations whose result depends on the order of numbers."""
    case = cases[0]
    top = max(np.max(a, initial=0.0) for a in case.arrays) + 0.5
    below = replace(case, arrays=[a - top for a in case.arrays])
    inside = all(np.all((a > low) & (a < high)) for a, (low, high) in zip(below.arrays, op.domain, strict=False))
    away = op.kinks and inside and all(np.all(np.abs(m) > 1e-3) for m in below.margins(below.arrays))
    return [below] if away else []


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


def observed(op: Function, cases: Sequence[Case], second: bool) -> Iterator[Any]:
    """All that the rules of an op can do to anybody: gradients, their derivatives, tangents, or what they raise."""
    for case in cases:
        for look in (_first, _second, _tangents) if second else (_first, _tangents):
            try:
                with np.errstate(all="ignore"):
                    found = look(op, case)
            except ERRORS as error:
                found = type(error)
            yield found


def alike(op: Function, other: Function, cases: Sequence[Case], *, second: bool = True, share: float = 0.0) -> bool:
    """Whether nobody could tell two operations apart on these cases, by more than a share of each result."""
    pairs = zip(observed(op, cases, second), observed(other, cases, second), strict=True)
    return all(same(x, y, share) for x, y in pairs)


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


def _first(op: Function, case: Case) -> Any:
    return checks.gradients(op, case, uneven(checks.values(op, case), 1))


def _second(op: Function, case: Case) -> Any:
    beyond = Case(case.arrays, {}, lambda f, *arrays: squared(checks.closed(f, case))(*arrays))
    return checks.second_order(op, beyond, uneven(checks.values(op, case), 1), uneven(case.arrays, 3))


def _tangents(op: Function, case: Case) -> Any:
    t = uneven(case.arrays, 2)
    return [checks.tangents(op, case, d) for d in (t, *checks.one_at_a_time(t))]


def same(x: Any, y: Any, share: float = 0.0) -> bool:
    """Equal but for the last digits, or for a share of the largest number."""
    if isinstance(x, type) or isinstance(y, type):
        return x is y
    if isinstance(x, list):
        return len(x) == len(y) and all(same(a, b, share) for a, b in zip(x, y, strict=True))
    least = 1e-13 + (share * float(np.max(np.abs(y), initial=0.0)) if share else 0.0)
    return np.shape(x) == np.shape(y) and bool(np.allclose(x, y, rtol=1e-12, atol=least, equal_nan=True))


def caught(op: Function, right: Function, cases: Sequence[Case], tied: Sequence[Case]) -> str:
    """By what the kit finds fault with an op and not with the right one on that input; `SURVIVED` if by nothing."""
    for by, look in LOOKS:
        for case in [*cases, *tied]:
            try:
                wrong = look(checks.closed(op, case), case)
            except ERRORS:
                wrong, by = True, RAISED
            if wrong:
                assert not look(checks.closed(right, case), case), f"the right operation is called wrong: {right}"
                return by
    return SURVIVED


def _wrong(order: int, mode: str) -> Callable[..., bool]:
    def look(f: Function, case: Case) -> bool:
        report = compare_grads(squared(f) if order == 2 else f, *case.arrays, order=order, mode=mode)
        return report.wrong > 0

    return look


def _broken(f: Function, case: Case) -> bool:
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
    """Whether a mutant is in the sample; all at ties are, which the laws alone can see."""
    return mutant.fault.startswith("wrong at ties") or sampled(f"{op.name} {mutant.fault} {mutant.i}", part)


def sampled(name: str, part: int) -> bool:
    """One of so many, the same in every run."""
    return zlib.crc32(name.encode()) % part == 0


def study(op: Op, part: int = 1) -> Iterator[Verdict]:
    """The verdicts on the mutants of an op; the right op itself must pass, in a sample where they do not."""
    cases, tied = cases_for(op)
    if part == 1:
        caught(op, op, cases, tied)
    for mutant in mutants(op, cases):
        if not chosen(op, mutant, part):
            continue
        if alike(mutant.op, op, [*cases, *tied]):
            yield Verdict(op.name, mutant, EQUIVALENT, reason(op, mutant, cases))
        else:
            yield Verdict(op.name, mutant, caught(mutant.op, op, cases, tied))


NO_GRADIENT = "the gradient is zero everywhere"
NOT_READ = "the rule does not read the numbers of that array, or the two never have the same shape"
LINEAR = "the operation is linear, or in pieces: its rule reads no numbers that change it"
NEVER = "the gradient is zero, or the operation has no value, at such numbers"
ALIKE = "the rules read no numbers, or are the same for both"
BY_SHAPE = "the rule goes by the shape alone"


def reason(op: Op, mutant: Mutant, cases: Sequence[Case]) -> str:
    """Why a mutant makes no difference, as far as it can be shown; empty where nothing shows it."""
    fault, i = mutant.fault, mutant.i
    if not any(np.any(seen) for case in cases for seen in _seen(op, case, i)):
        return NO_GRADIENT
    if fault in ("ans for x", "x for ans"):
        return NOT_READ
    if fault == "wrong in second order: blind":
        curved = any(np.any(a) for case in cases for a in _plain_second(op, case))
        return LINEAR if not curved or not any(reads(op, case, i or 0) for case in cases) else ""
    if fault in ("wrong for negative x", "wrong for large x") and i is not None:
        limit = large(cases, i)
        for case in [c for c in cases if i < len(c.arrays)]:
            x = case.arrays[i]
            if np.any(_gradient(op, case, i)[x < 0.0 if "negative" in fault else np.abs(x) > limit]):
                return ""
        return NEVER
    if fault == "wrong at ties" and op.name == "p_norm":
        return NEVER
    if "exchanged" in fault and op.name in ("add", "assign", "floor_divide", "fmod", "mod", "subtract"):
        return ALIKE
    by_shape = op.name in ("expand_dims", "squeeze") or (op.name, i) == ("normalize", 2)
    return BY_SHAPE if fault == "wrong axis" and by_shape else ""


def reads(op: Op, case: Case, i: int) -> bool:
    """Whether the gradient of argument i is another one where the arrays hold slightly other numbers."""
    moved = replace(
        case, arrays=[a * (1.0 + 1e-3 * np.abs(d)) for a, d in zip(case.arrays, uneven(case.arrays, 5), strict=True)]
    )
    return not same(_gradient(op, moved, i), _gradient(op, case, i))


def _seen(op: Op, case: Case, i: int | None) -> list[Any]:
    """What rule i does, or the forward one."""
    return [a for t in _tangents(op, case) for a in t] if i is None else [_gradient(op, case, i)]


def _gradient(op: Op, case: Case, i: int) -> Any:
    found = _first(op, case)
    return found[min(i, len(found) - 1)]


def _plain_second(op: Op, case: Case) -> Any:
    return checks.second_order(op, case, uneven(checks.values(op, case), 1), uneven(case.arrays, 3))


def deep() -> bool:
    return os.environ.get("HYPOTHESIS_PROFILE") == "deep"
