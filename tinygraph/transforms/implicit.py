"""Derivatives of what an equation defines, by the implicit function theorem and not through the steps of its solver."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygraph.graph import Lift, Node, leaf, pullback, pushforward
from tinygraph.mode import apart
from tinygraph.op import Array, Joint, Op, bare
from tinygraph.operand import number_array
from tinygraph.tensor import handle
from tinygraph.transforms.forward import transposed
from tinygraph.transforms.replay import Replay, is_recorded, joined, parted, records, remembered, spec
from tinygraph.transforms.trace import Function, check_callable, nested
from tinygraph.tree import Rebuild, flatten, flatten_like

Linear = Callable[[Any], Any]
TangentSolve = Callable[[Linear, Any], Any]


def custom_root(
    f: Function,
    initial_guess: Any,
    solve: Callable[[Function, Any], Any],
    tangent_solve: TangentSolve | None = None,
    has_aux: bool = False,
) -> Any:
    """The root x of f(x) = 0 that `solve` finds, with the derivatives that the equation gives it.

    For a root of f(x, θ), dx/dθ = -(∂f/∂x)⁻¹ ∂f/∂θ, whatever steps the solver takes. Here θ is every Tensor that f
    closes over; the guess has no influence.

    Args:
        f: a function of x, an array or a tree of arrays, that returns the same shapes. What it closes over is
            differentiated.
        initial_guess: where the solver begins; of the structure of x.
        solve: solve(f, initial_guess) returns the root. It is given arrays and an f that returns arrays, so that any
            solver will do, SciPy's too; in it f may be differentiated by `grad`, `jacobian`, `jvp`.
        tangent_solve: tangent_solve(g, y) returns the u for which g(u) = y, where g is linear: the derivative of f at
            the root or its transpose, which may be all that is known of it, as in conjugate gradients. By default g is
            made a matrix, one call for each column.
        has_aux: solve returns (root, aux).

    Returns:
        The root, or (root, aux). It has derivatives of every order, forward and reverse.

    Raises:
        ValueError: f(x) has another structure, or other shapes, than x.
        numpy.linalg.LinAlgError: by default, where the root is a double one.

    Source:
        `jax.lax.custom_root`; Griewank and Walther, Evaluating Derivatives (2008), chapter 15.

    Example:
        >>> import tinygraph as tg
        >>> def newton(f, x):
        ...     for _ in range(10):
        ...         x = x - f(x) / tg.grad(f)(x)
        ...     return x
        >>> square_root = lambda a: custom_root(lambda x: x * x - a, 1.0, newton)
        >>> square_root(4.0), tg.grad(square_root)(4.0), tg.grad(tg.grad(square_root))(4.0)
        (array(2.), array(0.25), array(-0.03125))
    """
    check_callable(f, "custom_root")
    check_callable(solve, "custom_root: solve")
    leaves, rebuild = flatten(initial_guess)
    guess = rebuild([bare(number_array(bare(x))) for x in leaves])
    with apart(leaf(np.float64(0.0), False).serial):
        found = solve(_on_arrays(f), guess)
    root, aux = found if has_aux else (found, None)
    values = [number_array(bare(x)) for x in flatten_like(root, initial_guess, "custom_root: the root")]
    x = _recorded(f, values, rebuild, tangent_solve or dense_solve) if records() else rebuild(values)
    return (x, aux) if has_aux else x


def _on_arrays(f: Function) -> Function:
    """f as a function that returns arrays where it is given arrays."""

    def function(x: Any) -> Any:
        y = f(x)
        if any(map(is_recorded, flatten(x)[0])):
            return y
        leaves, rebuild = flatten(y)
        return rebuild([bare(leaf) for leaf in leaves])

    return function


def dense_solve(g: Linear, y: Any) -> Any:
    """The u for which g(u) = y, by the matrix of the linear function g: the default `tangent_solve`.

    Example:
        >>> dense_solve(lambda u: np.array([2.0, 4.0]) * u, np.array([2.0, 2.0]))
        array([1. , 0.5])
    """
    leaves, rebuild = flatten(y)
    specs = [spec(x) for x in leaves]
    target = np.ravel(joined(leaves))
    columns = []
    for k in range(target.size):
        unit = np.zeros_like(target)
        unit[k] = 1.0
        shaped = unit if len(specs) > 1 else unit.reshape(specs[0][0])
        columns.append(np.ravel(joined(flatten_like(g(rebuild(parted(shaped, specs))), y, "g(u)"))))
    solution = np.linalg.solve(np.stack(columns, axis=1), target) if columns else target
    return rebuild(parted(solution if len(specs) > 1 else solution.reshape(specs[0][0]), specs))


def _recorded(f: Function, values: list[Array], rebuild: Rebuild, tangent_solve: TangentSolve) -> Any:
    """The root as a function of what f closes over."""
    n = len(values)
    replay = Replay(lambda *leaves: f(rebuild(leaves)), (tuple(values), {}), range(n))
    result, closed = replay.first(values)
    outputs = flatten_like(result, rebuild(values), "custom_root: f(x)")
    if [np.shape(bare(y)) for y in outputs] != [x.shape for x in values]:
        raise ValueError(
            f"custom_root: f(x) has the shapes {[np.shape(bare(y)) for y in outputs]} where x has "
            f"{[x.shape for x in values]}; there must be an equation for each unknown"
        )
    if not closed:
        return rebuild(values)
    if len(replay.outputs) < n:
        raise ValueError("custom_root: an output of f does not depend on x, nor on anything else that has a derivative")
    rule = _Root(replay, [spec(x) for x in values], rebuild, tangent_solve)
    whole = closed[0]._record(rule.op(len(closed), joined(values)), closed, None)
    return rebuild(parted(whole, rule.specs))


class _Root:
    """The rules of one root, of the Tensors that its equation closes over."""

    def __init__(self, replay: Replay, specs: list[Any], rebuild: Rebuild, tangent_solve: TangentSolve) -> None:
        self.replay, self.specs, self.rebuild, self.tangent_solve = replay, specs, rebuild, tangent_solve

    def op(self, arity: int, value: Array) -> Op:
        forward = remembered(value, lambda *_: value)
        return Op(forward, vjps=Joint(self.pull, arity), jvp=self.push, name="custom_root")

    def _equation(self, ans: Array, closed: Sequence[Array]) -> tuple[list[Node], list[Node], Node]:
        """Nodes for x and for what is closed over, and f(x)."""
        nodes, y = self.replay.again([*parted(ans, self.specs), *closed], "custom_root")
        return nodes[: len(self.specs)], nodes[len(self.specs) :], y

    def pull(self, g: Array, ans: Array, *closed: Array) -> tuple[Array, ...]:
        keep = nested(g, ans, *closed)
        x, thetas, y = self._equation(ans, closed)

        def across(v: Any, lift: Lift | None) -> Any:
            found = pullback(y, v, x, lift=lift)
            return joined([found[k] if k in found else np.zeros_like(k.value) for k in x])

        v = self.solved(across, g, keep)
        found = pullback(y, -v, thetas, lift=handle if keep else None)
        return tuple(found[k] if k in found else np.zeros_like(k.value) for k in thetas)

    def push(self, tangents: Sequence[Array | None], ans: Array, *closed: Array) -> Array:
        keep = nested(ans, *tangents, *closed)
        x, thetas, y = self._equation(ans, closed)

        def along(known: Any, lift: Lift | None) -> Any:
            found = pushforward([y], known, transposed, lift=lift)[0]
            return np.zeros_like(y.value) if found is None else found

        def ahead(u: Any, lift: Lift | None) -> Any:
            return along(dict(zip(x, parted(u, self.specs), strict=True)), lift)

        given = {k: t for k, t in zip(thetas, tangents, strict=True) if t is not None}
        return -self.solved(ahead, along(given, handle if keep else None), keep)

    def solved(self, linear: Callable[[Any, Lift | None], Any], y: Any, keep: bool) -> Any:
        """The u for which linear(u) = y; where it is to be differentiated, the root of another equation."""

        def on_trees(v: Any) -> Any:
            whole = joined(flatten_like(v, self.rebuild([0.0] * len(self.specs)), "custom_root: a tangent"))
            return self._tree(bare(linear(whole, None)))

        def on_arrays(*_: Any) -> Any:
            target = self._tree(bare(y))
            return joined(flatten_like(self.tangent_solve(on_trees, target), target, "custom_root: tangent_solve"))

        if not keep:
            return on_arrays()
        return custom_root(lambda u: linear(u, handle) - y, np.zeros_like(bare(y)), on_arrays, self._flat_solve)

    def _tree(self, whole: Any) -> Any:
        return self.rebuild(parted(whole, self.specs))

    def _flat_solve(self, g: Linear, y: Any) -> Any:
        """`tangent_solve`, of trees, on joined arrays."""
        like = self._tree(y)
        found = self.tangent_solve(lambda u: self._tree(g(joined(flatten_like(u, like, "a tangent")))), like)
        return joined(flatten_like(found, like, "custom_root: tangent_solve"))
