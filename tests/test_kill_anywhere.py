"""Kill a run before each of its operations on files: the same command always goes on to the same end.

A kill at a random moment nearly always falls between two steps; the moments that matter are between two operations on
files, and each of them is visited here.
"""

import contextlib
import csv
import os
import random
import signal
import sys
from pathlib import Path

import pytest

from maplet.cli.main import main
from maplet.train import job

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")

watched = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.listdir", "os.scandir", "shutil.rmtree"}
command = ["train", "flowers.csv", "--target", "kind", "--epochs", "2", "--hidden", "4", "--quiet", "--resume", "-d"]
told = ("model/weights.safetensors", "checkpoint/optimizer.safetensors", "metrics.json")


def run_until(folder, name, kill_at):
    """Train in a process of its own that kills itself before operation number `kill_at`; whether it did."""
    process = os.fork()
    if process:
        return os.waitpid(process, 0)[1] == signal.SIGKILL
    try:
        os.chdir(folder)
        os.environ["MAPLET_JIT"] = "0"
        job.linear_steps = 1
        done = 0

        def watch(event, args):
            nonlocal done
            if event in watched and any(name in str(arg) for arg in args if isinstance(arg, str | os.PathLike)):
                done += 1
                if done == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        with (
            Path(os.devnull).open("w") as nowhere,
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(nowhere),
        ):
            main([*command, name])
    except SystemExit as error:
        os._exit(error.code or 0)
    finally:
        os._exit(70)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("killed")
    rng = random.Random(0)
    with (place / "flowers.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["length", "width", "kind"])
        for n in range(40):
            writer.writerow([f"{rng.random():.3f}", f"{rng.random():.3f}", "xy"[n % 2]])
    assert not run_until(place, "whole-run", 0)
    return place


@pytest.mark.slow
@pytest.mark.parametrize(("again", "step"), [(0, 1), (12, 4)])
def test_kill_before_any_operation_on_files(folder, again, step):
    """Once, or a second time in the run that goes on; then it ends as if nothing had been."""
    at = 1 - step
    killed = True
    while killed:
        at += step
        name = f"cut-{again}-{at}"
        killed = run_until(folder, name, at)
        if again:
            run_until(folder, name, again)
        run_until(folder, name, 0)
        for file in told:
            assert (folder / name / file).exists(), f"killed before operation {at}, then {again}: no {file}"
            assert (folder / name / file).read_bytes() == (folder / "whole-run" / file).read_bytes(), (at, again, file)
    assert at > 50
