"""Modes of recording, per thread and per task: `no_grad` stops it, `debug` watches it, `scope` names its parts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tinygraph.graph import Node, Watch
from tinygraph.op import Array, Op, describe, whole

_HERE = os.path.dirname(__file__)


class Scope:
    """One call of a named part of a computation: `name` within `parent`, and the `kind` of part, a layer's class.

    Example:
        >>> block = Scope("block", "Transformer", None)
        >>> Scope("0", "Linear", block).path
        ('block', '0')
    """

    __slots__ = ("kind", "name", "parent")

    def __init__(self, name: str, kind: str | None, parent: Scope | None) -> None:
        self.name = name
        self.kind = kind
        self.parent = parent

    @property
    def path(self) -> tuple[str, ...]:
        """The names from the outermost scope to this one."""
        return (*(self.parent.path if self.parent is not None else ()), self.name)


@dataclass(slots=True)
class Mode:
    """What is not as usual. `frozen` lists the arrays that debug has made read-only.

    `tracer` writes a program of what is computed: see `tinygraph.program`. Nodes older than `horizon` are constants.
    """

    recording: bool = True
    debugging: bool = False
    frozen: list[np.ndarray[Any, Any]] = field(default_factory=list)
    scope: Scope | None = None
    tracer: Any = None
    horizon: int = 0


NORMAL = Mode()
TRACING: ContextVar[bool] = ContextVar("tinygraph_tracing", default=False)  # inside a transform
MODE: ContextVar[Mode | None] = ContextVar("tinygraph_mode", default=None)


@contextmanager
def _changed(**changes: Any) -> Iterator[Mode]:
    mode = replace(MODE.get() or NORMAL, **changes)
    usual = mode.recording and not mode.debugging and mode.scope is None and mode.tracer is None and not mode.horizon
    token = MODE.set(None if usual else mode)
    try:
        yield mode
    finally:
        MODE.reset(token)


@contextmanager
def no_grad() -> Iterator[None]:
    """Stop recording inside the block, or the decorated function, in this thread and task alone.

    Example:
        >>> import tinygraph as tg
        >>> x = tg.Tensor(3.0)
        >>> with tg.no_grad():
        ...     y = x * x
        >>> y.requires_grad
        False
    """
    with _changed(recording=False):
        yield


def enter(name: str, kind: str | None = None) -> Token[Mode | None]:
    """Begin a scope; `MODE.reset` of what is returned ends it. A layer does this on each call, so it must be fast."""
    mode = MODE.get()
    if mode is None:
        return MODE.set(Mode(scope=Scope(name, kind, None)))
    inner = Scope(name, kind, mode.scope)
    return MODE.set(Mode(mode.recording, mode.debugging, mode.frozen, inner, mode.tracer, mode.horizon))


@contextmanager
def scope(name: str, kind: str | None = None) -> Iterator[None]:
    """Name a part of the computation: pictures draw what is recorded inside as one box, which folds and unfolds.

    Scopes nest. Each layer of a network is one by itself.

    Args:
        name: of the part, without the names of the parts around it.
        kind: what it is, as a layer's class; shown beside the name.

    Example:
        >>> import tinygraph as tg
        >>> x = tg.Tensor(3.0)
        >>> with tg.scope("encoder"):
        ...     y = x * x
        >>> y.scope
        'encoder'
    """
    if not isinstance(name, str):
        raise TypeError(f"scope: a name is text, not a {type(name).__name__}")
    token = enter(name, kind)
    try:
        yield
    finally:
        MODE.reset(token)


@contextmanager
def recording(transform: bool = True) -> Iterator[None]:
    """Record inside the block, also within `no_grad`: transforms differentiate wherever they are called."""
    token = TRACING.set(transform or TRACING.get())
    try:
        with _changed(recording=True):
            yield
    finally:
        TRACING.reset(token)


@contextmanager
def apart(horizon: int) -> Iterator[None]:
    """Inside the block, what was recorded before the serial `horizon` is constant."""
    with _changed(horizon=horizon):
        yield


@contextmanager
def debug() -> Iterator[None]:
    """Stop at the first operation, forward or backward, that makes a NaN or an infinity.

    The error names the op, the shapes of its inputs and the line of your code that recorded it. Arrays of the graph
    are read-only until the next `backward`, so that writing to one raises where it happens. Slow: for finding a fault.

    Raises:
        FloatingPointError: an operation made a NaN or an infinity of finite inputs, or was given one.

    Example:
        >>> import tinygraph as tg
        >>> with tg.debug():
        ...     tg.log(tg.Tensor(-1.0))  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        FloatingPointError: log made NaN ...
    """
    with _changed(debugging=True, frozen=[]) as mode, np.errstate(all="ignore"):
        try:
            yield
        finally:
            thaw(mode)


def freeze(mode: Mode, arrays: Iterable[Array]) -> None:
    """Make arrays of the graph read-only until the next backward, or the end of the debug block."""
    for array in arrays:
        if isinstance(array, np.ndarray) and array.flags.writeable:
            array.flags.writeable = False
            mode.frozen.append(array)


def thaw(mode: Mode) -> None:
    """Make them writable again, those that own their memory first: a view is only as writable as what it views."""
    for array in sorted(mode.frozen, key=lambda a: a.base is not None):
        array.flags.writeable = True
    mode.frozen.clear()


@contextmanager
def tracing(tracer: Any) -> Iterator[None]:
    """Let a tracer write down what is computed inside the block."""
    with _changed(tracer=tracer):
        yield


def tracer() -> Any:
    """What writes a program of what is computed now; None, nearly always."""
    mode = MODE.get()
    return None if mode is None or mode.tracer is None or not mode.tracer.open else mode.tracer


def begun(holder: dict[str, Any], names: Iterable[str] | None = None) -> dict[str, Any]:
    """A dict of what lives on between calls, to be read from and written to; `ended` is told when that is done.

    It is the dict itself; while a program is recorded, one of the variables that stand for its entries of these names.
    """
    recorder = tracer()
    return holder if recorder is None else dict(recorder.effects.state(holder, names))


def ended(holder: dict[str, Any], state: dict[str, Any]) -> None:
    """Keep what `begun` has given, as it is now."""
    mode = MODE.get()
    if state is not holder and mode is not None and mode.tracer is not None:  # also of one that has stopped recording
        mode.tracer.effects.keep(holder, state)


def watcher() -> Watch | None:
    """What looks at each gradient of a reverse pass: `check_backward` under debug, the tracer of a program."""
    mode = MODE.get()
    if mode is not None and mode.tracer is not None:
        mode.tracer.backward_begins()
        watch: Watch = mode.tracer.watch
        return watch
    return check_backward if mode is not None and mode.debugging else None


def check_forward(op: Op, value: Array, args: Any, where: str) -> None:
    """Raise if an op's result holds a NaN or an infinity."""
    fault = _fault(value)
    if fault:
        given = ", ".join(describe(a) for a in args)
        inherited = "was given" if any(_fault(a) for a in args) else "made"
        raise FloatingPointError(f"{op.name} {inherited} {fault}: inputs {given}, recorded at {where}")


def check_backward(node: Node, x: Node, gx: Array) -> None:
    """The `watch` of a reverse pass."""
    fault = _fault(gx)
    if fault and node.op is not None:
        given = ", ".join(describe(a) for a in node.args or ())
        where = node.tag.where if node.tag is not None else None
        raise FloatingPointError(
            f"the reverse rule of {node.op.name} made {fault}: inputs {given}, "
            f"recorded at {where or 'a line outside the debug block'}"
        )


def _fault(value: Any) -> str | None:
    value = getattr(value, "data", value) if not isinstance(value, np.ndarray | np.generic) else value
    value = whole(value)
    if getattr(getattr(value, "dtype", None), "kind", "") not in ("f", "c") or np.all(np.isfinite(value)):
        return None
    return "NaN" if np.any(np.isnan(value)) else "infinity"


def user_line() -> str:
    """File and line of the innermost frame outside this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
