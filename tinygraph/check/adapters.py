"""Functions of PyTorch, JAX and SciPy as pairs (value, gradient) of NumPy functions, for `check_pair`.

A library is imported when its adapter is called, and never else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any

import numpy as np

from tinygraph.tree import flatten

Function = Callable[..., Any]
Pair = tuple[Function, Function]


def torch_pair(f: Function, *, dtype: Any = "float64", seed: int = 0) -> Pair:
    """A function of torch tensors, or a custom `torch.autograd.Function`, as a pair for `check_pair`.

    value(*x) = <c, f(*x)> with a random c, 1 for one number; gradient(*x) is what torch's autograd makes of it.

    Args:
        f: of tensors and trees of them; it gets real arrays in `dtype` and whole numbers as they are, on the CPU.
        dtype: "float32", or torch.float32, for a module whose weights are so; the noise is measured, and verdicts get
            coarser. The remedy for a module is `.double()`.
        seed: of c.

    Raises:
        ImportError: PyTorch is not installed.

    Example::

        value, gradient = torch_pair(torch.nn.functional.silu)
        check_pair(value, gradient, np.linspace(-3, 3, 7))
    """
    torch = _needed("torch", "torch")
    called = getattr(f, "apply", f) if isinstance(f, type) else f
    real = getattr(torch, dtype) if isinstance(dtype, str) else dtype

    def made(x: Any, track: bool) -> Any:
        whole = np.asarray(x).dtype.kind != "f"
        return torch.tensor(np.asarray(x), dtype=None if whole else real, requires_grad=track and not whole)

    def contracted(args: Sequence[Any], track: bool) -> tuple[Any, list[Any]]:
        leaves, rebuild = flatten(tuple(args))
        tensors = [made(x, track) for x in leaves]
        found = flatten(called(*rebuild(tensors)))[0]
        outputs = [y for y in found if torch.is_tensor(y) and y.is_floating_point()]
        if not outputs:
            types = ", ".join(sorted({type(y).__name__ for y in found})) or "None"
            raise TypeError(f"the function returned {types}, no tensor of real numbers")
        weights = _cotangents([tuple(y.shape) for y in outputs], seed)
        return sum((y * torch.tensor(c, dtype=y.dtype)).sum() for y, c in zip(outputs, weights, strict=True)), tensors

    def value(*args: Any) -> Any:
        with torch.no_grad():
            return contracted(args, False)[0].numpy()

    def gradient(*args: Any) -> Any:
        with torch.enable_grad():
            total, tensors = contracted(args, True)
            wanted = [t for t in tensors if t.requires_grad]
            if total.requires_grad:
                found = list(torch.autograd.grad(total, wanted, allow_unused=True))
            else:  # cut off from all of its arguments
                found = [None] * len(wanted)
        grads = [np.zeros(t.shape) if g is None else g.numpy() for t, g in zip(wanted, found, strict=True)]
        return grads[0] if len(grads) == 1 else tuple(grads)

    return value, gradient


def jax_pair(f: Function, gradient: Function | None = None, *, x64: bool = True, seed: int = 0) -> Pair:
    """A function of JAX arrays as a pair for `check_pair`, with `jax.grad` or a gradient of one's own.

    value(*x) = <c, f(*x)> with a random c, 1 for one number; gradient(*x) is `jax.vjp` of f at c.

    Args:
        f: of arrays and trees of them; one with a `custom_vjp` is what there is to check most often.
        gradient: of the same arguments, if not JAX's.
        x64: whether it runs in float64, which JAX leaves off by itself; the setting is back as it was after each call.
            In float32 the noise is measured, and verdicts get coarser.
        seed: of c.

    Raises:
        ImportError: JAX is not installed.

    Example::

        value, gradient = jax_pair(jax.nn.softplus)
        check_pair(value, gradient, np.linspace(-3, 3, 7))
    """
    jax = _needed("jax", "jax")

    def precision() -> AbstractContextManager[Any]:
        if not x64:
            return nullcontext()
        enable = getattr(jax, "enable_x64", None)  # its place until 2025 was jax.experimental
        return enable(True) if enable is not None else import_module("jax.experimental").enable_x64()  # type: ignore[no-any-return]

    def contracted(*args: Any) -> Any:
        outputs = [y for y in jax.tree_util.tree_leaves(f(*args)) if jax.numpy.asarray(y).dtype.kind == "f"]
        weights = _cotangents([tuple(np.shape(y)) for y in outputs], seed)
        return sum((y * jax.numpy.asarray(c, y.dtype)).sum() for y, c in zip(outputs, weights, strict=True))

    def made(args: Sequence[Any]) -> Any:
        leaves, rebuild = flatten(tuple(args))
        return rebuild([jax.numpy.asarray(x) for x in leaves])

    def value(*args: Any) -> Any:
        with precision():
            return np.asarray(contracted(*made(args)))

    def grads(*args: Any) -> Any:
        with precision():
            if gradient is not None:
                found, rebuild = flatten(gradient(*made(args)))
                return rebuild([np.asarray(g) for g in found])
            leaves, rebuild = flatten(made(args))
            real = [i for i, x in enumerate(leaves) if x.dtype.kind == "f"]

            def of_real(*xs: Any) -> Any:
                places = dict(zip(real, xs, strict=True))
                return contracted(*rebuild([places.get(i, x) for i, x in enumerate(leaves)]))

            found = jax.grad(of_real, argnums=tuple(range(len(real))))(*(leaves[i] for i in real))
        return np.asarray(found[0]) if len(found) == 1 else tuple(np.asarray(g) for g in found)

    return value, grads


def scipy_pair(fun: Function, jac: Function | bool, args: Sequence[Any] = (), *, seed: int = 0) -> Pair:
    """An objective of scipy.optimize and its `jac` as a pair for `check_pair`; SciPy itself is not needed.

    value(x) = fun(x, *args), gradient(x) = jac(x, *args); of residuals r, as least_squares and root have them,
    value(x) = <c, r(x)> and gradient(x) = J(x)' c with a random c.

    Args:
        fun: the objective, or the residuals.
        jac: its gradient, or the residuals' Jacobian matrix, which may be sparse; True: fun returns (value, gradient).
        args: what both take after x.
        seed: of c.

    Raises:
        TypeError: `jac` is the name of a difference scheme, of which there is nothing to check.

    Example:
        >>> from tinygraph.check import check_pair
        >>> fun, jac = lambda x, a: np.array([a * x[0] ** 2, x[0] * x[1]]), lambda x, a: [[2 * a * x[0], 0], x[::-1]]
        >>> check_pair(*scipy_pair(fun, jac, args=(3.0,)), np.array([1.0, 2.0]))
    """
    args = args if isinstance(args, tuple | list) else (args,)
    if jac is not True and not callable(jac):
        raise TypeError(f"jac={jac!r} leaves the derivative to SciPy; there is a gradient to check if it is a function")

    def both(x: Any) -> tuple[Any, Any]:
        if callable(jac):
            return fun(x, *args), None
        out = fun(x, *args)
        if not (isinstance(out, tuple | list) and len(out) == 2):
            raise TypeError(f"jac=True needs a fun that returns (value, gradient), not {type(out).__name__}")
        return out[0], out[1]

    def value(x: Any) -> Any:
        y = np.asarray(both(x)[0])
        return (y * _cotangents([y.shape], seed)[0]).sum()

    def gradient(x: Any) -> Any:
        y, g = both(x)
        g = jac(x, *args) if callable(jac) else g
        if np.ndim(y) == 0:
            return g
        c = _cotangents([np.shape(y)], seed)[0]
        return np.asarray((g if hasattr(g, "shape") else np.asarray(g)).T @ c)

    return value, gradient


def _needed(module: str, package: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(f"{module}_pair needs {module}: pip install {package}") from error


def _cotangents(shapes: Sequence[tuple[int, ...]], seed: int) -> list[Any]:
    """1 for one number, else random and uneven."""
    if len(shapes) == 1 and int(np.prod(shapes[0])) == 1:
        return [np.ones(shapes[0])]
    rng = np.random.default_rng(seed)
    return [rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.5, shape) for shape in shapes]
