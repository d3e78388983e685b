"""One call of a function whose derivatives its author gives, as one operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygraph.graph import pullback, serial
from tinygraph.mode import recording
from tinygraph.op import Array, Joint, Op, bare
from tinygraph.operand import number_array
from tinygraph.tensor import Tensor, handle
from tinygraph.transforms.replay import Spec, is_recorded, joined, parted, remembered, spec
from tinygraph.transforms.trace import nested
from tinygraph.tree import Rebuild, flatten, flatten_like


def name_of(f: Callable[..., Any]) -> str:
    """What a function is called."""
    return getattr(f, "__name__", type(f).__name__)


class Call:
    """One call: the arguments, with room for others in place of the Tensors among them, and the form of the result."""

    def __init__(self, f: Callable[..., Any], args: Sequence[Any], nondiff_argnums: Sequence[int]) -> None:
        self.f, self.name, self.count = f, name_of(f), len(args)
        if not all(-self.count <= k < self.count for k in nondiff_argnums):
            raise ValueError(f"{self.name}: nondiff_argnums {nondiff_argnums} for {self.count} arguments")
        self.static = {k % self.count: args[k] for k in nondiff_argnums}
        if any(map(is_recorded, flatten(list(self.static.values()))[0])):
            raise TypeError(f"{self.name}: a Tensor for an argument in nondiff_argnums would lose its gradient")
        leaves, self.rebuild = flatten(tuple(x for k, x in enumerate(args) if k not in self.static))
        self.places = [i for i, x in enumerate(leaves) if is_recorded(x)]
        self.tensors = [leaves[i] for i in self.places]
        self.leaves = [None if i in self.places else x for i, x in enumerate(leaves)]
        self.outputs: list[Any] = []
        self.put: Rebuild = list
        self.inexact: list[int] = []
        self.specs: list[Spec] = []

    def given(self, arrays: Sequence[Any]) -> tuple[Any, ...]:
        """The arguments that have derivatives, with these arrays for the Tensors."""
        leaves = list(self.leaves)
        for i, x in zip(self.places, arrays, strict=True):
            leaves[i] = x
        found: tuple[Any, ...] = self.rebuild(leaves)
        return found

    def all(self, arrays: Sequence[Any]) -> list[Any]:
        given = iter(self.given(arrays))
        return [self.static[k] if k in self.static else next(given) for k in range(self.count)]

    def returned(self, result: Any) -> Array:
        """The arrays of a result that have derivatives, joined; its form is kept."""
        self.outputs, self.put = flatten(result)
        if any(map(is_recorded, self.outputs)):
            raise TypeError(
                f"{self.name} closes over a Tensor that requires a gradient, of which its rule knows nothing; make it "
                "an argument"
            )
        values = [number_array(bare(y)) for y in self.outputs]
        self.inexact = [i for i, value in enumerate(values) if value.dtype.kind in "fc"]
        self.specs = [spec(values[i]) for i in self.inexact]
        for i in self.inexact:
            self.outputs[i] = None
        return joined([values[i] for i in self.inexact])

    def formed(self, whole: Any, others: Sequence[Any]) -> Any:
        """The tree of a result whose joined arrays are `whole`."""
        leaves = list(others)
        for i, y in zip(self.inexact, parted(whole, self.specs), strict=True):
            leaves[i] = y
        return self.put(leaves)

    def value(self, *arrays: Array) -> Array:
        """The joined result for other arrays."""
        outputs = map(number_array, flatten(self.f(*self.all(arrays)))[0])
        return joined([y for y in outputs if y.dtype.kind in "fc"])

    def recorded(self, value: Array, **rules: Any) -> Any:
        op = Op(remembered(value, self.value), complex=True, name=self.name, **rules)
        tensors, self.tensors = self.tensors, []
        return self.formed(tensors[0]._record(op, tensors, None), self.outputs)

    def fitting(self, x: Any, shape: tuple[int, ...], what: str) -> Any:
        """A gradient or tangent, if it has the shape of what it belongs to."""
        if np.shape(bare(x)) != shape:
            raise ValueError(f"{self.name}: {what} has shape {np.shape(bare(x))}, and not {shape}")
        return x if isinstance(x, Tensor) else number_array(x)


class ReverseRule:
    """The operation of one call of a `custom_vjp`."""

    def __init__(self, fwd: Callable[..., Any], bwd: Callable[..., Any], call: Call) -> None:
        self.fwd, self.bwd, self.call = fwd, bwd, call

    def recorded(self) -> Any:
        found, self.residuals = self._forward([x.data for x in self.call.tensors])
        self.value = self.call.returned(found)
        n = len(self.call.places)
        return self.call.recorded(self.value, vjps=Joint(self.pull, n))

    def _forward(self, arrays: Sequence[Any]) -> tuple[Any, Any]:
        made = self.fwd(*self.call.all(arrays))
        if not isinstance(made, tuple) or len(made) != 2:
            raise TypeError(f"custom_vjp: fwd of {self.call.name} returns a pair, (result, residuals)")
        return made

    def pull(self, g: Array, ans: Array, *arrays: Array) -> tuple[Array, ...]:
        call = self.call
        first = ans is self.value and not nested(*arrays)
        residuals = self.residuals if first else self._forward(arrays)[1]
        zeros = [np.zeros(np.shape(y)) for y in call.outputs]
        gradients = self.bwd(*call.static.values(), residuals, call.formed(g, zeros))
        given = call.given(arrays)
        if not isinstance(gradients, tuple | list) or len(gradients) != len(given):
            raise TypeError(f"custom_vjp: bwd of {call.name} returns a tuple of {len(given)}, a gradient per argument")
        leaves: list[Any] = []
        for gradient, x in zip(gradients, given, strict=True):
            n = len(flatten(x)[0])
            what = f"{call.name}: a gradient by bwd"
            leaves += [None] * n if gradient is None else flatten_like(gradient, x, what)
        keep = nested(g, *arrays)
        return tuple(self._gradient(leaves[i], a, keep) for i, a in zip(call.places, arrays, strict=True))

    def _gradient(self, found: Any, x: Array, keep: bool) -> Array:
        if found is None:
            return np.zeros_like(bare(x))
        found = self.call.fitting(found, np.shape(bare(x)), "a gradient by bwd")
        return found if keep else bare(found)


class ForwardRule:
    """The operation of one call of a `custom_jvp`."""

    def __init__(self, jvp: Callable[..., Any], call: Call) -> None:
        self.jvp, self.call = jvp, call

    def recorded(self) -> Any:
        value = self.call.returned(self.call.f(*self.call.all([x.data for x in self.call.tensors])))
        n = len(self.call.places)
        return self.call.recorded(value, vjps=Joint(self.pull, n), jvp=self.push)

    def push(self, tangents: Sequence[Array | None], ans: Array, *arrays: Array) -> Array:
        call = self.call
        leaves = [0.0 if x is None else np.zeros(np.shape(x), getattr(x, "dtype", float)) for x in call.leaves]
        for i, t, a in zip(call.places, tangents, arrays, strict=True):
            leaves[i] = np.zeros_like(bare(a)) if t is None else t
        made = self.jvp(*call.static.values(), call.given(arrays), call.rebuild(leaves))
        if not isinstance(made, tuple) or len(made) != 2:
            raise TypeError(f"custom_jvp: the rule of {call.name} returns a pair, (result, tangent)")
        found = flatten_like(made[1], call.put([0.0] * len(call.outputs)), f"{call.name}: the tangent by its rule")
        parts = [
            call.fitting(found[i], shape, "the tangent by its rule")
            for i, (shape, _) in zip(call.inexact, call.specs, strict=True)
        ]
        whole = joined(parts)
        return whole if nested(*tangents, *arrays) else bare(whole)

    def pull(self, g: Array, ans: Array, *arrays: Array) -> tuple[Array, ...]:
        """The transpose of the forward rule, which is linear: the gradient of <g, its tangent>."""
        with recording():
            ts = [Tensor(np.zeros_like(bare(a))) for a in arrays]
            tangent = self.push(ts, ans, *arrays)
        found = {}
        if isinstance(tangent, Tensor) and serial(tangent._node) > serial(ts[-1]._node):
            lift = handle if nested(g, *arrays) else None
            found = pullback(tangent._node, g, [t._node for t in ts], lift=lift)
        return tuple(found[t._node] if t._node in found else np.zeros_like(t._data) for t in ts)
