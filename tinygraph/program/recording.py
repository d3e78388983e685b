"""One recording of a function: what stands in for its arrays, what comes back, and the program between."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tinygraph.graph import Tag
from tinygraph.program.buffers import evaluated
from tinygraph.program.choice import Choice, Pool, same_bits
from tinygraph.program.code import Program
from tinygraph.program.draws import restore, state_of
from tinygraph.program.effects import Effects
from tinygraph.program.fast import fast, workspaces
from tinygraph.program.layouts import released
from tinygraph.program.nested import UNLIKE, UnlikeError
from tinygraph.program.passes import applied
from tinygraph.program.places import Place, Store
from tinygraph.program.reorder import REORDERING, near
from tinygraph.program.routines import trimmed
from tinygraph.program.sight import View
from tinygraph.program.source import compiled as defined
from tinygraph.program.source import routines
from tinygraph.program.tracer import Tracer
from tinygraph.tensor import Tensor

WATCHED = 1 << 20  # bytes of arrays in sight that are compared on each call, where something may be made of them


class How(NamedTuple):
    """What a function is called, and how its program may run; see `compile`."""

    name: str
    borrow: bool
    jit: bool
    reorder: bool


class Recording(NamedTuple):
    """A program and how its results are put together; a reason in its place where there can be none."""

    reason: str | None = None
    run: Callable[..., Any] | None = None
    source: str = ""
    title: str = "program"
    program: Program | None = None
    recorded: Program | None = None  # before the passes
    tensors: tuple[Tensor, ...] = ()  # met by the function, read afresh
    rebuilt: tuple[str, dict[str, Any]] = ("", {})  # what f returned: an expression, and what it names
    held: tuple[Any, ...] = ()
    fresh: tuple[bytes, ...] = ()  # arrays that the function made itself, as they were
    reads: tuple[Place, ...] = ()  # what else is read afresh
    stores: tuple[Store, ...] = ()  # what is done after a run, with the last of its results
    begun: tuple[tuple[Tag | int, bool], ...] = ()  # whether there were gradients, in Tensors or the i-th argument
    written: tuple[int, ...] = ()  # which of what it is given the program writes to, or draws from
    dropped: tuple[Tag, ...] = ()  # whose gradients go before the run, so that their memory is free
    drawn: tuple[Any, ...] = ()  # generators that are set back where the program fails or finds itself unfit
    settled: bool = True  # whether they have been seen to be the same twice
    watched: tuple[tuple[Any, bytes], ...] = ()  # what they may have been made of, and its numbers then


def made(
    recorded: Program,
    tracer: Tracer,
    rebuilt: tuple[str, dict[str, Any]],
    held: Any,
    seen: View,
    before: Sequence[tuple[Any, bytes]],
    how: How,
) -> Recording:
    """The program after the passes, if it gives what was recorded; the recorded one otherwise."""
    title = how.name if how.name.isidentifier() else "program"
    program = trimmed(applied(recorded))
    run, source = defined(program, title)
    effects = tracer.effects
    if _repeats(run, recorded, effects):
        program = _evaluated(program, recorded, effects)
        other = applied(program, REORDERING) if how.reorder else program
        if how.reorder and _repeats(defined(other, title)[0], recorded, effects, near):
            program = _evaluated(other, recorded, effects)
            run, source = defined(program, title)
    else:
        program = recorded
        run, source = defined(program, title)
        if (effects.final or effects.drawn or program.routines) and not _repeats(run, recorded, effects):
            why = f"loops through {UNLIKE}"
            if program.routines and not (effects.stores or effects.final or effects.drawn):
                raise UnlikeError
            return Recording(why if program.routines else "does something beside that its program does not", held=held)
    written = _places(program, effects)
    kept = {s.name for s in effects.stores}
    lent = how.borrow and not any(
        x.name in kept and isinstance(x.value, np.ndarray) for x in recorded.lines
    )  # gradients
    mine = {id(x) for x in (*seen.held, *effects.functions, *(g for g, _ in effects.drawn))}
    fresh = tuple(_bytes(c) for c in recorded.constants.values() if id(c) not in mine)
    afresh = set(map(id, (*recorded.inputs.values(), *recorded.constants.values())))
    if any(x.tobytes() != numbers for x, numbers in before if id(x) not in afresh):
        return Recording("writes to an array that it sees and is not given", held=held)
    watched = [x for x in seen.held if isinstance(x, np.ndarray) and (fresh or id(x) not in afresh)]
    if sum(x.nbytes for x in watched) > WATCHED:
        whose = "makes arrays of its own, and sees" if fresh else "sees, beside those that it computes with,"
        return Recording(f"{whose} too many others, on which its numbers may depend", held=held)
    program, recorded = released(program, recorded)
    renderings = [
        (False, False),
        *([(True, False)] * how.jit),
        *([(True, True)] * (how.jit and how.reorder and bool(program.routines))),
    ]
    return Recording(
        run=Choice(
            [lambda: run, *(partial(quick, program, lent, *how) for how in renderings)],
            last=lent,
            written=written,
            turns=bool(written or effects.stores),
            alike=near if how.reorder else same_bits,
        ),
        source=source,
        title=title,
        program=program,
        recorded=recorded,
        tensors=tuple(t for t, _ in tracer.met.values()),
        rebuilt=rebuilt,
        held=held,
        fresh=fresh,
        reads=tuple(effects.reads.values()),
        stores=tuple(effects.stores),
        begun=effects.begun_with(),
        written=written,
        dropped=tuple(effects.dropped),
        drawn=tuple(g for g, _ in effects.drawn),
        settled=not fresh,
        watched=tuple((x, x.tobytes()) for x in watched),
    )


def numbers_in(held: Sequence[Any]) -> list[tuple[Any, bytes]]:
    """The arrays among what is in sight, unless they are large, and their numbers."""
    return [(x, x.tobytes()) for x in held if isinstance(x, np.ndarray) and x.nbytes <= WATCHED]


def _places(program: Program, effects: Effects) -> tuple[int, ...]:
    """Which of what it is given a program writes to, or draws from."""
    given = [*program.inputs, *program.constants]
    return tuple(i for i, n in enumerate(given) if n in effects.before or n in program.generators)


def _evaluated(program: Program, recorded: Program, effects: Effects) -> Program:
    """`evaluated`, which draws nothing."""
    states = [(g, state_of(g)) for g, _ in effects.drawn]
    found = evaluated(program, recorded, routines(program))
    for g, state in states:
        restore(g, state)
    return found


def quick(program: Program, lent: bool, jit: bool, whole: bool) -> Callable[..., Any]:
    """The fast rendering of a program, to be run."""
    return Pool(workspaces(fast(program, lent, jit, whole), lent))


def _alike(x: Any, y: Any) -> bool:
    x, y = np.asarray(x), np.asarray(y)
    if (x.shape, x.dtype) != (y.shape, y.dtype):
        return False
    if x.itemsize in (4, 8) and x.ndim and x.flags.c_contiguous and y.flags.c_contiguous and not x.dtype.hasobject:
        whole = f"u{x.itemsize}"  # without copies
        return bool((x.view(whole) == y.view(whole)).all())
    return bool(x.tobytes() == y.tobytes())


def _repeats(
    run: Callable[..., Any], recorded: Program, effects: Effects, alike: Callable[[Any, Any], bool] = _alike
) -> bool:
    """Whether a program gives the recorded results to the bit, and no two of them in one memory that were not.

    It has to write the same to what the function has written to, and draw as much from the same generators.
    """
    values = {**recorded.inputs, **recorded.constants, **{x.name: x.value for x in recorded.lines if x.name}}
    real = [*recorded.inputs.values(), *recorded.constants.values()]
    given = {**recorded.inputs, **recorded.constants, **{n: a.copy(order="K") for n, a in effects.before.items()}}
    drawn = [(g, state_of(g)) for g, _ in effects.drawn]
    for g, state in effects.drawn:
        restore(g, state)
    wanted, found = [values[r] for r in recorded.results], run(*given.values())
    as_far = all(pickle.dumps(state_of(g)) == pickle.dumps(state) for g, state in drawn)
    for g, state in drawn:
        restore(g, state)
    if found is NotImplemented or not as_far or not all(map(alike, wanted, found)):
        return False
    if not all(alike(given[n], values[n]) for n in effects.before):
        return False
    return _sharing(wanted, real) == _sharing(list(found), list(given.values()))


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
