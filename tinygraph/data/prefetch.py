"""Preparing batches ahead, in a thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

_END = object()


def prefetched(batches: Iterator[Any], ahead: int) -> Iterator[Any]:
    """The same batches, of which a thread prepares up to `ahead` while the last one is worked on.

    An error in making a batch is raised where that batch would have come. The thread ends with the loop, however it is
    left.

    Example:
        >>> list(prefetched(iter([1, 2, 3]), 2))
        [1, 2, 3]
    """
    ready: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(maxsize=ahead)
    left = threading.Event()
    thread = threading.Thread(target=_prepare, args=(batches, ready, left), name="tinygraph-prefetch", daemon=True)
    thread.start()
    try:
        while True:
            batch, error = ready.get()
            if error is not None:
                raise error
            if batch is _END:
                return
            yield batch
    finally:
        left.set()
        while thread.is_alive():  # it may wait for room
            _drain(ready)
            thread.join(0.01)


def _prepare(batches: Iterator[Any], ready: queue.Queue[Any], left: threading.Event) -> None:
    try:
        for batch in batches:
            if left.is_set():
                return
            ready.put((batch, None))
        ready.put((_END, None))
    except BaseException as error:  # noqa: BLE001  it is raised in the thread that waits for the batch
        ready.put((None, error))


def _drain(ready: queue.Queue[Any]) -> None:
    while True:
        try:
            ready.get_nowait()
        except queue.Empty:
            return
