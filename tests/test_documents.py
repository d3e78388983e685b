"""README and docs: their code runs and prints what they say, their links lead somewhere."""

import contextlib
import io
import re
from operator import attrgetter
from pathlib import Path

import pytest

import tinygraph as tg

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PRINTED = re.compile(r"^ *print\(.*\) +# (.*)$", re.MULTILINE)


def blocks():
    for page in PAGES:
        for i, code in enumerate(BLOCK.findall(page.read_text(encoding="utf-8"))):
            yield pytest.param(code, id=f"{page.name}-{i}")


@pytest.mark.parametrize("code", list(blocks()))
def test_code_runs_and_prints_what_its_comments_say(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "page", "exec"), {"__name__": "page"})  # noqa: S102  our own pages
    said = [" ".join(line.split()) for line in PRINTED.findall(code)]
    assert " ".join(printed.getvalue().split()) == " ".join(said)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_link_is_dead(page):
    prose = re.sub(r"`[^`\n]*`", "", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)#]+)", prose):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_names_that_pytorchs_users_are_told_exist():
    page = (ROOT / "docs" / "from-pytorch.md").read_text(encoding="utf-8")
    told = [line.split("|")[2] for line in page.splitlines() if line.startswith("| ")]
    names = [found for cell in told for found in re.findall(r"\b(tg|nn|data|optim|train)\.([\w.]*\w)", cell)]
    assert len(names) > 30
    for room, path in names:
        attrgetter(path)(tg if room == "tg" else getattr(tg, room))


def test_functions_said_to_have_the_same_names_have_them():
    page = (ROOT / "docs" / "from-pytorch.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if "the same names" in line]
    names = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert len(names) > 20
    assert [name for name in names if not hasattr(tg, name)] == []
