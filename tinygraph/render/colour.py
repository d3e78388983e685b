"""The colours of a picture: one meaning each, and each legible on white, on black and on paper."""

from __future__ import annotations

from dataclasses import dataclass, fields

# The kinds of node: what is given, what is learned, what is done, what comes out.
DATA, PARAMETER, OPERATION, OUTPUT, DERIVATIVE = "data", "parameter", "operation", "output", "derivative"


@dataclass(frozen=True)
class Palette:
    """Fill and line of each kind of node and of a group; ink on the fills; what is also read without a fill."""

    data: tuple[str, str]
    parameter: tuple[str, str]
    operation: tuple[str, str]
    output: tuple[str, str]
    derivative: tuple[str, str]
    group: tuple[str, str]
    ink: str
    quiet: str
    flow: str
    gradient: str
    added: str
    removed: str
    changed: str

    def mark(self, name: str) -> str:
        """The line of what is marked as "fault" or "gradient", or as "added", "removed" or "changed"."""
        return str(self.gradient if name == "fault" else getattr(self, name))


LIGHT = Palette(
    data=("#f1f3f5", "#868e96"),
    parameter=("#e3effd", "#2b72c8"),
    operation=("#fffdf5", "#8a8170"),
    output=("#fdf0cd", "#b97f10"),
    derivative=("#fdeeec", "#cf2a2b"),
    group=("#f8f9fb", "#b3bac3"),
    ink="#1b1f24",
    quiet="#6b7280",
    flow="#6c7682",
    gradient="#cf2a2a",
    added="#0b7285",
    removed="#c2410c",
    changed="#8a5a00",
)
DARK = Palette(
    data=("#2a2e33", "#8b949e"),
    parameter=("#16304f", "#5b9df0"),
    operation=("#25241f", "#9c9484"),
    output=("#463611", "#dca83a"),
    derivative=("#3d201e", "#ff7b73"),
    group=("#191d22", "#4d5660"),
    ink="#eceff2",
    quiet="#9aa3ad",
    flow="#8b96a3",
    gradient="#ff7b72",
    added="#4cc9dd",
    removed="#ff9d66",
    changed="#e3b341",
)
THEMES = ("auto", "light", "dark")


def palette(theme: str) -> Palette:
    """The colours that are written into the picture; "auto" changes them by `style` where the reader's screen is dark.

    Raises:
        ValueError: a theme that does not exist.
    """
    if theme not in THEMES:
        raise ValueError(f"theme {theme!r} is not one of {', '.join(THEMES)}")
    return DARK if theme == "dark" else LIGHT


def style(theme: str) -> str:
    """The style sheet that turns the light picture dark on a dark screen, never in print; empty where it is fixed."""
    if theme != "auto":
        return ""
    rules = []
    for name in (f.name for f in fields(Palette)):
        light, dark = getattr(LIGHT, name), getattr(DARK, name)
        for old, new in zip(light, dark, strict=True) if isinstance(light, tuple) else [(light, dark)]:
            rules.append(f'.tinygraph [fill="{old}"]{{fill:{new}}}.tinygraph [stroke="{old}"]{{stroke:{new}}}')
    return "<style>@media screen and (prefers-color-scheme:dark){" + "".join(rules) + "}</style>"
