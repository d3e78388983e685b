"""A forward and a backward pass as two functions of the parameters: arguments are found by their names."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

Function = Callable[..., Any]
_UPSTREAM = re.compile(r"d([A-Z_]|out|[a-z]{0,2}(\d*$|_))|delta|grad|upstream")  # dA, dZ, dout, da, dz2, da_next


class Passes:
    """`value` and `gradient` as functions of {name: array} for the arrays by which backward gives a gradient.

    Args:
        forward, backward, cost, given, wrt: as in `compare_backprop`.
        seed: of the random cotangent of one layer's output.
    """

    def __init__(
        self,
        forward: Function,
        backward: Function | None,
        cost: Function | None,
        given: Mapping[str, Any],
        wrt: str | Sequence[str] | None,
        seed: int,
    ) -> None:
        self._forward, self._backward, self._cost, self._given, self._seed = forward, backward, cost, given, seed
        for f in filter(None, (forward, backward, cost)):
            if not callable(f):
                raise TypeError(f"{type(f).__name__} is no function; of a layer give layer.forward and layer.backward")
        self.notes: list[str] = []
        self._leaves = _leaves(given)
        self._unknown = [name for name in _required(backward) if name not in given] if backward else []
        self._upstream = [name for name in self._unknown if _UPSTREAM.match(name)]
        self.layer = (
            cost is None
            and backward is not None
            and (len(self._upstream) > 1 or np.size(self._outputs(given)[0][0]) != 1)
        )
        returned = self._returned(given)
        wrt = (wrt,) if isinstance(wrt, str) else wrt
        if isinstance(returned, Mapping):
            self._order = None
            self.wanted = self._matched(returned, wrt)
        else:
            count = len(returned) if isinstance(returned, list | tuple) else 1
            self._order = list(wrt) if wrt is not None else self._asked(count)
            if count != len(self._order):
                wanted = ", ".join(self._order)
                raise ValueError(f"backward returns {count} arrays for {wanted}; name them with wrt=(...)")
            self.wanted = {name: self._leaf(name) for name in self._order}

    def value(self, wanted: Mapping[str, Any]) -> Any:
        """The cost; of one layer the outputs, contracted with their cotangents."""
        given = _replaced(self._given, wanted)
        outputs = self._outputs(given)[0]
        if self._cost is not None:
            free = [name for name in _required(self._cost) if name not in given]
            return _called(self._cost, given, dict.fromkeys(free[:1], outputs[0]))
        if not self.layer:
            return outputs[0]
        return float(sum(np.sum(c * np.asarray(y)) for c, y in zip(self._cotangents(outputs), outputs, strict=False)))

    def gradient(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """What backward returns, by the names of the arrays."""
        returned = self._returned(_replaced(self._given, wanted))
        if self._order is None:
            return {name: returned[_key(name, returned)] for name in self.wanted}
        listed = returned if isinstance(returned, list | tuple) else [returned]
        return dict(zip(self._order, listed, strict=True))

    def _outputs(self, given: Mapping[str, Any]) -> tuple[list[Any], Any]:
        """What forward returns: its outputs and the cache, or the cost and its gradients."""
        out = _called(self._forward, given, {})
        parts = out if isinstance(out, tuple) else (out,)
        if self._backward is None:
            return _cost_and_gradients(parts)
        if len(parts) > 2 and isinstance(parts[-1], Mapping | list | tuple):
            return list(parts[:-1]), parts[-1]
        return [parts[0]], parts[1] if len(parts) == 2 else parts[1:] or None

    def _cotangents(self, outputs: Sequence[Any]) -> list[Any]:
        """Random and uneven, one for each output whose gradient backward asks for; 1 for a number alone."""
        count = max(1, len(self._upstream))
        if count > len(outputs):
            asked, have = ", ".join(self._upstream), len(outputs)
            raise TypeError(f"backward asks for {asked}, gradients of {count} outputs, where forward returns {have}")
        if not self.layer:
            return [np.ones(np.shape(outputs[0]))]
        made = []
        for i, y in enumerate(outputs[:count]):
            rng = np.random.default_rng(self._seed + i)
            made.append(rng.choice([-1.0, 1.0], np.shape(y)) * rng.uniform(0.5, 1.5, np.shape(y)))
        return made

    def _returned(self, given: Mapping[str, Any]) -> Any:
        """What backward makes of forward's outputs."""
        outputs, cache = self._outputs(given)
        if self._backward is None:
            return cache
        if self._upstream and self._cost is not None:
            raise TypeError("backward asks for the gradient of its output, so it is one layer: leave cost out")
        extra: dict[str, Any] = dict(zip(self._upstream, self._cotangents(outputs), strict=False))
        extra |= {name: cache for name in self._unknown if name.lower().startswith(("cache", "memory"))}
        rest = [name for name in self._unknown if name not in extra]
        extra.update(dict.fromkeys(rest[:1], outputs[0]))
        returned = _called(self._backward, given, extra)
        if returned is None:
            raise TypeError("backward returned None; is its `return` missing?")
        return returned

    def _asked(self, count: int) -> list[str]:
        """The real arrays and numbers among forward's own parameters, in its order; dicts by their entries.

        If there are as many arrays as gradients, numbers are none of them: a stride, a rate.
        """
        own = {name: self._given[name] for name in _parameters(self._forward) if name in self._given}
        real = _leaves(own)
        arrays = [name for name, value in real.items() if np.ndim(value)]
        return arrays if len(arrays) == count else list(real)

    def _leaf(self, name: str) -> Any:
        if name not in self._leaves:
            raise ValueError(f"there is no argument {name}; given are {', '.join(self._leaves)}")
        return self._leaves[name]

    def _matched(self, returned: Mapping[str, Any], wrt: Sequence[str] | None) -> dict[str, Any]:
        """The arrays by which a dict holds a gradient."""
        names = list(wrt) if wrt is not None else [n for n in self._leaves if _key(n, returned) is not None]
        holds = ", ".join(map(str, returned))
        if not names:
            raise ValueError(f"backward returns {holds}; none of it is the gradient of {', '.join(self._leaves)}")
        for group in self._given.values():
            if isinstance(group, Mapping) and wrt is None and any(name in group for name in names):
                names += [name for name in group if name not in names and _is_real(group[name])]
        for name in names:
            if _key(name, returned) is None:
                raise ValueError(f"backward returns {holds}, but no d{name}; wrt=(...) names what to check")
        used = {_key(name, returned) for name in names}
        unused = [str(key) for key in returned if key not in used]
        if unused:
            self.notes.append(f"not checked, since no argument has the name: {', '.join(unused)}")
        return {name: self._leaf(name) for name in names}


def _cost_and_gradients(parts: Sequence[Any]) -> tuple[list[Any], Any]:
    """What a function returns that does both passes: a dict and a number, or a number and arrays."""
    grads = [p for p in parts if isinstance(p, Mapping)]
    numbers = [p for p in parts if not isinstance(p, Mapping) and np.size(p) == 1]
    if len(grads) == 1 and numbers:
        return numbers[:1], grads[0]
    if not grads and len(parts) > 1 and np.size(parts[0]) == 1:
        rest = parts[1:]
        return list(parts[:1]), rest[0] if len(rest) == 1 and isinstance(rest[0], list | tuple) else rest
    raise ValueError("without a backward, forward must return a dict of gradients and a cost, or the cost and arrays")


def _is_real(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number or np.asarray(value).dtype.kind == "f"


def _leaves(given: Mapping[str, Any]) -> dict[str, Any]:
    """The real arrays by name: arguments, and entries of arguments that are dicts."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        entries: Iterable[tuple[str, Any]] = value.items() if isinstance(value, Mapping) else [(name, value)]
        found.update({str(key): entry for key, entry in entries if _is_real(entry)})
    return found


def _replaced(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with new arrays in the places of old ones."""
    return {
        name: {key: wanted.get(key, old) for key, old in value.items()}
        if isinstance(value, Mapping)
        else wanted.get(name, value)
        for name, value in given.items()
    }


def _key(name: str, returned: Mapping[str, Any]) -> str | None:
    return next((key for key in (f"d{name}", f"grad_{name}", name) if key in returned), None)


def _parameters(f: Function) -> list[str]:
    """The names of a function's parameters."""
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in inspect.signature(f).parameters.values() if p.kind not in kinds]


def _required(f: Function) -> list[str]:
    """The names of the parameters that have no default."""
    parameters = inspect.signature(f).parameters
    return [name for name in _parameters(f) if parameters[name].default is inspect.Parameter.empty]


def _called(f: Function, given: Mapping[str, Any], extra: Mapping[str, Any]) -> Any:
    """f with what it asks for."""
    arguments = []
    for p in inspect.signature(f).parameters.values():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            continue
        if p.name in given or p.name in extra:
            arguments.append((p, given[p.name] if p.name in given else extra[p.name]))
        elif p.default is p.empty:
            have = ", ".join([*given, *extra]) or "nothing"
            raise TypeError(f"{getattr(f, '__name__', 'a function')} asks for {p.name}; given are {have}")
    listed = [value for p, value in arguments if p.kind is p.POSITIONAL_ONLY]
    return f(*listed, **{p.name: value for p, value in arguments if p.kind is not p.POSITIONAL_ONLY})
