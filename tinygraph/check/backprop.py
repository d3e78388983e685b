"""Backward passes by hand, as in a course's assignments: forward, cost and backward, called by their names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tinygraph.check.pairs import compare_pair
from tinygraph.check.passes import Passes
from tinygraph.check.report import GradientError, Report
from tinygraph.check.verdict import POWER, WRONG

Function = Callable[..., Any]
_CONVENTION = "if dZ belongs to the loss of one sample, as in the course, say samples={m}, per_sample=({whole},)"


def compare_backprop(
    forward: Function,
    backward: Function | None = None,
    cost: Function | None = None,
    *,
    samples: int | None = None,
    wrt: str | Sequence[str] | None = None,
    per_sample: Sequence[str] | None = None,
    directions: int | None = None,
    power: float = POWER,
    seed: int = 0,
    **given: Any,
) -> Report:
    """Compare a backward pass that was written by hand with two-sided differences of its forward pass.

    Functions are called by the names of their parameters: each finds what it asks for among `given`; beyond that, a
    parameter of `cost` is the forward pass's output, and one of `backward` is the cache if it is called so, the
    output's cotangent if it begins with d (dA, dZ, dout), and else the output. What is differentiated:

        J = forward(...)  or  cost(forward(...))  or, of one layer, <c, forward(...)> with a random cotangent c

    Of several outputs before the cache those count whose cotangents backward asks for, in order: da_next, dc_next.

    Args:
        forward: returns J, or (J, cache), or (output, cache), or (output, another, ..., cache).
        backward: returns a dict with dW for W, or the gradients in the order of `wrt`, as one array or a tuple. None:
            forward returns both, a dict and a number, as the course's `propagate`, or the cost and its gradients.
        cost: the cost of an output, a number.
        samples: m, the number of samples, for the words of the report; the columns of X if there is an X.
        wrt: the arguments by whose names a tuple of gradients goes; None: those of `forward` that are real arrays, and
            numbers where there are as many gradients.
        per_sample: of one layer in the course's notation, where dZ belongs to the loss of one sample and dW and db
            carry 1/m: the arguments whose gradient carries none, ("A_prev",). It needs `samples`.
        given: the arguments of all three by name: X, Y, parameters, ...
        directions: as in `compare_pair`, like `power` and `seed`.

    Returns:
        A report whose comparisons bear the names of the gradients, dW1, db1, ...

    Raises:
        TypeError: a function asks for what is not given.
        ValueError: `backward` returns something that cannot be matched with the arguments.

    Example:
        >>> def forward(X, parameters):
        ...     A = np.tanh(parameters["W"] @ X + parameters["b"])
        ...     return A, (X, A)
        >>> def cost(A, Y):
        ...     return np.sum((A - Y) ** 2) / (2 * Y.shape[1])
        >>> def backward(cache, Y):
        ...     X, A = cache
        ...     dZ = (A - Y) * (1 - A**2) / Y.shape[1]
        ...     return {"dW": dZ @ X.T, "db": dZ.sum(axis=1, keepdims=True) / Y.shape[1]}
        >>> X, Y = np.array([[1.0, 2.0, -1.0], [0.5, 1.0, 3.0]]), np.array([[1, 0, 1]])
        >>> parameters = {"W": np.array([[0.1, -0.2]]), "b": np.zeros((1, 1))}
        >>> report = compare_backprop(forward, backward, cost, X=X, Y=Y, parameters=parameters)
        >>> print(*report.notes)
        db is 3 times too small (3 is m, the number of samples)
    """
    if per_sample is not None and samples is None:
        raise ValueError("per_sample needs samples, the number m that the other gradients are divided by")
    passes = Passes(forward, backward, cost, given, wrt, seed)
    m = samples if samples is not None else _samples(given)
    factors = {name: 1.0 if per_sample is None or name in per_sample else m for name in passes.wanted}

    def gradient(p: Any) -> dict[str, Any]:
        found = passes.gradient(p)
        return found if per_sample is None else {name: np.asarray(g) * factors[name] for name, g in found.items()}

    sizes = {"m, the number of samples": m} if m else {}
    point = passes.wanted
    report = compare_pair(passes.value, gradient, point, directions=directions, power=power, seed=seed, sizes=sizes)
    names = {f"x0[{name!r}]": f"d{name}" for name in passes.wanted}
    compared = tuple(replace(c, name=names.get(c.name, c.name)) for c in report.comparisons)
    notes = [_renamed(note, names) for note in report.notes]
    report = replace(report, comparisons=compared, notes=(*notes, *passes.notes))
    if passes.layer and per_sample is None and any(f"{m} times too small" in note for note in notes):
        whole = ", ".join(repr(c.name[1:]) for c in compared if not c.count(WRONG)) or "..."
        report = replace(report, notes=(*report.notes, _CONVENTION.format(m=m, whole=whole)))
    return replace(report, notes=(*report.notes, *_where(report)))


def check_backprop(
    forward: Function,
    backward: Function | None = None,
    cost: Function | None = None,
    *,
    samples: int | None = None,
    wrt: str | Sequence[str] | None = None,
    per_sample: Sequence[str] | None = None,
    directions: int | None = None,
    power: float = POWER,
    seed: int = 0,
    **given: Any,
) -> None:
    """Raise if a backward pass that was written by hand is not what differences of its forward pass say.

    The arguments are those of `compare_backprop`.

    Raises:
        GradientError: an element is wrong, or none could be verified; `.report` has them all.

    Example:
        >>> def linear_forward(A, W, b):
        ...     return W @ A + b, (A, W, b)
        >>> def linear_backward(dZ, cache):
        ...     A, W, b = cache
        ...     return W.T @ dZ, dZ @ A.T, dZ.sum(axis=1, keepdims=True)
        >>> A, W, b = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([[0.5, -1.0]]), np.array([[0.3]])
        >>> check_backprop(linear_forward, linear_backward, A=A, W=W, b=b)
    """
    __tracebackhide__ = True
    report = compare_backprop(
        forward, backward, cost, samples=samples, wrt=wrt, per_sample=per_sample, directions=directions,
        power=power, seed=seed, **given,
    )  # fmt: skip
    if not report.ok:
        raise GradientError(report)


def _samples(given: Mapping[str, Any]) -> int:
    """The columns of X, Y or A."""
    for name in ("X", "x", "Y", "A_prev", "A"):
        if name in given and np.ndim(given[name]) == 2:
            return int(np.shape(given[name])[1])
    return 0


def _renamed(note: str, names: Mapping[str, str]) -> str:
    for old, new in names.items():
        note = note.replace(f"the gradient of {old}", new).replace(old, new[1:])
    return note


def _where(report: Report) -> list[str]:
    """Of a network whose gradients end in their layer's number: the layer at which the way back goes wrong."""
    layers: dict[int, list[Any]] = {}
    for c in report.comparisons:
        number = re.search(r"(\d+)$", c.name)
        if number:
            layers.setdefault(int(number[1]), []).append(c)
    faulty = [n for n, group in layers.items() if any(c.count(WRONG) or c.problem for c in group)]
    if not faulty or len(layers) < 2:
        return []
    worst = max(faulty)
    wrong = [c.name for c in layers[worst] if c.count(WRONG) or c.problem]
    right = [c.name for c in layers[worst] if c.name not in wrong]
    if not right and len(wrong) > 1:
        return [
            f"on the way back {' and '.join(wrong)} are the first wrong: the fault is in what they share, dZ{worst}"
        ]
    beside = f", while {' and '.join(right)} is right: the fault is in its own line" if right else ""
    return [f"on the way back {' and '.join(wrong)} is the first wrong{beside}"]
