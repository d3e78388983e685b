"""Learning-rate schedules: functions of t, the number of a step or an epoch from 0, that give the rate.

Each is a plain function, so they compose: `warmup(cosine(0.1, 900), 100)`. An optimizer takes one as `lr`, and t then
counts its steps; `Scheduler` moves one on by hand, after each epoch say.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence

Schedule = Callable[[float], float]


def constant(lr: float) -> Schedule:
    """Always lr.

    Example:
        >>> constant(0.1)(1000)
        0.1
    """
    return lambda t: lr


def inverse_time(lr: float, rate: float, *, interval: int | None = None) -> Schedule:
    """The course's decay, lr / (1 + rate t); with `interval`, lr / (1 + rate floor(t / interval)): it falls in steps.

    Example:
        >>> inverse_time(0.5, 1)(2), inverse_time(0.5, 1, interval=100)(150)
        (0.16666666666666666, 0.25)
    """
    _positive("inverse_time", interval=1 if interval is None else interval)
    if interval is None:
        return lambda t: lr / (1 + rate * t)
    return lambda t: lr / (1 + rate * (t // interval))


def exponential(lr: float, gamma: float = 0.95) -> Schedule:
    """lr gamma^t; with 0.95 the course's.

    Example:
        >>> exponential(1.0, 0.5)(3)
        0.125
    """
    return lambda t: lr * gamma**t


def inverse_sqrt(lr: float, k: float = 1.0, *, first: int = 1) -> Schedule:
    """The course's k lr / sqrt(t), of epochs or mini-batches counted from 1.

    Args:
        first: the number of the first epoch; 0 for an optimizer, which counts from 0: k lr / sqrt(t + 1).

    Raises:
        ValueError: a t before the first.

    Example:
        >>> inverse_sqrt(0.1)(4), inverse_sqrt(0.1, first=0)(3)
        (0.05, 0.05)
    """

    def schedule(t: float) -> float:
        if t < first:
            raise ValueError(
                f"inverse_sqrt: t = {t}, but it counts from {first}; first=0 counts from 0, as optimizers do"
            )
        return k * lr / math.sqrt(t - first + 1)

    return schedule


def staircase(lr: float, every: int, gamma: float = 0.5) -> Schedule:
    """The course's discrete staircase: lr times gamma after each `every` steps. PyTorch calls it StepLR.

    Example:
        >>> [staircase(0.8, every=10)(t) for t in (0, 9, 10, 25)]
        [0.8, 0.8, 0.4, 0.2]
    """
    _positive("staircase", every=every)
    return lambda t: lr * gamma ** (t // every)


def multi_step(lr: float, milestones: Sequence[int], gamma: float = 0.1) -> Schedule:
    """lr times gamma at each milestone.

    Example:
        >>> [multi_step(1.0, [30, 80], gamma=0.5)(t) for t in (29, 30, 80)]
        [1.0, 0.5, 0.25]
    """
    marks = sorted(milestones)
    return lambda t: lr * gamma ** bisect_right(marks, t)


def polynomial(lr: float, total: int, power: float = 1.0, end: float = 0.0) -> Schedule:
    """From lr to end in `total` steps, end + (lr - end) (1 - t / total)^power, and end from then on.

    Example:
        >>> [polynomial(1.0, 10)(t) for t in (0, 5, 10, 20)]
        [1.0, 0.5, 0.0, 0.0]
    """
    _positive("polynomial", total=total)
    return lambda t: end + (lr - end) * (1 - min(t, total) / total) ** power


def cosine(lr: float, total: int, end: float = 0.0) -> Schedule:
    """Half a cosine from lr to end in `total` steps, and end from then on.

    Source: Loshchilov and Hutter, SGDR (2017), equation 5.

    Example:
        >>> [round(cosine(1.0, 10)(t), 6) for t in (0, 5, 10, 20)]
        [1.0, 0.5, 0.0, 0.0]
    """
    _positive("cosine", total=total)
    return lambda t: _half_cosine(lr, end, min(t, total) / total)


def cosine_restarts(lr: float, period: int, mult: float = 1, end: float = 0.0) -> Schedule:
    """Half a cosine from lr to end again and again, each period `mult` times as long as the one before.

    Source: Loshchilov and Hutter, SGDR (2017).

    Example:
        >>> [round(cosine_restarts(1.0, 10, mult=2)(t), 6) for t in (0, 5, 10, 20, 30)]
        [1.0, 0.5, 1.0, 0.5, 1.0]
    """
    _positive("cosine_restarts", period=period)
    if mult < 1:
        raise ValueError(f"cosine_restarts: mult = {mult} is less than 1, so that the periods would shrink to nothing")

    def schedule(t: float) -> float:
        length: float = period
        if mult == 1:
            t = t % length
        while t >= length:
            t -= length
            length *= mult
        return _half_cosine(lr, end, t / length)

    return schedule


def warmup(schedule: Schedule, steps: int, start: float = 0.0) -> Schedule:
    """A straight rise in `steps` steps, from `start` times the schedule's first value, and then the schedule.

    Source: Goyal et al., Accurate, large minibatch SGD (2017), section 2.2.

    Example:
        >>> rate = warmup(cosine(1.0, 10), 4)
        >>> [round(rate(t), 6) for t in (0, 1, 4, 9, 14)]
        [0.0, 0.25, 1.0, 0.5, 0.0]
    """
    if steps < 0:
        raise ValueError(f"warmup: steps = {steps} is negative")

    def warmed(t: float) -> float:
        if t >= steps:
            return schedule(t - steps)
        return schedule(0) * (start + (1 - start) * t / steps)

    return warmed


def one_cycle(
    max_lr: float,
    total: int,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    anneal: str = "cos",
) -> Schedule:
    """Up from max_lr / div_factor to max_lr, and down to that start / final_div_factor, in `total` steps.

    Args:
        total: t goes from 0 to total - 1.
        pct_start: the part of the cycle that rises.
        anneal: "cos" or "linear".

    Source: Smith and Topin, Super-convergence (2018); PyTorch's OneCycleLR.

    Example:
        >>> rate = one_cycle(1.0, 11, pct_start=0.5)
        >>> [round(rate(t), 4) for t in (0, 4, 5, 10)]
        [0.04, 0.9711, 0.9797, 0.0]
    """
    _positive("one_cycle", total=total)
    shapes = {"cos": _half_cosine, "linear": _straight}
    if anneal not in shapes:
        raise ValueError(f'one_cycle: anneal = {anneal!r} is neither "cos" nor "linear"')
    shape, low, peak = shapes[anneal], max_lr / div_factor, pct_start * total - 1

    def schedule(t: float) -> float:
        t = min(t, total - 1)
        if t <= peak:
            return shape(low, max_lr, t / peak if peak else 1.0)
        return shape(max_lr, low / final_div_factor, (t - peak) / (total - 1 - peak))

    return schedule


def sequence(schedules: Sequence[Schedule], milestones: Sequence[int]) -> Schedule:
    """One schedule after another: each from its milestone on, counted from 0 there.

    Example:
        >>> rate = sequence([constant(0.1), exponential(1.0, 0.5)], [5])
        >>> [rate(t) for t in (4, 5, 6)]
        [0.1, 1.0, 0.5]
    """
    if len(schedules) != len(milestones) + 1 or list(milestones) != sorted(milestones):
        raise ValueError(
            f"sequence: {len(schedules)} schedules need {len(schedules) - 1} rising milestones, got {list(milestones)}"
        )
    starts = [0, *milestones]

    def schedule(t: float) -> float:
        i = bisect_right(milestones, t)
        return schedules[i](t - starts[i])

    return schedule


def _straight(start: float, end: float, x: float) -> float:
    return start + (end - start) * x


def _half_cosine(start: float, end: float, x: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * x)) / 2


def _positive(schedule: str, **values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{schedule}: {name} = {value} must be positive")
