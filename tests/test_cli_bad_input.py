"""What people give a command line by mistake, or a damaged disk gives it: one message that says what and where."""

import gzip
import io
import json
import logging
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from maplet.cli import main
from maplet.cli.output import print_history, print_metrics
from maplet.train.job import build_network
from maplet.train.progress import Progress
from maplet.train.run import Run

ROWS = "".join(f"{n},{n % 7},{'xy'[n % 2]}\n" for n in range(60))


@pytest.fixture(autouse=True, scope="module")
def _no_linear_model():
    """Spare the time for the linear model, which is always trained to its end: nothing here looks at it."""

    def untrained(problem, settings):
        return Run(build_network(problem, settings, ()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("maplet.train.job.fit_linear_model", untrained)
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a table and a run of each kind trained on it."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "rows.csv").write_text("a,b,kind\n" + ROWS)
    for target, run in (("kind", "classes"), ("b", "numbers")):
        task = ("--task", "regression") if target == "b" else ()
        arguments = ["train", folder / "rows.csv", "--target", target, *task, "-d", folder / run, "--hidden", "4"]
        with pytest.raises(SystemExit) as ended:
            main([*map(str, arguments), "--epochs", "1", "--quiet"])
        assert ended.value.code == 0
    write_images(folder / "images")
    with pytest.raises(SystemExit):
        main(["train", str(folder / "images"), "-d", str(folder / "seen"), "--hidden", "none", "--epochs", "1"])
    return folder


@pytest.fixture
def maplet(capsys, monkeypatch, place):
    """Run a command in the folder: (status, stdout, stderr)."""
    monkeypatch.chdir(place)
    logging.getLogger("maplet").handlers.clear()

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([*map(str, arguments)])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert "fault of maplet" not in err
        return ended.value.code, out, err

    return run


@pytest.fixture
def copy(place, tmp_path):
    """A copy of the run of classes, to be damaged."""
    return shutil.copytree(place / "classes", tmp_path / "copy")


def idx(array):
    kind = {"u1": 8, "f4": 13}[array.dtype.str[1:]]
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape) + array.tobytes()


def write_images(folder, labels=None, size=(2, 2)):
    folder.mkdir()
    for prefix, count in (("train", 40), ("t10k", 10)):
        shown = np.arange(count, dtype="u1") % 2 if labels is None else np.full(count, labels, "u1")
        images = np.ones((count, *size), "u1") * shown[:, None, None]
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(shown))


# ── text that looks like markup ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["run[/red]x", "run[red]x", "a b"])
def test_names_of_runs_are_shown_as_they_are(maplet, tmp_path, name):
    status, out, _ = maplet(
        "train", "rows.csv", "--target", "kind", "--quiet", "--epochs", 1, "--hidden", "none", "-d", tmp_path / name
    )
    assert status == 0
    assert f"{tmp_path / name} holds the run" in out


HOSTILE = "x[/red][bold]\x1b[31m"


def test_keys_and_values_of_a_run_are_shown_as_they_are(maplet, copy):
    (copy / "history.jsonl").write_text(json.dumps({"epoch": 1, HOSTILE: 0.5}) + "\n")
    (copy / "metrics.json").write_text(json.dumps({"network": {HOSTILE: 0.5}, HOSTILE: {"f1": 1.0}}))
    (copy / "job.json").write_text(json.dumps({HOSTILE: HOSTILE}))
    status, out, _ = maplet("show", copy)
    assert status == 0
    assert "\x1b" not in out
    assert out.count(r"x[/red][bold]\x1b[31m") == 5


# ── damaged runs ─────────────────────────────────────────────────────────────────────────────────

DAMAGE = [b"", b"{", b"[1, 2]", b'"text"', b"3", b"null", b"\xff\xfe\x00", b"{}", b'{"network": 1}', b"[" * 100_000]


@pytest.mark.parametrize("content", DAMAGE, ids=range(len(DAMAGE)))
@pytest.mark.parametrize("file", ["config.json", "job.json", "metrics.json", "history.jsonl"])
@pytest.mark.parametrize("command", ["show", "report"])
def test_show_and_report_survive_a_damaged_file(maplet, copy, command, file, content):
    (copy / file).write_bytes(content)
    status, _, err = maplet(command, copy)
    legal = {"job.json": {b"{}", b'{"network": 1}'} if command == "show" else set(), "metrics.json": {b"{}"}}
    if file == "history.jsonl":  # what is whole before the damage is shown, and a note says so
        assert status == 0
    elif content in legal.get(file, ()):
        assert (status, err) == (0, "")
    else:
        assert status == 1
        assert err.startswith("error: ")
        assert f"{file} is damaged: " in err


@pytest.mark.parametrize(
    ("name", "value"),
    [("data", 3), ("data", {}), ("data", {"input_shape": [1, 999]}), ("data", {"input_shape": [1, 10**12]}),
     ("data", {"input_shape": ["x"]}), ("command", None), ("command", "text")],
)  # fmt: skip
def test_show_and_report_name_the_part_of_the_configuration_that_is_wrong(maplet, copy, name, value):
    config = json.loads((copy / "config.json").read_bytes())
    (copy / "config.json").write_text(json.dumps({**config, name: value}))
    for command in ("show", "report"):
        status, _, err = maplet(command, copy)
        assert status == 1
        assert "config.json is damaged: " in err


@pytest.mark.parametrize("value", ["text", [1], {"a": 1}, True, 10**400])
def test_show_names_the_metric_that_is_no_number(maplet, copy, value):
    (copy / "metrics.json").write_text(json.dumps({"network": {"accuracy": value}}))
    status, _, err = maplet("show", copy)
    assert status == 1
    assert "metrics.json is damaged: 'accuracy' of 'network' is " in err


def test_show_takes_metrics_that_differ_from_model_to_model(maplet, copy):
    (copy / "metrics.json").write_text('{"a": {"f1": NaN, "mine": 1}, "b": {"accuracy": null, "f1": 0.25}}')
    status, out, _ = maplet("show", copy)
    assert status == 0
    assert re.search(r"f1 .* nan .* 0.2500", out)
    assert re.search(r"mine .* 1 .* –", out)


# ── encodings, widths and streams ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_any_encoding_of_the_streams_will_do(monkeypatch, tmp_path, encoding):
    rows = "".join(f"{n},{'😀ж'[n % 2]}\n" for n in range(40))
    (tmp_path / "smile.csv").write_text("a,naïve\n" + rows, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
        with pytest.raises(SystemExit) as ended:
            main([*arguments])
        assert ended.value.code == 0, sys.stderr.buffer.getvalue()
        return out.buffer.getvalue()

    assert b"Usage" in run("train", "--help")
    run("train", "smile.csv", "--target", "naïve", "--epochs", "1", "-d", "run", "--hidden", "none")
    assert run("predict", "run", "smile.csv").count(b"\n") == 41
    assert b"settings" in run("show", "run")
    run("predict", "run", "smile.csv", "-o", "out.csv")
    assert "😀" in (tmp_path / "out.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("columns", ["0", "1", "20"])
def test_no_number_is_cut_off_where_the_terminal_is_narrow(monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", columns)
    print_metrics({model: {"accuracy": 0.9512} for model in ("network", "linear model", "baseline")})
    print_history([{"epoch": 1, "loss": 0.1234, "val_loss": 0.5678, "val_accuracy": 0.9876}])
    out = capsys.readouterr().out
    assert out.count("0.9512") == 3
    for shown in ("0.1234", "0.5678", "0.9876", "linear model"):
        assert shown in out


def test_without_streams_a_command_still_runs(monkeypatch, place):
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(SystemExit) as ended:
        main(["show", str(place / "classes")])
    assert ended.value.code == 0
    with Progress() as display:
        display.start(1, 1)
        display.epoch_end({"epoch": 1, "loss": 0.5})


def command(*arguments, **options):
    return subprocess.Popen([sys.executable, "-m", "maplet", *map(str, arguments)], **options)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_training_goes_on_when_nobody_can_read_its_progress(place, tmp_path):
    with Path("/dev/full").open("w") as full:
        training = command(
            "train", place / "rows.csv", "--target", "kind", "--epochs", 2, "-d", tmp_path / "run",
            stderr=full, stdout=subprocess.PIPE,
        )  # fmt: skip
        out, _ = training.communicate()
    assert training.returncode == 0
    assert b"holds the run" in out
    assert len((tmp_path / "run" / "history.jsonl").read_text().splitlines()) == 2


def test_a_terminated_training_gives_the_cursor_back(place, tmp_path):
    master, slave = pty.openpty()
    training = command(
        "train", place / "rows.csv", "--target", "kind", "--epochs", 100_000, "--patience", 100_000, "-d",
        tmp_path / "run", stderr=slave, stdout=slave, env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(slave)
    shown, asked = b"", False
    try:
        while chunk := os.read(master, 65536):
            shown += chunk
            if b" step " in shown and b"loss" in shown and not asked:
                training.terminate()
                asked = True
    except OSError:  # Linux says so when the other side is closed
        pass
    os.close(master)
    assert training.wait() == 130
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l")


# ── files to predict ─────────────────────────────────────────────────────────────────────────────


def saved(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def archive():
    file = io.BytesIO()
    np.savez(file, a=np.zeros(3))
    return file.getvalue()


whole = saved(np.zeros((3, 2, 2), "f4"))
BAD_ARRAYS = {
    "text": saved(np.array(["a", "b"])),
    "records": saved(np.zeros(3, [("a", "f4"), ("b", "i4")])),
    "objects": saved(np.array([{}, []], dtype=object), allow_pickle=True),
    "complex": saved(np.zeros((3, 2, 2), "c8")),
    "dates": saved(np.zeros((3, 2, 2), "M8[s]")),
    "archive": archive(),
    "zip": b"PK\x03\x04 and so on",
    "garbage": bytes(range(256)),
    "nothing": b"",
    "magic only": whole[:6],
    "no header": whole[:10],
    "cut off": whole[:-1],
    "wrong header": whole.replace(b"'shape'", b"'shapo'"),
    "header of noise": whole[:10] + bytes(range(200, 255)) + whole[65:],
    "too large": whole.replace(b"(3, 2, 2)", b"(3, 2, 9999999999)").replace(b" " * 10 + b"\n", b"\n"),
    "version 9": whole[:6] + b"\x09" + whole[7:],
    "other images": saved(np.zeros((3, 5, 5))),
    "one number": saved(np.array(1.0)),
    "no images": saved(np.zeros((0, 2, 2))),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_a_bad_array_is_refused_by_name(maplet, tmp_path, name):
    path = tmp_path / "bad.npy"
    path.write_bytes(BAD_ARRAYS[name])
    status, out, err = maplet("predict", "seen", path)
    assert (status, out) == (1, "")
    assert name in ("other images", "one number", "no images") or str(path) in err
    assert "allow_pickle" not in err


BAD_IDX = {
    "255 axes": bytes([0, 0, 8, 255]) + bytes(4 * 255),
    "vast axes": struct.pack(">BBBBIII", 0, 0, 8, 3, 0, 2**32 - 1, 2**32 - 1),
    "more than there is": struct.pack(">BBBBIII", 0, 0, 14, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1),
    "255 long axes": bytes([0, 0, 8, 255]) + b"\xff" * (4 * 255),
}


@pytest.mark.parametrize("name", BAD_IDX)
@pytest.mark.parametrize("ending", [".idx", ".idx.gz"])
def test_a_bad_idx_header_is_refused_by_name(maplet, tmp_path, name, ending):
    path = tmp_path / f"bad{ending}"
    path.write_bytes(gzip.compress(BAD_IDX[name]) if ending.endswith("gz") else BAD_IDX[name])
    status, _, err = maplet("predict", "seen", path)
    assert status == 1
    assert str(path) in err
    assert len(err) < 500


def test_a_good_array_is_predicted(maplet, tmp_path):
    (tmp_path / "good.npy").write_bytes(whole)
    status, out, _ = maplet("predict", "seen", tmp_path / "good.npy")
    assert (status, len(out.splitlines())) == (0, 4)


# ── predictions ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("run", "cells", "words"),
    [
        ("numbers", ["abc", "1"], ["b in the file is not compared: 'abc' is not a number", "line 2"]),
        ("numbers", ["1", "inf"], ["is not compared", "'inf' is not a finite number", "line 3"]),
        ("numbers", ["1", ""], ["in 1 row: the root mean squared error"]),
        ("numbers", ["1e308", "-1e308"], ["root mean squared error is 1e+308"]),
        ("numbers", ["", ""], []),
        ("classes", ["x", "z"], ["note: 1 row with a class", "never saw: 'z'", "of 2 are right"]),
        ("classes", ["x", ""], ["in 1 row: "]),
    ],
)
def test_the_true_answers_in_a_file_can_only_be_remarked_on(maplet, tmp_path, run, cells, words):
    rows = [f"1,{cell if run == 'numbers' else 2},{cell if run == 'classes' else 'x'}\n" for cell in cells]
    (tmp_path / "new.csv").write_text("a,b,kind\n" + "".join(rows))
    status, out, err = maplet("predict", run, tmp_path / "new.csv")
    assert (status, len(out.splitlines())) == (0, 3)
    for word in words:
        assert word in err
    assert words or err == ""


def test_a_target_that_is_called_like_a_probability(maplet, tmp_path):
    (tmp_path / "odd.csv").write_text("x,p(a)\n" + "".join(f"{n},{'ab'[n % 2]}\n" for n in range(40)))
    maplet("train", tmp_path / "odd.csv", "--target", "p(a)", "--epochs", 1, "-d", tmp_path / "run", "--quiet")
    _, out, _ = maplet("predict", tmp_path / "run", tmp_path / "odd.csv")
    assert out.splitlines()[0] == "p(a),probability(a),probability(b)"


def test_writing_touches_no_other_file_of_the_user(maplet, tmp_path):
    (tmp_path / "pp.csv.new").write_text("mine")
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "real.csv").chmod(0o640)
    (tmp_path / "link.csv").symlink_to("real.csv")
    assert maplet("predict", "classes", "rows.csv", "-o", tmp_path / "pp.csv")[0] == 0
    assert maplet("predict", "classes", "rows.csv", "-o", tmp_path / "link.csv")[0] == 2
    assert maplet("predict", "classes", "rows.csv", "-o", tmp_path / "link.csv", "--overwrite")[0] == 0
    assert (tmp_path / "pp.csv.new").read_text() == "mine"
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == (tmp_path / "pp.csv").read_text()
    assert (tmp_path / "real.csv").stat().st_mode & 0o777 == 0o640
    assert {path.name for path in tmp_path.iterdir()} == {"pp.csv", "pp.csv.new", "real.csv", "link.csv"}


def test_what_is_predicted_from_is_not_written_to(maplet, place):
    config = place / "classes" / "config.json"
    for read, reason in ((place / "rows.csv", "what is read stands there"), (config, "belongs to the run")):
        before = read.read_bytes()
        status, _, err = maplet("predict", "classes", "rows.csv", "-o", read, "--overwrite")
        assert (status, read.read_bytes()) == (1, before)
        assert reason in err


def test_a_report_replaces_nothing_but_a_report(maplet, tmp_path):
    (tmp_path / "mine.html").write_text("mine")
    for place in (tmp_path / "mine.html", tmp_path, tmp_path / "nowhere" / "report.html"):
        status, _, err = maplet("report", "classes", "-o", place)
        assert status != 0
        assert f"{place}" in err
    for _ in range(2):  # the second replaces the first
        assert maplet("report", "classes", "-o", tmp_path / "report.html")[0] == 0
    assert (tmp_path / "mine.html").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"mine.html", "report.html"}


def test_a_pipe_is_written_to(maplet):
    reading, writing = os.pipe()
    assert maplet("predict", "classes", "rows.csv", "-o", f"/dev/fd/{writing}")[0] == 0
    os.close(writing)
    with os.fdopen(reading) as file:
        assert len(file.read().splitlines()) == 61


def test_a_place_that_cannot_be_written_is_named(maplet, tmp_path):
    (tmp_path / "circle").symlink_to("circle")
    for bad in (tmp_path, tmp_path / "nowhere" / "out.csv", tmp_path / "circle", tmp_path / ("x" * 300)):
        status, _, err = maplet("predict", "classes", "rows.csv", "-o", bad)
        assert status == 1
        assert f"cannot write {bad}: " in err
    assert [path.name for path in tmp_path.iterdir()] == ["circle"]


# ── what is trained on ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("hidden", ["99999999999999999999", "100000,100000", "9" * 5000])
def test_a_network_that_fills_the_memory_is_refused(maplet, tmp_path, hidden):
    status, _, err = maplet("train", "rows.csv", "--target", "kind", "--hidden", hidden, "-d", tmp_path / "run")
    assert status == 2
    assert "--hidden" in err
    assert len(err) < 600
    assert not (tmp_path / "run").exists()


def test_a_pipe_is_read_once_and_has_the_fingerprint_of_its_content(maplet, tmp_path, place):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = (place / "rows.csv").read_bytes()
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    status, _, _ = maplet("train", pipe, "--target", "kind", "--epochs", 1, "-d", tmp_path / "run", "--quiet")
    writer.join(10)
    assert status == 0
    prints = [re.search(r"sha256</dt><dd>(\w+)", (run / "report.html").read_text())[1] for run in
              (tmp_path / "run", place / "classes")]  # fmt: skip
    assert prints[0] == prints[1]


@pytest.mark.parametrize(("labels", "size", "words"), [(3, (2, 2), "labelled 3"), (None, (0, 5), "0 × 5 pixels")])
def test_images_that_teach_nothing_are_refused_with_their_folder(maplet, tmp_path, labels, size, words):
    write_images(tmp_path / "images", labels, size)
    status, _, err = maplet("train", tmp_path / "images", "-d", tmp_path / "run")
    assert status == 1
    assert words in err
    assert f"at:  {tmp_path / 'images'}" in err


def test_the_word_digits_wins_over_a_folder_of_that_name(maplet, tmp_path, monkeypatch):
    pytest.importorskip("sklearn")
    (tmp_path / "digits").mkdir()
    monkeypatch.chdir(tmp_path)
    status, _, err = maplet("train", "digits", "--epochs", 1, "--hidden", "100000,100000")
    assert status == 2
    assert "write ./digits for the one in this folder" in err
    status, _, err = maplet("train", "./digits")
    assert "lacks train-images-idx3-ubyte" in err


def test_a_broken_scikit_learn_is_one_message(maplet, monkeypatch):
    def broken(_name):
        raise AttributeError("numpy.core was renamed")

    monkeypatch.setattr("maplet.data.digits.import_module", broken)
    status, _, err = maplet("train", "digits")
    assert status == 1
    assert "whose import fails: AttributeError: numpy.core was renamed" in err


def test_the_place_of_an_error_is_never_a_line_of_the_command_line_itself(maplet, copy, tmp_path):
    status, _, err = maplet("predict", copy, tmp_path / "nowhere.csv")
    assert status == 1
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    for arguments in (("--dropout", "1"), ("--optimizer", "adm"), ("--learning-rate", "nan"), ("--batch-size", 0)):
        _, _, err = maplet("train", "rows.csv", "--target", "kind", "-d", tmp_path / "run", *arguments)
        assert "core.py" not in err


def test_thousands_of_columns_left_out_are_counted(maplet, tmp_path):
    names = [f"constant {n}" for n in range(2000)]
    with (tmp_path / "wide.csv").open("w") as file:
        print("kind,n", *names, sep=",", file=file)
        for n in range(20):
            print("xy"[n % 2], n, *["7"] * len(names), sep=",", file=file)
    began = time.perf_counter()
    status, _, err = maplet(
        "train", tmp_path / "wide.csv", "--target", "kind", "--epochs", 1, "-d", tmp_path / "run", "--quiet"
    )
    assert status == 0
    assert err.count("is left out") == 10
    assert "1,990 more columns left out" in err
    assert len(re.findall("constant [0-9]", (tmp_path / "run" / "report.html").read_text())) <= 250
    assert time.perf_counter() - began < 10


def test_a_note_says_which_part_it_is_about(maplet, tmp_path):
    rows = "".join(f"{n},{'xy'[n % 2]},{'' if n in (3, 4) else f'w{n // 3}'}\n" for n in range(60))
    (tmp_path / "words.csv").write_text("a,kind,word\n" + rows)
    _, _, err = maplet(
        "train", tmp_path / "words.csv", "--target", "kind", "--epochs", 1, "-d", tmp_path / "run", "--quiet"
    )
    assert re.search(r"note: words.csv, (validation|test) part, column 'word': \d+ cells? with", err)


def test_very_long_cells_and_names_are_not_quoted_in_full(maplet, tmp_path):
    rows = "".join(f"{n},{'xy'[n % 2]}\n" for n in range(40))
    (tmp_path / "long.csv").write_text(f"{'n' * 5000},kind\n" + rows + "9" * 5000 + ",x\n")
    status, _, err = maplet("train", tmp_path / "long.csv", "--target", "kind", "-d", tmp_path / "run")
    assert status == 1
    assert "(5,000 characters)" in err
    assert len(err) < 500


@pytest.mark.parametrize(
    "cells", [("5e-324", "1e-323"), ("1e-310", "2e-310"), ("1e200", "-1e200"), ("1.7e308", "-1.7e308")]
)
def test_a_target_whose_errors_cannot_be_squared_is_named(maplet, tmp_path, cells):
    (tmp_path / "odd.csv").write_text("a,y\n" + "".join(f"{n},{cells[n % 2]}\n" for n in range(40)))
    status, _, err = maplet(
        "train", tmp_path / "odd.csv", "--target", "y", "--task", "regression", "-d", tmp_path / "run"
    )
    assert status == 1
    assert "odd.csv, " in err
    assert "column 'y'" in err
    assert "another unit" in err
