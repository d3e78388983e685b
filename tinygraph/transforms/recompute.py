"""Memory for time: a part of a computation that is made again in the reverse pass, instead of being remembered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from tinygraph.graph import pullback, pushforward
from tinygraph.mode import watcher
from tinygraph.op import Array, Joint, Op
from tinygraph.tensor import Tensor, handle
from tinygraph.transforms.forward import transposed
from tinygraph.transforms.replay import Replay, is_recorded, joined, parted, records, remembered
from tinygraph.transforms.trace import check_callable, nested
from tinygraph.tree import flatten


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """f, whose intermediate results are forgotten after the call, and made again when its derivative is asked for.

    Of a chain of n steps cut into √n checkpointed parts, only about 2√n results are in memory at any time, for one
    more forward computation. Random generators are set back for it: those that layers draw from, NumPy's common
    one, and those among f's arguments and in its closure; running averages move once.

    Args:
        f: any function of arrays and trees of them, or a module. Tensors that it closes over, a module's parameters,
            get their gradients as ever. It must do the same when it is called again.

    Returns:
        A function with the same arguments and results, and with derivatives of every order, forward and reverse.

    Raises:
        RuntimeError: in the reverse pass, if the second call gives something else than the first.

    Source:
        Chen et al., Training deep nets with sublinear memory cost (2016); the name is that of PyTorch and JAX.

    Example:
        >>> import tinygraph as tg
        >>> block = checkpoint(lambda x: np.tanh(np.sin(x) * np.cos(x)))
        >>> f"{tg.grad(lambda x: block(block(x)))(0.3):.6f}"
        '0.607860'
    """
    check_callable(f, "checkpoint")

    @wraps(f)
    def recomputed(*args: Any, **kwargs: Any) -> Any:
        return _recorded(f, args, kwargs) if records() else f(*args, **kwargs)

    return recomputed


def _recorded(f: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Call f, and record one node for the whole of it."""
    leaves = flatten((args, kwargs))[0]
    places = [i for i, x in enumerate(leaves) if is_recorded(x)]
    given = [leaves[i] for i in places]
    replay = Replay(f, (args, kwargs), places)
    result, closed = replay.first([x.data for x in given])
    outputs, rebuild = flatten(result)
    if not replay.outputs:
        return result
    segment = _Segment(replay, getattr(f, "__name__", type(f).__name__))
    inputs = [*given, *closed]
    value = joined([outputs[i]._data for i in replay.outputs])
    whole = inputs[0]._record(segment.op(len(inputs), value), inputs, None)
    for i, y in zip(replay.outputs, parted(whole, replay.specs), strict=True):
        outputs[i] = y
    return rebuild(outputs)


class _Segment:
    """The rules of one checkpointed call, which make the call again."""

    def __init__(self, replay: Replay, name: str) -> None:
        self.replay = replay
        self.name = f"checkpoint of {name}"

    def op(self, arity: int, value: Array) -> Op:
        forward = remembered(value, self.replay.value)
        return Op(forward, vjps=Joint(self.pull, arity), jvp=self.push, complex=True, name=self.name)

    def pull(self, g: Array, ans: Array, *arrays: Array) -> tuple[Array, ...]:
        lift = handle if nested(g, *arrays) else None
        stand_ins, root = self.replay.again(arrays, self.name)
        self._compare(root.value, ans)
        found = pullback(root, g, stand_ins, lift=lift, watch=watcher())
        return tuple(found[x] if x in found else np.zeros_like(x.value) for x in stand_ins)

    def push(self, tangents: Sequence[Array | None], ans: Array, *arrays: Array) -> Array:
        lift = handle if nested(*tangents, *arrays) else None
        stand_ins, root = self.replay.again(arrays, self.name)
        self._compare(root.value, ans)
        known = {x: t for x, t in zip(stand_ins, tangents, strict=True) if t is not None}
        found = pushforward([root], known, transposed, lift=lift)[0]
        return np.zeros_like(root.value) if found is None else found

    def _compare(self, again: Array, ans: Array) -> None:
        first = ans._data if isinstance(ans, Tensor) else ans
        if type(first) is not np.ndarray or type(again) is not np.ndarray:
            return  # the arrays of a tracer, or of a device, are not looked at
        slack = float(np.sqrt(np.finfo(first.dtype).eps))
        if not np.allclose(again, first, slack, slack * np.max(np.abs(first), initial=0.0), equal_nan=True):
            raise RuntimeError(
                f"{self.name}: made again, the call gives other numbers than at first; give it its random generator as "
                "an argument, and change no array that it uses before the reverse pass"
            )
