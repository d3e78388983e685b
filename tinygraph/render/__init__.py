"""Pictures of graphs: the values of a small one with its derivatives, the layers of a network folded.

Graphviz is loaded when one is drawn.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from tinygraph.render import boxes, export, schema
from tinygraph.render import names as names_of
from tinygraph.render.colour import palette
from tinygraph.render.content import gather
from tinygraph.render.picture import Picture
from tinygraph.render.subject import subject
from tinygraph.tensor import Tensor

__all__ = ["Picture", "render"]


def render(
    x: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    inputs: Sequence[Any] | Mapping[str, Any] = (),
    names: Mapping[str, Any] | None = None,
    title: str | None = None,
    view: str = "auto",
    fold: bool | None = None,
    theme: str = "auto",
    backend: str | None = None,
    max_nodes: int = 400,
    mark: Mapping[Tensor, str] | None = None,
) -> Picture:
    r"""Draw the graph behind a Tensor: names, values and, if it is one number, its derivative by every value in red.

    Numbers have four digits; of an array up to 3 by 4 they are shown, of a larger one its shape and dtype, its
    smallest, mean and largest number, and the length of its gradient. Blue is what is learned, grey what is given,
    yellow what comes out. No `.grad` is changed. Resting on a red arrow, the pointer reads the chain rule along it.

    Args:
        x: a Tensor; several, which are drawn without derivatives, but with the gradients that `backward` has left; or
            a function, which is called on `inputs`.
        path: a file to write: .svg, .png, .pdf, .html, .json, or .dot and .gv for the source alone.
        inputs: the arguments of a function, in order or by name; numbers and arrays become Tensors.
        names: names for Tensors and arrays, as `names=locals()`; the first name counts, those with _ in front do not.
            Others have their own `.name`. W[1] and W1 are shown with a raised [1], alpha as α.
        title: a line above the picture.
        view: "course" has values above the arrows and derivatives below them, as in the course's lecture; "boxes" has
            both in the boxes, where arrays find room; "auto" is the course's where there are numbers alone.
        fold: whether an operation without a name stands in the formula of the one that uses it; None does so where
            there are named steps between inputs and result.
        theme: "light", "dark", or "auto", which follows the reader's screen.
        backend: one of `tinygraph.render.layout.available()`, else the first that is there.
        max_nodes: how many nodes a picture may have.
        mark: Tensors to be framed in red, and what is said in red in each.

    Raises:
        ValueError: an ending, view, theme or backend that does not exist, or too large a graph.
        TypeError: x is no Tensor and no function, or inputs that do not fit it.
        RuntimeError: backward has released the graph.
        OSError: the file cannot be written; nothing is half written.
        LayoutError: nothing to draw with is installed; the source is then written beside, as .dot.
        ModuleNotFoundError: what makes PNG and PDF is not installed; the message says what to install.

    Example:
        >>> def J(a, b, c):
        ...     u = b * c
        ...     v = a + u
        ...     return 3 * v
        >>> picture = render(J, inputs=(5.0, 3.0, 2.0))
        >>> "dJ/du = 3" in picture.dot and "dJ/dc = 9" in picture.dot
        True
    """
    palette(theme)
    if path is not None:
        export.check(path)
    found = subject(x, inputs, names)
    graph = gather(found.roots, found.names, max_nodes, fold=fold, given=found.given)
    marks = {t._node: names_of.plain(words) for t, words in (mark or {}).items()}
    picture = Picture(boxes.draw(graph, view, title, marks), schema.data(graph), theme, backend)
    if path is not None:
        picture.save(path)
    return picture


class _CallablePackage(ModuleType):
    """Lets `tinygraph.render(J)` draw, and be loaded only when it is called."""

    def __call__(self, *args: Any, **kwargs: Any) -> Picture | Network:
        return render(*args, **kwargs)


sys.modules[__name__].__class__ = _CallablePackage
