"""What the doctor says of runs with a planted fault, and of healthy ones: precision and recall, by rule."""

import pytest
from training_runner import Figures
from training_runs import groups, said

from maplet.health.doctor import rules

quick = [
    "climbing_a_table", "a_rate_that_is_too_low", "a_line_through_products", "a_column_that_is_the_class",
    "a_logarithm_of_what_reaches_zero", "weights_that_are_all_alike", "classes_one_after_the_other",
    "gradients_of_the_step_before", "a_table", "a_few_wrong_labels_100",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("group", ["development", "held out"])
def test_faults_are_found_and_healthy_runs_are_left_alone(group):
    figures = Figures(group, without="_101 _102" if group == "development" else "")  # of three seeds one is enough
    precision, recall = figures.whole()
    assert precision >= 0.95, figures.wrong
    assert recall >= 0.9, figures.wrong
    assert not figures.of_healthy, figures.wrong


def test_every_rule_is_tried_in_both_groups():
    for group in ("development", "held out"):
        assert {code for _, codes in groups[group] for code in codes} == rules.keys()


def test_there_are_enough_runs_to_set_thresholds_by():
    planted = [codes[0] for _, codes in groups["development"] if codes]
    assert all(planted.count(code) >= 2 for code in rules)
    assert sum(not codes for _, codes in groups["development"]) >= 30
    names = [make.__name__ for make, _ in groups["development"]]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", quick)
def test_a_few_of_them_quickly(name):
    ((make, codes),) = [(make, codes) for make, codes in groups["development"] if make.__name__ == name]
    assert said(make) == list(codes)
