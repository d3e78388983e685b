"""L-BFGS: a quasi-Newton method that remembers the last steps and what they did to the gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinygraph.op import Array, bare
from tinygraph.optim.parameters import grouped
from tinygraph.optim.rule import nonnegative
from tinygraph.optim.saved import entries, restored, restored_hyper
from tinygraph.optim.wolfe import Point, strong_wolfe

CURVED = 1e-10  # a step along which the gradient did not grow says nothing about the curvature


class LBFGS:
    """Limited-memory BFGS; each `step` makes up to max_iter iterations, and calls the closure for each loss it needs.

    The direction is -H g, where H, the inverse Hessian, is built from the last `history_size` steps and the changes of
    the gradient along them. It is for the whole batch: a noisy loss misleads it.

    Args:
        params: Tensors, (name, Tensor) pairs or a dict of Tensors; one group.
        lr: the step's length, the first to try with a line search.
        max_eval: the most losses in one step; 1.25 max_iter.
        tolerance_grad: stop when no number of the gradient is larger.
        tolerance_change: stop when neither loss nor parameters change more.
        line_search_fn: "strong_wolfe", which is almost always wanted, or None for steps of length lr.

    Raises:
        TypeError: a step without closure.

    Source: Liu and Nocedal, On the limited memory BFGS method (1989); PyTorch's LBFGS, with its defaults.

    Example:
        >>> import numpy as np
        >>> from tinygraph.tensor import Tensor
        >>> w = Tensor(np.array([-1.2, 1.0]))
        >>> opt = LBFGS([w], line_search_fn="strong_wolfe", max_iter=50)
        >>> def closure():
        ...     opt.zero_grad()
        ...     loss = (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2
        ...     loss.backward()
        ...     return loss
        >>> start = opt.step(closure)
        >>> w.data.round(3)
        array([1., 1.])
    """

    scheduled = False

    def __init__(
        self,
        params: Any,
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        if callable(lr):
            raise TypeError("LBFGS: lr is a number here; a Scheduler may change it between the steps")
        nonnegative("LBFGS", lr=lr, tolerance_grad=tolerance_grad, tolerance_change=tolerance_change)
        if line_search_fn not in (None, "strong_wolfe"):
            raise ValueError(f'LBFGS: line_search_fn = {line_search_fn!r} is neither "strong_wolfe" nor None')
        (named, settings), *more = grouped(params)
        if settings or more:
            raise ValueError("LBFGS: all parameters form one vector; give them in one group, without settings")
        self._params = [p for _, p in named]
        self.defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
        }
        self.line_search_fn = line_search_fn
        self.param_groups: list[dict[str, Any]] = [{"params": self._params, **self.defaults}]
        self._state = self._start()
        self._history: list[tuple[Array, Array, float]] = []  # changes of the gradient, the steps, 1 over their product

    def _start(self) -> dict[str, Any]:
        zero = np.concatenate([np.zeros_like(p.data).ravel() for p in self._params])
        return {"iterations": 0, "evaluations": 0, "t": 0.0, "scale": 1.0, "direction": zero, "gradient": zero}

    # --- the parameters as one vector

    def _gradient(self) -> Array:
        grads = [np.zeros_like(p.data) if p.grad is None else bare(p.grad) for p in self._params]
        return np.concatenate([g.ravel() for g in grads])

    def _move(self, step: Array) -> None:
        start = 0
        for p in self._params:
            data = p.data
            data += step[start : start + p.size].reshape(p.shape)
            start += p.size

    # --- one step

    def step(self, closure: Callable[[], Any]) -> Any:
        """Make up to max_iter iterations; returns the loss at the start."""
        if closure is None:
            raise TypeError("LBFGS.step: a closure is needed, which computes the loss, calls backward and returns it")
        group, state = self.param_groups[0], self._state
        first = closure()
        loss, gradient, used = _number(first), self._gradient(), 1
        state["evaluations"] += 1
        for i in range(1, group["max_iter"] + 1):
            if _largest(gradient) <= group["tolerance_grad"]:
                break
            state["iterations"] += 1
            direction = self._direction(gradient)
            t = group["lr"] * (min(1.0, 1.0 / float(abs(gradient).sum())) if state["iterations"] == 1 else 1.0)
            here = Point(0.0, loss, gradient, float(gradient @ direction))
            state.update(direction=direction, gradient=gradient, t=float(t))
            if here.slope > -group["tolerance_change"]:
                break
            there, count = self._search(closure, here, direction, t, group["max_eval"] - used, i < group["max_iter"])
            loss, gradient, used = there.f, there.g, used + count
            state["t"] = float(there.t)
            state["evaluations"] += count
            unchanged = abs(loss - here.f) < group["tolerance_change"]
            if used >= group["max_eval"] or unchanged or _largest(direction * there.t) <= group["tolerance_change"]:
                break
        return first

    def _search(
        self, closure: Callable[[], Any], here: Point, direction: Array, t: float, limit: int, again: bool
    ) -> tuple[Point, int]:
        """Move along the direction; returns where to, and how many losses that took."""

        def look(t: float) -> Point:
            loss, gradient = _number(closure()), self._gradient()
            return Point(t, loss, gradient, float(gradient @ direction))

        if self.line_search_fn is None:
            self._move(t * direction)
            return (look(t), 1) if again else (here._replace(t=t), 0)

        origin = [p.data.copy() for p in self._params]

        def evaluate(t: float) -> Point:
            self._move(t * direction)
            point = look(t)
            for p, value in zip(self._params, origin, strict=True):
                p.data[...] = value
            return point

        tolerance = self.param_groups[0]["tolerance_change"]
        point, count = strong_wolfe(evaluate, here, t, _largest(direction), limit, tolerance)
        self._move(point.t * direction)
        return point, count

    def _direction(self, gradient: Array) -> Array:
        """-H g by the two-loop recursion, after taking the last step into the history."""
        state = self._state
        if state["iterations"] == 1:
            return -gradient
        y, s = gradient - state["gradient"], state["direction"] * state["t"]
        ys = float(y @ s)
        if ys > CURVED:
            size = self.param_groups[0]["history_size"]
            self._history = [*self._history, (y, s, 1.0 / ys)][-size:] if size else []
            state["scale"] = ys / float(y @ y)
        q, weights = -gradient, []
        for y, s, rho in reversed(self._history):
            weights.append(float(s @ q) * rho)
            q -= weights[-1] * y
        q *= state["scale"]
        for (y, s, rho), weight in zip(self._history, reversed(weights), strict=True):
            q += (weight - float(y @ q) * rho) * s
        return q

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients; without set_to_none they become zeros, which is the same here."""
        for p in self._params:
            p.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed run needs: nested dicts with names as keys, holding copies of arrays, and numbers."""
        state = {name: value.copy() if hasattr(value, "shape") else value for name, value in self._state.items()}
        like, rows = self._state["gradient"], len(self._history)
        changes, steps = (
            np.array([pair[i] for pair in self._history], like.dtype).reshape(rows, like.size) for i in (0, 1)
        )
        history = {"changes": changes, "steps": steps, "rho": np.array([rho for *_, rho in self._history])}
        group = {name: self.param_groups[0][name] for name in self.defaults}
        return {"param_groups": {"0": group}, "state": state, "history": history}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where another L-BFGS of the same parameters stood; all of it is taken, or nothing.

        Raises:
            ValueError: entries are missing, unexpected or of another shape.
        """
        own = self.state_dict()
        saved = entries(state_dict, own, "load_state_dict")
        groups = entries(saved["param_groups"], own["param_groups"], "param_groups")
        hyper = restored_hyper(groups["0"], own["param_groups"]["0"], "param_groups, 0")
        state = restored(saved["state"], own["state"], "state")
        history = entries(saved["history"], own["history"], "history")
        like, rows = state["gradient"], len(history["rho"])
        for name in ("changes", "steps"):
            if np.shape(history[name]) != (rows, like.size):
                raise ValueError(f"history, {name}: shape {(rows, like.size)} is needed, not {np.shape(history[name])}")
        changes, steps = (np.array(history[name], like.dtype) for name in ("changes", "steps"))
        self._history = [(y, s, float(rho)) for y, s, rho in zip(changes, steps, history["rho"], strict=True)]
        self.param_groups[0].update(hyper)
        self._state = state


def _number(loss: Any) -> float:
    return float(np.asarray(bare(loss)).item())


def _largest(vector: Array) -> float:
    return float(abs(vector).max(initial=0.0))
