"""A module as a function of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygraph.nn.module import Module
from tinygraph.tensor import Tensor


def functional_call(module: Module, parameters: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
    """Call a module with other numbers in place of its parameters, for `grad`, `hvp` and gradient checks.

    Args:
        module: it is the same as before when the call is over, its buffers excepted.
        parameters: arrays or Tensors by name, as `named_parameters` has them; those left out stay.
        args, kwargs: of the call.

    Raises:
        ValueError: names that the module has not, or arrays of another shape.

    Source:
        PyTorch's torch.func.functional_call.

    Example:
        >>> import tinygraph as tg
        >>> from tinygraph import nn
        >>> layer = nn.Linear(2, 1)
        >>> parameters = {"weight": np.array([[3.0, 4.0]]), "bias": np.array([0.5])}
        >>> found = tg.grad(lambda p, x: functional_call(layer, p, x).sum())(parameters, np.array([1.0, 2.0]))
        >>> found["weight"], found["bias"]
        (array([[1., 2.]]), array([1.]))
    """
    own = {name: part for name, part in module._all_state("") if isinstance(part, Tensor)}
    faults = [f"{name} is none of its parameters" for name in parameters if name not in own]
    faults += [
        f"{name} is of shape {np.shape(value)} and must be {own[name].shape}"
        for name, value in parameters.items()
        if name in own and np.shape(value) != own[name].shape
    ]
    if faults:
        raise ValueError(f"functional_call of {type(module).__name__}: {'; '.join(faults)}")
    held = [(own[name], own[name]._node, own[name]._data) for name in parameters]
    try:
        for name, value in parameters.items():  # the handles stay where they are, and hold other nodes for a while
            given = value if isinstance(value, Tensor) else Tensor(value, requires_grad=False)
            own[name]._node, own[name]._data = given._node, given._data
        return module(*args, **kwargs)
    finally:
        for tensor, node, data in held:
            tensor._node, tensor._data = node, data
