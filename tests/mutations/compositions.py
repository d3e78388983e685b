"""Faults in the operations that a composition is made of, planted there alone: they show through the whole of it.

A composition has no rule of its own that could be wrong. What can be wrong in it is an operation at one of its places,
or a place that the derivative does not pass, which is the fault "zero" there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from random import Random
from typing import Any

from laws import checks
from laws import table as laws
from laws.cases import Case, recipe_for

from mutations.faults import FAULTS, Mutant, after, changed, places
from mutations.study import EQUIVALENT, LARGEST, SURVIVED, Verdict, alike, caught, same, sampled
from tinygraph.graph import Node, leaf
from tinygraph.op import Op
from tinygraph.tensor import Tensor
from tinygraph.transforms import vjp
from tinygraph.tree import flatten

COMPOSITIONS = sorted(set(laws.COMPOSED.values()), key=lambda f: f.__name__)
CASES = 6
PLANTED = ("zero", "factor 2", "factor 1.001", "transposed", "cotangent squared", "wrong in second order: doubled")
NO_PATH = "no derivative passes there"
ONE = "there is one number, which has no order"
SYMMETRIC = "the matrix there is symmetric, so its transposed gradient says the same"
CANCELS = "what comes back there cancels: first order is right, and second order within a hundred-thousandth"
LITTLE = 1e-5  # a tenth of the relative fault that the kit promises to see


def cases_of(function: Callable[..., Any]) -> tuple[list[Case], list[Case]]:
    """Inputs of the ways to call a composition, the largest of each, and all further ones."""
    r = Random(function.__name__)
    made = [case for case in (recipe_for(function)(r) for _ in range(8 * CASES)) if 0 < case.size <= LARGEST]
    made.sort(key=lambda case: case.size)
    ways = {(repr(case.kwargs), *(a.ndim for a in case.arrays)): case for case in made}
    chosen = sorted(ways.values(), key=lambda case: -case.size)[:CASES]
    return chosen, [case for case in made if not any(case is c for c in chosen)]


def behind(outputs: Any, after: int) -> list[Node]:
    """The nodes recorded after a serial, behind some outputs."""
    stack = [y._node for y in flatten(outputs)[0] if isinstance(y, Tensor)]
    seen = set(stack)
    while stack:
        for x in stack.pop().inputs or ():
            if x is not None and x not in seen and x.serial > after:
                seen.add(x)
                stack.append(x)
    return [node for node in seen if node.serial > after]


def blocks(function: Callable[..., Any], cases: Sequence[Case]) -> list[Op]:
    """The operations of a composition that derivatives pass."""
    found: dict[str, Op] = {}

    def noted(*args: Any, **params: Any) -> Any:
        start = leaf(0.0).serial
        out = function(*args, **params)
        found.update({node.op.name: node.op for node in behind(out, start) if node.op and node.requires_grad})
        return out

    for case in cases:
        vjp(checks.closed(noted, case), *case.arrays)
    return [found[name] for name in sorted(found)]


def planted(function: Callable[..., Any], block: Op, mutant: Op) -> Callable[..., Any]:
    """A composition in which one of its operations is a wrong one, and no other of the same name anywhere else."""

    def faulty(*args: Any, **params: Any) -> Any:
        start = leaf(0.0).serial
        out = function(*args, **params)
        for node in behind(out, start):
            if node.op is block:
                node.op = mutant
        return out

    return faulty


def study(function: Callable[..., Any], part: int = 1) -> Iterator[Verdict]:
    """The verdicts on the faults planted in a composition; the right one must pass."""
    name, (cases, further) = function.__name__.lstrip("_"), cases_of(function)
    kinds = [(block, i, fault) for block in blocks(function, cases) for i in places(block) for fault in PLANTED]
    kinds = [(block, i, fault) for block, i, fault in kinds if sampled(f"{name} {block.name} {fault} {i}", part)]
    if not kinds:
        return
    if part == 1:
        caught(function, function, cases, [])

    @cache
    def closed(block: Op, i: int) -> bool:
        return alike(cut(function, block, i), function, [*cases, *further])

    for block, i, fault in kinds:
        mutant = Mutant(fault, i, changed(block, i, FAULTS[fault](i)))
        wrong = planted(function, block, mutant.op)
        by = EQUIVALENT if alike(wrong, function, cases) else caught(wrong, function, cases, [])
        if by not in (EQUIVALENT, SURVIVED):
            yield Verdict(f"{name}: {block.name}", mutant, by)
            continue
        why = NO_PATH if closed(block, i) else reason(function, block, mutant, [*cases, *further])
        if not why:  # then each of the further inputs, by itself
            telling = (case for case in further if not alike(wrong, function, [case]))
            found = (caught(wrong, function, [case], []) for case in telling)
            by = next((seen for seen in found if seen != SURVIVED), by)
        yield Verdict(f"{name}: {block.name}", mutant, EQUIVALENT if why else by, why)


def cut(function: Callable[..., Any], block: Op, i: int) -> Callable[..., Any]:
    """A composition without the derivative that passes rule i of an operation."""
    return planted(function, block, changed(block, i, FAULTS["zero"](i)))


def reason(function: Callable[..., Any], block: Op, mutant: Mutant, cases: Sequence[Case]) -> str:
    """Why a fault makes no difference where a derivative passes, if it can be shown; empty where nothing shows it."""
    i, fault = mutant.i or 0, mutant.fault
    if fault == "transposed":
        there = arrays_at(function, block, i, cases)
        return ONE if all(x.size == 1 for x in there) else SYMMETRIC if all(same(x.T, x) for x in there) else ""
    little = alike(planted(function, block, mutant.op), function, cases, share=LITTLE)
    return CANCELS if little and alike(cut(function, block, i), function, cases, second=False) else ""


def arrays_at(function: Callable[..., Any], block: Op, i: int, cases: Sequence[Case]) -> list[Any]:
    """The arguments i of an operation at its places in a composition."""
    found: list[Any] = []

    def note(gx: Any, x: Any, g: Any) -> Any:
        found.append(x)
        return gx

    noted = planted(function, block, changed(block, i, after(note)(i)))
    for case in cases:
        checks.gradients(noted, case)
    return found
