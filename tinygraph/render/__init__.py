"""Pictures of graphs: values flow left to right, derivatives right to left. Graphviz is loaded when one is drawn."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tinygraph.graph import Node
from tinygraph.render import text
from tinygraph.render.colour import palette, style
from tinygraph.render.content import gather
from tinygraph.render.dot import Writer
from tinygraph.render.finish import Said, polish
from tinygraph.tensor import Tensor

__all__ = ["Picture", "render"]

SUFFIXES = (".svg", ".dot", ".gv")


@dataclass(frozen=True)
class Picture:
    """A drawn graph: `dot` is its source for Graphviz, `svg` the picture, drawn when it is first asked for.

    A notebook shows it by itself. `svg` raises `tinygraph.render.layout.LayoutError` where there is nothing to draw
    with.

    Example:
        >>> import tinygraph as tg
        >>> x = tg.Tensor(3.0, name="x")
        >>> picture = render(x * x)
        >>> "dx = 6" in picture.dot and "dx = 6" in picture.svg
        True
    """

    dot: str
    theme: str = field(default="auto", repr=False)
    backend: str | None = field(default=None, repr=False)
    said: Mapping[str, Said] = field(default_factory=dict, repr=False)

    @cached_property
    def svg(self) -> str:
        from tinygraph.render.layout import svg

        return polish(svg(self.dot, backend=self.backend), self.said, palette(self.theme), style(self.theme))

    def _repr_svg_(self) -> str:
        return self.svg


def render(
    x: Tensor | Sequence[Tensor],
    path: str | os.PathLike[str] | None = None,
    *,
    names: Mapping[str, Any] | None = None,
    title: str | None = None,
    theme: str = "auto",
    backend: str | None = None,
    max_nodes: int = 400,
    mark: Mapping[Tensor, str] | None = None,
) -> Picture:
    r"""Draw the graph behind a Tensor: names, values and, if it is one number, its derivative by every value in red.

    Numbers have four digits; of an array its shape and dtype are shown, and the length of its gradient. Blue is what
    is learned, grey what is given, yellow what comes out. No `.grad` is changed. Red numbers at the arrows are the
    parts that several uses of a value add to its derivative.

    Args:
        x: a Tensor, or several, which are drawn without derivatives, but with the gradients that `backward` has left.
        path: a file to write: .svg, or .dot and .gv for the source alone. None only returns the picture.
        names: names for Tensors and arrays, as `names=locals()`; the first name counts, those with _ in front do not.
            Others have their own `.name`.
        title: a line above the picture.
        theme: "light", "dark", or "auto", which follows the reader's screen.
        backend: one of `tinygraph.render.layout.available()`, else the first that is there.
        max_nodes: how many nodes a picture may have.
        mark: Tensors to be framed in red, and what is said in red in each.

    Raises:
        ValueError: a suffix, theme or backend that does not exist, or too large a graph.
        TypeError: x is no Tensor.
        RuntimeError: backward has released the graph.
        OSError: the file cannot be written; nothing is half written.
        LayoutError: nothing to draw with is installed; the source is then written beside, as .dot.

    Example:
        >>> import tinygraph as tg
        >>> a, b, c = tg.Tensor(5.0), tg.Tensor(3.0), tg.Tensor(2.0)
        >>> u = b * c
        >>> v = a + u
        >>> J = 3 * v
        >>> r"u = b × c\n= 6\ndJ/du = 3" in render(J, names=dict(a=a, b=b, c=c, u=u, v=v, J=J)).dot
        True
    """
    roots = _roots(x)
    colours = palette(theme)
    if path is not None and Path(path).suffix.lower() not in SUFFIXES:
        raise ValueError(
            f"{os.fspath(path)!r} ends in none of {', '.join(SUFFIXES)}, which a picture can be written as"
        )
    marks = {t._node: text.plain(words) for t, words in (mark or {}).items()}
    writer = Writer(gather(roots, _named(names or {}), max_nodes), colours, title, marks)
    picture = Picture(writer.write(), theme, backend, writer.said)
    if path is not None:
        _save(picture, Path(path))
    return picture


def _roots(x: Any) -> list[Node]:
    several = list(x) if isinstance(x, list | tuple) else [x]
    for t in several:
        if not isinstance(t, Tensor):
            raise TypeError(f"render draws Tensors, not a {type(t).__name__}")
    if not several:
        raise TypeError("render: no Tensor to draw")
    return list(dict.fromkeys(t._node for t in several))


def _named(names: Mapping[str, Any]) -> dict[Any, str]:
    """What is named, by node, by tag, which a parameter keeps when its array is replaced, and by identity of arrays."""
    found: dict[Any, str] = {}
    for name, value in names.items():
        if name.startswith("_"):
            continue
        if isinstance(value, Tensor):
            found.setdefault(value._node, name)
            if value._node.tag is not None:
                found.setdefault(value._node.tag, name)
        elif isinstance(value, np.ndarray):
            found.setdefault(id(value), name)
    return found


def _save(picture: Picture, path: Path) -> None:
    from tinygraph.render.layout import LayoutError

    if path.suffix.lower() != ".svg":
        _write(picture.dot, path)
        return
    try:
        drawn = picture.svg
    except LayoutError as error:
        beside = path.with_suffix(".dot")
        _write(picture.dot, beside)
        raise LayoutError(f"{error}; the DOT source is in {beside}") from None
    _write(drawn, path)


def _write(content: str, path: Path) -> None:
    """Write a whole file or none, by way of a file beside it."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("x", encoding="utf-8", newline="\n") as file:
            file.write(content)
        beside.replace(path)
    except OSError as error:
        reason = f"there is no folder {path.parent}" if not path.parent.is_dir() else error.strerror or str(error)
        raise type(error)(f"cannot write {path}: {reason}") from None
    finally:
        with suppress(OSError):
            beside.unlink()


class _CallablePackage(ModuleType):
    """Lets `tinygraph.render(J)` draw, and be loaded only when it is called."""

    def __call__(self, *args: Any, **kwargs: Any) -> Picture:
        return render(*args, **kwargs)


sys.modules[__name__].__class__ = _CallablePackage
