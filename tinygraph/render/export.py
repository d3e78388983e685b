"""Pictures as files: whole or not at all, in the format that the ending names."""

from __future__ import annotations

import html
import json
import os
import re
import secrets
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from tinygraph.render.lettering import EAST

if TYPE_CHECKING:
    from tinygraph.render.network import Network
    from tinygraph.render.picture import Picture

ENDINGS = (".svg", ".png", ".pdf", ".html", ".json", ".dot", ".gv")
DENSITY = 2.0  # pixels of a PNG for each point: sharp on today's screens
RASTERISE = 'PNG and PDF are made of SVG by vl-convert: pip install "tinygraph[png]", or write .svg'
# Digits that few fonts have in small: a line with one of them would be set in another font, and not bold.
_SMALL = {
    **dict(zip("₀₁₂₃₄₅₆₇₈₉", range(10), strict=True)),
    **dict(zip("⁰⁴⁵⁶⁷⁸⁹ᵀ", [0, *range(4, 10), "T"], strict=True)),
}
_EASTERN = re.compile(rf'(<text [^>]*font-family=")(?=[^>]*>(?:(?!</text>).)*[{EAST}])', re.DOTALL)
# A letter of two signs, where two fonts meet in a line, makes vl-convert lose letters, or end.
_MARKED = re.compile(r"<text [^>]*>(?:(?!</text>).)*[\u0300-\u036f\u0900-\u0dff\u200d](?:(?!</text>).)*", re.DOTALL)
_WIDE, _LOW = {**dict.fromkeys("filrtι", 0.28), **dict.fromkeys("mwω", 0.78)}, "acegmnopqrsuvwxyzαγεηικμνοπρστυχω"
EASTERN_FONTS = "Noto Sans CJK SC,Noto Sans SC,PingFang SC,Microsoft YaHei,WenQuanYi Micro Hei,SimHei"
GROUND = {"dark": "#14181d"}


def check(path: str | os.PathLike[str]) -> None:
    """Refuse an ending that nothing can be written as, before anything is drawn."""
    if Path(path).suffix.lower() not in ENDINGS:
        raise ValueError(f"{os.fspath(path)!r} ends in none of {', '.join(ENDINGS)}, which a picture can be written as")


def save(picture: Picture | Network, path: Path) -> None:
    """Write a picture; without anything to draw with, its source beside."""
    from tinygraph.render.layout import LayoutError

    check(path)
    ending = path.suffix.lower()
    if ending in (".dot", ".gv"):
        write(picture.dot, path)
    elif ending == ".json":
        write(as_json(picture.data), path)
    else:
        try:
            content = {".svg": lambda: picture.svg, ".html": lambda: picture.html}.get(
                ending, lambda: _converted(picture.svg, ending, picture.theme)
            )()
        except LayoutError as error:
            beside = path.with_suffix(".dot")
            write(picture.dot, beside)
            raise LayoutError(f"{error}; the DOT source is in {beside}") from None
        write(content, path)


def _converted(svg: str, ending: str, theme: str) -> bytes:
    """A file that cannot follow the reader's screen, and so has a ground of its own."""
    try:
        import vl_convert
    except ImportError as error:
        raise ModuleNotFoundError(RASTERISE) from error
    svg = re.sub(r"(\w)\u0302(?=[^<>]*</t)", _hat, normalize("NFC", svg))
    svg = _MARKED.sub(lambda text: re.sub(r"</?tspan[^>]*>", "", text[0]), svg)
    svg = _EASTERN.sub(rf"\1{EASTERN_FONTS},", svg)
    svg = re.sub(f"[{''.join(_SMALL)}](?=[^<>]*</t(?:ext|span)>|[^<>]*<tspan)", _set, svg)
    head, _, body = svg[svg.index("<svg") :].partition(">")
    svg = f'{head}><rect x="-50%" y="-50%" width="200%" height="200%" fill="{GROUND.get(theme, "#ffffff")}"/>{body}'
    made = vl_convert.svg_to_png(svg, scale=DENSITY) if ending == ".png" else vl_convert.svg_to_pdf(svg)
    return bytes(made)


def _set(found: re.Match[str]) -> str:
    """A small digit as a digit that is made small."""
    down = 2.3 if "₀" <= found[0] <= "₉" else -4.7
    return f'<tspan dy="{down}" font-size="9.4">{_SMALL[found[0]]}</tspan><tspan dy="{-down}">\u200b</tspan>'


def _hat(found: re.Match[str]) -> str:
    """A letter with a sign of its own above it."""
    letter, sign = found[1], 0.33
    wide = _WIDE.get(letter, 0.53 if letter.islower() else 0.7)
    up = 0.0 if letter in _LOW else 0.2
    return (
        f'{letter}<tspan dx="{-(wide + sign) / 2:.3f}em" dy="{-up}em">ˆ</tspan>'
        f'<tspan dx="{(wide - sign) / 2:.3f}em" dy="{up}em">\u200b</tspan>'
    )


def as_json(data: Any) -> str:
    """The same bytes for the same graph, without what is no JSON."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def page(body: str, title: str, text: str, theme: str, name: str = "page.html", **more: str) -> str:
    """A page of its own from one of the templates beside this file."""
    template = Template(files("tinygraph.render").joinpath(name).read_text(encoding="utf-8"))
    scheme = {"auto": "light dark"}.get(theme, theme)
    return template.substitute(
        title=html.escape(title), text=html.escape(text), body=body, scheme=scheme, theme=theme, **more
    )


def write(content: str | bytes, path: Path) -> None:
    """Write a whole file or none, by way of a file beside it."""
    beside = path.with_name(f".{path.name[:60]}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        beside.replace(path)
    except OSError as error:
        reason = f"there is no folder {path.parent}" if not path.parent.is_dir() else error.strerror or str(error)
        raise type(error)(f"cannot write {path}: {reason}") from None
    finally:
        with suppress(OSError):
            beside.unlink()
