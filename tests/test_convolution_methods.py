"""Each way to compute a convolution against its definition, with its derivatives; how one is chosen, and kept."""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import numpy as np
import pytest
from laws import windows

import tinygraph as tg
from tinygraph.check import check_grads
from tinygraph.ops import correlation, measured, patches

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
NEEDS_NUMBA = "numba is not installed (pip install 'tinygraph[jit]')"
METHODS = ["im2col", "direct", "fft"]
ROUNDING = {np.float64: 1e-12, np.float32: 1e-4}


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    if request.param == "direct":
        pytest.importorskip("numba", reason=NEEDS_NUMBA)
    return str(request.param)


def normal(*shape: int, dtype: Any = np.float64) -> np.ndarray:
    a = np.random.default_rng((5, *shape)).normal(size=shape).astype(dtype)
    a.flags.writeable = False
    return a


def agree(found: np.ndarray, wanted: np.ndarray) -> None:
    rounding = ROUNDING[wanted.dtype.type]
    np.testing.assert_allclose(found, wanted, rtol=rounding, atol=rounding, strict=True)


CASES = {
    "conv": windows.conv_case,
    "conv_transpose": windows.conv_transpose_case,
    "conv_weight": windows.conv_weight_case,
}


@pytest.mark.parametrize("rows", ["short", "long"])
@pytest.mark.parametrize("name", CASES)
def test_each_product_is_its_definition(method: str, name: str, rows: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written out, element by element; with long rows, im2col copies the columns of a kernel alone."""
    if rows == "long":
        if method != "im2col":
            pytest.skip("only im2col tells rows by their length")
        monkeypatch.setattr(patches, "WIDE", 1)
    for seed in range(400 if DEEP else 40):
        case = CASES[name](Random(seed))
        wanted = windows.REFERENCES[name](*case.arrays, **case.kwargs)
        agree(getattr(correlation, name)(*case.arrays, **case.kwargs, method=method), wanted)


WAYS: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "plain": ((2, 2, 6, 20), (2, 2, 3, 3), {}),
    "of one image, a row": ((1, 1, 1, 9), (2, 1, 1, 2), {}),
    "kernel as large as the image": ((3, 2, 4, 5), (2, 2, 4, 5), {}),
    "stride larger than the kernel": ((3, 2, 9, 11), (2, 2, 2, 2), {"stride": 4}),
    "stride, padding and gaps": (
        (3, 2, 9, 11),
        (4, 2, 3, 2),
        {"stride": (1, 2), "padding": (2, 1), "dilation": (2, 1)},
    ),
    "each channel by itself": ((2, 4, 5, 7), (4, 1, 3, 3), {"groups": 4, "padding": 1}),
    "one place": ((2, 3, 4, 5), (2, 3, 1, 1), {}),
    "more padding than kernel": ((2, 2, 3, 3), (2, 2, 2, 2), {"padding": 3}),
    "tiles of four rows": ((2, 2, 5, 8), (5, 2, 3, 3), {"padding": 1}),
    "no images": ((0, 2, 5, 5), (2, 2, 3, 3), {"padding": 1}),
}


def all_of_it(x: np.ndarray, w: np.ndarray, **how: Any) -> list[np.ndarray]:
    image, weight = tg.Tensor(x), tg.Tensor(w)
    y = tg.conv2d(image, weight, **how)
    y.backward(normal(*y.shape, dtype=y.dtype))
    return [y.data, image.grad, weight.grad]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("way", WAYS)
def test_at_the_edges_all_methods_agree(method: str, way: str, dtype: type) -> None:
    if dtype is np.float32 and method == "direct" and way != "each channel by itself" and not DEEP:
        pytest.skip("numba takes half a second for each shape of a tile")
    x, w, how = WAYS[way]
    image = normal(*reversed(x), dtype=dtype).T  # not contiguous
    wanted = all_of_it(image, normal(*w, dtype=dtype), **how)
    for found, want in zip(all_of_it(image, normal(*w, dtype=dtype), **how, method=method), wanted, strict=True):
        agree(found, want)


def test_a_transpose_that_reads_is_one_that_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    y, w = normal(2, 4, 7, 6), normal(4, 3, 3, 2)
    read = tg.conv_transpose2d(y, w, padding=1, dilation=(1, 2), groups=2)
    monkeypatch.setattr(patches, "_gathers", lambda *_: False)
    added = tg.conv_transpose2d(y, w, padding=1, dilation=(1, 2), groups=2)
    agree(read, added)
    assert read.tobytes() != added.tobytes()  # two orders of the same sums


def test_derivatives_of_two_orders(method: str) -> None:
    x, w = normal(1, 2, 3), normal(2, 1, 2)
    check_grads(lambda x, w: np.sum(tg.conv1d(x, w, padding=1, groups=2, method=method) ** 3), x, w, order=2)
    check_grads(lambda x, w: np.sum(tg.conv_transpose1d(x, w, stride=2, method=method) ** 3), x, w, order=2)


def test_compiled_is_eager_to_the_last_bit(method: str) -> None:
    x, w = normal(2, 2, 6, 5), normal(2, 2, 3, 3)
    slopes = tg.grad(lambda x, w: (tg.conv2d(x, w, padding=1, method=method) ** 2).sum(), argnums=(0, 1))
    compiled = tg.compile(slopes, strict=True)
    wanted = slopes(x, w)
    for _ in range(12):  # recorded, proved, measured, replayed
        for found, want in zip(compiled(x, w), wanted, strict=True):
            assert found.tobytes() == want.tobytes()


@pytest.mark.filterwarnings("error")
def test_a_batch_of_calls_is_one_convolution(method: str) -> None:
    x, w = normal(3, 2, 2, 5, 5), normal(2, 2, 3, 3)
    found = tg.vmap(lambda x: tg.conv2d(x, w, method=method))(x)
    agree(found, np.stack([tg.conv2d(image, w) for image in x]))


@pytest.mark.parametrize("method", ["im2col", "direct"])
def test_what_is_not_finite_stays_where_it_is_met(method: str) -> None:
    if method == "direct":
        pytest.importorskip("numba", reason=NEEDS_NUMBA)
    x = normal(2, 2, 6, 6).copy()
    x[0, 0, 0, 0] = np.nan
    y, _, dw = all_of_it(x, normal(2, 2, 3, 3), method=method)
    assert np.argwhere(np.isnan(y)).tolist() == [[0, 0, 0, 0], [0, 1, 0, 0]]
    assert np.argwhere(np.isnan(dw)).tolist() == [[0, 0, 0, 0], [1, 0, 0, 0]]


def test_the_measured_method_is_the_fastest_and_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        def __getattr__(self, name: str) -> Any:
            time.sleep(0.01)
            return getattr(patches, name)

    asked = []

    class Counted:
        def __getattr__(self, name: str) -> Any:
            asked.append(name)
            return getattr(patches, name)

    monkeypatch.setattr(measured, "METHODS", {"im2col": Slow(), "fft": Counted()})
    measured._fastest.cache_clear()
    how: dict[str, Any] = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
    try:
        with ThreadPoolExecutor(4) as pool:
            ask = lambda _: measured.fastest((2, 1, 5, 5), (1, 1, 3, 3), np.dtype(np.float32), **how)  # noqa: E731
            assert set(pool.map(ask, range(8))) == {"fft"}
        assert len(asked) == 3 * (1 + measured.ROUNDS)  # three products, once for all threads
    finally:
        measured._fastest.cache_clear()


def test_measured_results_are_the_same_call_by_call() -> None:
    x, w = normal(2, 2, 6, 6), normal(2, 2, 3, 3)
    once, again = (all_of_it(x, w, method="measure") for _ in range(2))
    assert [a.tobytes() for a in once] == [a.tobytes() for a in again]
    agree(once[0], tg.conv2d(x, w))
    back = tg.conv_transpose2d(once[0], w, method="measure")
    agree(back, tg.conv_transpose2d(once[0], w))


def test_layers_have_a_method() -> None:
    layer = tg.nn.Conv2d(1, 2, 3, rng=0, method="fft")
    assert repr(layer) == "Conv2d(1 → 2, kernel_size=(3, 3), method='fft')"
    x = normal(2, 1, 5, 5)
    by_fft = layer(x).data
    layer.method = "im2col"
    assert by_fft.tobytes() != layer(x).data.tobytes()
    agree(by_fft, layer(x).data)
    transposed = tg.nn.ConvTranspose1d(1, 2, 3, rng=0, method="measure")
    assert transposed(normal(2, 1, 5)).shape == (2, 2, 7)


@pytest.mark.parametrize("call", [tg.conv1d, tg.conv2d, tg.conv_transpose2d])
def test_a_method_that_there_is_not_is_named(call: Any) -> None:
    axes = 1 if call is tg.conv1d else 2
    with pytest.raises(ValueError, match=r"method 'gemm' is not one of 'im2col', 'direct', 'fft' and 'measure'"):
        call(np.ones((1, 1, *(3,) * axes)), np.ones((1, 1, *(2,) * axes)), method="gemm")
    with pytest.raises(ValueError, match=r"Conv2d: method 'gemm'"):
        tg.nn.Conv2d(1, 1, 3, method="gemm")


def test_without_numba_the_direct_method_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tinygraph.ops.compiled.tiles", None)
    with pytest.raises(ImportError, match=r"tinygraph\[jit\]"):
        tg.conv2d(normal(1, 1, 4, 4), normal(1, 1, 3, 3), method="direct")
