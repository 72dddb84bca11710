"""The group that measures the doctor is large enough, and shares nothing with the one that sets the thresholds."""

from collections import Counter

import training_runner  # noqa: F401  (importing enters the runs)
from training_runs import groups

codes = [f"MD{number:03}" for number in range(1, 20)]


def test_there_are_enough_runs_with_every_fault_and_without_any():
    planted = Counter(code for _, codes in groups["held out"] for code in codes[:1])
    assert planted.keys() == set(codes)
    assert min(planted.values()) >= 3, planted
    assert planted.total() >= 60
    assert sum(not codes for _, codes in groups["held out"]) >= 60


def test_no_run_stands_twice():
    names = Counter(make.__name__ for group in groups.values() for make, _ in group)
    assert max(names.values()) == 1, names.most_common(3)


def test_the_two_groups_are_apart_by_file():
    files = {group: {make.__module__ for make, _ in entered} for group, entered in groups.items()}
    assert all(file.startswith("runs_development") for file in files["development"])
    assert files["held out"] == {f"runs_held_out_{kind}" for kind in ("tables", "images", "sequences")}
