"""An optimizer's step as part of a program: what it reads afresh, and what it leaves behind, on every run."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.optim.rule import FreshRate, Rule


def recorded_rules(optimizer: Any, recorder: Any) -> list[Rule]:
    """The rule of each group, at a learning rate that is a variable of the program."""
    recorder.begins("update", optimizer._names)
    rules = optimizer._current_rules()  # of numbers that are out of their range nothing is recorded
    if "lr" not in optimizer.defaults:
        return list(rules)
    if optimizer.scheduled and not recorder.effects.once(optimizer):
        recorder.notice("by a schedule takes more than one step in a call", "an optimizer")
        return list(rules)
    fixed, groups = not optimizer.scheduled, optimizer.param_groups
    rates = [recorder.effects.number(_rate(optimizer, i, fixed), "lr", fixed) for i in range(len(rules))]
    return [optimizer._rule_of({**g, "lr": FreshRate(rate)}) for g, rate in zip(groups, rates, strict=True)]


def _rate(optimizer: Any, i: int, fixed: bool) -> Any:
    def rate() -> Any:
        lr = optimizer.param_groups[i]["lr"]
        if not fixed or lr is not optimizer._rules[i][0]["lr"]:
            optimizer._current_rules()  # asks the schedule, refuses what is out of its range
            lr = optimizer.param_groups[i]["lr"]
        return lr.item() if isinstance(lr, np.generic) else lr

    return rate


def recorded_end(optimizer: Any, recorder: Any) -> None:
    """After each run one more step has been taken."""

    def count() -> None:
        optimizer.steps += 1

    recorder.effects.again(count)
