"""Training: the loop, its history, its resume, and what it refuses."""

import json
import logging
import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import maplet as mp
import maplet.train.training
from maplet import nn, optim
from maplet.errors import (
    CheckpointError,
    DataError,
    MapletError,
    NonFiniteError,
    RunExistsError,
    SettingError,
    ShapeError,
)
from maplet.train import storage
from maplet.train.metrics import Metric
from maplet.train.run_directory import RunDirectory

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 4)).astype(np.float32)
Y = (X @ rng.normal(size=(4, 3))).argmax(axis=1)


def make_net(seed=0, dropout=0.2):
    g = mp.random.Generator(seed)
    return nn.Sequential(nn.Linear(4, 16, rng=g), nn.Tanh(), nn.Dropout(dropout, rng=g), nn.Linear(16, 3, rng=g))


def run_fit(**options):
    settings = {
        "loss": nn.cross_entropy,
        "optimizer": optim.Adam(optim.Exponential(0.02, 0.99)),
        "epochs": 4,
        "batch_size": 16,
        "validation": (X[60:], Y[60:]),
        "metrics": ["accuracy"],
        "progress": False,
    }
    return mp.fit(
        options.pop("net", None) or make_net(), options.pop("data", (X[:60], Y[:60])), **{**settings, **options}
    )


def same_bits(first, second):
    a, b = first.net.state(), second.net.state()
    return a.keys() == b.keys() and all(a[n].numpy().tobytes() == b[n].numpy().tobytes() for n in a)


def untimed(history):
    return [{k: v for k, v in record.items() if k != "seconds"} for record in history]


def test_it_learns():
    run = run_fit(epochs=30)
    assert run.history[-1]["val_accuracy"] >= 0.85
    assert run.history[-1]["loss"] < run.history[0]["loss"] / 2
    assert [record["epoch"] for record in run.history] == list(range(1, 31))


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not():
    first, again, other = run_fit(), run_fit(), run_fit(seed=1)
    assert same_bits(first, again)
    assert untimed(first.history) == untimed(again.history)
    assert not same_bits(first, other)


def test_the_last_short_batch_counts_with_its_true_weight():
    """A net that cannot change: the epoch's loss is the mean over all samples, whatever the batch size."""
    net = make_net(dropout=0.0)
    expected = nn.cross_entropy(net(mp.asarray(X[:60])), mp.asarray(Y[:60])).item()
    for batch_size in (7, 16, 60, 1000):
        run = run_fit(net=make_net(dropout=0.0), optimizer=optim.SGD(1e-12), epochs=1, batch_size=batch_size)
        assert run.history[0]["loss"] == pytest.approx(expected, rel=1e-5)


def test_one_batch_of_everything_is_gradient_descent_by_hand():
    run = run_fit(net=make_net(dropout=0.0), optimizer=optim.SGD(0.5), epochs=3, batch_size=60)
    net = make_net(dropout=0.0)
    for _ in range(3):
        gradients = mp.grad(lambda n: nn.cross_entropy(n(mp.asarray(X[:60])), mp.asarray(Y[:60])))(net)
        for name, parameter in net.parameters().items():
            parameter[...] = parameter - 0.5 * gradients[name]
    for name, parameter in net.parameters().items():
        np.testing.assert_allclose(run.net.parameters()[name].numpy(), parameter.numpy(), rtol=2e-5, atol=1e-6)


def test_sample_weights_weigh():
    weights = np.zeros(60, np.float32)
    weights[:30] = 1
    weighted = run_fit(
        net=make_net(dropout=0.0), data=(X[:60], Y[:60], weights), optimizer=optim.SGD(0.1), epochs=1, batch_size=60
    )
    half = run_fit(net=make_net(dropout=0.0), data=(X[:30], Y[:30]), optimizer=optim.SGD(0.1), epochs=1, batch_size=60)
    for name, value in weighted.net.state().items():
        np.testing.assert_allclose(value.numpy(), half.net.state()[name].numpy(), rtol=1e-4, atol=1e-6)


def test_metrics_are_measured_on_the_training_data_where_there_is_no_validation():
    run = run_fit(validation=None, epochs=1)
    predicted = run.predict(X[:60]).numpy().argmax(axis=1)
    assert run.history[0]["accuracy"] == pytest.approx(np.mean(predicted == Y[:60]))
    assert "val_loss" not in run.history[0]


def test_predict_is_in_evaluation_mode_and_leaves_the_mode_alone():
    run = run_fit(epochs=1)
    run.net.train()
    assert np.array_equal(run.predict(X).numpy(), run.predict(X).numpy())
    assert all(module.training for module in run.net.modules().values())


def test_wide_data_is_converted_and_said_so(caplog):
    with caplog.at_level(logging.INFO, logger="maplet"):
        run = run_fit(data=(X[:60].astype(np.float64), Y[:60]), epochs=1)
    assert "converted to f32" in caplog.text
    assert same_bits(run, run_fit(epochs=1))


def test_trees_of_inputs():
    class Two(nn.Module):
        def __init__(self):
            self.left, self.right = nn.Linear(2, 3, rng=0), nn.Linear(2, 3, rng=1)

        def forward(self, x):
            return self.left(x["a"]) + self.right(x["b"])

    run = run_fit(net=Two(), data=({"a": X[:60, :2], "b": X[:60, 2:]}, Y[:60]), validation=None, epochs=20)
    assert run.history[-1]["accuracy"] > 0.7
    assert run.predict({"a": X[:5, :2], "b": X[:5, 2:]}).shape == (5, 3)


# ── callbacks ────────────────────────────────────────────────────────────────────────────────────


def test_early_stopping_restores_the_best_weights():
    stopping = mp.EarlyStopping(patience=3)
    run = run_fit(epochs=300, optimizer=optim.Adam(0.1), callbacks=[stopping])
    assert "has not improved" in run.stop_reason
    assert len(run.history) == run.best_epoch + 3 < 300
    best = min(record["val_loss"] for record in run.history)
    assert run.history[run.best_epoch - 1]["val_loss"] == best
    loss = nn.cross_entropy(run.predict(X[60:]), mp.asarray(Y[60:])).item()
    assert loss == pytest.approx(best, rel=1e-6)


def test_early_stopping_knows_which_way_a_metric_grows():
    stopping = mp.EarlyStopping(patience=3, monitor="val_accuracy")
    run = run_fit(epochs=300, optimizer=optim.Adam(0.1), callbacks=[stopping])
    assert run.history[run.best_epoch - 1]["val_accuracy"] == max(record["val_accuracy"] for record in run.history)
    spread = mp.EarlyStopping(monitor="val_spread")
    with pytest.raises(SettingError, match="higher_is_better"):
        run_fit(callbacks=[spread], metrics=[Metric("spread", lambda prediction, _: np.ptp(prediction))])


def test_early_stopping_on_a_name_that_is_not_there():
    with pytest.raises(SettingError, match="val_f1"):
        run_fit(callbacks=[mp.EarlyStopping(monitor="val_f1")])


def test_a_callback_of_your_own_sees_steps_and_may_stop():
    seen = []

    class Mine(mp.Callback):
        def on_step(self, run):
            seen.append((run.epoch, run.step, run.loss))
            if len(seen) == 6:
                run.stop("enough")

    run = run_fit(callbacks=[Mine()])
    assert run.stop_reason == "enough"
    assert [s[:2] for s in seen] == [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (2, 2)]
    assert len(run.history) == 1


def test_checkpoint_callback_keeps_models(tmp_path):
    run_fit(callbacks=[mp.Checkpoint(every=2)], directory=tmp_path / "run")
    assert sorted(p.name for p in (tmp_path / "run" / "models").iterdir()) == ["epoch-0002", "epoch-0004"]
    assert mp.load(tmp_path / "run" / "models" / "epoch-0002").predict(X).shape == (90, 3)


def test_reduce_on_plateau_falls():
    schedule = optim.ReduceOnPlateau(0.5, factor=0.1, patience=1)
    run = run_fit(optimizer=optim.SGD(schedule), epochs=60)
    rates = [record["learning_rate"] for record in run.history]
    assert rates[0] == 0.5
    assert rates[-1] < 0.5


# ── the run directory ────────────────────────────────────────────────────────────────────────────


def test_the_directory_holds_the_run(tmp_path):
    run = run_fit(directory=tmp_path / "run")
    lines = (tmp_path / "run" / "history.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == run.history
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["seed"] == 0
    assert len(config["data"]["sha256"]) == 64
    assert config["optimizer"]["type"] == "Adam"
    loaded = mp.load(tmp_path / "run")
    assert loaded.history == run.history
    assert np.array_equal(loaded.predict(X).numpy(), run.predict(X).numpy())


def test_a_directory_that_exists_is_not_overwritten(tmp_path):
    run_fit(directory=tmp_path / "run", epochs=1)
    with pytest.raises(RunExistsError, match="--overwrite"):
        run_fit(directory=tmp_path / "run")
    (tmp_path / "run" / "notes.txt").write_text("mine")
    run_fit(directory=tmp_path / "run", existing="overwrite", epochs=2)
    assert len(mp.load(tmp_path / "run").history) == 2
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


def test_a_directory_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    for existing in ("error", "resume", "overwrite"):
        with pytest.raises(RunExistsError):
            run_fit(directory=tmp_path, existing=existing)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_network_of_your_own_class(tmp_path):
    class Mine(nn.Module):
        def __init__(self):
            self.inner = make_net()

        def forward(self, x):
            return self.inner(x)

    run = run_fit(net=Mine(), directory=tmp_path / "run", epochs=1)
    with pytest.raises(CheckpointError, match=r"mp\.load\(path, net=MyNet"):
        mp.load(tmp_path / "run")
    assert np.array_equal(mp.load(tmp_path / "run", net=Mine()).predict(X).numpy(), run.predict(X).numpy())
    with pytest.raises(CheckpointError, match="do not fit"):
        mp.load(tmp_path / "run", net=nn.Linear(4, 3))


# ── resume ───────────────────────────────────────────────────────────────────────────────────────


class StopAt(mp.Callback):
    """Stands for a kill: raises after so many steps. What was saved before is all that is left."""

    def __init__(self, step):
        self.step = step
        self.done = 0

    def on_step(self, _run):
        self.done += 1
        if self.done == self.step:
            raise KeyboardInterrupt


def stopped_at(step, path, existing="error"):
    """A run with a checkpoint after every step, interrupted after one of them; after none if that is 0."""
    optimizer = optim.Adam(optim.ReduceOnPlateau(0.05, patience=1))
    callbacks = [mp.EarlyStopping(patience=2), StopAt(step)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maplet.train.training, "seconds_between_checkpoints", -1.0)
        return run_fit(callbacks=callbacks, directory=path, existing=existing, optimizer=optimizer, epochs=4)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The run that is not stopped, and its folder."""
    path = tmp_path_factory.mktemp("uninterrupted") / "whole"
    return stopped_at(0, path), path


@pytest.mark.parametrize("step", [n if n % 3 == 1 else pytest.param(n, marks=pytest.mark.slow) for n in range(1, 17)])
def test_resume_from_every_step_gives_the_same_bits(tmp_path, uninterrupted, step):
    whole, path = uninterrupted
    with pytest.raises(KeyboardInterrupt):
        stopped_at(step, tmp_path / "cut")
    resumed = stopped_at(0, tmp_path / "cut", "resume")
    assert same_bits(whole, resumed)
    assert untimed(whole.history) == untimed(resumed.history)
    names = ("model/weights.safetensors", "checkpoint/network.safetensors", "checkpoint/optimizer.safetensors")
    for name in names:
        assert (path / name).read_bytes() == (tmp_path / "cut" / name).read_bytes()


def test_resume_of_a_finished_run_changes_nothing_and_more_epochs_go_on(tmp_path):
    whole = run_fit(directory=tmp_path / "whole", epochs=6)
    first = run_fit(directory=tmp_path / "run", epochs=3)
    again = run_fit(directory=tmp_path / "run", epochs=3, existing="resume")
    assert same_bits(first, again)
    more = run_fit(directory=tmp_path / "run", epochs=6, existing="resume")
    assert same_bits(whole, more)


def test_resume_with_other_settings_is_refused(tmp_path):
    run_fit(directory=tmp_path / "run", epochs=1)
    for name, options in {
        "batch_size": {"batch_size": 8},
        "optimizer": {"optimizer": optim.SGD(0.1)},
        "data": {"data": (X[:59], Y[:59])},
        "seed": {"seed": 5},
        "network": {"net": make_net(dropout=0.3)},
        "loss": {"loss": partial(nn.cross_entropy, label_smoothing=0.1)},
    }.items():
        with pytest.raises(RunExistsError, match=f"another {name}"):
            run_fit(directory=tmp_path / "run", existing="resume", **options)


def test_a_damaged_checkpoint_is_refused(tmp_path):
    run_fit(directory=tmp_path / "run", epochs=1)
    (tmp_path / "run" / "checkpoint" / "network.safetensors").write_bytes(b"rubbish")
    with pytest.raises(CheckpointError, match="truncated or changed"):
        run_fit(directory=tmp_path / "run", existing="resume")


def test_history_is_cut_back_to_the_checkpoint(tmp_path):
    run = run_fit(directory=tmp_path / "run", epochs=2)
    RunDirectory(tmp_path / "run").append_history({"epoch": 3, "loss": 0.0})
    again = run_fit(directory=tmp_path / "run", epochs=2, existing="resume")
    lines = (tmp_path / "run" / "history.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == run.history == again.history


killable = """
import sys, time, numpy as np, maplet as mp
from maplet import nn, optim
rng = np.random.default_rng(0)
x = rng.normal(size=(400, 8)).astype(np.float32)
y = (x @ rng.normal(size=(8, 3))).argmax(axis=1)
g = mp.random.Generator(3)
net = nn.Sequential(nn.Linear(8, 32, rng=g), nn.ReLU(), nn.Dropout(0.3, rng=g), nn.Linear(32, 3, rng=g))
import maplet.train.training
maplet.train.training.seconds_between_checkpoints = 0.02
class Slowly(mp.Callback):  # or it would be over before anybody can interrupt it
    def on_epoch_end(self, run):
        time.sleep(0.05)
print("ready", flush=True)
mp.fit(net, (x[:300], y[:300]), loss="cross_entropy", optimizer=optim.Adam(1e-3), epochs=12, batch_size=16,
       validation=(x[300:], y[300:]), directory=sys.argv[1], existing=sys.argv[2], progress=False,
       callbacks=[mp.EarlyStopping(patience=5), Slowly()])
print("done", flush=True)
"""


def start(path, existing):
    return subprocess.Popen([sys.executable, "-c", killable, str(path), existing], stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a thing of POSIX")
def test_kill_9_at_random_moments_then_resume_ends_with_the_same_bits(tmp_path):
    assert start(tmp_path / "whole", "error").communicate()[0].endswith("done\n")
    delays = random.Random(time.time_ns())
    finished, kills = False, 0
    while not finished:
        process = start(tmp_path / "cut", "resume")
        process.stdout.readline()
        if kills < 2:
            time.sleep(delays.uniform(0.0, 0.5))
            process.send_signal(signal.SIGKILL)
            kills += 1
        finished = process.communicate()[0].endswith("done\n")
        assert process.returncode in (0, -signal.SIGKILL)
    for name in ("model/weights.safetensors", "checkpoint/network.safetensors", "checkpoint/optimizer.safetensors"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes(), name
    histories = [(tmp_path / d / "history.jsonl").read_text().splitlines() for d in ("whole", "cut")]
    assert untimed(map(json.loads, histories[0])) == untimed(map(json.loads, histories[1]))


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is sent in another way there")
def test_ctrl_c_ends_the_run_cleanly_and_resume_goes_on(tmp_path):
    assert start(tmp_path / "whole", "error").communicate()[0].endswith("done\n")
    process = start(tmp_path / "cut", "error")
    process.stdout.readline()
    time.sleep(0.15)
    process.send_signal(signal.SIGINT)
    assert process.communicate()[0].endswith("done\n")  # fit returned; nothing was raised
    assert process.returncode == 0
    assert mp.load(tmp_path / "cut").predict(np.zeros((1, 8), np.float32)).shape == (1, 3)
    assert start(tmp_path / "cut", "resume").communicate()[0].endswith("done\n")
    assert (tmp_path / "whole/model/weights.safetensors").read_bytes() == (
        tmp_path / "cut/model/weights.safetensors"
    ).read_bytes()


# ── nothing of anybody's is lost ─────────────────────────────────────────────────────────────────


def contents(path):
    files = [p for p in sorted(path.rglob("*")) if p.is_file() and p.name != ".lock"]
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in files}


def test_overwrite_removes_what_a_run_wrote_and_nothing_else(tmp_path):
    run_fit(directory=tmp_path / "run", epochs=1)
    mine = ["model_notes.txt", "models_by_alice/a.txt", "report.html.bak", "config.json.orig", "mine.txt"]
    for name in mine:
        (tmp_path / "run" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "run" / name).write_text(name)
    run_fit(directory=tmp_path / "run", existing="overwrite", epochs=2)
    assert all((tmp_path / "run" / name).read_text() == name for name in mine)
    assert len(mp.load(tmp_path / "run").history) == 2
    assert not (tmp_path / "run" / ".replaced").exists()


def test_a_config_of_somebody_else_is_no_run(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "model.safetensors").write_text("x")
    before = contents(tmp_path)
    for existing in ("error", "resume", "overwrite"):
        with pytest.raises(RunExistsError, match="no run of maplet"):
            run_fit(directory=tmp_path, existing=existing)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "broken",
    [
        {"optimizer": optim.SGD(1e300)},
        {"data": (X[:60], X[:60, 0])},
        {"callbacks": [StopAt(1)]},
        {"callbacks": [3]},
        {"metrics": ["nonsense"]},
    ],
    ids=["diverges", "misfits", "is killed in its first epoch", "callback", "metric"],
)
def test_an_overwrite_that_fails_brings_the_old_run_back(tmp_path, broken):
    run_fit(directory=tmp_path / "run", epochs=2)
    before = contents(tmp_path / "run")
    with pytest.raises(BaseException, match=r"|"):
        run_fit(directory=tmp_path / "run", existing="overwrite", **broken)
    assert contents(tmp_path / "run") == before


def test_a_kill_9_during_an_overwrite_loses_neither_run(tmp_path):
    """Whatever a kill leaves of putting aside and bringing back, the next start finds one of the two runs whole."""
    run_fit(directory=tmp_path / "run", epochs=2)
    before = contents(tmp_path / "run")
    done = 0
    for stop in range(60):
        directory = RunDirectory(tmp_path / "run")

        def until(change, stop=stop):
            def change_or_die(self, *arguments, **options):
                nonlocal done
                if done == stop:
                    raise KeyboardInterrupt
                done += 1
                return change(self, *arguments, **options)

            return change_or_die

        done = 0
        with pytest.MonkeyPatch.context() as patch:
            for name in ("rename", "replace", "touch", "unlink", "mkdir"):
                patch.setattr(f"pathlib.Path.{name}", until(getattr(Path, name)))
            try:
                directory.open("overwrite")
                directory.write_json("config.json", {"format": "maplet run"})  # what a new run writes first
                directory.bring_back()
                finished = True
            except KeyboardInterrupt:
                finished = False
        directory.close()
        again = RunDirectory(tmp_path / "run")
        assert again.open("resume")
        again.close()
        assert contents(tmp_path / "run") == before
        if finished:
            return
    pytest.fail("the moves did not come to an end")


def test_what_stands_under_the_names_of_a_run_but_was_not_written_by_it(tmp_path):
    run = tmp_path / "run"
    run_fit(directory=run, epochs=1)
    for name in ("metrics.json", "report.html", ".writing", ".lock", ".model.writing-x/k"):
        (run / name).parent.mkdir(exist_ok=True)
        (run / name).write_text("mine")
    run_fit(directory=run, existing="resume", epochs=2)
    run_fit(directory=run, existing="overwrite", epochs=1)
    for name in ("metrics.json", "report.html", ".writing", ".lock", ".model.writing-x/k"):
        assert (run / name).read_text() == "mine"
    for name in ("model/notes.txt", "models/mine/thesis.txt", ".replaced/notes.txt"):
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text("mine")
        before = contents(run)
        for existing in ("resume", "overwrite"):
            with pytest.raises(RunExistsError, match="maplet did not write"):
                run_fit(directory=run, existing=existing, epochs=3)
        assert contents(run) == before
        (run / name).unlink()
        if name != "model/notes.txt":
            (run / name).parent.rmdir()


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_links_are_never_replaced(tmp_path):
    run, thesis = tmp_path / "run", tmp_path / "thesis"
    thesis.write_text("years of work")
    run_fit(directory=run, epochs=1)
    (run / "model").rename(tmp_path / "elsewhere")
    (run / "model").symlink_to("../elsewhere")
    with pytest.raises(RunExistsError, match="model"):
        run_fit(directory=run, existing="overwrite", epochs=1)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / ".lock").symlink_to(thesis)
    with pytest.raises(CheckpointError):
        run_fit(directory=tmp_path / "new", epochs=1)
    assert thesis.read_text() == "years of work"


def test_ctrl_c_in_the_first_epoch_of_an_overwrite_keeps_the_old_run(tmp_path):
    class Interrupt(mp.Callback):
        def on_step(self, _run):
            signal.raise_signal(signal.SIGINT)

    run_fit(directory=tmp_path / "run", epochs=2)
    before = contents(tmp_path / "run")
    run = run_fit(directory=tmp_path / "run", existing="overwrite", callbacks=[Interrupt()])
    assert run.stop_reason == "interrupted"
    assert contents(tmp_path / "run") == before


def test_readers_change_nothing_while_a_run_is_being_written(tmp_path):
    class Reader(mp.Callback):
        def on_epoch_end(self, run):
            (run.directory / "checkpoint").rename(storage._aside(run.directory / "checkpoint"))
            assert storage.exists(run.directory / "checkpoint")
            assert storage.read_directory(run.directory / "checkpoint")[0]["state"]["step"] >= 0
            assert not (run.directory / "checkpoint").exists()

    run_fit(directory=tmp_path / "run", epochs=2, callbacks=[Reader()])
    assert len(mp.load(tmp_path / "run").history) == 2


def test_a_missing_checkpoint_is_no_reason_to_start_again(tmp_path):
    run_fit(directory=tmp_path / "run", epochs=2)
    (tmp_path / "run" / "checkpoint" / "manifest.json").unlink()
    with pytest.raises(CheckpointError, match="no checkpoint"):
        run_fit(directory=tmp_path / "run", existing="resume", epochs=3)


def test_two_runs_in_one_directory_are_kept_apart(tmp_path):
    class Second(mp.Callback):
        def on_epoch_end(self, run):
            for existing in ("error", "resume", "overwrite"):
                with pytest.raises(RunExistsError, match="another process"):
                    run_fit(directory=run.directory, existing=existing)

    run = run_fit(directory=tmp_path / "run", callbacks=[Second()], epochs=2)
    assert len(mp.load(tmp_path / "run").history) == len(run.history) == 2


def test_a_run_that_goes_on_is_not_finished(tmp_path):
    run_fit(directory=tmp_path / "run", epochs=1, callbacks=[StopAt(0)])
    with pytest.raises(KeyboardInterrupt):
        run_fit(directory=tmp_path / "run", epochs=3, existing="resume", callbacks=[StopAt(2)])
    assert len(mp.load(tmp_path / "run").history) == 1  # no further epoch was finished: the model is still what it was
    with pytest.raises(KeyboardInterrupt):
        run_fit(directory=tmp_path / "run", epochs=3, existing="resume", callbacks=[StopAt(6)])
    with pytest.raises(CheckpointError, match="not finished"):
        mp.load(tmp_path / "run")


def test_attachments_are_saved_and_verified_with_the_model(tmp_path):
    class Attach(mp.Callback):
        def on_start(self, run):
            run.attachments["classes"] = {"names": ["a", "b", "c"]}

    run_fit(directory=tmp_path / "run", epochs=1, callbacks=[Attach()])
    assert mp.load(tmp_path / "run").attachments == {"classes": {"names": ["a", "b", "c"]}}
    path = tmp_path / "run" / "model" / "classes.json"
    path.write_text(path.read_text().replace("a", "b"))
    with pytest.raises(CheckpointError, match="SHA-256"):
        mp.load(tmp_path / "run")


def test_a_nan_metric_is_kept_as_null_and_comes_back(tmp_path):
    nan = Metric("nan", lambda *_: float("nan"), higher_is_better=True)
    run = run_fit(directory=tmp_path / "run", epochs=2, metrics=[nan])
    assert '"val_nan": null' in (tmp_path / "run" / "history.jsonl").read_text()
    again = run_fit(directory=tmp_path / "run", epochs=2, metrics=[nan], existing="resume")
    for history in (run.history, again.history, mp.load(tmp_path / "run").history):
        assert all(np.isnan(record["val_nan"]) for record in history)


@pytest.mark.parametrize("name", ["state.json", "network.safetensors"])
def test_a_checkpoint_of_another_shape(tmp_path, name):
    run_fit(directory=tmp_path / "run", epochs=1)
    state, arrays = RunDirectory(tmp_path / "run").load_checkpoint()
    state, arrays = ({"history": 3}, arrays) if name == "state.json" else (state, {**arrays, "network": {}})
    RunDirectory(tmp_path / "run").save_checkpoint(state, arrays)
    with pytest.raises(CheckpointError, match=r"checkpoint is damaged: .*(history|does not hold the state)"):
        run_fit(directory=tmp_path / "run", existing="resume", epochs=2)


# ── what it refuses ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("optimizer", None),
        ("optimizer", "adam"),
        ("optimizer", optim.Adam),
        ("loss", None),
        ("loss", 3),
        ("callbacks", None),
        ("callbacks", mp.EarlyStopping()),
        ("callbacks", [mp.EarlyStopping]),
        ("callbacks", [3]),
        ("metrics", "accuracy"),
    ],
)
def test_what_is_not_what_it_should_be(option, value):
    with pytest.raises(SettingError, match=option):
        run_fit(**{option: value})


no_data = [(None, Y), ("ab", "cd"), (((1.0, 2.0), (3.0,)), Y), (X[:60].astype(np.complex64), Y[:60]), 5, (X,)]


@pytest.mark.parametrize("data", no_data, ids=range(len(no_data)))
def test_data_that_is_no_data(data):
    with pytest.raises(MapletError):
        run_fit(data=data)


def test_a_net_that_is_none():
    with pytest.raises(SettingError, match="not a network"):
        mp.fit(nn.Linear, (X, Y), loss="mse", optimizer=optim.SGD(0.1))


def test_numpy_integers_are_integers(tmp_path):
    first = run_fit(seed=np.int64(3), batch_size=np.int64(16), epochs=np.int64(1), directory=tmp_path / "run")
    assert same_bits(first, run_fit(seed=3, batch_size=16, epochs=1))


def test_weights_that_diverge_in_the_last_step_are_an_error_without_a_directory_too():
    data = (X[:20] * 1e10, X[:20, :1])
    with pytest.raises(NonFiniteError, match="weight"):
        run_fit(
            net=nn.Linear(4, 1), data=data, validation=None, metrics=[], loss="mse", optimizer=optim.SGD(1e30),
            epochs=1, batch_size=20,
        )  # fmt: skip


def test_numbers_too_large_for_float32_are_said_to_be():
    with pytest.raises(DataError, match="f32"):
        run_fit(data=(np.abs(X[:60].astype(np.float64)) * 1e300, Y[:60]))


def test_a_batch_of_weight_0_is_passed_over():
    weights = np.ones(60, np.float32)
    weights[:16] = 0
    run = run_fit(data=(X[:60], Y[:60], weights), epochs=3, batch_size=1)
    assert np.isfinite(run.history[-1]["loss"])
    assert run.optimizer.steps.item() == 3 * 44


@pytest.mark.parametrize("weights", [np.zeros(60, np.float32), np.linspace(-1, 1, 60, dtype=np.float32)])
def test_weights_that_weigh_nothing(weights):
    with pytest.raises(DataError, match="weights of the training data"):
        run_fit(data=(X[:60], Y[:60], weights))


def test_a_loss_that_leaves_the_graph_is_an_error():
    with pytest.raises(MapletError, match="item"):
        run_fit(loss=lambda prediction, target: nn.cross_entropy(prediction, target).item())


@pytest.mark.parametrize(
    ("option", "value"), [("epochs", 0), ("batch_size", 0), ("batch_size", 2.5), ("seed", -1), ("epochs", True)]
)
def test_settings_outside_their_range(option, value):
    with pytest.raises(SettingError, match=option):
        run_fit(**{option: value})


def test_nan_in_the_data_names_row_and_column():
    x = X[:60].copy()
    x[7, 2] = np.nan
    with pytest.raises(DataError, match=r"training x.*") as caught:
        run_fit(data=(x, Y[:60]))
    assert "7" in str(caught.value)
    assert "2" in str(caught.value)


def test_parts_of_different_length():
    with pytest.raises(ShapeError, match=r"x \(60, 4\), y \(59,\)"):
        run_fit(data=(X[:60], Y[:59]))


def test_no_samples():
    with pytest.raises(DataError, match="no rows"):
        run_fit(data=(X[:0], Y[:0]))


def test_column_against_flat_targets_is_an_error():
    with pytest.raises(ShapeError, match=r"\(16, 1\).*\(16,\)"):
        run_fit(net=nn.Linear(4, 1), loss="mse", data=(X[:60], X[:60, 0]), validation=None, metrics=[])


def test_an_unknown_loss_offers_the_nearest():
    with pytest.raises(SettingError, match="cross_entropy"):
        run_fit(loss="cross_entropi")


def test_a_loss_of_more_than_two_arrays_is_no_name_for_fit():
    with pytest.raises(SettingError, match=r"ctc takes predictions, targets, lengths, target_lengths, and fit has"):
        run_fit(loss="ctc")


def test_a_loss_that_becomes_nan_stops_and_keeps_the_last_good_checkpoint(tmp_path):
    with pytest.raises(NonFiniteError, match=r"epoch \d+.*checkpoint") as caught:
        run_fit(
            net=nn.Linear(4, 1, rng=0), loss="mse", data=(100 * X[:60], X[:60, :1]), validation=None, metrics=[],
            optimizer=optim.SGD(1.0), epochs=50, directory=tmp_path / "run",
        )  # fmt: skip
    assert "learning rate" in str(caught.value)
    state, arrays = RunDirectory(tmp_path / "run").load_checkpoint()
    assert all(np.isfinite(value).all() for value in arrays["network"].values())
    assert len(state["history"]) >= 0
