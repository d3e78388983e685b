"""What the calls of one function see, and whether it is what it was: asked on each call, and so written out as code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import is_
from typing import Any, NamedTuple

import numpy as np

from tinygraph.graph import Tag
from tinygraph.program import reach
from tinygraph.program.lookups import PLAIN, lookups
from tinygraph.program.reach import Looked, Walk
from tinygraph.program.rows import Rows
from tinygraph.program.user_code import of_library
from tinygraph.tensor import Tensor
from tinygraph.tree import branches_of

Fits = Callable[[Any, Any], tuple[Any, ...] | None]
WIDE = 16  # parts; more are compared in a loop
EQUAL = (int, str, bytes)  # of which two that are equal, and of one class, are the same


class View(NamedTuple):
    """What one call sees: the key of its signature, the arrays it is given, and what must stay alive for the key."""

    key: tuple[Any, ...]
    arrays: list[Any]
    given: list[Any]
    around: Around

    @property
    def held(self) -> list[Any]:
        return [*self.given, *self.around.held]


class Around:
    """What a function sees beside its arguments: a key, and `stands()`, whether it is still right."""

    __slots__ = ("_hash", "arrays", "held", "key", "stands")

    def __init__(self, f: Callable[..., Any]) -> None:
        walk = Walk()
        walk.surroundings(f)
        self.key, self.held = tuple(walk.key), walk.held
        self.arrays = frozenset(id(x) for x in walk.held if type(x) is Tensor or isinstance(x, np.ndarray))
        self.stands = standing(walk.looked)
        self._hash = hash(self.key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Around) and self.key == other.key


class Sight:
    """What calls of one function see."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f = f
        self._around: Around | None = None

    def view(self, args: Any, kwargs: dict[str, Any]) -> View:
        """What a call sees."""
        around = self._around
        if around is None or not around.stands():
            around = self._around = Around(self.f)
        walk = Walk(around.arrays)
        walk.argument(args)
        if kwargs:
            walk.argument(kwargs)
        return View((*walk.key, around), walk.arrays, walk.held, around)


def standing(looked: Iterable[Looked]) -> Callable[[], bool]:
    """The function that tells whether all that was looked at is as it was: the same objects, arrays of one layout.

    Its rows are like `if x0.__code__ is not x1 or x2.cell_contents is not x3: return False`.
    """
    rows = _Looks("False")
    for look in looked:
        rows.look(*look)
    return rows.function("stands()", "True")  # type: ignore[no-any-return]


def fitting(
    args: Any, kwargs: dict[str, Any], in_sight: frozenset[int], begun: Iterable[tuple[Tag | int, bool]]
) -> Fits | None:
    """The function that gives the arrays among arguments, if they are of the signature of `args` and `kwargs`.

    They may not be among those `in_sight`, and there have to be the gradients with which that has `begun`. None where
    an argument is of a kind that is rare.
    """
    rows = _Looks("None", in_sight)
    try:
        rows.argument(args, "args")
        rows.argument(kwargs, "kwargs") if kwargs else rows.refuse("kwargs")
        rows.apart()
    except NotImplementedError:
        return None
    for look in rows.walk.looked:
        rows.look(*look)
    for place, there in begun:
        tag = rows.keep(place) if isinstance(place, Tag) else f"{rows.arrays[place]}._tag()"
        rows.refuse(f"{tag}.grad is {'' if there else 'not '}None")
    return rows.function("fits(args, kwargs)", f"({''.join(f'{a}, ' for a in rows.arrays)})")  # type: ignore[no-any-return]


class _Looks:
    """Rows that refuse what is not as it was."""

    def __init__(self, refused: str, in_sight: frozenset[int] = frozenset()) -> None:
        self.rows = Rows(is_=is_)
        self.keep = self.rows.keep
        self.refused = refused
        self.arrays: list[str] = []  # the variables that hold the arrays among arguments
        self.given: list[Any] = []
        self.walk = Walk(in_sight)  # of what is among arguments beside arrays and numbers

    def append(self, row: str) -> None:
        self.rows.append(f"    {row}")

    def refuse(self, condition: str) -> None:
        self.append(f"if {condition}: return {self.refused}")

    def function(self, head: str, result: str) -> Any:
        self.rows.rows.insert(0, "try:")
        self.append(f"return {result}")
        self.rows.append("except Exception: pass")  # of another length, without an attribute, not bound
        return self.rows.function(head, self.refused)

    # --- surroundings

    def look(self, parts_of: Any, x: Any, parts: Sequence[Any]) -> None:
        here = self.keep(x)
        if parts_of is reach.layout:
            self.refuse(f"({here}.shape, {here}.dtype, {here}.strides) != {self.keep(parts)}")
        elif parts_of is reach.node:
            tag = parts[0].tag
            named = f" or {self.keep(tag)}.name is not {self.keep(parts[1])}" if tag is not None else ""
            self.refuse(f"{here}._node is not {self.keep(parts[0])}{named}")
        elif parts_of is tuple:
            self.same(here, parts)
        elif parts_of is reach.entries:
            self.entries(here, parts)
        elif parts_of is reach.told_parts:
            self.same(f"{here}.seen_by_program()", parts)
        elif parts_of is reach.object_parts and hasattr(x, "__dict__") and not reach.slots(type(x)):  # type: ignore[arg-type]
            if reach.own_classes(type(x)):  # type: ignore[arg-type]
                self.refuse(f"type({here}) is not {self.keep(parts[0])}")
                parts = parts[1:]
            self.entries(f"{here}.__dict__", parts)
        elif parts_of is reach.function_parts:
            self.of_function(x, here, parts)
        else:
            self.same(f"{self.keep(parts_of)}({here})", parts)

    def same(self, iterable: str, parts: Sequence[Any]) -> None:
        """It has to give these very parts."""
        if len(parts) > WIDE:
            self.append(f"q = [*{iterable}]")
            self.refuse(f"len(q) != {len(parts)} or not all(map(is_, q, {self.keep(parts)}))")
            return
        if not parts:
            self.refuse(iterable)
            return
        self.append(f"[{', '.join(f'q{i}' for i in range(len(parts)))}] = {iterable}")
        self.refuse(" or ".join(f"q{i} is not {self.keep(part)}" for i, part in enumerate(parts)))

    def entries(self, here: str, parts: Sequence[Any]) -> None:
        """A dict has to have these keys and values, in this order."""
        keys, values = parts[: len(parts) // 2], parts[len(parts) // 2 :]
        if not all(type(key) is str for key in keys):
            self.same(here, keys)
        elif keys:
            self.refuse(f"[*{here}] != {self.keep([*keys])}")
        self.same(f"{here}.values()", values)

    def of_function(self, f: Any, here: str, parts: Sequence[Any]) -> None:
        looks = [f"{self.keep(cell)}.cell_contents" for cell in f.__closure__ or ()]
        looks += [f"{self.keep(space)}" + (f"[{n!r}]" if n in space else f".get({n!r})") for space, n in lookups(f)]
        if not of_library(f.__code__.co_filename):
            first = 3 + 2 * len(f.__dict__)
            self.entries(f"{here}.__dict__", parts[3:first])
            looks = [f"{here}.__code__", f"{here}.__defaults__", f"{here}.__kwdefaults__", *looks]
            parts = [*parts[:3], *parts[first:]]
        self.refuse(" or ".join(f"{look} is not {self.keep(part)}" for look, part in zip(looks, parts, strict=True)))

    # --- arguments

    def argument(self, x: Any, here: str) -> None:
        """What the variable `here` holds has to be of the kind of x, and a number equal to it."""
        kind = type(x)
        if reach.is_given(x) and id(x) not in self.walk.in_sight:
            self.array(x, here)
        elif kind is dict or kind is list or kind is tuple or (isinstance(x, tuple) and hasattr(x, "_fields")):
            self.branches(x, here)
        elif x is None or x is ... or kind is bool:
            self.refuse(f"{here} is not {x!r}")
        elif kind in EQUAL:
            self.refuse(f"type({here}) is not {kind.__name__} or {here} != {self.keep(x)}")
        elif kind is float or kind is complex:
            self.refuse(f"type({here}) is not {kind.__name__} or repr({here}) != {repr(x)!r}")
        elif isinstance(x, (*PLAIN, np.ndarray)) or branches_of(x) is not None:
            raise NotImplementedError
        else:
            self.refuse(f"{here} is not {self.keep(x)}")
            self.walk.surroundings(x)

    def array(self, x: Any, here: str) -> None:
        self.arrays.append(here)
        self.given.append(x)
        data, unlike = here, f"type({here}) is not {self.keep(type(x))}"
        if type(x) is Tensor:
            self.refuse(f"{unlike} or {here}._node.requires_grad is not {x.requires_grad}")
            self.append(f"data = {here}._data")
            x, data, unlike = x._data, "data", ""
        alike = {"shape": repr(x.shape), "strides": repr(x.strides)}
        conditions = [unlike] if unlike else []
        conditions += [f"{data}.{name} != {value}" for name, value in alike.items()]
        self.refuse(" or ".join([*conditions, f"{data}.dtype is not {self.keep(x.dtype)}"]))

    def branches(self, x: Any, here: str) -> None:
        if here not in ("args", "kwargs"):
            self.refuse(f"type({here}) is not {self.keep(type(x))}")
        if type(x) is dict:
            if not all(type(key) is str for key in x):
                raise NotImplementedError
            self.refuse(f"[*{here}] != {self.keep([*x])}")
        parts = list(x.values() if type(x) is dict else x)
        names = [f"{here}_{i}" for i in range(len(parts))]
        self.append(f"[{', '.join(names)}] = {here}{'.values()' if type(x) is dict else ''}")
        for part, name in zip(parts, names, strict=True):
            self.argument(part, name)

    def apart(self) -> None:
        """Which arrays are one and the same counts."""
        first: dict[int, str] = {}
        for x, here in zip(self.given, self.arrays, strict=True):
            if first.setdefault(id(x), here) != here:
                self.refuse(f"{here} is not {first[id(x)]}")
        if len(first) > 1:
            self.refuse(f"len({{{', '.join(f'id({here})' for here in first.values())}}}) != {len(first)}")
        reached = self.walk.in_sight.union(id(x) for x in self.walk.held if reach.is_given(x))
        if reached & first.keys():
            raise NotImplementedError
        if reached:
            self.refuse(f"not {self.keep(reached)}.isdisjoint([{', '.join(f'id({here})' for here in self.arrays)}])")
