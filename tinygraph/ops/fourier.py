"""Discrete Fourier transforms.

Their matrices are symmetric, so that the adjoint of `fft`, nothing being conjugated, is `fft`, and that of `ifft` is
`ifft`. Those of real numbers leave out what follows from symmetry: `rfft` goes back by the whole transform, `irfft` by
`rfft`, where all but the ends counts twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from tinygraph.op import Array, op, spells
from tinygraph.ops.complexes import conj, conjugate
from tinygraph.ops.shape import as_array, roll

__all__ = [
    "fft",
    "fft2",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftn",
]

Norm = Literal["backward", "ortho", "forward"] | None

transform = partial(op, kind="linear")
SWAPPED: dict[Norm, Norm] = {
    None: "forward",
    "backward": "forward",
    "ortho": "ortho",
    "forward": "backward",
}  # scaled in the other way


def _fitted(g: Array, n: int, axis: int) -> Array:
    """Cut, or filled up with zeros, to n elements along an axis: the adjoint of how a transform begins."""
    axis %= g.ndim
    missing = n - g.shape[axis]
    if missing > 0:
        return np.pad(g, [(0, missing) if i == axis else (0, 0) for i in range(g.ndim)])
    return g[(*(slice(None),) * axis, slice(0, n))] if missing else g


# --- along one axis


def _fft(a: Array, n: int | None = None, axis: int = -1, norm: Norm = None) -> Array:
    return np.fft.fft(a, n, axis, norm)


def _fft_vjp(g: Array, ans: Array, x: Array, n: int | None, axis: int, norm: Norm) -> Array:
    return _fitted(np.fft.fft(g, axis=axis, norm=norm), x.shape[axis], axis)


def _ifft(a: Array, n: int | None = None, axis: int = -1, norm: Norm = None) -> Array:
    return np.fft.ifft(a, n, axis, norm)


def _ifft_vjp(g: Array, ans: Array, x: Array, n: int | None, axis: int, norm: Norm) -> Array:
    return _fitted(np.fft.ifft(g, axis=axis, norm=norm), x.shape[axis], axis)


def _rfft(a: Array, n: int | None = None, axis: int = -1, norm: Norm = None) -> Array:
    return np.fft.rfft(a, n, axis, norm)


def _rfft_vjp(g: Array, ans: Array, x: Array, n: int | None, axis: int, norm: Norm) -> Array:
    whole = np.fft.fft(g, x.shape[axis] if n is None else n, axis, norm)
    return _fitted(np.real(whole), x.shape[axis], axis)


def _irfft(a: Array, n: int | None = None, axis: int = -1, norm: Norm = None) -> Array:
    return np.fft.irfft(a, n, axis, norm)


def _irfft_vjp(g: Array, ans: Array, x: Array, n: int | None, axis: int, norm: Norm) -> Array:
    half, n = np.fft.rfft(g, axis=axis, norm=SWAPPED[norm]), g.shape[axis]
    place = np.arange(half.shape[axis], like=ans).reshape([-1 if i == axis % g.ndim else 1 for i in range(g.ndim)])
    alone = (place == 0) | (2 * place == n)  # the others stand for two
    return _fitted(np.conj(np.where(alone, half, 2.0 * half)), x.shape[axis], axis)


_TO, _BACK = {"symbol": "F", "latex": r"\mathcal{{F}}({x})"}, {"symbol": "F⁻¹", "latex": r"\mathcal{{F}}^{{-1}}({x})"}

fft = transform(
    _fft,
    numpy="numpy.fft.fft",
    vjps=[_fft_vjp],
    name="fft",
    doc="""Σⱼ a[j] exp(-2πi jk / n), a cut or filled up with zeros to n elements: `np.fft.fft`.

    Example:
        >>> fft(np.array([1.0, 0.0, 1.0, 0.0])).real
        array([2., 0., 2., 0.])
    """,
    **_TO,
)
ifft = transform(
    _ifft,
    numpy="numpy.fft.ifft",
    vjps=[_ifft_vjp],
    name="ifft",
    doc="""The inverse of `fft`, Σⱼ a[j] exp(2πi jk / n) / n: `np.fft.ifft`.

    Example:
        >>> ifft(np.array([2.0, 0.0, 2.0, 0.0])).real
        array([1., 0., 1., 0.])
    """,
    **_BACK,
)
rfft = transform(
    _rfft,
    numpy="numpy.fft.rfft",
    vjps=[_rfft_vjp],
    complex=False,
    name="rfft",
    doc="""`fft` of real numbers, the half that tells the other: `np.fft.rfft`.

    Example:
        >>> rfft(np.array([1.0, 0.0, 1.0, 0.0])).real
        array([2., 0., 2.])
    """,
    **_TO,
)
irfft = transform(
    _irfft,
    numpy="numpy.fft.irfft",
    vjps=[_irfft_vjp],
    name="irfft",
    doc="""The inverse of `rfft`, to n real numbers, an even number by default: `np.fft.irfft`.

    Example:
        >>> irfft(np.array([2.0, 0.0, 2.0]))
        array([1., 0., 1., 0.])
    """,
    **_BACK,
)


@spells("numpy.fft.hfft")
def hfft(a: Any, n: int | None = None, axis: int = -1, norm: Norm = None) -> Any:
    """The transform, which is real, of one half of a symmetric signal: `np.fft.hfft`.

    Example:
        >>> hfft(np.array([1.0, 2.0, 3.0]))
        array([ 8., -2.,  0., -2.])
    """
    return irfft(conjugate(as_array(a)), n, axis, _swapped(norm))


@spells("numpy.fft.ihfft")
def ihfft(a: Any, n: int | None = None, axis: int = -1, norm: Norm = None) -> Any:
    """What `hfft` makes a real signal of: `np.fft.ihfft`.

    Example:
        >>> ihfft(np.array([8.0, -2.0, 0.0, -2.0])).real
        array([1., 2., 3.])
    """
    return conj(rfft(as_array(a), n, axis, _swapped(norm)))


def _swapped(norm: Norm) -> Norm:
    if norm not in SWAPPED:
        raise ValueError(f"norm={norm!r} is not 'backward', 'ortho' or 'forward'")
    return SWAPPED[norm]


# --- along several axes, one after another


def _over(a: Any, s: Sequence[int] | None, axes: Sequence[int] | None) -> list[tuple[int | None, int]]:
    """How many points along which axis, for each; those that s leaves as they are have None."""
    ndim = np.ndim(a)
    if axes is None:
        axes = range(-ndim if s is None else -len(s), 0)
    if s is None:
        return [(None, int(axis)) for axis in axes]
    if len(s) != len(axes):
        raise ValueError(f"s={tuple(s)} and axes={tuple(axes)} have different lengths")
    return [(None if n in (None, -1) else int(n), int(axis)) for n, axis in zip(s, axes, strict=True)]


def _each(along: Callable[..., Any], a: Any, over: Sequence[tuple[int | None, int]], norm: Norm) -> Any:
    for n, axis in over:
        a = along(a, n, axis, norm)
    return a


@spells("numpy.fft.fftn")
def fftn(a: Any, s: Any = None, axes: Any = None, norm: Norm = None) -> Any:
    """The transform over several axes, all by default: `np.fft.fftn`.

    Example:
        >>> fftn(np.ones((2, 2))).real
        array([[4., 0.],
               [0., 0.]])
    """
    a = as_array(a)
    return _each(fft, a, _over(a, s, axes)[::-1], norm)


@spells("numpy.fft.ifftn")
def ifftn(a: Any, s: Any = None, axes: Any = None, norm: Norm = None) -> Any:
    """The inverse of `fftn`: `np.fft.ifftn`.

    Example:
        >>> ifftn(np.array([[4.0, 0.0], [0.0, 0.0]])).real
        array([[1., 1.],
               [1., 1.]])
    """
    a = as_array(a)
    return _each(ifft, a, _over(a, s, axes)[::-1], norm)


@spells("numpy.fft.rfftn")
def rfftn(a: Any, s: Any = None, axes: Any = None, norm: Norm = None) -> Any:
    """`fftn` of real numbers, of its last axis the half that tells the other: `np.fft.rfftn`.

    Example:
        >>> rfftn(np.ones((2, 4))).shape
        (2, 3)
    """
    a = as_array(a)
    *others, (n, last) = _over(a, s, axes)
    return _each(fft, rfft(a, n, last, norm), others[::-1], norm)


@spells("numpy.fft.irfftn")
def irfftn(a: Any, s: Any = None, axes: Any = None, norm: Norm = None) -> Any:
    """The inverse of `rfftn`: `np.fft.irfftn`.

    Example:
        >>> irfftn(np.array([[8.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
        array([[1., 1., 1., 1.],
               [1., 1., 1., 1.]])
    """
    a = as_array(a)
    *others, (n, last) = _over(a, s, axes)
    return irfft(_each(ifft, a, others, norm), n, last, norm)


@spells("numpy.fft.fft2")
def fft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Norm = None) -> Any:
    """The transform of images: `np.fft.fft2`.

    Example:
        >>> fft2(np.eye(2)).real
        array([[2., 0.],
               [0., 2.]])
    """
    return fftn(a, s, axes, norm)


@spells("numpy.fft.ifft2")
def ifft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Norm = None) -> Any:
    """The inverse of `fft2`: `np.fft.ifft2`.

    Example:
        >>> ifft2(2 * np.eye(2)).real
        array([[1., 0.],
               [0., 1.]])
    """
    return ifftn(a, s, axes, norm)


@spells("numpy.fft.rfft2")
def rfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Norm = None) -> Any:
    """`fft2` of real numbers, of its last axis the half that tells the other: `np.fft.rfft2`.

    Example:
        >>> rfft2(np.eye(2)).real
        array([[2., 0.],
               [0., 2.]])
    """
    return rfftn(a, s, axes, norm)


@spells("numpy.fft.irfft2")
def irfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Norm = None) -> Any:
    """The inverse of `rfft2`: `np.fft.irfft2`.

    Example:
        >>> irfft2(2 * np.eye(2))
        array([[1., 0.],
               [0., 1.]])
    """
    return irfftn(a, s, axes, norm)


# --- the frequency 0 in the middle, or first


def _half_turned(x: Any, axes: Any, sign: int) -> Any:
    x = as_array(x)
    axes = tuple(range(x.ndim)) if axes is None else (axes,) if isinstance(axes, int | np.integer) else tuple(axes)
    return roll(x, shift=tuple(sign * (x.shape[a] // 2) for a in axes), axis=axes)


@spells("numpy.fft.fftshift")
def fftshift(x: Any, axes: Any = None) -> Any:
    """The frequency 0 moved to the middle: `np.fft.fftshift`.

    Example:
        >>> fftshift(np.array([0.0, 1.0, 2.0, -2.0, -1.0]))
        array([-2., -1.,  0.,  1.,  2.])
    """
    return _half_turned(x, axes, 1)


@spells("numpy.fft.ifftshift")
def ifftshift(x: Any, axes: Any = None) -> Any:
    """The frequency 0 moved back to the first place: `np.fft.ifftshift`.

    Example:
        >>> ifftshift(np.array([-2.0, -1.0, 0.0, 1.0, 2.0]))
        array([ 0.,  1.,  2., -2., -1.])
    """
    return _half_turned(x, axes, -1)
