"""compile: a function that is recorded on its first call and run as straight-line NumPy code from then on."""

from __future__ import annotations

import pickle
import threading
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from functools import update_wrapper
from importlib.util import find_spec
from types import MethodType
from typing import Any

from tinygraph.mode import MODE
from tinygraph.program import reach
from tinygraph.program.beside import side_by_side
from tinygraph.program.draws import restore
from tinygraph.program.effects import grad_in
from tinygraph.program.explain import explained
from tinygraph.program.fast import fast
from tinygraph.program.first_call import traced
from tinygraph.program.nested import UNLIKE, UnlikeError
from tinygraph.program.recording import How, Recording
from tinygraph.program.replay import UNFIT, Ready, given_to, made_ready, overlap
from tinygraph.program.sight import Sight, View
from tinygraph.program.tracer import Tracer
from tinygraph.program.user_code import depth_outside
from tinygraph.tensor import Tensor

SIGNATURES = 8  # programs of one function; beyond, new signatures run as they are
RECORDED_AGAIN = 4  # times that a check of a value may fail before a signature runs as it is


class Compiled:
    """A function that runs as the program that its first call was recorded as; see `compile`."""

    def __init__(self, f: Callable[..., Any], strict: bool, check: int, borrow: bool, jit: bool, reorder: bool) -> None:
        self.f = f
        self.strict = strict
        self.check = check
        self.borrow = borrow
        self.jit = jit
        self.reorder = reorder
        self._recordings: dict[Any, Recording] = {}
        self._sight = Sight(f)
        self._ready: tuple[Ready, ...] = ()  # the latest first
        self._tags: dict[Any, tuple[Any, ...]] = {}  # by signature: whether these have a gradient tells programs apart
        self._said: set[str] = set()
        self._again: dict[Any, int] = {}
        self._lock = threading.RLock()
        self._turn: threading.RLock | None = None  # the lock, once there is a program that writes: calls take turns
        update_wrapper(self, f, updated=())

    def __reduce__(self) -> Any:
        """A copy is a compiled function of a copy, which has recorded nothing yet."""
        return Compiled, (self.f, self.strict, self.check, self.borrow, self.jit, self.reorder)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        mode = MODE.get()
        if mode is not None and (mode.tracer is not None or mode.debugging):
            return self.f(*args, **kwargs)
        recording = mode is None or mode.recording
        known = self._ready  # before the turn, which is there before any of these that writes
        if self._turn is None:
            return self._called(known, recording, args, kwargs)
        with self._turn:
            return self._called(known, recording, args, kwargs)

    def _called(self, known: tuple[Ready, ...], recording: bool, args: Any, kwargs: Any) -> Any:
        for ready in known:
            arrays = ready.fits(args, kwargs) if ready.recording is recording and self.check <= 0 else None
            if arrays is not None and ready.stands():
                try:
                    out = ready.replay(*arrays)
                except Exception:  # noqa: BLE001
                    break
                if out is not UNFIT:
                    return out
        return self._found(recording, args, kwargs)

    def _found(self, recording: bool, args: Any, kwargs: Any) -> Any:
        """A call of a signature that is new, or is not the one that was replayed before."""
        seen = self._sight.view(args, kwargs)
        key: tuple[Any, ...] = (recording, seen.key)
        tags = self._tags.get(key) if self._tags else None
        if tags is not None:
            key = (*key, tuple(grad_in(tag, seen.arrays) is not None for tag in tags))
        found = self._recordings.get(key)
        if found is None or not found.settled:
            return self._recorded(key, found, seen, args, kwargs)
        if found.run is None:
            return self.f(*args, **kwargs)
        if self.check > 0 and not any(a.tobytes() != numbers for a, numbers in found.watched):
            return self._checked(found, seen, args, kwargs)
        if found.written and overlap(given_to(found, seen.arrays), found.written):
            return self._recorded(key, found, seen, args, kwargs)
        ready = self._readied(recording, found, seen, args, kwargs)
        failed, out = False, None
        try:
            with self._turn or nullcontext():
                out = ready.replay(*seen.arrays)
        except Exception:  # noqa: BLE001  what f itself says names the operation
            failed = True
        if failed:
            return self.f(*args, **kwargs)
        return out if out is not UNFIT else self._recorded(key, found, seen, args, kwargs)

    def _readied(self, recording: bool, found: Recording, seen: View, args: Any, kwargs: Any) -> Ready:
        """A recording, made ready to be replayed at once when the next call sees the same."""
        live = [r for r in self._ready if any(r.of is other for other in self._recordings.values())]
        ready = next((r for r in live if r.of is found), None)
        if ready is None:
            ready = made_ready(recording, found, seen, args, kwargs)
        else:
            live.remove(ready)
            ready = ready._replace(stands=seen.around.stands)
        self._ready = (ready, *live)
        return ready

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A method of the object that it is asked of, as any function in a class is."""
        return self if instance is None else MethodType(self, instance)

    # --- recording

    def _recorded(self, key: Any, found: Recording | None, seen: View, args: Any, kwargs: Any) -> Any:
        """Run the function as it is, and write down what it does, unless another thread has `found` it differently."""
        with self._lock:
            before = self._recordings.get(key)
            if before is not None and before.settled and before is not found:  # another thread's
                return self(*args, **kwargs)
            if before is None and len(self._recordings) >= SIGNATURES:
                self._warn(f"is called with more than {SIGNATURES} signatures; others run uncompiled")
                return self.f(*args, **kwargs)
            if before is not None and before.settled:
                self._again[key] = self._again.get(key, 0) + 1
                if self._again[key] > RECORDED_AGAIN:
                    self._recordings[key] = self._refused("depends time and again on values that change", before.held)
                    return self.f(*args, **kwargs)
            return self._newly(key, before, seen, args, kwargs)

    def _newly(self, key: Any, before: Recording | None, seen: View, args: Any, kwargs: Any) -> Any:
        tracer = Tracer(self.strict, getattr(self.f, "__code__", None))
        random = reach.generators(seen.held)
        states = [reach.states([g]) for g in random]
        try:
            out, recording = traced(self.f, self._how, tracer, seen, args, kwargs)
            drawn = [g for g, _ in tracer.effects.drawn]
        except (Exception, UnlikeError) as error:  # noqa: BLE001  it goes on, or the function itself says it
            failed = self._failed(error, key, tracer, seen, args, kwargs)
        else:
            failed = ""
        finally:
            tracer.forget()
        if failed:
            for g, state in zip(random, states, strict=True):
                restore(g, pickle.loads(state)[0])
            out = self.f(*args, **kwargs)
            self._recordings[key] = self._refused(failed, seen.held)
            return out
        key = self._full(key, recording)
        moved = [g for g, state in zip(random, states, strict=True) if reach.states([g]) != state]
        if recording.reason is None and any(all(g is not d for d in drawn) for g in moved):
            recording = self._refused("draws random numbers", recording.held)
        elif recording.reason is None and before is not None and not before.settled:
            recording = recording._replace(settled=before.fresh == recording.fresh)
            if not recording.settled and [n for _, n in before.watched] == [n for _, n in recording.watched]:
                recording = self._refused("makes an array whose numbers differ from call to call", recording.held)
        elif recording.reason is not None:
            recording = self._refused(recording.reason, recording.held)
        if recording.stores or recording.written:
            self._turn = self._lock
        self._recordings[key] = recording
        return out

    def _failed(self, error: BaseException, key: Any, tracer: Tracer, seen: View, args: Any, kwargs: Any) -> str:
        """Why the function is to be run again, as it is, for nothing has happened yet; else the error goes on.

        What stands for arrays is not welcome everywhere, and nobody but the function itself says what it says.
        """
        if isinstance(error, UnlikeError):  # what came out of them is not what f gives
            return f"loops through {UNLIKE}"
        if self.strict:
            raise error
        if tracer.reason is not None:
            self._recordings[key] = self._refused(tracer.reason, seen.held)
        begun = not tracer.open or not tracer.effects.none or reach.iterators(seen.held)
        if begun or self._sight.view(args, kwargs).key != seen.key:
            raise error
        return f"cannot be given what stands for an array: {error}"

    def _full(self, key: Any, recording: Recording) -> Any:
        """The key of a recording, with what gradients there were before it."""
        known = self._tags.get(key[:2], ())
        there = dict(zip(known, key[2] if key[2:] else (), strict=True))
        there |= {tag: begun for tag, begun in recording.begun if tag not in there}
        if not there:
            return key
        self._tags[key[:2]] = (*known, *(tag for tag in there if tag not in known))
        return (*key[:2], tuple(there[tag] for tag in self._tags[key[:2]]))

    def _refused(self, reason: str, held: Any) -> Recording:
        if self.strict:
            raise TypeError(f"compile: {self._name} {reason}; leave out strict=True to run it uncompiled")
        self._warn(f"runs uncompiled: {reason}")
        return Recording(reason, held=tuple(held))

    def _warn(self, what: str) -> None:
        if what not in self._said:
            self._said.add(what)
            warnings.warn(f"compile: {self._name} {what}", RuntimeWarning, stacklevel=depth_outside())

    @property
    def _how(self) -> How:
        return How(self._name, self.borrow, self.jit, self.reorder)

    @property
    def _name(self) -> str:
        return getattr(self.f, "__name__", type(self.f).__name__)

    # --- what can be asked

    def _checked(self, recording: Recording, seen: View, args: Any, kwargs: Any) -> Any:
        self.check -= 1
        return side_by_side(recording, self.f, self._how, seen.arrays, args, kwargs)

    def seen_by_program(self) -> list[Any]:
        """What another compiled function depends on that calls this one: the function alone."""
        return [self.f]

    @property
    def signatures(self) -> list[str]:
        """A line for each signature that has been seen: the arguments, and whether it is compiled."""
        return [
            f"{_described(key)}: {'uncompiled, ' + r.reason if r.reason else 'compiled'}"
            for key, r in self._recordings.items()
        ]

    @property
    def _is_recorded(self) -> bool:
        """Whether there is a program, which has a source and can be drawn."""
        return any(r.run is not None for r in self._recordings.values())

    @property
    def source(self) -> str:
        """The NumPy code of the last signature that was compiled.

        Raises:
            ValueError: none has been.
        """
        return self._last().source

    @property
    def fast_source(self) -> str:
        """The same program as it runs where that is faster: arrays lie in one memory, which is made once and reused.

        The memory belongs to the one who runs this source.

        Raises:
            ValueError: none has been compiled.
        """
        last = self._last()
        if last.program is None:
            return ""
        return fast(last.program, self.borrow, self.jit, self.reorder, last.title).text()

    @property
    def constants(self) -> dict[str, Any]:
        """The arrays that the function met and was not given: by the names that they have in `source`."""
        last = self._last()
        return dict(last.program.constants) if last.program is not None else {}

    def explain(self) -> str:
        """What the passes have done, where the arrays lie, and why a signature is not compiled."""
        rows = list(self.signatures)
        for recording in self._recordings.values():
            if recording.recorded is not None and recording.program is not None:
                rendered = fast(recording.program, self.borrow, self.jit, self.reorder, recording.title)
                rows += explained(recording.recorded, rendered)
        return "\n".join(rows)

    def _last(self) -> Recording:
        made = [r for r in self._recordings.values() if r.run is not None]
        if not made:
            raise ValueError(
                f"compile: {self._name} has no program yet: call it first" + "".join(f"; {s}" for s in self.signatures)
            )
        return made[-1]


def compile(  # noqa: A001  the field's word
    f: Callable[..., Any] | None = None,
    *,
    strict: bool = False,
    check: int = 0,
    borrow: bool = False,
    jit: bool = False,
    reorder: bool = False,
) -> Any:
    """f, recorded when it is first called and run as straight-line NumPy code from then on, equal to the last bit.

    The first call with new shapes, dtypes, or other arguments runs f as it is, and writes down every NumPy operation,
    those of the reverse pass too. Later calls run that program, which `source` shows. Parameters, and Tensors that f
    closes over, are read afresh on each call. What f sees beside its arguments, in its closure, its globals and the
    attributes of objects there, is compared on each call, and f is recorded anew if it has changed.

    A whole training step may be compiled: gradients land where `backward` lets them land, an optimizer's `step` and
    `zero_grad` do what they do, at the learning rate of the day, dropout draws from its generator, and running
    averages move on. `train.fit(..., compile=True)` does so.

    What cannot be repeated is not compiled: where a traced array becomes a Python value (`if x > 0:`, `float(x)`),
    where f draws random numbers of its own, where an array that is given is written to, f runs as it is, and says so
    once. `return loss.item()` is no such value.

    Args:
        f: takes and returns arrays, Tensors, nested dicts, lists and tuples of them, and modules. A Tensor that it
            returns has no graph behind it.
        strict: raise where f cannot be compiled.
        check: run f itself beside its program for this many calls, and compare.
        borrow: return arrays that the next call overwrites; then a call makes no array where NumPy can fill one.
        jit: try chains of arithmetic, and their sums, as single loops, compiled by numba and kept on disk; still equal
            to the last bit. Such loops give no warnings of overflow or division by zero.
        reorder: gather numbers that multiply, before sums and products too: equal to rounding, and no more to the bit.
            With `jit` a scan of small arrays is tried as one function.

    Returns:
        A function with `source`, `fast_source`, `constants`, `signatures` and `explain()`. Of both sources the one runs
        that is faster on the first calls; `tinygraph.render` draws it.

    Raises:
        TypeError: f cannot be compiled, with `strict`.
        ImportError: numba is not installed, with `jit`.
        AssertionError: with `check`, a program that gives other numbers.

    Example:
        >>> import numpy as np, tinygraph as tg
        >>> slope = tg.compile(tg.grad(lambda x: np.sin(x * x)))
        >>> slope(np.array(2.0)), slope(np.array(3.0)), slope.signatures
        (array(-2.61457448), array(-5.46678157), ['a () float64: compiled'])
    """
    if f is None:
        return lambda function: compile(function, strict=strict, check=check, borrow=borrow, jit=jit, reorder=reorder)
    if not callable(f):
        raise TypeError(f"compile: a function is needed, got {repr(f)[:40]}")
    if jit and find_spec("numba") is None:
        raise ImportError("compile: jit=True needs numba: pip install 'tinygraph[jit]', or leave out jit=True")
    return Compiled(f, strict, check, borrow, jit, reorder)


def _described(key: Any) -> str:
    arrays = [part for part in key[1] if isinstance(part, tuple) and len(part) == 6]
    return (
        ", ".join(f"{'Tensor' if kind is Tensor else 'a'} {shape} {dtype}" for kind, shape, dtype, *_ in arrays)
        or "no arrays"
    )
