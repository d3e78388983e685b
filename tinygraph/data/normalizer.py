"""Inputs of mean 0 and standard deviation 1, by the training set's figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from tinygraph.nn.module import Module
from tinygraph.op import Array, bare


class Normalizer(Module):
    """(x - mean) / std, with mean and standard deviation of the data that it was fitted to: the training set.

    Dev and test sets are transformed by the same figures, never by their own (course 2, week 1). Both are buffers:
    put it in front of a network, `nn.Sequential(normalizer, ...)`, and they are saved with it. A feature that is the
    same in all samples is divided by 1.

    Args:
        shape: of mean and std, for a normalizer that will be loaded instead of fitted: () is a number.
        axis: the axes of samples. 0: each column of x is a feature, and `shape` is x.shape[1:]. 1: the course's
            columns, `shape` is (n_x, 1). (0, 2, 3): one mean for each channel of images, `shape` is (channels, 1, 1).

    Example:
        >>> x = np.array([[1.0, 10.0], [3.0, 10.0]])
        >>> normalizer = Normalizer().fit(x)
        >>> normalizer.mean, normalizer.std
        (array([ 2., 10.]), array([1., 1.]))
        >>> normalizer.transform(np.array([[4.0, 11.0]]))
        array([[2., 1.]])
        >>> normalizer.inverse(np.array([[2.0, 1.0]]))
        array([[ 4., 11.]])
    """

    def __init__(self, shape: Sequence[int] | int = (), *, axis: int | Sequence[int] = 0) -> None:
        self.axis = axis
        self.mean, self.std = np.full(shape, np.nan), np.full(shape, np.nan)  # until it is fitted, or loaded

    def fit(self, x: Any) -> Self:
        """Take mean and standard deviation of these samples.

        Raises:
            ValueError: no samples; a NaN or an infinity, by which all would become NaN.
        """
        x = np.asarray(bare(x))
        axes = tuple(k % x.ndim for k in ((self.axis,) if isinstance(self.axis, int) else self.axis))
        if not x.size:
            raise ValueError(f"Normalizer: there are no samples in an array of shape {x.shape}")
        if not np.all(np.isfinite(x)):
            raise ValueError(f"Normalizer: {np.count_nonzero(~np.isfinite(x))} of {x.size} numbers are not finite")
        dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
        mean = x.mean(axes, keepdims=True, dtype=np.float64)
        std = x.std(axes, keepdims=True, dtype=np.float64)
        std[x.max(axes, keepdims=True) == x.min(axes, keepdims=True)] = 1.0  # their computed std may be round-off
        self.mean, self.std = ((a[0] if 0 in axes else a).astype(dtype) for a in (mean, std))
        return self

    def transform(self, x: Any) -> Any:
        """Normalise arrays, or Tensors: then it is recorded."""
        self._check(x)
        return (x - self._like(self.mean, x)) / self._like(self.std, x)

    def inverse(self, x: Any) -> Any:
        """What `transform` has made into x."""
        self._check(x)
        return x * self._like(self.std, x) + self._like(self.mean, x)

    def forward(self, x: Any) -> Any:
        return self.transform(x)

    def extra_repr(self) -> str:
        return f"{self.mean.size} features"

    def _to_load(self, shape: tuple[int, ...]) -> str:
        return f" (to load it, make it as Normalizer({shape}))" if np.isnan(self.mean).any() else ""

    def _check(self, x: Any) -> None:
        if np.isnan(self.mean).any():
            raise ValueError("Normalizer: it has seen no data yet; call .fit(x) with the training set's inputs")
        shape = np.shape(bare(x))
        if not _fits(self.mean.shape, shape):
            raise ValueError(
                f"Normalizer: x of shape {shape}, but it was fitted to features of shape {self.mean.shape}"
            )

    @staticmethod
    def _like(figure: Array, x: Any) -> Array:
        """Figures in the precision of what is transformed: float32 stays float32."""
        dtype = getattr(x, "dtype", figure.dtype)
        return figure.astype(dtype, copy=False) if dtype.kind == "f" else figure


def _fits(figures: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether figures broadcast to data of this shape, and do not enlarge it."""
    if len(figures) > len(shape):
        return False
    return all(f in (1, n) for f, n in zip(reversed(figures), reversed(shape), strict=False))
