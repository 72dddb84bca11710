"""The frame of all pages: its colours for weak eyes, in light, dark and on paper, and what it lets in."""

import re
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from itertools import product

import pytest

from maplet.explain.document import document, resource
from maplet.explain.markup import element

PALETTES = re.findall(r":root \{(.*?)\}", resource("document.css"), re.DOTALL)
THEMES = dict(zip(("light", "dark", "print"), PALETTES, strict=True))
STYLES = {
    "document.css": resource("document.css"),
    "page.css": resource("page.css"),
    "report.css": files("maplet.train.report").joinpath("report.css").read_text(encoding="utf-8"),
}

# What is written, and on what: 4.5 is the least contrast of text in WCAG 2.
TEXT = {
    "ink": {"page", "panel", "box", "input", "loss", "chain", "note"},
    "muted": {"page", "panel", "box"},
    "active": {"page", "panel", "box"},
    "gradient": {"box", "input", "loss", "chain"},
    "best": {"page", "panel"},
}
# What is drawn, and on what: 3 is the least contrast of lines that mean something.
LINES = {
    "line": {"panel", "box", "input", "loss"},
    "active": {"panel", "chain"},
    "training": {"panel"},
    "validation": {"panel"},
    "best": {"panel"},
    "note-edge": {"page", "panel", "box", "note"},
}
SHADES = {"right", "wrong"}  # of which a cell takes up to 62 %, with ink on it
ORNAMENT = {"edge", "grid"}  # nothing is lost where they are not seen


def colours(theme):
    return dict(re.findall(r"--([\w-]+): (#\w{6})", THEMES[theme]))


def brightness(colour):
    """The relative luminance of WCAG 2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted([brightness(one), brightness(other)])
    return (high + 0.05) / (low + 0.05)


def mixed(colour, ground, share):
    parts = [(int(colour[at : at + 2], 16), int(ground[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(share * above + (1 - share) * below):02x}" for above, below in parts)


@pytest.mark.parametrize("theme", THEMES)
def test_text_and_lines_are_told_apart_by_weak_eyes(theme):
    known = colours(theme)
    for least, pairs in ((4.5, TEXT), (3.0, LINES)):
        faint = [
            (above, ground, round(contrast(known[above], known[ground]), 2))
            for above, grounds in pairs.items()
            for ground in grounds
            if contrast(known[above], known[ground]) < least
        ]
        assert not faint
    for cell in SHADES:
        assert contrast(known["ink"], mixed(known[cell], known["panel"], 0.62)) >= 4.5, cell


def test_black_on_white_is_21_to_1():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=1e-3)


@pytest.mark.parametrize("theme", THEMES)
def test_every_colour_of_the_palette_has_its_place_above(theme):
    grounds = {ground for pairs in (TEXT, LINES) for grounds in pairs.values() for ground in grounds}
    assert set(colours(theme)) == {*TEXT, *LINES, *grounds, *SHADES, *ORNAMENT}


@pytest.mark.parametrize("style", STYLES)
def test_styles_take_their_colours_from_the_palette(style):
    used = set(re.findall(r"var\(--([\w-]+)\)", STYLES[style]))
    assert used <= set(colours("light"))
    rules = re.sub(r":root \{.*?\}", "", STYLES[style], flags=re.DOTALL)
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)|rgb\(|url\(|@import", rules)


@pytest.mark.parametrize("style", STYLES)
def test_text_has_no_colour_that_is_meant_for_lines(style):
    written = set(re.findall(r"(?<![-\w])color: var\(--([\w-]+)\)", STYLES[style]))
    assert written <= set(TEXT)


@pytest.mark.parametrize(("language", "script"), [*product(("en", "zh"), ("", "let x = '1 < 2';"))])
def test_a_page_lets_in_its_own_script_and_nothing_else(language, script):
    page = document("a < b", language, "p { margin: 0 }", element("p", "c < d"), script=script)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert policy.endswith(f"script-src 'sha256-{digest}'" if script else "'unsafe-inline'")
    assert re.findall(r"<script>(.*?)</script>", page) == ([script] if script else [])
    assert f'<html lang="{"zh-Hans" if language == "zh" else "en"}">' in page
    assert "<title>a &lt; b – maplet</title>" in page
    assert "c &lt; d" in page
