"""A graph as JSON: nodes, edges, values, gradients and formulas, for other programs.

The object has

- `tinygraph`: the version of this schema, 1;
- `of`: the name of the number that is differentiated, null where none is;
- `nodes`: in the order of computation, each with `id`, `name` (or null), `kind` (data, parameter, operation, output),
  `op` (null of what was given), `params`, `formula`, `shape`, `dtype`, `value` and `gradient` (or null);
- `edges`: each with `from`, `to`, `argument`, the place among the operation's arguments, and `share`, what `to`
  adds to the gradient of `from` (or null).

A value is a number, nested lists of at most 100 numbers, or, of a larger array, {"min", "mean", "max", "nan", "inf"}.
What JSON lacks is written as text: "nan", "inf", "-inf".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygraph.op import Array, whole
from tinygraph.render import colour, text
from tinygraph.render.content import Gathered
from tinygraph.render.names import unmarked

LARGEST = 100


def data(graph: Gathered) -> dict[str, Any]:
    """The graph, every operation of it, also those that a picture folds."""
    ids = {node: f"n{i}" for i, node in enumerate(graph.nodes)}
    nodes, edges = [], []
    for node in graph.nodes:
        g = graph.gradients.get(node)
        kind = colour.PARAMETER if node.requires_grad and node not in graph.given else colour.DATA
        if node.op is not None:
            kind = colour.OUTPUT if node in graph.roots else colour.OPERATION
        nodes.append(
            {
                "id": ids[node],
                "name": graph.raw_name(node),
                "kind": kind,
                "op": node.op.name if node.op is not None else None,
                "params": {k: repr(v)[:200] for k, v in (node.params or {}).items()},
                "formula": unmarked(text.spell(graph.formulas[node])[0]) if node.op is not None else None,
                "shape": list(np.shape(node.value)),
                "dtype": str(node.value.dtype),
                "value": _value(node.value),
                "gradient": None if g is None else _value(g),
            }
        )
        for i, x in enumerate(node.inputs or ()):
            if x is not None:
                shares = graph.shares.get((node, x)) if node not in graph.owner else None
                share = None if not shares else _value(sum(shares[1:], shares[0]))
                edges.append({"from": ids[x], "to": ids[node], "argument": i, "share": share})
    return {"tinygraph": 1, "of": unmarked(graph.of) if graph.of else graph.of, "nodes": nodes, "edges": edges}


def _value(x: Array) -> Any:
    x = np.asarray(whole(x))
    if x.dtype.kind == "c":
        return {"real": _value(x.real), "imag": _value(x.imag)}
    if x.dtype.kind not in "fiub":
        return None
    if x.size <= LARGEST:
        return _plain(x.tolist())
    finite = x[np.isfinite(x)]
    low, mean, high = (finite.min(), finite.mean(), finite.max()) if finite.size else (math.nan,) * 3
    missing = int(np.isnan(x).sum())
    counts = {"nan": missing, "inf": x.size - finite.size - missing}
    return {"min": _plain(float(low)), "mean": _plain(float(mean)), "max": _plain(float(high)), **counts}


def _plain(x: Any) -> Any:
    if isinstance(x, list):
        return [_plain(v) for v in x]
    return str(x) if isinstance(x, float) and not math.isfinite(x) else x
