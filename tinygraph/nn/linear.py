"""The layer that everything begins with, and the one that does nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.nn import init
from tinygraph.nn.module import Module
from tinygraph.ops.nn import linear
from tinygraph.tensor import Tensor


class Identity(Module):
    """x as it is: in the place of a layer that is left out.

    Example:
        >>> Identity()(np.array([1.0, 2.0]))
        array([1., 2.])
    """

    def forward(self, x: Any) -> Any:
        return x


class Linear(Module):
    """y = x Wᵀ + b, for samples in rows.

    Args:
        in_features, out_features: n[l-1] and n[l]; `weight` is (out_features, in_features), `bias` (out_features,).
        bias: False leaves b out.
        weight_init: an initialiser of `tinygraph.nn.init`, as `init.he`, or its name, "he"; None is PyTorch's, uniform
            within ±1/sqrt(in_features). bias_init: that of the bias; None is the same uniform, or zeros where
            `weight_init` is given.
        rng: a seed or a generator; None draws from the common one.
        dtype: of the parameters.

    Example:
        >>> layer = Linear(3, 2, weight_init=init.he, rng=0)
        >>> layer(np.ones((5, 3))).shape, layer
        ((5, 2), Linear(3 → 2))
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        weight_init: init.Initialiser | str | None = None,
        bias_init: init.Initialiser | str | None = None,
        rng: init.Seed = None,
        dtype: Any = np.float64,
    ) -> None:
        self.in_features, self.out_features = in_features, out_features
        draw = init.starting(weight_init, bias_init, in_features)
        rng = init.generator(rng)
        self.weight = Tensor(draw.weight((out_features, in_features), rng=rng, dtype=dtype))
        self.bias = Tensor(draw.bias((out_features,), rng=rng, dtype=dtype)) if bias else None

    def forward(self, x: Any) -> Any:
        return linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{self.in_features} → {self.out_features}" + ("" if self.bias is not None else ", bias=False")
