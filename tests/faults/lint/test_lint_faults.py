"""The lint finds every planted fault, also inside of loops and the like, and finds nothing where nothing is wrong."""

import re
import time

import faulty_inside  # noqa: F401  (importing enters the programs)
import faulty_losses  # noqa: F401  (as above)
import faulty_nets  # noqa: F401  (as above)
import faulty_starts  # noqa: F401  (as above)
import faulty_styles  # noqa: F401  (as above)
import pytest
import sound_designs  # noqa: F401  (as above)
import sound_inside  # noqa: F401  (as above)
import sound_programs  # noqa: F401  (as above)
import sound_styles  # noqa: F401  (as above)
from lint_forms import forms, put_inside
from lint_programs import faulty, findings, healthy, lint, subject_of_program

from maplet.health.lint import rules
from maplet.transforms.gradient import gradient

all_faults = [(code, one) for code in faulty for one in faulty[code]]
every_fault = [pytest.param(code, one, id=f"{code}-{one.__name__}") for code, one in all_faults]
cannot_be_inside = {"a_net_that_looks_at_its_values"}  # what is inside of a form is recorded without values


@pytest.mark.parametrize(("code", "program"), every_fault)
def test_what_is_wrong_is_found(code, program):
    assert code in lint(program)


@pytest.mark.parametrize(("code", "program"), every_fault)
def test_what_is_said_is_said_in_chinese_with_the_same_numbers(code, program):
    for finding in findings(program):
        for said in (finding.message, finding.fix):
            assert re.search(r"[\u4e00-\u9fff]", said.zh)
            assert not re.search(r"[\u4e00-\u9fff]", said)
            assert set(re.findall(r"\d+(?:\.\d+)?", said.zh)) == set(re.findall(r"\d+(?:\.\d+)?", said))
        assert finding.text("zh").startswith(f"{finding.code} {finding.message.zh}\n")
        assert f"  改法：{finding.fix.zh}" in finding.text("zh")


def test_every_rule_is_tried_in_several_styles():
    assert faulty.keys() == rules.keys()
    assert min(map(len, faulty.values())) >= 3


@pytest.mark.parametrize("program", healthy, ids=lambda one: one.__name__)
def test_what_is_sound_has_no_findings(program):
    assert lint(program) == []


def test_the_lint_takes_well_under_a_second():
    some = healthy[::6]
    began = time.process_time()
    for program in some:
        findings.__wrapped__(program)
    assert (time.process_time() - began) / len(some) < 0.5


def reached_by_backpropagation(subject):
    """What some rule sends a cotangent to, when the loss is differentiated by every trainable parameter."""
    inputs, own = subject.recording.graph.inputs, set(subject.parameters.values())
    _, trail = gradient(subject.recording.graph, [n for n, node in enumerate(inputs) if node in own], (0,))
    pairs = [pair for step in trail.steps for pair in zip(step.node.inputs, step.contributions, strict=True)]
    return {child for child, sent in pairs if sent is not None} | {subject.loss}


@pytest.mark.parametrize("program", healthy, ids=lambda one: one.__name__)
def test_a_gradient_is_read_where_backpropagation_sends_one(program):
    subject = subject_of_program(program)
    if subject.opened.scope.inside:
        return  # there it says more: what passes nothing on within a loop is not reached
    own = list(subject.parameters.values())
    assert subject.reached & subject.read.moved_by(own) | {subject.loss} == reached_by_backpropagation(subject)


# ── the same inside of something ─────────────────────────────────────────────────────────────────


def in_forms(cases):
    """Each case in each form: every second one in one form quickly, and all in the others slowly."""
    found = []
    for number, case in enumerate(cases):
        for other, form in enumerate(forms):
            is_quick = number % 2 == 0 and number // 2 % len(forms) == other
            name = "-".join([form, *(getattr(part, "__name__", part) for part in case)])
            found.append(pytest.param(*case, forms[form], id=name, marks=[] if is_quick else pytest.mark.slow))
    return found


@pytest.mark.parametrize(("code", "program", "form"), in_forms(all_faults))
def test_what_is_wrong_is_found_inside(code, program, form):
    assert code in lint(put_inside(program, form))


@pytest.mark.parametrize(
    ("program", "form"), in_forms([(one,) for one in healthy if one.__name__ not in cannot_be_inside])
)
def test_what_is_sound_is_sound_inside(program, form):
    assert lint(put_inside(program, form)) == []
