"""Optimizer: an update rule at work on Tensors, with PyTorch's names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygraph.mode import begun, ended, tracer
from tinygraph.op import Array
from tinygraph.optim.blocks import Block, laid_out, ready, states_of
from tinygraph.optim.parameters import grouped, labelled
from tinygraph.optim.recorded import recorded_end, recorded_rules
from tinygraph.optim.rule import Rule
from tinygraph.optim.saved import entries, restored, restored_hyper, saved_hyper
from tinygraph.tensor import Tensor


class Optimizer:
    """Updates Tensors, in place, by a rule and their `.grad`: backward, `step`, `zero_grad`.

    A Tensor whose grad is None is passed over, and its state with it. The hyper-parameters stand in `param_groups`, a
    list of dicts, where they may be changed at any time: `opt.param_groups[0]["lr"] = 0.01`.

    Args:
        params: Tensors, (name, Tensor) pairs or a dict of Tensors; or a list of groups, dicts of "params", any of
            these, and hyper-parameters that differ there.
        rule: a rule, as `chain(clip(1.0), adam(1e-3))`; or the function that makes one, as `adam`.
        hyper: the function's hyper-parameters. `lr` may be a schedule, which is then a function of `steps`.

    Attributes:
        steps: how many have been taken.

    Raises:
        TypeError: parameters that are no Tensors, an unknown hyper-parameter.
        ValueError: no parameters, one twice, a result or a constant; a hyper-parameter out of its range.

    Example:
        >>> import numpy as np
        >>> from tinygraph.optim import chain, clip_by_global_norm, momentum
        >>> w = Tensor([3.0, 4.0])
        >>> opt = Optimizer([w], chain(clip_by_global_norm(1.0), momentum(lr=0.5, beta=0.0)))
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> opt.zero_grad()
        >>> w.data.round(3), w.grad
        (array([2.7, 3.6]), None)
    """

    def __init__(self, params: Any, rule: Rule | Callable[..., Rule], **hyper: Any) -> None:
        self.steps = 0
        self.param_groups: list[dict[str, Any]] = []
        self._names: dict[Tensor, str] = {}
        self._schedules: list[Callable[[int], float] | None] = []
        self._blocks: list[list[Block]] = []
        self._rules: list[tuple[dict[str, Any], Rule]] = []
        self._make: Callable[..., Rule] = (lambda: rule) if isinstance(rule, Rule) else rule
        self._label = type(self).__name__
        self.defaults = _defaults(self._make, hyper, self._label)
        self._fixed = [name for name in self.defaults if name != "lr"]
        groups = grouped(params)
        self._names = {p: name for name, p in labelled([pair for named, _ in groups for pair in named])}
        for named, settings in groups:
            self._add_group([p for _, p in named], settings)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Optimize further Tensors, with hyper-parameters of their own: a dict with "params"."""
        ((named, settings),) = grouped([group])
        names = dict(self._names)
        for name, p in named:
            if p in names:
                raise ValueError(f"add_param_group: parameter {names[p]!r} is in a group already")
            own = name or p.name
            names[p] = str(len(names)) if own is None or own in names.values() else own
        self._add_group([p for _, p in named], settings)
        self._names = names

    def _add_group(self, params: list[Tensor], settings: dict[str, Any]) -> None:
        _refuse_unknown(settings, self.defaults, self._label)
        group = {"params": params, **self.defaults, **settings}
        schedule = group["lr"] if callable(group.get("lr")) else None
        if schedule is not None:
            group["lr"] = float(schedule(self.steps))
        rule = self._rule_of(group)
        if rule.joint and self.param_groups:
            raise ValueError(f"{self._label}: a rule that acts on all parameters together takes them in one group")
        self.param_groups.append(group)
        self._schedules.append(schedule)
        self._rules.append((dict(group), rule))
        self._blocks.append(laid_out(params, {p: rule.start(p.data) for p in params}))

    @property
    def scheduled(self) -> bool:
        """Whether a schedule was given as `lr`."""
        return any(schedule is not None for schedule in self._schedules)

    def _rule_of(self, group: Mapping[str, Any]) -> Rule:
        return self._make(**{name: group[name] for name in self.defaults})

    def _current_rules(self) -> list[Rule]:
        """The rule of each group, made anew where a hyper-parameter has changed."""
        for i, group in enumerate(self.param_groups):
            schedule, (known, rule) = self._schedules[i], self._rules[i]
            if schedule is not None:
                group["lr"] = float(schedule(self.steps))
            if group != known:
                rule = self._rule_of(group)
                if any(group[name] != known[name] for name in self.defaults if name != "lr"):
                    for block in self._blocks[i]:  # it may need other arrays than before
                        fresh = rule.start(block.values())
                        block.state = {name: block.state.get(name, value) for name, value in fresh.items()}
                self._rules[i] = dict(group), rule
        return [rule for _, rule in self._rules]

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; what `closure`, which computes the loss and its gradients, returns is returned.

        Raises:
            ValueError: a read-only parameter; a hyper-parameter changed to something out of its range.
        """
        loss = None if closure is None else closure()
        recorder = tracer()
        rules = self._current_rules() if recorder is None else recorded_rules(self, recorder)
        for rule, blocks in zip(rules, self._blocks, strict=True):
            if rule.joint:
                _update_together(rule, list(ready(blocks)))
                continue
            for block, grads in ready(blocks):
                g = block.joined(grads)
                p = block.values() if rule.reads_params else g
                state = begun(block.state)
                block.add(rule.apply((g,), (state,), (p,))[0])
                ended(block.state, state)
        self.steps += 1
        if recorder is not None:
            recorded_end(self, recorder)
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients; the next backward starts anew. Without set_to_none they become zeros, which count."""
        for p in self._names:
            if set_to_none or p.grad is None:
                p.zero_grad()
            else:
                p.grad = np.zeros_like(p.data)

    def seen_by_program(self) -> list[Any]:
        """What of the optimizer a program depends on: learning rates, steps and states are read afresh."""
        seen: list[Any] = []
        for blocks in self._blocks:
            seen += blocks
        for group in self.param_groups:
            seen += map(group.__getitem__, self._fixed)
        return seen

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed run needs: nested dicts with names as keys, holding copies of arrays, and numbers.

        A schedule is not in it: it comes with the optimizer, and `steps` tells where it is.
        """
        state = {self._names[p]: s for blocks in self._blocks for p, s in states_of(blocks).items()}
        groups = {str(i): saved_hyper(g, self.defaults) for i, g in enumerate(self.param_groups)}
        return {
            "steps": self.steps,
            "param_groups": groups,
            "state": {name: state[name] for name in self._names.values()},
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where another optimizer of the same parameters stood; all of it is taken, or nothing.

        Raises:
            ValueError: entries are missing, unexpected or of another shape.
        """
        own = {str(i): {name: group[name] for name in self.defaults} for i, group in enumerate(self.param_groups)}
        outline = {"steps": 0, "param_groups": own, "state": {name: {} for name in self._names.values()}}
        saved = entries(state_dict, outline, "load_state_dict")
        found = entries(saved["param_groups"], own, "param_groups")
        groups = [restored_hyper(found[i], own[i], f"param_groups, {i}") for i in own]
        rules = [self._make(**hyper) for hyper in groups]
        params = [group["params"] for group in self.param_groups]
        like = {self._names[p]: rule.start(p.data) for rule, ps in zip(rules, params, strict=True) for p in ps}
        states = restored(saved["state"], like, "state")
        by_param = {p: states[name] for p, name in self._names.items()}
        blocks, steps = [laid_out(ps, by_param) for ps in params], int(saved["steps"])
        for group, hyper in zip(self.param_groups, groups, strict=True):
            group.update(hyper)
        self._rules = [(dict(group), rule) for group, rule in zip(self.param_groups, rules, strict=True)]
        self._blocks = blocks
        self.steps = steps

    def __repr__(self) -> str:
        hyper = [", ".join(f"{k}={g[k]!r}" for k in self.defaults) for g in self.param_groups]
        numbers = sum(p.size for p in self._names)
        return f"{self._label}({'; '.join(hyper)}): {len(self._names)} parameters, {numbers} numbers"


def _update_together(rule: Rule, work: Sequence[tuple[Block, list[Array]]]) -> None:
    gs = [block.joined(grads) for block, grads in work]
    ps = [block.values() for block, _ in work] if rule.reads_params else gs
    states = [begun(block.state) for block, _ in work]
    for (block, _), update, state in zip(work, rule.apply(gs, states, ps), states, strict=True):
        block.add(update)
        ended(block.state, state)


def _defaults(make: Callable[..., Rule], hyper: dict[str, Any], label: str) -> dict[str, Any]:
    """All hyper-parameters of a rule: those given, and the defaults of the function that makes it."""
    signature = inspect.signature(make).parameters
    known = {name: p.default for name, p in signature.items()}
    _refuse_unknown(hyper, known, label)
    defaults = {**known, **hyper}
    lacking = [name for name, value in defaults.items() if value is inspect.Parameter.empty]
    if lacking:
        raise TypeError(f"{label}: {', '.join(lacking)} must be given")
    return defaults


def _refuse_unknown(settings: Mapping[str, Any], known: Mapping[str, Any], label: str) -> None:
    for name in settings:
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "a rule has its own inside"
            raise TypeError(f"{label} has no hyper-parameter {name!r}: {has}")
