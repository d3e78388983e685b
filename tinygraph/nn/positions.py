"""How positions of a sequence are told to a Transformer: by sines and cosines, or by vectors that are learned."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.nn import init
from tinygraph.nn.dropout import Dropout
from tinygraph.nn.module import Module
from tinygraph.ops.shape import as_array
from tinygraph.tensor import Tensor


def sinusoidal_encoding(length: int, d_model: int, *, dtype: Any = np.float64) -> np.ndarray[Any, Any]:
    """sin(t / 10000^(2i/d)) at 2i and the cosine of the same at 2i + 1, for positions t: (length, d_model).

    A. Vaswani et al., Attention is all you need (2017), section 3.5.

    Example:
        >>> sinusoidal_encoding(2, 4).round(4)
        array([[0.    , 1.    , 0.    , 1.    ],
               [0.8415, 0.5403, 0.01  , 1.    ]])
    """
    even = np.arange(0, d_model, 2)
    angles = np.arange(length)[:, None] / 10000.0 ** (even / max(d_model, 1))
    table = np.empty((length, d_model), dtype)
    table[:, 0::2], table[:, 1::2] = np.sin(angles), np.cos(angles[:, : d_model // 2])
    return table


class PositionalEncoding(Module):
    """x plus the sinusoidal encoding of each position, which is computed and not learned.

    Args:
        d_model: numbers at each position.
        max_len: the longest sequence.
        dropout: the probability of a drop of the sum while training.
        batch_first: False for (L, N, d_model), True for (N, L, d_model).
        rng: of the dropout.

    Raises:
        ValueError: a longer sequence, or other numbers at each position.

    Example:
        >>> PositionalEncoding(4, batch_first=True)(np.zeros((1, 2, 4)))[0, 1].round(4)
        array([0.8415, 0.5403, 0.01  , 1.    ])
    """

    def __init__(
        self,
        d_model: int,
        max_len: int = 5000,
        dropout: float = 0.0,
        batch_first: bool = False,
        *,
        rng: init.Seed = None,
    ) -> None:
        self.d_model, self.max_len, self.batch_first = d_model, max_len, batch_first
        self.dropout = Dropout(dropout, rng=rng)
        self._table = sinusoidal_encoding(max_len, d_model)

    def forward(self, x: Any) -> Any:
        x = as_array(x)
        return self.dropout(x + _placed(self, self._table.astype(x.dtype, copy=False), x))


class LearnedPositionalEncoding(Module):
    """x plus a vector for each position, which is learned: `weight`, (max_len, d_model), normal with 0.02 at first.

    Arguments and errors are those of `PositionalEncoding`; max_len must be given.

    Example:
        >>> LearnedPositionalEncoding(4, 10, rng=0)(np.zeros((2, 1, 4))).shape
        (2, 1, 4)
    """

    def __init__(
        self,
        d_model: int,
        max_len: int,
        dropout: float = 0.0,
        batch_first: bool = False,
        *,
        rng: init.Seed = None,
        dtype: Any = np.float64,
    ) -> None:
        self.d_model, self.max_len, self.batch_first = d_model, max_len, batch_first
        rng = init.generator(rng)
        self.weight = Tensor(init.normal((max_len, d_model), 0.02, rng=rng, dtype=dtype))
        self.dropout = Dropout(dropout, rng=rng)

    def forward(self, x: Any) -> Any:
        x = as_array(x)
        return self.dropout(x + _placed(self, self.weight, x))


def _placed(layer: Any, table: Any, x: Any) -> Any:
    """The encodings of x's positions, in a shape that is added to x."""
    axis = x.ndim - 2 if layer.batch_first or x.ndim == 2 else 0
    if x.ndim not in (2, 3) or x.shape[-1] != layer.d_model or x.shape[axis] > layer.max_len:
        raise ValueError(
            f"{type(layer).__name__}: takes x of shape {'(N, L, d)' if layer.batch_first else '(L, N, d)'} with "
            f"d = {layer.d_model} and L at most {layer.max_len}; got shape {x.shape}"
        )
    part = table[: x.shape[axis]]
    return part if axis == x.ndim - 2 else part[:, None]
