"""The lint finds every planted fault, and finds nothing where nothing is wrong."""

import time

import faulty_losses  # noqa: F401  (importing enters the programs)
import faulty_nets  # noqa: F401  (as above)
import faulty_starts  # noqa: F401  (as above)
import pytest
import sound_designs  # noqa: F401  (as above)
import sound_programs  # noqa: F401  (as above)
from lint_programs import faulty, healthy, lint

from maplet.health.lint import rules

every_fault = [pytest.param(code, one, id=f"{code}-{one.__name__}") for code in faulty for one in faulty[code]]


@pytest.mark.parametrize(("code", "program"), every_fault)
def test_what_is_wrong_is_found(code, program):
    assert code in lint(program)


def test_every_rule_is_tried_in_several_styles():
    assert faulty.keys() == rules.keys()
    assert min(map(len, faulty.values())) >= 3


@pytest.mark.parametrize("program", healthy, ids=lambda one: one.__name__)
def test_what_is_sound_has_no_findings(program):
    assert lint(program) == []


def test_the_lint_takes_well_under_a_second():
    began = time.process_time()
    for program in healthy:
        lint(program)
    assert (time.process_time() - began) / len(healthy) < 0.5
