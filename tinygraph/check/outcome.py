"""What became of each law, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass

from tinygraph.check.page import table

HELD, BROKEN, SILENT = "held", "broken", "not applicable"


@dataclass(frozen=True)
class Outcome:
    """What became of one law: "held", "broken" or "not applicable", and why."""

    law: str
    verdict: str
    why: str = ""


@dataclass(frozen=True)
class LawReport:
    """The outcome of `compare_laws`, one for each law."""

    outcomes: tuple[Outcome, ...]

    def of(self, verdict: str) -> list[Outcome]:
        return [o for o in self.outcomes if o.verdict == verdict]

    @property
    def ok(self) -> bool:
        """Whether no law is broken and one at least was seen to hold."""
        return not self.of(BROKEN) and bool(self.of(HELD))

    def __str__(self) -> str:
        counts = ", ".join(f"{len(self.of(v))} {v}" for v in (HELD, BROKEN, SILENT))
        told = [f"  {o.verdict}: {o.law}: {o.why}" for v in (BROKEN, SILENT) for o in self.of(v)]
        return "\n".join([f"laws of derivatives: {counts}", *told])

    def _repr_html_(self) -> str:
        """The report as a notebook shows it."""
        return table(("law", "verdict", "why"), [(o.law, o.verdict, o.why) for o in self.outcomes])


class LawError(AssertionError):
    """A law of derivatives is broken; `.report` has all of them."""

    def __init__(self, report: LawReport) -> None:
        super().__init__(str(report))
        self.report = report
