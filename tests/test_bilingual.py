"""What is said in two languages: every table of words and every remedy says the same in both."""

import copy
import json
import re
from string import Formatter

import pytest

from maplet.bilingual import Bilingual, spoken
from maplet.errors import SettingError
from maplet.explain.words import rules as rules_of_derivatives
from maplet.explain.words import words as words_of_explanations
from maplet.health.audit.causes import Cause
from maplet.health.audit.words import words as words_of_the_audit
from maplet.train.report.words import words as words_of_the_report
from maplet.transforms import remedies

tables = {
    "explanations": words_of_explanations,
    "rules of derivatives": rules_of_derivatives,
    "audit": words_of_the_audit,
    "report": words_of_the_report,
}
chinese_letter = re.compile(r"[\u4e00-\u9fff：]")  # or its colon, which stands alone between two names


def fields(text):
    """The names of the values that a sentence takes."""
    return {field for _, field, _, _ in Formatter().parse(text) if field}


@pytest.mark.parametrize("name", tables)
def test_both_languages_of_a_table_take_the_same_values(name):
    for key, (english, chinese) in tables[name].items():
        assert fields(english) == fields(chinese), key
        assert chinese_letter.search(chinese), key
        assert not chinese_letter.search(english), key


def test_every_cause_of_the_audit_is_said():
    assert words_of_the_audit.keys() >= set(Cause)


def test_every_remedy_is_said_in_chinese_with_the_same_numbers():
    of_cases = [said for known in remedies.cases.values() for _, said in known]
    known = [*of_cases, *remedies.of_derivative.values(), *remedies.of_matrices.values()]
    for said in [*known, remedies.no_gradient, remedies.no_tangent, remedies.too_large, remedies.infinite_inputs]:
        assert chinese_letter.search(said.zh)
        assert set(re.findall(r"\d+(?:\.\d+)?", said.zh)) == set(re.findall(r"\d+(?:\.\d+)?", said))


def test_a_copy_keeps_both_languages_and_no_third_is_spoken():
    said = copy.deepcopy([Bilingual("a row", "一行")])[0]
    assert (said, said.zh, spoken(said, "zh"), spoken("a row", "zh")) == ("a row", "一行", "一行", "a row")
    for asked in (said.speak, lambda language: spoken(said, language)):
        with pytest.raises(SettingError, match="explanations speak English and Chinese"):
            asked("fr")


def test_a_file_keeps_both_languages_and_what_is_damaged_is_refused():
    said = Bilingual("a row", "一行")
    assert Bilingual.from_json(json.loads(json.dumps(said.to_json()))).zh == "一行"
    assert Bilingual.from_json("a row").speak("zh") == "a row"
    for damaged in (None, 3, ["a row"], ["a row", 3], {"en": "a row"}):
        with pytest.raises((TypeError, ValueError)):
            Bilingual.from_json(damaged)
