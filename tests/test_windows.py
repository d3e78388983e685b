"""Windows, convolutions and pools: against PyTorch and against loops, in every way to call them; errors; sizes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygraph as tg
from tinygraph.check import check_grads, check_laws
from tinygraph.ops import adaptive, conv, patches, pool, window

ROUNDING = 1e-12


def normal(*shape: int) -> np.ndarray:
    a = np.random.default_rng((7, *shape)).normal(size=shape)
    a.flags.writeable = False
    return a


def agree(ours: Callable[..., Any], theirs: Callable[..., Any], *arrays: np.ndarray) -> None:
    """Values and all gradients are PyTorch's, to rounding error; the values without a Tensor as well."""
    torch = pytest.importorskip("torch")
    xs = [tg.Tensor(a) for a in arrays]
    ts = [torch.tensor(a, requires_grad=True) for a in arrays]
    y, want = ours(*xs), theirs(*ts)
    np.testing.assert_allclose(y.data, want.detach().numpy(), rtol=ROUNDING, atol=ROUNDING, strict=True)
    np.testing.assert_array_equal(ours(*arrays), y.data, strict=True)
    g = normal(*y.shape)
    y.backward(g)
    want.backward(torch.tensor(g))
    for x, t in zip(xs, ts, strict=True):
        np.testing.assert_allclose(x.grad, t.grad.numpy(), rtol=ROUNDING, atol=ROUNDING, strict=True)


def functional() -> Any:
    return pytest.importorskip("torch").nn.functional


def each(low: int, high: int, axes: int) -> st.SearchStrategy[Any]:
    """One number for all axes, or one for each."""
    return st.one_of(st.integers(low, high), st.tuples(*[st.integers(low, high)] * axes))


def spread(value: Any, axes: int) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,) * axes


# --- convolutions


@st.composite
def convolutions(draw: Any, axes: int) -> tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]:
    """Shapes of x and of the weight, and the arguments."""
    groups = draw(st.integers(1, 3))
    c, o = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 3))
    kernel = draw(st.tuples(*[st.integers(1, 3)] * axes))
    how = {"stride": draw(each(1, 3, axes)), "dilation": draw(each(1, 2, axes)), "groups": groups}
    how["padding"] = draw(each(0, 2, axes))
    moved = zip(kernel, spread(how["dilation"], axes), spread(how["padding"], axes), strict=True)
    size = tuple(max(1, (k - 1) * d + 1 - 2 * p) + draw(st.integers(0, 4)) for k, d, p in moved)
    batch = draw(st.sampled_from([(), (0,), (1,), (3,)]))
    return (*batch, c, *size), (o, c // groups, *kernel), how


@pytest.mark.parametrize("axes", [1, 2, 3])
@given(data=st.data())
def test_convolution_is_pytorchs(axes: int, data: Any) -> None:
    F = functional()
    x, w, how = data.draw(convolutions(axes))
    name = f"conv{axes}d"
    agree(
        lambda x, w, b: getattr(tg, name)(x, w, b, **how),
        lambda x, w, b: getattr(F, name)(x, w, b, **how),
        normal(*x),
        normal(*w),
        normal(w[0]),
    )


@pytest.mark.parametrize("axes", [1, 2])
@given(data=st.data())
def test_transposed_convolution_is_pytorchs(axes: int, data: Any) -> None:
    F = functional()
    x, (o, _, *kernel), how = data.draw(convolutions(axes))
    c, name = x[-axes - 1], f"conv_transpose{axes}d"
    more = zip(spread(how["stride"], axes), spread(how["dilation"], axes), strict=True)
    how["output_padding"] = tuple(data.draw(st.integers(0, max(s, d) - 1)) for s, d in more)
    size = [
        (n - 1) * s - 2 * p + d * (k - 1) + extra + 1
        for n, s, p, d, k, extra in zip(
            x[-axes:],
            *(spread(how[key], axes) for key in ("stride", "padding", "dilation")),
            kernel,
            how["output_padding"],
            strict=True,
        )
    ]
    if min(size) < 1:
        how["padding"] = 0
    w = (c, o // how["groups"], *kernel)
    agree(
        lambda x, w, b: getattr(tg, name)(x, w, b, **how),
        lambda x, w, b: getattr(F, name)(x, w, b, **how),
        normal(*x),
        normal(*w),
        normal(o),
    )


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("kernel", [(3, 3), (2, 4), (1, 5)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_padding_by_name_is_pytorchs(kernel: tuple[int, int], dilation: int) -> None:
    F = functional()
    for padding in ("same", "valid"):
        agree(
            lambda x, w, padding=padding: tg.conv2d(x, w, padding=padding, dilation=dilation),
            lambda x, w, padding=padding: F.conv2d(x, w, padding=padding, dilation=dilation),
            normal(2, 3, 9, 10),
            normal(4, 3, *kernel),
        )


def test_padding_by_pairs_is_a_frame_of_zeros() -> None:
    x, w = normal(2, 3, 5, 6), normal(4, 3, 3, 2)
    framed = np.pad(x, ((0, 0), (0, 0), (1, 2), (0, 3)))
    np.testing.assert_array_equal(tg.conv2d(x, w, padding=((1, 2), (0, 3))), tg.conv2d(framed, w))
    assert tg.conv1d(x[:, :, 0], w[:, :, 0], padding=[(2, 0)]).shape == (2, 4, 7)


def conv_single_step(a_slice_prev: Any, W: Any, b: Any) -> Any:
    return np.sum(a_slice_prev * W) + float(b)


def test_the_courses_convolution_step_by_step() -> None:
    """Layout (m, n_H, n_W, n_C), weights (f, f, n_C_prev, n_C), written out with four loops."""
    A, W, b = normal(2, 5, 7, 4), normal(3, 3, 4, 8), normal(1, 1, 1, 8)
    for pad, stride in ((1, 2), (2, 1), (0, 3)):
        padded = np.pad(A, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        n_H, n_W = (5 - 3 + 2 * pad) // stride + 1, (7 - 3 + 2 * pad) // stride + 1
        Z = np.zeros((2, n_H, n_W, 8))
        for i, h, w, c in np.ndindex(Z.shape):
            part = padded[i, h * stride : h * stride + 3, w * stride : w * stride + 3]
            Z[i, h, w, c] = conv_single_step(part, W[..., c], b[0, 0, 0, c])
        y = tg.conv2d(A.transpose(0, 3, 1, 2), W.transpose(3, 2, 0, 1), b.ravel(), stride=stride, padding=pad)
        np.testing.assert_allclose(y.transpose(0, 2, 3, 1), Z, rtol=ROUNDING, atol=ROUNDING)


def test_what_is_computed_in_strips_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    x, w = tg.Tensor(normal(3, 4, 9, 8)), tg.Tensor(normal(6, 2, 3, 3))

    def all_of_it() -> list[np.ndarray]:
        x.zero_grad()
        w.zero_grad()
        y = tg.conv2d(x, w, stride=(2, 1), padding=1, groups=2)
        y.backward(normal(*y.shape))
        return [y.data, x.grad, w.grad]

    whole = all_of_it()
    monkeypatch.setattr(patches, "STRIP", 1)
    for one, other in zip(whole, all_of_it(), strict=True):
        np.testing.assert_allclose(one, other, rtol=ROUNDING, atol=ROUNDING)


@pytest.mark.parametrize("samples", [4, 16])
def test_samples_a_power_of_two_apart_in_memory_are_not_mixed_up(samples: int) -> None:
    x, w = normal(samples, 4, 8, 8).astype(np.float32), normal(3, 4, 3, 3).astype(np.float32)
    alone = np.stack([tg.conv2d(image, w) for image in x])
    np.testing.assert_allclose(tg.conv2d(x, w), alone, rtol=1e-5, atol=1e-5)
    assert tg.conv2d(x, w).dtype == np.float32


def test_a_convolution_is_the_transpose_of_its_transpose() -> None:
    how: dict[str, Any] = {"stride": (2, 3), "padding": (1, 0), "groups": 2, "dilation": (1, 2)}
    x, w = np.round(8 * normal(2, 4, 7, 11)), np.round(8 * normal(6, 2, 3, 3))
    y = tg.conv2d(x, w, **how)
    g = np.round(8 * normal(*y.shape))
    back = tg.conv_transpose2d(g, w, **how)
    assert back.shape == x.shape
    assert np.sum(g * y) == np.sum(back * x)  # whole numbers: exactly


# --- pooling


@st.composite
def pools(draw: Any, axes: int) -> tuple[tuple[int, ...], dict[str, Any]]:
    kernel = draw(each(1, 4, axes))
    how = {"kernel_size": kernel, "stride": draw(st.none() | each(1, 3, axes)), "ceil_mode": draw(st.booleans())}
    how["padding"] = tuple(draw(st.integers(0, k // 2)) for k in spread(kernel, axes))
    size = tuple(k + draw(st.integers(0, 5)) for k in spread(kernel, axes))
    return (*draw(st.sampled_from([(2,), (2, 3), (1, 1)])), *size), how


def untied(*shape: int) -> np.ndarray:
    return (
        np.random.default_rng((3, *shape)).permutation(float(np.prod(shape)) - np.arange(np.prod(shape))).reshape(shape)
    )


@pytest.mark.parametrize("axes", [1, 2])
@given(data=st.data())
def test_max_pooling_is_pytorchs(axes: int, data: Any) -> None:
    F, name = functional(), f"max_pool{axes}d"
    shape, how = data.draw(pools(axes))
    how["dilation"] = data.draw(each(1, 2, axes))
    shape = (*shape[:-axes], *(2 * n for n in shape[-axes:]))
    agree(lambda x: getattr(tg, name)(x, **how), lambda x: getattr(F, name)(x, **how), untied(*shape))


@pytest.mark.parametrize("axes", [1, 2])
@given(data=st.data(), count_include_pad=st.booleans())
def test_average_pooling_is_pytorchs(axes: int, data: Any, count_include_pad: bool) -> None:
    F, name = functional(), f"avg_pool{axes}d"
    shape, how = data.draw(pools(axes))
    how["count_include_pad"] = count_include_pad
    agree(lambda x: getattr(tg, name)(x, **how), lambda x: getattr(F, name)(x, **how), normal(*shape))


@pytest.mark.parametrize("kind", ["avg", "max"])
@pytest.mark.parametrize("axes", [1, 2])
@given(data=st.data())
def test_adaptive_pooling_is_pytorchs(axes: int, kind: str, data: Any) -> None:
    F, name = functional(), f"adaptive_{kind}_pool{axes}d"
    shape = data.draw(st.tuples(*[st.integers(1, 3)] * 2, *[st.integers(1, 7)] * axes))
    out = data.draw(each(1, 5, axes))
    agree(lambda x: getattr(tg, name)(x, out), lambda x: getattr(F, name)(x, out), untied(*shape))


def test_an_axis_that_adaptive_pooling_is_to_keep() -> None:
    x = normal(2, 3, 4, 5)
    np.testing.assert_allclose(tg.adaptive_avg_pool2d(x, (None, 1)), x.mean(axis=-1, keepdims=True), rtol=ROUNDING)


def test_ties_share_and_a_relus_zeros_are_ties() -> None:
    x = tg.Tensor([[-1.0, -2.0, 3.0, 3.0]])
    tg.max_pool1d(tg.relu(x), 2).backward(np.array([[1.0, 1.0]]))
    np.testing.assert_array_equal(x.grad, [[0.0, 0.0, 0.5, 0.5]])
    x = tg.Tensor([[0.0, -1.0, 0.0]])  # padding is no tie of a zero
    tg.max_pool1d(x, 3, padding=1, stride=2).backward(np.array([[1.0, 2.0]]))
    np.testing.assert_array_equal(x.grad, [[1.0, 0.0, 2.0]])


def test_nan_is_the_largest_and_reaches_its_gradient() -> None:
    x = tg.Tensor([[1.0, np.nan, 2.0, 3.0]])
    y = tg.max_pool1d(x, 2)
    np.testing.assert_array_equal(y.data, [[np.nan, 3.0]])
    with np.errstate(all="ignore"):
        y.backward(np.array([[1.0, 1.0]]))
    assert np.isnan(x.grad[0, :2]).all()
    np.testing.assert_array_equal(x.grad[0, 2:], [0.0, 1.0])


# --- windows


@given(data=st.data())
def test_unfold_and_fold_are_pytorchs(data: Any) -> None:
    F = functional()
    x, w, how = data.draw(convolutions(2))
    if x[0] == 0:
        x = (1, *x[1:])  # PyTorch folds no empty batch
    del how["groups"]
    how["kernel_size"] = w[2:]
    agree(lambda x: tg.unfold(x, **how), lambda x: F.unfold(x, **how), normal(*x))
    columns = tg.unfold(normal(*x), **how)
    size = x[-2:]
    agree(lambda c: tg.fold(c, size, **how), lambda c: F.fold(c, size, **how), columns)


def test_windows_are_the_adjoint_of_their_sum() -> None:
    x = np.round(9 * normal(2, 7, 9))
    for size, stride, dilation in itertools.product([(2, 3), (1, 2)], [1, (2, 3)], [1, (2, 1)]):
        w = tg.windows(x, size, stride, dilation)
        g = np.round(9 * normal(*w.shape))
        assert np.sum(w * g) == np.sum(x * tg.window_add(g, (7, 9), stride, dilation))


@pytest.mark.parametrize(
    ("shape", "axis"), [((2, 3, 2), None), (2, 1), ((2, 3), (-1, 0)), ((2, 2), (1, 1)), ([2], [2])]
)
def test_numpys_sliding_windows_of_a_tensor(shape: Any, axis: Any) -> None:
    x = normal(3, 4, 5)
    view = np.lib.stride_tricks.sliding_window_view
    t = tg.Tensor(x)
    y = view(t, shape, axis)
    np.testing.assert_array_equal(y.data, view(x, shape, axis))
    g = normal(*y.shape)
    y.backward(g)
    counted = view(np.arange(x.size).reshape(x.shape), shape, axis)
    want = np.bincount(counted.ravel(), g.ravel(), x.size).reshape(x.shape)
    np.testing.assert_allclose(t.grad, want, rtol=ROUNDING, atol=ROUNDING)


def test_a_convolution_is_a_product_of_windows() -> None:
    x, w = normal(2, 3, 6, 7), normal(4, 3, 3, 2)
    y = np.einsum("ncpqij,ocij->nopq", tg.windows(x, (3, 2), stride=2), w)
    np.testing.assert_allclose(tg.conv2d(x, w, stride=2), y, rtol=ROUNDING, atol=ROUNDING)


# --- derivatives by the kit; single precision; nothing in, nothing out

X, W, B = normal(2, 2, 4, 3), normal(2, 1, 3, 2), normal(2)
CALLS: dict[str, tuple[Callable[..., Any], Sequence[np.ndarray]]] = {
    "conv1d": (lambda x, w: tg.conv1d(x, w, padding="same", dilation=2), (X[..., 0], normal(3, 2, 2))),
    "conv2d": (lambda x, w, b: tg.conv2d(x, w, b, stride=2, padding=1, groups=2), (X, W, B)),
    "conv3d": (lambda x, w: tg.conv3d(x, w, padding=(0, 1, 0)), (normal(1, 2, 2, 1, 3), normal(1, 2, 2, 2, 2))),
    "conv_transpose1d": (
        lambda x, w: tg.conv_transpose1d(x, w, stride=3, output_padding=2),
        (X[..., 0], normal(2, 2, 2)),
    ),
    "conv_transpose2d": (
        lambda x, w, b: tg.conv_transpose2d(x, w, b, stride=(2, 1), padding=1, output_padding=(1, 0), groups=2),
        (X, W, B),
    ),
    "max_pool1d": (lambda x: tg.max_pool1d(x, 3, stride=2, padding=1), (X[..., 0],)),
    "max_pool2d": (lambda x: tg.max_pool2d(x, (3, 2), ceil_mode=True), (X,)),
    "avg_pool1d": (lambda x: tg.avg_pool1d(x, 3, 2, 1, count_include_pad=False), (X[..., 0],)),
    "avg_pool2d": (lambda x: tg.avg_pool2d(x, 2, ceil_mode=True), (X,)),
    "adaptive_avg_pool1d": (lambda x: tg.adaptive_avg_pool1d(x, 3), (X[..., 0],)),
    "adaptive_avg_pool2d": (lambda x: tg.adaptive_avg_pool2d(x, (3, 2)), (X[:1],)),
    "adaptive_max_pool1d": (lambda x: tg.adaptive_max_pool1d(x, 2), (X[..., 0],)),
    "adaptive_max_pool2d": (lambda x: tg.adaptive_max_pool2d(x, (2, 2)), (X[:1],)),
    "windows": (lambda x: tg.windows(x, (2, 2), 2), (X,)),
    "window_add": (lambda x: tg.window_add(x, (2, 3)), (normal(2, 1, 2, 2, 2),)),
    "unfold": (lambda x: tg.unfold(x, 2, padding=1, stride=2), (X[:1],)),
    "fold": (lambda x: tg.fold(x, (3, 2), 2), (normal(1, 8, 2),)),
}
of_all = pytest.mark.parametrize("name", CALLS)


def test_every_function_here_is_called() -> None:
    named = {n for m in (adaptive, conv, pool, window) for n in m.__all__}
    assert named - {"sliding_window_view"} == set(CALLS)


@of_all
def test_the_kit_finds_the_derivatives_right(name: str) -> None:
    f, args = CALLS[name]
    check_grads(lambda *xs: np.sum(f(*xs) ** 3), *args, order=2)
    check_laws(f, *args)


@of_all
def test_single_precision_stays(name: str) -> None:
    f, args = CALLS[name]
    xs = [tg.Tensor(a.astype(np.float32)) for a in args]
    y = f(*xs)
    assert y.dtype == np.float32
    y.sum().backward()
    assert {x.grad.dtype for x in xs} == {np.dtype(np.float32)}


@of_all
def test_no_samples_no_gradient(name: str) -> None:
    f, (x, *others) = CALLS[name]
    y, pull = tg.vjp(f, x[:0], *others)
    assert y.size == 0
    grads = pull(np.ones_like(y))
    assert [g.shape for g in grads] == [x[:0].shape, *(a.shape for a in others)]
    assert not any(g.any() for g in grads)


# --- errors say which operation, which shapes, and what to do

ONES = np.ones((1, 2, 4, 4))
KERNEL = np.ones((3, 2, 3, 3))
WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "large kernel": (
        lambda: tg.conv2d(ONES, np.ones((3, 2, 5, 5))),
        r"conv2d: a kernel of size \(5, 5\) is larger .*\(4, 4\)",
    ),
    "dilated": (lambda: tg.conv2d(ONES, KERNEL, dilation=2), r"\(5, 5\) with its dilation, is larger .* or pad"),
    "channels": (lambda: tg.conv2d(ONES, np.ones((3, 1, 3, 3))), r"conv2d: x of shape .* and weight of shape .* C = 2"),
    "groups": (lambda: tg.conv2d(ONES, np.ones((3, 1, 3, 3)), groups=2), "out a multiple of groups"),
    "no groups": (lambda: tg.conv2d(ONES, KERNEL, groups=0), "groups must be a whole number, none below 1"),
    "same": (lambda: tg.conv2d(ONES, KERNEL, stride=2, padding="same"), "'same' needs stride 1.*in numbers"),
    "name": (lambda: tg.conv2d(ONES, KERNEL, padding="full"), "'full' is not 'same'"),
    "stride": (lambda: tg.conv2d(ONES, KERNEL, stride=0), "conv2d: stride must be .* none below 1; got 0"),
    "negative": (lambda: tg.conv2d(ONES, KERNEL, padding=-1), "padding must be .* none below 0; got -1"),
    "fraction": (lambda: tg.conv2d(ONES, KERNEL, padding=0.5), "padding must be a whole number"),
    "three": (lambda: tg.conv2d(ONES, KERNEL, padding=(1, 1, 1)), "or 2 of them"),
    "pairs": (lambda: tg.conv2d(ONES, KERNEL, padding=((1, 1),)), r"2 pairs \(before, after\)"),
    "axes": (lambda: tg.conv1d(ONES, KERNEL), r"conv1d: takes x of shape \(N, C, L\) or \(C, L\)"),
    "bias": (lambda: tg.conv2d(ONES, KERNEL, np.ones(2)), r"bias of shape \(2,\) must be \(3,\)"),
    "empty": (lambda: tg.conv2d(ONES[:, :0], KERNEL[:, :0]), "only the samples may be none"),
    "transposed": (lambda: tg.conv_transpose2d(ONES, KERNEL), r"conv_transpose2d: .* weight is \(C, out / groups"),
    "output": (
        lambda: tg.conv_transpose2d(ONES, np.ones((2, 1, 2, 2)), output_padding=1),
        "output_padding .* must be less than the stride",
    ),
    "cut off": (lambda: tg.conv_transpose1d(np.ones((1, 1, 1)), np.ones((1, 1, 2)), padding=1), "cuts off all"),
    "pool": (lambda: tg.max_pool2d(ONES, 5), r"max_pool2d: a kernel of size \(5, 5\) is larger"),
    "half": (lambda: tg.avg_pool2d(ONES, 2, padding=2), "avg_pool2d: padding .* at most half"),
    "nothing to pool": (lambda: tg.max_pool2d(ONES[..., :0], 1), "none of them empty; got shape"),
    "adaptive": (lambda: tg.adaptive_avg_pool2d(ONES, 0), "output_size must be .* none below 1"),
    "windows": (lambda: tg.windows(np.ones(3), (2, 2)), "a kernel of 2 axes needs as many in x"),
    "window_add": (
        lambda: tg.window_add(np.ones((2, 2)), 5),
        r"window_add: \(2,\) windows of size \(2,\) came from no array",
    ),
    "unfold": (lambda: tg.unfold(np.ones((4, 4)), 2), r"unfold: takes \(N, C, H, W\)"),
    "fold": (lambda: tg.fold(np.ones((4, 5)), 3, 2), "fold: x of shape .* does not fit"),
    "view": (lambda: np.lib.stride_tricks.sliding_window_view(tg.Tensor(ONES), 2), "give a size for each"),
}


@pytest.mark.parametrize("what", WRONG)
def test_errors_name_the_operation_and_the_remedy(what: str) -> None:
    call, words = WRONG[what]
    with pytest.raises(ValueError, match=words):
        call()
