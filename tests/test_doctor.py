"""The doctor and the rehearsal. What he finds in runs: tests/faults/training."""

import logging
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

import maplet as mp
from maplet import nn, optim
from maplet.bilingual import Bilingual
from maplet.cli.main import cli
from maplet.errors import CheckpointError, NonFiniteError
from maplet.health.doctor.diagnosis import Diagnosis, blocks, sparkline
from maplet.train import diagnosing
from maplet.train.failed import load_failed

ROOT = Path(__file__).parents[1]
RNG = np.random.default_rng(0)
X = RNG.standard_normal((320, 6)).astype(np.float32)
Y = (X @ RNG.standard_normal((6, 3))).argmax(axis=1)


def mlp(seed=0):
    rng = mp.random.Generator(seed)
    return nn.Sequential(nn.Linear(6, 16, rng=rng), nn.Dropout(0.2, rng=rng), nn.ReLU(), nn.Linear(16, 3, rng=rng))


def fitted(rate=0.05, **options):
    options = {"epochs": 5, "batch_size": 16, "progress": False, "lint": False, "doctor": True, "watch": 4} | options
    return mp.fit(mlp(), (X, Y), loss="cross_entropy", optimizer=optim.SGD(rate), **options)


def codes(found):
    return [diagnosis.code for diagnosis in found]


# ── the doctor ───────────────────────────────────────────────────────────────────────────────────


def test_he_says_it_during_training_once_and_afterwards(caplog):
    with caplog.at_level(logging.WARNING, "maplet"):
        run = fitted(rate=1e-6, epochs=8)
    assert codes(run.diagnoses) == codes(mp.doctor(run)) == ["MD003"]
    (record,) = caplog.records
    assert record.getMessage().startswith("epoch 6: MD003 the loss hardly moves")  # the third that begins in half of 8
    (diagnosis,) = run.diagnoses
    assert diagnosis.evidence["update/weight"] < 1e-5
    assert set(diagnosis.picture) <= {*blocks, " "}
    assert 0.5 < diagnosis.confidence < 1
    better = float(diagnosis.advice.split()[-1])
    assert 1e-4 < better < 1


def test_a_healthy_run_gets_no_diagnosis_at_any_time(caplog):
    with caplog.at_level(logging.WARNING, "maplet"):
        run = fitted()
    assert run.diagnoses == mp.doctor(run) == []
    assert caplog.records == []


def test_every_tenth_step_is_watched_for_him_if_nobody_says_otherwise():
    run = fitted(watch=0)
    assert [20 * (seen["epoch"] - 1) + seen["step"] for seen in run.watched] == [*range(0, 100, 10)]
    assert fitted(watch=0, doctor=False).watched == []


def test_under_way_he_says_what_has_held_and_a_close_look_bears_out(monkeypatch):
    """A close look takes seconds: it is taken once, when something has held for three epochs."""
    looks = []

    def doctor(_, *, closely=True):
        looks.append(closely)
        codes = ["MD006"] if closely else ["MD004", "MD006"]
        return [SimpleNamespace(code=code, layer="", text=lambda language: language) for code in codes]

    monkeypatch.setattr(diagnosing, "doctor", doctor)
    under_way = diagnosing.Diagnosing(SimpleNamespace(diagnoses=[], epoch=1))
    for said in ([], [], ["MD006"], ["MD006"], ["MD006"]):
        under_way.after_epoch()
        assert codes(under_way.run.diagnoses) == said
    assert looks.count(True) == 1


def test_of_a_run_that_blows_up_he_says_why(caplog):
    with caplog.at_level(logging.WARNING, "maplet"), pytest.raises(NonFiniteError):
        mp.fit(nn.Linear(6, 1, rng=0), (X, X[:, :1]), loss="mse", optimizer=optim.SGD(1.5), batch_size=16, epochs=20,
               progress=False, lint=False, doctor=True, watch=2)  # fmt: skip
    assert any(
        "MD014" in (text := record.getMessage()) and "the steps were too long" in text for record in caplog.records
    )


def test_he_does_not_speak_of_overfitting_where_the_best_weights_are_taken_at_the_end():
    run = fitted(watch=0, doctor=False)
    losses, held_out = [1.0, 0.6, 0.4, 0.2, 0.1, 0.05, 0.02, 0.01], [1.0, 0.7, 0.65, 0.7, 0.8, 0.9, 1.0, 1.1]
    run.history = [{"loss": a, "val_loss": b} for a, b in zip(losses, held_out, strict=True)]
    assert codes(mp.doctor(run)) == ["MD005"]
    mp.EarlyStopping(10).on_start(run)
    assert mp.doctor(run) == []


def test_without_watched_steps_only_overfitting_is_seen():
    run = fitted(watch=0, doctor=False)
    assert mp.doctor(run) == []
    losses, held_out = [1.0, 0.6, 0.4, 0.2, 0.1, 0.05, 0.02, 0.01], [1.0, 0.7, 0.65, 0.7, 0.8, 0.9, 1.0, 1.1]
    run.history = [{"loss": a, "val_loss": b} for a, b in zip(losses, held_out, strict=True)]
    assert codes(mp.doctor(run)) == ["MD005"]
    run.best_epoch = 3  # the weights of that epoch were taken
    assert mp.doctor(run) == []


def test_the_command_says_it_too(tmp_path):
    fitted(rate=1e-6, directory=tmp_path / "slow")
    fitted(directory=tmp_path / "good")
    fitted(watch=0, doctor=False, directory=tmp_path / "unwatched")
    slow, good, unwatched = (
        CliRunner().invoke(cli, ["doctor", str(tmp_path / name)]) for name in ("slow", "good", "unwatched")
    )
    assert slow.output.startswith("MD003 the loss hardly moves")
    assert "nothing to complain about in 5 epochs and 25 watched steps" in good.output
    assert "no step of this run was watched" in unwatched.output
    in_chinese = CliRunner().invoke(cli, ["doctor", str(tmp_path / "slow"), "--language", "zh"])
    assert in_chinese.output.startswith("MD003 损失几乎不动：步长太小（置信度 90%）")
    assert "建议：提高学习率" in in_chinese.output


def test_a_run_that_ended_in_nan_is_diagnosed_and_shown_from_its_directory(tmp_path):
    place = tmp_path / "run"
    with pytest.raises(NonFiniteError) as caught:
        mp.fit(nn.Linear(6, 1, rng=0), (X, X[:, :1]), loss="mse", optimizer=optim.SGD(1.5), batch_size=16, epochs=20,
               progress=False, lint=False, watch=2, directory=place)  # fmt: skip
    (diagnosis,) = mp.doctor(load_failed(place))
    assert str(diagnosis) == str(*mp.doctor(caught.value.run))
    assert "the steps were too long" in diagnosis.verdict
    assert CliRunner().invoke(cli, ["doctor", str(place)]).output.startswith(str(diagnosis))
    assert f"ended: {caught.value.run.failure.what}" in CliRunner().invoke(cli, ["show", str(place)]).output
    with pytest.raises(CheckpointError, match="ended in NaN"):
        mp.load(place)


def test_a_failure_without_watched_steps_is_explained_from_the_checkpoint(tmp_path):
    with pytest.raises(NonFiniteError):
        mp.fit(nn.Linear(6, 1, rng=0), (X, X[:, :1]), loss="mse", optimizer=optim.SGD(1.5), batch_size=16, epochs=20,
               progress=False, lint=False, directory=tmp_path / "run")  # fmt: skip
    (diagnosis,) = mp.doctor(load_failed(tmp_path / "run"))
    assert "the steps were too long" in diagnosis.verdict
    assert "forward pass" in diagnosis.verdict


def test_another_start_forgets_the_failure(tmp_path):
    place = tmp_path / "run"
    options = {"loss": "mse", "batch_size": 16, "epochs": 2, "progress": False, "lint": False, "directory": place}
    with pytest.raises(NonFiniteError):
        mp.fit(nn.Linear(6, 1, rng=0), (X, X[:, :1]), optimizer=optim.SGD(1e30), **options)
    assert (place / "failure.json").exists()
    mp.fit(nn.Linear(6, 1, rng=0), (X, X[:, :1]), optimizer=optim.SGD(0.01), existing="overwrite", **options)
    assert not (place / "failure.json").exists()
    assert mp.load(place).failure is None


@pytest.mark.parametrize("name", ["history.jsonl", "watch.jsonl", "config.json", "job.json", "failure.json"])
@pytest.mark.parametrize("command", ["show", "doctor"])
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_in_the_place_of_a_file_is_not_read(tmp_path, name, command):
    place = tmp_path / "run"
    fitted(epochs=1, directory=place)
    (place / name).unlink(missing_ok=True)
    os.mkfifo(place / name)
    found = CliRunner().invoke(cli, [command, str(place)])  # it would wait for ever
    reads = (command, name) not in {("show", "failure.json"), ("doctor", "config.json"), ("doctor", "job.json")}
    assert isinstance(found.exception, CheckpointError) or not reads


def test_a_sparkline_has_gaps_and_ends():
    assert sparkline([]) == ""
    assert sparkline([2.0, 2.0]) == "▁▁"
    assert sparkline([0.0, float("nan"), 1.0]) == "▁ █"
    assert len(sparkline(range(1000))) == 24


def test_a_number_that_is_not_known_is_left_out():
    found = Diagnosis(
        Bilingual("a", "甲"), Bilingual("b", "乙"), {Bilingual("c", "丙"): 2.0, Bilingual("d", "丁"): np.nan}
    )
    assert "c 2\n" in found.text()
    assert "nan" not in found.text() + found.text("zh")


# ── the rehearsal ────────────────────────────────────────────────────────────────────────────────


def test_a_rehearsal_changes_nothing(caplog):
    with caplog.at_level(logging.WARNING, "maplet"):
        with_it, without = fitted(rehearse=True), fitted()
    assert caplog.records == []
    assert [record["loss"] for record in with_it.history] == [record["loss"] for record in without.history]


def test_a_net_that_cannot_learn_one_batch_is_named(caplog):
    x = np.zeros((64, 6), np.float32)  # the rows cannot be told apart
    with caplog.at_level(logging.WARNING, "maplet"):
        mp.fit(mlp(), (x, Y[:64]), loss="cross_entropy", optimizer=optim.SGD(0.1), epochs=1, rehearse=True, lint=False,
               progress=False)  # fmt: skip
    (record,) = caplog.records
    assert record.getMessage().startswith("rehearsal: in 300 steps on one batch of 32 rows the loss went from")
