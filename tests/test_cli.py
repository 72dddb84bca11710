"""The command line, with the arguments that a user gives."""

import contextlib
import csv
import io
import json
import logging
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from maplet import optim
from maplet.cli import main
from maplet.optim.standard import Standard
from maplet.train.job import Settings, build_optimizer

data = Path(__file__).parents[1].parent / "shared" / "data"


class Done(NamedTuple):
    """What a command has left behind."""

    returncode: int
    stdout: str
    stderr: str


def maplet(*arguments, cwd, check=True):
    """Run a command in this process, which spares the start of Python."""
    logger, command = logging.getLogger("maplet"), [*map(str, arguments)]
    out, err, status = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.chdir(cwd)
        patch.setattr(sys, "argv", ["maplet", *command])
        try:
            main(command)
        except SystemExit as ended:
            status = ended.code or 0
    logger.handlers.clear()
    logger.propagate = True
    done = Done(status, out.getvalue(), err.getvalue())
    if check:
        assert done.returncode == 0, done.stderr
    return done


def as_a_process(*arguments, cwd):
    """Run a command as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "maplet", *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False
    )


def fails(status, *arguments, cwd):
    """The command fails with one readable message: returns it."""
    done = maplet(*arguments, cwd=cwd, check=False)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stderr


def read_rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Two numbers and a word decide the class; a second target is a number."""
    folder = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(0)
    with (folder / "flowers.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["length", "width", "colour", "kind", "price"])
        for n in range(150):
            length, width, colour = rng.normal(), rng.normal(), ["red", "blue"][n % 2]
            kind = ["rose", "tulip", "lily"][int(length > 0) + int(width > 0.3)]
            gap = "" if n == 5 else f"{width:.3f}"
            writer.writerow([f"{length:.3f}", gap, colour, kind, f"{3 * length + (n % 2):.3f}"])
    return folder


@pytest.fixture(scope="module")
def trained(table):
    done = maplet("train", "flowers.csv", "--target", "kind", "--epochs", "30", "--learning-rate", "0.01", cwd=table)
    return table, done


def test_train_prints_the_table_and_writes_the_run(trained):
    folder, done = trained
    for word in ("network", "linear model", "baseline", "accuracy", "f1", "cross_entropy"):
        assert word in done.stdout
    run = folder / "runs" / "flowers"
    names = {p.name for p in run.iterdir()}
    assert {"config.json", "history.jsonl", "metrics.json", "model", "report.html", "job.json"} <= names
    metrics = json.loads((run / "metrics.json").read_text())
    assert set(metrics) == {"network", "linear model", "baseline"}
    assert metrics["network"]["accuracy"] > metrics["baseline"]["accuracy"] + 0.2
    history = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    assert [record["epoch"] for record in history] == list(range(1, len(history) + 1))
    config = json.loads((run / "config.json").read_text())
    assert {"versions", "seed", "command", "data"} <= set(config)


def test_without_a_terminal_there_is_one_line_per_epoch_and_no_escape_codes(trained):
    folder, done = trained
    history = (folder / "runs" / "flowers" / "history.jsonl").read_text().splitlines()
    assert len(re.findall(r"^epoch ", done.stderr, flags=re.MULTILINE)) == len(history)
    assert "\x1b" not in done.stderr + done.stdout


def test_the_report_is_one_self_contained_file(trained):
    folder, _ = trained
    report = (folder / "runs" / "flowers" / "report.html").read_text()
    assert "<svg" in report
    assert not re.search(r"""(src|href)\s*=\s*["']https?://""", report)
    for word in ("rose", "tulip", "lily", "linear model", "flowers.csv"):
        assert word in report


def test_predict_answers_every_row_in_the_words_of_the_target(trained):
    folder, _ = trained
    done = maplet("predict", "runs/flowers", "flowers.csv", "-o", "out.csv", cwd=folder)
    rows = read_rows(folder / "out.csv")
    assert len(rows) == 150
    assert {row["kind"] for row in rows} <= {"rose", "tulip", "lily"}
    for row in rows:
        shares = {label: float(row[f"p({label})"]) for label in ("rose", "tulip", "lily")}
        assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
        assert max(shares, key=shares.get) == row["kind"]
    assert "are right" in done.stderr
    assert (
        maplet("predict", "runs/flowers", "flowers.csv", cwd=folder).stdout.splitlines()[0]
        == "kind,p(lily),p(rose),p(tulip)"
    )
    assert "--overwrite" in fails(2, "predict", "runs/flowers", "flowers.csv", "-o", "out.csv", cwd=folder)


def test_predict_meets_a_new_category_and_gaps(trained):
    folder, _ = trained
    (folder / "new.csv").write_text("colour,price,width,length\ngreen,1,NA,0.5\nred,2,1.0,-2\n")
    done = maplet("predict", "runs/flowers", "new.csv", cwd=folder)
    assert len(done.stdout.splitlines()) == 3
    assert "note:" in done.stderr
    (folder / "short.csv").write_text("colour,price,widht\nred,2,1\n")
    message = fails(1, "predict", "runs/flowers", "short.csv", cwd=folder)
    assert "'length'" in message
    assert "widht" in message


def test_show(trained):
    folder, _ = trained
    out = maplet("show", "runs/flowers", cwd=folder).stdout
    for word in ("Linear", "parameters", "history", "val_loss", "accuracy", "--target", "flowers.csv", "seed"):
        assert word in out


def test_the_same_seed_gives_the_same_history_apart_from_times(table):
    def history(place, *more):
        maplet("train", "flowers.csv", "--target", "kind", "--epochs", "4", "-d", place, *more, cwd=table)
        lines = (table / place / "history.jsonl").read_text()
        return re.sub(r'"seconds": [\d.e-]+', "", lines)

    first = history("same-1")
    assert first == history("same-2")
    assert first != history("same-3", "--seed", "1")


def test_numbers_are_predicted_in_their_units(table):
    maplet(
        "train",
        "flowers.csv",
        "--target",
        "price",
        "--epochs",
        "60",
        "--learning-rate",
        "0.01",
        "--dropout",
        "0",
        "-d",
        "p",
        cwd=table,
    )
    metrics = json.loads((table / "p" / "metrics.json").read_text())
    assert set(metrics["network"]) == {"rmse", "mae", "r2"}
    assert metrics["network"]["rmse"] < metrics["baseline"]["rmse"] / 3
    assert abs(metrics["baseline"]["r2"]) < 0.2
    rows = maplet("predict", "p", "flowers.csv", cwd=table).stdout.splitlines()
    truth = [float(row["price"]) for row in read_rows(table / "flowers.csv")]
    assert np.corrcoef(truth, [float(r) for r in rows[1:]])[0, 1] > 0.95


def test_resume_and_overwrite(table):
    command = ("train", "flowers.csv", "--target", "kind", "--epochs", "3", "-d", "twice")
    maplet(*command, cwd=table)
    message = fails(2, *command, cwd=table)
    assert "--resume" in message
    assert "--overwrite" in message
    maplet(*command, "--resume", cwd=table)
    maplet(*command, "--overwrite", cwd=table)
    fails(2, *command, "--overwrite", "--resume", cwd=table)
    assert "another batch_size" in fails(2, *command, "--resume", "--batch-size", "7", cwd=table)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a thing of POSIX")
def test_kill_9_at_random_moments_then_resume_ends_with_the_same_weights(table):
    command = [sys.executable, "-m", "maplet", "train", "flowers.csv", "--target", "kind", "--epochs", "12", "--quiet"]
    subprocess.run([*command, "-d", "whole"], cwd=table, check=True, capture_output=True)
    delays = random.Random(time.time_ns())
    for _ in range(4):
        process = subprocess.Popen([*command, "-d", "cut", "--resume"], cwd=table, stderr=subprocess.DEVNULL)
        time.sleep(delays.uniform(0.4, 1.4))
        process.kill()
        process.wait()
    subprocess.run([*command, "-d", "cut", "--resume"], cwd=table, check=True, capture_output=True)
    for name in (
        "model/weights.safetensors",
        "model/preprocessing.json",
        "checkpoint/optimizer.safetensors",
        "metrics.json",
    ):
        assert (table / "whole" / name).read_bytes() == (table / "cut" / name).read_bytes(), name


def test_embedded_categories(table):
    maplet(
        "train",
        "flowers.csv",
        "--target",
        "kind",
        "--epochs",
        "2",
        "--categories",
        "embed",
        "-d",
        "embedded",
        cwd=table,
    )
    assert "EmbedColumns" in maplet("show", "embedded", cwd=table).stdout


bad_tables = {
    "empty": (b"", "empty"),
    "header only": (b"a,b\n", "no rows"),
    "one row": (b"a,b\n1,x\n", "two"),
    "one class": (b"a,b\n1,x\n2,x\n3,x\n4,x\n5,x\n", "two"),
    "duplicate header": (b"a,a,b\n1,2,x\n", "'a'"),
    "ragged": (b"a,b\n1,x\n1\n2,y\n", "line 3"),
    "encoding": (b"a,b\n1,\xff\xfe\xe9\n", "UTF-8"),
    "infinite": (b"a,b\n1,x\ninf,y\n3,x\n2,y\n5,x\n4,y\n7,x\n8,y\n", "inf"),
}


@pytest.mark.parametrize("case", bad_tables)
def test_a_bad_table_gets_one_clear_message(tmp_path, case):
    content, word = bad_tables[case]
    (tmp_path / "bad.csv").write_bytes(content)
    message = fails(1, "train", "bad.csv", "--target", "b", cwd=tmp_path)
    assert word in message
    assert "bad.csv" in message
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("options", "status", "word"),
    [
        (["--target", "knid"], 2, "'kind'"),
        ([], 2, "--target"),
        (["--target", "kind", "--learning-rate", "0"], 2, "learning_rate"),
        (["--target", "kind", "--learning-rate", "nan"], 2, "learning_rate"),
        (["--target", "kind", "--batch-size", "0"], 2, "batch_size"),
        (["--target", "kind", "--epochs", "0"], 2, "epochs"),
        (["--target", "kind", "--hidden", "64,x"], 2, "--hidden"),
        (["--target", "kind", "--dropout", "1"], 2, "rate"),
        (["--target", "kind", "--activation", "rleu"], 2, "relu"),
        (["--target", "kind", "--optimizer", "adm"], 2, "adam"),
        (["--target", "kind", "--optimizer", "groups"], 2, "muon"),
        (["--target", "kind", "--patience", "0"], 2, "patience"),
        (["--target", "kind", "--seed", "-1"], 2, "seed"),
        (["--target", "kind", "--task", "regression"], 1, "number"),
        (["--target", "kind", "--nonsense"], 2, "--nonsense"),
    ],
)
def test_bad_options_get_one_clear_message(table, tmp_path, options, status, word):
    message = fails(status, "train", table / "flowers.csv", *options, cwd=tmp_path)
    assert word in message
    assert not list(tmp_path.iterdir()), "a wrong call leaves nothing behind"


def test_files_that_are_not_there(tmp_path):
    assert "nowhere.csv" in fails(1, "train", "nowhere.csv", "--target", "x", cwd=tmp_path)
    assert "nowhere" in fails(1, "show", "runs/nowhere", cwd=tmp_path)
    assert "nowhere" in fails(1, "predict", "runs/nowhere", "nowhere.csv", cwd=tmp_path)


def test_gaps_in_the_target_name_the_line_and_drop_missing_mends_it(tmp_path):
    rows = "".join(f"{n % 7},{'xy'[n % 2]}\n" for n in range(60))
    (tmp_path / "gaps.csv").write_text("a,b\n3,\n" + rows)
    message = fails(1, "train", "gaps.csv", "--target", "b", cwd=tmp_path)
    assert "--drop-missing" in message
    assert "2" in message
    maplet("train", "gaps.csv", "--target", "b", "--drop-missing", "--epochs", "1", cwd=tmp_path)


def test_a_tampered_model_is_noticed(table):
    maplet("train", "flowers.csv", "--target", "kind", "--epochs", "1", "-d", "tampered", cwd=table)
    weights = table / "tampered" / "model" / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    assert "SHA-256" in fails(1, "predict", "tampered", "flowers.csv", cwd=table)


def test_every_optimizer_with_a_rule_of_its_own_is_known_by_its_name(table):
    for name, kind in optim.registry.items():
        if issubclass(kind, Standard):
            assert type(build_optimizer(Settings(optimizer=name.lower(), weight_decay=0.1))) is kind
    options = ("--optimizer", "muon", "--weight-decay", "0.1", "--learning-rate", "0.01", "--epochs", "8")
    done = maplet("train", "flowers.csv", "--target", "kind", *options, "-d", "by-muon", cwd=table)
    losses = [json.loads(line)["loss"] for line in (table / "by-muon" / "history.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0] / 2, done.stdout


def test_divergence_is_reported_with_the_step_and_advice(table):
    message = fails(
        1, "train", "flowers.csv", "--target", "price", "--optimizer", "sgd", "--learning-rate", "1e6",
        "--dropout", "0", "-d", "diverged", cwd=table,
    )  # fmt: skip
    assert re.search(r"epoch 1, step \d+", message)
    assert "lower learning rate" in message


def test_debug_shows_the_traceback(tmp_path):
    done = maplet("--debug", "train", "nowhere.csv", "--target", "x", cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_a_process_says_the_same(table, tmp_path):
    """What the other tests look at within this process."""
    assert as_a_process("--version", cwd=tmp_path).stdout.startswith("maplet, version 0.")
    arguments = ("train", table / "flowers.csv", "--target", "knid")
    done, here = as_a_process(*arguments, cwd=tmp_path), maplet(*arguments, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout, done.stderr) == here


def test_help_and_version(tmp_path):
    assert maplet("--version", cwd=tmp_path).stdout.startswith("maplet, version 0.")
    for command in ("train", "predict", "show"):
        assert command in maplet("--help", cwd=tmp_path).stdout
        assert "Usage" in maplet(command, "--help", cwd=tmp_path).stdout


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="there is no /dev/full here")
def test_a_full_disk_is_one_message(trained):
    folder, _ = trained
    message = fails(1, "predict", "runs/flowers", "flowers.csv", "-o", "/dev/full", cwd=folder)
    assert "cannot write /dev/full: No space left" in message
    assert Path("/dev/full").is_char_device(), "a device is written to, never replaced"


# ── the main job on real data ────────────────────────────────────────────────────────────────────


def needs(name):
    return pytest.mark.skipif(not (data / name).exists(), reason=f"the data set {name} is not beside the repository")


def test_digits(tmp_path):
    pytest.importorskip("sklearn")
    maplet("train", "digits", "--epochs", "15", cwd=tmp_path)
    metrics = json.loads((tmp_path / "runs/digits/metrics.json").read_text())
    assert metrics["network"]["accuracy"] >= 0.95
    assert metrics["baseline"]["accuracy"] < 0.2


@needs("penguins")
def test_penguins(tmp_path):
    source = data / "penguins" / "penguins.csv"
    maplet("train", source, "--target", "species", cwd=tmp_path)
    metrics = json.loads((tmp_path / "runs/penguins/metrics.json").read_text())
    assert metrics["network"]["accuracy"] >= 0.96
    done = maplet("predict", "runs/penguins", source, "-o", "predictions.csv", cwd=tmp_path)
    assert "344 predictions" in done.stderr


@pytest.mark.slow
@needs("california_housing")
def test_housing(tmp_path):
    maplet(
        "train",
        data / "california_housing/housing.csv",
        "--target",
        "median_house_value",
        "--epochs",
        "15",
        cwd=tmp_path,
    )
    metrics = json.loads((tmp_path / "runs/housing/metrics.json").read_text())
    assert metrics["network"]["rmse"] < 60_000 < metrics["linear model"]["rmse"] < 80_000 < metrics["baseline"]["rmse"]


@pytest.mark.slow
@needs("mnist")
def test_mnist(tmp_path):
    maplet("train", data / "mnist", "--epochs", "2", cwd=tmp_path)
    metrics = json.loads((tmp_path / "runs/mnist/metrics.json").read_text())
    assert metrics["network"]["accuracy"] >= 0.96
    assert 0.88 <= metrics["linear model"]["accuracy"] <= 0.94


def test_training_speaks_chinese(tmp_path):
    """Progress, lint, doctor, the words at the end and the report; the way an error is told stays English."""
    (tmp_path / "t.csv").write_text("a,b,y\n" + "".join(f"{n},{n % 7},{n % 2}\n" for n in range(600)))
    settings = ("--hidden", 4, "--activation", "sigmoid", "--optimizer", "sgd", "--learning-rate", 100, "--epochs", 5)
    chinese = ("--target", "y", *settings, "--doctor", "--language", "zh")
    done = maplet("train", "t.csv", *chinese, cwd=tmp_path)
    for words in ("t：420 训练", "第 1/5 轮  损失", "提示：ML", "改法：", "轮：MD", "建议："):
        assert words in done.stderr
    for words in ("测试集指标", "训练保存在 runs/t", "请看 runs/t/report.html"):
        assert words in done.stdout
    assert not re.search(r"epoch|loss|note|rows|advice|fix:", done.stderr + done.stdout)
    assert 'lang="zh' in (tmp_path / "runs" / "t" / "report.html").read_text(encoding="utf-8")
    assert (
        "提示：没有剩余的训练：第 5 轮后已经结束（跑完全部轮次）"
        in maplet("train", "t.csv", *chinese, "--resume", cwd=tmp_path).stderr
    )
    assert "fix: --resume" in fails(2, "train", "t.csv", *chinese, cwd=tmp_path)
