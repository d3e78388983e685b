"""What it costs to record one operation: `x * y` and `tanh(x)` on arrays too small for the arithmetic to matter.

The cost is the time beyond that of NumPy on bare arrays, in microseconds. The result is dropped at once, so that
freeing the record is part of the cost. The check differentiates the result: it proves that the operation was recorded.
"""

from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any

import numpy as np

from benchmarks.harness import Entry, Result, enter, race
from benchmarks.profiles import Profile

ABOUT = "recording one operation on small arrays, over the same operation on bare arrays"
TOLERANCE = 1e-12

Values = tuple[np.ndarray, np.ndarray]


def multiply(x: Any, y: Any, times: int) -> Any:
    for _ in repeat(None, times):
        z = x * y
    return z


def unary(function: Callable[[Any], Any], x: Any, times: int) -> Any:
    for _ in repeat(None, times):
        z = function(x)
    return z


def _entry(x: Any, y: Any, tanh: Callable | None, times: int, check: Callable[[Any], list[np.ndarray]]) -> Entry:
    if tanh is None:
        return Entry(lambda: multiply(x, y, times), lambda: check(multiply(x, y, 1)))
    return Entry(lambda: unary(tanh, x, times), lambda: check(unary(tanh, x, 1)))


def numpy_entry(values: Values, is_unary: bool, times: int) -> Entry:
    x, y = values

    def check(z: Any) -> list[np.ndarray]:
        return [z, 1 - np.tanh(x) ** 2] if is_unary else [z, x + y]

    return _entry(x, y, np.tanh if is_unary else None, times, check)


def tinygraph_entry(values: Values, is_unary: bool, times: int) -> Entry:
    import tinygraph as tg

    x, y = (tg.Tensor(v, requires_grad=True) for v in values)

    def check(z: Any) -> list[np.ndarray]:
        z.backward(np.ones_like(z.data))
        return [z.data, x.grad if is_unary else x.grad + y.grad]

    return _entry(x, y, np.tanh if is_unary else None, times, check)


def torch_entry(values: Values, is_unary: bool, times: int) -> Entry:
    import torch

    x, y = (torch.tensor(v, requires_grad=True) for v in values)

    def check(z: Any) -> list[np.ndarray]:
        z.backward(torch.ones_like(z))
        return [z.detach().numpy(), (x.grad if is_unary else x.grad + y.grad).numpy()]

    return _entry(x, y, torch.tanh if is_unary else None, times, check)


def autograd_entry(values: Values, is_unary: bool, times: int) -> Entry:
    import autograd.numpy as anp
    from autograd.core import VJPNode, backward_pass
    from autograd.tracer import new_box, trace_stack

    trace = trace_stack.new_trace()
    root = VJPNode.new_root()
    with trace as level:
        x, y = (new_box(v, level, root) for v in values)

    def check(z: Any) -> list[np.ndarray]:
        return [z._value, backward_pass(np.ones_like(z._value), z._node)]

    return _entry(x, y, anp.tanh if is_unary else None, times, check)


def mygrad_entry(values: Values, is_unary: bool, times: int) -> Entry:
    import mygrad as mg

    x, y = (mg.tensor(v) for v in values)

    def check(z: Any) -> list[np.ndarray]:
        z.backward()
        return [z.data, x.grad if is_unary else x.grad + y.grad]

    return _entry(x, y, mg.tanh if is_unary else None, times, check)


def micrograd_entry(values: Values, is_unary: bool, times: int) -> Entry:
    from micrograd.engine import Value

    x, y = (Value(float(v)) for v in values)

    def check(z: Any) -> list[np.ndarray]:
        z.backward()
        return [np.array(z.data), np.array(x.grad + y.grad)]

    return _entry(x, y, None, times, check)


MAKERS = {
    "numpy": numpy_entry,
    "tinygraph": tinygraph_entry,
    "torch": torch_entry,
    "autograd": autograd_entry,
    "mygrad": mygrad_entry,
    "micrograd": micrograd_entry,
}


def run(profile: Profile, names: Iterable[str]) -> Iterable[Result]:
    """Yield one Result for each operation and size."""
    for is_unary in (False, True):
        for shape in ((), (4,)):
            operation, size = "tanh(x)" if is_unary else "x * y", "4 elements" if shape else "0-d"
            result = Result("record", f"{operation}, {size}", operations=profile.record_ops)
            values = np.full(shape, 0.5), np.full(shape, 0.75)
            scalars_only = {"micrograd"} if shape or is_unary else set()  # micrograd has no tanh
            makers = {
                name: lambda make=make, values=values, u=is_unary: make(values, u, profile.record_ops)
                for name, make in MAKERS.items()
                if name not in scalars_only
            }
            yield race(result, enter(makers, names, result, TOLERANCE), profile)
