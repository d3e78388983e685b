"""Ctrl-C between two updates, never in the middle of one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupts:
    """Makes Ctrl-C wait for the end of an update, so that no parameter is updated without the others.

    A second Ctrl-C does not wait. Outside the main thread, and where the program has a handler of its own, nothing is
    changed.

    Example:
        >>> with Interrupts() as interrupts, interrupts.held():
        ...     pass
    """

    def __init__(self) -> None:
        self._holding = self._asked = False
        self._before: Any = None

    def __enter__(self) -> Interrupts:
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self._holding or self._asked:
            raise KeyboardInterrupt
        self._asked = True

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for the end of this block."""
        self._holding, self._asked = True, False
        try:
            yield
        finally:
            self._holding = False
        if self._asked:
            raise KeyboardInterrupt
