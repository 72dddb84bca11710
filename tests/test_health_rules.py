"""Every rule of the lint and the doctor is explained, in English and Chinese; the pages are what the rules say."""

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from maplet.errors import SettingError
from maplet.health.doctor import follows_from
from maplet.health.doctor.diagnosis import rules as rules_of_the_doctor
from maplet.health.doctor.page import page as page_of_the_doctor
from maplet.health.lint.finding import rules as rules_of_the_lint
from maplet.health.lint.page import page as page_of_the_lint
from maplet.health.rules import section

DOCS = Path(__file__).parents[1] / "docs"

# The room → its rules, their codes, and its page.
rooms = {
    "lint": (rules_of_the_lint, "ML", page_of_the_lint),
    "doctor": (rules_of_the_doctor, "MD", page_of_the_doctor),
}
every_rule = [pytest.param(rule, id=code) for rules, _, _ in rooms.values() for code, rule in rules.items()]


@pytest.mark.parametrize("room", rooms)
@pytest.mark.parametrize(("language", "ending"), [("en", "md"), ("zh", "zh.md")])
def test_the_page_is_up_to_date(room, language, ending):
    _, _, page = rooms[room]
    assert page(language) == (DOCS / f"{room}.{ending}").read_text(encoding="utf-8"), (
        f"write it anew: python -m maplet.health.{room}.page {language} > docs/{room}.{ending}"
    )


@pytest.mark.parametrize("room", rooms)
def test_codes_have_no_gap_and_none_is_given_twice(room):
    rules, letters, _ = rooms[room]
    assert sorted(rules) == [f"{letters}{number:03}" for number in range(1, len(rules) + 1)]
    with pytest.raises(SettingError, match="there is already a rule") as caught:
        rules.rule(f"{letters}001", "another", "另一条")(lambda _: iter(()))
    assert caught.value.fix == "take the next number"


@pytest.mark.parametrize("rule", every_rule)
def test_every_rule_says_the_same_in_chinese_with_the_same_code(rule):
    english, chinese = section(rule.find), section(rule.find, "zh")
    assert re.search(r"[\u4e00-\u9fff]", rule.name.zh)
    assert len(chinese.split("\n\n")) == len(english.split("\n\n"))
    assert all(re.search(r"[\u4e00-\u9fff]", paragraph) for paragraph in chinese.split("\n\n"))
    assert set(re.findall("`[^`]*`", chinese)) == set(re.findall("`[^`]*`", english))


def test_no_two_rules_are_left_out_for_each_other():
    """Where each has another one as its cause, in a circle, none is said."""
    assert set(TopologicalSorter(follows_from).static_order()) <= rules_of_the_doctor.keys()


def test_every_rule_of_the_lint_has_room_to_say_how_to_mend_it():
    assert all(len(section(rule.find).split()) > 40 for rule in rules_of_the_lint.values())
