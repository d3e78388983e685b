"""One call of a function on fresh Tensors, so that levels of nesting never mix: what every transform begins with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import index
from typing import Any, NamedTuple

import numpy as np

from tinygraph.graph import Lift, Node, differentiable, leaf, serial
from tinygraph.mode import recording
from tinygraph.op import Array, bare
from tinygraph.operand import number_array
from tinygraph.ops.shape import copy
from tinygraph.tensor import Tensor, handle
from tinygraph.tree import Rebuild, flatten

Function = Callable[..., Any]


class Trace(NamedTuple):
    """One call of a function on fresh inputs: the nodes of its inputs, its outputs, and how they look from outside."""

    inputs: list[Node]
    rebuild_inputs: Rebuild
    outputs: list[Any]
    roots: list[Node]
    result: Any  # the outputs as the function returned them
    rebuild_outputs: Rebuild
    aux: Any
    lift: Lift | None

    def outside(self, y: Any, *given: Any) -> Any:
        """A result as the caller shall have it: recorded if the caller's own Tensors are behind it, else an array.

        An array is the caller's own: it is none of those `given`.
        """
        if self.lift is None:
            return _owned(y, self.inputs, given)
        return y if isinstance(y, Tensor) else handle(leaf(number_array(y), False))


def check_callable(f: Any, name: str) -> None:
    """Raise where something else is given for a function."""
    if not callable(f):
        raise TypeError(f"{name}: a function is needed, got {repr(f)[:40]}")


def fresh(x: Any) -> Node:
    """A node that stands for an argument; the outer level sees it as a copy of what it was given."""
    if isinstance(x, Tensor) and x.requires_grad:
        return Node(copy, (x._node,), (x._data,), None, x._data, True)
    return leaf(x._data if isinstance(x, Tensor) else number_array(x))


def _array(x: Any, name: str, dtype: Any = None) -> Array:
    try:
        return number_array(x, dtype)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None


def _input(x: Any, name: str) -> Node:
    node = fresh(x if isinstance(x, Tensor) else _array(x, name))
    if node.value.dtype.kind not in "fc":
        raise TypeError(f"{name}: an argument of dtype {node.value.dtype} has no derivative; use .astype(float)")
    return node


def nested(*arrays: Any) -> bool:
    """Whether any of these records, so that what is made of them is to be recorded too."""
    return any(isinstance(a, Tensor) for a in arrays)


def traced(f: Function, args: Sequence[Any], argnums: int | Sequence[int], has_aux: bool, name: str) -> Trace:
    """Call f with the arguments `argnums` replaced by fresh Tensors."""
    check_callable(f, name)
    single = not isinstance(argnums, Sequence)
    numbers = _places(name, argnums, len(args))
    chosen = args[numbers[0]] if single else tuple(args[n] for n in numbers)
    leaves, rebuild = flatten(chosen)
    inputs = [_input(x, name) for x in leaves]
    stand_in = rebuild([handle(node) for node in inputs])
    given = list(args)
    for n, x in zip(numbers, (stand_in,) if single else stand_in, strict=True):
        given[n] = x
    with recording():
        result = f(*given)
    aux = None
    if has_aux:
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(f"{name}: with has_aux=True the function returns (output, aux)")
        result, aux = result
        aux = _seen_from_outside(aux, inputs)
    outputs, rebuild_outputs = flatten(result)
    roots = [y._node if isinstance(y, Tensor) else leaf(_array(y, name), False) for y in outputs]
    return Trace(inputs, rebuild, outputs, roots, result, rebuild_outputs, aux, _lift_for(inputs, outputs))


def _places(name: str, argnums: int | Sequence[int], n: int) -> tuple[int, ...]:
    """The places of the arguments to differentiate, none of them negative."""
    try:
        numbers = tuple(map(index, argnums if isinstance(argnums, Sequence) else (argnums,)))
    except TypeError:
        raise TypeError(f"{name}: argnums is an int or a sequence of ints, got {argnums!r}") from None
    if not all(-n <= i < n for i in numbers):
        raise ValueError(f"{name}: argnums {argnums} for {n} arguments given by position")
    places = tuple(i % n for i in numbers)
    if len(set(places)) < len(places):
        raise ValueError(f"{name}: argnums {argnums} name an argument twice")
    return places


def _seen_from_outside(aux: Any, inputs: list[Node]) -> Any:
    """What a function returned beside its output: arrays, or Tensors where the caller's own are behind them."""
    leaves, rebuild = flatten(aux)
    recorded = [x for x in leaves if isinstance(x, Tensor)]
    if not recorded or _lift_for(inputs, recorded) is not None:
        return aux
    return rebuild([_owned(x, inputs) if isinstance(x, Tensor) else x for x in leaves])


def _owned(y: Any, inputs: Sequence[Node], given: Sequence[Any] = ()) -> Array:
    """The array in a result, copied where it is an argument, one of those given, or a view."""
    value = bare(y)
    if isinstance(value, np.generic):
        return value[...]  # type: ignore[index]
    shared = getattr(value, "base", None) is not None or any(value is x for x in given)
    return value.copy() if shared or any(value is x.value for x in inputs) else value


def _lift_for(inputs: list[Node], outputs: list[Any]) -> Lift | None:
    """`handle` where the outputs depend on Tensors older than the call, whose derivatives may be wanted later."""
    if any(node.op is not None for node in inputs):
        return handle
    if not inputs:
        return None
    first = min(map(serial, inputs))
    roots = [y._node for y in outputs if isinstance(y, Tensor)]
    seen = {*roots, *(x for node in differentiable(roots, first) if node.serial >= first for x in node.inputs or ())}
    return handle if any(x is not None and x.requires_grad and x.serial < first for x in seen) else None


def check_holomorphic(trace: Trace, name: str) -> None:
    """Raise unless a function that is called holomorphic takes complex numbers to complex numbers."""
    for kind, nodes in (("takes", trace.inputs), ("returned", trace.roots)):
        for node in nodes:
            if node.value.dtype.kind != "c":
                remedy = "give .astype(complex)" if kind == "takes" else "leave holomorphic=True out"
                raise TypeError(
                    f"{name}: with holomorphic=True the function takes and returns complex numbers, it {kind} "
                    f"{node.value.dtype}; {remedy}"
                )


def matching(given: Sequence[Any], like: Sequence[Array], what: str) -> list[Any]:
    """Tangents or cotangents, checked and converted to what they belong to."""
    if len(given) != len(like):
        raise ValueError(f"{what}: {len(given)} arrays given for {len(like)}")
    found = []
    for t, value in zip(given, like, strict=True):
        if np.shape(bare(t)) != value.shape:
            raise ValueError(f"{what} of shape {np.shape(bare(t))} for an array of shape {value.shape}")
        if np.iscomplexobj(bare(t)) and not np.iscomplexobj(value):
            raise TypeError(f"{what} of complex numbers for an array of dtype {value.dtype}; take its .real")
        found.append(t if isinstance(t, Tensor) else _array(t, what, value.dtype))
    return found
