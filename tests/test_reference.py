"""The page of all operations is what their records say today."""

import re
from pathlib import Path

import numpy as np
import pytest

from maplet.core.primitive import operations, registry
from maplet.explain.operations_in_chinese import conventions, files, meanings
from maplet.explain.reference import HEADS, _meaning, _rooms, page

code = re.compile(r"``[^`]+``|`[^`]+`")
DOCS = Path(__file__).parents[1] / "docs"
PAGES = {"en": DOCS / "operations.md", "zh": DOCS / "operations.zh.md"}


def said(text):
    """All but the numbers: those of LAPACK depend on the processor in their last digits, and in some signs."""
    return [line for line in text.splitlines() if not line.startswith(("- example:", "- 例子："))]


@pytest.mark.parametrize(("language", "path"), PAGES.items())
def test_the_page_is_up_to_date(language, path):
    assert said(page(language)) == said(path.read_text(encoding="utf-8")), (
        f"write it anew: python -m maplet.explain.reference {language} > docs/{path.name}"
    )


def test_the_chinese_page_says_the_same():
    """Line by line: only the words are others, and the numbers, formulas and derivatives those of the English page."""
    english, chinese = (page(language).removeprefix(HEADS[language]).splitlines() for language in PAGES)
    assert len(english) == len(chinese)
    for a, b in zip(english, chinese, strict=True):
        said, spoken = (code.findall(line) for line in (a, b))
        if a.startswith(("- formula", "- index", "- ∂", "### ")):
            assert said == spoken
        assert sorted(said) == sorted(spoken)  # a sentence in Chinese may have them in another order
    assert all(re.search(r"[\u4e00-\u9fff]", line) for line in chinese if line.startswith("## "))


def test_everything_that_is_said_of_operations_has_its_chinese_and_nothing_else():
    known = {name for name in operations if not name.startswith("_")}
    assert meanings.keys() <= known | registry.keys()
    assert {name for name, one in registry.items() if one.example is not None and one.convention} == conventions.keys()
    page_names = {*re.findall(r"^- `(\w+)`: ", page(), re.MULTILINE)}
    documented = {name for name, one in registry.items() if one.example is not None and _meaning(one)}
    assert meanings.keys() == page_names | documented
    assert files.keys() == _rooms().keys()


def test_every_operation_stands_there_with_its_derivative():
    text = page()
    for primitive in registry.values():
        if primitive.example is not None:
            _, _, entry = text.partition(f"### {primitive.name}\n")
            entry = entry.partition("\n### ")[0]
            assert "- index notation: " in entry, primitive.name
            assert "- example: " in entry, primitive.name
            takes_inputs = bool(primitive.example(np.random.default_rng(0))[0])
            assert ("∂L/∂x" in entry) == takes_inputs, primitive.name
            assert primitive.convention in entry, primitive.name


def test_a_few_derivatives_as_a_person_would_write_them():
    lines = page().splitlines()
    for expected in ("- ∂L/∂x = `(g·y)`", "- ∂L/∂x = `(g·cos(x))`", "- ∂L/∂x = `(g·out)`", "- ∂L/∂x = `(g/x)`"):
        assert expected in lines


def test_functions_without_a_record_stand_there_too():
    text = page()
    assert all(f"`{name}`: " in text for name in operations if name in ("softmax", "einsum", "cumulative_min"))
