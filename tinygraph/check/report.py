"""What a comparison of gradients found, element by element, and how it is told."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from tinygraph.check.differences import Estimate
from tinygraph.check.fault import Culprit
from tinygraph.check.page import page
from tinygraph.check.verdict import REASONS, RIGHT, WRONG
from tinygraph.render import Picture, render
from tinygraph.tensor import handle

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

    def ratio(self, place: tuple[int, ...]) -> str:
        """Exact over numeric, to the digits that its error bound allows; empty where that says nothing."""
        exact, value, bound = (float(a[place]) for a in (self.exact, self.numeric.value, self.numeric.bound))
        if not (np.isfinite([exact, value, bound]).all() and abs(value) > 2.0 * bound):
            return ""
        digits = 6 if bound == 0.0 else int(np.clip(np.log10(abs(value) / bound), 1.0, 6.0))
        return f"{exact / value:.{digits}g}"

    def cells(self, place: tuple[int, ...]) -> tuple[str, ...]:
        """One element as a row of a table: verdict, name, exact, numeric, bound, remark."""
        value, bound = self.numeric.value[place], self.numeric.bound[place]
        index = f"[{', '.join(map(str, place))}]" if place else ""
        verdict = str(self.verdicts[place])
        ratio = self.ratio(place) if verdict == WRONG else ""
        remark = f"ratio {ratio}" if ratio else ""
        if self.numeric.kink[place]:
            remark = f"slopes {self.numeric.left[place]:.6g} and {self.numeric.right[place]:.6g}"
        return verdict, f"{self.name}{index}", f"{self.exact[place]:.10g}", f"{value:.10g}", f"{bound:.1e}", remark

    def line(self, place: tuple[int, ...]) -> str:
        """One element as a line of the report."""
        numeric, verdict = self.numeric, str(self.verdicts[place])
        index = f"[{', '.join(map(str, place))}]" if place else ""
        text = (
            f"{verdict if verdict == WRONG else 'inconclusive'}: {self.name}{index}: exact {self.exact[place]:.10g}, "
            f"numeric {numeric.value[place]:.10g} ± {numeric.bound[place]:.1e}"
        )
        if verdict == WRONG and (ratio := self.ratio(place)):
            text += f" (ratio {ratio})"
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
    search: Callable[[], Culprit | None] | None = field(default=None, repr=False, compare=False)

    @cached_property
    def culprit(self) -> Culprit | None:
        """The first operation of the graph that is wrong by itself; None if nothing is wrong, or nothing was found.

        It is searched for when it is first asked for: every operation is checked on the values that were recorded.
        """
        flawed = self.wrong or any(c.problem for c in self.comparisons)
        return self.search() if self.search is not None and flawed else None

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
        if self.culprit is not None:
            lines += [f"  {line}" for line in str(self.culprit).splitlines()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The report as a notebook shows it."""
        shown = [(c, p) for c in self.comparisons for p in c.ranked()]
        shown.sort(key=lambda item: bool(item[0].verdicts[item[1]] != WRONG))
        rows = [(c, p) for c, p in shown if c.problem is None][:_SHOWN]
        return page(str(self).splitlines(), [c.cells(p) for c, p in rows], self.culprit, self.ok)

    def render(self, path: str | os.PathLike[str] | None = None, **options: Any) -> Picture:
        """Draw the graph with the operation at fault in red; the options are those of `tinygraph.render`.

        Raises:
            ValueError: nothing is at fault, or no graph was recorded, as for a gradient of one's own.

        Example:
            >>> import tinygraph as tg
            >>> from tinygraph.check import compare_grads
            >>> half = tg.op(lambda x: x**2, vjps=[lambda g, ans, x: g * x], name="half")
            >>> picture = compare_grads(lambda x: half(x) * 3.0, 2.0).render()
            >>> "at fault: 2 times too small" in picture.dot
            True
        """
        found = self.culprit
        if found is None or found.node is None:
            raise ValueError("there is no operation at fault to draw; print the report, or tinygraph.render the graph")
        words = "a constant here changes" if found.bypass else found.what.partition(" (")[0]
        marks = {handle(found.node): f"at fault: {words}"}
        outputs = found.outputs[0] if len(found.outputs) == 1 else found.outputs
        picture: Picture = render(outputs, path, names=found.names, mark=marks, **options)
        return picture
