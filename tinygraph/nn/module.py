"""Module: what every layer and network is. A Tensor that it holds is a parameter, an array is a buffer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import numpy as np

from tinygraph.mode import MODE, enter
from tinygraph.nn.summary import Summary, summarised
from tinygraph.tensor import Tensor

Hook = Callable[["Module", tuple[Any, ...], Any], None]
_PLACE = "in layer "


class Module:
    """A part of a network: a class with `forward`, whose attributes are its parameters, buffers and parts.

    A Tensor that requires a gradient is a parameter; an array, or a constant Tensor, is a buffer: it is saved, not
    learned. Modules within are found in attributes, and in lists, tuples and dicts. Names that begin with an
    underscore are private and not looked at. Nothing needs to be registered, and `super().__init__()` not be called.

    Calling a module runs `forward` in a scope of its name, which pictures draw as a box.

    Example:
        >>> import tinygraph as tg
        >>> class Neuron(Module):
        ...     def __init__(self, n):
        ...         self.w = tg.Tensor(np.ones(n))
        ...         self.b = tg.Tensor(0.0)
        ...
        ...     def forward(self, x):
        ...         return tg.sigmoid(x @ self.w + self.b)
        >>> neuron = Neuron(3)
        >>> neuron(np.zeros((2, 3))).numpy(), [name for name, _ in neuron.named_parameters()]
        (array([0.5, 0.5]), ['w', 'b'])
    """

    training: bool = True
    _name: str | None = None
    _hooks: tuple[Hook, ...] = ()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; to be written by each class."""
        raise NotImplementedError(f"{type(self).__name__} has no forward: define forward(self, x), which computes it")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        kind = type(self).__name__
        token = enter(self._name or kind, kind)
        try:
            out = self.forward(*args, **kwargs)
        except Exception as error:
            self._place(error)
            raise
        finally:
            MODE.reset(token)
        for hook in self._hooks:
            hook(self, args, out)
        return out

    def _place(self, error: Exception) -> None:
        """Note in which layer an error arose, once, where it did."""
        mode = MODE.get()
        if mode is not None and mode.scope is not None and not any(map(_is_place, getattr(error, "__notes__", ()))):
            error.add_note(f"{_PLACE}{'/'.join(mode.scope.path)}, {type(self).__name__}({self.extra_repr()})")

    def __setattr__(self, name: str, value: Any) -> None:
        """Attributes give their names to what they hold, for pictures and errors."""
        if not name.startswith("_"):
            for path, part in _parts(name, value):
                _name(part, path)
        object.__setattr__(self, name, value)

    def extra_repr(self) -> str:
        """What `repr` says between the parentheses."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({name}): " + repr(child).replace("\n", "\n  ") for name, child in self.named_children()]
        head = type(self).__name__
        if not lines:
            return f"{head}({self.extra_repr()})"
        return "\n  ".join([f"{head}({self.extra_repr()}", *lines]) + "\n)"

    # --- what it holds

    def _held(self) -> Iterator[tuple[str, Any]]:
        """Modules, Tensors and arrays among the attributes, in the order in which they were set."""
        for name, value in vars(self).items():
            if not name.startswith("_"):
                for path, part in _parts(name, value):
                    _name(part, path)  # it may have been appended to a list
                    yield path, part

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly within, by name."""
        return ((name, part) for name, part in self._held() if isinstance(part, Module))

    def children(self) -> Iterator[Module]:
        return (child for _, child in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all within it, each once, a part after what it is part of."""
        return _once(self._all_modules(prefix))

    def _all_modules(self, prefix: str) -> Iterator[tuple[str, Module]]:
        yield prefix, self
        for name, child in self.named_children():
            yield from child._all_modules(_joined(prefix, name))

    def modules(self) -> Iterator[Module]:
        return (module for _, module in self.named_modules())

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """What is learned, each Tensor once, by the path of attributes that leads to it: none that is frozen."""
        return ((n, t) for n, t in self._named_state() if isinstance(t, Tensor) and t.requires_grad)

    def parameters(self) -> Iterator[Tensor]:
        """What is learned, for an optimizer."""
        return (t for _, t in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Any]]:
        """What is kept and not learned: arrays and constant Tensors."""
        return ((n, b) for n, b in self._named_state() if not (isinstance(b, Tensor) and b.requires_grad))

    def buffers(self) -> Iterator[Any]:
        return (b for _, b in self.named_buffers())

    def _named_state(self) -> Iterator[tuple[str, Any]]:
        return _once(self._all_state(""))

    def _all_state(self, prefix: str) -> Iterator[tuple[str, Any]]:
        for name, part in self._held():
            if isinstance(part, Module):
                yield from part._all_state(_joined(prefix, name))
            elif not isinstance(part, Tensor) or part.is_leaf:
                yield _joined(prefix, name), part

    # --- saving

    def state_dict(self) -> dict[str, Any]:
        """Copies of all parameters and buffers, by name; what is shared stands under each of its names, as in PyTorch.

        Example:
            >>> from tinygraph import nn
            >>> {name: a.shape for name, a in nn.Linear(3, 2).state_dict().items()}
            {'weight': (2, 3), 'bias': (2,)}
        """
        return {name: np.array(_bare(part), copy=True) for name, part in self._all_state("")}

    def load_state_dict(self, state: Mapping[str, Any], *, strict: bool = True) -> None:
        """Take over parameters and buffers, in place; all of them or, if anything is wrong, none.

        Args:
            state: arrays by name, as `state_dict` gives them.
            strict: False passes over names that are missing or unexpected; shapes must fit nonetheless.

        Raises:
            ValueError: names that are missing or unexpected, arrays of another shape, or not numbers; all are listed.
            TypeError: what is no dict.
        """
        if not isinstance(state, Mapping):
            raise TypeError(
                f"load_state_dict: a dict of arrays by name is needed, not a {type(state).__name__}: give a model's "
                ".state_dict(), or load(path) of a file"
            )
        own = dict(self._all_state(""))
        news = {name: np.asarray(_bare(state[name])) for name in own if name in state}
        given = {id(own[name]) for name in news}  # what is shared may be given under one of its names
        faults = [f"{name} is missing" for name, part in own.items() if id(part) not in given] if strict else []
        faults += [f"{name} is unexpected" for name in state if name not in own] if strict else []
        for name, array in news.items():
            if array.shape != np.shape(_bare(own[name])):
                owner = dict(self.named_modules()).get(name.rpartition(".")[0], self)
                remedy = owner._to_load(array.shape)
                faults.append(f"{name} is of shape {array.shape} and must be {np.shape(_bare(own[name]))}{remedy}")
        if faults:
            raise ValueError(f"load_state_dict of {type(self).__name__}, nothing is changed: {'; '.join(faults)}")
        arrays = {name: _like(own[name], array, name) for name, array in news.items()}
        for name, array in arrays.items():
            _write(own[name], array)

    def _to_load(self, shape: tuple[int, ...]) -> str:
        """What else is said where an array of this shape does not fit."""
        return ""

    # --- all of it at once

    def train(self, mode: bool = True) -> Self:
        """Set training mode here and in every part: dropout drops, batch normalisation takes the batch's figures."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Set evaluation mode here and in every part."""
        return self.train(False)

    def apply(self, function: Callable[[Module], Any]) -> Self:
        """Call a function on every part and on this module, which comes last."""
        for module in reversed(list(self.modules())):
            function(module)
        return self

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Freeze all parameters here and in every part, or with True thaw them.

        What is frozen gets no gradient, is left out of `parameters()`, and is saved as before. Which were frozen is not
        remembered: thawing makes a parameter of every Tensor of real numbers, also of one made as a constant.

        Example:
            >>> from tinygraph import nn
            >>> model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 1))
            >>> _ = model[0].requires_grad_(False)
            >>> [name for name, _ in model.named_parameters()]
            ['1.weight', '1.bias']
        """
        for _, part in self._named_state():
            if isinstance(part, Tensor) and part.dtype.kind in "fc":
                part.requires_grad = requires_grad
        return self

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def astype(self, dtype: Any) -> Self:
        """Convert parameters and real buffers to another precision; make the optimizer after this.

        Raises:
            TypeError: not a real dtype.
        """
        if np.dtype(dtype).kind != "f":
            raise TypeError(f"astype: parameters are real numbers, {np.dtype(dtype)} is not a real dtype")
        converted: dict[int, Any] = {}
        for module in list(self.modules()):
            for name, value in list(vars(module).items()):
                if not name.startswith("_"):
                    object.__setattr__(module, name, _converted(value, np.dtype(dtype), converted))
        return self

    def register_forward_hook(self, hook: Hook) -> Callable[[], None]:
        """Call `hook(module, args, output)` after each call of this module; returns a function that ends it."""
        self._hooks = (*self._hooks, hook)

        def remove() -> None:
            self._hooks = tuple(h for h in self._hooks if h is not hook)

        return remove

    def summary(self, *inputs: Any) -> Summary:
        """A table of the layers: kind, output shape and number of parameters.

        Layers are counted as the course counts them: those that learn, the input is none. What is frozen is counted
        apart.

        Args:
            inputs: example inputs, run once in evaluation mode to learn the shapes; without them no shapes are told.

        Example:
            >>> from tinygraph import nn
            >>> print(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1)).summary(np.zeros((2, 4))))
            layer  kind    output  parameters
            -----  ------  ------  ----------
            0      Linear  (2, 3)          15
            1      ReLU    (2, 3)           0
            2      Linear  (2, 1)           4
            2 layers, 19 parameters, 152 bytes
        """
        return summarised(self, inputs)


def _is_place(note: str) -> bool:
    return note.startswith(_PLACE)


def _parts(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Modules, Tensors and arrays in an attribute, which may be a nest of lists, tuples and dicts."""
    if isinstance(value, Module | Tensor | np.ndarray):
        yield name, value
    elif isinstance(value, list | tuple):
        for i, part in enumerate(value):
            yield from _parts(f"{name}.{i}", part)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _parts(f"{name}.{key}", part)


def _name(part: Any, path: str) -> None:
    """Name a part after the attribute that holds it, unless it has a name."""
    if isinstance(part, Module):
        part._name = part._name or path
    elif isinstance(part, Tensor) and part.is_leaf and part.name is None:
        part.name = path


def _once(named: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Each object under its first name alone."""
    seen: set[int] = set()
    for name, part in named:
        if id(part) not in seen:
            seen.add(id(part))
            yield name, part


def _joined(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _bare(part: Any) -> Any:
    return part.data if isinstance(part, Tensor) else part


def _like(part: Any, array: np.ndarray[Any, Any], name: str) -> np.ndarray[Any, Any]:
    """An array in the dtype of what it is to replace."""
    try:
        return array.astype(_bare(part).dtype, casting="same_kind")
    except TypeError:
        raise ValueError(
            f"load_state_dict: {name} is {array.dtype} and must be {_bare(part).dtype}; convert it with .astype"
        ) from None


def _write(part: Any, array: np.ndarray[Any, Any]) -> None:
    """Overwrite a parameter or buffer where it lies, since an optimizer may hold its memory."""
    target = _bare(part)
    if target.flags.writeable or not isinstance(part, Tensor):
        target[...] = array
    else:
        part.data = array


def _converted(value: Any, dtype: np.dtype[Any], done: dict[int, Any]) -> Any:
    """A parameter or buffer in another dtype, in whatever holds it; what is shared stays shared."""
    if isinstance(value, list):
        return [_converted(part, dtype, done) for part in value]
    if isinstance(value, tuple):
        parts = [_converted(part, dtype, done) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, dict):
        return {key: _converted(part, dtype, done) for key, part in value.items()}
    if not isinstance(value, Tensor | np.ndarray) or value.dtype.kind != "f":
        return value
    if id(value) not in done:
        array = _bare(value).astype(dtype)
        if isinstance(value, Tensor):
            array = Tensor(array, requires_grad=value.requires_grad, name=value.name)
        done[id(value)] = array
    return done[id(value)]
