"""Tensor: an array that records what is done to it. A handle on a `Node`, with NumPy's operators and methods."""

from __future__ import annotations

import dis
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Any

import numpy as np

from tinygraph.graph import Node, Tag, leaf, pullback
from tinygraph.mode import MODE, TRACING, Mode, check_forward, freeze, recording, thaw, tracer, user_line, watcher
from tinygraph.op import OPS, Array, Mapped, Op, Traced, UndecidedError, as_numpy, bare
from tinygraph.operand import constant, explained, number_array, one_like, real_only, refuse_complex
from tinygraph.ops import complexes, elementwise, index, linalg, numeric, products, reduce, shape

_get_mode = MODE.get
_ARRAY = np.ndarray
_delivery = threading.Lock()
CREATION = {np.arange, np.array, np.asarray, np.empty, np.eye, np.full, np.identity, np.ones, np.zeros}

_STORE_SUBSCR = dis.opmap["STORE_SUBSCR"]
_SILENT = (
    "a Tensor does not turn into an ndarray silently, for its gradient would be lost: use t.numpy(), make the array "
    "that receives it a Tensor, or join Tensors with np.stack"
)


def _binary(op: Op) -> Callable[..., Any]:
    """A binary op on any two operands: `_record` for this case, written out for speed."""
    forward = op.forward if op.complex else real_only(op)

    def operator(a: Any, b: Any) -> Any:
        if _get_mode() is not None:
            return (a if isinstance(a, Tensor) else b)._record(op, (a, b), None)
        try:
            if a.__class__ is Tensor:
                x, left = a._node, a._data
            else:
                x, left = None, a if a.__class__ is float else constant(a, b)
            if b.__class__ is Tensor:
                y, right = b._node, b._data
            else:
                y, right = None, b if b.__class__ is float else constant(b, a)
            value = forward(left, right)
        except UndecidedError:
            return (a if isinstance(a, Tensor) else b)._record(op, (a, b), None)
        except Exception as error:  # noqa: BLE001  it is raised again, with the op's name
            raise explained(error, op, (a, b)) from None
        out = _new(Tensor)
        out._data = value
        if (x is not None and x.requires_grad) or (y is not None and y.requires_grad):
            out._node = Node(op, (x, y), (left, right), None, value, True)
        else:
            out._node = leaf(value, False)
        return out

    return operator


def _operators(op: Op) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A binary op as a method, and its reflection."""
    operator = _binary(op)
    return operator, lambda self, other: operator(other, self)


def _unary(op: Op) -> Callable[..., Any]:
    """The method of a unary op, written out likewise."""
    forward = op.forward if op.complex else real_only(op)

    def method(self: Tensor) -> Any:
        if _get_mode() is not None:
            return self._record(op, (self,), None)
        try:
            value = forward(self._data)
        except UndecidedError:
            return self._record(op, (self,), None)
        except Exception as error:  # noqa: BLE001  it is raised again, with the op's name
            raise explained(error, op, (self._data,)) from None
        out = _new(Tensor)
        out._data = value
        out._node = (
            Node(op, (self._node,), (self._data,), None, value, True)
            if self._node.requires_grad
            else leaf(value, False)
        )
        return out

    return method


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's function as a method, with its arguments in its order."""
    name = f"numpy.{function.__name__}"

    @wraps(function)
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        return _dispatch(function, name, (self, *args), kwargs)

    return method


def _compare(op: Op) -> Callable[..., Any]:
    def comparison(self: Tensor, other: Any) -> Any:
        return op(self, bare(other))

    return comparison


class Tensor(Traced):
    """An array of numbers that records the operations done to it.

    Everything that NumPy does to an array can be done to a Tensor, with the same names: operators, `np.exp(t)`,
    `t.sum(axis=0)`, `t[1:]`. The result is a Tensor that remembers how it was made; `backward` then fills the
    `.grad` of every leaf, and of every Tensor with a name, by the chain rule.

    Args:
        data: a number, a list or an array. Numbers and lists become float64. Arrays are not copied and keep their
            dtype; an array of integers or booleans is a constant.
        requires_grad: False makes a constant.
        dtype: convert to this.
        name: shown in pictures; a Tensor with a name keeps its gradient.

    Raises:
        TypeError: texts, objects, arrays of other libraries.

    Example:
        >>> a, b, c = Tensor(5.0), Tensor(3.0), Tensor(2.0)
        >>> J = 3 * (a + b * c)
        >>> J.backward()
        >>> J.item(), a.grad.item(), b.grad.item(), c.grad.item()
        (33.0, 3.0, 6.0, 9.0)
    """

    __slots__ = ("__weakref__", "_data", "_node")
    _node: Node
    _data: Array

    def __init__(self, data: Any, *, requires_grad: bool = True, dtype: Any = None, name: str | None = None) -> None:
        if isinstance(data, Traced):
            raise TypeError("this is a Tensor already; use .copy() to go on recording, .detach() to start anew")
        self._data = number_array(data, dtype)
        requires_grad = bool(requires_grad) and self._data.dtype.kind in "fc"
        self._node = leaf(self._data, requires_grad, Tag(name, keep=requires_grad))

    # --- recording

    def _record(self, op: Op, args: Sequence[Any], params: Mapping[str, Any] | None) -> Any:
        """Run an op on the bare arrays and return a Tensor that remembers it."""
        inputs: list[Node | None] = []
        values: list[Array] = []
        requires_grad = False
        mode = _get_mode()
        if mode is not None and mode.tracer is not None:
            args = mode.tracer.adopt(args)
        try:
            for a in args:
                if a.__class__ is Tensor:
                    node = a._node
                    inputs.append(node)
                    values.append(a._data)
                    if node.requires_grad:
                        requires_grad = True
                else:
                    inputs.append(None)
                    values.append(constant(a, self))
            if not op.complex:
                for v in values:
                    if v.__class__ is not _ARRAY or v.dtype.kind == "c":
                        refuse_complex(values)
            value = op.forward(*values) if params is None else op.forward(*values, **params)
        except UndecidedError as undecided:
            value = undecided.each(op.name, op.forward, values, params or {})
        except Exception as error:  # noqa: BLE001  it is raised again, with the op's name
            raise explained(error, op, args) from None
        if mode is not None:
            return _recorded_in(mode, op, inputs, params, values, value, requires_grad)
        out = _new(Tensor)
        out._data = value
        out._node = Node(op, tuple(inputs), tuple(values), params, value, True) if requires_grad else leaf(value, False)
        return out

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        if method == "__call__":
            if kwargs.get("dtype") is not None:  # computed in this precision
                dtype = kwargs.pop("dtype")
                args = tuple(shape.in_dtype(a, dtype) if hasattr(a, "dtype") else a for a in args)
            if not kwargs:  # nearly every call
                if ufunc in _UNARY:
                    return _UNARY[ufunc](*args)
                if ufunc in _BINARY:
                    return _BINARY[ufunc](*args)
            name = ufunc.__name__
            return _dispatch(ufunc, f"numpy.{name}" if hasattr(np, name) else name, args, kwargs)
        return _dispatch(getattr(ufunc, method), f"numpy.{ufunc.__name__}.{method}", args, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function in CREATION:  # called with like=
            return (
                function(*args, **kwargs)
                if isinstance(self.data, np.ndarray)
                else function(*args, like=self._data, **kwargs)
            )
        return _dispatch(function, f"{function.__module__}.{function.__name__}", args, kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise TypeError(_SILENT)

    @property
    def _mask(self) -> Any:
        """What a masked array asks for beside `_data`, which it would read by itself and so lose the gradient."""
        raise TypeError("a masked array beside a Tensor: give its .filled(), and np.where for what is masked")

    # --- what it holds

    @property
    def data(self) -> Any:
        """The bare array. Writing to a leaf's array is how parameters are updated."""
        value = self._data
        mode = _get_mode()
        if mode is not None and mode.tracer is not None:
            value = mode.tracer.adopted(self)._data
        return value[...] if isinstance(value, np.generic) else value  # type: ignore[index]

    @data.setter
    def data(self, value: Any) -> None:
        node = self._node
        if value is node.value:
            return
        mode = _get_mode()
        if mode is not None and mode.tracer is not None and mode.tracer.replaced(self, value):
            return
        if node.op is not None:
            raise ValueError("only a leaf's data can be replaced; this Tensor is the result of " + node.op.name)
        value = number_array(bare(value), self._data.dtype)
        if value.shape != self._data.shape:
            raise ValueError(f"data of shape {value.shape} for a Tensor of shape {self._data.shape}; make a new Tensor")
        self._data = value
        self._node = leaf(value, node.requires_grad, node.tag)

    @property
    def grad(self) -> Any:
        """The gradient that `backward` has added up, an ndarray; None before it."""
        node = self._node
        if self._data.dtype.kind not in "fc":
            raise TypeError(f"an array of {self._data.dtype} is a constant and has no gradient; use .astype(float)")
        if node.tag is not None and (node.tag.keep or node.tag.grad is not None):
            recorder = tracer()
            return node.tag.grad if recorder is None else recorder.effects.gradient(node)
        if node.op is not None:
            warnings.warn(
                f"the .grad of the result of {node.op.name} is not kept; give it a name or call .retain_grad() before "
                "backward; a parameter that is updated by p.data -= ... stays a leaf and keeps its own",
                stacklevel=2,
            )
        return None

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None and np.shape(value) != self.shape:
            raise ValueError(f"a gradient of shape {np.shape(value)} for a Tensor of shape {self.shape}")
        self._tag().grad = value
        recorder = tracer()
        if recorder is not None:
            recorder.effects.set_gradient(self._node, value)

    def _tag(self) -> Tag:
        if self._node.tag is None:
            self._node.tag = Tag()
        return self._node.tag

    @property
    def name(self) -> str | None:
        """The name, shown in pictures; setting one also keeps the gradient."""
        return self._node.tag.name if self._node.tag is not None else None

    @name.setter
    def name(self, name: str | None) -> None:
        tag = self._tag()
        tag.name = name
        tag.keep = tag.keep or self._node.requires_grad

    @property
    def scope(self) -> str | None:
        """The scope that it was computed in, the names of nested ones joined by a slash."""
        tag = self._node.tag
        return "/".join(tag.scope.path) if tag is not None and tag.scope is not None else None

    @property
    def requires_grad(self) -> bool:
        """Whether it is differentiated by; False freezes a parameter, for what is recorded from then on."""
        return self._node.requires_grad

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        node = self._node
        if bool(wanted) is node.requires_grad:
            return
        if node.op is not None:
            raise ValueError(
                f"only a leaf's requires_grad can be set; this Tensor is the result of {node.op.name}; .detach() is "
                "its value alone"
            )
        if wanted and self._data.dtype.kind not in "fc":
            raise TypeError(f"an array of {self._data.dtype} is a constant and has no gradient; use .astype(float)")
        recorder = tracer()
        if recorder is not None:
            recorder.notice("has its requires_grad set", "a Tensor")
        tag = self._tag()
        tag.keep = tag.keep or bool(wanted)
        self._node = leaf(self._data, bool(wanted), tag)

    @property
    def is_leaf(self) -> bool:
        """Whether it was made, not computed."""
        return self._node.op is None

    @property
    def shape(self) -> tuple[int, ...]:
        return self._data.shape

    @property
    def ndim(self) -> int:
        return self._data.ndim

    @property
    def size(self) -> int:
        return self._data.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._data.dtype

    @property
    def nbytes(self) -> int:
        return self._data.nbytes

    def item(self, *place: Any) -> Any:
        """The one element, or that at a place, as a Python number."""
        return self.data.item(*place)

    def numpy(self) -> Any:
        """The bare array, not copied: no gradient flows through it."""
        return self.data

    def tolist(self) -> Any:
        return self.data.tolist()

    def detach(self) -> Tensor:
        """A constant that shares the array."""
        return handle(leaf(self.data, False))

    # --- the reverse pass

    def backward(self, grad: Any = None, *, retain_graph: bool = True, create_graph: bool = False) -> None:
        """Add the derivative of this Tensor to the `.grad` of every leaf, and of every Tensor with a name.

        Args:
            grad: the gradient at this Tensor, of its shape; 1 for a scalar.
            retain_graph: False lets the graph drop its arrays as the walk leaves them; it cannot be run again.
            create_graph: record the derivatives too: `.grad` is then a Tensor that can be differentiated. Leaf and
                gradient then hold each other until `zero_grad`.

        Raises:
            ValueError: not a scalar and no `grad`; a `grad` of another shape; nothing here requires a gradient.
            RuntimeError: the graph was released by an earlier backward.

        Example:
            >>> x = Tensor([1.0, 2.0])
            >>> (x * x).sum().backward()
            >>> x.grad
            array([2., 4.])
        """
        if not self.requires_grad:
            raise ValueError(
                "backward: nothing here requires a gradient; the inputs are constants (as arrays of integers are), or "
                "were recorded under no_grad"
            )
        mode = _get_mode()
        recorder = tracer()
        if recorder is not None:
            recorder.effects.differentiates(self._node, create_graph)
        if isinstance(self._data, Mapped):
            raise TypeError("backward: inside vmap this Tensor has a value for each example; use grad, or sum outside")
        seed = _seed(self._data, bare(grad))
        if create_graph:
            recorded = grad if isinstance(grad, Tensor) else handle(leaf(seed, False))
            with recording():
                found = pullback(self._node, recorded, lift=handle, watch=watcher())
        else:
            found = pullback(self._node, seed, release=not retain_graph, watch=watcher())
        if mode is not None:
            thaw(mode)
        if mode is not None and mode.tracer is not None:
            mode.tracer.effects.delivers(found)
            return
        with _delivery:
            for node, g in found.items():
                tag: Any = node.tag
                tag.grad = g if tag.grad is None else tag.grad + g

    def retain_grad(self) -> None:
        """Keep the gradient of this result, as leaves and named Tensors do."""
        self._tag().keep = True

    def zero_grad(self) -> None:
        """Forget the gradient; the next backward starts anew."""
        if self._node.tag is not None:
            self._node.tag.grad = None
            recorder = tracer()
            if recorder is not None:
                recorder.effects.set_gradient(self._node, None)

    # --- operators

    __add__, __radd__ = _operators(elementwise.add)
    __sub__, __rsub__ = _operators(elementwise.subtract)
    __mul__, __rmul__ = _operators(elementwise.multiply)
    __truediv__, __rtruediv__ = _operators(elementwise.divide)
    __floordiv__, __rfloordiv__ = _operators(elementwise.floor_divide)
    __mod__, __rmod__ = _operators(elementwise.mod)
    __pow__, __rpow__ = _operators(elementwise.power)
    __matmul__, __rmatmul__ = _operators(linalg.matmul)
    __lt__, __le__ = _compare(OPS[np.less]), _compare(OPS[np.less_equal])  # type: ignore[arg-type]
    __gt__, __ge__ = _compare(OPS[np.greater]), _compare(OPS[np.greater_equal])  # type: ignore[arg-type]
    __eq__, __ne__ = _compare(OPS[np.equal]), _compare(OPS[np.not_equal])  # type: ignore[arg-type]
    __hash__ = object.__hash__

    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return numeric.divmod(self, other)

    def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return numeric.divmod(other, self)

    __neg__, __pos__, __abs__ = _unary(elementwise.negative), _unary(elementwise.positive), _unary(elementwise.abs)

    def __getitem__(self, key: Any) -> Tensor:
        return self._record(index.getitem, (self,), {"index": _bare_index(key)})

    def __setitem__(self, key: Any, value: Any) -> None:
        if self.is_leaf and self.requires_grad:
            raise ValueError(
                "a leaf cannot be assigned to, its gradient would be another Tensor's: assign to x.copy(), or to "
                "x.data[...] to change the leaf itself"
            )
        op = self._node.op
        if op is not None and op in _VIEWS and (op is not index.getitem or index.is_basic(self._node.params)):
            raise ValueError(
                f"assigning to the result of {op.name} would not change what it was taken from, as it would in NumPy: "
                "write x[i, j] = v in one step, or assign to a .copy()"
            )
        if self.dtype.kind not in "fc" and isinstance(value, Tensor) and value.requires_grad:
            raise TypeError(f"an array of {self.dtype} would cut the numbers assigned to it: use .astype(float) first")
        new = self._record(index.assign, (self, value), {"index": _bare_index(key)})
        old = self._node.tag
        if old is not None:  # the name stays with the handle
            keep = old.keep or (old.name is not None and new.requires_grad)
            made = new._node.tag
            new._node.tag = Tag(old.name, keep, *(() if made is None else (made.where, made.scope)))
            self._node.tag = None if old.scope is None else Tag(scope=old.scope)
        self._node, self._data = new._node, new._data

    def __len__(self) -> int:
        return len(self._data)

    def __contains__(self, value: Any) -> bool:
        return bool(np.any(self.data == bare(value)))

    def __iter__(self) -> Iterator[Tensor]:
        if not self.ndim:
            raise TypeError("a Tensor of shape () has nothing to iterate over")
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(f"a Tensor of shape {self.shape} is neither true nor false; use .any() or .all()")
        return bool(self.data)

    def __complex__(self) -> complex:
        return complex(self._scalar("complex"))

    def __float__(self) -> float:
        return float(self._scalar("float"))

    def __int__(self) -> int:
        return int(self._scalar("int"))

    def _scalar(self, to: str) -> Any:
        if self.ndim:
            raise TypeError(f"{to}() of a Tensor of shape {self.shape}: only one of shape () is a number; use .item()")
        if self.requires_grad and TRACING.get():
            raise TypeError(
                f"{to}() inside grad, jvp or another transform would lose the derivative: use NumPy's functions "
                "(np.sin, not math.sin), or .item() where a plain number is meant"
            )
        caller = sys._getframe(2)
        if self.requires_grad and caller.f_code.co_code[caller.f_lasti] == _STORE_SUBSCR:
            raise TypeError(_SILENT)  # an ndarray's item is being set, for which NumPy calls float()
        return self.data

    def __format__(self, spec: str) -> str:
        if spec and self.ndim:
            raise TypeError(f"a format like {spec!r} is for one number, this Tensor has shape {self.shape}: use str(t)")
        return format(self.item(), spec) if spec else str(self)

    def __repr__(self) -> str:
        if isinstance(self._data, Mapped):
            return f"Tensor({self._data!r})"
        body = np.array2string(np.asarray(self._data), separator=", ", prefix="Tensor(")
        extra = "" if self.dtype in (np.float64, np.complex128) else f", dtype={self.dtype}"
        extra += "" if self.requires_grad else ", requires_grad=False"
        return f"Tensor({body}{extra}" + (f", name={self.name!r})" if self.name else ")")

    def __init_subclass__(cls) -> None:
        raise TypeError("Tensor is not made to be subclassed; let your class hold one")

    def __reduce__(self) -> Any:
        if not self.is_leaf:
            raise TypeError("only a leaf can be copied or pickled, the graph behind a result cannot: use .detach()")
        return _rebuilt, (self.data, self.requires_grad, self.name)

    # --- NumPy's methods: the same ops by another name

    @property
    def real(self) -> Tensor:
        """The real part, differentiable."""
        return complexes.real(self)

    @property
    def imag(self) -> Tensor:
        """The imaginary part, differentiable."""
        return complexes.imag(self)

    def conj(self) -> Tensor:
        return complexes.conj(self)

    conjugate = conj

    @property
    def T(self) -> Tensor:  # noqa: N802  NumPy's name
        return shape.transpose(self)

    @property
    def mT(self) -> Tensor:  # noqa: N802  NumPy's name
        return products.matrix_transpose(self)

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False, **options: Any) -> Any:
        if options or dtype is not None or out is not None:
            return _dispatch(np.sum, "numpy.sum", (self, axis, dtype, out, keepdims), options)
        return self._record(reduce.sum, (self,), {"axis": axis, "keepdims": keepdims})

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False, **options: Any) -> Any:
        if options or dtype is not None or out is not None:
            return _dispatch(np.mean, "numpy.mean", (self, axis, dtype, out, keepdims), options)
        return self._record(reduce.mean, (self,), {"axis": axis, "keepdims": keepdims})

    prod, max, min = _method(np.prod), _method(np.max), _method(np.min)
    var, std, round = _method(np.var), _method(np.std), _method(np.round)
    cumsum, cumprod, ravel = _method(np.cumsum), _method(np.cumprod), _method(np.ravel)
    flatten = ravel

    def reshape(self, *to: Any, order: str = "C", copy: bool | None = None) -> Tensor:
        if order != "C":
            return shape.reshape(self, shape=_unpacked(to), order=order)
        return self._record(shape.reshape, (self,), {"shape": _unpacked(to)})

    def transpose(self, *axes: Any) -> Tensor:
        return shape.transpose(self, axes=_unpacked(axes) if axes else None)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        return shape.swapaxes(self, axis1=axis1, axis2=axis2)

    squeeze, repeat, take = _method(np.squeeze), _method(np.repeat), _method(np.take)
    diagonal, trace, dot = _method(np.diagonal), _method(np.trace), _method(np.dot)

    def clip(self, min: Any = None, max: Any = None, out: Any = None, **options: Any) -> Tensor:  # noqa: A002  NumPy's
        return np.clip(self, min, max, out, **options)

    def compress(self, condition: Any, axis: int | None = None, out: Any = None) -> Tensor:
        return np.compress(condition, self, axis, out)

    def copy(self) -> Tensor:
        """A copy that is recorded: gradients flow through it, and it may be assigned to."""
        return shape.copy(self)

    def astype(
        self, dtype: Any, order: str = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True
    ) -> Any:
        """The same numbers in another dtype; integers and booleans come as an ndarray."""
        if not np.can_cast(self.dtype, dtype, casting):
            raise TypeError(f"astype: {self.dtype} to {np.dtype(dtype)} is not a {casting!r} cast")
        if not copy and np.dtype(dtype) == self.dtype:
            return self
        if np.dtype(dtype).kind not in "fc":
            return self.data.astype(dtype)
        return shape.astype(self, dtype=np.dtype(dtype))

    def argmax(self, axis: int | None = None, **options: Any) -> Any:
        return self.data.argmax(axis, **options)

    def argmin(self, axis: int | None = None, **options: Any) -> Any:
        return self.data.argmin(axis, **options)

    def any(self, axis: Any = None, **options: Any) -> Any:
        return self.data.any(axis, **options)

    def all(self, axis: Any = None, **options: Any) -> Any:
        return self.data.all(axis, **options)

    argsort, argpartition = _method(np.argsort), _method(np.argpartition)
    searchsorted, nonzero = _method(np.searchsorted), _method(np.nonzero)


_new = Tensor.__new__
_VIEWS = {index.getitem, *(OPS[f] for f in (np.reshape, np.ravel, np.transpose, np.swapaxes, np.moveaxis))}
_VIEWS |= {OPS[np.squeeze], OPS[np.expand_dims]}
_UFUNCS = {f: op for f, op in OPS.items() if isinstance(f, np.ufunc) and isinstance(op, Op)}
_UNARY = {f: _unary(op) for f, op in _UFUNCS.items() if op.arity == 1}
_BINARY = {f: _binary(op) for f, op in _UFUNCS.items() if op.arity == 2}


def handle(node: Node) -> Tensor:
    """A Tensor on a node."""
    out = _new(Tensor)
    out._node = node
    out._data = node.value
    return out


def _recorded_in(
    mode: Mode,
    op: Op,
    inputs: Sequence[Node | None],
    params: Mapping[str, Any] | None,
    values: Sequence[Array],
    value: Array,
    requires_grad: bool,
) -> Tensor:
    """The result of an op under `no_grad` or `debug`, or within a scope."""
    tag = None if mode.scope is None else Tag(scope=mode.scope)
    if mode.debugging:
        tag = Tag(where=user_line(), scope=mode.scope)
        freeze(mode, (*values, value))
        if params is not None and "index" in params:
            freeze(mode, params["index"] if isinstance(params["index"], tuple) else (params["index"],))
        check_forward(op, value, values, tag.where or "")
    if mode.horizon and requires_grad:
        inputs = [x if x is not None and x.serial >= mode.horizon else None for x in inputs]
        requires_grad = any(x is not None and x.requires_grad for x in inputs)
    if requires_grad and mode.recording:
        return handle(Node(op, tuple(inputs), tuple(values), params, value, True, tag))
    return handle(leaf(value, False, tag))


def _rebuilt(data: Any, requires_grad: bool, name: str | None) -> Tensor:
    return Tensor(data, requires_grad=requires_grad, name=name)


def _unpacked(args: tuple[Any, ...]) -> Any:
    """The shape in `reshape(2, 3)` and in `reshape((2, 3))`."""
    return args[0] if len(args) == 1 else args


def _bare_index(key: Any) -> Any:
    if isinstance(key, tuple):
        return tuple(map(bare, key))
    return bare(key)


def _dispatch(numpys: Any, name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Answer a NumPy function with what stands for it in the table."""
    function = OPS.find(numpys)
    out = kwargs.pop("out", None)
    if any(o is not None for o in (out if isinstance(out, tuple) else (out,))):
        raise TypeError(
            f"{name}: a Tensor cannot be written into an existing array (out=, or += on an ndarray); use the returned "
            "Tensor, or make the array a Tensor"
        )
    if function is None:
        raise TypeError(
            f"{name} has no rule for Tensors: write it with functions that have one, make an op of it with "
            "@tinygraph.op, or use t.numpy() where no gradient is needed"
        )
    if isinstance(function, Op):
        return function(*args, **kwargs)
    try:
        return as_numpy(function, numpys, args, kwargs)
    except UndecidedError as undecided:
        return undecided.each(name, lambda *a, **k: as_numpy(function, numpys, a, k), args, kwargs)


def _seed(value: Array, grad: Any) -> Array:
    """The gradient at the root of a reverse pass."""
    if grad is None:
        if value.size != 1:
            raise ValueError(
                f"backward from a Tensor of shape {value.shape}: only a scalar has one derivative; reduce it with "
                ".sum() or .mean(), or pass grad= of that shape"
            )
        if value.dtype.kind == "c":
            raise TypeError(
                "backward from a complex number, which has no one gradient: take .real, .imag or abs, or pass grad="
            )
        return one_like(value)
    if isinstance(grad, np.generic) and grad.dtype == value.dtype and not value.ndim:
        return grad
    grad = constant(grad) if not isinstance(grad, list) else np.array(grad)
    if np.iscomplexobj(grad) and value.dtype.kind != "c":
        raise TypeError(f"backward: grad is complex, the Tensor is of {value.dtype}; take its .real")
    if np.shape(grad) != value.shape:
        raise ValueError(f"backward: grad has shape {np.shape(grad)}, the Tensor has shape {value.shape}")
    return np.array(grad, dtype=value.dtype) if isinstance(value, np.ndarray | np.generic) else grad
