"""The pages in a real browser: stepped through, read, and watched for errors and requests."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tinygraph.render import Picture, render
from tinygraph.render.layout import available

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not available(), reason="nothing to draw with is installed"),
]


def J(a: Any, b: Any, c: Any) -> Any:  # noqa: N802  the course's name
    u = b * c
    v = a + u
    return 3 * v


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Watched:
    """A page, and all that went wrong on it."""

    def __init__(self, browser: Any, path: Path, scheme: str = "light") -> None:
        self.page = browser.new_page(color_scheme=scheme, viewport={"width": 1200, "height": 900})
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_timeout(50)

    def quiet(self, path: Path) -> None:
        assert self.errors == []
        assert [url for url in self.requests if not url.startswith("data:")] == [path.as_uri()]

    def said(self, selector: str) -> str:
        return " ".join(self.page.inner_text(selector).split())


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "J.html"
    render(J, path, inputs=(5.0, 3.0, 2.0), steps=True, title="J = 3(a + bc)")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_course_is_stepped_through_and_its_derivatives_are_read(browser: Any, page: Path, scheme: str) -> None:
    watched = Watched(browser, page, scheme)
    assert watched.said("#phase") == "forward, step 1 of 6"
    read: dict[str, str] = {}
    for _ in range(12):
        name, _, rest = watched.said("#equation").partition(" = ")
        read[name] = rest.rpartition(" = ")[2]
        watched.page.keyboard.press("ArrowRight")
    assert [read[f"dJ/d{name}"] for name in "vubc"] == ["3", "3", "6", "9"]
    assert (read["u"], read["v"], read["J"], read["dJ/da"]) == ("6", "11", "33", "3")
    assert watched.said("#equation") == "dJ/dc = dJ/du · du/dc = dJ/du · b = 3 · 3 = 9"
    watched.quiet(page)
    ground = watched.page.evaluate("getComputedStyle(document.body).backgroundColor")
    ink = watched.page.evaluate("getComputedStyle(document.querySelector('.tinygraph .node text')).fill")
    assert (ground, ink) == {
        "light": ("rgb(255, 255, 255)", "rgb(27, 31, 36)"),
        "dark": ("rgb(21, 24, 28)", "rgb(236, 239, 242)"),
    }[scheme]


def test_what_a_step_has_not_reached_is_not_seen(browser: Any, page: Path) -> None:
    watched = Watched(browser, page)

    def seen(words: str) -> bool:
        found = watched.page.locator(".tinygraph text", has_text=re.compile(f"^{re.escape(words)}$")).last
        return bool(found.evaluate("e => !e.classList.contains('unsaid') && !e.closest('.gradient.later')"))

    assert not any(map(seen, ("6", "11", "= 33", "dJ/dv = 3", "dJ/dc = 9")))
    watched.page.click("li >> text=u = b × c")
    assert seen("6")
    assert not any(map(seen, ("11", "= 33", "dJ/du = 3")))
    watched.page.keyboard.press("End")
    assert all(map(seen, ("6", "11", "= 33", "dJ/dv = 3", "dJ/dc = 9")))
    watched.page.keyboard.press("Home")
    assert not seen("6")
    watched.quiet(page)


def test_buttons_step_and_play(browser: Any, page: Path) -> None:
    watched = Watched(browser, page)
    assert watched.page.is_disabled("#back")
    watched.page.click("#next")
    assert watched.said("#equation") == "b = 3"
    watched.page.click("#back")
    assert watched.said("#equation") == "a = 5"
    watched.page.clock.install()
    watched.page.click("#play")
    watched.page.clock.run_for(4000)
    assert watched.said("#equation") == "c = 2"
    watched.page.clock.run_for(40_000)
    assert watched.said("#equation").endswith("= 9")
    assert watched.said("#play") == "play"
    watched.quiet(page)


def test_print_has_every_step(browser: Any, page: Path) -> None:
    watched = Watched(browser, page)
    watched.page.emulate_media(media="print")
    hidden = watched.page.evaluate(
        """[...document.querySelectorAll(".tinygraph *, li *")].filter(e => {
            const style = getComputedStyle(e)
            return style.opacity !== "1" || style.visibility !== "visible"
        }).map(e => e.textContent)"""
    )
    assert hidden == []
    assert not watched.page.is_visible("#next")


def test_on_a_narrow_screen_the_picture_follows_the_steps(browser: Any, page: Path) -> None:
    watched = Watched(browser, page)
    watched.page.set_viewport_size({"width": 380, "height": 700})
    for key in ("End", "Home"):
        watched.page.keyboard.press(key)
        box = watched.page.locator(".tinygraph .node.now").first.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 380


def test_beside_a_tall_picture_the_equation_and_the_box_of_each_step_are_in_sight(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "tall.html"
    render(J, path, inputs=(5.0, 3.0, 2.0), steps=True, rankdir="TB")
    watched = Watched(browser, path)
    watched.page.set_viewport_size({"width": 700, "height": 420})
    for _ in range(12):
        watched.page.keyboard.press("ArrowRight")
        box = watched.page.locator(".tinygraph .node.now").first.bounding_box()
        equation = watched.page.locator("#equation").bounding_box()
        assert 0 <= box["y"] < box["y"] + box["height"] <= equation["y"]
        assert equation["y"] + equation["height"] <= 420


def test_each_step_is_announced(browser: Any, page: Path) -> None:
    watched = Watched(browser, page)
    assert watched.page.get_attribute("#step", "aria-live") == "polite"
    assert watched.page.get_attribute(".tinygraph", "role") == "img"
    assert "dJ/dc" in (watched.page.text_content(".tinygraph > desc") or "")
    for button in watched.page.query_selector_all("nav button"):
        assert button.get_attribute("aria-label") or button.inner_text()


def test_a_name_that_is_markup_is_text_on_the_page(browser: Any, tmp_path: Path) -> None:
    import tinygraph as tg

    evil = "<script>alert(1)</script>"
    x = tg.Tensor(2.0, name=evil)
    for steps in (True, False):
        path = tmp_path / f"{steps}.html"
        render(x * x, path, title="</title><script>boom()</script>", steps=steps)
        watched = Watched(browser, path)
        assert evil in watched.page.text_content("body")
        watched.quiet(path)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_plain_page_has_the_picture_and_its_words(browser: Any, tmp_path: Path, scheme: str) -> None:
    path = tmp_path / "plain.html"
    picture = render(J, path, inputs=(5.0, 3.0, 2.0))
    assert isinstance(picture, Picture)
    watched = Watched(browser, path, scheme)
    assert "dJ/dc = 9" in watched.said("figure")
    watched.page.click("summary")
    assert "dJ/db = dJ/du · du/db = dJ/du · c = 3 · 2 = 6" in watched.said("pre")
    watched.quiet(path)


def test_no_words_run_out_of_their_box(browser: Any, page: Path) -> None:
    """In the reader's own font, not the one that Graphviz measured with."""
    watched = Watched(browser, page)
    for scheme in watched.page.query_selector_all(".tinygraph .node"):
        over = scheme.evaluate(
            "g => { const box = g.querySelector('path,polygon').getBBox();"
            "return [...g.querySelectorAll('text')].filter(t => { const b = t.getBBox();"
            "return b.x < box.x || b.x + b.width > box.x + box.width; }).map(t => t.textContent) }"
        )
        assert over == []
