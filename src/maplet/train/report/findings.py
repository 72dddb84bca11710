"""What the lint and the doctor had to say of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from maplet.explain.markup import Content, Markup, element
from maplet.train.report.names import rule_names
from maplet.train.report.pieces import section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maplet.train.report.words import Words


class Found(TypedDict):
    """A finding of the lint: the code of its rule, what was found, how to mend it, and where."""

    code: str
    message: str
    fix: str
    where: str


class Diagnosed(TypedDict):
    """A diagnosis of the doctor, see `maplet.health.doctor.Diagnosis`."""

    code: str
    verdict: str
    advice: str
    evidence: Mapping[str, float]
    picture: str
    confidence: float
    layer: str


def findings(
    found: Sequence[Found] | None, diagnoses: Sequence[Diagnosed], watched: int, epochs: int, say: Words
) -> Markup:
    """Both of them, and where they found nothing, that sentence."""
    lint: list[Content] = [
        _card(one["code"], one["message"], say, (("where", one["where"]), ("fix", one["fix"]))) for one in found or ()
    ]
    if not lint:
        lint = [element("p", say("lint unknown" if found is None else "lint clean"))]
    doctor: list[Content] = [_diagnosis(one, say) for one in diagnoses]
    if not doctor and watched:
        doctor = [element("p", say("doctor clean", f"{epochs:,}", f"{watched:,}"))]
    if not watched:
        doctor.append(element("p", say("unwatched")))
    return section(say("findings"), element("h3", say("lint")), lint, element("h3", say("doctor")), doctor)


def _diagnosis(one: Diagnosed, say: Words) -> Markup:
    numbers = ", ".join(f"{name} {number:.3g}" for name, number in one["evidence"].items())
    picture = element("span", one["picture"], class_="picture", role="img", aria_label=say("picture"))
    evidence = element("p", picture, " ", element("span", numbers, lang="en"), class_="words")
    head = f"{one['verdict']} ({say('confidence', format(one['confidence'], '.0%'))})"
    return _card(one["code"], head, say, (("where", one["layer"]), ("advice", one["advice"])), evidence)


def _card(
    code: str, message: str, say: Words, lines: Sequence[tuple[str, str]], evidence: Markup | None = None
) -> Markup:
    """One finding; the rules speak English, and in Chinese their names stand above."""
    name = rule_names.get(code) if say.language == "zh" else None
    spoken = None if say.language == "en" else "en"
    rows = [element("p", say(key), element("span", text, lang=spoken)) for key, text in lines if text]
    head = element("p", element("strong", code), f" {name}" if name else None, class_="rule") if name else None
    first = element("strong", f"{code} ") if name is None else None
    return element(
        "div", head, element("p", first, element("span", message, lang=spoken)), evidence, rows, class_="finding"
    )
