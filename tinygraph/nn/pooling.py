"""Pooling as layers: the largest or the average of windows, of parts, of all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygraph.nn.module import Module
from tinygraph.ops import adaptive, pool


class _MaxPool(Module):
    _function: Callable[..., Any]

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
    ) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.dilation, self.ceil_mode = dilation, ceil_mode

    def forward(self, x: Any) -> Any:
        return self._function(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)

    def extra_repr(self) -> str:
        return _said(self, stride=None, padding=0, dilation=1, ceil_mode=False)


class MaxPool1d(_MaxPool):
    """The largest element of each window along the last axis: `max_pool1d`.

    Args:
        kernel_size, stride, padding, dilation, ceil_mode: as in `MaxPool2d`.

    Example:
        >>> MaxPool1d(2)(np.array([[[1.0, 3.0, 2.0, 0.0]]]))
        array([[[3., 2.]]])
    """

    _function = staticmethod(pool.max_pool1d)


class MaxPool2d(_MaxPool):
    """The largest element of each window of an image: `max_pool2d`.

    Args:
        kernel_size: of the window; a number, or one for each axis, as stride, padding and dilation are.
        stride: how far it moves, by default its own size.
        padding: around x, where nothing is the largest.
        dilation: how far the elements of a window are from each other.
        ceil_mode: whether windows that reach beyond the end count.

    Raises:
        ValueError: a window larger than x; more padding than half the window.

    Example:
        >>> MaxPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4)), MaxPool2d(2)
        (array([[[[ 5.,  7.],
                 [13., 15.]]]]), MaxPool2d(2))
    """

    _function = staticmethod(pool.max_pool2d)


class _AvgPool(Module):
    _function: Callable[..., Any]

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, x: Any) -> Any:
        return self._function(x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        return _said(self, stride=None, padding=0, ceil_mode=False, count_include_pad=True)


class AvgPool1d(_AvgPool):
    """The average of each window along the last axis: `avg_pool1d`.

    Args:
        kernel_size, stride, padding, ceil_mode, count_include_pad: as in `AvgPool2d`.

    Example:
        >>> AvgPool1d(2)(np.array([[[1.0, 3.0, 2.0, 0.0]]]))
        array([[[2., 1.]]])
    """

    _function = staticmethod(pool.avg_pool1d)


class AvgPool2d(_AvgPool):
    """The average of each window of an image: `avg_pool2d`.

    Args:
        kernel_size, stride, padding, ceil_mode: as in `MaxPool2d`.
        count_include_pad: whether the zeros around x count.

    Raises:
        ValueError: as `MaxPool2d`.

    Example:
        >>> AvgPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4))
        array([[[[ 2.5,  4.5],
                 [10.5, 12.5]]]])
    """

    _function = staticmethod(pool.avg_pool2d)


class _AdaptivePool(Module):
    _function: Callable[..., Any]

    def __init__(self, output_size: Any) -> None:
        self.output_size = output_size

    def forward(self, x: Any) -> Any:
        return self._function(x, self.output_size)

    def extra_repr(self) -> str:
        return f"{self.output_size}"


class AdaptiveAvgPool1d(_AdaptivePool):
    """The average of each of output_size parts of the last axis: `adaptive_avg_pool1d`.

    Example:
        >>> AdaptiveAvgPool1d(2)(np.array([[[1.0, 3.0, 2.0, 0.0]]]))
        array([[[2., 1.]]])
    """

    _function = staticmethod(adaptive.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptivePool):
    """The average of each of output_size parts of an image, whatever its size: `adaptive_avg_pool2d`.

    Args:
        output_size: (H', W'), or a number for both; None keeps an axis.

    Example:
        >>> AdaptiveAvgPool2d(2)(np.ones((1, 3, 7, 5))).shape
        (1, 3, 2, 2)
    """

    _function = staticmethod(adaptive.adaptive_avg_pool2d)


class AdaptiveMaxPool1d(_AdaptivePool):
    """The largest element of each of output_size parts of the last axis: `adaptive_max_pool1d`.

    Example:
        >>> AdaptiveMaxPool1d(2)(np.array([[[1.0, 3.0, 2.0, 0.0]]]))
        array([[[3., 2.]]])
    """

    _function = staticmethod(adaptive.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptivePool):
    """The largest element of each of output_size parts of an image: `adaptive_max_pool2d`.

    Args:
        output_size: (H', W'), or a number for both; None keeps an axis.

    Example:
        >>> AdaptiveMaxPool2d(2)(np.ones((1, 3, 7, 5))).shape
        (1, 3, 2, 2)
    """

    _function = staticmethod(adaptive.adaptive_max_pool2d)


class GlobalAvgPool(Module):
    """The average of each channel over all that follows: (N, C, ...) becomes (N, C).

    Raises:
        ValueError: an x of fewer than three axes.

    Source:
        Lin, Chen and Yan, Network in network (2013).

    Example:
        >>> GlobalAvgPool()(np.ones((2, 3, 4, 4))).shape
        (2, 3)
    """

    def forward(self, x: Any) -> Any:
        if np.ndim(x) < 3:
            raise ValueError(f"{self}: takes x of shape (N, C, ...), three axes or more; got shape {np.shape(x)}")
        return np.mean(x, axis=tuple(range(2, np.ndim(x))))


def _said(layer: Any, **usual: Any) -> str:
    """The size of the window, and what is not as usual."""
    ways = [f"{name}={getattr(layer, name)}" for name, value in usual.items() if getattr(layer, name) != value]
    return ", ".join([f"{layer.kernel_size}", *ways])
