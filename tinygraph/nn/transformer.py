"""The Transformer's encoder, and how its positions are told."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygraph.nn import init
from tinygraph.nn.attention import MultiheadAttention
from tinygraph.nn.dropout import Dropout
from tinygraph.nn.linear import Linear
from tinygraph.nn.module import Module
from tinygraph.nn.normalization import LayerNorm
from tinygraph.ops.activation import gelu, relu
from tinygraph.ops.shape import as_array
from tinygraph.tensor import Tensor

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {"relu": relu, "gelu": gelu}


class TransformerEncoderLayer(Module):
    """Self-attention, then two linear layers at each position; each is added to what it was given, and normalised.

    Args:
        d_model: numbers at each position.
        nhead: heads of attention.
        dim_feedforward: numbers between the two linear layers.
        dropout: the probability of a drop while training, of weights and of what is added.
        activation: between the linear layers: "relu", "gelu" or a function.
        layer_norm_eps: added to the variance.
        batch_first: False, as in PyTorch: time is the first axis, (L, N, d_model). True for samples in rows.
        norm_first: normalise what goes into each part (more stable) and not what comes out.
        bias: False leaves all biases out.
        rng, dtype: a seed or generator, and the dtype of the parameters.

    It takes (x, src_mask=None, src_key_padding_mask=None, is_causal=False), masks as in `MultiheadAttention`.

    Raises:
        ValueError: another activation; what `MultiheadAttention` raises.

    Source:
        A. Vaswani et al., Attention is all you need (2017); R. Xiong et al., On layer normalization in the Transformer
        architecture (2020).

    Example:
        >>> TransformerEncoderLayer(8, 2, 16, batch_first=True, rng=0)(np.ones((3, 5, 8))).shape
        (3, 5, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Any], Any] = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        rng: init.Seed = None,
        dtype: Any = np.float64,
    ) -> None:
        if isinstance(activation, str) and activation not in ACTIVATIONS:
            raise ValueError(
                f"TransformerEncoderLayer: activation {activation!r} is not 'relu', 'gelu' or a function of one array"
            )
        rng = init.generator(rng)
        made: dict[str, Any] = {"rng": rng, "dtype": dtype}
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, **made)
        self.linear1 = Linear(d_model, dim_feedforward, bias, **made)
        self.dropout = Dropout(dropout, rng=rng)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **made)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.dropout1, self.dropout2 = Dropout(dropout, rng=rng), Dropout(dropout, rng=rng)
        self.activation = ACTIVATIONS[activation] if isinstance(activation, str) else activation
        self.norm_first = norm_first

    def forward(self, x: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        masks = (src_mask, src_key_padding_mask, is_causal)
        if self.norm_first:
            x = x + self._attended(self.norm1(x), *masks)
            return x + self._transformed(self.norm2(x))
        x = self.norm1(x + self._attended(x, *masks))
        return self.norm2(x + self._transformed(x))

    def _attended(self, x: Any, mask: Any, padding: Any, is_causal: bool) -> Any:
        out, _ = self.self_attn(x, key_padding_mask=padding, need_weights=False, attn_mask=mask, is_causal=is_causal)
        return self.dropout1(out)

    def _transformed(self, x: Any) -> Any:
        return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))


class TransformerEncoder(Module):
    """Several encoder layers one after another, copies of one that is given, with its values, as in PyTorch.

    All draw their dropout from the generator of the one that is given, in turn.

    Args:
        encoder_layer: a `TransformerEncoderLayer`.
        num_layers: how many copies.
        norm: a module for the end, as `LayerNorm(d_model)`, which norm_first asks for.

    Example:
        >>> encoder = TransformerEncoder(TransformerEncoderLayer(8, 2, 16, rng=0), 3)
        >>> encoder(np.ones((5, 2, 8))).shape, len(encoder.layers)
        ((5, 2, 8), 3)
    """

    def __init__(self, encoder_layer: TransformerEncoderLayer, num_layers: int, norm: Module | None = None) -> None:
        drawn_from = _generators(encoder_layer)  # stay shared: copies of them would drop the same units in each layer
        self.layers = [copy.deepcopy(encoder_layer, dict(drawn_from)) for _ in range(num_layers)]
        self.norm = norm

    def forward(self, x: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        for layer in self.layers:
            x = layer(x, mask, src_key_padding_mask, is_causal)
        return x if self.norm is None else self.norm(x)


def _generators(module: Module) -> dict[int, Any]:
    """The random generators that a module and its parts hold, as the memo of `copy.deepcopy`, which leaves them."""
    held = (value for part in module.modules() for value in vars(part).values())
    return {id(rng): rng for rng in held if isinstance(rng, np.random.Generator | np.random.RandomState)}


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
