"""What the doctor says of runs with a planted fault, and of healthy ones: precision and recall, by rule."""

import sys
from collections import Counter

import pytest
import runs_development  # noqa: F401  (importing enters the runs)
import runs_held_out_images  # noqa: F401  (as above)
import runs_held_out_sequences  # noqa: F401  (as above)
import runs_held_out_tables  # noqa: F401  (as above)
from training_runs import groups, said

from maplet.health.doctor import rules

quick = ["climbing_a_table", "a_rate_that_is_too_low", "a_table"]


def measured(group):
    """Hits, false alarms and misses by code, printed as precision and recall."""
    hits, alarms, misses = Counter(), Counter(), Counter()
    wrong = []
    for make, codes in groups[group]:
        found = said(make)
        hit = [code for code in codes if code in found]
        hits.update(hit)
        misses.update(codes[:1] if codes and not hit else [])
        alarms.update(code for code in found if code not in codes)
        if bool(codes) != bool(hit) or set(found) - set(codes):
            wrong.append(f"{make.__name__}: said {found}, planted {list(codes)}")
    lines = [f"{group}: {len(groups[group])} runs"]
    for code in sorted({*hits, *alarms, *misses}):
        precision, recall = (hits[code] / max(hits[code] + other[code], 1) for other in (alarms, misses))
        lines.append(f"  {code}: precision {precision:.2f}, recall {recall:.2f}")
    precision, recall = (hits.total() / max(hits.total() + other.total(), 1) for other in (alarms, misses))
    lines.append(f"  all: precision {precision:.2f}, recall {recall:.2f}")
    sys.stdout.write("\n".join(["", *lines, ""]))
    return precision, recall, wrong


@pytest.mark.slow
@pytest.mark.parametrize("group", ["development", "held out"])
def test_faults_are_found_and_healthy_runs_are_left_alone(group):
    precision, recall, wrong = measured(group)
    assert precision >= 0.95, wrong
    assert recall >= 0.9, wrong


def test_every_rule_is_tried_in_both_groups():
    for group in ("development", "held out"):
        assert {code for _, codes in groups[group] for code in codes} == rules.keys()


@pytest.mark.parametrize("name", quick)
def test_a_few_of_them_quickly(name):
    ((make, codes),) = [(make, codes) for make, codes in groups["development"] if make.__name__ == name]
    assert said(make) == list(codes)
