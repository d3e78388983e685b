"""Attention: every position looks at all others, and takes of their values what fits its query."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygraph.nn import init
from tinygraph.nn.linear import Linear
from tinygraph.nn.module import Module
from tinygraph.op import bare
from tinygraph.ops.exponential import softmax
from tinygraph.ops.nn import dropout as drop
from tinygraph.ops.nn import linear
from tinygraph.ops.shape import as_array
from tinygraph.tensor import Tensor


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    rng: init.Seed = None,
) -> Any:
    """softmax(Q Kᵀ / √d + mask) V, over the last two axes.

    Args:
        query: (..., L, d).
        key: (..., S, d).
        value: (..., S, d_v).
        attn_mask: booleans, True where a position may be looked at, or real numbers that are added, -inf where it may
            not; of a shape that broadcasts to (..., L, S). A row that may look at nothing gives 0.
        dropout_p: the probability that a weight is dropped; applied whenever it is given.
        is_causal: each position looks at itself and what is before it.
        scale: in place of 1/√d.
        rng: of the dropout.

    Returns:
        (..., L, d_v).

    Raises:
        ValueError: shapes that do not fit.
        TypeError: a mask of whole numbers, which says neither what may be looked at nor what is to be added.

    Source:
        A. Vaswani et al., Attention is all you need (2017), equation 1.

    Example:
        >>> q, k, v = np.zeros((1, 2)), np.zeros((3, 2)), np.array([[1.0], [2.0], [6.0]])
        >>> scaled_dot_product_attention(q, k, v), scaled_dot_product_attention(q, k, v, np.array([True, True, False]))
        (array([[3.]]), array([[1.5]]))
    """
    weights = attention_weights(query, key, attn_mask, is_causal, scale)
    return _dropped(weights, dropout_p, rng) @ value


def attention_weights(
    query: Any, key: Any, mask: Any = None, is_causal: bool = False, scale: float | None = None
) -> Any:
    """softmax(Q Kᵀ / √d + mask): how much each position takes of each other one; a row that may take of none is 0.

    Arguments are those of `scaled_dot_product_attention`.

    Example:
        >>> attention_weights(np.zeros((2, 1)), np.zeros((2, 1)), is_causal=True)
        array([[1. , 0. ],
               [0.5, 0.5]])
    """
    query, key = as_array(query), as_array(key)
    if query.ndim < 2 or key.ndim < 2 or query.shape[-1] != key.shape[-1]:
        raise ValueError(
            f"attention: query of shape {query.shape} and key of shape {key.shape} must be (..., L, d) and (..., S, d)"
        )
    width = query.shape[-1]
    scores = (query * (1.0 / math.sqrt(width or 1) if scale is None else scale)) @ np.swapaxes(key, -1, -2)
    allowed = None
    if mask is not None:
        mask = _mask_of("attention", mask)
        allowed = bare(mask) if mask.dtype.kind == "b" else bare(mask) != -np.inf
        if mask.dtype.kind != "b":
            scores = scores + np.where(allowed, mask, 0.0)
    if is_causal:
        before = np.arange(scores.shape[-2])[:, None] >= np.arange(scores.shape[-1])
        allowed = before if allowed is None else allowed & before
    return softmax(scores) if allowed is None else _softmax_of_allowed(scores, allowed)


def _softmax_of_allowed(scores: Any, allowed: Any) -> Any:
    lowest = 0.25 * float(np.finfo(scores.dtype).min)  # whose exponential is 0 beside anything that is allowed
    weights = softmax(np.where(allowed, scores, lowest))
    some = allowed.any(axis=-1, keepdims=True)
    return weights if some.all() else np.where(some, weights, 0.0)


def _dropped(weights: Any, p: float, rng: init.Seed) -> Any:
    if not p:
        return weights
    kept = init.drawing(rng).random(weights.shape) >= p
    return drop(weights, mask=kept, keep_prob=1.0 - p)


class MultiheadAttention(Module):
    """Several attentions side by side, each on its own projection of queries, keys and values; then one of all.

    Args:
        embed_dim: E, of queries and outputs.
        num_heads: each of E / num_heads numbers.
        dropout: the probability that a weight is dropped while training.
        bias: False leaves all biases out.
        kdim, vdim: of keys and values; None is E.
        batch_first: False, as in PyTorch: time is the first axis, (L, N, E). True for samples in rows, (N, L, E).
        rng, dtype: a seed or generator, and the dtype of the parameters, which begin as PyTorch's.

    It takes (query, key=None, value=None, key_padding_mask=None, need_weights=True, attn_mask=None,
    average_attn_weights=True, is_causal=False) and returns (output, weights); the key is the query if none is given,
    and the value the key. As in PyTorch, True in a mask of booleans means here that a position is *not* looked at:
    `key_padding_mask` (N, S), `attn_mask` (L, S) or (N * num_heads, L, S), or numbers that are added. A position that
    may look at nothing takes nothing; there is no NaN. The weights are (N, L, S), the mean over heads, or (N, heads, L,
    S), or None.

    Raises:
        ValueError: an E that heads do not divide; inputs and masks that do not fit.
        TypeError: a mask of whole numbers.

    Source:
        A. Vaswani et al., Attention is all you need (2017), section 3.2.2.

    Example:
        >>> layer = MultiheadAttention(4, 2, batch_first=True, rng=0)
        >>> out, weights = layer(np.ones((3, 5, 4)))
        >>> out.shape, weights.shape, layer.state_dict().keys()
        ((3, 5, 4), (3, 5, 5), dict_keys(['in_proj_weight', 'in_proj_bias', 'out_proj.weight', 'out_proj.bias']))
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        *,
        rng: init.Seed = None,
        dtype: Any = np.float64,
    ) -> None:
        if num_heads < 1 or embed_dim % num_heads:
            raise ValueError(f"MultiheadAttention: embed_dim={embed_dim} must be a multiple of num_heads={num_heads}")
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        self._rng = init.kept(rng)
        rng = init.generator(rng)

        def drawn(*shape: int) -> Tensor:
            return Tensor(init.glorot_uniform(shape, rng=rng, dtype=dtype))

        if self.kdim == self.vdim == embed_dim:
            self.in_proj_weight = drawn(3 * embed_dim, embed_dim)
        else:
            self.q_proj_weight = drawn(embed_dim, embed_dim)
            self.k_proj_weight = drawn(embed_dim, self.kdim)
            self.v_proj_weight = drawn(embed_dim, self.vdim)
        self.in_proj_bias = Tensor(np.zeros(3 * embed_dim, dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, bias_init=init.zeros, rng=rng, dtype=dtype)

    def forward(
        self,
        query: Any,
        key: Any = None,
        value: Any = None,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        query = as_array(query)
        key = query if key is None else as_array(key)
        value = key if value is None else as_array(value)
        alone = query.ndim == 2
        q, k, v = (self._rows_first(x, alone) for x in (query, key, value))
        self._check(q, k, v)
        mask = self._mask(key_padding_mask, attn_mask, q.shape, k.shape[1])
        heads = [self._heads(x, i) for i, x in enumerate((q, k, v))]
        weights = attention_weights(heads[0], heads[1], mask, is_causal)
        taken = _dropped(weights, self.dropout if self.training else 0.0, self._rng) @ heads[2]
        out = self.out_proj(np.reshape(np.swapaxes(taken, 1, 2), q.shape))
        if need_weights and average_attn_weights:
            weights = np.mean(weights, axis=1)
        if alone:
            return out[0], weights[0] if need_weights else None
        return out if self.batch_first else np.swapaxes(out, 0, 1), weights if need_weights else None

    def _rows_first(self, x: Any, alone: bool) -> Any:
        if alone:
            return x[None]
        return x if self.batch_first else np.swapaxes(x, 0, 1)

    def _heads(self, x: Any, i: int) -> Any:
        """Queries, keys or values, (N, L, features), as (N, heads, L, features of a head)."""
        n = self.embed_dim
        part = slice(i * n, (i + 1) * n)
        own = getattr(self, f"{'qkv'[i]}_proj_weight", None)
        weight = self.in_proj_weight[part] if own is None else own
        made = linear(x, weight, None if self.in_proj_bias is None else self.in_proj_bias[part])
        return np.swapaxes(np.reshape(made, (*x.shape[:2], self.num_heads, n // self.num_heads)), 1, 2)

    def _check(self, q: Any, k: Any, v: Any) -> None:
        sizes = (self.embed_dim, self.kdim, self.vdim)
        shapes = [x.shape for x in (q, k, v)]
        fit = all(len(s) == 3 and s[2] == size for s, size in zip(shapes, sizes, strict=True))
        if not fit or shapes[1][:2] != shapes[2][:2] or shapes[0][0] != shapes[1][0]:
            raise ValueError(
                f"MultiheadAttention: query, key and value must be (N, L, {sizes[0]}), (N, S, {sizes[1]}) and "
                f"(N, S, {sizes[2]}){'' if self.batch_first else ', each with its first two axes exchanged'}; got "
                f"{shapes[0]}, {shapes[1]} and {shapes[2]} with samples first"
            )

    def _mask(self, padding: Any, mask: Any, shape: tuple[int, ...], keys: int) -> Any:
        """Both masks as one: booleans, True where a position may be looked at, or numbers to add."""
        n, steps = shape[:2]
        if mask is not None:
            mask = _mask_of("MultiheadAttention", mask)
            if mask.shape == (n * self.num_heads, steps, keys):
                mask = np.reshape(mask, (n, self.num_heads, steps, keys))
            elif mask.shape != (steps, keys):
                raise ValueError(
                    f"MultiheadAttention: attn_mask of shape {mask.shape} must be {(steps, keys)} or "
                    f"{(n * self.num_heads, steps, keys)}"
                )
            mask = ~bare(mask) if mask.dtype.kind == "b" else mask
        if padding is None:
            return mask
        padding = bare(_mask_of("MultiheadAttention", padding))
        if padding.shape != (n, keys) and not (n == 1 and padding.shape == (keys,)):
            raise ValueError(f"MultiheadAttention: key_padding_mask of shape {padding.shape} must be {(n, keys)}")
        seen = ~padding if padding.dtype.kind == "b" else padding
        seen = seen.reshape(n, 1, 1, keys)
        if mask is None or (mask.dtype.kind == "b" and seen.dtype.kind == "b"):
            return seen if mask is None else seen & mask
        return _added(seen) + _added(mask)

    def extra_repr(self) -> str:
        return f"{self.embed_dim}, num_heads={self.num_heads}" + (", batch_first" if self.batch_first else "")


def _mask_of(name: str, mask: Any) -> Any:
    """A mask as an array, which must say by its dtype what it means."""
    mask = as_array(mask)
    if mask.dtype.kind not in "bf":
        raise TypeError(
            f"{name}: a mask is of booleans, or of real numbers that are added to the scores; this one is of "
            f"{mask.dtype}: write mask == 1 or mask == 0, whichever is meant, or mask.astype(float)"
        )
    return mask


def _added(mask: Any) -> Any:
    """A mask as numbers to add."""
    return np.where(mask, 0.0, -np.inf) if mask.dtype.kind == "b" else mask
