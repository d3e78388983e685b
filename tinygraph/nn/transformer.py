"""The Transformer's encoder and decoder."""

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

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {"relu": relu, "gelu": gelu}


class _Layer(Module):
    """What both kinds of layers share: attentions, two linear layers at each position, and a way around each part."""

    _attentions: tuple[str, ...] = ("self_attn",)
    self_attn: MultiheadAttention

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
                f"{type(self).__name__}: activation {activation!r} is not 'relu', 'gelu' or a function of one array"
            )
        rng = init.generator(rng)
        made: dict[str, Any] = {"rng": rng, "dtype": dtype}
        for name in self._attentions:
            setattr(self, name, MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, **made))
        self.linear1 = Linear(d_model, dim_feedforward, bias, **made)
        self.dropout = Dropout(dropout, rng=rng)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **made)
        parts = range(1, len(self._attentions) + 2)
        for i in parts:
            setattr(self, f"norm{i}", LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype))
        for i in parts:
            setattr(self, f"dropout{i}", Dropout(dropout, rng=rng))
        self.activation = ACTIVATIONS[activation] if isinstance(activation, str) else activation
        self.norm_first = norm_first

    def _around(self, i: int, x: Any, part: Callable[[Any], Any]) -> Any:
        """x plus what its i-th part makes of it, normalised on the way in or on the way out."""
        norm, dropout = getattr(self, f"norm{i}"), getattr(self, f"dropout{i}")
        return x + dropout(part(norm(x))) if self.norm_first else norm(x + dropout(part(x)))

    def _transformed(self, x: Any) -> Any:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Layer):
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

    def forward(self, x: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        masks = {"attn_mask": src_mask, "key_padding_mask": src_key_padding_mask, "is_causal": is_causal}
        x = self._around(1, x, lambda x: self.self_attn(x, need_weights=False, **masks)[0])
        return self._around(2, x, self._transformed)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to what the encoder returned, two linear layers at each position.

    Each is added to what it was given, and normalised.

    Args:
        d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias, rng, dtype:
            as in `TransformerEncoderLayer`.

    It takes (tgt, memory, tgt_mask=None, memory_mask=None, tgt_key_padding_mask=None, memory_key_padding_mask=None,
    tgt_is_causal=False, memory_is_causal=False): queries are of tgt, (L, N, d_model), keys and values in the second
    attention of memory, (S, N, d_model). Masks are as in `MultiheadAttention`; tgt_is_causal is the look-ahead mask.

    Raises:
        ValueError: another activation; what `MultiheadAttention` raises.

    Source:
        A. Vaswani et al., Attention is all you need (2017), section 3.1; course 5, week 4.

    Example:
        >>> layer = TransformerDecoderLayer(8, 2, 16, batch_first=True, rng=0)
        >>> layer(np.ones((3, 5, 8)), np.ones((3, 7, 8)), tgt_is_causal=True).shape
        (3, 5, 8)
    """

    _attentions = ("self_attn", "multihead_attn")
    multihead_attn: MultiheadAttention

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Any:
        own = {"attn_mask": tgt_mask, "key_padding_mask": tgt_key_padding_mask, "is_causal": tgt_is_causal}
        other = {"attn_mask": memory_mask, "key_padding_mask": memory_key_padding_mask, "is_causal": memory_is_causal}
        x = self._around(1, tgt, lambda x: self.self_attn(x, need_weights=False, **own)[0])
        x = self._around(2, x, lambda x: self.multihead_attn(x, memory, need_weights=False, **other)[0])
        return self._around(3, x, self._transformed)


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
        self.layers = _copies(encoder_layer, num_layers)
        self.norm = norm

    def forward(self, x: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        for layer in self.layers:
            x = layer(x, mask, src_key_padding_mask, is_causal)
        return x if self.norm is None else self.norm(x)


class TransformerDecoder(Module):
    """Several decoder layers one after another, copies of one that is given, with its values, as in PyTorch.

    It takes what a `TransformerDecoderLayer` takes; the memory goes to every layer.

    Args:
        decoder_layer: a `TransformerDecoderLayer`.
        num_layers, norm: as in `TransformerEncoder`.

    Example:
        >>> decoder = TransformerDecoder(TransformerDecoderLayer(8, 2, 16, rng=0), 3)
        >>> decoder(np.ones((5, 2, 8)), np.ones((7, 2, 8)), tgt_is_causal=True).shape, len(decoder.layers)
        ((5, 2, 8), 3)
    """

    def __init__(self, decoder_layer: TransformerDecoderLayer, num_layers: int, norm: Module | None = None) -> None:
        self.layers = _copies(decoder_layer, num_layers)
        self.norm = norm

    def forward(self, tgt: Any, memory: Any, *masks: Any, **named: Any) -> Any:
        for layer in self.layers:
            tgt = layer(tgt, memory, *masks, **named)
        return tgt if self.norm is None else self.norm(tgt)


def _copies(layer: Module, count: int) -> list[Module]:
    """Copies of a layer, which draw in turn from its generators: copies of these would drop the same in each layer."""
    held = (value for part in layer.modules() for value in vars(part).values())
    generators = {id(rng): rng for rng in held if isinstance(rng, np.random.Generator | np.random.RandomState)}
    return [copy.deepcopy(layer, dict(generators)) for _ in range(count)]
