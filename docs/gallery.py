"""Run the code of docs/pictures.md where its pictures are, which makes them anew: python docs/gallery.py."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

PAGE = Path(__file__).with_name("pictures.md")
PICTURES = Path(__file__).with_name("pictures")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def draw(folder: Path) -> list[str]:
    """Run each block in the folder; the names of the files that are there then."""
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        for code in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
            exec(compile(code, str(PAGE), "exec"), {"__name__": "page"})  # noqa: S102  our own page
    return sorted(path.name for path in folder.iterdir())


if __name__ == "__main__":
    draw(PICTURES)
