"""Embedding: a learned row for each whole number."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.nn import init
from tinygraph.nn.module import Module
from tinygraph.op import bare
from tinygraph.tensor import Tensor


class Embedding(Module):
    """weight[index]: a table of vectors, one for each word, character or item.

    A row that an index names several times gets the sum of the gradients.

    Args:
        num_embeddings, embedding_dim: the shape of `weight`.
        padding_idx: the row that stands for padding: it begins as zeros and gets no gradient.
        weight_init: an initialiser or its name; None draws from the standard normal distribution, as PyTorch.
        rng: a seed or a generator; None draws from the common one.
        dtype: of the weight.

    Raises:
        ValueError: a padding_idx out of range.
        TypeError: an index that is no whole number.
        IndexError: an index out of range, negative ones among them.

    Example:
        >>> words = Embedding(10, 4, padding_idx=0, rng=0)
        >>> words(np.array([[1, 2, 0], [4, 0, 0]])).shape
        (2, 3, 4)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        weight_init: init.Initialiser | str | None = None,
        rng: init.Seed = None,
        dtype: Any = np.float64,
    ) -> None:
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"Embedding: padding_idx {padding_idx} is none of the {num_embeddings} rows")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        shape, rng = (num_embeddings, embedding_dim), init.generator(rng)
        drawn = (
            init.normal(shape, 1.0, rng=rng, dtype=dtype)
            if weight_init is None
            else init.initialiser(weight_init)(shape, rng=rng, dtype=dtype)
        )
        if self.padding_idx is not None:
            drawn[self.padding_idx] = 0.0
        self.weight = Tensor(drawn)

    def forward(self, index: Any) -> Any:
        index = bare(index)
        index = index if hasattr(index, "dtype") else np.asarray(index)
        if index.dtype.kind not in "iu" and index.size:
            raise TypeError(f"{self}: takes whole numbers, got dtype {index.dtype}; convert with .astype(int)")
        if index.size and not (index.min() >= 0 and index.max() < self.num_embeddings):
            raise IndexError(
                f"{self}: indices must lie in 0 ... {self.num_embeddings - 1}, got {index.min()} ... {index.max()}"
            )
        index = index.astype(np.intp, copy=False)
        found = self.weight[index]
        if self.padding_idx is None:
            return found
        padding = (index == self.padding_idx)[..., None]
        return np.where(padding, self.weight.data[self.padding_idx], found)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
