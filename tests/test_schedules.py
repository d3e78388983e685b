"""Learning-rate schedules: the course's and the field's, by hand; how they compose; the schedulers around them."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from tinygraph import optim
from tinygraph.tensor import Tensor

TIMES = range(60)


# --- the course's


def test_one_over_one_plus_rate_times_epoch() -> None:
    assert [optim.inverse_time(0.2, 1)(t) for t in range(4)] == pytest.approx([0.2, 0.1, 0.2 / 3, 0.05])
    stepped = optim.inverse_time(0.5, 0.3, interval=10)
    assert [stepped(t) for t in (0, 9, 10, 19, 20)] == pytest.approx([0.5, 0.5, 0.5 / 1.3, 0.5 / 1.3, 0.5 / 1.6])


def test_095_to_the_epoch() -> None:
    assert [optim.exponential(0.2)(t) for t in (0, 1, 10)] == pytest.approx([0.2, 0.19, 0.2 * 0.95**10])


def test_k_over_the_root() -> None:
    assert [optim.inverse_sqrt(0.2, k=3)(t) for t in (1, 4, 9)] == pytest.approx([0.6, 0.3, 0.2])
    assert [optim.inverse_sqrt(0.2, first=0)(t) for t in (0, 3)] == pytest.approx([0.2, 0.1])
    with pytest.raises(ValueError, match="t = 0, but it counts from 1; first=0"):
        optim.inverse_sqrt(0.2)(0)


def test_the_staircase() -> None:
    assert [optim.staircase(1.0, every=3)(t) for t in range(7)] == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25]


# --- the field's


def test_from_the_start_to_the_end_and_no_further() -> None:
    for make in (optim.polynomial, optim.cosine):
        schedule = make(0.3, 50, end=0.1)
        rates = [schedule(t) for t in TIMES]
        assert rates[0] == pytest.approx(0.3)
        assert rates[25] == pytest.approx(0.2)
        assert rates[50:] == pytest.approx([0.1] * 10)
        assert all(a >= b for a, b in pairwise(rates))
    assert optim.polynomial(1.0, 4, power=2)(2) == 0.25


def test_restarts_begin_again_each_time_later() -> None:
    schedule = optim.cosine_restarts(1.0, 4, mult=2, end=0.5)
    rates = [schedule(t) for t in range(28)]
    assert [t for t, rate in enumerate(rates) if rate == 1.0] == [0, 4, 12]
    assert rates[8] == pytest.approx(0.75)
    assert min(rates) > 0.5


def test_a_straight_rise_in_front() -> None:
    schedule = optim.warmup(optim.exponential(0.4, 0.5), 4)
    assert [schedule(t) for t in range(7)] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.2, 0.1])
    assert optim.warmup(optim.constant(0.4), 4, start=0.5)(0) == 0.2
    assert optim.warmup(optim.constant(0.4), 0)(0) == 0.4


def test_one_cycle_rises_and_falls() -> None:
    rates = [optim.one_cycle(1.0, 50)(t) for t in TIMES]
    top = int(np.argmax(rates))
    assert top == 14
    assert rates[0] == pytest.approx(1 / 25)
    assert rates[49] == pytest.approx(1 / 25 / 1e4)
    assert rates[50:] == [rates[49]] * 10
    assert np.all(np.diff(rates[: top + 1]) > 0)
    assert np.all(np.diff(rates[top:50]) < 0)


@pytest.mark.parametrize("pct_start", [0.0, 0.02, 0.5, 1.0])
@pytest.mark.parametrize("total", [1, 2, 50])
def test_one_cycle_at_its_limits(pct_start: float, total: int) -> None:
    rates = [optim.one_cycle(1.0, total, pct_start)(t) for t in range(total)]
    assert all(0 < rate <= 1 for rate in rates)


def test_one_after_another() -> None:
    schedule = optim.sequence([optim.constant(0.1), optim.constant(0.2), optim.exponential(1.0, 0.5)], [2, 3])
    assert [schedule(t) for t in range(6)] == [0.1, 0.1, 0.2, 1.0, 0.5, 0.25]


def test_several_steps() -> None:
    assert [optim.multi_step(1.0, [4, 2], 0.5)(t) for t in range(5)] == [1.0, 1.0, 0.5, 0.5, 0.25]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.inverse_time(1.0, 1, interval=-1), "interval"),
        (lambda: optim.staircase(1.0, 0), "staircase: every = 0 must be positive"),
        (lambda: optim.cosine(1.0, 0), "total"),
        (lambda: optim.polynomial(1.0, 0), "total"),
        (lambda: optim.cosine_restarts(1.0, 0), "period"),
        (lambda: optim.cosine_restarts(1.0, 4, mult=0.5), "mult = 0.5"),
        (lambda: optim.one_cycle(1.0, 0), "total"),
        (lambda: optim.one_cycle(1.0, 10, anneal="sin"), "neither"),
        (lambda: optim.sequence([optim.constant(1.0)], [3]), "1 schedules need 0 rising milestones"),
        (lambda: optim.sequence([optim.constant(1.0)] * 3, [3, 2]), "rising"),
        (lambda: optim.warmup(optim.constant(1.0), -1), "steps"),
    ],
)
def test_what_makes_no_schedule_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


# --- schedulers


def sgd(groups: int = 1) -> optim.Optimizer:
    return optim.SGD([{"params": [Tensor([1.0])]} for _ in range(groups)], lr=0.3)


def test_a_scheduler_sets_the_rate_of_each_epoch() -> None:
    opt = sgd(2)
    scheduler = optim.Scheduler(opt, [optim.exponential(0.4, 0.5), optim.constant(0.1)])
    seen = []
    for _ in range(3):
        seen.append([g["lr"] for g in opt.param_groups])
        scheduler.step()
    assert seen == [[0.4, 0.1], [0.2, 0.1], [0.1, 0.1]]
    assert scheduler.get_last_lr() == [0.05, 0.1]
    optim.Scheduler(opt, optim.constant(0.7))
    assert [g["lr"] for g in opt.param_groups] == [0.7, 0.7]


def test_a_scheduler_resumed() -> None:
    opt, other = sgd(), sgd()
    scheduler = optim.Scheduler(opt, optim.cosine(0.3, 10))
    for _ in range(4):
        scheduler.step()
    resumed = optim.Scheduler(other, optim.cosine(0.3, 10))
    resumed.load_state_dict({"t": np.array(scheduler.state_dict()["t"])})
    assert other.param_groups[0]["lr"] == opt.param_groups[0]["lr"] == optim.cosine(0.3, 10)(4)
    resumed.step()
    scheduler.step()
    assert resumed.state_dict() == scheduler.state_dict() == {"t": 5}
    assert other.param_groups[0]["lr"] == opt.param_groups[0]["lr"]
    with pytest.raises(ValueError, match="'epoch' unexpected"):
        resumed.load_state_dict({"t": 1, "epoch": 2})


def test_a_scheduler_of_lbfgs() -> None:
    opt = optim.LBFGS([Tensor([1.0])], lr=1.0)
    optim.Scheduler(opt, optim.exponential(0.5)).step()
    assert opt.param_groups[0]["lr"] == 0.475


def test_a_scheduler_needs_a_rate_to_set() -> None:
    with pytest.raises(ValueError, match="2 schedules for 1 parameter groups"):
        optim.Scheduler(sgd(), [optim.constant(0.1)] * 2)
    for scheduler in (lambda opt: optim.Scheduler(opt, optim.constant(0.1)), optim.ReduceLROnPlateau):
        with pytest.raises(ValueError, match="learning rate inside"):
            scheduler(optim.Optimizer([Tensor([1.0])], optim.sgd(0.1)))


def test_the_plateau_resumed() -> None:
    metrics = [1.0, 0.9, 0.95, 0.95, 0.95, 0.8, 0.85, 0.85, 0.85, 0.85, 0.85]

    def make() -> tuple[optim.Optimizer, optim.ReduceLROnPlateau]:
        opt = sgd()
        return opt, optim.ReduceLROnPlateau(opt, factor=0.5, patience=1, cooldown=1)

    for stop in range(len(metrics)):
        (opt, scheduler), (other, resumed) = make(), make()
        for metric in metrics[:stop]:
            scheduler.step(metric)
        saved = {name: np.array(value) for name, value in scheduler.state_dict().items()}
        resumed.load_state_dict(saved)
        other.load_state_dict(opt.state_dict())
        for metric in metrics[stop:]:
            scheduler.step(metric)
            resumed.step(metric)
            assert opt.param_groups[0]["lr"] == other.param_groups[0]["lr"]
        assert scheduler.state_dict() == resumed.state_dict()
        assert opt.param_groups[0]["lr"] == 0.3 / 8


def test_a_metric_that_is_nan_is_no_improvement() -> None:
    opt = sgd()
    scheduler = optim.ReduceLROnPlateau(opt, patience=0)
    scheduler.step(math.nan)
    assert opt.param_groups[0]["lr"] == pytest.approx(0.03)


def test_the_plateaus_settings_are_looked_at() -> None:
    with pytest.raises(ValueError, match='mode "best" is "min" or "max"'.replace('"best"', "'best'")):
        optim.ReduceLROnPlateau(sgd(), mode="best")
    with pytest.raises(ValueError, match=r"factor = 1\.0"):
        optim.ReduceLROnPlateau(sgd(), factor=1.0)
