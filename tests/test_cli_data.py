"""What people give `maplet train` to learn from: each file teaches something, or is refused with what to do."""

import gzip
import logging
import os
import struct
import time
from pathlib import Path

import click
import numpy as np
import pytest

from maplet.cli import main
from maplet.data.lookalikes import LOOKALIKES, lookalike


@pytest.fixture
def said(monkeypatch, capsys, tmp_path):
    """What is said of a file or folder, up to the moment when training would begin: (status, text)."""

    def instead(*_arguments, **_options):
        raise click.exceptions.Exit(0)

    monkeypatch.setattr("maplet.cli.train.run_job", instead)
    monkeypatch.chdir(tmp_path)

    def run(source, *options):
        logging.getLogger("maplet").handlers.clear()
        began = time.perf_counter()
        with pytest.raises(SystemExit) as ended:
            main(["train", str(source), *options])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert "fault of maplet" not in err
        assert len(err) < 3000
        assert time.perf_counter() - began < 10
        assert out == ""
        return ended.value.code, err

    return run


def table(cells="{n},{b}", count=60, kind="{x}"):
    rows = "".join(f"{cells},{kind}\n".format(n=n, b=n % 7, x="xy"[n % 2]) for n in range(count))
    return "a,b,kind\n" + rows


usual = table()
files = {  # content, status, words that are said
    "empty": (b"", 1, "is empty"),
    "blank lines": (b"\n\n\n", 1, "blank lines only"),
    "header only": (b"a,b,kind\n", 1, "has a header but no rows"),
    "one row": (b"a,b,kind\n1,2,x\n", 1, "two values at least were expected"),
    "two rows": (b"a,b,kind\n1,2,x\n2,3,y\n", 1, "hardly any repeats"),
    "one column": (("kind\n" + "x\ny\n" * 30).encode(), 1, "there is no column to learn from"),
    "two columns of one name": (usual.replace("a,b", "a,a", 1).encode(), 1, "columns 1 and 2 are both named 'a'"),
    "no name": (usual.replace("a,b", "a,", 1).encode(), 1, "column 2 of 3 has no name"),
    "too few cells": ((usual + "1,2\n").encode(), 1, "line 62"),
    "too many cells": ((usual + "1,2,x,y\n").encode(), 1, "the row has 4 cells, 3 were expected"),
    "a line above": (("made by me\n" + usual).encode(), 1, "take away what stands above the names"),
    "no header": (usual.split("\n", 1)[1].encode(), 1, "is the header line missing?"),
    "byte order mark": (usual.encode("utf-8-sig"), 0, "42 train"),
    "UTF-16": (usual.encode("utf-16"), 1, "text in UTF-16"),
    "UTF-16 without a mark": (usual.encode("utf-16-le"), 1, "or text in UTF-16"),
    "UTF-32": (usual.encode("utf-32"), 1, "text in UTF-32"),
    "Latin-1": (usual.replace("a,", "é,", 1).encode("latin-1"), 1, "iconv"),
    "NUL": ((usual + "1,\0,x\n").encode(), 1, "is NUL"),
    "open quote": ((usual + '1,"2,x\n').encode(), 1, 'close it with "'),
    "quote inside": ((usual + '1,"2"3,x\n').encode(), 1, "write a quote in a cell twice"),
    "semicolons": (usual.replace(",", ";").encode(), 0, "42 train"),
    "tabs": (usual.replace(",", "\t").encode(), 0, "42 train"),
    "blanks": (usual.replace(",", "  ").encode(), 2, "set apart by a comma, semicolon, tab or |?"),
    "lines of Windows": (usual.replace("\n", "\r\n").encode(), 0, "42 train"),
    "lines of an old Macintosh": (usual.replace("\n", "\r").encode(), 1, "a carriage return stands alone"),
    "gzip": (gzip.compress(usual.encode()), 1, "gunzip"),
    "zip": (b"PK\x03\x04aaaa", 1, "save the sheet as CSV"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1", 1, "save the sheet as CSV"),
    "Parquet": (b"PAR1xxxx", 1, "a Parquet file"),
    "SQLite": (b"SQLite format 3\0", 1, "an SQLite database"),
    "PNG": (b"\x89PNG\r\n\x1a\n", 1, "a picture"),
    "JPEG": (b"\xff\xd8\xff\xe0", 1, "a picture"),
    "PDF": (b"%PDF-1.7\n", 1, "a PDF"),
    "page": (b"<html>\n<body></body></html>\n", 2, "no column 'kind'"),
    "JSON": (b'{"a": 1}\n', 1, "but no rows"),
    "a target of gaps": (table(kind="").encode(), 1, "the target has 60 gaps"),
    "a target with gaps": ((usual + "1,2,\n").encode(), 1, "--drop-missing"),
    "a target that is constant": (table(kind="x").encode(), 1, "choose a target whose values differ"),
    "a class in one row": ((usual + "1,2,z\n").encode(), 0, "1 class with fewer than 3 rows, in the training part"),
    "a class for each row": (table(kind="c{n}").encode(), 1, "hardly any repeats"),
    "a word among numbers": ((usual + "oops,2,x\n").encode(), 1, "'oops' is not a number"),
    "a column of gaps": (table(",{b}").encode(), 0, "column 'a' is left out: every cell is a gap"),
    "columns of gaps": (table(",NA").encode(), 1, "no column is left to learn from"),
    "constant columns": (table("1,2").encode(), 1, "no column is left to learn from"),
    "names": (table("id{n},name{n}").encode(), 1, "it names the rows"),
    "huge integers": (table("1" + "0" * 400 + "{n},{b}").encode(), 1, "is not a finite number"),
    "integers beyond float64": (table("11805916207174113034{n:02d},{b}").encode(), 0, "cannot tell its numbers apart"),
    "infinity": ((usual + "inf,2,x\n").encode(), 1, "is not a finite number"),
    "decimal commas": (table('"{n},5",{b}').encode(), 0, "seems to hold numbers with a decimal comma"),
    "thousands": (table('"{n},000",{b}').encode(), 0, "seems to hold numbers with thousands set apart"),
    "percent": (table("{n} %,{b}").encode(), 0, "seems to hold numbers with a sign of percent"),
    "dates": (table("2024-01-{b}1,{b}").encode(), 0, "seems to hold dates"),
    "truth values": (table("True,{b}").encode(), 0, "42 train"),
    "escapes": (table(kind="\x1b[31m{x}").encode(), 0, "42 train"),
    "long cells": ((usual + "1,2," + "x" * 200_000 + "\n").encode(), 1, "a cell of more than"),
}


@pytest.mark.parametrize("name", files)
def test_every_table_teaches_or_is_refused_with_a_way_out(said, name):
    content, status, words = files[name]
    Path("t.csv").write_bytes(content)
    found, text = said("t.csv", "--target", "kind")
    assert (found, words in text) == (status, True), text
    assert status == 0 or "  fix: " in text


def folder(path):
    path.mkdir()


def circle(path):
    path.symlink_to(path.name)


def closed(path):
    path.write_text(usual)
    path.chmod(0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (folder, "lacks train-images-idx3-ubyte"),
        (circle, "cannot be read"),
        (closed, "cannot be read"),
        (None, "is no file"),
    ],
)
def test_what_is_no_table_at_all(said, make, words):
    path = Path("t.csv")
    if make is not None:
        make(path)
    if make is closed and os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    status, text = said("t.csv", *(() if make is folder else ("--target", "kind")))
    assert (status, words in text, "  fix: " in text) == (1, True, True), text


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="there is no /dev/null here")
def test_devices_and_impossible_names(said):
    assert "is empty" in said("/dev/null", "--target", "kind")[1]
    for name in ("x" * 300, "a\nb", ""):
        status, text = said(name, "--target", "kind")
        assert status in (1, 2), text
        assert text.startswith("error: ")
        assert "  fix: " in text


def test_a_hundred_thousand_columns_take_seconds(said):
    names = ",".join(f"c{n}" for n in range(20_000))
    rows = "".join(f"{'xy'[row % 2]},{','.join(str(row * n % 7) for n in range(20_000))}\n" for row in range(12))
    Path("t.csv").write_text(f"kind,{names}\n{rows}")
    began = time.perf_counter()
    status, text = said("t.csv", "--target", "kind", "--hidden", "2")
    assert (status, "more columns left out" in text) == (0, True)
    assert time.perf_counter() - began < 8


# ── images ───────────────────────────────────────────────────────────────────────────────────────


def idx(array):
    kind = {"u1": 8, "f4": 13}[array.dtype.str[1:]]
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape) + array.tobytes()


def images(place, *, count=40, size=(2, 2), labels=None, test=10):
    place.mkdir()
    for prefix, many in (("train", count), ("t10k", test)):
        given = np.arange(many, dtype="u1") % 2 if labels is None else np.full(many, labels, "u1")
        (place / f"{prefix}-images-idx3-ubyte").write_bytes(idx(np.ones((many, *size), "u1") * given[:, None, None]))
        (place / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(given))


def changed(name, change):
    def make(place):
        images(place)
        change(place / name)

    return make


folders = {  # what makes it, status, words
    "good": (images, 0, "36 train"),
    "empty": (lambda place: place.mkdir(), 1, "lacks train-images-idx3-ubyte"),
    "no images": (lambda place: images(place, count=0), 1, "0 images and 0 labels"),
    "one image": (lambda place: images(place, count=1), 1, "two classes at least"),
    "one class": (lambda place: images(place, labels=3), 1, "two classes at least"),
    "no pixels": (lambda place: images(place, size=(0, 3)), 1, "nothing to see"),
    "a file cut off": (changed("train-images-idx3-ubyte", lambda f: f.write_bytes(f.read_bytes()[:-9])), 1, "cut off"),
    "a file of noise": (changed("t10k-labels-idx1-ubyte", lambda f: f.write_bytes(b"noise")), 1, "not an IDX file"),
    "colours": (
        changed("train-images-idx3-ubyte", lambda f: f.write_bytes(idx(np.ones((40, 2, 2, 3), "u1")))), 1, "3 axes",
    ),
    "fractions": (
        changed("train-images-idx3-ubyte", lambda f: f.write_bytes(idx(np.ones((40, 2, 2), "f4")))), 1, "bytes along",
    ),
    "sizes that differ": (
        changed("t10k-images-idx3-ubyte", lambda f: f.write_bytes(idx(np.ones((10, 3, 3), "u1")))), 1, "test images",
    ),
    "a circle of links": (
        changed("train-images-idx3-ubyte", lambda f: (f.unlink(), f.symlink_to(f.name))), 1, "lacks train-images",
    ),
    "pictures": (lambda place: (place.mkdir(), (place / "cat.png").touch()), 1, "the folder holds 'cat.png'"),
}  # fmt: skip


@pytest.mark.parametrize("name", folders)
def test_every_folder_of_images_teaches_or_is_refused_with_a_way_out(said, name):
    make, status, words = folders[name]
    make(Path("images"))
    found, text = said("images")
    assert (found, words in text) == (status, True), text
    assert status == 0 or "  fix: " in text


# ── what looks like a number ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        (["1,5", "2", "-3,25"], "numbers with a decimal comma"),
        (["1,000", "12,345.5", "999"], "numbers with thousands set apart"),
        (["31.12.2024", "1.1.2025"], "dates"),
        (["2024-01-31T10:00:00Z"], "dates"),
        (["10:30", "9:15:01"], "times of day"),
        (["$5", "€ 7.5"], "numbers with a sign of percent or currency"),
        (["0xff"], "hexadecimal numbers"),
        (["1_000"], "numbers with underscores"),
        (["male", "female"], None),
        (["1", "2"], None),
        (["1,5", "low", "high"], None),
    ],
)
def test_lookalikes(cells, what):
    found = lookalike(cells)
    assert (found and found.what) == what
    assert {kind.what for kind in LOOKALIKES} >= ({what} if what else set())
