"""The budgets of tinygraph's speed: what each must reach, what it aims at, what was measured. All are upper bounds.

They are judged by the median over the rounds, of the worst case of each workload, and they are printed, never asserted:
a test that fails on a busy machine says nothing about the code.
"""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from benchmarks.contestants import SUBJECT
from benchmarks.harness import Quartiles, Result

SMALL_CHAINS = ("0-d", "10 elements", "100 elements", "1,000 elements")
LARGE_CHAIN = ("100,000 elements",)
BY_HAND = "x NumPy by hand"


class Budget(NamedTuple):
    """`measure` gives the quantity of one case; `workload` and `cases` say which cases count (none named: all)."""

    work: str
    unit: str
    must: float
    aim: float
    workload: str
    measure: Callable[[Result], Quartiles]
    cases: tuple[str, ...] = ()


class Verdict(NamedTuple):
    """A budget beside what was measured in its worst case; None where it was not."""

    budget: Budget
    case: str
    measured: Quartiles | None

    @property
    def word(self) -> str:
        if self.measured is None:
            return "not measured"
        value = self.measured.median
        return "aim reached" if value <= self.budget.aim else "met" if value <= self.budget.must else "MISSED"


def against(other: str) -> Callable[[Result], Quartiles]:
    return lambda result: result.ratio(SUBJECT, other)


def milliseconds_above(result: Result) -> Quartiles:
    return Quartiles(*(value / 1000 for value in result.above(SUBJECT)))


def microseconds_above(result: Result) -> Quartiles:
    return result.above(SUBJECT)


def microseconds(result: Result) -> Quartiles:
    return result.microseconds(SUBJECT)


def kilobytes(result: Result) -> Quartiles:
    return result.kilobytes(SUBJECT)


CHAIN, STEP = "chain, 0-d to 1,000 elements, forward and backward", "training step of a network, Adam"

BUDGETS = (
    Budget("record one operation on small arrays", "us above NumPy", 1.0, 0.6, "record", microseconds_above),
    Budget(CHAIN, "x PyTorch eager", 1.0, 0.5, "chain", against("torch"), SMALL_CHAINS),
    Budget(CHAIN, "x autograd", 0.25, 0.25, "chain", against("autograd"), SMALL_CHAINS),
    Budget(CHAIN, "x MyGrad", 0.25, 0.25, "chain", against("mygrad"), SMALL_CHAINS),
    Budget("chain, 100,000 elements", BY_HAND, 1.3, 1.1, "chain", against("numpy"), LARGE_CHAIN),
    Budget(STEP, BY_HAND, 1.5, 1.2, "mlp", against("numpy")),
    Budget(STEP, "x PyTorch eager", 1.0, 1.0, "mlp", against("torch")),
    Budget("chain of a million operations", "us per operation", 8.0, 5.0, "million", microseconds),
    Budget("chain of a million operations", "KB per operation", 0.6, 0.4, "million", kilobytes),
    Budget("import tinygraph", "ms above NumPy", 50.0, 25.0, "startup", milliseconds_above),
)


def judge(results: Iterable[Result]) -> list[Verdict]:
    """One verdict for each budget, on its worst case."""
    results = list(results)
    return [_worst(budget, results) for budget in BUDGETS]


def _worst(budget: Budget, results: list[Result]) -> Verdict:
    worst = Verdict(budget, "", None)
    for result in results:
        if result.workload != budget.workload or (budget.cases and result.case not in budget.cases):
            continue
        try:
            measured = budget.measure(result)
        except KeyError:  # one of the two was left out
            continue
        if math.isnan(measured.median):
            continue
        if worst.measured is None or measured.median > worst.measured.median:
            worst = Verdict(budget, result.case, measured)
    return worst
