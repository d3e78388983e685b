"""What a comparison of gradients found, element by element, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygraph.check.differences import Estimate
from tinygraph.check.verdict import REASONS, RIGHT, WRONG

_SHOWN = 8


class GradientError(AssertionError):
    """A gradient is not what the function's values say; `.report` has every element."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


@dataclass(frozen=True)
class Comparison:
    """One array: its name in the call, the exact derivative, the numeric one, and the verdict for each element."""

    name: str
    exact: np.ndarray[Any, Any]
    numeric: Estimate
    verdicts: np.ndarray[Any, Any]
    problem: str | None = None  # what is wrong with the array as a whole: its shape, its dtype

    def count(self, verdict: str) -> int:
        return int(np.sum(self.verdicts == verdict))

    def ranked(self) -> list[tuple[int, ...]]:
        """The places that are not right, the worst first: by the difference in units of the bound."""
        with np.errstate(all="ignore"):
            excess = np.abs(self.exact - self.numeric.value) / np.maximum(self.numeric.bound, 1e-300)
        excess = np.where(self.verdicts == WRONG, np.nan_to_num(excess, nan=np.inf), -1.0)
        order = np.argsort(-excess, axis=None, kind="stable")
        places = [tuple(map(int, np.unravel_index(k, self.verdicts.shape))) for k in order]
        return [place for place in places if self.verdicts[place] != RIGHT]

    def line(self, place: tuple[int, ...]) -> str:
        """One element as a line of the report."""
        numeric, verdict = self.numeric, str(self.verdicts[place])
        index = f"[{', '.join(map(str, place))}]" if place else ""
        text = (
            f"{verdict if verdict == WRONG else 'inconclusive'}: {self.name}{index}: exact {self.exact[place]:.10g}, "
            f"numeric {numeric.value[place]:.10g} ± {numeric.bound[place]:.1e}"
        )
        if verdict in REASONS:
            text += f" ({verdict}: {REASONS[verdict]})"
        if numeric.kink[place]:
            text += f"; slopes {numeric.left[place]:.6g} and {numeric.right[place]:.6g}"
        return text


@dataclass(frozen=True)
class Report:
    """The outcome of `compare_grads`: a comparison for each array, in one mode and of one order.

    `right`, `wrong` and `inconclusive` count elements; `str(report)` shows those that are not right.
    """

    comparisons: tuple[Comparison, ...]
    mode: str
    order: int
    evaluations: int
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return sum(c.verdicts.size for c in self.comparisons)

    @property
    def right(self) -> int:
        return sum(c.count(RIGHT) for c in self.comparisons)

    @property
    def wrong(self) -> int:
        return sum(c.count(WRONG) for c in self.comparisons)

    @property
    def inconclusive(self) -> int:
        return self.size - self.right - self.wrong

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong and something is right; vacuously where there is nothing to check."""
        flawless = self.wrong == 0 and all(c.problem is None for c in self.comparisons)
        return flawless and (self.right > 0 or self.size == 0)

    def __str__(self) -> str:
        title = f"gradients of order {self.order}, mode {self.mode}"
        lines = [
            f"{title}: {self.right} right, {self.wrong} wrong, {self.inconclusive} inconclusive "
            f"(of {self.size}; {self.evaluations} evaluations)"
        ]
        if self.size and not self.right and not self.wrong:
            lines.append("no element could be verified")
        lines += [f"  note: {note}" for note in self.notes]
        lines += [f"  wrong: {c.name}: {c.problem}" for c in self.comparisons if c.problem]
        bad = [(c.verdicts[p] != WRONG, c, p) for c in self.comparisons if not c.problem for p in c.ranked()]
        bad.sort(key=lambda item: bool(item[0]))
        lines += [f"  {c.line(p)}" for _, c, p in bad[:_SHOWN]]
        if len(bad) > _SHOWN:
            lines.append(f"  and {len(bad) - _SHOWN} more")
        return "\n".join(lines)
