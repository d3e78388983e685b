"""Layers that normalise: over the batch, over the features, over groups of channels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygraph.mode import begun, ended
from tinygraph.nn.module import Module
from tinygraph.op import Mapped, bare
from tinygraph.ops.moments import moments, normalize, normalize_rows
from tinygraph.ops.shape import as_array
from tinygraph.tensor import Tensor
from tinygraph.transforms.draws import REPEATING


class _BatchNorm(Module):
    """What batch normalisations share; they differ in the number of axes that they take."""

    _ndims: tuple[int, ...] = ()
    _takes = ""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        dtype: Any = np.float64,
    ) -> None:
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = Tensor(np.ones(num_features, dtype)) if affine else None
        self.bias = Tensor(np.zeros(num_features, dtype)) if affine else None
        self.running_mean: Any = np.zeros(num_features, dtype) if track_running_stats else None
        self.running_var: Any = np.ones(num_features, dtype) if track_running_stats else None
        self.num_batches_tracked: Any = np.array(0) if track_running_stats else None

    def forward(self, x: Any) -> Any:
        x = as_array(x)
        shape = x.shape
        if len(shape) not in self._ndims or shape[1] != self.num_features:
            raise ValueError(f"{self}: takes x of shape {self._takes}, C = {self.num_features}; got shape {shape}")
        if not self.training and self.running_mean is not None:
            along = (self.num_features, *(1,) * (len(shape) - 2))
            weight, bias = (None if t is None else t.reshape(along) for t in (self.weight, self.bias))
            spread = np.sqrt(self.running_var + self.eps).reshape(along)
            scale = 1.0 / spread if weight is None else weight / spread
            out = (x - self.running_mean.reshape(along)) * scale
            return out if bias is None else out + bias
        axis = (0, *range(2, len(shape)))
        count = math.prod(shape[i] for i in axis)
        if count < 2 and self.training:
            raise ValueError(
                f"{self}: training needs two values per channel or more to tell their spread, x of shape {shape} has "
                f"{count}; take a larger batch, or .eval()"
            )
        known = moments(bare(x), axis)
        if self.training and self.running_mean is not None and not REPEATING.get():
            if isinstance(known.mean, Mapped):
                raise RuntimeError(
                    f"{self}: inside vmap each example has averages of its own, and the running ones are one for all; "
                    "give track_running_stats=False, or .eval(), or take GroupNorm, which needs none"
                )
            self._track(known.mean, known.var, count)
        return normalize_rows(x, self.weight, self.bias, by_row=True, axis=axis, eps=self.eps, center=True, known=known)

    def _track(self, mean: Any, var: Any, count: int) -> None:
        """Move the running averages towards those of a batch, the variance without its bias."""
        now = begun(vars(self), ("num_batches_tracked", "running_mean", "running_var"))
        now["num_batches_tracked"] += 1
        share = 1.0 / int(now["num_batches_tracked"]) if self.momentum is None else self.momentum
        now["running_mean"] += share * (mean.reshape(-1) - now["running_mean"])
        now["running_var"] += share * (var.reshape(-1) * (count / (count - 1)) - now["running_var"])
        ended(vars(self), now)

    def extra_repr(self) -> str:
        return f"{self.num_features}"


class BatchNorm1d(_BatchNorm):
    """weight * (x - μ) / √(σ² + eps) + bias with μ and σ² of each feature over the batch; of running averages in eval.

    Args:
        num_features: C, in x of shape (N, C) or (N, C, L).
        eps: added to the variance.
        momentum: running = (1 - momentum) * running + momentum * batch's, the course's with beta = 1 - momentum; None
            for the plain average of all batches.
        affine: whether there are `weight` and `bias`, the course's γ and β.
        track_running_stats: False has no running averages, and takes the batch's in evaluation too.
        dtype: of parameters and averages.

    Raises:
        ValueError: an x of another shape; in training, fewer than two values per feature.
        RuntimeError: in training inside `vmap`, with running averages.

    Source:
        Ioffe and Szegedy, Batch normalization (2015); course 2, week 3.

    Example:
        >>> layer = BatchNorm1d(2, eps=0.0)
        >>> layer(np.array([[1.0, 10.0], [3.0, 30.0]])).numpy(), layer.running_mean
        (array([[-1., -1.],
               [ 1.,  1.]]), array([0.2, 2. ]))
    """

    _ndims, _takes = (2, 3), "(N, C) or (N, C, L)"


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of images, with μ and σ² of each channel over samples, rows and columns.

    Args:
        num_features: C, in x of shape (N, C, H, W). The others are those of `BatchNorm1d`.

    Raises:
        ValueError: as `BatchNorm1d`.

    Example:
        >>> BatchNorm2d(3)(np.random.default_rng(0).normal(size=(4, 3, 2, 2))).shape
        (4, 3, 2, 2)
    """

    _ndims, _takes = (4,), "(N, C, H, W)"


class LayerNorm(Module):
    """weight * (x - μ) / √(σ² + eps) + bias with μ and σ² of each sample over its last axes.

    Args:
        normalized_shape: the sizes of those axes, one number for the last alone.
        eps: added to the variance.
        elementwise_affine: whether there is a `weight` of that shape.  bias: whether there is a `bias` with it.
        dtype: of the parameters.

    Raises:
        ValueError: an x that ends in other axes.

    Source:
        Ba, Kiros and Hinton, Layer normalization (2016).

    Example:
        >>> LayerNorm(2, eps=0.0)(np.array([[1.0, 3.0], [10.0, 30.0]])).numpy()
        array([[-1.,  1.],
               [-1.,  1.]])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: Any = np.float64,
    ) -> None:
        self.normalized_shape = _sizes(normalized_shape)
        self.eps = eps
        self.weight = Tensor(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None
        self.bias = Tensor(np.zeros(self.normalized_shape, dtype)) if elementwise_affine and bias else None

    def forward(self, x: Any) -> Any:
        x = as_array(x)
        axis = _last_axes(self, x, self.normalized_shape)
        return normalize(x, self.weight, self.bias, axis=axis, eps=self.eps)

    def extra_repr(self) -> str:
        return ", ".join(map(str, self.normalized_shape))


class RMSNorm(Module):
    """weight * x / √(mean(x²) + eps) with the mean of each sample over its last axes.

    Args:
        normalized_shape: the sizes of those axes, one number for the last alone.
        eps: added to the mean square; None for the spacing of numbers at 1 in the dtype of x, as in PyTorch.
        elementwise_affine: whether there is a `weight` of that shape.
        dtype: of the weight.

    Raises:
        ValueError: an x that ends in other axes.

    Source:
        Zhang and Sennrich, Root mean square layer normalization (2019).

    Example:
        >>> RMSNorm(2)(np.array([[3.0, 4.0]])).numpy().round(4)
        array([[0.8485, 1.1314]])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: Any = np.float64,
    ) -> None:
        self.normalized_shape = _sizes(normalized_shape)
        self.eps = eps
        self.weight = Tensor(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None

    def forward(self, x: Any) -> Any:
        x = as_array(x)
        axis = _last_axes(self, x, self.normalized_shape)
        eps = float(np.finfo(x.dtype).eps) if self.eps is None else self.eps
        return normalize(x, self.weight, axis=axis, eps=eps, center=False)

    def extra_repr(self) -> str:
        return ", ".join(map(str, self.normalized_shape))


class GroupNorm(Module):
    """Normalisation of each sample over groups of channels; weight and bias are each channel's.

    Args:
        num_groups: 1 is layer normalisation of all channels, num_channels is instance normalisation.
        num_channels: C, in x of shape (N, C, ...); a multiple of num_groups.
        eps: added to the variance.
        affine: whether there are `weight` and `bias`.
        dtype: of the parameters.

    Raises:
        ValueError: channels that do not divide into groups; an x of another number of channels.

    Source:
        Wu and He, Group normalization (2018).

    Example:
        >>> GroupNorm(2, 4)(np.random.default_rng(0).normal(size=(3, 4, 5))).shape
        (3, 4, 5)
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, *, dtype: Any = np.float64
    ) -> None:
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: {num_channels} channels do not divide into {num_groups} groups")
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.weight = Tensor(np.ones(num_channels, dtype)) if affine else None
        self.bias = Tensor(np.zeros(num_channels, dtype)) if affine else None

    def forward(self, x: Any) -> Any:
        shape = np.shape(x)
        if len(shape) < 2 or shape[1] != self.num_channels:
            raise ValueError(f"{self}: takes x of shape (N, C, ...), C = {self.num_channels}; got shape {shape}")
        window = shape[2:]
        groups = (self.num_groups, self.num_channels // self.num_groups)
        along = (*groups, *(1,) * len(window))
        weight, bias = (None if t is None else t.reshape(along) for t in (self.weight, self.bias))
        grouped = np.reshape(x, (shape[0], *groups, *window))
        return np.reshape(normalize(grouped, weight, bias, axis=tuple(range(2, grouped.ndim)), eps=self.eps), shape)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}"


def _sizes(given: int | Sequence[int]) -> tuple[int, ...]:
    return (given,) if isinstance(given, int | np.integer) else tuple(given)


def _last_axes(layer: Module, x: Any, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """The axes to normalise over, the last ones, if they have these sizes."""
    shape = x.shape
    if len(shape) < len(sizes) or shape[len(shape) - len(sizes) :] != sizes:
        raise ValueError(f"{layer}: takes x whose last axes are {sizes}, got shape {shape}")
    return tuple(range(-len(sizes), 0))
