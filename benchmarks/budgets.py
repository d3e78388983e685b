"""The budgets of tinygraph's speed: what each must reach, what it aims at, what was measured. All are upper bounds.

They are judged by the median over the rounds, of the worst case of each workload, and they are printed, never asserted:
a test that fails on a busy machine says nothing about the code.
"""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from benchmarks.contestants import REFERENCE, SUBJECT
from benchmarks.conv import Layer
from benchmarks.harness import Quartiles, Result
from benchmarks.profiles import CONVOLUTIONS

BINARY = ("x * y, 0-d", "x * y, 4 elements")
SMALL_CHAINS = ("0-d", "10 elements", "100 elements", "1,000 elements")
LARGE_CHAIN = ("100,000 elements",)
BATCHES = tuple(str(Layer(*case)) for case in CONVOLUTIONS if case[0] > 1)
DIGITS = ("digits, dense", "digits, convolutions")
BY_HAND = "x NumPy by hand"


Measure = Callable[[Result, str], Quartiles]


class Budget(NamedTuple):
    """`measure` gives a contestant's quantity in one case; `cases` says which cases count (none named: all)."""

    work: str
    unit: str
    must: float
    aim: float
    workload: str
    measure: Measure
    cases: tuple[str, ...] = ()


class Verdict(NamedTuple):
    """A budget beside what was measured in its worst case; None where it was not.

    `by_hand` is what straight-line NumPy reaches in the same case: an engine that calls NumPy for each operation
    cannot go below it.
    """

    budget: Budget
    case: str
    measured: Quartiles | None
    by_hand: Quartiles | None

    @property
    def word(self) -> str:
        if self.measured is None:
            return "not measured"
        value = self.measured.median
        return "aim reached" if value <= self.budget.aim else "met" if value <= self.budget.must else "MISSED"


def against(other: str) -> Measure:
    return lambda result, name: result.ratio(name, other)


def memory_against(other: str) -> Measure:
    return lambda result, name: Quartiles.of(
        a / b for a, b in zip(result.memory[name], result.memory[other], strict=True)
    )


def milliseconds_above(result: Result, name: str) -> Quartiles:
    return Quartiles(*(value / 1000 for value in result.above(name)))


CHAIN, STEP = "chain, 0-d to 1,000 elements", "training step of a network, Adam"
BULK = "Hessian, Jacobian, third derivative"
CONVOLUTION = "convolution of a batch, forward and backward"

BUDGETS = (
    Budget("record one binary operation", "us above NumPy", 1.0, 0.6, "record", Result.above, BINARY),
    Budget(CHAIN, "x PyTorch eager", 1.0, 0.5, "chain", against("torch"), SMALL_CHAINS),
    Budget(CHAIN, "x autograd", 0.25, 0.25, "chain", against("autograd"), SMALL_CHAINS),
    Budget(CHAIN, "x MyGrad", 0.25, 0.25, "chain", against("mygrad"), SMALL_CHAINS),
    Budget("chain, 100,000 elements", BY_HAND, 1.3, 1.1, "chain", against("numpy"), LARGE_CHAIN),
    Budget(STEP, BY_HAND, 1.5, 1.2, "mlp", against("numpy")),
    Budget(STEP, "x PyTorch eager", 1.0, 1.0, "mlp", against("torch")),
    Budget(CONVOLUTION, "x JAX jitted", 1.0, 1.0, "conv", against("jax"), BATCHES),
    Budget(CONVOLUTION, "x PyTorch eager", math.inf, 1.5, "conv", against("torch"), BATCHES),
    Budget(BULK, "x PyTorch eager", 1.0, 1.0, "derivatives", against("torch")),
    Budget(BULK, "x autograd", 1.0, 0.5, "derivatives", against("autograd")),
    Budget("training by fit, time", "x PyTorch eager", 1.0, 1.0, "fit", against("torch"), DIGITS),
    Budget("training by fit, peak memory over the start", "x PyTorch eager", 1.3, 1.0, "fit", memory_against("torch")),
    Budget("chain of a million operations", "us per operation", 8.0, 5.0, "million", Result.microseconds),
    Budget("chain of a million operations", "KB per operation", 0.6, 0.4, "million", Result.kilobytes),
    Budget("import tinygraph", "ms above NumPy", 50.0, 25.0, "startup", milliseconds_above),
)


def judge(results: Iterable[Result]) -> list[Verdict]:
    """One verdict for each budget, on its worst case."""
    results = list(results)
    return [_worst(budget, results) for budget in BUDGETS]


def _worst(budget: Budget, results: list[Result]) -> Verdict:
    worst = Verdict(budget, "", None, None)
    for result in results:
        if result.workload != budget.workload or (budget.cases and result.case not in budget.cases):
            continue
        try:
            measured = budget.measure(result, SUBJECT)
            by_hand = budget.measure(result, REFERENCE) if REFERENCE in result.samples else None
        except KeyError:  # one of those to be compared was left out
            continue
        if math.isnan(measured.median):
            continue
        if worst.measured is None or measured.median > worst.measured.median:
            worst = Verdict(budget, result.case, measured, by_hand)
    return worst
