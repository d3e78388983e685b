"""Convolutions: one by itself, forward and backward by its input and its weight, and a small network of two; float32.

The network is convolution, ReLU, 2x2 maximum, twice, then a dense layer and softmax cross entropy: its loss and the
gradients of its parameters. By hand it is the textbook's: patches as the rows of a matrix, one product, and the
gradient of the input added up place by place of the kernel. The check does the same in float64. tinygraph takes part
twice: by im2col, its default, and by numba's loops.
"""

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.harness import SEED, Entry, Result, enter, race
from benchmarks.profiles import Profile

ABOUT = "a convolution forward and backward, and the gradients of a network of two, float32"
TOLERANCE = 1e-9

Arrays = list[np.ndarray]
Call = Callable[[], Any]  # does the work; gives its results in the contestant's own type


class Layer(NamedTuple):
    """Images of C channels, `size` by `size`, under a number of kernels, `kernel` by `kernel`, with zeros around."""

    batch: int
    channels: int
    size: int
    kernels: int
    kernel: int
    padding: int
    stride: int = 1

    def __str__(self) -> str:
        padded = f", padding {self.padding}" if self.padding else ""
        strided = f", stride {self.stride}" if self.stride > 1 else ""
        images = f"{self.batch}x{self.channels}x{self.size}x{self.size}"
        return f"{images}, {self.kernels} of {self.kernel}x{self.kernel}{padded}{strided}"

    @property
    def out(self) -> int:
        return (self.size + 2 * self.padding - self.kernel) // self.stride + 1

    def arrays(self) -> Arrays:
        """Images, weight, and the gradient of the result."""
        rng = np.random.default_rng(SEED)
        fan_in = self.channels * self.kernel**2
        return [
            rng.normal(size=(self.batch, self.channels, self.size, self.size)),
            rng.normal(0, math.sqrt(2 / fan_in), (self.kernels, self.channels, self.kernel, self.kernel)),
            rng.normal(size=(self.batch, self.kernels, self.out, self.out)),
        ]


class Network(NamedTuple):
    """Two convolutions with as many kernels each as `kernels` says, on images of one channel."""

    batch: int
    size: int
    kernels: tuple[int, int]
    kernel: int
    padding: int

    def __str__(self) -> str:
        return f"network, {self.batch}x1x{self.size}x{self.size}, {self.kernels[0]} and {self.kernels[1]} kernels"

    def arrays(self) -> Arrays:
        """Images, labels, and the parameters."""
        rng, side, channels, params = np.random.default_rng(SEED), self.size, 1, []
        for kernels in self.kernels:
            scale = math.sqrt(2 / (channels * self.kernel**2))
            params += [rng.normal(0, scale, (kernels, channels, self.kernel, self.kernel)), rng.normal(0, 0.1, kernels)]
            side, channels = (side + 2 * self.padding - self.kernel + 1) // 2, kernels
        features = channels * side**2
        params += [rng.normal(0, math.sqrt(1 / features), (10, features)), rng.normal(0, 0.1, 10)]
        images = rng.normal(size=(self.batch, 1, self.size, self.size))
        return [images, rng.integers(0, 10, self.batch), *params]


# --- NumPy by hand


def conv_forward(x: np.ndarray, w: np.ndarray, pad: int, stride: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The result, and the patches, a row for each place in each image."""
    if pad:
        x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    n, c, kernel = x.shape[0], x.shape[1], w.shape[2:]
    windows = sliding_window_view(x, kernel, axis=(2, 3))[:, :, ::stride, ::stride]
    out = windows.shape[2:4]
    rows = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * math.prod(out), c * math.prod(kernel))
    y = rows @ w.reshape(len(w), -1).T
    return y.reshape(n, *out, len(w)).transpose(0, 3, 1, 2), rows


def conv_backward(
    g: np.ndarray, rows: np.ndarray, w: np.ndarray, x_shape: tuple[int, ...] | None, pad: int, stride: int = 1
) -> tuple[np.ndarray | None, np.ndarray]:
    """The gradients of the input, unless nobody asks for it, and of the weight."""
    n, o, *out = g.shape
    flat = g.transpose(0, 2, 3, 1).reshape(-1, o)
    dw = (flat.T @ rows).reshape(w.shape)
    if x_shape is None:
        return None, dw
    patches = (flat @ w.reshape(o, -1)).reshape(n, *out, *w.shape[1:])
    dx = np.zeros((*x_shape[:2], x_shape[2] + 2 * pad, x_shape[3] + 2 * pad), g.dtype)
    for i in range(w.shape[2]):
        for j in range(w.shape[3]):
            down, right = (slice(k, k + stride * (n - 1) + 1, stride) for k, n in zip((i, j), out, strict=True))
            dx[:, :, down, right] += patches[..., i, j].transpose(0, 3, 1, 2)
    return dx[:, :, pad : pad + x_shape[2], pad : pad + x_shape[3]], dw


def numpy_layer(layer: Layer, x: np.ndarray, w: np.ndarray, g: np.ndarray) -> Call:
    def run() -> Any:
        y, rows = conv_forward(x, w, layer.padding, layer.stride)
        return [y, *conv_backward(g, rows, w, x.shape, layer.padding, layer.stride)]

    return run


def block_forward(a: np.ndarray, w: np.ndarray, b: np.ndarray, pad: int) -> tuple[np.ndarray, Any]:
    z, rows = conv_forward(a, w, pad)
    z = np.maximum(z + b[:, None, None], 0)
    n, c, height, width = z.shape
    half = z[:, :, : height // 2 * 2, : width // 2 * 2].reshape(n, c, height // 2, 2, width // 2, 2)
    top = half.max(axis=(3, 5))
    return top, (a.shape, rows, z.shape, half, top)


def block_backward(g: np.ndarray, cache: Any, w: np.ndarray, pad: int, first: bool) -> list[Any]:
    """The gradients of the input, the weight and the bias."""
    a_shape, rows, z_shape, half, top = cache
    hits = half == top[:, :, :, None, :, None]
    share = g * (top > 0) / hits.sum(axis=(3, 5))
    n, c, height, _, width, _ = half.shape
    dz = np.zeros(z_shape, g.dtype)
    dz[:, :, : 2 * height, : 2 * width] = (hits * share[:, :, :, None, :, None]).reshape(n, c, 2 * height, 2 * width)
    dx, dw = conv_backward(dz, rows, w, None if first else a_shape, pad)
    return [dx, dw, dz.sum(axis=(0, 2, 3))]


def numpy_network(net: Network, x: np.ndarray, labels: np.ndarray, *params: np.ndarray) -> Call:
    w1, b1, w2, b2, w3, b3 = params
    rows = np.arange(net.batch)

    def run() -> Any:
        a1, cache1 = block_forward(x, w1, b1, net.padding)
        a2, cache2 = block_forward(a1, w2, b2, net.padding)
        flat = a2.reshape(net.batch, -1)
        z = flat @ w3.T + b3
        z -= z.max(axis=1, keepdims=True)
        e = np.exp(z)
        total = e.sum(axis=1, keepdims=True)
        loss = (np.log(total[:, 0]) - z[rows, labels]).mean()
        dz = e / total
        dz[rows, labels] -= 1
        dz /= net.batch
        da2, dw2, db2 = block_backward((dz @ w3).reshape(a2.shape), cache2, w2, net.padding, first=False)
        _, dw1, db1 = block_backward(da2, cache1, w1, net.padding, first=True)
        return [loss, dw1, db1, dw2, db2, dz.T @ flat, dz.sum(axis=0)]

    return run


# --- the others


def tinygraph_layer(layer: Layer, x: np.ndarray, w: np.ndarray, g: np.ndarray, method: str = "im2col") -> Call:
    import tinygraph as tg

    images, weight = tg.Tensor(x), tg.Tensor(w)

    def run() -> Any:
        images.zero_grad()
        weight.zero_grad()
        y = tg.conv2d(images, weight, stride=layer.stride, padding=layer.padding, method=method)
        y.backward(g, retain_graph=False)
        return [y.data, images.grad, weight.grad]

    return run


def tinygraph_network(
    net: Network, x: np.ndarray, labels: np.ndarray, *params: np.ndarray, method: str = "im2col"
) -> Call:
    import tinygraph as tg

    w1, b1, w2, b2, w3, b3 = leaves = [tg.Tensor(p) for p in params]

    def run() -> Any:
        for p in leaves:
            p.zero_grad()
        a = tg.max_pool2d(tg.relu(tg.conv2d(x, w1, b1, padding=net.padding, method=method)), 2)
        a = tg.max_pool2d(tg.relu(tg.conv2d(a, w2, b2, padding=net.padding, method=method)), 2)
        loss = tg.cross_entropy(tg.linear(a.reshape(net.batch, -1), w3, b3), labels)
        loss.backward(retain_graph=False)
        return [loss.data, *(p.grad for p in leaves)]

    return run


def torch_layer(layer: Layer, x: np.ndarray, w: np.ndarray, g: np.ndarray) -> Call:
    import torch

    conv2d = torch.nn.functional.conv2d
    images, weight = torch.from_numpy(x).requires_grad_(), torch.from_numpy(w).requires_grad_()
    grad = torch.from_numpy(g)

    def run() -> Any:
        images.grad = weight.grad = None
        y = conv2d(images, weight, stride=layer.stride, padding=layer.padding)
        y.backward(grad)
        return [y.detach(), images.grad, weight.grad]

    return run


def torch_network(net: Network, x: np.ndarray, labels: np.ndarray, *params: np.ndarray) -> Call:
    import torch

    F = torch.nn.functional
    images, classes = torch.from_numpy(x), torch.from_numpy(labels)
    w1, b1, w2, b2, w3, b3 = leaves = [torch.from_numpy(p).requires_grad_() for p in params]

    def run() -> Any:
        for p in leaves:
            p.grad = None
        a = F.max_pool2d(F.relu(F.conv2d(images, w1, b1, padding=net.padding)), 2)
        a = F.max_pool2d(F.relu(F.conv2d(a, w2, b2, padding=net.padding)), 2)
        loss = F.cross_entropy(F.linear(a.flatten(1), w3, b3), classes)
        loss.backward()
        return [loss.detach(), *(p.grad for p in leaves)]

    return run


def jax_conv(x: Any, w: Any, pad: int, stride: int = 1) -> Any:
    import jax

    return jax.lax.conv_general_dilated(x, w, (stride, stride), [(pad, pad)] * 2)


def jax_layer(layer: Layer, x: np.ndarray, w: np.ndarray, g: np.ndarray) -> Call:
    import jax
    import jax.numpy as jnp

    def both(x: Any, w: Any, g: Any) -> Any:
        y, pull = jax.vjp(lambda x, w: jax_conv(x, w, layer.padding, layer.stride), x, w)
        return [y, *pull(g)]

    jitted, arrays = jax.jit(both), [jnp.asarray(a) for a in (x, w, g)]
    return lambda: jax.block_until_ready(jitted(*arrays))


def jax_network(net: Network, x: np.ndarray, labels: np.ndarray, *params: np.ndarray) -> Call:
    import jax
    import jax.numpy as jnp

    def block(a: Any, w: Any, b: Any) -> Any:
        z = jax.nn.relu(jax_conv(a, w, net.padding) + b[:, None, None])
        return jax.lax.reduce_window(z, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    def loss(params: Any, x: Any, labels: Any) -> Any:
        w1, b1, w2, b2, w3, b3 = params
        z = block(block(x, w1, b1), w2, b2).reshape(net.batch, -1) @ w3.T + b3
        return jnp.mean(jax.nn.logsumexp(z, axis=1) - z[jnp.arange(net.batch), labels])

    jitted = jax.jit(jax.value_and_grad(loss))
    leaves, images, classes = [jnp.asarray(p) for p in params], jnp.asarray(x), jnp.asarray(labels)

    def run() -> Any:
        value, grads = jax.block_until_ready(jitted(leaves, images, classes))
        return [value, *grads]

    return run


LAYERS: dict[str, Callable[..., Call]] = {
    "numpy": numpy_layer,
    "tinygraph": tinygraph_layer,
    "tinygraph-direct": partial(tinygraph_layer, method="direct"),
    "torch": torch_layer,
    "jax": jax_layer,
}
NETWORKS: dict[str, Callable[..., Call]] = {
    "numpy": numpy_network,
    "tinygraph": tinygraph_network,
    "tinygraph-direct": partial(tinygraph_network, method="direct"),
    "torch": torch_network,
    "jax": jax_network,
}


def entry(make: Callable[..., Call], work: Layer | Network) -> Entry:
    """Time in float32; check the same code in float64, where rounding hides nothing."""

    def given(dtype: type) -> Arrays:
        return [a.astype(dtype) if a.dtype.kind == "f" else a for a in work.arrays()]

    def check() -> Arrays:
        return [np.asarray(a, dtype=np.float64) for a in make(work, *given(np.float64))()]

    return Entry(make(work, *given(np.float32)), check)


def run(profile: Profile, names: Iterable[str]) -> Iterable[Result]:
    """Yield one Result for each convolution and each network."""
    names = list(names)
    for makers, cases in ((LAYERS, profile.convolutions), (NETWORKS, profile.convolutional)):
        for case in cases:
            work = Layer(*case) if makers is LAYERS else Network(*case)
            result = Result("conv", str(work), operations=1)
            each = {name: lambda make=make, work=work: entry(make, work) for name, make in makers.items()}
            yield race(result, enter(each, names, result, TOLERANCE), profile)
