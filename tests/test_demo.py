"""The demo does its job, says so, gives the same figures every time, and leaves nothing half done."""

import argparse
import os
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tinygraph.check import compare_grads
from tinygraph.cli import demo, main
from tinygraph.cli.charts import learning_curve
from tinygraph.cli.digits_model import Epoch
from tinygraph.cli.errors import CommandError
from tinygraph.cli.progress import followed, sparkline
from tinygraph.render import Picture
from tinygraph.render.layout import LayoutError


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    demo.add_parser(parser.add_subparsers())
    return parser.parse_args(["demo", *words])


def run(*words: str) -> int:
    args = parse(*words)
    return args.run(args)


@pytest.fixture
def gradients_of_the_biases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verify along a few directions alone, where the test is about something else."""
    monkeypatch.setattr(demo, "compare_grads", lambda f, p: compare_grads(f, p, directions=3))


class Balanced(HTMLParser):
    """Every tag is closed, and no reference leads out of the page but the source of the digits."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attributes) -> None:
        if tag not in {"meta", "br"}:
            self.open.append(tag)
        self.links += [value for name, value in attributes if name in {"href", "src"}]

    def handle_startendtag(self, tag, attributes) -> None:
        pass

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag


def test_the_whole_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "deep" / "results"
    assert run("-o", str(folder)) == 0
    said, errors = capsys.readouterr()
    assert errors == ""
    assert all(c.isprintable() or c == "\n" for c in said)
    assert "dJ/da = 3, dJ/db = 6, dJ/dc = 9, dJ/du = 3, dJ/dv = 3" in said
    accuracy = re.search(r"Held-out accuracy (0\.\d+)\n", said)
    assert accuracy is not None
    assert float(accuracy[1]) >= 0.95
    assert "4,810 right, 0 wrong, 0 inconclusive" in said
    assert sorted(p.name for p in folder.iterdir()) == sorted(demo.FILES)
    assert os.listdir(tmp_path) == ["deep"]
    page = (folder / "index.html").read_text(encoding="utf-8")
    reader = Balanced()
    reader.feed(page)
    assert reader.open == []
    assert reader.links == ["https://doi.org/10.24432/C50P49"]
    right = round(float(accuracy[1]) * 359)  # of the images held out; a rounded figure is not rounded again
    assert f"{right / 359:.1%}" in page
    assert "dJ/dc = 9" in page
    assert "<code>tinygraph demo</code>" in page


@pytest.mark.usefixtures("gradients_of_the_biases")
def test_two_runs_give_the_same_files_and_another_seed_gives_others(tmp_path: Path) -> None:
    for name, seed in (("one", "5"), ("two", "5"), ("three", "6")):
        assert run("-o", str(tmp_path / name), "--epochs", "2", "--seed", seed) in (0, 1)
    for name in demo.FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert (tmp_path / "one/index.html").read_bytes() != (tmp_path / "three/index.html").read_bytes()


@pytest.mark.usefixtures("gradients_of_the_biases")
def test_too_little_training_is_told_by_the_exit_code_and_the_report_is_still_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("-o", str(tmp_path), "--epochs", "1") == 1
    assert "below the 0.95 that was wanted" in capsys.readouterr().out
    assert '<b class="bad">' in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert run("-o", str(tmp_path), "--epochs", "1") == 1  # and a folder of our own is written anew


def test_a_wrong_gradient_is_told_by_the_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoilt(f, p):
        return compare_grads(lambda b: f({**p, "b2": b}), p["b2"], gradient=lambda b: b * 1.001)

    monkeypatch.setattr(demo, "compare_grads", spoilt)
    assert run("-o", str(tmp_path), "--epochs", "12") == 1
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "Its gradients are not right" in page


@pytest.mark.usefixtures("gradients_of_the_biases")
def test_with_nothing_to_draw_the_source_is_written_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("-o", str(tmp_path), "--epochs", "1") in (0, 1)

    def nothing(self: Picture) -> str:
        raise LayoutError("no Graphviz here")

    monkeypatch.setattr(Picture, "svg", property(nothing))
    assert run("-o", str(tmp_path), "--epochs", "1") in (0, 1)
    assert "no Graphviz here" in capsys.readouterr().out
    names = {p.name for p in tmp_path.iterdir()}
    assert names == set(demo.FILES) - {"J.svg", "step.svg"}
    assert "digraph" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_folders_that_cannot_be_used_are_refused_before_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "_course", lambda: pytest.fail("it began"))
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("years of work")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name, words in {
        "file": "is a file",
        "file/below": "cannot write",
        "full": "somebody else's \\('thesis.tex'\\)",
        "link": "link to nothing",
        "n" * 300: "cannot",
    }.items():
        with pytest.raises(CommandError, match=words) as error:
            run("-o", str(tmp_path / name))
        assert len(str(error.value).splitlines()) == 1
    assert (tmp_path / "full" / "thesis.tex").read_text() == "years of work"
    assert sorted(os.listdir(tmp_path)) == ["file", "full", "link"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(CommandError, match="Permission denied"):
        run("-o", str(tmp_path / "results"))


def test_an_interruption_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "_verify", stop)
    with pytest.raises(KeyboardInterrupt):
        run("-o", str(tmp_path / "results"), "--epochs", "1")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("words", [["--epochs", "0"], ["--epochs", "many"], ["--seed", "-1"], ["--seed", "1.5"]])
def test_bad_numbers_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse(*words)
    assert stopped.value.code == 2
    assert "is not a whole number" in capsys.readouterr().err


EPOCHS = [Epoch(2.0, 0.5), Epoch(1.0, 0.8), Epoch(0.5, 0.9)]


def test_a_terminal_gets_a_bar_and_a_pipe_gets_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tqdm")
    assert list(followed(EPOCHS, 3, "network")) == EPOCHS
    plain = capsys.readouterr()
    assert plain.err == ""
    assert plain.out.count("\n") == 3
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(followed(EPOCHS, 3, "network")) == EPOCHS
    bar = capsys.readouterr()
    assert bar.out == ""
    assert "network: 100%" in bar.err
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert list(followed(EPOCHS, 3, "network")) == EPOCHS
    assert capsys.readouterr().out == plain.out


def test_curves_of_one_epoch_and_of_perfect_models() -> None:
    assert sparkline([1.0]) == "▁"
    assert "NaN" not in learning_curve({"a": EPOCHS[:1], "b": [Epoch(0.0, 1.0)]})
    drawn = learning_curve({"a": EPOCHS, "b": EPOCHS})
    assert drawn == learning_curve({"a": EPOCHS, "b": EPOCHS})
    assert all(said in drawn for said in (">a<", ">b<", ">epoch<", "Held-out accuracy", "prefers-color-scheme"))


def test_a_missing_matplotlib_is_told_before_the_training(monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.setattr(demo, "find_spec", lambda name: None)
    assert main(["demo", "-o", str(tmp_path / "out")]) == 1
    said = capsys.readouterr()
    assert 'pip install "tinygraph[demo]"' in said.err
    assert said.out == ""
