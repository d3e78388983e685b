"""Pictures of graphs: the values of a small one with its derivatives, the layers of a network, folded.

Graphviz is loaded when one is drawn.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from tinygraph.graph import Node
from tinygraph.program.compiled import Compiled
from tinygraph.render import boxes, export, schema
from tinygraph.render import names as names_of
from tinygraph.render.backward import both
from tinygraph.render.colour import palette
from tinygraph.render.content import gather, reached
from tinygraph.render.derivation import Derivation, derivation
from tinygraph.render.diff import compare
from tinygraph.render.network import Network
from tinygraph.render.picture import Picture
from tinygraph.render.subject import subject
from tinygraph.render.walk import Walk
from tinygraph.tensor import Tensor

__all__ = ["Derivation", "Network", "Picture", "derivation", "diff", "render"]


def render(
    x: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    inputs: Sequence[Any] | Mapping[str, Any] = (),
    names: Mapping[str, Any] | None = None,
    title: str | None = None,
    view: str = "auto",
    fold: bool | None = None,
    steps: bool = False,
    backward: bool = False,
    theme: str = "auto",
    backend: str | None = None,
    max_nodes: int = 400,
    mark: Mapping[Tensor, str] | None = None,
    depth: int | None = None,
    parameters: bool = True,
    profile: bool = False,
    heat: str | None = None,
    rankdir: str | None = None,
) -> Any:
    r"""Draw the graph behind a Tensor: names, values and, if it is one number, its derivative by every value in red.

    Numbers have four digits; of an array up to 3 by 4 they are shown, of a larger one its shape and dtype, its
    smallest, mean and largest number, and the length of its gradient. Blue is what is learned, grey what is given,
    yellow what comes out. No `.grad` is changed. Resting on a red arrow, the pointer reads the chain rule along it.

    What was recorded in scopes, as the layers of a module are, and what has too many nodes to show all values, is
    drawn as a network: layers as boxes, shapes at the arrows, repeated blocks as one with their number. What only
    arranges numbers, as a reshape, is in the box beside it, unless it has a name. In .html the layers fold and unfold.

    Args:
        x: a Tensor; several, which are drawn without derivatives, but with the gradients that `backward` has left; or
            a function, compiled or not, or module, which is called on `inputs`. A compiled function that has been
            called is drawn without them, as the program that was recorded last.
        path: a file to write: .svg, .png, .pdf, .html, .json, or .dot and .gv for the source alone.
        inputs: the arguments of a function, in order or by name; numbers and arrays become Tensors.
        names: names for Tensors and arrays, as `names=locals()`; the first name counts, those with _ in front do not.
            Others have their own `.name`. W[1] and W1 are shown with a raised [1], alpha as α.
        title: a line above the picture, of a network with its figures.
        view: "course" has values above the arrows and derivatives below them, as in the course's lecture, of arrays
            the shapes; "boxes" has both in the boxes, where arrays find room; "network" has layers; "program" the
            lines that `compile` made of a function; "auto" is the course's where there are numbers alone.
        fold: whether an operation without a name stands in the formula of the one that uses it; None does so where
            there are named steps between inputs and result.
        steps: whether .html, and a notebook, walk forward and then backward, a step at a time.
        backward: draw the reverse pass too, as the graph of operations that it is, in a group of its own.
        theme: "light", "dark", or "auto", which follows the reader's screen.
        backend: one of `tinygraph.render.layout.available()`, else the first that is there.
        max_nodes: how many nodes a picture of values may have.
        mark: Tensors to be framed in red, and what is said in red in each.
        depth: how many levels of a network are shown unfolded; None as many as are read at a glance.
        parameters: False leaves the parameters out of a network.
        profile: time each operation of a network, forward and backward, by running it again.
        heat: colour the boxes of a network by "parameters", "bytes", "flops", "forward" or "backward" (times),
            "gradient" (the length of the derivative by what comes out of a box) or "learning" (by its parameters).
        rankdir: "LR", values flow to the right, or "TB", down the page; None takes what keeps the text readable.

    Returns:
        A `Picture` or a `Network`: both have `svg`, `dot`, `html`, `text` and `save`, and notebooks show them.

    Raises:
        ValueError: an ending, view, theme, heat or backend that does not exist, options of which one is for values and
            the other for networks, steps in a file that is no page, or too large a graph for its values.
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

        >>> import numpy as np
        >>> from tinygraph import nn
        >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1))
        >>> print(render(model, inputs=(np.zeros((2, 4)),)).text)
        Sequential: 3 operations, 19 parameters, 74 FLOP
          Linear (0): 1 operation, 15 parameters, 54 FLOP
            linear: 2×3, 15 parameters
          ReLU (1): 1 operation, 6 FLOP
            relu: 2×3
          Linear (2): 1 operation, 4 parameters, 14 FLOP
            linear: 2×1, 4 parameters
    """
    palette(theme)
    if path is not None:
        export.check(path)
    if view == "program" or (view == "auto" and isinstance(x, Compiled) and x._is_recorded and not len(inputs)):
        return _program(x, path, inputs, title, theme, backend, max_nodes, rankdir)
    found = subject(x, inputs, names)
    layers = depth is not None or not parameters or profile or heat is not None
    of_values = (("steps", steps), ("backward", backward), ("mark", mark), ("rankdir", rankdir))
    values = [name for name, asked in of_values if asked]
    if values and (layers or view == "network"):
        raise ValueError(f"render: {values[0]}= is for a picture of values, and a network is asked for")
    if steps and path is not None and Path(path).suffix.lower() != ".html":
        raise ValueError(f"render: steps= are a page, which is written as .html, not {os.fspath(path)!r}")
    if view == "network" or (view == "auto" and not values and (layers or _is_network(found.roots, max_nodes))):
        network = Network(
            found.roots,
            found.names,
            found.given | found.inputs,
            title=title or found.title,
            theme=theme,
            backend=backend,
            depth=depth,
            parameters=parameters,
            profile=profile,
            heat=heat,
        )
        if path is not None:
            network.save(path)
        return network
    reverse: dict[Node, str] = {}
    if backward:
        graph, reverse = both(found, max_nodes, fold)
    else:
        graph = gather(found.roots, found.names, max_nodes, fold=fold, given=found.given)
    marks = {t._node: names_of.plain(words) for t, words in (mark or {}).items()}
    drawing = boxes.draw(graph, view, title, marks, reverse, rankdir)
    if not reverse and not graph.reads_well:
        spelt = gather(graph.roots, found.names, max_nodes, fold=fold, given=found.given, automatic=True)
        drawing = replace(drawing, text=Walk(spelt).outline())
    picture = Picture(drawing, schema.data(graph), theme, backend, steps)
    if path is not None:
        picture.save(path)
    return picture


def diff(
    a: Any,
    b: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    inputs: Sequence[Any] | Mapping[str, Any] = (),
    names: Mapping[str, Any] | None = None,
    title: str | None = None,
    theme: str = "auto",
    backend: str | None = None,
    max_nodes: int = 400,
    rankdir: str | None = None,
) -> Picture:
    """Draw two graphs in one: what b has more than a, what it lacks, and what is done otherwise.

    Structure is compared: operations with their params and constants, their order, shapes and names; values are not.
    Added is blue with a plus, removed orange with a minus, changed amber with what it was. Of a function and what
    `compile` made of it, the operations that it was recorded with are compared with those that are left.

    Args:
        a: what was before: a Tensor, several, or a function or module, which is called on `inputs`.
        b: what is now, likewise; or `compile(a)`.
        path: a file to write, as for `render`.
        inputs: the arguments of both functions.
        names: names for Tensors and arrays, as for `render`.
        title: a line above the picture, of a network with its figures.
        theme: "light", "dark", or "auto".
        backend: as for `render`.
        max_nodes: how many nodes each may have.
        rankdir: as for `render`.

    Raises:
        TypeError: as `render`.
        ValueError: as `render`.

    Example:
        >>> print(diff(lambda x: 3 * x, lambda x: 4 * x + 1, inputs=(2.0,)).text)
        1 added, 0 removed, 1 changed
        ≠ 4 × x was 3 × x
        + 4 × x + 1
    """
    palette(theme)
    if path is not None:
        export.check(path)
    if isinstance(b, Compiled) and (a is b or a is b.f):
        return _program(b, path, inputs, title, theme, backend, max_nodes, rankdir, changes=True)
    before, after = subject(a, inputs, names), subject(b, inputs, names)
    drawing, graph = compare(before, after, max_nodes, names_of.titled(title), rankdir)
    picture = Picture(drawing, schema.data(graph), theme, backend)
    if path is not None:
        picture.save(path)
    return picture


def _program(
    x: Any,
    path: str | os.PathLike[str] | None,
    inputs: Any,
    title: str | None,
    theme: str,
    backend: str | None,
    max_nodes: int,
    rankdir: str | None,
    changes: bool = False,
) -> Picture:
    """The lines of a compiled function, or what has become of those that it was recorded with."""
    from tinygraph.render import program

    if not isinstance(x, Compiled):
        raise ValueError(f"render: view='program' draws what tinygraph.compile made, not a {type(x).__name__}")
    found = program.last(x, inputs, max_nodes)
    assert found.program is not None
    assert found.recorded is not None
    title = names_of.titled(title or found.title)
    if changes:
        drawing, data = program.compare(found.recorded, title, rankdir)
    else:
        drawing, data = program.draw(found.program, title, rankdir)
    picture = Picture(drawing, data, theme, backend)
    if path is not None:
        picture.save(path)
    return picture


def _is_network(roots: Sequence[Node], max_nodes: int) -> bool:
    """Whether a graph has scopes to fold, or more nodes than a picture of values holds."""
    nodes = reached(roots)
    return len(nodes) > max_nodes or any(node.tag is not None and node.tag.scope is not None for node in nodes)


class _CallablePackage(ModuleType):
    """Lets `tinygraph.render(J)` draw, and be loaded only when it is called."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return render(*args, **kwargs)


sys.modules[__name__].__class__ = _CallablePackage
