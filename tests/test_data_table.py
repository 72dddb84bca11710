"""Tables: what is written is read back, and what cannot be read says where and why."""

import csv
import hashlib
import io
import logging
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maplet.data import GAPS, Table, drop_missing, read_table, write_table
from maplet.data.csv_file import DELIMITERS, LONGEST_LINE, detect_delimiter
from maplet.errors import DataError


def read(folder, content, **options):
    path = folder / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, **options)


def error_of(folder, content, **options):
    with pytest.raises(DataError) as caught:
        read(folder, content, **options)
    return str(caught.value)


def cells_of(table):
    return {name: cells.tolist() for name, cells in table.columns.items()}


# ------------------------------------------------------------------------------------------------------------- laws

text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8).map(str.strip)
names = st.lists(text.filter(bool), min_size=2, max_size=4, unique=True)


@st.composite
def tables(draw):
    header = draw(names)
    count = draw(st.integers(1, 6))
    return Table.from_columns({name: draw(st.lists(text, min_size=count, max_size=count)) for name in header})


@settings(max_examples=150, deadline=None)
@given(table=tables(), delimiter=st.sampled_from(DELIMITERS), mark=st.booleans())
def test_what_is_written_is_read_back(tmp_path_factory, table, delimiter, mark):
    file = io.StringIO()
    write_table(table, file, delimiter=delimiter)
    path = tmp_path_factory.getbasetemp() / "law.csv"
    path.write_bytes(b"\xef\xbb\xbf" * mark + file.getvalue().encode())
    again = read_table(path, delimiter=delimiter)
    assert cells_of(again) == cells_of(table)
    assert again.names == table.names


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_delimiter_is_found(tmp_path, delimiter):
    rows = [["name", "mass"], ["Rex, the; dog", "31,5"], ["Tom\tthe|cat", "4,2"]]
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerows(rows)
    assert detect_delimiter(file.getvalue().splitlines(keepends=True)) == delimiter
    assert cells_of(read(tmp_path, file.getvalue())) == {"name": [rows[1][0], rows[2][0]], "mass": ["31,5", "4,2"]}


def test_rows_select_and_drop_agree_with_numpy():
    table = Table.from_columns({"a": ["x", "y", "z"], "b": [1, 2, 3]})
    order = np.array([2, 0])
    assert cells_of(table.rows(order)) == {"a": ["z", "x"], "b": ["3", "1"]}
    assert cells_of(table.rows(np.array([True, False, True]))) == {"a": ["x", "z"], "b": ["1", "3"]}
    assert len(table.rows(slice(1, None))) == 2
    assert table.rows(order).lines.tolist() == [2, 0]
    assert table.select("b", "a").names == ("b", "a")
    assert table.drop("a").names == ("b",)
    with pytest.raises(DataError, match="no column 'c'"):
        table.drop("c")


def test_a_table_cannot_be_written_to():
    table = Table.from_columns({"a": ["x"]})
    with pytest.raises(ValueError, match="read-only"):
        table["a"][0] = "y"
    with pytest.raises(TypeError):
        table.columns["b"] = table["a"]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_keep_every_bit(number):
    table = Table.from_columns({"x": [number]})
    assert table.numbers("x").tobytes() == np.array([number]).tobytes()


# ------------------------------------------------------------------------------------------------------------ reading


def test_quotes_blanks_marks_and_trailing_lines(tmp_path):
    content = '\ufeffname , note\r\n"Rex", "says ""wau"",\nand sleeps"\r\n  Tom  ,\r\n\r\n   \r\n'
    table = read(tmp_path, content)
    assert cells_of(table) == {"name": ["Rex", "Tom"], "note": ['says "wau",\nand sleeps', ""]}
    assert table.lines.tolist() == [2, 4]


def test_a_column_alone_may_have_empty_cells(tmp_path):
    assert cells_of(read(tmp_path, 'x\n1\n""\n\n3\n')) == {"x": ["1", "", "3"]}


def test_names_may_be_given(tmp_path):
    table = read(tmp_path, "1,2\n3,4\n", names=["a", "b"])
    assert cells_of(table) == {"a": ["1", "3"], "b": ["2", "4"]}
    assert table.lines.tolist() == [1, 2]


def test_a_header_that_looks_like_data_is_reported(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "maplet"):
        read(tmp_path, "a,b\n1,2\n")
        assert not caplog.records
        read(tmp_path, "39,Private\n50,Private\n")
    assert "'39'" in caplog.text
    assert "header line missing" in caplog.text


@pytest.mark.parametrize("marker", GAPS)
def test_each_marker_is_a_gap(marker):
    table = Table.from_columns({"x": ["1", marker], "y": ["a", "b"]})
    assert table.gaps("x").tolist() == [False, True]
    assert np.isnan(table.numbers("x")).tolist() == [False, True]
    whole, dropped = drop_missing(table)
    assert (cells_of(whole), dropped) == ({"x": ["1"], "y": ["a"]}, 1)


def test_columns_of_python_and_numpy_values():
    table = Table.from_columns(
        {"a": [None, float("nan"), 1.5], "b": np.array([1, 2, 3], dtype=np.int8), "c": np.array([True, False, True])}
    )
    assert cells_of(table) == {"a": ["", "nan", "1.5"], "b": ["1", "2", "3"], "c": ["True", "False", "True"]}
    single = np.float32(0.1)
    assert Table.from_columns({"x": [single]}).numbers("x")[0] == float(single)


# ------------------------------------------------------------------------------------------------------------- errors


def test_missing_file_offers_the_nearest(tmp_path):
    (tmp_path / "penguins.csv").touch()
    with pytest.raises(DataError, match=r"no file .*pengiuns\.csv") as caught:
        read_table(tmp_path / "pengiuns.csv")
    assert "did you mean 'penguins.csv'?" in str(caught.value)
    with pytest.raises(DataError, match=r"folder .*nowhere does not exist"):
        read_table(tmp_path / "nowhere" / "x.csv")
    with pytest.raises(DataError, match=r"is a folder(.|\n)*'penguins.csv'"):
        read_table(tmp_path)


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        ("", ["empty"]),
        ("\n\n", ["blank lines only"]),
        ("a,b\n", ["header but no rows"]),
        ("a,b,a\n1,2,3\n", ["columns 1 and 3", "'a'"]),
        (",a\n0,1\n", ["column 1 of 2", "no name", "index=False"]),
        ("a,b\n1,2\n3\n", ["1 cell,", "2 were expected", "line 3", "add the missing cells"]),
        ("a,b\n1,2\n\n3,4,5\n", ["3 cells", "2 were expected", "line 4", "double quotes"]),
        ('a,b\n1,2\n3,"4\n5,6\n', ["never closed", "line 3"]),
        ('a,b\n1,"2"x\n', ["closing quote", "line 2"]),
        ('a,b\n1,2\n3,"' + "x\n" * 200_000, [f"{csv.field_size_limit():,}", "line 3", "quote"]),
        ("a,b\r1,2\r", ["carriage return"]),
        ("a,b\nMünchen,1\nKöln,2\n".encode("cp1252"), ["byte 5 (0xFC)", "not UTF-8", "line 2", "cp1252"]),
        (b"\xef\xbb\xbfa,b\n\xe9,1\n", ["byte 7 (0xE9)", "line 2"]),
        (b"\xef\xbb\xbfa,\xe9\n1,1\n", ["byte 5 (0xE9)", "line 1"]),
        ("a,b\n1,2\n".encode("utf-16"), ["UTF-16", "save it as UTF-8"]),
        (b"a,b\n1,2\n3,\0\n", ["byte 10 is NUL", "line 3", "binary"]),
        (b"PK\x03\x04rest", ["zip", "Excel"]),
        (b"\x1f\x8brest", ["gzip", "gunzip"]),
    ],
)
def test_error_names_the_facts(tmp_path, content, facts):
    message = error_of(tmp_path, content)
    for fact in ["table.csv", *facts]:
        assert fact in message


def test_a_line_of_two_gigabytes_is_refused_without_reading_it(tmp_path):
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n")
        file.truncate(2 * 2**30)  # a hole: it takes no room on the disk
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=rf"more than {LONGEST_LINE:,} bytes") as caught:
            read_table(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "huge.csv, line 2" in str(caught.value)
    assert peak < 4 * LONGEST_LINE


@pytest.mark.parametrize(
    ("cell", "fact"), [("abc", "not a number"), ("inf", "not a finite number"), ("1e999", "not a finite number")]
)
def test_a_cell_that_is_no_number_is_named(tmp_path, cell, fact):
    table = read(tmp_path, f"x,y\n1,a\n\n{cell},b\n")
    with pytest.raises(DataError) as caught:
        table.numbers("x")
    for part in (repr(cell), fact, "table.csv, line 4, column 'x'"):
        assert part in str(caught.value)


def test_unknown_column_offers_the_nearest():
    table = Table.from_columns({"Species": ["a"], "island": ["b"]})
    with pytest.raises(DataError, match=r"no column 'specie'(.|\n)*did you mean 'Species'\?"):
        table["specie"]
    with pytest.raises(DataError, match=r"did you mean 'island'\?"):
        table["ISLAND"]
    with pytest.raises(DataError, match="the columns are 'Species', 'island'"):
        table["y"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1, 2], "b": [1]}, r"different lengths: \{'a': 2, 'b': 1\}"),
        ({"a": [1], " ": [2]}, "column 1 has no name"),
        ({"a": [[1, 2]]}, r"given as list(.|\n)*column 'a'"),
        ({"a": "male"}, r"'male', not a sequence(.|\n)*\['male'\]"),
        ({"a": 3}, r"3, not a sequence"),
    ],
)
def test_columns_that_make_no_table(columns, message):
    with pytest.raises(DataError, match=message):
        Table.from_columns(columns)


def test_dropping_every_row_is_an_error():
    with pytest.raises(DataError, match="every row has a gap; column 'b' has the most, 2 in 2 rows"):
        drop_missing(Table.from_columns({"a": [None, 1], "b": [None, None]}))


# --------------------------------------------------------------------------------------------------------- real files


def test_penguins(shared):
    table = read_table(shared("penguins/penguins.csv"))
    assert (len(table), len(table.names)) == (344, 8)
    assert int(table.gaps("sex").sum()) == 11
    assert np.nanmean(table.numbers("body_mass_g")) == pytest.approx(4201.754, abs=1e-3)
    assert drop_missing(table)[1] == 11


def test_penguins_raw_has_quoted_commas(shared):
    table = read_table(shared("penguins/penguins_raw.csv"))
    assert len(table) == 344
    assert set(table["Stage"].tolist()) == {"Adult, 1 Egg Stage"}


def test_wine_has_semicolons(shared):
    table = read_table(shared("wine_quality/winequality-red.csv"))
    assert (len(table), len(table.names)) == (1599, 12)
    assert table.names[0] == "fixed acidity"


def test_california(shared):
    table = read_table(shared("california_housing/housing.csv"))
    assert (len(table), int(table.gaps("total_bedrooms").sum())) == (20640, 207)


def test_adult_has_no_header(shared):
    names = [f"c{i}" for i in range(15)]
    table = read_table(shared("adult/adult.data"), names=names)
    assert len(table) == 32561
    assert drop_missing(table)[1] == 2399
    assert sorted(set(table["c14"].tolist())) == ["<=50K", ">50K"]


def test_a_whole_file_has_its_fingerprint_and_a_part_of_it_has_none(tmp_path):
    content = b"\xef\xbb\xbfa,b\r\n1,2\r\n\r\n3,4"
    (tmp_path / "table.csv").write_bytes(content)
    table = read_table(tmp_path / "table.csv")
    assert table.sha256 == hashlib.sha256(content).hexdigest()
    assert table.rows([0]).sha256 is None
    assert table.select("a").sha256 is None
