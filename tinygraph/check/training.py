"""Gradients checked in the middle of training: at the start, and again after some steps."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from tinygraph.check.gradients import compare_grads
from tinygraph.check.page import heading
from tinygraph.check.pairs import compare_pair, named
from tinygraph.check.projection import CALLS, compare_along
from tinygraph.check.report import GradientError, Report
from tinygraph.check.verdict import POWER
from tinygraph.op import bare
from tinygraph.tree import flatten

Function = Callable[..., Any]
MODES = ("elements", "projection")
_SMALL = 1000  # parameters; more are looked at along directions, if nobody says otherwise


@dataclass(frozen=True)
class TrainingReport:
    """What was found at each number of steps; `ok` if nothing was wrong anywhere and something was right everywhere."""

    reports: dict[int, Report]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return all(report.ok for report in self.reports.values())

    def __str__(self) -> str:
        told = [f"after {steps} steps: {report}" for steps, report in self.reports.items()]
        return "\n".join([*(f"note: {note}" for note in self.notes), *told])

    def _repr_html_(self) -> str:
        """The report as a notebook shows it."""
        notes = "".join(f"<p>note: {escape(note)}</p>" for note in self.notes)
        told = [heading(f"after {n} steps", None) + report._repr_html_() for n, report in self.reports.items()]
        return f"<div>{notes}{''.join(told)}</div>"


def compare_training(
    loss: Function,
    params: Any,
    step: Function | None = None,
    at: int | Sequence[int] = (0, 10),
    *,
    gradient: Function | None = None,
    model: Any = None,
    mode: str | None = None,
    power: float = POWER,
    seed: int = 0,
    announce: Callable[[str], Any] | None = print,
) -> TrainingReport:
    """Check the gradient of a loss at the first parameters, and again after some steps of training.

    A fault may hide at the start, where weights are small, units are in their linear part and biases are zero. It is
    an aid in debugging: one check costs 4n + 20 calls of the loss for n parameters, where a step costs two or three.

    Args:
        loss: a function of the parameters that returns one number, regulariser included.
        params: an array, or nested dicts, lists and tuples of them; they are copied and never changed.
        step: takes parameters and returns those after one step; None needs `at` to be (0,).
        at: the numbers of steps after which to check, or one of them.
        gradient: somebody's gradient of the loss, as in `compare_pair`; None takes tinygraph's.
        model: anything with `train()`, `eval()` and `training`: it is in `eval`, without dropout, while it is checked.
        mode: "elements": each one, 4n + 20 calls of the loss, more where something is wrong or at a kink.
            "projection": along two random directions, at most 20 calls whatever n. None: by the number of parameters.
        power: the relative fault that must be visible for a verdict of "right".
        seed: of the directions.
        announce: is told, before it starts, how many calls it will take; None is silent.

    Raises:
        ValueError: a mode that does not exist, or steps are wanted and there is no `step`.

    Example:
        >>> x, y = np.linspace(-1, 1, 7), np.linspace(0, 1, 7) ** 2
        >>> def loss(p):
        ...     return ((np.tanh(p["w"] * x + p["b"]) - y) ** 2).mean()
        >>> def step(p):
        ...     import tinygraph as tg
        ...     g = tg.grad(loss)(p)
        ...     return {name: p[name] - 0.1 * g[name] for name in p}
        >>> found = compare_training(loss, {"w": np.array(0.1), "b": np.array(0.0)}, step, at=(0, 5))
        checking 2 gradients with respect to 2 parameters, element by element: about 56 calls of the loss
        >>> found.ok, {steps: report.right for steps, report in found.reports.items()}
        (True, {0: 2, 5: 2})
    """
    points = sorted({int(n) for n in (at if isinstance(at, Iterable) else (at,))})
    if step is None and any(points):
        raise ValueError("to check after some steps, give step, which takes parameters and returns the next")
    params = _copied(params)
    n = sum(np.size(x) for x in flatten(params)[0])
    mode = mode or ("elements" if n <= _SMALL else "projection")
    if mode not in MODES:
        raise ValueError(f"mode {mode!r}: there are {' and '.join(map(repr, MODES))}")
    calls = CALLS if mode == "projection" else 4 * n + 20
    if announce is not None:
        how = "element by element" if mode == "elements" else "along two random directions"
        announce(f"checking {len(points)} gradients with respect to {n} parameters, {how}: "
                 f"about {calls * len(points)} calls of the loss")  # fmt: skip
    reports: dict[int, Report] = {}
    notes: list[str] = []
    done = 0
    for target in points:
        while done < target and step is not None:
            params, done = _copied(step(params)), done + 1
        with _evaluating(model, notes), _progress(loss, calls, f"after {target} steps") as watched:
            reports[target] = _compared(watched, params, gradient, mode, power, seed)
    return TrainingReport(reports, tuple(dict.fromkeys(notes)))


def check_training(
    loss: Function,
    params: Any,
    step: Function | None = None,
    at: int | Sequence[int] = (0, 10),
    *,
    gradient: Function | None = None,
    model: Any = None,
    mode: str | None = None,
    power: float = POWER,
    seed: int = 0,
    announce: Callable[[str], Any] | None = print,
) -> None:
    """Raise if the gradient of a loss is wrong at the first parameters or after some steps of training.

    The arguments are those of `compare_training`.

    Raises:
        GradientError: an element is wrong, or none could be verified; it says after how many steps.

    Example:
        >>> check_training(lambda w: (w**2).sum(), np.ones(3), lambda w: 0.8 * w, announce=None)
    """
    __tracebackhide__ = True
    found = compare_training(
        loss, params, step, at, gradient=gradient, model=model, mode=mode, power=power, seed=seed, announce=announce
    )
    for steps, report in found.reports.items():
        if not report.ok:
            error = GradientError(report)
            error.add_note(f"found after {steps} steps of training")
            raise error


def _compared(loss: Function, params: Any, gradient: Function | None, mode: str, power: float, seed: int) -> Report:
    if mode == "projection":
        return compare_along(loss, params, gradient=gradient, power=power, seed=seed)
    if gradient is not None:
        return named(compare_pair(loss, gradient, params, power=power, seed=seed), ["params"])
    return named(compare_grads(loss, params, power=power, seed=seed), ["params"])


def _copied(params: Any) -> Any:
    leaves, rebuild = flatten(params)
    arrays = [np.array(bare(x)) for x in leaves]
    if not arrays:
        raise TypeError("there are no parameters; step has to return the next ones")
    if any(a.dtype == object for a in arrays):
        raise TypeError(
            "params are arrays: of a model give dict(model.named_parameters()), and a loss that puts them in by "
            "tinygraph.nn.functional_call"
        )
    return rebuild(arrays)


@contextmanager
def _evaluating(model: Any, notes: list[str]) -> Iterator[None]:
    """The model without dropout, and as it was before."""
    if model is None or not getattr(model, "training", False):
        yield
        return
    model.eval()
    notes.append("the model was in training mode; it was checked in evaluation mode, without dropout")
    try:
        yield
    finally:
        model.train()


@contextmanager
def _progress(f: Function, calls: int, name: str) -> Iterator[Function]:
    """f, with a bar of its calls where tqdm is installed and standard error is a terminal."""
    if not sys.stderr.isatty():
        yield f
        return
    try:
        from tqdm import tqdm
    except ImportError:
        yield f
        return
    with tqdm(total=calls, desc=name, unit="call", file=sys.stderr, leave=False) as bar:

        def watched(*args: Any) -> Any:
            bar.update()
            return f(*args)

        yield watched
