"""The mutation study: wrong rules in every operation, each caught by the public kit or shown to make no difference.

A sample of the mutants is looked at in every run; HYPOTHESIS_PROFILE=deep looks at all of them, and holds
docs/mutation.md against what comes out; with TINYGRAPH_GOLDEN=write it is written anew.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from laws import table
from mutations import compositions
from mutations.faults import FAULTS
from mutations.page import page, section
from mutations.study import EQUIVALENT, SURVIVED, Verdict, deep, study

from tinygraph.op import Op

PART = 24  # one mutant of so many
PAGE = Path(__file__).parent.parent / "docs" / "mutation.md"


def unexplained(verdicts: list[Verdict]) -> list[str]:
    """Mutants that survived, and those that make no difference without a reason."""
    bad = [v for v in verdicts if v.by == SURVIVED or (v.by == EQUIVALENT and not v.why)]
    return [f"{v.op}, rule {v.mutant.i}, {v.mutant.fault}: {v.by}" for v in bad]


@pytest.mark.parametrize("op", table.RULED, ids=lambda o: o.name)
def test_every_wrong_rule_is_caught_by_the_public_kit(op: Op) -> None:
    assert not unexplained(list(study(op, PART)))


@pytest.mark.parametrize("function", compositions.COMPOSITIONS, ids=lambda f: f.__name__)
def test_every_wrong_operation_is_caught_through_a_composition(function: Callable[..., Any]) -> None:
    assert not unexplained(list(compositions.study(function, 3 * PART)))


@pytest.mark.skipif(not deep(), reason="an hour and a half; HYPOTHESIS_PROFILE=deep runs it")
def test_all_mutants_are_caught_and_the_page_says_so() -> None:
    verdicts = [v for op in table.RULED for v in study(op)]
    composed = [v for f in compositions.COMPOSITIONS for v in compositions.study(f)]
    assert not unexplained([*verdicts, *composed])
    text = page(verdicts) + section(composed)
    if os.environ.get("TINYGRAPH_GOLDEN") == "write":
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text


def test_the_page_has_every_fault_and_no_survivor() -> None:
    rows = [line.split("|")[1:-1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    names = {row[0].strip() for row in rows}
    assert set(FAULTS) <= names
    assert {"wrong at ties", "wrong for large x", "broadcast sum missing", "arguments exchanged"} <= names
    assert [row[-1].strip() for row in rows if row[0].strip() == "**all**"] == ["0", "0"]
