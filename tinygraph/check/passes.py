"""A forward and a backward pass as two functions of the parameters: arguments are found by their names."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

Function = Callable[..., Any]
_UPSTREAM = re.compile(r"d([A-Z_]|out|[a-z]?\d*$)|delta|grad|upstream")  # dA, dZ, dout, da, dz2, delta


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
        wrt: Sequence[str] | None,
        seed: int,
    ) -> None:
        self._forward, self._backward, self._cost, self._given, self._seed = forward, backward, cost, given, seed
        self.notes: list[str] = []
        self._leaves = _leaves(given)
        self.layer = cost is None and backward is not None and np.size(self._output(given)[0]) != 1
        returned = self._returned(given)
        if isinstance(returned, Mapping):
            self._order = None
            self.wanted = self._matched(returned, wrt)
        else:
            self._order = list(wrt) if wrt is not None else self._asked()
            count = len(returned) if isinstance(returned, list | tuple) else 1
            if count != len(self._order):
                wanted = ", ".join(self._order)
                raise ValueError(f"backward returns {count} arrays for {wanted}; name them with wrt=(...)")
            self.wanted = {name: self._leaf(name) for name in self._order}

    def value(self, wanted: Mapping[str, Any]) -> Any:
        """The cost; of one layer the output, contracted with the cotangent."""
        given = _replaced(self._given, wanted)
        return self._cost_of(self._output(given)[0], given)

    def gradient(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """What backward returns, by the names of the arrays."""
        returned = self._returned(_replaced(self._given, wanted))
        if self._order is None:
            return {name: returned[_key(name, returned)] for name in self.wanted}
        listed = returned if isinstance(returned, list | tuple) else [returned]
        return dict(zip(self._order, listed, strict=True))

    def _output(self, given: Mapping[str, Any]) -> tuple[Any, Any]:
        """What forward returns, as output and cache."""
        out = _called(self._forward, given, {})
        if self._backward is None:
            parts = out if isinstance(out, tuple) else (out,)
            grads = [p for p in parts if isinstance(p, Mapping)]
            numbers = [p for p in parts if not isinstance(p, Mapping) and np.size(p) == 1]
            if len(grads) != 1 or not numbers:
                raise ValueError("without a backward, forward must return a dict of gradients and a cost")
            return numbers[0], grads[0]
        if isinstance(out, tuple) and len(out) == 2:
            return out
        return (out[0], out[1:]) if isinstance(out, tuple) else (out, None)

    def _cost_of(self, output: Any, given: Mapping[str, Any]) -> Any:
        if self._cost is not None:
            free = [name for name in _required(self._cost) if name not in given]
            return _called(self._cost, given, dict.fromkeys(free[:1], output))
        if np.size(output) == 1:
            return output
        return float(np.sum(self._cotangent(output) * np.asarray(output)))

    def _cotangent(self, output: Any) -> Any:
        rng = np.random.default_rng(self._seed)
        return rng.choice([-1.0, 1.0], np.shape(output)) * rng.uniform(0.5, 1.5, np.shape(output))

    def _returned(self, given: Mapping[str, Any]) -> Any:
        """What backward makes of forward's output."""
        output, cache = self._output(given)
        if self._backward is None:
            return cache
        extra: dict[str, Any] = {}
        unknown = [name for name in _required(self._backward) if name not in given]
        for name in unknown:
            if name.lower().startswith(("cache", "memory")):
                extra[name] = cache
            elif _UPSTREAM.match(name):
                extra[name] = self._seeded(output)
        rest = [name for name in unknown if name not in extra]
        extra.update(dict.fromkeys(rest[:1], output))
        return _called(self._backward, given, extra)

    def _seeded(self, output: Any) -> Any:
        if self._cost is not None:
            raise TypeError("backward asks for the gradient of its output, so it is one layer: leave cost out")
        return self._cotangent(output) if np.size(output) != 1 else np.ones(np.shape(output))

    def _asked(self) -> list[str]:
        """The real arrays and numbers among forward's own parameters, in its order; dicts by their entries."""
        wanted: list[str] = []
        for name in _parameters(self._forward):
            value = self._given.get(name)
            wanted += list(value) if isinstance(value, Mapping) else [name] if _is_real(value) else []
        return wanted

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
                raise ValueError(f"backward returns {holds}, but no d{name}")
        used = {_key(name, returned) for name in names}
        unused = [str(key) for key in returned if key not in used]
        if unused:
            self.notes.append(f"not checked, since no argument has the name: {', '.join(unused)}")
        return {name: self._leaf(name) for name in names}


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
