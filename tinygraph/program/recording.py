"""One recording of a function: what stands in for its arrays, what comes back, and the program between."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from tinygraph.graph import leaf
from tinygraph.program import reach
from tinygraph.program.choice import Choice, Pool
from tinygraph.program.code import Program, evaluated
from tinygraph.program.fast import fast, workspaces
from tinygraph.program.passes import applied
from tinygraph.program.source import compiled as defined
from tinygraph.program.source import identifier
from tinygraph.program.tracer import Tracer
from tinygraph.program.variable import Variable
from tinygraph.tensor import Tensor, handle
from tinygraph.tree import Rebuild

WATCHED = 1 << 20  # bytes of arrays in sight that are compared on each call, where something may be made of them


class Recording(NamedTuple):
    """A program and how its results are put together; a reason in its place where there can be none."""

    reason: str | None = None
    run: Callable[..., Any] | None = None
    source: str = ""
    title: str = "program"
    program: Program | None = None
    recorded: Program | None = None  # before the passes
    tensors: tuple[Tensor, ...] = ()  # met by the function, read afresh
    rebuild: Callable[..., Any] | None = None
    held: tuple[Any, ...] = ()
    fresh: tuple[bytes, ...] = ()  # arrays that the function made itself, as they were
    settled: bool = True  # whether they have been seen to be the same twice
    watched: tuple[tuple[Any, bytes], ...] = ()  # what they may have been made of, and its numbers then


def labels_of(f: Callable[..., Any], args: Any, kwargs: Any) -> list[str]:
    """A name for each leaf among the arguments: W1 of params["W1"], x of the parameter x."""
    code = getattr(getattr(f, "__wrapped__", f), "__code__", None)
    names = code.co_varnames[: code.co_argcount] if code is not None else ()
    names = names[1:] if names[:1] == ("self",) else names
    found: list[str] = []

    def walk(x: Any, label: str) -> None:
        if isinstance(x, dict):
            for key, part in x.items():
                walk(part, key if isinstance(key, str) else f"{label}_{key}")
        elif isinstance(x, list | tuple):
            for i, part in enumerate(x):
                walk(part, f"{label}{i}")
        elif isinstance(x, np.ndarray | np.generic | Tensor):
            found.append(identifier(x.name) if isinstance(x, Tensor) and x.name else identifier(label))

    for i, x in enumerate(args):
        walk(x, names[i] if i < len(names) else f"x{i}")
    for key, x in sorted(kwargs.items()):
        walk(x, key)
    return found


def stand_ins(arrays: list[Any], labels: list[str], tracer: Tracer) -> Iterator[Any]:
    """What the function is called with in place of its arrays."""
    for a, label in zip(arrays, labels, strict=True):
        if type(a) is not Tensor:
            yield tracer.input(a, label)
            continue
        tensor = handle(leaf(tracer.input(a._data, label), a.requires_grad, a._node.tag))
        yield tensor


def spot(y: Any, tracer: Tracer, inputs: list[Any], arrays: list[Any]) -> tuple[str, Any]:
    """How one result is got again: from the program, from the arguments, or as it was."""
    mine = [x for x in inputs if type(x) is Variable or isinstance(x, Tensor)]
    for i, x in enumerate(mine):
        if y is x:
            return "argument", i
    if type(y) is Variable:
        return "array", y.name
    if isinstance(y, Tensor) and type(y._data) is Variable:
        return "tensor", y._data.name
    if isinstance(y, np.ndarray) and id(y) not in tracer._captured:
        tracer.capture(y)
    return "same", y


def plain(y: Any, arrays: list[Any], inputs: list[Any]) -> Any:
    """A result of the recorded call, as the caller shall have it."""
    mine = [x for x in inputs if type(x) is Variable or isinstance(x, Tensor)]
    for x, a in zip(mine, arrays, strict=True):
        if y is x:
            return a
    if type(y) is Variable:
        return y.value
    if isinstance(y, Tensor) and type(y._data) is Variable:
        return handle(leaf(y._data.value, False))
    return y


def rebuilder(spots: list[tuple[str, Any]], put_together: Rebuild) -> Callable[..., Any]:
    """The function that makes of a program's results, and of the arguments, what the function returned."""

    def rebuild(results: Any, arrays: list[Any]) -> Any:
        found = iter(results)
        out = []
        for kind, place in spots:
            if kind == "array":
                out.append(next(found))
            elif kind == "tensor":
                out.append(handle(leaf(next(found), False)))
            else:
                out.append(arrays[place] if kind == "argument" else place)
        return put_together(out)

    return rebuild


def made(
    recorded: Program, tracer: Tracer, rebuild: Any, held: Any, seen: reach.View, name: str, lent: bool = False
) -> Recording:
    """The program after the passes, if it gives what was recorded; the recorded one otherwise."""
    title = name if name.isidentifier() and name not in recorded.labels.values() else "program"
    program = applied(recorded)
    run, source = defined(program, title)
    if _repeats(run, recorded):
        program = evaluated(program)
    else:
        program = recorded
        run, source = defined(program, title)
    mine = {id(x) for x in seen.held}
    fresh = tuple(_bytes(c) for c in recorded.constants.values() if id(c) not in mine)
    watched = [bare_value(x) for x in seen.held if isinstance(x, np.ndarray | Tensor)] if fresh else []
    if sum(x.nbytes for x in watched) > WATCHED:
        reason = "makes arrays of its own, and sees too many others that these may depend on"
        return Recording(reason, held=held)
    return Recording(
        run=Choice([lambda: run, lambda: quick(program, lent)], last=lent),
        source=source,
        title=title,
        program=program,
        recorded=recorded,
        tensors=tuple(t for t, _ in tracer.met.values()),
        rebuild=rebuild,
        held=held,
        fresh=fresh,
        settled=not fresh,
        watched=tuple((x, x.tobytes()) for x in watched),
    )


def quick(program: Program, lent: bool) -> Callable[..., Any]:
    """The fast rendering of a program, to be run."""
    return Pool(workspaces(fast(program, lent).text()))


def _repeats(run: Callable[..., Any], recorded: Program) -> bool:
    """Whether a program gives the recorded results to the bit, and no two of them in one memory that were not."""
    values = {**recorded.inputs, **recorded.constants, **{x.name: x.value for x in recorded.lines if x.name}}
    given = [*recorded.inputs.values(), *recorded.constants.values()]
    wanted, found = [values[r] for r in recorded.results], run(*given)
    if found is NotImplemented or not all(_alike(w, f) for w, f in zip(wanted, found, strict=True)):
        return False
    return _sharing(wanted, given) == _sharing(list(found), given)


def _alike(x: Any, y: Any) -> bool:
    x, y = np.asarray(x), np.asarray(y)
    return (x.shape, x.dtype, x.tobytes()) == (y.shape, y.dtype, y.tobytes())


def _sharing(results: list[Any], given: list[Any]) -> list[tuple[int, int]]:
    """Which results share the memory of another result, or of what was given."""
    arrays = [*results, *given]
    return [
        (i, j)
        for i, x in enumerate(results)
        for j, y in enumerate(arrays)
        if i != j and isinstance(x, np.ndarray) and isinstance(y, np.ndarray) and np.may_share_memory(x, y)
    ]


def _bytes(x: Any) -> bytes:
    return x.tobytes() if isinstance(x, np.ndarray) else repr(x).encode()


def bare_value(x: Any) -> Any:
    """The array in a Tensor, anything else as it is."""
    return x._data if isinstance(x, Tensor) else x


def is_real(x: Any) -> bool:
    """Whether it holds numbers among which there may be NaN."""
    return getattr(getattr(bare_value(x), "dtype", None), "kind", "") in ("f", "c")


@contextmanager
def local_names(tracer: Tracer) -> Iterator[None]:
    """What the user's functions call their arrays, read off when they return."""
    before = sys.getprofile()
    if before is not None:  # somebody is profiling
        yield
        return

    def returned(frame: FrameType, event: str, arg: Any) -> None:
        if event == "return" and not reach.of_library(frame.f_code.co_filename):
            for name, x in frame.f_locals.items():
                tracer.label(x, name)

    sys.setprofile(returned)
    try:
        yield
    finally:
        sys.setprofile(before)
