"""Layers in the same state as PyTorch's: outputs, gradients and running averages, to float64 rounding."""

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.op import bare

torch = pytest.importorskip("torch")
T = torch.nn

Pair = tuple[nn.Module, Any, np.ndarray]
SEEDS = range(3)


def normal(r: Random, *shape: int) -> np.ndarray:
    return np.random.default_rng(r.randint(0, 2**32)).normal(size=shape)


def double(module: Any) -> Any:
    return module.double()


def convolution(r: Random, axes: int) -> tuple[dict[str, Any], tuple[int, int], np.ndarray]:
    groups = r.randint(1, 2)
    channels = (groups * r.randint(1, 2), groups * r.randint(1, 3))
    how = {
        "kernel_size": tuple(r.randint(1, 3) for _ in range(axes)) if r.randint(0, 1) else r.randint(1, 3),
        "stride": r.randint(1, 3),
        "padding": r.randint(0, 2),
        "dilation": r.randint(1, 2),
        "groups": groups,
        "bias": bool(r.randint(0, 3)),
    }
    return how, channels, normal(r, r.randint(1, 3), channels[0], *(r.randint(7, 9) for _ in range(axes)))


def forward_convolution(r: Random, axes: int) -> Pair:
    how, channels, x = convolution(r, axes)
    if r.randint(0, 3) == 0:
        how |= {"padding": "same", "stride": 1}
    ours, theirs = (nn.Conv1d, T.Conv1d) if axes == 1 else (nn.Conv2d, T.Conv2d)
    return ours(*channels, **how, rng=r.randint(0, 99)), double(theirs(*channels, **how)), x


def transposed_convolution(r: Random, axes: int) -> Pair:
    how, channels, x = convolution(r, axes)
    how["output_padding"] = r.randint(0, max(how["stride"], how["dilation"]) - 1)
    how["padding"] = 0 if how["kernel_size"] == 1 or (how["kernel_size"] in ((1,), (1, 1))) else how["padding"]
    ours, theirs = (nn.ConvTranspose1d, T.ConvTranspose1d) if axes == 1 else (nn.ConvTranspose2d, T.ConvTranspose2d)
    return ours(*channels, **how, rng=r.randint(0, 99)), double(theirs(*channels, **how)), x


def linear(r: Random) -> Pair:
    n, m, bias = r.randint(1, 5), r.randint(1, 5), bool(r.randint(0, 1))
    x = normal(r, *(r.randint(1, 4) for _ in range(r.randint(0, 3))), n)
    return nn.Linear(n, m, bias), double(T.Linear(n, m, bias)), x


def embedding(r: Random) -> Pair:
    n, padding = r.randint(2, 6), r.choice([None, 0, -1, 1])
    index = np.random.default_rng(r.randint(0, 99)).integers(0, n, (3, 4))
    return nn.Embedding(n, 3, padding), double(T.Embedding(n, 3, padding)), index


def batch_norm(r: Random, axes: int) -> Pair:
    c = r.randint(1, 4)
    how = {
        "eps": r.choice([1e-5, 1e-2]),
        "momentum": r.choice([0.1, 0.9, None]),
        "affine": bool(r.randint(0, 3)),
        "track_running_stats": bool(r.randint(0, 3)),
    }
    ours, theirs = (nn.BatchNorm2d, T.BatchNorm2d) if axes == 2 else (nn.BatchNorm1d, T.BatchNorm1d)
    x = 3.0 + 2.0 * normal(r, r.randint(2, 5), c, *(r.randint(1, 4) for _ in range(axes)))
    return ours(c, **how), double(theirs(c, **how)), x


def layer_norm(r: Random) -> Pair:
    shape = tuple(r.randint(3, 5) for _ in range(r.randint(1, 2)))
    size = shape[0] if len(shape) == 1 and r.randint(0, 1) else shape
    how = {"eps": r.choice([1e-5, 1e-2]), "elementwise_affine": bool(r.randint(0, 3)), "bias": bool(r.randint(0, 1))}
    x = 3.0 + normal(r, *(r.randint(1, 3) for _ in range(r.randint(0, 2))), *shape)
    return nn.LayerNorm(size, **how), double(T.LayerNorm(size, **how)), x


def rms_norm(r: Random) -> Pair:
    how = {"eps": r.choice([None, 1e-2]), "elementwise_affine": bool(r.randint(0, 3))}
    return nn.RMSNorm((3, 2), **how), double(T.RMSNorm((3, 2), **how)), normal(r, 4, 3, 2)


def group_norm(r: Random) -> Pair:
    groups = r.randint(1, 3)
    channels = groups * r.randint(1, 3)
    how = {"eps": r.choice([1e-5, 1e-2]), "affine": bool(r.randint(0, 3))}
    x = normal(r, r.randint(1, 3), channels, *(r.randint(2, 3) for _ in range(r.randint(1, 2))))
    return nn.GroupNorm(groups, channels, **how), double(T.GroupNorm(groups, channels, **how)), x


def pool(r: Random, kind: str, axes: int) -> Pair:
    k = r.randint(1, 3)
    how: dict[str, Any] = {
        "stride": r.choice([None, 1, 2]),
        "padding": r.randint(0, k // 2),
        "ceil_mode": bool(r.randint(0, 1)),
    }
    if kind == "Max":
        how["dilation"] = r.randint(1, 2)
    elif r.randint(0, 1):
        how["count_include_pad"] = False
    name = f"{kind}Pool{axes}d"
    return (
        getattr(nn, name)(k, **how),
        getattr(T, name)(k, **how),
        normal(r, 2, 2, *(r.randint(6, 8) for _ in range(axes))),
    )


def adaptive_pool(r: Random, kind: str, axes: int) -> Pair:
    size = r.randint(1, 4) if axes == 1 or r.randint(0, 1) else (r.randint(1, 4), r.choice([None, 3]))
    name = f"Adaptive{kind}Pool{axes}d"
    return getattr(nn, name)(size), getattr(T, name)(size), normal(r, 2, 2, *(r.randint(4, 7) for _ in range(axes)))


def activation(ours: nn.Module, theirs: Any) -> Callable[[Random], Pair]:
    return lambda r: (ours, double(theirs), 4.0 * normal(r, 3, 4, 5))


class Straight(T.Module):
    """Hardsigmoid written out: PyTorch's own multiplies its gradient with 1/6 in single precision."""

    def forward(self, x: Any) -> Any:
        return T.functional.relu6(x + 3) / 6


PAIRS: dict[str, Callable[[Random], Pair]] = {
    "Linear": linear,
    "Embedding": embedding,
    "Conv1d": lambda r: forward_convolution(r, 1),
    "Conv2d": lambda r: forward_convolution(r, 2),
    "ConvTranspose1d": lambda r: transposed_convolution(r, 1),
    "ConvTranspose2d": lambda r: transposed_convolution(r, 2),
    "BatchNorm1d": lambda r: batch_norm(r, r.randint(0, 1)),
    "BatchNorm2d": lambda r: batch_norm(r, 2),
    "LayerNorm": layer_norm,
    "RMSNorm": rms_norm,
    "GroupNorm": group_norm,
    "MaxPool1d": lambda r: pool(r, "Max", 1),
    "MaxPool2d": lambda r: pool(r, "Max", 2),
    "AvgPool1d": lambda r: pool(r, "Avg", 1),
    "AvgPool2d": lambda r: pool(r, "Avg", 2),
    "AdaptiveAvgPool1d": lambda r: adaptive_pool(r, "Avg", 1),
    "AdaptiveAvgPool2d": lambda r: adaptive_pool(r, "Avg", 2),
    "AdaptiveMaxPool1d": lambda r: adaptive_pool(r, "Max", 1),
    "AdaptiveMaxPool2d": lambda r: adaptive_pool(r, "Max", 2),
    "GlobalAvgPool": activation(nn.GlobalAvgPool(), T.Sequential(T.AdaptiveAvgPool1d(1), T.Flatten())),
    "Flatten": activation(nn.Flatten(), T.Flatten()),
    "Flatten some": activation(nn.Flatten(0, 1), T.Flatten(0, 1)),
    "Unflatten": activation(nn.Unflatten(1, (2, 2)), T.Unflatten(1, (2, 2))),
    "Identity": activation(nn.Identity(), T.Identity()),
    "Sigmoid": activation(nn.Sigmoid(), T.Sigmoid()),
    "Tanh": activation(nn.Tanh(), T.Tanh()),
    "ReLU": activation(nn.ReLU(), T.ReLU()),
    "ReLU6": activation(nn.ReLU6(), T.ReLU6()),
    "LeakyReLU": activation(nn.LeakyReLU(0.2), T.LeakyReLU(0.2)),
    "PReLU": lambda r: (nn.PReLU(), double(T.PReLU()), normal(r, 3, 4)),
    "PReLU of channels": lambda r: (nn.PReLU(4, 0.1), double(T.PReLU(4, 0.1)), normal(r, 3, 4, 2)),
    "ELU": activation(nn.ELU(0.7), T.ELU(0.7)),
    "SELU": activation(nn.SELU(), T.SELU()),
    "GELU": activation(nn.GELU(), T.GELU()),
    "GELU by tanh": activation(nn.GELU("tanh"), T.GELU("tanh")),
    "SiLU": activation(nn.SiLU(), T.SiLU()),
    "Mish": activation(nn.Mish(), T.Mish()),
    "Softplus": activation(nn.Softplus(), T.Softplus(threshold=50)),
    "Softplus with beta": activation(nn.Softplus(2.0), T.Softplus(2.0, threshold=50)),
    "Softsign": activation(nn.Softsign(), T.Softsign()),
    "Hardtanh": activation(nn.Hardtanh(-0.5, 2.0), T.Hardtanh(-0.5, 2.0)),
    "Hardsigmoid": activation(nn.Hardsigmoid(), Straight()),
    "Hardswish": activation(nn.Hardswish(), T.Hardswish()),
    "LogSigmoid": activation(nn.LogSigmoid(), T.LogSigmoid()),
    "Softmax": activation(nn.Softmax(1), T.Softmax(1)),
    "LogSoftmax": activation(nn.LogSoftmax(), T.LogSoftmax(-1)),
}


def close(ours: Any, theirs: Any, what: str) -> None:
    theirs = theirs.detach().numpy()
    rounding = 1e-13 * (1.0 + float(np.abs(theirs).max(initial=0.0)))
    np.testing.assert_allclose(np.asarray(ours), theirs, rtol=1e-12, atol=rounding, err_msg=what)


def to_theirs(ours: nn.Module, theirs: Any) -> None:
    theirs.load_state_dict({name: torch.as_tensor(a) for name, a in ours.state_dict().items()})


def compare(ours: nn.Module, theirs: Any, x: np.ndarray) -> None:
    """One step forward and back in both, in the mode that they are in."""
    mine = tg.Tensor(x)
    other = torch.tensor(x, requires_grad=x.dtype.kind == "f")
    y, z = ours(mine if x.dtype.kind == "f" else x), theirs(other)
    assert y.shape == tuple(z.shape)
    close(y.data, z, "output")
    if not z.requires_grad:
        return
    g = np.random.default_rng(len(ours.state_dict())).normal(size=y.shape)
    y.backward(g)
    z.backward(torch.tensor(g))
    if x.dtype.kind == "f":
        close(mine.grad, other.grad, "gradient of the input")
    grads = dict(theirs.named_parameters())
    assert [name for name, _ in ours.named_parameters()] == list(grads)
    for name, p in ours.named_parameters():
        close(p.grad, grads[name].grad, f"gradient of {name}")
    for name, b in theirs.named_buffers():
        close(ours.state_dict()[name], b, name)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", PAIRS)
def test_a_layer_computes_what_pytorchs_does(name: str, seed: int) -> None:
    ours, theirs, x = PAIRS[name](Random(f"{name} {seed}"))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    rng = np.random.default_rng(seed)
    ours.load_state_dict(
        {n: a + 0.5 * rng.random(a.shape) if a.dtype.kind == "f" else a for n, a in ours.state_dict().items()}
    )
    to_theirs(ours, theirs)
    ours.zero_grad()
    compare(ours.train(), theirs.train(), x)
    ours.zero_grad()
    theirs.zero_grad()
    compare(ours.train(), theirs.train(), x[::-1].copy())  # running averages of a second batch
    ours.zero_grad()
    theirs.zero_grad()
    compare(ours.eval(), theirs.eval(), x)


@pytest.mark.parametrize("name", [n for n in PAIRS if n not in ("Embedding", "Linear")])
def test_second_derivatives_are_pytorchs(name: str) -> None:
    ours, theirs, x = PAIRS[name](Random(f"{name} of order two"))
    to_theirs(ours, theirs)
    rng = np.random.default_rng(0)
    u = rng.normal(size=x.shape)
    other = torch.tensor(x, requires_grad=True)
    z = theirs(other)
    g = rng.normal(size=z.shape)
    (first,) = torch.autograd.grad((z * torch.tensor(g)).sum(), other, create_graph=True)
    want = torch.zeros_like(other)
    if first.requires_grad:
        (want,) = torch.autograd.grad((first * torch.tensor(u)).sum(), other, allow_unused=True)
    found = bare(tg.hvp(lambda x: (ours(x) * g).sum(), (x,), (u,)))
    close(found, torch.zeros_like(other) if want is None else want, name)


# --- whole networks: weights go from one to the other under the same names


def mlps() -> Pair:
    ours = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3), nn.LayerNorm(3))
    theirs = T.Sequential(T.Linear(6, 5), T.BatchNorm1d(5), T.ReLU(), T.Linear(5, 3), T.LayerNorm(3))
    return ours, double(theirs), np.random.default_rng(1).normal(size=(7, 6))


def cnns() -> Pair:
    ours = nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.GELU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 6, 3, groups=2), nn.GroupNorm(3, 6), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Linear(6, 10),
    )
    theirs = T.Sequential(
        *(T.Conv2d(1, 4, 3, padding=1, bias=False), T.BatchNorm2d(4), T.GELU(), T.MaxPool2d(2)),
        *(T.Conv2d(4, 6, 3, groups=2), T.GroupNorm(3, 6), T.SiLU(), T.AdaptiveAvgPool2d(1), T.Flatten()),
        T.Linear(6, 10),
    )
    return ours, double(theirs), np.random.default_rng(1).normal(size=(5, 1, 8, 8))


@pytest.mark.parametrize("networks", [mlps, cnns])
@pytest.mark.parametrize("training", [True, False])
def test_weights_go_to_pytorch_and_come_from_it(networks: Callable[[], Pair], training: bool) -> None:
    ours, theirs, x = networks()
    ours.load_state_dict(theirs.state_dict())  # PyTorch's own tensors
    compare(ours.train(training), theirs.train(training), x)
    ours, theirs, x = networks()
    to_theirs(ours, theirs)
    compare(ours.train(training), theirs.train(training), x)


def test_shared_weights_go_to_pytorch_and_come_from_it() -> None:
    def tied(net: Any) -> Any:
        net[1].weight = net[0].weight
        return net

    ours = tied(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)))
    theirs = tied(double(T.Sequential(T.Linear(3, 3), T.Linear(3, 3))))
    ours.load_state_dict(theirs.state_dict())
    x = np.random.default_rng(0).normal(size=(4, 3))
    compare(ours, theirs, x)
    assert ours[0].weight is ours[1].weight
    to_theirs(ours, theirs)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda: nn.Linear(50, 400), lambda: T.Linear(50, 400)),
        (lambda: nn.Conv2d(4, 400, 3, groups=2), lambda: T.Conv2d(4, 400, 3, groups=2)),
        (lambda: nn.ConvTranspose2d(6, 400, 3, groups=2), lambda: T.ConvTranspose2d(6, 400, 3, groups=2)),
        (lambda: nn.Conv1d(20, 400, 5), lambda: T.Conv1d(20, 400, 5)),
        (lambda: nn.Embedding(100, 100), lambda: T.Embedding(100, 100)),
    ],
)
def test_parameters_begin_as_pytorchs(ours: Any, theirs: Any) -> None:
    """The same interval, or spread, within what so many draws tell."""
    nn.manual_seed(0)
    torch.manual_seed(0)
    one, other = ours().state_dict(), theirs().state_dict()
    for name, a in one.items():
        b = other[name].numpy()
        assert a.shape == b.shape
        few = 3.0 / np.sqrt(2.0 * a.size)  # three standard deviations of a spread that is told by so many
        assert abs(a.std() / b.std() - 1.0) < 2.0 * few, name
        if "Embedding" not in repr(ours()):
            assert abs(np.abs(a).max() / np.abs(b).max() - 1.0) < 0.03, name
