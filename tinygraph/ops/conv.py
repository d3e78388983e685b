"""Convolutions as networks mean them: cross-correlations with stride, padding, dilation and groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygraph.op import Op
from tinygraph.ops.correlation import METHODS, conv, conv_transpose
from tinygraph.ops.measured import fastest
from tinygraph.ops.patches import Padding, padded
from tinygraph.ops.shape import as_array
from tinygraph.ops.window import Sizes, places, reach, sizes

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d"]


def conv1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *,
    method: str = "im2col",
) -> Any:
    """Cross-correlation along one axis, y[n, o, t] = b[o] + sum over c, i of w[o, c, i] x[n, c, t * stride + i].

    Args:
        x: (N, C, L), or (C, L).
        weight: (out, C / groups, kl).
        bias, stride, padding, dilation, groups, method: as in `conv2d`.

    Returns:
        (N, out, L'), L' = (L + padding before and after - dilation * (kl - 1) - 1) // stride + 1.

    Raises:
        ValueError: as `conv2d`.

    Example:
        >>> conv1d(np.array([[1.0, 2.0, 4.0]]), np.array([[[-1.0, 1.0]]]))
        array([[1., 2.]])
    """
    return _convolved("conv1d", 1, x, weight, bias, stride, padding, dilation, groups, method)


def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *,
    method: str = "im2col",
) -> Any:
    """Cross-correlation of images, what networks call convolution.

    y[n, o, p, q] = b[o] + sum of w[o, c, i, j] x[n, c, p * stride + i * dilation, q * stride + j * dilation]

    Args:
        x: (N, C, H, W), or (C, H, W).
        weight: (out, C / groups, kh, kw).
        bias: (out,), or None.
        stride: how far the kernel moves; a whole number, or one for each axis, as are padding and dilation.
        padding: zeros around; also a pair (before, after) for each axis, "valid" for none, or "same" for an output of
            the size of x, where an odd zero stands after, as in PyTorch.
        dilation: how far the kernel's places are from each other.
        groups: so many convolutions side by side, each of its part of the channels.
        method: how it is computed, with equal results but for rounding. "im2col": matrix products of patches.
            "direct": loops compiled by numba (`pip install 'tinygraph[jit]'`), of real floats; the fastest for most
            kernels of more than one place. "fft": for large kernels; rounds by the largest element, and spreads what is
            not finite. "measure": the fastest of them, measured once for these shapes and kept, so that it may be
            another one in another run.

    Returns:
        (N, out, H', W'), H' = (H + padding before and after - dilation * (kh - 1) - 1) // stride + 1. In memory the
        samples may come last.

    Raises:
        ValueError: shapes that do not fit, a kernel larger than the padded x, "same" with a stride, no such method.
        ImportError: "direct" without numba.

    Source:
        LeCun et al., Gradient-based learning applied to document recognition (1998); the course's step-by-step
        convolution is this one on axes (m, n_H, n_W, n_C), moved.

    Example:
        >>> x = np.arange(9.0).reshape(1, 1, 3, 3)
        >>> conv2d(x, np.ones((1, 1, 2, 2)))
        array([[[[ 8., 12.],
                 [20., 24.]]]])
        >>> conv2d(x, np.ones((1, 1, 3, 3)), padding="same", bias=np.array([0.5])).shape
        (1, 1, 3, 3)
    """
    return _convolved("conv2d", 2, x, weight, bias, stride, padding, dilation, groups, method)


def conv3d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *,
    method: str = "im2col",
) -> Any:
    """Cross-correlation of volumes.

    Args:
        x: (N, C, D, H, W), or (C, D, H, W).
        weight: (out, C / groups, kd, kh, kw).
        bias, stride, padding, dilation, groups, method: as in `conv2d`.

    Returns:
        (N, out, D', H', W').

    Raises:
        ValueError: as `conv2d`.

    Example:
        >>> conv3d(np.ones((1, 1, 2, 2, 3)), np.ones((1, 1, 2, 2, 2)))
        array([[[[[8., 8.]]]]])
    """
    return _convolved("conv3d", 3, x, weight, bias, stride, padding, dilation, groups, method)


def conv_transpose1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    *,
    method: str = "im2col",
) -> Any:
    """The transpose of `conv1d`: each element of x adds a copy of the kernel, times itself, to the output.

    Args:
        x: (N, C, L), or (C, L).
        weight: (C, out / groups, kl).
        bias, stride, padding, output_padding, groups, dilation, method: as in `conv_transpose2d`.

    Returns:
        (N, out, L'), L' = (L - 1) * stride - 2 * padding + dilation * (kl - 1) + output_padding + 1.

    Raises:
        ValueError: as `conv_transpose2d`.

    Example:
        >>> conv_transpose1d(np.array([[1.0, 2.0]]), np.array([[[1.0, 10.0]]]))
        array([[ 1., 12., 20.]])
    """
    return _transposed(
        "conv_transpose1d", 1, x, weight, bias, stride, padding, output_padding, groups, dilation, method
    )


def conv_transpose2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    *,
    method: str = "im2col",
) -> Any:
    """The transpose of `conv2d`: each element of x adds a copy of the kernel, times itself, to the output.

    With one weight, <conv2d(x, w), y> = <x, conv_transpose2d(y, w)>: it is the gradient of a convolution.

    Args:
        x: (N, C, H, W), or (C, H, W).
        weight: (C, out / groups, kh, kw).
        bias: (out,), or None.
        stride: how far the copies are from each other.
        padding: how much is cut off all around.
        output_padding: how much is added after, less than the stride or the dilation.
        groups, dilation, method: as in `conv2d`.

    Returns:
        (N, out, H', W'), H' = (H - 1) * stride - 2 * padding + dilation * (kh - 1) + output_padding + 1.

    Raises:
        ValueError: shapes that do not fit, or nothing that is left of the output.

    Source:
        Dumoulin and Visin, A guide to convolution arithmetic for deep learning (2016).

    Example:
        >>> conv_transpose2d(np.ones((1, 1, 2, 2)), np.ones((1, 1, 2, 2)))
        array([[[[1., 2., 1.],
                 [2., 4., 2.],
                 [1., 2., 1.]]]])
    """
    return _transposed(
        "conv_transpose2d", 2, x, weight, bias, stride, padding, output_padding, groups, dilation, method
    )


_AXES = {1: ("L", "kl"), 2: ("H, W", "kh, kw"), 3: ("D, H, W", "kd, kh, kw")}


def _convolved(
    name: str,
    axes: int,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    method: str,
) -> Any:
    x, weight = as_array(x), as_array(weight)
    shape, kernel = _checked(name, axes, x.shape, weight.shape, groups)
    if shape[1] != weight.shape[1] * groups or weight.shape[0] % groups:
        raise ValueError(
            f"{name}: x of shape {x.shape} and weight of shape {weight.shape} do not fit with groups={groups}: "
            f"x has C = {shape[1]} channels, weight is (out, C / groups, {_AXES[axes][1]}), out a multiple of groups"
            + f"; channels go first: np.moveaxis(x, -1, {-axes - 1})"
            * (shape[-1] == weight.shape[1] * groups)
        )
    stride, dilation = sizes(name, "stride", stride, axes, 1), sizes(name, "dilation", dilation, axes, 1)
    padding = frame_of(name, padding, kernel, stride, dilation)
    places(name, padded(shape[2:], padding), kernel, stride, dilation)
    how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    how["method"] = _chosen(name, method, shape, weight, how)
    return _biased(name, axes, conv, x, weight, bias, weight.shape[0], how)


def _transposed(
    name: str,
    axes: int,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
    method: str,
) -> Any:
    x, weight = as_array(x), as_array(weight)
    shape, kernel = _checked(name, axes, x.shape, weight.shape, groups)
    if shape[1] != weight.shape[0] or shape[1] % groups:
        raise ValueError(
            f"{name}: x of shape {x.shape} and weight of shape {weight.shape} do not fit with groups={groups}: "
            f"x has C = {shape[1]} channels, weight is (C, out / groups, {_AXES[axes][1]}), C a multiple of groups"
        )
    stride, dilation = sizes(name, "stride", stride, axes, 1), sizes(name, "dilation", dilation, axes, 1)
    margin = sizes(name, "padding", padding, axes)
    more = sizes(name, "output_padding", output_padding, axes)
    if any(m >= max(s, d) for m, s, d in zip(more, stride, dilation, strict=True)):
        raise ValueError(
            f"{name}: output_padding {more} must be less than the stride {stride} or the dilation {dilation}"
        )
    cut = tuple((p, p - m) for p, m in zip(margin, more, strict=True))
    framed = ((n - 1) * s + r for n, s, r in zip(shape[2:], stride, reach(kernel, dilation), strict=True))
    size = tuple(n - a - b for n, (a, b) in zip(framed, cut, strict=True))
    if min(size) < 1:
        raise ValueError(f"{name}: padding {margin} cuts off all of an output of size {size}; take less")
    how = {"stride": stride, "padding": cut, "dilation": dilation, "groups": groups}
    how |= {"method": _chosen(name, method, (shape[0], weight.shape[1] * groups, *size), weight, how), "size": size}
    return _biased(name, axes, conv_transpose, x, weight, bias, weight.shape[1] * groups, how)


def _checked(name: str, axes: int, shape: Sizes, of_weight: Sizes, groups: Any) -> tuple[Sizes, Sizes]:
    """The shape of x with its samples, and the size of the kernel."""
    sizes(name, "groups", groups, 1, 1)
    letters, kernel = _AXES[axes]
    if len(shape) not in (axes + 1, axes + 2) or len(of_weight) != axes + 2:
        raise ValueError(
            f"{name}: takes x of shape (N, C, {letters}) or (C, {letters}) and a weight of {axes + 2} axes, the last "
            f"{kernel}; got {shape} and {of_weight}"
        )
    if min(of_weight) < 1 or min(shape[-axes - 1 :]) < 1:
        raise ValueError(f"{name}: only the samples may be none; got x of shape {shape}, weight of shape {of_weight}")
    return (shape if len(shape) == axes + 2 else (1, *shape)), of_weight[2:]


def checked_method(name: str, method: str) -> str:
    if method not in (*METHODS, "measure"):
        raise ValueError(f"{name}: method {method!r} is not one of {', '.join(map(repr, METHODS))} and 'measure'")
    return method


def _chosen(name: str, method: str, x: Sizes, weight: Any, how: Mapping[str, Any]) -> str:
    """The method that is asked for, or the fastest for a convolution of such an x."""
    return fastest(x, weight.shape, weight.dtype, **how) if checked_method(name, method) == "measure" else method


def frame_of(name: str, padding: Any, kernel: Sizes, stride: Sizes, dilation: Sizes) -> Padding:
    """The zeros before and after along each axis that a padding means."""
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f"{name}: padding {padding!r} is not 'same', 'valid', or a number of zeros")
        if padding == "same" and max(stride) > 1:
            raise ValueError(f"{name}: padding 'same' needs stride 1, got {stride}; give the padding in numbers")
        total = [n - 1 if padding == "same" else 0 for n in reach(kernel, dilation)]
        return tuple((n // 2, n - n // 2) for n in total)
    if isinstance(padding, tuple | list) and any(isinstance(p, tuple | list) for p in padding):
        if len(padding) != len(kernel):
            raise ValueError(f"{name}: padding takes {len(kernel)} pairs (before, after), got {padding!r}")
        pairs = [sizes(name, "a pair of padding", p, 2) for p in padding]
        return tuple((a, b) for a, b in pairs)
    return tuple((p, p) for p in sizes(name, "padding", padding, len(kernel)))


def _biased(name: str, axes: int, op: Op, x: Any, weight: Any, bias: Any, channels: int, how: dict[str, Any]) -> Any:
    """The operation on a batch, and the bias."""
    alone = x.ndim == axes + 1
    y = op(np.expand_dims(x, 0) if alone else x, weight, **how)
    if bias is not None:
        bias = as_array(bias)
        if bias.shape != (channels,):
            raise ValueError(f"{name}: bias of shape {bias.shape} must be ({channels},), one for each output channel")
        y = y + bias.reshape((channels, *(1,) * axes))
    return y[0] if alone else y
