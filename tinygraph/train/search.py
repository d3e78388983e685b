"""Random search of hyper-parameters, on the scales that they live on, from coarse to fine (course 2, week 3)."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tinygraph.nn.saving import replacing
from tinygraph.render.plots import axes, quiet
from tinygraph.train.history import table


class Space(Protocol):
    """What a hyper-parameter is drawn from."""

    def draw(self, rng: np.random.Generator) -> Any:
        """A value."""

    def around(self, values: Sequence[Any]) -> Space:
        """A part of this space, around values that were good."""


@dataclass(frozen=True)
class Uniform:
    """Numbers between low and high, each as likely.

    Example:
        >>> 0.0 <= Uniform(0.0, 0.5).draw(np.random.default_rng(0)) <= 0.5
        True
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"{self}: low must be less than high")

    def draw(self, rng: np.random.Generator) -> float:
        return float(rng.uniform(self.low, self.high))

    def around(self, values: Sequence[float]) -> Uniform:
        return Uniform(*_narrowed(values, self.low, self.high))


@dataclass(frozen=True)
class LogUniform:
    """Numbers between low and high, each order of magnitude as likely: for learning rates, for 1 - beta, for lambda.

    Example:
        >>> draws = [LogUniform(1e-4, 1.0).draw(np.random.default_rng(k)) for k in range(1000)]
        >>> bool(0.4 < np.mean(np.array(draws) < 1e-2) < 0.6)  # half of the orders of magnitude
        True
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise ValueError(f"{self}: a log scale needs 0 < low < high")

    def draw(self, rng: np.random.Generator) -> float:
        return float(np.exp(rng.uniform(np.log(self.low), np.log(self.high))))

    def around(self, values: Sequence[float]) -> LogUniform:
        low, high = _narrowed(np.log(values), np.log(self.low), np.log(self.high))
        return LogUniform(float(np.exp(low)), float(np.exp(high)))


@dataclass(frozen=True)
class Integer:
    """Whole numbers from low to high, both included; on a log scale if `log`: units, layers, batch sizes.

    Example:
        >>> sorted({Integer(1, 3).draw(np.random.default_rng(k)) for k in range(20)})
        [1, 2, 3]
    """

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low <= self.high or (self.log and self.low < 1):
            raise ValueError(f"{self}: low must not be more than high, and on a log scale at least 1")

    def draw(self, rng: np.random.Generator) -> int:
        if not self.log:
            return int(rng.integers(self.low, self.high + 1))
        drawn = np.exp(rng.uniform(np.log(self.low - 0.5), np.log(self.high + 0.5)))
        return int(np.clip(np.round(drawn), self.low, self.high))

    def around(self, values: Sequence[int]) -> Integer:
        return Integer(max(self.low, min(values) - 1), min(self.high, max(values) + 1), self.log)


class Choice:
    """One of some values, each as likely.

    Example:
        >>> Choice("relu", "tanh").draw(np.random.default_rng(0))
        'tanh'
    """

    def __init__(self, *values: Any) -> None:
        if not values:
            raise ValueError("Choice: there is nothing to choose from")
        self.values = values

    def draw(self, rng: np.random.Generator) -> Any:
        return self.values[rng.integers(len(self.values))]

    def around(self, values: Sequence[Any]) -> Choice:
        return Choice(*(v for v in self.values if v in values))

    def __repr__(self) -> str:
        return f"Choice{self.values}"


def _narrowed(values: Any, low: float, high: float) -> tuple[float, float]:
    """From the least to the greatest value, and a quarter of the way to their neighbours more."""
    least, most = float(np.min(values)), float(np.max(values))
    margin = max(0.25 * (most - least), 0.05 * (high - low))
    return max(low, least - margin), min(high, most + margin)


@dataclass(frozen=True)
class Trial:
    """One trial: its hyper-parameters, score, round (0 is the coarse one), and the error if it failed."""

    params: dict[str, Any]
    score: float
    round: int
    error: str | None = None


@dataclass
class Search:
    """What `search` returns: all trials in their order; printed as a table, the best first.

    Attributes:
        spaces: what each round drew from.
    """

    trials: list[Trial] = field(default_factory=list)
    spaces: list[dict[str, Space]] = field(default_factory=list)
    maximize: bool = True

    @property
    def ranked(self) -> list[Trial]:
        """The trials that succeeded, the best first."""
        sign = -1.0 if self.maximize else 1.0
        return sorted((t for t in self.trials if not math.isnan(t.score)), key=lambda t: sign * t.score)

    @property
    def best(self) -> Trial:
        """The best trial.

        Raises:
            ValueError: none succeeded; the first error is told.
        """
        if not self.ranked:
            errors = [t.error for t in self.trials if t.error]
            raise ValueError(f"search: no trial succeeded; the first: {errors[0] if errors else 'its score is NaN'}")
        return self.ranked[0]

    def __str__(self) -> str:
        names = list(self.spaces[0]) if self.spaces else []
        failed = [t for t in self.trials if math.isnan(t.score)]
        rows = [[t.score, str(t.round), *map(_cell, t.params.values()), t.error or ""] for t in [*self.ranked, *failed]]
        headings = ["score", "round", *names, "error"]
        if not failed:
            headings, rows = headings[:-1], [row[:-1] for row in rows]
        return table(headings, rows)

    def to_csv(self, path: str | Path) -> None:
        """Write one line a trial."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["score", "round", *(self.spaces[0] if self.spaces else ()), "error"])
        writer.writerows([t.score, t.round, *t.params.values(), t.error or ""] for t in self.trials)
        with replacing(path) as file:
            file.write(text.getvalue().encode())

    def plot(self, x: str | None = None, y: str | None = None, *, ax: Any = None) -> Any:
        """Two hyper-parameters, each trial a point in the colour of its score; of one alone, its score.

        Args:
            x, y: names; the first and the second hyper-parameter if None.
        """
        names = list(self.spaces[0])
        x = x or names[0]
        y = y or next((name for name in names if name != x), None)
        ax = quiet(axes(ax))
        good = self.ranked[::-1]
        scores = [t.score for t in good]
        sizes = [20 + 15 * t.round for t in good]
        vertical = scores if y is None else [_cell(t.params[y]) for t in good]
        points = ax.scatter([_cell(t.params[x]) for t in good], vertical, c=scores, s=sizes, cmap="viridis")
        ax.figure.colorbar(points, ax=ax, label="score")
        ax.set(xlabel=x, ylabel=y or "score", xscale=self._scale(x), yscale="linear" if y is None else self._scale(y))
        return ax

    def _scale(self, name: str) -> str:
        space = self.spaces[0][name]
        return "log" if isinstance(space, LogUniform) or (isinstance(space, Integer) and space.log) else "linear"


def search(
    score: Callable[[dict[str, Any]], float],
    space: Mapping[str, Any],
    *,
    trials: int = 20,
    refine: int = 1,
    keep: float = 0.25,
    maximize: bool = True,
    seed: int | np.random.Generator = 0,
) -> Search:
    """Try random hyper-parameters, then more of them where the best ones were.

    At random and not on a grid: of each hyper-parameter as many values are tried as there are trials.

    Args:
        score: builds and trains a model with the hyper-parameters, a dict, and returns how good it is on the dev set.
            What it raises, and a NaN, makes a failed trial, which is recorded.
        space: by name, `LogUniform(1e-4, 1)`, `Uniform`, `Integer`, `Choice`, or a value that is the same in all
            trials; {"lr": LogUniform(1e-4, 1), "1-beta": LogUniform(1e-3, 0.1)} is the course's.
        trials: in each round.
        refine: how many rounds follow the coarse one, each in the part of the space where the best trials lie.
        keep: the part of all trials so far that count as the best.
        maximize: False where less is better, as a loss.
        seed: of the draws.

    Raises:
        ValueError: no trials, nothing to draw.

    Source: J. Bergstra and Y. Bengio, Random search for hyper-parameter optimization (2012).

    Example:
        >>> found = search(lambda p: -abs(np.log10(p["lr"]) + 2), {"lr": LogUniform(1e-5, 1.0)}, trials=20, refine=2)
        >>> 0.005 < found.best.params["lr"] < 0.02, len(found.trials)
        (True, 60)
    """
    if trials < 1 or refine < 0 or not 0 < keep <= 1:
        raise ValueError(f"search: trials={trials}, refine={refine}, keep={keep}; at least one trial, keep in (0, 1]")
    current: dict[str, Space] = {k: s if hasattr(s, "draw") else Choice(s) for k, s in space.items()}
    if not current:
        raise ValueError("search: the space has no hyper-parameter")
    rng, found = np.random.default_rng(seed), Search(maximize=maximize)
    for number in range(refine + 1):
        if number:
            best = found.ranked[: max(1, math.ceil(keep * len(found.ranked)))]
            if not best:
                break
            current = {name: s.around([t.params[name] for t in best]) for name, s in current.items()}
        found.spaces.append(current)
        for _ in range(trials):
            params = {name: s.draw(rng) for name, s in current.items()}
            try:
                found.trials.append(_tried(score, params, number))
            except KeyboardInterrupt:
                return found
    return found


def _tried(score: Callable[[dict[str, Any]], float], params: dict[str, Any], number: int) -> Trial:
    try:
        return Trial(params, float(score(dict(params))), number)
    except Exception as error:  # noqa: BLE001  whatever goes wrong belongs to this trial alone
        said = str(error).partition("\n")[0]
        return Trial(params, math.nan, number, f"{type(error).__name__}: {said}")


def _cell(value: Any) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
