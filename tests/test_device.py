"""Every operation runs on arrays that are not NumPy's: no host array leaks into a forward function or a rule.

The device array below speaks NumPy's two protocols and refuses what CuPy refuses: to mix with ndarrays, to turn into
one, `ufunc.reduce` of other than add and multiply, and creation without `like=`. Where CuPy works, it takes its place.
"""

from __future__ import annotations

import ast
import importlib
import operator
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from laws import checks, table
from laws.cases import Case, recipe_for

import tinygraph as tg
import tinygraph.ops
from tinygraph.op import Op

COMPOSITIONS = sorted(set(table.COMPOSED.values()), key=lambda f: f.__name__)
ON_THE_HOST = {"expm", "solve_triangular"}  # SciPy's, which knows no other array
FUNCTIONS = [*(o for o in table.RULED if o.name not in ON_THE_HOST), *COMPOSITIONS]
NUMBERS = (bool, int, float)


class HostArrayError(TypeError):
    """A host array met a device array."""


class Device:
    """An array on a pretended device."""

    __array_priority__ = 1000

    def __init__(self, held: np.ndarray) -> None:
        assert isinstance(held, np.ndarray)
        self._held = held

    # --- the protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        if any(hasattr(a, "backward") for a in args):
            return NotImplemented
        if method == "reduce" and ufunc not in (np.add, np.multiply):
            raise HostArrayError(f"{ufunc.__name__}.reduce: use the method of the array")
        if method not in ("__call__", "reduce", "at"):
            raise HostArrayError(f"{ufunc.__name__}.{method} is unknown on the device")
        return wrapped(getattr(ufunc, method)(*nested(unwrapped, args), **nested(unwrapped, kwargs)))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if any(hasattr(t, "backward") for t in types):
            return NotImplemented
        return wrapped(function(*nested(unwrapped, args), **nested(unwrapped, kwargs)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise HostArrayError("implicit conversion to a host array")

    # --- what it knows of itself

    @property
    def shape(self) -> tuple[int, ...]:
        return self._held.shape

    @property
    def ndim(self) -> int:
        return self._held.ndim

    @property
    def size(self) -> int:
        return self._held.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._held.dtype

    @property
    def T(self) -> Device:  # noqa: N802 - NumPy's name
        return Device(self._held.T)

    @property
    def base(self) -> Any:
        return self._held.base

    def __len__(self) -> int:
        return len(self._held)

    def __bool__(self) -> bool:
        return bool(self._held)

    def __index__(self) -> int:
        return operator.index(self._held)

    def __iter__(self) -> Any:
        raise HostArrayError("a loop over device elements")

    def __repr__(self) -> str:
        return f"Device({self._held!r})"

    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, key: Any) -> Any:
        return wrapped(self._held[index(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        self._held[index(key)] = unwrapped(value)


def index(key: Any) -> Any:
    """An index; lists and host integers may stand in it, host arrays of numbers may not."""
    if isinstance(key, tuple):
        return tuple(map(index, key))
    if isinstance(key, list):
        return key
    return unwrapped(key) if isinstance(key, Device | np.ndarray) else key


def unwrapped(value: Any) -> Any:
    if isinstance(value, np.ndarray):  # a NumPy scalar is a number to CuPy as well
        raise HostArrayError(f"a host array of shape {value.shape} met a device array")
    return value._held if isinstance(value, Device) else value


def wrapped(value: Any) -> Any:
    """Results stay on the device, scalars too: CuPy has no others."""
    if isinstance(value, tuple):
        return tuple(map(wrapped, value))
    if isinstance(value, list):
        return list(map(wrapped, value))
    return Device(np.asarray(value)) if isinstance(value, np.ndarray | np.generic) else value


def nested(f: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, dict):
        return {k: nested(f, v) for k, v in value.items()}
    return type(value)(nested(f, v) for v in value) if isinstance(value, tuple | list) else f(value)


def _forwarded(name: str) -> Callable[..., Any]:
    def method(self: Device, *args: Any, **kwargs: Any) -> Any:
        if any(hasattr(a, "backward") for a in args):
            return NotImplemented
        return wrapped(getattr(self._held, name)(*nested(unwrapped, args), **nested(unwrapped, kwargs)))

    return method


BINARY = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"]
METHODS = [f"__{reflected}{name}__" for name in BINARY for reflected in ("", "r")]
METHODS += [
    "__neg__",
    "__pos__",
    "__abs__",
    "__invert__",
    "__lt__",
    "__le__",
    "__gt__",
    "__ge__",
    "__eq__",
    "__ne__",
    "__iadd__",
    "__imul__",
]
METHODS += [
    "sum",
    "max",
    "min",
    "prod",
    "mean",
    "any",
    "all",
    "reshape",
    "transpose",
    "swapaxes",
    "squeeze",
    "astype",
    "copy",
    "argmax",
    "argmin",
    "conj",
    "item",
]
for _name in METHODS:
    setattr(Device, _name, _forwarded(_name))


# --- the two devices


def to_fake(a: Any) -> Any:
    return Device(np.array(a))


def from_fake(a: Any) -> np.ndarray:
    assert isinstance(a, Device), f"{type(a).__name__} came back from the device"
    return a._held


def _cupy() -> Any:
    """CuPy, where it is installed and has a GPU to run on."""
    try:
        cupy = importlib.import_module("cupy")
        cupy.zeros(1).sum()
    except Exception:  # noqa: BLE001 - it fails in many ways without a driver
        return None
    return cupy


CUPY = _cupy()


def from_cupy(a: Any) -> np.ndarray:
    assert isinstance(a, CUPY.ndarray), f"{type(a).__name__} came back from the device"
    return CUPY.asnumpy(a)


DEVICES = {"fake": (to_fake, from_fake)}
if CUPY is not None:
    DEVICES["cupy"] = (CUPY.array, from_cupy)
device = pytest.mark.parametrize("device", DEVICES.values(), ids=DEVICES.keys())
each = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f"op-{f.name}" if isinstance(f, Op) else f.__name__)


def sent(case: Case, to: Callable[[Any], Any]) -> Case:
    """The same case on the device: its arrays and the arrays among its parameters."""

    def send(a: Any) -> Any:
        return to(a) if isinstance(a, np.ndarray) else a

    def call(function: Callable[..., Any], *arrays: Any, **kwargs: Any) -> Any:
        def there(*args: Any, **params: Any) -> Any:
            return function(*nested(send, args), **nested(send, params))

        return case.call(there, *arrays, **kwargs)

    moved = Case([], case.kwargs, call)
    moved.arrays = [to(a) for a in case.arrays]
    return moved


@device
@each
def test_forward_runs_on_the_device(function: Any, device: Any) -> None:
    to, back = device
    r = Random(2)
    for _ in range(5):
        case = recipe_for(function)(r)
        there = checks.closed(function, sent(case, to))(*map(to, case.arrays))
        for found, want in zip(there, checks.closed(function, case)(*case.arrays), strict=True):
            np.testing.assert_allclose(back(found), want, rtol=1e-12, atol=1e-12)


@device
@each
def test_rules_run_on_the_device(function: Any, device: Any) -> None:
    to, back = device
    r = Random(2)
    for _ in range(5):
        case = recipe_for(function)(r)
        outs = checks.values(function, case)
        g = checks.directions(outs, 1)
        moved = sent(case, to)
        xs = [tg.Tensor(a) for a in moved.arrays]
        for y, gy in zip(checks.closed(function, moved)(*xs), g, strict=True):
            y.backward(to(gy))
        for x, want in zip(xs, checks.gradients(function, case, g), strict=True):
            np.testing.assert_allclose(back(x.grad), want, rtol=1e-12, atol=1e-12)


@device
@each
def test_the_rules_of_rules_and_forward_mode_run_on_the_device(function: Any, device: Any) -> None:
    to, back = device
    r = Random(3)
    for _ in range(3):
        case = recipe_for(function)(r)
        moved = sent(case, to)
        t = checks.directions(case.arrays, 2)
        outs = checks.values(function, case)
        g, u = checks.directions(outs, 1), checks.directions(case.arrays, 3)
        _, ahead = tg.jvp(checks.closed(function, moved), tuple(moved.arrays), tuple(map(to, t)))
        for found, want in zip(ahead, checks.tangents(function, case, t), strict=True):
            np.testing.assert_allclose(back(found), want, rtol=1e-12, atol=1e-12)
        second = checks.second_order(function, moved, list(map(to, g)), list(map(to, u)))
        for found, want in zip(second, checks.second_order(function, case, g, u), strict=True):
            np.testing.assert_allclose(back(found), want, rtol=1e-12, atol=1e-12)


@device
def test_a_small_network_trains_on_the_device(device: Any) -> None:
    to, back = device
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(8, 3)), rng.integers(0, 2, 8)
    start = {"W1": rng.normal(size=(3, 4)), "b1": np.zeros(4), "W2": rng.normal(size=(4, 2)), "b2": np.zeros(2)}

    def trained(put: Callable[[Any], Any]) -> dict[str, Any]:
        params = {k: tg.Tensor(put(v)) for k, v in start.items()}
        for _ in range(5):
            hidden = tg.relu(tg.Tensor(put(x), requires_grad=False) @ params["W1"] + params["b1"])
            loss = tg.cross_entropy(hidden @ params["W2"] + params["b2"], put(labels))
            loss.backward()
            for p in params.values():
                p.data = p.data - 0.1 * p.grad
                p.zero_grad()
        return {k: p.data for k, p in params.items()}

    there, here = trained(to), trained(np.array)
    for k in start:
        np.testing.assert_allclose(back(there[k]), here[k], rtol=1e-12)


@pytest.mark.skipif(CUPY is None, reason="CuPy is not installed, or finds no GPU: all tests here ran on the fake alone")
def test_cupy_took_part() -> None:
    assert "cupy" in DEVICES


def test_the_fake_device_refuses_what_cupy_refuses() -> None:
    a = to_fake(np.ones(2))
    for bad in (
        lambda: a + np.ones(2),
        lambda: np.ones(2) + a,
        lambda: np.asarray(a),
        lambda: np.maximum.reduce(a),
        lambda: np.concatenate([a, np.ones(2)]),
        lambda: np.add.accumulate(a),
    ):
        with pytest.raises(HostArrayError):
            bad()
    assert isinstance(a + a, Device)
    assert isinstance(a.sum(), Device)
    assert isinstance(np.zeros_like(a), Device)
    assert isinstance(np.arange(3, like=a), Device)


# --- no array is created but like another

FORBIDDEN = {"arange", "array", "asarray", "ascontiguousarray", "empty", "eye", "full", "identity", "linspace"}
FORBIDDEN |= {"ones", "zeros", "fromiter", "indices", "meshgrid"}


def test_no_operation_creates_an_array_on_the_host() -> None:
    for path in sorted(Path(tinygraph.ops.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if isinstance(node.func.value, ast.Name) and node.func.value.id == "np" and node.func.attr in FORBIDDEN:
                like = any(k.arg == "like" for k in node.keywords)
                assert like, f"{path.name}:{node.lineno}: np.{node.func.attr} without like= makes a host array"
