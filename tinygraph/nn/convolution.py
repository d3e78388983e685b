"""Convolutions as layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygraph.nn import init
from tinygraph.nn.module import Module
from tinygraph.ops import conv
from tinygraph.ops.window import sizes
from tinygraph.tensor import Tensor

WAYS = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1, "method": "im2col"}


class _Convolution(Module):
    """What convolutions share: channels, kernel, parameters."""

    _axes = 0
    _transposed = False
    _function: Callable[..., Any]

    def _begin(
        self,
        channels: tuple[int, int],
        kernel_size: Any,
        groups: int,
        bias: bool,
        inits: tuple[init.Initialiser | str | None, init.Initialiser | str | None],
        rng: init.Seed,
        dtype: Any,
    ) -> None:
        name = type(self).__name__
        if groups < 1 or min(channels) < 1 or channels[0] % groups or channels[1] % groups:
            raise ValueError(f"{name}: {channels[0]} → {channels[1]} channels do not divide into {groups} groups")
        self.in_channels, self.out_channels = channels
        self.kernel_size = sizes(name, "kernel_size", kernel_size, self._axes, 1)
        self.groups = groups
        inputs, outputs = channels[0] // groups, channels[1] // groups
        behind = outputs if self._transposed else inputs  # PyTorch's fan-in, that of its layout
        draw, rng = init.starting(*inits, behind * math.prod(self.kernel_size)), init.generator(rng)
        shape = (outputs, inputs, *self.kernel_size)  # of each group by itself, whose fans are the right ones
        parts = [draw.weight(shape, rng=rng, dtype=dtype) for _ in range(groups)]
        weight = np.concatenate([part.swapaxes(0, 1) if self._transposed else part for part in parts])
        self.weight = Tensor(np.ascontiguousarray(weight))
        self.bias = Tensor(draw.bias((channels[1],), rng=rng, dtype=dtype)) if bias else None

    def extra_repr(self) -> str:
        said = [f"{self.in_channels} → {self.out_channels}", f"kernel_size={self.kernel_size}"]
        ways = {name: getattr(self, name, usual) for name, usual in WAYS.items()}
        said += [f"{name}={value!r}" for name, value in ways.items() if value != WAYS[name]]
        return ", ".join(said + ["bias=False"] * (self.bias is None))


class _Forward(_Convolution):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        weight_init: init.Initialiser | str | None = None,
        bias_init: init.Initialiser | str | None = None,
        rng: init.Seed = None,
        dtype: Any = np.float64,
        method: str = "im2col",
    ) -> None:
        self.method = conv.checked_method(type(self).__name__, method)
        self._begin((in_channels, out_channels), kernel_size, groups, bias, (weight_init, bias_init), rng, dtype)
        self.stride, self.padding, self.dilation = stride, padding, dilation
        name = type(self).__name__
        steps = [sizes(name, what, getattr(self, what), self._axes, 1) for what in ("stride", "dilation")]
        conv.frame_of(name, padding, self.kernel_size, *steps)  # raises now what would be raised at a call

    def forward(self, x: Any) -> Any:
        how = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation, "groups": self.groups}
        return self._function(x, self.weight, self.bias, **how, method=self.method)


class _Transposed(_Convolution):
    _transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        *,
        weight_init: init.Initialiser | str | None = None,
        bias_init: init.Initialiser | str | None = None,
        rng: init.Seed = None,
        dtype: Any = np.float64,
        method: str = "im2col",
    ) -> None:
        self.method = conv.checked_method(type(self).__name__, method)
        self._begin((in_channels, out_channels), kernel_size, groups, bias, (weight_init, bias_init), rng, dtype)
        self.stride, self.padding, self.output_padding, self.dilation = stride, padding, output_padding, dilation

    def forward(self, x: Any) -> Any:
        how = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation, "groups": self.groups}
        return self._function(x, self.weight, self.bias, output_padding=self.output_padding, **how, method=self.method)


class Conv1d(_Forward):
    """Cross-correlation along one axis with learned kernels, and a bias: `conv1d`.

    Args:
        in_channels, out_channels: C and out; x is (N, C, L), `weight` (out, C / groups, kl), `bias` (out,).
        kernel_size, stride, padding, dilation, groups, bias, weight_init, bias_init, rng, dtype, method: as in
            `Conv2d`.

    Raises:
        ValueError: as `Conv2d`.

    Example:
        >>> layer = Conv1d(2, 4, 3, padding="same", rng=0)
        >>> layer(np.ones((5, 2, 8))).shape, layer
        ((5, 4, 8), Conv1d(2 → 4, kernel_size=(3,), padding='same'))
    """

    _axes, _function = 1, staticmethod(conv.conv1d)


class Conv2d(_Forward):
    """Cross-correlation of images with learned kernels, and a bias: `conv2d`.

    Args:
        in_channels, out_channels: C and out; x is (N, C, H, W), `weight` (out, C / groups, kh, kw), `bias` (out,).
        kernel_size, stride, dilation: a number, or one for each axis.
        padding: zeros around; a number, one for each axis, pairs (before, after), "valid" or "same".
        groups: so many convolutions side by side; with groups=C each channel has kernels of its own.
        bias: False leaves it out.
        weight_init, bias_init: initialisers of `tinygraph.nn.init` or their names; None is PyTorch's, uniform within
            ±1/sqrt(C / groups * kh * kw). Each group is drawn by itself, by its own fan-in and fan-out.
        rng: a seed or a generator; None draws from the common one.
        dtype: of the parameters.
        method: how it is computed, as in `conv2d`: "im2col", "direct", "fft" or "measure". An attribute, which may be
            set later.

    Raises:
        ValueError: channels that do not divide into the groups; shapes that do not fit.

    Example:
        >>> layer = Conv2d(3, 8, 5, stride=2, weight_init="he", rng=0)
        >>> layer(np.ones((1, 3, 9, 9))).shape, layer
        ((1, 8, 3, 3), Conv2d(3 → 8, kernel_size=(5, 5), stride=2))
    """

    _axes, _function = 2, staticmethod(conv.conv2d)


class ConvTranspose1d(_Transposed):
    """The transpose of a convolution along one axis, which makes long of short: `conv_transpose1d`.

    Args:
        in_channels, out_channels: C and out; x is (N, C, L), `weight` (C, out / groups, kl), `bias` (out,).
        kernel_size, stride, padding, output_padding, groups, bias, dilation, weight_init, bias_init, rng, dtype,
            method: as in `ConvTranspose2d`.

    Raises:
        ValueError: as `ConvTranspose2d`.

    Example:
        >>> ConvTranspose1d(2, 4, 2, stride=2, rng=0)(np.ones((5, 2, 8))).shape
        (5, 4, 16)
    """

    _axes, _function = 1, staticmethod(conv.conv_transpose1d)


class ConvTranspose2d(_Transposed):
    """The transpose of a convolution of images, which makes large of small: `conv_transpose2d`.

    Args:
        in_channels, out_channels: C and out; x is (N, C, H, W), `weight` (C, out / groups, kh, kw), `bias` (out,).
        kernel_size, stride, padding, dilation, groups: of the convolution that it is the transpose of.
        output_padding: rows and columns more at the end, where a stride has several sizes that fit.
        bias: False leaves it out.
        weight_init, bias_init: as in `Conv2d`; fan-in counts what enters one output, (C / groups) * kh * kw, but for
            None, which is PyTorch's and counts out / groups in place of C / groups.
        rng, dtype, method: as in `Conv2d`.

    Raises:
        ValueError: channels that do not divide into the groups; shapes that do not fit.

    Example:
        >>> ConvTranspose2d(8, 3, 4, stride=2, padding=1, rng=0)(np.ones((1, 8, 7, 7))).shape
        (1, 3, 14, 14)
    """

    _axes, _function = 2, staticmethod(conv.conv_transpose2d)
