"""Pictures of training, by matplotlib: each is one function, takes `ax=` and returns the Axes it drew on.

Without `ax=` each draws in a new figure, as scikit-learn's displays do, so that no picture lies over another.

Colours are Okabe and Ito's, which the colour-blind can tell apart; lines differ in their dashes as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygraph.op import bare
from tinygraph.tensor import Tensor
from tinygraph.transforms import grad

__all__ = [
    "activation",
    "confusion_matrix",
    "decision_boundary",
    "descent_path",
    "filters",
    "gradient_norms",
    "learning_curve",
]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6b7280")
DASHES = ("-", "--", "-.", ":")


def axes(ax: Any) -> Any:
    """The Axes to draw on: those given, else those of a new figure of pyplot.

    Raises:
        ImportError: matplotlib is not installed.
    """
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError("tinygraph.plots draws with matplotlib: pip install matplotlib") from None
    return plt.subplots()[1]


def _style(i: int) -> dict[str, Any]:
    return {"color": COLOURS[i % len(COLOURS)], "linestyle": DASHES[i % len(DASHES)]}


def _array(x: Any) -> Any:
    return np.asarray(bare(x))


def quiet(ax: Any) -> Any:
    """Without the frame's upper and right line."""
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def learning_curve(
    curves: Mapping[str, Sequence[float]] | Sequence[float],
    *,
    log: bool = False,
    xlabel: str = "epoch",
    ylabel: str = "cost",
    ax: Any = None,
) -> Any:
    """Costs, or any figures, by epoch.

    Args:
        curves: figures by name, as {"train": [...], "dev": [...]}, or those of one curve; lengths may differ.
        log: a logarithmic scale.

    Example:
        >>> from matplotlib.figure import Figure
        >>> ax = learning_curve({"train": [0.7, 0.3, 0.2], "dev": [0.7, 0.4, 0.4]}, ax=Figure().subplots())
        >>> ax.get_xlabel(), len(ax.lines)
        ('epoch', 2)
    """
    ax = quiet(axes(ax))
    from matplotlib.ticker import MaxNLocator

    named = curves if isinstance(curves, Mapping) else {"": curves}
    for i, (name, figures) in enumerate(named.items()):
        ax.plot(range(1, len(figures) + 1), _array(figures), label=name or None, **_style(i))
    ax.set(xlabel=xlabel, ylabel=ylabel, yscale="log" if log else "linear")
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))  # also where another picture left labels
    if any(named):
        ax.legend(edgecolor="none")
    return ax


def decision_boundary(
    predict: Callable[[Any], Any], X: Any, y: Any, *, margin: float = 0.5, resolution: int = 200, ax: Any = None
) -> Any:
    """Where a classifier of points in the plane changes its mind, and the points.

    Args:
        predict: the classes of points of shape (n, 2), or their scores of shape (n, classes); probabilities of one
            class, between 0 and 1, are cut at a half.
        X: the points, (n, 2), or in the course's columns (2, n).
        y: their classes, n numbers.
        margin: how far around the points to look.  resolution: how many points a side.

    Raises:
        ValueError: X is not of points in the plane, or y of another length.

    Example:
        >>> from matplotlib.figure import Figure
        >>> X = np.array([[-1.0, 0.0], [1.0, 0.0]])
        >>> ax = decision_boundary(lambda x: x[:, 0] > 0, X, [0, 1], ax=Figure().subplots())
        >>> bool(ax.get_xlim()[0] < -1.0)
        True
    """
    points, classes = _array(X), np.ravel(_array(y))
    columns = points.shape == (2, classes.size) and points.shape != (classes.size, 2)
    points = points.T if columns else points
    if points.shape != (classes.size, 2):
        raise ValueError(
            f"decision_boundary: X of shape {_array(X).shape} with {classes.size} classes; X must be (n, 2), or (2, n)"
        )
    ax = axes(ax)
    (left, low), (right, high) = points.min(axis=0) - margin, points.max(axis=0) + margin
    x1, x2 = np.meshgrid(np.linspace(left, right, resolution), np.linspace(low, high, resolution))
    grid = np.stack([x1.ravel(), x2.ravel()], axis=1)
    found = _array(predict(grid.T if columns else grid))
    kinds = np.unique(classes)
    shown = _classes(found, len(grid), kinds).reshape(x1.shape)
    levels = np.arange(len(kinds) + 1) - 0.5
    ax.contourf(x1, x2, shown, levels=levels, colors=COLOURS[: len(kinds)], alpha=0.2)
    for i, kind in enumerate(kinds):
        chosen = points[classes == kind]
        ax.scatter(*chosen.T, s=14, color=COLOURS[i % len(COLOURS)], marker="o^sDv"[i % 5], label=str(kind))
    ax.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(left, right), ylim=(low, high))
    ax.legend(edgecolor="none", title="class")
    return ax


def _classes(found: Any, n: int, kinds: Any) -> Any:
    """Which of the classes a classifier told, in whatever form it tells them, as places among them."""
    if found.size != n:
        return found.argmax(axis=1) if len(found) == n else found.argmax(axis=0)
    flat = found.reshape(n)
    if flat.dtype.kind == "f" and not np.isin(flat, kinds).all():
        return (flat > 0.5).astype(int)
    return np.searchsorted(kinds, flat.astype(kinds.dtype))


def descent_path(
    f: Callable[[Any], Any],
    paths: Mapping[str, Any] | Any,
    *,
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    levels: int = 20,
    ax: Any = None,
) -> Any:
    """The contours of a cost of two parameters, and the ways that optimizers take on it.

    Args:
        f: the cost of one point, an array of two numbers.
        paths: points in their order, (steps, 2), by name; or those of one path.
        xlim, ylim: what part to show; all the paths, as far as they are finite, if None.

    Raises:
        ValueError: no point is finite.

    Example:
        >>> from matplotlib.figure import Figure
        >>> path = np.array([[2.0, 1.0], [1.0, 0.5], [0.5, 0.25]])
        >>> ax = descent_path(lambda w: w @ w, {"descent": path}, ax=Figure().subplots())
        >>> len(ax.lines)
        1
    """
    ax = axes(ax)
    named = {k: _array(v) for k, v in (paths if isinstance(paths, Mapping) else {"": paths}).items()}
    everything = np.concatenate(list(named.values()))
    everything = everything[np.isfinite(everything).all(axis=1)]  # a rate that is too large ends in infinity
    if not len(everything):
        raise ValueError("descent_path: no point of the paths is finite")
    reach = 0.15 * np.ptp(everything, axis=0) + 0.1
    low, high = everything.min(axis=0) - reach, everything.max(axis=0) + reach
    xlim, ylim = xlim or (low[0], high[0]), ylim or (low[1], high[1])
    x, y = np.linspace(*xlim, 100), np.linspace(*ylim, 100)
    heights = np.array([[float(bare(f(np.array([a, b])))) for a in x] for b in y])
    ax.contour(x, y, heights, levels=levels, colors="#9aa3ad", linewidths=0.7)
    for i, (name, path) in enumerate(named.items()):
        ax.plot(*path.T, marker="o", markersize=2.5, linewidth=1.2, label=name or None, **_style(i))
    ax.set(xlim=xlim, ylim=ylim, xlabel="$w_1$", ylabel="$w_2$")
    if any(named):
        ax.legend(edgecolor="none")
    return ax


def activation(g: Callable[[Any], Any], z: Any = None, *, name: str | None = None, ax: Any = None) -> Any:
    """An activation g(z), and beside it its derivative g'(z), by the engine.

    Example:
        >>> from matplotlib.figure import Figure
        >>> ax = activation(np.tanh, ax=Figure().subplots())
        >>> [line.get_label() for line in ax.lines]
        ['tanh(z)', 'derivative']
    """
    ax = quiet(axes(ax))
    z = np.linspace(-5.0, 5.0, 401) if z is None else _array(z)
    name = name or getattr(g, "__name__", "g").replace("<lambda>", "g")
    ax.plot(z, _array(g(Tensor(z))), label=f"{name}(z)", **_style(0))
    ax.plot(z, grad(lambda x: np.sum(g(x)))(z), label="derivative", **_style(1))
    ax.grid(color="#d9dee4", linewidth=0.6)
    ax.set(xlabel="z", title=name)
    ax.legend(edgecolor="none")
    return ax


def gradient_norms(norms: Mapping[str, Any], *, label: str | None = None, ax: Any = None) -> Any:
    """The length of the gradient, layer by layer, on a logarithmic scale: vanishing and exploding seen at a glance.

    One that is zero is a triangle at the bottom, one that is infinite or no number a triangle at the top.

    Args:
        norms: by the name of a layer: a number, the gradient itself, or a Tensor that `backward` has been to.
        label: a name for the curve, where several are drawn on one `ax`.

    Raises:
        ValueError: a Tensor without a gradient.

    Example:
        >>> from matplotlib.figure import Figure
        >>> ax = gradient_norms({"W1": 1e-8, "W2": 1e-4, "W3": np.array([3.0, 4.0])}, ax=Figure().subplots())
        >>> ax.get_yscale()
        'log'
    """
    lengths = {name: _length(name, of) for name, of in norms.items()}
    ax = quiet(axes(ax))
    values = np.array(list(lengths.values()))
    style = _style(len(ax.lines))
    told = (values > 0) & np.isfinite(values)
    ax.plot(range(len(values)), np.where(told, values, np.nan), marker="o", markersize=3, label=label, **style)
    for beyond, marker, height in ((values == 0, "v", 0.02), (~np.isfinite(values), "^", 0.98)):
        at = np.flatnonzero(beyond)
        place = {"marker": marker, "transform": ax.get_xaxis_transform()}
        ax.scatter(at, np.full(len(at), height), s=30, color=style["color"], **place)
    ax.set_xticks(range(len(values)), list(lengths), rotation=90 if len(values) > 8 else 0)
    ax.set(ylabel="‖gradient‖", **({"yscale": "log"} if told.any() else {}))
    ax.grid(axis="y", color="#d9dee4", linewidth=0.6)
    if label is not None:
        ax.legend(edgecolor="none")
    return ax


def _length(name: str, of: Any) -> float:
    g = of.grad if isinstance(of, Tensor) else of
    if g is None:
        raise ValueError(f"gradient_norms: {name} has no gradient yet; call backward first")
    return float(np.linalg.norm(np.ravel(_array(g))))


def filters(weights: Any, *, columns: int | None = None, ax: Any = None) -> Any:
    """The filters of a first layer as small grey pictures, side by side, each on its own scale.

    Args:
        weights: (filters, channels, height, width), of which three channels are shown in colour and others averaged;
            or (filters, height, width).
        columns: how many in a row; about a square if None.

    Raises:
        ValueError: an array of another number of dimensions, or without a filter.

    Example:
        >>> from matplotlib.figure import Figure
        >>> ax = filters(np.random.default_rng(0).normal(size=(8, 1, 3, 3)), ax=Figure().subplots())
        >>> len(ax.images)
        1
    """
    w = _array(weights)
    if w.ndim not in (3, 4) or not w.size:
        raise ValueError(f"filters: weights of shape {w.shape} must be (filters, [channels,] height, width)")
    if w.ndim == 4:
        w = np.moveaxis(w, 1, -1) if w.shape[1] == 3 else w.mean(axis=1)
    w = w.astype(float)
    inner = tuple(range(1, w.ndim))
    low, span = w.min(axis=inner, keepdims=True), np.ptp(w, axis=inner, keepdims=True)
    tiles = (w - low) / np.where(span > 0, span, 1.0)
    columns = columns or int(np.ceil(np.sqrt(len(w))))
    rows = -(-len(w) // columns)
    height, width = w.shape[1:3]
    sheet = np.zeros((rows * (height + 1) - 1, columns * (width + 1) - 1, 4))  # transparent between the filters
    for i, tile in enumerate(tiles):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        sheet[top : top + height, left : left + width, :3] = tile if tile.ndim == 3 else tile[..., None]
        sheet[top : top + height, left : left + width, 3] = 1.0
    ax = axes(ax)
    ax.imshow(sheet, interpolation="nearest")
    ax.set_axis_off()
    return ax


def confusion_matrix(
    y: Any, predicted: Any, *, labels: Iterable[Any] | None = None, normalize: bool = False, ax: Any = None
) -> Any:
    """How often each class, a row, was taken for each, a column.

    Args:
        y, predicted: classes, n numbers or names each.
        labels: the classes in their order; those that occur, sorted, if None.
        normalize: show parts of a row instead of counts.

    Raises:
        ValueError: y and predicted of different lengths.

    Example:
        >>> from matplotlib.figure import Figure
        >>> ax = confusion_matrix([0, 1, 1], [0, 1, 0], ax=Figure().subplots())
        >>> sorted(text.get_text() for text in ax.texts)
        ['0', '1', '1', '1']
    """
    true, found = np.ravel(_array(y)), np.ravel(_array(predicted))
    if true.shape != found.shape:
        raise ValueError(f"confusion_matrix: {true.size} classes and {found.size} predictions")
    kinds = list(labels) if labels is not None else sorted(set(true.tolist()) | set(found.tolist()))
    counts = np.array([[np.sum((true == a) & (found == b)) for b in kinds] for a in kinds], dtype=float)
    parts = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    ax = axes(ax)
    ax.imshow(parts, cmap="Blues", vmin=0.0, vmax=1.0)
    for i, j in np.ndindex(*counts.shape):
        said = f"{parts[i, j]:.2f}" if normalize else f"{counts[i, j]:.0f}"
        ax.text(j, i, said, ha="center", va="center", color="white" if parts[i, j] > 0.5 else "#1b1f24")
    ax.set_xticks(range(len(kinds)), kinds)
    ax.set_yticks(range(len(kinds)), kinds)
    ax.set(xlabel="predicted", ylabel="true")
    return ax
