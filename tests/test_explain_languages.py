"""All that a reader of an explanation sees is in the language that was asked for."""

import re

import numpy as np
import pytest

import maplet as mp
from loop_programs import programs
from maplet import nn
from maplet.errors import SettingError
from maplet.explain.flows import gradient_flow, histogram, spread_over_time
from maplet.explain.landscapes import landscape
from maplet.explain.planes import activations, decision_boundary
from maplet.explain.words import rules, words

english = re.compile(r"[a-z]{3,}")
points = np.asarray([[-1.0, 0.5], [1.0, 0.0], [0.5, -1.0]])
net = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Tanh(), nn.Linear(3, 1, rng=1))
derivation = {language: mp.explain(mp.sin, 0.5, language=language) for language in ("en", "zh")}

pictures = {
    "landscape": lambda language: landscape(lambda p: (p**2).sum(), points, size=5, language=language),
    "plane of many": lambda language: landscape(lambda p: (p**2).sum(), np.eye(3), size=5, language=language),
    "decisions": lambda language: decision_boundary(lambda x: x, points, [0, 1, 0], size=5, language=language),
    "activations": lambda language: activations(lambda x: x, points, size=5, language=language),
    "flow": lambda language: gradient_flow(derivation[language]),
    "histogram": lambda language: histogram([0.0, 1.0, np.nan], language=language),
    "over time": lambda language: spread_over_time([[0.0, 1.0], [1.0, 2.0]], language=language),
}


def seen(markup):
    """The text between the tags, without styles and scripts."""
    return re.sub(r"<(style|script|math).*?</\1>|<[^>]*>", " ", markup, flags=re.DOTALL)


@pytest.mark.parametrize("name", pictures)
def test_pictures_speak_the_language_that_they_are_asked_for(name):
    chinese, plain = pictures[name]("zh"), pictures[name]("en")
    assert not english.search(seen(chinese.svg))
    assert re.search(r"[\u4e00-\u9fff]", chinese.title)
    assert re.search(r"[\u4e00-\u9fff]", chinese.description)
    assert not re.search(r"[\u4e00-\u9fff]", plain.svg)
    with pytest.raises(SettingError, match="explanations speak English and Chinese"):
        histogram([1.0], language="fr")


@pytest.mark.parametrize("name", programs)
def test_no_english_word_of_ours_stands_in_a_chinese_explanation(name):
    f, args = programs[name]
    explained = mp.explain(f, *args, language="zh")
    shown = [explained.text(), seen(explained.html()), explained.latex()]
    said = [pair[0] for pair in (*words.values(), *rules.values()) if " " in pair[0]]
    for phrase in said:
        longest = max(re.split(r"\{[^}]*\}", phrase), key=len).strip()
        assert not any(longest in form for form in shown if len(longest) > 5), longest
