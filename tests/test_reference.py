"""The page of all operations is what their records say today."""

from pathlib import Path

import numpy as np

from maplet.core.primitive import operations, registry
from maplet.explain.reference import page

PAGE = Path(__file__).parents[1] / "docs" / "operations.md"


def said(text):
    """All but the numbers: those of LAPACK depend on the processor in their last digits, and in some signs."""
    return [line for line in text.splitlines() if not line.startswith("- example:")]


def test_the_page_is_up_to_date():
    assert said(page()) == said(PAGE.read_text(encoding="utf-8")), (
        "write it anew: python -m maplet.explain.reference > docs/operations.md"
    )


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
