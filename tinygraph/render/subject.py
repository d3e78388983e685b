"""What is drawn: a Tensor, several, or a function of example inputs. The one place that tells them apart."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from inspect import signature
from types import CodeType, FrameType
from typing import Any

import numpy as np

from tinygraph.graph import Node
from tinygraph.mode import recording
from tinygraph.op import bare
from tinygraph.program.compiled import Compiled
from tinygraph.render.names import plain
from tinygraph.tensor import Tensor
from tinygraph.tree import flatten


@dataclass(frozen=True)
class Subject:
    """The nodes of the results, names by node, tag and id of a bare array, and the leaves that are data.

    `inputs` are the leaves that a network is run on: all arguments of a module, the bare arrays among a function's.
    """

    roots: list[Node]
    names: Mapping[Any, str]
    given: frozenset[Node] = field(default_factory=frozenset)
    inputs: frozenset[Node] = field(default_factory=frozenset)
    title: str | None = None


def subject(x: Any, inputs: Any = (), names: Any = None) -> Subject:
    """Make of what the caller wants drawn the nodes and the names to draw.

    A function, or what was compiled of one, is called on its inputs: `inputs` is a sequence of its arguments, or a
    mapping of their names to them. Numbers and arrays become Tensors with the names of the parameters; a Tensor that
    requires no gradient is data. What the function calls its results while it runs is what they are called in the
    picture.

    Raises:
        TypeError: x is neither; a function without inputs, or one that returns no Tensor; names that are no mapping.
    """
    if isinstance(x, Compiled):
        x = x.f  # what was compiled, by the names that it has there
    if names is not None and not isinstance(names, Mapping):
        kind = type(names).__name__
        raise TypeError(f"render: names= maps names to Tensors, as names=locals() does, and is a {kind}")
    if isinstance(x, Tensor) or not callable(x):
        if len(inputs):
            raise TypeError(f"render: inputs= are the arguments of a function, and x is a {type(x).__name__}")
        return Subject(_roots(x), named(names or {}))
    return _called(x, inputs, names or {})


def _roots(x: Any) -> list[Node]:
    several = flatten(x)[0] if isinstance(x, list | tuple | dict) else [x]
    for t in several:
        if not isinstance(t, Tensor):
            hint = ", which records nothing: make a Tensor of it" if isinstance(t, np.ndarray | float | int) else ""
            raise TypeError(f"render draws Tensors and functions, not a {type(t).__name__}{hint}")
    if not several:
        raise TypeError("render: no Tensor to draw")
    return list(dict.fromkeys(t._node for t in several))


def named(names: Mapping[str, Any]) -> dict[Any, str]:
    """What is named, by node, by tag, which a parameter keeps when its array is replaced, and by identity of arrays.

    The first name counts; those with _ in front do not. Of a list or a dict, its items are named: W[1], and W where
    it is params["W"], but first.W where it is params["first"]["W"].
    """
    found: dict[Any, str] = {}
    for name, value in _items(names.items()):
        if isinstance(value, Tensor):
            found.setdefault(value._node, name)
            if value._node.tag is not None:
                found.setdefault(value._node.tag, name)
        elif isinstance(value, np.ndarray):
            found.setdefault(id(value), name)
    return found


def _items(items: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Names and values, those in lists and dicts last, so that a name of its own comes first."""
    shown = [(name, value) for name, value in items if not name.startswith("_")]
    yield from ((name, value) for name, value in shown if not isinstance(value, dict | list | tuple))
    stack: list[tuple[str, Any, str]] = [
        (name, value, "") for name, value in reversed(shown) if isinstance(value, dict | list | tuple)
    ]
    seen: set[int] = set()
    while stack:
        name, value, prefix = stack.pop()
        if isinstance(value, Tensor | np.ndarray):
            yield name, value
        elif id(value) not in seen:
            seen.add(id(value))
            pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
            for key, inner in reversed(pairs):
                if isinstance(inner, dict | list | tuple | Tensor | np.ndarray):
                    called = f"{prefix}{key}" if isinstance(key, str) else f"{name}[{key}]"
                    stack.append((called, inner, f"{called}."))


def _called(f: Callable[..., Any], inputs: Any, names: Mapping[str, Any]) -> Subject:
    if isinstance(inputs, Tensor | np.ndarray | float | int):
        raise TypeError("render: inputs= is a sequence of arguments; of a single one, write inputs=(x,)")
    arguments = _bound(f, inputs)
    given: set[Node] = set()
    made = {name: _input(value, given) for name, value in arguments.items()}
    positional = list(made.values()) if not isinstance(inputs, Mapping) else []
    with recording(), _locals(f) as inside:
        result = f(*positional) if positional else f(**made)
    leaves = [t for t in flatten(result)[0] if isinstance(t, Tensor)]
    if not leaves:
        raise TypeError(f"render: {_name(f) or 'the function'} returned no Tensor, but a {type(result).__name__}")
    learned = dict(f.named_parameters()) if hasattr(f, "named_parameters") else {}
    known = named({**names, **made, **inside, **learned})
    for t in leaves[:1]:
        nameless = t._node not in known and t.name is None and t._node.op is not None
        if nameless and not learned and len(leaves) == 1 and _name(f):
            known[t._node] = _name(f)
    outer = made.values() if learned else [t for name, t in made.items() if not isinstance(arguments[name], Tensor)]
    fed = frozenset(t._node for t in outer if isinstance(t, Tensor))
    return Subject(list(dict.fromkeys(t._node for t in leaves)), known, frozenset(given), fed, _name(f) or None)


def _name(f: Callable[..., Any]) -> str:
    name = plain(getattr(f, "__name__", type(f).__name__))
    return name if re.fullmatch(r"\w+", name) and name not in ("_", "forward") else ""


def _bound(f: Callable[..., Any], inputs: Any) -> dict[str, Any]:
    """The arguments by the names of the function's parameters."""
    if isinstance(inputs, Mapping):
        return dict(inputs)
    try:
        bound = signature(getattr(f, "forward", f)).bind(*inputs)
    except ValueError:
        return {f"x{i + 1}": value for i, value in enumerate(inputs)}
    except TypeError as error:
        raise TypeError(f"render: inputs= do not fit {_name(f) or 'the function'}: {error}") from None
    found: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        several = isinstance(value, tuple) and _is_variadic(f, name)
        found.update({f"{name}[{i}]": v for i, v in enumerate(value)} if several else {name: value})
    return found


def _is_variadic(f: Callable[..., Any], name: str) -> bool:
    return signature(getattr(f, "forward", f)).parameters[name].kind.name == "VAR_POSITIONAL"


def _input(value: Any, given: set[Node]) -> Any:
    """An argument as a Tensor, or as it is where it is no array with a derivative; data is recorded too, and noted."""
    leaves, rebuild = flatten(value)
    made = []
    for x in leaves:
        number = type(x) is float or type(x) is complex
        kind = getattr(getattr(x, "dtype", None), "kind", "")
        if number or (kind in ("f", "c") and isinstance(x, np.ndarray | np.generic | Tensor)):
            t = Tensor(bare(x), name=x.name if isinstance(x, Tensor) else None)
            if isinstance(x, Tensor) and not x.requires_grad:
                given.add(t._node)
            made.append(t)
        else:
            made.append(x)
    return rebuild(made)


@contextmanager
def _locals(f: Callable[..., Any]) -> Iterator[dict[str, Any]]:
    """What a Python function calls its values when it returns; empty where it cannot be watched."""
    code: CodeType | None = getattr(getattr(f, "__wrapped__", f), "__code__", None)
    found: dict[str, Any] = {}
    before = sys.getprofile()

    def watch(frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is code:
            found.update(frame.f_locals)

    if code is None or before is not None:
        yield found
        return
    sys.setprofile(watch)
    try:
        yield found
    finally:
        sys.setprofile(before)


__all__: Sequence[str] = ["Subject", "named", "subject"]
