"""The user's code that a program comes from: its lines, what it returns, and what it calls its arrays."""

from __future__ import annotations

import dis
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from types import CodeType, FrameType
from typing import Any

import numpy as np

HERE = os.path.dirname(os.path.dirname(__file__)) + os.sep
CHECKED = tuple(HERE + part + os.sep for part in ("ops", "nn", "optim", "train"))  # whose questions become checks
_LIBRARIES = (HERE, *(sysconfig.get_path(p) + os.sep for p in ("stdlib", "platstdlib", "purelib", "platlib")))
RULES = HERE + "optim" + os.sep  # whose formulas use the field's names
GATHERING = ("BUILD_TUPLE", "BUILD_LIST", "BUILD_MAP", "BUILD_CONST_KEY_MAP")
BESIDE = ("LOAD_", "PUSH_NULL", "PRECALL", "CALL")  # what computes the other results
ERRORS = np.seterr.__code__.co_filename  # where np.errstate is, too
OF_THE_TOP = ("LOAD_ATTR", "LOAD_METHOD")


@cache
def of_package(filename: str) -> bool:
    """Whether code is of this package."""
    return filename.startswith(HERE)


@cache
def of_library(filename: str) -> bool:
    """Whether code is of this package, of Python or of a package that is installed, and not the user's."""
    return filename.startswith(_LIBRARIES) or filename.startswith("<frozen")


def depth_outside() -> int:
    """How far up from its caller the innermost frame outside this package is, for a warning."""
    frame, depth = sys._getframe(1), 1
    while frame.f_back is not None and of_package(frame.f_code.co_filename):
        frame, depth = frame.f_back, depth + 1
    return depth


def asked_by_operation() -> bool:
    """Whether an operation, a layer or an optimizer of this package is what runs, and not the user's code."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and of_package(frame.f_code.co_filename):
        if frame.f_code.co_filename.startswith(CHECKED):
            return True
        frame = frame.f_back
    return False


def is_returned(by: CodeType | None) -> bool:
    """Whether what is asked for goes into what the traced function returns: `return loss.item(), y`."""
    frame: FrameType | None = sys._getframe(depth_outside() - 1)
    while frame is not None and not of_package(frame.f_code.co_filename):
        last = frame.f_lasti
        if not _returned(i for i in dis.get_instructions(frame.f_code) if i.offset > last):
            return False
        if frame.f_code is by:
            return True
        frame = frame.f_back
    return False


def _returned(instructions: Iterable[dis.Instruction]) -> bool:
    """Whether the value on top of the stack is only returned, at most within tuples, lists and dicts."""
    above = 0  # how many values lie upon it
    for i in instructions:
        if i.opname == "RETURN_VALUE":
            return above == 0
        effect = dis.stack_effect(i.opcode, i.arg)
        if i.opname in GATHERING:
            above = max(above + effect, 0)
        elif i.opname.startswith(BESIDE) and (above or i.opname not in OF_THE_TOP) and above + effect > 0:
            above += effect
        else:
            return False
    return False


def raising() -> set[tuple[str, Any]]:
    """What NumPy does not pass over in arithmetic, and does not only warn of."""
    return {(kind, how) for kind, how in np.geterr().items() if how not in ("ignore", "warn")}


@cache
def _has_names(filename: str) -> bool:
    """Whether the local variables of functions there are what arrays are called by."""
    return not of_library(filename) or filename.startswith(RULES)


@contextmanager
def local_names(tracer: Any) -> Iterator[None]:
    """What the user's functions call their arrays, read off when they return."""

    def returned(frame: FrameType, event: str, arg: Any) -> None:
        if event == "return" and _has_names(frame.f_code.co_filename):
            for name, x in frame.f_locals.items():
                tracer.label(x, name)

    def called(frame: FrameType, event: str, arg: Any) -> Any:
        if frame.f_code.co_filename == ERRORS:
            tracer.errors_set = True
        if not _has_names(frame.f_code.co_filename):
            return None
        frame.f_trace_lines = False
        return returned

    ask: Any
    hook: Any
    if sys.gettrace() is None:  # it is told of calls alone, and a profiler of all that NumPy and Python do besides
        ask, hook = sys.settrace, called
    elif sys.getprofile() is None:  # a debugger is at work
        ask, hook = sys.setprofile, returned
    else:
        yield
        return
    ask(hook)
    try:
        yield
    finally:
        ask(None)


@contextmanager
def unnamed() -> Iterator[None]:
    """Inside the block no names are read off, and all that is called there is quicker; a debugger goes on."""
    hook = sys.gettrace()
    ours = getattr(hook, "__module__", "") == __name__
    if ours:
        sys.settrace(None)
    try:
        yield
    finally:
        if ours:
            sys.settrace(hook)
