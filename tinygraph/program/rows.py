"""A function that is written row by row, as text, for things that are there."""

from __future__ import annotations

from functools import lru_cache
from types import CodeType
from typing import Any


class Rows:
    """The rows of a function, and by their names in it the things that they are about.

    Example:
        >>> rows, numbers = Rows(), [1.0, 2.0]
        >>> rows.append(f"x = {rows.keep(numbers)}[-1]")
        >>> rows.function("last(n)", "x * n")(10)
        20.0
    """

    def __init__(self, **space: Any) -> None:
        self.rows: list[str] = []
        self.space = space
        self._kept: dict[int, str] = {}

    def append(self, row: str) -> None:
        """The next row."""
        self.rows.append(row)

    def keep(self, x: Any) -> str:
        """The name of a thing."""
        if x is None or isinstance(x, bool):
            return repr(x)
        title = self._kept.setdefault(id(x), f"x{len(self._kept)}")
        self.space[title] = x
        return title

    def function(self, head: str, result: str) -> Any:
        """The function `head`, which gives the result after all rows."""
        text = "".join(f"    {row}\n" for row in [*self.rows, f"return {result}"])
        exec(_code(f"def {head}:\n{text}"), self.space)  # noqa: S102  made of our own phrases
        return self.space[head.partition("(")[0]]


@lru_cache(64)
def _code(text: str) -> CodeType:
    return compile(text, "<rows>", "exec")
