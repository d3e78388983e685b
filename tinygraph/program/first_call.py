"""The call of a function that is recorded: with what stands for its arrays, and what comes back of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from types import MethodType
from typing import Any

import numpy as np

from tinygraph.graph import leaf
from tinygraph.mode import tracing
from tinygraph.program import reach
from tinygraph.program.outcome import rebuilt, regain
from tinygraph.program.recording import How, Recording, made, numbers_in
from tinygraph.program.sight import View
from tinygraph.program.source import identifier
from tinygraph.program.tracer import Tracer
from tinygraph.program.user_code import local_names
from tinygraph.program.variable import Variable
from tinygraph.tensor import Tensor, handle
from tinygraph.tree import branches_of, flatten


def traced(
    f: Callable[..., Any], how: How, tracer: Tracer, seen: View, args: Any, kwargs: Any
) -> tuple[Any, Recording]:
    """What f returns, and the recording of how it did; one with a reason where there can be none."""
    before = numbers_in(seen.held)
    result, stood = _called(f, tracer, seen, args, kwargs)
    outputs, put_together = flatten(result)
    in_sight = set(map(id, (*seen.held, *(t for t, _ in tracer.met.values()))))
    spots = [spot(y, tracer, stood, in_sight) for y in outputs]
    _refuse_graphs(outputs, tracer)
    tracer.name_gradients()
    if not tracer.open:
        for_given = {x._node: a._node for x, a in zip(stood, seen.arrays, strict=True) if isinstance(x, Tensor)}
        own = [y for y in outputs if isinstance(y, Tensor) and y.requires_grad and all(y is not x for x in stood)]
        regain(own, for_given, tracer.oldest)
        del for_given, own
    out = put_together([plain(y, seen.arrays, stood) for y in outputs])
    _, put_together = flatten(put_together([0.0] * len(outputs)))  # without the arrays of this call
    names = [place for kind, place in spots if kind in ("array", "tensor")]
    if tracer.open:
        tracer.effects.finish()
    stored = [s.name for s in tracer.effects.stores if s.name is not None]
    del result, outputs, stood  # whatever of them lives on, f has kept
    if tracer.open and tracer.escaped():
        tracer.notice("is kept by the function beyond its call", "a traced array")
    held = (*seen.held, *(t for t, _ in tracer.met.values()))
    if not tracer.open:
        return out, Recording(tracer.reason, held=held)
    program = tracer.program([*names, *stored])
    return out, made(program, tracer, rebuilt(spots, put_together), held, seen, before, how)


def _called(f: Callable[..., Any], tracer: Tracer, seen: View, args: Any, kwargs: Any) -> tuple[Any, list[Any]]:
    """What f returns when it is given what stands for its arrays, and that."""
    leaves, rebuild = flatten((args, kwargs))
    known = set(map(id, seen.arrays))
    stood = list(stand_ins(seen.arrays, labels_of(f, args, kwargs, known), tracer))
    given = iter(stood)
    stood_args, stood_kwargs = rebuild([next(given) if id(x) in known else x for x in leaves])
    for x in leaves:
        if isinstance(x, np.ndarray) and not reach.is_given(x):
            tracer.notice(f"is a {type(x).__name__}, and no plain array", "an argument")
    passing = reach.iterators(seen.held)
    positions = [*map(reach.position, passing)]
    with tracing(tracer), local_names(tracer):
        result = f(*stood_args, **stood_kwargs)
    if positions != [*map(reach.position, passing)]:
        tracer.notice("is advanced", "an iterator")
    return result, stood


def _refuse_graphs(outputs: list[Any], tracer: Tracer) -> None:
    """A Tensor that is returned has no graph behind it, unless somebody has been through it."""
    roots = tracer.effects.roots
    tensors = [y for y in outputs if isinstance(y, Tensor) and y._node not in roots]
    if any(y.requires_grad and type(y._data) is Variable for y in tensors):
        tracer.notice(
            "is returned with a gradient; compile grad or value_and_grad, or call under no_grad()", "a Tensor"
        )


def labels_of(f: Callable[..., Any], args: Any, kwargs: Any, given: Set[int]) -> list[str]:
    """A name for each array among the arguments, those `given` by id: W1 of params["W1"], x of the parameter x."""
    inner = getattr(f, "__wrapped__", f)
    code = getattr(inner, "__code__", None)
    names = code.co_varnames[: code.co_argcount] if code is not None else ()
    names = names[1:] if isinstance(inner, MethodType) else names
    found: list[str] = []

    def walk(x: Any, label: str) -> None:
        if id(x) in given:
            found.append(identifier(x.name) if isinstance(x, Tensor) and x.name else identifier(label))
        for key, part in (branches_of(x) or {}).items():
            walk(part, key if isinstance(key, str) else f"{label}{'_' * isinstance(x, dict)}{key}")

    for i, x in enumerate(args):
        walk(x, names[i] if i < len(names) else f"x{i}")
    for key, x in kwargs.items():
        walk(x, key)
    return found


def stand_ins(arrays: list[Any], labels: list[str], tracer: Tracer) -> Iterator[Any]:
    """What the function is called with in place of its arrays, each that is given twice the same one."""
    made: dict[int, Any] = {}
    for i, (a, label) in enumerate(zip(arrays, labels, strict=True)):
        data = tracer.input(a._data if type(a) is Tensor else a, label)
        if id(a) not in made and type(a) is Tensor:
            made[id(a)] = handle(leaf(data, a.requires_grad, a._node.tag))
            tracer.effects.takes(made[id(a)], i, data, graph=not a.is_leaf and a.requires_grad)
        yield made.setdefault(id(a), data)


def spot(y: Any, tracer: Tracer, inputs: list[Any], in_sight: Set[int]) -> tuple[str, Any]:
    """How one result is got again: from the program, from the arguments, as a copy of what it was, or as it was."""
    for i, x in enumerate(inputs):
        if y is x:
            return "argument", i
    if type(y) is Variable:
        return "array", y.name
    if isinstance(y, Tensor) and type(y._data) is Variable:
        return "tensor", y._data.name
    if id(y) in in_sight or reach.is_fixed(y):
        return "same", y
    if type(y) is not np.ndarray:
        tracer.notice("is made by the function and returned", f"a {type(y).__name__}")
        return "same", y
    tracer.capture(y)
    return "copy", y.copy(order="K")


def plain(y: Any, arrays: list[Any], inputs: list[Any]) -> Any:
    """A result of the recorded call, as the caller shall have it."""
    for x, a in zip(inputs, arrays, strict=True):
        if y is x:
            return a
    if type(y) is Variable:
        return y.value
    if isinstance(y, Tensor) and type(y._data) is Variable:
        return handle(leaf(y._data.value, False))
    return y
