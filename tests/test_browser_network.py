"""The network's page in a real browser: layers unfold, search finds, keys do what they should, nothing is asked for."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.render.layout import available

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
    pytest.mark.skipif(not available(), reason="nothing to draw with is installed"),
]


class Block(nn.Module):
    def __init__(self, rng):
        self.inner = nn.Linear(4, 4, rng=rng)

    def forward(self, x):
        return x + np.tanh(self.inner(x))


class Model(nn.Module):
    def __init__(self):
        self.embed = nn.Linear(3, 4, rng=0)
        self.blocks = [Block(i) for i in range(12)]
        self.dropout = nn.Sequential({"<script>": nn.ReLU()})
        self.head = nn.Linear(4, 2, rng=1)

    def forward(self, x):
        x = self.embed(x)
        for block in self.blocks:
            x = block(x)
        return self.head(self.dropout(x))


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "net.html"
    model = Model()
    tg.render(
        lambda x: np.sum(model(x) ** 2), path, inputs=(np.ones((2, 3)),), title="A network", profile=True, depth=2
    )
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Tab:
    """A tab with the page, and all that went wrong in it."""

    def __init__(self, browser: Any, path: Path, scheme: str = "light") -> None:
        self.context = browser.new_context(viewport={"width": 1000, "height": 800}, color_scheme=scheme)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def box(self, name: str) -> Any:
        """The box with this heading."""
        return self.page.locator(f'.box:not(.pill)[aria-label^="{name}"]').first

    def boxes(self) -> list[str]:
        return [
            label.split(",")[0]
            for label in self.page.eval_on_selector_all(
                ".box:not(.pill)", "all => all.map(b => b.getAttribute('aria-label'))"
            )
        ]

    def colour(self, selector: str, what: str = "fill") -> str:
        return str(self.page.eval_on_selector(selector, f"e => getComputedStyle(e).{what}"))


@pytest.fixture
def tab(browser: Any, page_file: Path) -> Iterator[Tab]:
    opened = Tab(browser, page_file)
    yield opened
    assert opened.complaints == []
    assert opened.requests == [page_file.as_uri()]
    opened.context.close()


def test_print_has_the_whole_picture(tab: Tab):
    tab.page.emulate_media(media="print")
    sheet = tab.page.locator("#picture").bounding_box()
    assert sheet["height"] > 600
    for box in tab.page.locator(".box").all():
        place = box.bounding_box()
        assert place["y"] >= sheet["y"]
        assert place["y"] + place["height"] <= sheet["y"] + sheet["height"]
    assert not tab.page.is_visible("#bar")


def test_layers_unfold_and_fold_on_a_click(tab: Tab):
    repeat = tab.box("Block ×12")
    assert repeat.get_attribute("aria-expanded") == "false"
    assert "blocks.3" not in tab.boxes()
    repeat.click()
    assert tab.box("Block ×12").get_attribute("aria-expanded") == "true"
    assert {f"blocks.{i}" for i in range(12)} <= set(tab.boxes())
    tab.box("blocks.3").click()
    assert {"inner", "tanh"} <= set(tab.boxes())
    tab.box("Block ×12").click(position={"x": 20, "y": 12})
    assert "blocks.3" not in tab.boxes()


def test_nothing_overlaps_however_it_is_unfolded(tab: Tab):
    tab.page.click("#unfold")
    overlaps = tab.page.evaluate(
        """() => {
          const bodies = [...document.querySelectorAll(".box:not(.open) rect.body")];
          const boxes = bodies.map((body) => body.getBBox());
          const apart = (a, b) => Math.max(a.x - b.x - b.width, b.x - a.x - a.width,
                                           a.y - b.y - b.height, b.y - a.y - a.height);
          let n = 0;
          boxes.forEach((a, i) => boxes.slice(0, i).forEach((b) => { if (apart(a, b) < -1) n++; }));
          return [boxes.length, n];
        }"""
    )
    assert overlaps[0] > 100
    assert overlaps[1] == 0


def test_what_is_in_a_group_lies_in_its_box(tab: Tab):
    tab.page.click("#unfold")
    outside = tab.page.evaluate(
        """() => {
          const network = JSON.parse(document.getElementById("network").textContent);
          const at = {};
          for (const g of document.querySelectorAll(".box")) at[g.dataset.box] = g.querySelector("rect.body").getBBox();
          return Object.entries(at).filter(([i, b]) => {
            const o = at[network.boxes[i].p];
            return o && (b.x < o.x || b.y < o.y || b.x + b.width > o.x + o.width || b.y + b.height > o.y + o.height);
          }).length;
        }"""
    )
    assert outside == 0


def test_search_unfolds_what_it_finds(tab: Tab):
    tab.page.keyboard.press("/")
    tab.page.keyboard.type("inner")
    assert tab.page.inner_text("#found") == "12 found"
    tab.page.keyboard.press("Enter")
    assert tab.page.inner_text("#found") == "1 of 12"
    assert "inner" in tab.boxes()
    assert "inner" in tab.page.inner_text("#details h2")
    tab.page.keyboard.press("Shift+Enter")
    assert tab.page.inner_text("#found") == "12 of 12"
    tab.page.keyboard.press("Escape")
    assert tab.page.inner_text("#found") == ""
    tab.page.keyboard.type("blocks.7/inner")
    assert tab.page.inner_text("#found").endswith("found")
    tab.page.keyboard.press("Enter")
    assert tab.page.inner_text("#details p") == "Model / blocks.7 / inner · Linear"
    tab.page.fill("#search", "no such thing")
    assert tab.page.inner_text("#found") == "nothing"


def test_the_keyboard_alone_is_enough(tab: Tab):
    page = tab.page

    def focused() -> str:
        return str(page.evaluate("document.activeElement.getAttribute('aria-label') || ''")).split(",")[0]

    tab.box("embed").focus()
    page.keyboard.press("ArrowDown")
    assert focused() == "Block ×12"
    page.keyboard.press("ArrowRight")
    assert tab.box("Block ×12").get_attribute("aria-expanded") == "true"
    page.keyboard.press("ArrowRight")
    assert focused() == "blocks.0"
    page.keyboard.press("Enter")
    assert "inner" in tab.boxes()
    page.keyboard.press("Enter")
    assert "inner" not in tab.boxes()
    page.keyboard.press("ArrowLeft")
    assert focused() == "Block ×12"
    page.keyboard.press(" ")
    assert tab.box("Block ×12").get_attribute("aria-expanded") == "false"
    page.keyboard.press("End")
    assert focused().startswith("Σ")
    page.keyboard.press("Home")
    assert focused() == tab.boxes()[0]


def test_only_one_box_is_in_the_order_of_tabs(tab: Tab):
    tab.box("head").focus()
    assert tab.page.locator('.box[tabindex="0"]').count() == 1


def test_zoom_pan_and_fit(tab: Tab):
    page = tab.page

    def camera() -> list[float]:
        return list(
            page.evaluate("(() => { const m = document.getElementById('view').getCTM(); return [m.a, m.e, m.f]; })()")
        )

    start = camera()
    page.mouse.move(500, 400)
    page.mouse.wheel(0, -300)
    assert camera()[0] > start[0]
    page.keyboard.press("0")
    fitted = camera()
    page.mouse.move(60, 500)
    page.mouse.down()
    page.mouse.move(160, 560, steps=4)
    page.mouse.up()
    moved = camera()
    assert moved[0] == fitted[0]
    assert moved[1] == pytest.approx(fitted[1] + 100, abs=6)
    assert moved[2] == pytest.approx(fitted[2] + 60, abs=6)
    page.keyboard.press("+")
    assert camera()[0] == pytest.approx(1.25 * moved[0], rel=1e-3)


def test_boxes_are_coloured_by_a_figure(tab: Tab):
    plain = tab.colour('.box[aria-label^="embed"] rect.body')
    tab.page.select_option("#heat", "gradient")
    assert tab.colour('.box[aria-label^="embed"] rect.body') != plain
    assert tab.page.locator("#legend i").count() == 9
    assert tab.page.locator(".cell").count() == 12
    assert "‖g‖ = " in str(tab.page.text_content('.box[aria-label^="embed"]'))
    options = tab.page.eval_on_selector_all("#heat option", "all => all.map(o => o.value)")
    assert options == ["", "parameters", "bytes", "flops", "forward", "backward", "gradient", "learning"]


def test_parameters_can_be_hidden(tab: Tab):
    tab.page.click("#unfold")
    assert tab.page.locator(".box.parameter:visible").count() > 0
    tab.page.uncheck("#parameters")
    assert tab.page.locator(".box.parameter:visible").count() == 0


def test_a_layer_named_script_is_text(tab: Tab):
    tab.page.click("#unfold")
    assert any("<script>" in label for label in tab.boxes())
    assert tab.page.locator("svg script").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(browser: Any, page_file: Path, scheme: str):
    tab = Tab(browser, page_file, scheme)
    ground, ink = tab.colour("body", "backgroundColor"), tab.colour("svg text")

    def light(colour: str) -> float:
        return sum(map(int, colour[colour.index("(") + 1 : -1].split(",")[:3])) / 765

    assert (light(ground) > 0.9) == (scheme == "light")
    assert abs(light(ground) - light(ink)) > 0.6
    assert tab.complaints == []
    tab.context.close()


def test_without_javascript_the_network_is_there_in_words(browser: Any, page_file: Path):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert "Block ×12" in page.text_content("#outline")
    context.close()


def test_the_still_picture_follows_the_screen(browser: Any, tmp_path: Path):
    path = tmp_path / "net.svg"
    tg.render(Model(), path, inputs=(np.ones((2, 3)),), heat="flops")
    inks = []
    for scheme in ("light", "dark"):
        tab = Tab(browser, path, scheme)
        inks.append(tab.colour("g.edge path", "stroke"))
        assert tab.complaints == []
        tab.context.close()
    assert inks[0] != inks[1]
