"""What the lint and the doctor had to say of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from maplet.bilingual import spoken
from maplet.explain.markup import Content, Markup, element
from maplet.health.doctor.diagnosis import known
from maplet.health.rules import advise, at, mend
from maplet.train.report.pieces import section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maplet.bilingual import Bilingual
    from maplet.train.report.words import Words


class Found(TypedDict):
    """A finding of the lint: the code of its rule, what was found, how to mend it, and where.

    What is `Bilingual` is told in the language of the report.
    """

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
        _card(one["code"], one["message"], say, ((at, one["where"]), (mend, one["fix"]))) for one in found or ()
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
    picture = element("span", one["picture"], class_="picture", role="img", aria_label=say("picture"))
    numbers = [f"{spoken(name, say.language)} {number}" for name, number in known(one["evidence"])]
    evidence = element("p", picture, " ", element("span", say.comma().join(numbers)), class_="words")
    sure = say("confidence", format(one["confidence"], ".0%"))
    lines = ((at, one["layer"]), (advise, one["advice"]))
    return _card(one["code"], one["verdict"], say, lines, sure=sure, evidence=evidence)


def _card(
    code: str,
    message: str,
    say: Words,
    lines: Sequence[tuple[Bilingual, str]],
    *,
    sure: str = "",
    evidence: Markup | None = None,
) -> Markup:
    """One finding."""
    head = element("p", element("strong", f"{code} "), _said(message, say), sure)
    rows = [element("p", label.speak(say.language), _said(text, say)) for label, text in lines if text]
    return element("div", head, evidence, rows, class_="finding")


def _said(text: str, say: Words) -> Markup:
    """What a rule says; what is known in English alone, as in runs of earlier versions, is marked as such."""
    words = spoken(text, say.language)
    return element("span", words, lang="en" if say.language != "en" and words == text else None)
