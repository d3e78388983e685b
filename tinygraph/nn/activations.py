"""Activations as layers: the functions of the table, to be put into a `Sequential`."""

from __future__ import annotations

from typing import Any

from tinygraph import ops
from tinygraph.nn.module import Module


class ReLU(Module):
    """max(0, x).

    Example:
        >>> import numpy as np
        >>> ReLU()(np.array([-1.0, 2.0]))
        array([0., 2.])
    """

    def forward(self, x: Any) -> Any:
        return ops.relu(x)
