"""A folder of results that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tinygraph.cli.errors import CommandError


@contextmanager
def staged(target: Path, ours: Collection[str]) -> Iterator[dict[str, str]]:
    """Collect files, {name: text}, and put them into the folder `target` when the block has ended well.

    Files of an earlier run, those named in `ours`, are replaced.

    Raises:
        CommandError: at the start of the block, if the folder holds anything else or cannot be written; at its end, if
            writing fails, and then nothing is half written.
    """
    work = None
    try:
        _refuse_foreign(target, ours)
        beside = target if target.is_dir() else next(p for p in target.absolute().parents if p.exists())
        work = Path(tempfile.mkdtemp(prefix=".tinygraph-", dir=beside))
        texts: dict[str, str] = {}
        yield texts
        _refuse_foreign(target, ours, work.name)
        _put(target, texts, ours, work)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CommandError(f"cannot write to {str(target)!r}: {reason}; choose another folder with -o") from None
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)


def _refuse_foreign(target: Path, ours: Collection[str], work: str = "") -> None:
    if target.is_symlink() and not target.exists():
        raise CommandError(f"{str(target)!r} is a link to nothing; choose another folder with -o")
    if target.exists() and not target.is_dir():
        raise CommandError(f"{str(target)!r} is a file; choose a folder with -o")
    if target.is_dir():
        foreign = sorted({p.name for p in target.iterdir()} - {*ours, work})
        if foreign:
            raise CommandError(
                f"{str(target)!r} holds files of somebody else's ({foreign[0]!r}); choose another folder with -o"
            )


def _put(target: Path, texts: Mapping[str, str], ours: Collection[str], work: Path) -> None:
    for name, text in texts.items():
        (work / name).write_text(text, encoding="utf-8", newline="\n")
    target.mkdir(parents=True, exist_ok=True)
    for name in texts:
        os.replace(work / name, target / name)
    for name in set(ours) - set(texts):
        (target / name).unlink(missing_ok=True)
