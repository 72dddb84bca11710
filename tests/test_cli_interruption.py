"""A training that is ended from outside: killed, asked to stop, out of room on the disk. Nothing is lost."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and limits are those of Unix")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A table, and the run of it that nobody interrupts."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "t.csv").write_text("a,b,y\n" + "".join(f"{n % 97},{n % 7},{n % 3}\n" for n in range(300)))
    assert train(folder, "whole").returncode == 0
    return folder


def command(run, *options):
    settings = ("--hidden", "4", "--epochs", "60", "--patience", "60", "--batch-size", "4")
    table = ("train", "t.csv", "--target", "y", "-d", str(run))
    return [sys.executable, "-m", "maplet", *table, *settings, "--quiet", "--no-lint", *options]


def train(folder, run, *options):
    return subprocess.run(command(run, *options), cwd=folder, capture_output=True, text=True, check=False)


def outcome(run):
    """Everything that training has come to, but for the time that it took."""
    history = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    files = ("checkpoint/network.safetensors", "checkpoint/optimizer.safetensors", "model/weights.safetensors")
    told = [{name: value for name, value in record.items() if name != "seconds"} for record in history]
    return told, [(run / name).read_bytes() for name in (*files, "metrics.json")]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_loses_nothing(place, tmp_path, number):
    run = tmp_path / "run"
    training = subprocess.Popen(command(run), cwd=place, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    history, deadline = run / "history.jsonl", time.monotonic() + 60
    while not (history.exists() and history.read_text().count("\n") > 1) and time.monotonic() < deadline:
        time.sleep(0.002)
    training.send_signal(number)
    said, _ = training.communicate()
    if number != signal.SIGKILL:
        assert training.returncode == 130
        assert "interrupted; nothing is lost: the same command with --resume goes on" in said
    assert history.read_text().count("\n") < 60
    assert train(place, run, "--resume").returncode == 0
    assert outcome(run) == outcome(place / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [4, 24])  # of 1 KB: too few for the history, too few for the report
def test_a_full_disk_is_one_message_and_loses_nothing(place, tmp_path, blocks):
    limit = ("bash", "-c", f"ulimit -f {blocks}; trap '' XFSZ; exec \"$@\"", "limited")
    run = tmp_path / "run"
    done = subprocess.run([*limit, *command(run)], cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"error: cannot write {run}" in done.stderr
    assert "  fix: make room" in done.stderr
    assert not [found for found in Path(run).iterdir() if "writing" in found.name]
    assert train(place, run, "--resume").returncode == 0
    assert outcome(run) == outcome(place / "whole")


def test_results_that_find_no_room_are_one_message(place, tmp_path):
    limit = ("bash", "-c", "ulimit -f 1; trap '' XFSZ; exec \"$@\"", "limited")
    predict = [sys.executable, "-m", "maplet", "predict", "whole", "t.csv"]
    for options in ((), ("-o", str(tmp_path / "out.csv"))):
        with (tmp_path / "stdout").open("w") as out:
            done = subprocess.run(
                [*limit, *predict, *options], cwd=place, stdout=out, stderr=subprocess.PIPE, text=True, check=False
            )
        assert done.returncode == 1
        assert "  fix: " in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.csv").exists()
