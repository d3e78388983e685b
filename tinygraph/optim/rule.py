"""What an update rule is: two pure functions, `init` and `update`, that compose by `chain`.

A rule is written for one array, as its formula::

    def momentum(g, p, t, v, *, lr, beta):
        v *= beta
        v += (1 - beta) * g
        return -lr * v, v

`*=` and `+=` work in place on the arrays of the state, which belong to the rule. An array that records cannot be
written to: there they rebind the name, and the same lines record themselves. No rule looks at a number in an array.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygraph.mode import tracer
from tinygraph.op import Array
from tinygraph.tree import flatten, flatten_like

State = dict[str, Any]  # of one array: numbers, arrays, and the states of the links of a chain
Kernel = Callable[..., tuple[Array, ...]]
Apply = Callable[[Sequence[Array], Sequence[State], Sequence[Array]], list[Array]]


class Rule:
    """An update rule: `init` makes its state, `update` turns gradients into what is to be added to the parameters.

    Both are pure: what they are given is not changed. Parameters, gradients and updates are an array, or nested dicts,
    lists and tuples of arrays; the state has the same structure, with a dict in the place of each array.

    Args:
        start: the state of one array.
        apply: the updates of a list of arrays, from their gradients, states (which it changes) and values.
        joint: whether an update depends on the other arrays too, as in clipping by the global norm.
        reads_params: whether `apply` looks at the values.

    Example:
        >>> import numpy as np
        >>> from tinygraph.optim import apply_updates, sgd
        >>> rule = sgd(lr=0.1, momentum=0.9)
        >>> p = {"w": np.array([1.0, 2.0])}
        >>> state = rule.init(p)
        >>> updates, state = rule.update({"w": np.array([1.0, 0.0])}, state, p)
        >>> apply_updates(p, updates)
        {'w': array([0.9, 2. ])}
        >>> state
        {'w': {'t': 1, 'v': array([1., 0.])}}
    """

    __slots__ = ("apply", "joint", "reads_params", "start")

    def __init__(
        self, start: Callable[[Array], State], apply: Apply, *, joint: bool = False, reads_params: bool = True
    ) -> None:
        self.start = start
        self.apply = apply
        self.joint = joint
        self.reads_params = reads_params

    def init(self, params: Any) -> Any:
        """The state before the first update."""
        leaves, rebuild = flatten(params)
        return rebuild([self.start(_array(p)) for p in leaves])

    def update(self, grads: Any, state: Any, params: Any) -> tuple[Any, Any]:
        """The updates, to be added to the parameters, and the next state.

        Raises:
            ValueError: gradients, state and parameters differ in structure, or a gradient in shape.
        """
        leaves, rebuild = flatten(params)
        ps = [_array(p) for p in leaves]
        gs = [_array(g) for g in flatten_like(grads, params, "grads")]
        states = flatten_like(state, params, "state")
        for g, p in zip(gs, ps, strict=True):
            if g.shape != p.shape:
                raise ValueError(f"update: a gradient of shape {g.shape} for a parameter of shape {p.shape}")
        # a 0-d array would turn into a scalar, which cannot be written to: it goes as an array of one
        own = [mapped(np.copy if p.ndim else _copied_row, s) for s, p in zip(states, ps, strict=True)]
        us = self.apply([_row(g) for g in gs], own, [_row(p) for p in ps])
        after = [s if p.ndim else mapped(_scalar, s) for s, p in zip(own, ps, strict=True)]
        return rebuild([u.reshape(p.shape) for u, p in zip(us, ps, strict=True)]), rebuild(after)


def leafwise(
    kernel: Kernel,
    slots: Mapping[str, float],
    *,
    weight_decay: float = 0.0,
    maximize: bool = False,
    reads_params: bool = False,
    **hyper: Any,
) -> Rule:
    """The rule that does `kernel` to each array by itself: this is how to write one's own.

    Args:
        kernel: `kernel(g, p, t, *slots, **hyper)` gives the update and the new slots. It may write to the slots, and
            to nothing else. t counts the updates from 1.
        slots: the names of the arrays that it remembers, each with the number that fills it at the start.
        weight_decay: this times the parameter is added to the gradient first, as a penalty of weight_decay/2 times the
            sum of squares would (the course's lambda/m).
        maximize: go uphill.
        reads_params: whether the kernel looks at p.
        hyper: the kernel's hyper-parameters; a `lr` that is a function of the step, from 0, is a schedule.

    Example:
        >>> import numpy as np
        >>> def signed(g, p, t, *, lr):
        ...     return (-lr * np.sign(g),)
        >>> rule = leafwise(signed, {}, lr=0.5)
        >>> rule.update(np.array([3.0, -4.0]), rule.init(np.zeros(2)), np.zeros(2))[0]
        array([-0.5,  0.5])
    """
    names = tuple(slots)
    hyper = {name: value.item() if isinstance(value, np.generic) else value for name, value in hyper.items()}
    schedule = hyper.get("lr") if callable(hyper.get("lr")) else None

    def start(p: Array) -> State:
        zeros = {name: np.zeros_like(p) for name in names}
        return {"t": 0, **{name: zeros[name] + value if value else zeros[name] for name, value in slots.items()}}

    def advance(g: Array, state: State, p: Array) -> Array:
        t = state["t"] = state["t"] + 1
        if maximize:
            g = -g
        if weight_decay:
            g = g + weight_decay * p
        now = hyper if schedule is None else {**hyper, "lr": _rate(schedule, t - 1)}
        update, *after = kernel(g, p, t, *[state[name] for name in names], **now)
        state.update(zip(names, after, strict=True))
        return update

    def apply(gs: Sequence[Array], states: Sequence[State], ps: Sequence[Array]) -> list[Array]:
        return [advance(g, s, p) for g, s, p in zip(gs, states, ps, strict=True)]

    return Rule(start, apply, reads_params=reads_params or bool(weight_decay))


def chain(*rules: Rule) -> Rule:
    """The rules one after another, each on what the one before it gave.

    Example:
        >>> import numpy as np
        >>> from tinygraph.optim import clip, sgd
        >>> rule = chain(clip(1.0), sgd(lr=0.1))
        >>> rule.update(np.array([0.5, 20.0]), rule.init(np.zeros(2)), np.zeros(2))[0]
        array([-0.05, -0.1 ])
    """
    for rule in rules:
        if not isinstance(rule, Rule):
            raise TypeError(f"chain: {rule!r} is not an update rule; sgd(lr=0.1), with small letters, is one")
    names = [str(i) for i in range(len(rules))]

    def start(p: Array) -> State:
        return {name: rule.start(p) for name, rule in zip(names, rules, strict=True)}

    def apply(gs: Sequence[Array], states: Sequence[State], ps: Sequence[Array]) -> list[Array]:
        us = list(gs)
        for name, rule in zip(names, rules, strict=True):
            us = rule.apply(us, [s[name] for s in states], ps)
        return us

    return Rule(start, apply, joint=any(r.joint for r in rules), reads_params=any(r.reads_params for r in rules))


def stateless(kernel: Callable[[Array, Array], Array], *, reads_params: bool = False) -> Rule:
    """The rule that remembers nothing: `kernel(g, p)` gives the update of each array.

    Example:
        >>> import numpy as np
        >>> stateless(lambda g, p: 2.0 * g).update(np.ones(2), {}, np.zeros(2))
        (array([2., 2.]), {})
    """

    def apply(gs: Sequence[Array], states: Sequence[State], ps: Sequence[Array]) -> list[Array]:
        return [kernel(g, p) for g, p in zip(gs, ps, strict=True)]

    return Rule(lambda p: {}, apply, reads_params=reads_params)


def scale(factor: float) -> Rule:
    """Multiply the updates by a number.

    Example:
        >>> import numpy as np
        >>> scale(-0.1).update(np.array([1.0]), {}, np.array([5.0]))[0]
        array([-0.1])
    """
    return stateless(lambda g, p: factor * g)


def add_decayed_weights(weight_decay: float) -> Rule:
    """Add weight_decay times the parameter: before a rule of descent this is an L2 penalty, its gradient.

    After one, with a negative number, it is decay apart from the rule: `chain(adam(1.0), add_decayed_weights(-0.01),
    scale(0.001))` is AdamW.

    Example:
        >>> import numpy as np
        >>> add_decayed_weights(0.1).update(np.array([1.0]), {}, np.array([5.0]))[0]
        array([1.5])
    """
    return stateless(lambda g, p: g + weight_decay * p, reads_params=True)


def apply_updates(params: Any, updates: Any) -> Any:
    """Parameters plus updates, as new arrays in the same structure.

    Example:
        >>> import numpy as np
        >>> apply_updates([np.array([1.0])], [np.array([-0.5])])
        [array([0.5])]
    """
    leaves, rebuild = flatten(params)
    return rebuild([p + u for p, u in zip(leaves, flatten_like(updates, params, "updates"), strict=True)])


def mapped(function: Callable[[Array], Array], state: State) -> State:
    """A state with the function done to its arrays, and its numbers as they are."""
    return {
        name: mapped(function, value)
        if isinstance(value, dict)
        else function(value)
        if hasattr(value, "shape") and not isinstance(value, np.generic)
        else value
        for name, value in state.items()
    }


def nonnegative(rule: str, **values: Any) -> None:
    """Raise unless each is a number, not negative; a learning rate may be a schedule."""
    for name, value in values.items():
        if not (callable(value) or value >= 0):
            raise ValueError(f"{rule}: {name} = {value} is negative or no number")


def fractions(rule: str, **values: Any) -> None:
    """Raise unless each lies in [0, 1): the weight that an average gives to its past."""
    for name, value in values.items():
        if not 0 <= value < 1:
            raise ValueError(f"{rule}: {name} = {value} must be at least 0 and less than 1")


class FreshRate:
    """A learning rate that is a variable of a program, and the same for all steps."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, step: Any) -> Any:
        return self.value


def _rate(schedule: Callable[[Any], Any], step: Any) -> Any:
    """The learning rate of a step; while a program is recorded, a variable, or a call that it repeats."""
    recorder = tracer()
    if recorder is None or isinstance(schedule, FreshRate):
        return schedule(step) if isinstance(schedule, FreshRate) else float(schedule(step))
    return recorder.effects.called(schedule, step)


def _array(value: Any) -> Array:
    return np.asarray(value, dtype=float) if isinstance(value, int | float) else value


def _row(a: Array) -> Array:
    return a if a.ndim else a.reshape(1)


def _copied_row(a: Array) -> Array:
    return np.copy(a).reshape(1)


def _scalar(a: Array) -> Array:
    return a.reshape(())
