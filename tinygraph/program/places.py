"""Where a program finds what it reads afresh on each run, and where it leaves what it stores, as code can name it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tinygraph.graph import Tag

Keep = Callable[[Any], str]  # the name that a thing has in the code


class Entry(NamedTuple):
    """The value of a key in a dict: of an optimizer's state."""

    holder: dict[str, Any]
    key: str

    def code(self, keep: Keep) -> str:
        """`x0['m']`."""
        return f"{keep(self.holder)}[{self.key!r}]"


class Gradient(NamedTuple):
    """The gradient in a tag, or in the Tensor that is the i-th array of a call."""

    of: Tag | int

    def code(self, keep: Keep) -> str:
        """`x0.grad`."""
        return f"{f'a{self.of}._tag()' if isinstance(self.of, int) else keep(self.of)}.grad"


class Asked(NamedTuple):
    """What a function gives, or does."""

    function: Callable[[], Any]

    def code(self, keep: Keep) -> str:
        """`x0()`."""
        return f"{keep(self.function)}()"


Place = Entry | Gradient | Asked


class Store(NamedTuple):
    """What is done after each run: the variable of this name, or the value, goes to its place; or something is done."""

    place: Place
    name: str | None = None
    value: Any = None

    def code(self, keep: Keep, result: str) -> str:
        """`x0.grad = r[1]`."""
        if isinstance(self.place, Asked):
            return self.place.code(keep)
        return f"{self.place.code(keep)} = {keep(self.value) if self.name is None else result}"
