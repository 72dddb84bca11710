"""A page that needs nothing else: the one frame of every HTML file that maplet writes.

It loads nothing, and nothing runs in it but a script of ours: a content security policy in the page forbids the rest.
Colours, letters and tables are those of `document.css`, for light, dark and paper.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

from maplet.explain.markup import Content, Markup, element

html_language = {"en": "en", "zh": "zh-Hans"}


def document(name: str, language: str, style: str, *content: Content, script: str = "") -> str:
    """A whole HTML page.

    Parameters
    ----------
    name
        What stands on the tab of the browser.
    language
        ``"en"`` or ``"zh"``.
    style
        Rules of this kind of page, behind those of ``document.css``.
    content
        What stands in ``main``.
    script
        The one script that may run; the policy knows it by its SHA-256.

    Examples
    --------
    >>> page = document("sine", "en", "p { margin: 0 }", element("p", "1 < 2"))
    >>> page.startswith("<!doctype html>"), "1 &lt; 2" in page, "script-src" in page
    (True, True, False)
    """
    allowed = f"; script-src 'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" if script else ""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element(
            "meta",
            http_equiv="Content-Security-Policy",
            content=Markup(f"default-src 'none'; style-src 'unsafe-inline'{allowed}"),
        ),
        element("meta", name="generator", content="maplet"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{name} – maplet"),
        element("style", Markup(resource("document.css") + style)),
    )
    body = element("body", element("main", content), element("script", Markup(script)) if script else None)
    return f"<!doctype html>\n{element('html', head, body, lang=html_language[language])}\n"


def resource(name: str) -> str:
    """A file of this room."""
    return files("maplet.explain").joinpath(name).read_text(encoding="utf-8")


def scrolling(content: Content, what: str) -> Markup:
    """Wide content in a box of its own, which a keyboard can scroll too; ``what`` it is, for those who cannot see."""
    return element("div", content, class_="scroll", tabindex="0", role="region", aria_label=what)
