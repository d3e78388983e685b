"""Bias and variance: what is wrong with a model that was trained, and what helps (course 2, week 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygraph.train.history import History

HIGH_BIAS = ("a bigger network", "longer training", "a better optimizer", "another architecture")
HIGH_VARIANCE = ("more data", "regularisation: L2, dropout, augmentation, early stopping", "another architecture")


@dataclass(frozen=True)
class Diagnosis:
    """What `diagnose` returns; printed as a sentence or two. Errors are parts of 1.

    Attributes:
        train_error, dev_error, human_error: what was given; the last stands for the best that is possible.
        tolerance: a difference up to this is none.
    """

    train_error: float
    dev_error: float
    human_error: float = 0.0
    tolerance: float = 0.02

    @property
    def bias(self) -> float:
        """How much worse than possible the model is on what it learned from: the avoidable bias."""
        return self.train_error - self.human_error

    @property
    def variance(self) -> float:
        """How much worse it is on data that it has not seen."""
        return self.dev_error - self.train_error

    @property
    def high_bias(self) -> bool:
        return self.bias > self.tolerance

    @property
    def high_variance(self) -> bool:
        return self.variance > self.tolerance

    @property
    def remedies(self) -> tuple[str, ...]:
        """What to try, in the course's order: first against bias, then against variance."""
        against = (HIGH_BIAS if self.high_bias else ()) + (HIGH_VARIANCE if self.high_variance else ())
        return tuple(dict.fromkeys(against))

    def __str__(self) -> str:
        found = " and ".join(
            name for name, high in (("high bias", self.high_bias), ("high variance", self.high_variance)) if high
        )
        errors = f"train error {self.train_error:.1%}, dev error {self.dev_error:.1%}, "
        errors += f"best possible {self.human_error:.1%}"
        if not found:
            return f"low bias and low variance ({errors}): go on to the test set"
        return f"{found} ({errors}): try {'; '.join(self.remedies)}"


def diagnose(
    train: History | float,
    dev: float | None = None,
    *,
    human: float = 0.0,
    metric: str = "accuracy",
    tolerance: float = 0.02,
) -> Diagnosis:
    """Tell bias from variance by the errors on the training and the dev set.

    The difference of the training error to the best possible, for which that of humans stands in, is bias; that of the
    dev error to the training error is variance. The training figures of a history were measured while the weights
    changed, with dropout; for a close call `evaluate` both sets afterwards, and give the two errors.

    Args:
        train: a history with figures of both sets, of whose best epoch, or else last, they are taken; or the error on
            the training set, a part of 1.
        dev: the error on the dev set, with a training error.
        human: the best possible error, Bayes's.
        metric: what the history calls it; "accuracy" is 1 minus the error, any other is an error itself.
        tolerance: a difference up to this is none.

    Raises:
        ValueError: figures that are missing.

    Example:
        >>> print(diagnose(0.01, 0.11))
        high variance (train error 1.0%, dev error 11.0%, best possible 0.0%): try more data; regularisation: L2, ...
        >>> diagnose(0.15, 0.16).high_bias, diagnose(0.15, 0.16, human=0.14).high_bias
        (True, False)
    """
    if not isinstance(train, History):
        if dev is None:
            raise ValueError("diagnose: the dev error is missing; give diagnose(train_error, dev_error) or a history")
        return Diagnosis(float(train), float(dev), human, tolerance)
    lacking = [name for name in (metric, f"val_{metric}") if name not in train]
    if lacking:
        raise ValueError(
            f"diagnose: the history has no {' and no '.join(lacking)}: give fit metrics={{{metric!r}: ...}} and "
            f"validation=; it has {', '.join(train.columns) or 'nothing'}"
        )
    at = -1 if train.best_epoch is None else int(np.flatnonzero(train["epoch"] == train.best_epoch)[0])
    errors = [train[metric][at], train[f"val_{metric}"][at]]
    if metric == "accuracy":
        errors = [1.0 - e for e in errors]
    return Diagnosis(float(errors[0]), float(errors[1]), human, tolerance)
