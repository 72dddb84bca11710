"""Targets: the task is read off the cells, and the way to the loss leads back again."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maplet.data import ClassTarget, NumberTarget, Table, decide_task, read_table, target_from_dict
from maplet.errors import DataError, SettingError


def column(values):
    return Table.from_columns({"y": values})


words = st.text(st.characters(categories=["L"]), min_size=1, max_size=4).filter(
    lambda word: word not in {"NA", "NaN", "nan", "null", "NULL", "None"}
)


@given(st.lists(words, min_size=2, max_size=30).filter(lambda values: len(set(values)) > 1))
def test_classes_decode_what_they_encode(values):
    table = column(values)
    target = ClassTarget.fit(table, "y")
    indices = target.encode(table)
    assert indices.dtype == np.int64
    assert set(indices.tolist()) == set(range(len(target.labels)))
    assert target.decode(indices).tolist() == table["y"].tolist()
    again = target_from_dict(json.loads(json.dumps(target.to_dict())))
    assert again == target


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_numbers_decode_what_they_encode(values):
    table = column(values)
    target = NumberTarget.fit(table, "y")
    standard = target.encode(table)
    assert (standard.dtype, standard.shape) == (np.float32, (len(values), 1))
    spread = max(values) - min(values)
    assert target.decode(standard).ravel() == pytest.approx(values, abs=1e-6 * spread + 1e-9)
    again = target_from_dict(json.loads(json.dumps(target.to_dict())))
    assert again == target
    assert again.encode(table).tobytes() == standard.tobytes()


def test_labels_stand_in_the_order_of_their_value():
    assert ClassTarget.fit(column([10, 9, -1, 2, 9]), "y").labels == ("-1", "2", "9", "10")
    assert ClassTarget.fit(column(["10", "9", "x"]), "y").labels == ("10", "9", "x")


def test_a_constant_number_is_left_at_its_scale():
    assert NumberTarget.fit(column([2.5, 2.5]), "y").encode(column([2.5, 3.5])).tolist() == [[0.0], [1.0]]


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b", "a"], "classification"),
        ([0, 1] * 3, "classification"),
        (["0.0", "1.0"] * 3, "classification"),
        (list(range(20)) * 3, "classification"),
        (list(range(21)) * 3, "regression"),
        (list(range(20)) * 2, "regression"),
        ([0.5, 1.5] * 30, "regression"),
    ],
)
def test_the_task_is_read_off_the_cells(values, task):
    assert decide_task(column(values), "y") == task
    other = "regression" if task == "classification" else "classification"
    assert decide_task(column(values), "y", other) == other


def test_gaps_are_named(tmp_path):
    path = tmp_path / "gaps.csv"
    path.write_text("y,x\n" + "a,1\nNA,2\n" * 7)
    table = read_table(path)
    for call in (decide_task, ClassTarget.fit, NumberTarget.fit):
        with pytest.raises(DataError) as caught:
            call(table, "y")
        for fact in ("7 gaps ('NA')", "lines 3, 5, 7, 9, 11 and 2 more", "--drop-missing", "gaps.csv, column 'y'"):
            assert fact in str(caught.value)


@pytest.mark.parametrize(
    ("values", "facts"),
    [
        (["a"] * 4, ["holds 'a' only", "4 rows"]),
        ([2.5] * 4, ["holds '2.5' only", "4 rows"]),
        ([*range(30), "12k"], ["'12k' is not a number", "30 of 31", "row 30", "--task classification"]),
        ([f"name {i}" for i in range(30)], ["30 classes in 30 rows", "--task classification"]),
        ([1, 2, "inf"], ["'inf' is not a finite number", "row 2"]),
    ],
)
def test_targets_that_cannot_be_meant(values, facts):
    with pytest.raises(DataError) as caught:
        decide_task(column(values), "y")
    for fact in facts:
        assert fact in str(caught.value)


def test_a_slip_is_let_pass_when_the_task_is_said():
    assert decide_task(column([*range(30), "12k"]), "y", "classification") == "classification"
    with pytest.raises(SettingError, match=r"'cluster'(.|\n)*'regression'"):
        decide_task(column([1, 2]), "y", "cluster")


def test_class_errors():
    with pytest.raises(DataError, match=r"two classes at least(.|\n)*'a' only, in 2 rows"):
        ClassTarget.fit(column(["a", "a"]), "y")
    with pytest.raises(DataError, match=r"'1' and '1.0' are one number"):
        ClassTarget.fit(column(["1", "1.0", "2"]), "y")
    target = ClassTarget.fit(column(["Adelie", "Gentoo"]), "y")
    with pytest.raises(DataError, match=r"'adelie' was not learned(.|\n)*row 1(.|\n)*mean 'Adelie'"):
        target.encode(column(["Gentoo", "adelie"]))
    for index in (-1, 2):
        with pytest.raises(DataError, match=r"0 to 1 were expected"):
            target.decode(np.array([0, index]))
    assert target.decode(np.array([], dtype=np.int64)).tolist() == []


def test_number_errors():
    with pytest.raises(DataError, match=r"'x' is not a number(.|\n)*row 1 .*column 'y'"):
        NumberTarget.fit(column([1, "x"]), "y")
    with pytest.raises(DataError, match="no rows"):
        NumberTarget.fit(column([]), "y")
    with pytest.raises(DataError, match="too far from the mean"):
        NumberTarget.fit(column([1, 2]), "y").encode(column([1e300]))


def test_unknown_target_offers_the_nearest():
    table = Table.from_columns({"species": ["a", "b"], "sex": ["f", "m"]})
    for call in (decide_task, ClassTarget.fit, NumberTarget.fit):
        with pytest.raises(DataError, match=r"no column 'Specie'(.|\n)*did you mean 'species'\?"):
            call(table, "Specie")


@pytest.mark.parametrize(
    "saved",
    [
        {},
        {"task": "cluster", "name": "y"},
        {"task": "classification", "name": "y"},
        {"task": "regression", "name": "y", "mean": 0.0, "scale": -1.0},
        {"task": "regression", "name": "y", "mean": float("nan"), "scale": 1.0},
    ],
)
def test_damaged_target_is_refused(saved):
    with pytest.raises(DataError, match="damaged"):
        target_from_dict(saved)


@pytest.mark.parametrize(
    ("path", "name", "task"),
    [
        ("penguins/penguins.csv", "species", "classification"),
        ("titanic/train.csv", "Survived", "classification"),
        ("titanic/train.csv", "Fare", "regression"),
        ("california_housing/housing.csv", "median_house_value", "regression"),
        ("wine_quality/winequality-red.csv", "quality", "classification"),
    ],
)
def test_real_targets(path, name, task, shared):
    assert decide_task(read_table(shared(path)), name) == task


def test_large_integers_are_compared_as_they_are_written():
    cells = ["9007199254740992", "9007199254740993"] * 5  # 2⁵³ and the next integer, which float64 does not have
    table = Table.from_columns({"y": cells})
    assert ClassTarget.fit(table, "y").labels == tuple(cells[:2])
    with pytest.raises(DataError, match="float64 cannot tell the target's numbers apart"):
        NumberTarget.fit(table, "y")
    assert NumberTarget.fit(Table.from_columns({"y": ["1", "1.0"]}), "y").scaling.scale == 1


def test_targets_at_the_ends_of_float64():
    vast = Table.from_columns({"y": ["1.7e308"] * 4 + ["-1.7e308"]})
    with pytest.raises(DataError, match=r"no finite mean and scale > 0(.|\n)*column 'y'(.|\n)*another unit"):
        NumberTarget.fit(vast, "y")
