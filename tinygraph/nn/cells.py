"""One step of a recurrent layer, of the table's own operations: for loops of one's own, and for pictures of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygraph.nn import init
from tinygraph.nn.module import Module
from tinygraph.op import bare
from tinygraph.ops.activation import relu, sigmoid
from tinygraph.ops.nn import linear
from tinygraph.ops.shape import as_array
from tinygraph.tensor import Tensor


class _Cell(Module):
    """The parameters of one step, by PyTorch's names, and the check of what it is given."""

    _gates = 1
    _states = 1

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, rng: init.Seed = None, dtype: Any = np.float64
    ) -> None:
        self.input_size, self.hidden_size = input_size, hidden_size
        rng, rows, bound = init.generator(rng), self._gates * hidden_size, 1.0 / math.sqrt(max(hidden_size, 1))

        def drawn(*shape: int) -> Tensor:
            return Tensor(init.uniform(shape, bound, rng=rng, dtype=dtype))

        self.weight_ih, self.weight_hh = drawn(rows, input_size), drawn(rows, hidden_size)
        self.bias_ih = drawn(rows) if bias else None
        self.bias_hh = drawn(rows) if bias else None

    def _given(self, x: Any, state: Any) -> list[Any]:
        """The input and the states, zeros if none are given."""
        x = as_array(x)
        if not x.ndim or x.shape[-1] != self.input_size:
            raise ValueError(f"{type(self).__name__}: takes x of shape (..., {self.input_size}), got shape {x.shape}")
        shape = (*x.shape[:-1], self.hidden_size)
        if state is None:
            return [x, *[np.zeros_like(bare(x), shape=shape)] * self._states]
        states = [as_array(s) for s in (state if self._states > 1 else [state])]
        if len(states) != self._states or any(s.shape != shape for s in states):
            what = "a pair (h, c), each" if self._states > 1 else "h"
            got = ", ".join(str(s.shape) for s in states)
            raise ValueError(f"{type(self).__name__}: the state is {what} of shape {shape}; got {got}")
        return [x, *states]

    def extra_repr(self) -> str:
        return f"{self.input_size} → {self.hidden_size}" + ("" if self.bias_ih is not None else ", bias=False")


class RNNCell(_Cell):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu in place of tanh: one step of `RNN`.

    Example:
        >>> cell, h = RNNCell(3, 5, rng=0), None
        >>> for x in np.ones((4, 2, 3)):
        ...     h = cell(x, h)
        >>> h.shape
        (2, 5)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        rng: init.Seed = None,
        dtype: Any = np.float64,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNNCell: nonlinearity {nonlinearity!r} is not 'tanh' or 'relu'")
        super().__init__(input_size, hidden_size, bias, rng=rng, dtype=dtype)
        self.nonlinearity = nonlinearity

    def forward(self, x: Any, state: Any = None) -> Any:
        x, h = self._given(x, state)
        z = linear(x, self.weight_ih, self.bias_ih) + linear(h, self.weight_hh, self.bias_hh)
        return np.tanh(z) if self.nonlinearity == "tanh" else relu(z)


class LSTMCell(_Cell):
    """c' = f c + i g, h' = o tanh(c'): one step of `LSTM`. Takes x and (h, c), returns (h', c').

    Example:
        >>> h, c = LSTMCell(3, 5, rng=0)(np.ones((2, 3)))
        >>> h.shape, c.shape
        ((2, 5), (2, 5))
    """

    _gates = 4
    _states = 2

    def forward(self, x: Any, state: Any = None) -> tuple[Any, Any]:
        x, h, c = self._given(x, state)
        z = linear(x, self.weight_ih, self.bias_ih) + linear(h, self.weight_hh, self.bias_hh)
        i, f, g, o = np.split(z, 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c


class GRUCell(_Cell):
    """h' = (1 - z) n + z h, n = tanh(W_in x + b_in + r (W_hn h + b_hn)): one step of `GRU`.

    Example:
        >>> GRUCell(3, 5, rng=0)(np.ones((2, 3))).shape
        (2, 5)
    """

    _gates = 3

    def forward(self, x: Any, state: Any = None) -> Any:
        x, h = self._given(x, state)
        outer = np.split(linear(x, self.weight_ih, self.bias_ih), 3, axis=-1)
        inner = np.split(linear(h, self.weight_hh, self.bias_hh), 3, axis=-1)
        r, z = sigmoid(outer[0] + inner[0]), sigmoid(outer[1] + inner[1])
        n = np.tanh(outer[2] + r * inner[2])
        return n + z * (h - n)
