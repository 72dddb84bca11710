"""Features: learned from the training part only, saved and read back to the bit, and honest about what they change."""

import json
import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maplet.data import Features, Table, read_table, split
from maplet.errors import DataError, SettingError


def numbers(values):
    return Table.from_columns({"x": values})


cells = st.one_of(
    st.none(), st.sampled_from(["a", "b", "c"]), st.floats(-1e6, 1e6), st.integers(-100, 100), st.just("NA")
)
columns = st.lists(
    st.tuples(st.sampled_from("uvwxyz"), st.lists(cells, min_size=8, max_size=8)),
    min_size=1,
    max_size=4,
    unique_by=lambda column: column[0],
).map(dict)


@settings(max_examples=100, deadline=None)
@given(columns=columns, categories=st.sampled_from(["auto", "one-hot", "embed"]))
def test_saved_and_read_back_transforms_to_the_same_bits(columns, categories):
    table = Table.from_columns({**columns, "number": range(8)})
    features = Features.fit(table, categories=categories)
    again = Features.from_dict(json.loads(json.dumps(features.to_dict())))
    assert again == features
    assert again.transform(table).tobytes() == features.transform(table).tobytes()
    assert features.transform(table).shape == (8, len(features.names))
    assert features.transform(table).dtype == np.float32


@settings(max_examples=50, deadline=None)
@given(columns=columns, others=columns, seed=st.integers(0, 99))
def test_rows_outside_the_training_part_change_nothing(columns, others, seed):
    train, _, _ = split(8, seed=seed)
    table = Table.from_columns({**columns, "number": range(8)})
    changed = {}
    for name, values in {**columns, "number": list(range(8))}.items():
        stranger = others.get(name, ["stranger"] * 8)
        changed[name] = [value if row in train else stranger[row] for row, value in enumerate(values)]
    first = Features.fit(table.rows(train))
    second = Features.fit(Table.from_columns(changed).rows(train))
    assert first == second


@given(
    st.lists(st.floats(-1e9, 1e9, allow_subnormal=False), min_size=2, max_size=30).filter(
        lambda values: len(set(values)) > 1
    )
)
def test_numbers_come_out_with_mean_0_and_variance_1(values):
    x = Features.fit(numbers(values)).transform(numbers(values)).astype(np.float64)
    assert x.mean() == pytest.approx(0, abs=1e-6)
    assert x.var() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("values", [[1e-200, 2e-200, 3e-200], [1e200, 2e200, 3e200], [1e15, 1e15 + 1, 1e15 + 2]])
def test_statistics_neither_overflow_nor_vanish(values):
    x = Features.fit(numbers(values)).transform(numbers(values))
    assert x.ravel() == pytest.approx([-(1.5**0.5), 0, 1.5**0.5], rel=1e-6)


def test_each_kind_of_column():
    train = Table.from_columns(
        {
            "colour": ["red", "blue", None, "red", "blue", "red"],
            "mass": [1, 2, 3, 4, 5, 6],
            "year": [2007, 2007, 2007, 2008, 2008, None],
            "size": ["S", "M", "S", "M", "S", "M"],
        }
    )
    features = Features.fit(train)
    assert features.names == (
        "colour=blue", "colour=red", "colour?missing", "mass", "year", "year?missing", "size=M", "size=S",
    )  # fmt: skip
    x = features.transform(train)
    assert x[:, :3].tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0], [0, 1, 0]]
    assert x[:, 4].tolist() == pytest.approx([*[-((2 / 3) ** 0.5)] * 3, *[1.5**0.5] * 2, 0])
    assert x[:, 5].tolist() == [0, 0, 0, 0, 0, 1]
    assert features.embedded == ()


def test_a_constant_column_with_gaps_keeps_its_indicator():
    table = numbers([3, None, 3])
    features = Features.fit(table)
    assert features.transform(table).tolist() == [[0, 0], [0, 1], [0, 0]]


def test_embedded_columns_stand_last_with_code_0_for_the_unseen():
    train = Table.from_columns({"colour": ["red", "blue", None] * 2, "mass": range(6)})
    features = Features.fit(train, categories="embed")
    assert features.names == ("mass", "colour")
    assert features.embedded == (4,)
    new = Table.from_columns({"colour": ["green", "blue", "red", "?"], "mass": [0, 0, 0, 0]})
    assert features.transform(new)[:, -1].tolist() == [0, 1, 2, 3]


def test_auto_embeds_above_32_levels():
    for count, embedded in ((32, ()), (33, (34,))):
        table = Table.from_columns({"level": [f"L{i}" for i in range(count)] * 2})
        features = Features.fit(table)
        assert features.embedded == embedded
        assert Features.fit(table, categories="one-hot").embedded == ()


def test_gaps_and_categories_first_met_later_are_counted_and_reported(caplog):
    train = Table.from_columns({"colour": ["red", "blue"] * 3, "mass": range(6)})
    features = Features.fit(train)
    new = Table.from_columns({"colour": ["green", None, "red"], "mass": [None, 2.5, "NA"]})
    with caplog.at_level(logging.WARNING, "maplet"):
        features.transform(train)
        assert not caplog.records
        x = features.transform(new)
    assert x.tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, 0]]
    gaps, unseen = sorted((record.getMessage() for record in caplog.records), reverse=True)
    assert "'mass': 2 gaps imputed with the training mean 2.5" in gaps
    assert "'colour': 2 cells" in unseen
    assert "the first 'green' in row 0" in unseen


def test_gaps_that_training_knew_are_not_reported(caplog):
    table = Table.from_columns({"colour": ["red", None] * 3, "mass": [1, 2, 3, 4, 5, None]})
    with caplog.at_level(logging.WARNING, "maplet"):
        Features.fit(table).transform(table)
    assert not caplog.records


def test_underscores_make_text():
    assert Features.fit(numbers(["1_0", "20"] * 3)).names == ("x=1_0", "x=20")


def test_what_is_left_out_is_listed_with_its_reason(caplog):
    n = 20
    table = Table.from_columns(
        {
            "name": [f"passenger {i}" for i in range(n)],
            "ship": ["Titanic"] * n,
            "deck": [None] * n,
            "pclass": [1, 2] * (n // 2),
            "one": [1.0] * n,
            "spelt": ["1", "1.0"] * (n // 2),
        }
    )
    with caplog.at_level(logging.WARNING, "maplet"):
        features = Features.fit(table)
    assert features.names == ("pclass",)
    assert features.dropped == {
        "name": "20 different categories in 20 cells: it names the rows",
        "ship": "every cell is 'Titanic'",
        "deck": "every cell is a gap",
        "one": "every cell is '1.0'",
        "spelt": "every cell is '1'",
    }
    for name in features.dropped:
        assert f"{name!r} is left out" in caplog.text


def test_one_slip_among_numbers_is_reported(caplog):
    table = numbers([*[1, 2, 3] * 10, "12kg"])
    with caplog.at_level(logging.WARNING, "maplet"):
        features = Features.fit(table)
    assert features.names == ("x=1", "x=12kg", "x=2", "x=3")
    assert "30 of 31 cells are numbers: the first other one is '12kg' (row 30" in caplog.text


def test_columns_in_any_order_and_more_of_them_are_fine():
    features = Features.fit(Table.from_columns({"a": [1, 2], "b": [3, 5]}))
    new = Table.from_columns({"extra": ["?"], "b": [4], "a": [1.5]})
    assert features.transform(new).tolist() == [[0, 0]]


def test_missing_columns_offer_the_nearest():
    features = Features.fit(Table.from_columns({"mass": [1, 2], "width": [3, 5]}))
    with pytest.raises(DataError, match=r"columns are missing: 'mass', 'width'") as caught:
        features.transform(Table.from_columns({"Mass": [1], "q": [2]}))
    assert "'mass': did you mean 'Mass'?" in str(caught.value)
    assert "; the columns are 'Mass', 'q'" in str(caught.value)


def test_the_columns_that_are_there_are_listed_once():
    features = Features.fit(Table.from_columns({f"wanted {n}": [1, 2] for n in range(30)}))
    with pytest.raises(DataError) as caught:
        features.transform(Table.from_columns({"q": [1], "r": [2]}))
    assert str(caught.value).count("the columns are 'q', 'r'") == 1
    assert "'wanted 9' and 20 more" in str(caught.value)


@pytest.mark.parametrize(
    ("cell", "fact"),
    [("abc", "'abc' is not a number"), ("inf", "'inf' is not a finite number"), (1e300, "too far from the mean 2")],
)
def test_cells_that_no_number_column_can_take(cell, fact):
    features = Features.fit(numbers([1, 2, 3]))
    with pytest.raises(DataError) as caught:
        features.transform(numbers([1, cell]))
    assert fact in str(caught.value)
    assert "row 1 (counted from 0), column 'x'" in str(caught.value)


def test_nothing_to_learn_from():
    with pytest.raises(DataError, match=r"no column is left(.|\n)*'a': every cell is '1'"):
        Features.fit(Table.from_columns({"a": [1, 1]}))
    with pytest.raises(DataError, match="no column to learn from"):
        Features.fit(Table.from_columns({"a": [1]}).drop("a").rows([0]))
    with pytest.raises(DataError, match="no rows"):
        Features.fit(Table.from_columns({"a": []}))
    with pytest.raises(DataError, match=r"'inf' is not a finite number(.|\n)*row 2"):
        Features.fit(numbers([1, 2, "inf"]))
    with pytest.raises(DataError, match="finite"):
        Features.fit(numbers([1.7e308, 1.6e308, 1.5e308]))
    with pytest.raises(SettingError, match=r"'onehot'(.|\n)*'one-hot'"):
        Features.fit(numbers([1, 2]), categories="onehot")


@pytest.mark.parametrize(
    ("damage", "fact"),
    [
        (lambda saved: saved.pop("dropped"), "dropped"),
        (lambda saved: saved["columns"][0].pop("mean"), "mean"),
        (lambda saved: saved["columns"][0].update(scale=0.0), "scale"),
        (lambda saved: saved["columns"][0].update(mean="x"), "'x'"),
        (lambda saved: saved["columns"][0].update(kind="image"), "image"),
        (lambda saved: saved["columns"][1].update(levels=["f", "f"]), "distinct"),
        (lambda saved: saved["columns"][1].update(levels=[1, 2]), "distinct text"),
        (lambda saved: saved.update(columns=3), "damaged"),
    ],
)
def test_damaged_preprocessing_is_refused(damage, fact):
    saved = Features.fit(Table.from_columns({"x": [1, 2, 3, 4], "sex": ["f", "m"] * 2})).to_dict()
    damage(saved)
    with pytest.raises(DataError, match="damaged") as caught:
        Features.from_dict(saved)
    assert fact in str(caught.value)


def test_titanic(shared):
    table = read_table(shared("titanic/train.csv"))
    train, _, test = split(len(table), labels=table["Survived"])
    features = Features.fit(table.rows(train).drop("Survived"))
    assert "Name" in features.dropped
    assert "Age?missing" in features.names
    assert len(features.embedded) == 2  # tickets and cabins
    x = features.transform(table.rows(test).drop("Survived"))
    assert x.shape == (len(test), len(features.names))
    assert np.isfinite(x).all()
    assert features.transform(read_table(shared("titanic/test.csv"))).shape == (418, len(features.names))


def test_california(shared):
    table = read_table(shared("california_housing/housing.csv")).drop("median_house_value")
    features = Features.fit(table)
    assert features.dropped == {}
    assert features.names[-1] == "ocean_proximity=NEAR OCEAN"
    x = features.transform(table)
    assert x[:, features.names.index("total_bedrooms?missing")].sum() == 207
    assert x[:, :2].astype(np.float64).std(axis=0) == pytest.approx([1, 1], rel=1e-6)


LARGE = ["9007199254740992", "9007199254740993"] * 5  # 2⁵³ and the next integer, which float64 does not have


def test_numbers_that_float64_cannot_tell_apart_are_not_called_equal():
    table = Table.from_columns({"n": range(10), "id": LARGE, "same": ["1", "1.0"] * 5})
    features = Features.fit(table)
    assert features.dropped == {
        "id": "float64 cannot tell its numbers apart, such as '9007199254740992' and '9007199254740993'",
        "same": "every cell is '1'",
    }


def test_a_column_that_float64_cannot_standardise_is_named():
    table = Table.from_columns({"n": range(10), "vast": ["1.7e308"] * 7 + ["-1.7e308"] * 3})
    with pytest.raises(DataError, match=r"from -1.7e\+308 to 1.7e\+308(.|\n)*column 'vast'(.|\n)*another unit"):
        Features.fit(table)


def test_many_columns_left_out_are_counted(caplog):
    table = Table.from_columns({"n": range(10), **{f"constant {n}": ["7"] * 10 for n in range(11)}})
    with caplog.at_level(logging.WARNING, "maplet"):
        assert len(Features.fit(table).dropped) == 11
    assert len(caplog.records) == 11
    assert caplog.messages[-1] == "1 more column left out for such reasons"
