"""One call of a program, written out as Python: what it is given, the run, what is done after it, what is returned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygraph.program.draws import restore, state_of
from tinygraph.program.recording import Recording
from tinygraph.program.rows import Rows
from tinygraph.program.sight import Fits, View, fitting
from tinygraph.tensor import Tensor

UNFIT = object()  # what a replay gives where a value is not what the program was recorded for
Replay = Callable[..., Any]


class Ready(NamedTuple):
    """A recording that runs at once if the arguments of a call fit and what the function sees stands as it was."""

    recording: bool  # the mode
    fits: Fits
    stands: Callable[[], bool]
    replay: Replay
    of: Recording


def made_ready(mode: bool, recording: Recording, seen: View, args: Any, kwargs: dict[str, Any]) -> Ready:
    """The recording of a signature, for further calls that see the same."""
    fits = fitting(args, kwargs, seen.around.arrays, recording.begun) or _never
    return Ready(mode, fits, seen.around.stands, replay_of(recording, seen.arrays), recording)


def _never(args: Any, kwargs: Any) -> None:
    """Arguments of a kind that is looked at anew on each call."""


def replay_of(recording: Recording, arrays: Sequence[Any]) -> Replay:
    """The function of a call's arrays that does what the recorded function did, or nothing and gives UNFIT.

        def replay(a0, a1):
            r = (x0.chosen or x0)(a0, a1, x1._data, x2._data, x3['t'])
            if r is NotImplemented: return UNFIT
            x1.grad = r[1]
            x3['t'] = r[2]
            return tensor(r[0])

    An error of the run goes on to the caller: then nothing has been written to, and generators are set back.
    """
    text, space = recording.rebuilt
    rows = Rows(UNFIT=UNFIT, **space)
    for x, numbers in recording.watched:
        rows.append(f"if {rows.keep(x)}.tobytes() != {rows.keep(numbers)}: return UNFIT")
    for tag in recording.dropped:
        rows.append(f"{rows.keep(tag)}.grad = None")
    given = _given(recording, arrays, rows)
    if any(i < len(arrays) for i in recording.written):
        rows.space["overlap"] = overlap
        rows.append(f"if overlap(({', '.join(given)},), {recording.written}): return UNFIT")
    run = rows.keep(recording.run)
    call = f"r = ({run}.chosen or {run})({', '.join(given)})"
    if recording.drawn:
        rows.space |= {"back": _back, "state_of": state_of}
        rows.append(f"before = [(g, state_of(g)) for g in {rows.keep(recording.drawn)}]")
        rows.append(f"try: {call}")
        rows.append("except Exception: back(before); raise")
        rows.append("if r is NotImplemented: return back(before)")
    else:
        rows.append(call)
        rows.append("if r is NotImplemented: return UNFIT")
    named = 0
    for store in reversed(recording.stores):
        named += store.name is not None
        rows.append(store.code(rows.keep, f"r[-{named}]"))
    return rows.function(f"replay({_names(arrays)})", text)  # type: ignore[no-any-return]


def _names(arrays: Sequence[Any]) -> str:
    return ", ".join(f"a{i}" for i in range(len(arrays)))


def _back(before: Sequence[tuple[Any, Any]]) -> Any:
    for generator, state in before:
        restore(generator, state)
    return UNFIT


def _given(recording: Recording, arrays: Sequence[Any], rows: Rows) -> list[str]:
    """What a program is given, as code."""
    assert recording.program is not None
    given = [f"a{i}._data" if type(a) is Tensor else f"a{i}" for i, a in enumerate(arrays)]
    given += [f"{rows.keep(t)}._data" for t in recording.tensors]
    given += [place.code(rows.keep) for place in recording.reads]
    return given + [rows.keep(c) for c in recording.program.constants.values()]


def overlap(given: Sequence[Any], written: Sequence[int]) -> bool:
    """Whether one of the arrays that are written to shares the memory of another one."""
    arrays = [x for x in given if isinstance(x, np.ndarray)]
    if len({*map(id, arrays)}) == len(arrays) and all(x.base is None for x in arrays):
        return False
    return any(
        np.may_share_memory(given[i], x)
        for i in written
        for j, x in enumerate(given)
        if i != j and isinstance(x, np.ndarray) and isinstance(given[i], np.ndarray)
    )


def given_to(recording: Recording, arrays: Sequence[Any]) -> list[Any]:
    """What a program is given in a call."""
    rows = Rows()
    given = ", ".join(_given(recording, arrays, rows))
    return list(rows.function(f"given({_names(arrays)})", f"[{given}]")(*arrays))


def returned(recording: Recording, results: Sequence[Any], arrays: Sequence[Any]) -> Any:
    """What the function returns where its program has given these results."""
    text, space = recording.rebuilt
    return Rows(**space).function(f"returned(r, {_names(arrays)})", text)(results, *arrays)


def stored(recording: Recording, results: Sequence[Any], arrays: Sequence[Any]) -> list[tuple[Any, Any]]:
    """What is where a run would store one of its results, each with that result."""
    named = [store for store in recording.stores if store.name is not None]
    rows = Rows()
    there = ", ".join(store.place.code(rows.keep) for store in named)
    found = rows.function(f"there({_names(arrays)})", f"[{there}]")(*arrays)
    return list(zip(found, results[len(results) - len(named) :], strict=True))
