"""The doctor asks the net about its rows and tries copies of net and optimizer: by laws, and without a trace.

What he finds in runs: tests/faults/training.
"""

import json
import logging

import numpy as np
import pytest
from click.testing import CliRunner

import maplet as mp
from maplet import nn, optim
from maplet.cli.main import cli
from maplet.core.tree import leaves
from maplet.errors import CheckpointError, NonFiniteError
from maplet.health.doctor.answers import answers, unexplained
from maplet.health.doctor.rules.data import told_by_columns
from maplet.health.doctor.trial import Trial
from maplet.health.doctor.yardstick import left_out, ridges, standardised, widths
from maplet.train.inputs import Samples
from test_optim import full
from test_optim import make as made_optimizer

RNG = np.random.default_rng(0)
X = RNG.standard_normal((96, 5)).astype(np.float32)
Y = (X @ RNG.standard_normal((5, 3))).argmax(axis=1)


def mlp(seed=0, outputs=3):
    return nn.Sequential(nn.Linear(5, 12, rng=seed), nn.Tanh(), nn.Linear(12, outputs, rng=seed + 1))


def fitted(optimizer=None, **options):
    options = {
        "loss": "cross_entropy",
        "epochs": 3,
        "batch_size": 8,
        "watch": 2,
        "progress": False,
        "lint": False,
    } | options
    return mp.fit(mlp(), (X, Y), optimizer=optimizer or optim.Adam(0.01), **options)


# ── the yardstick ────────────────────────────────────────────────────────────────────────────────


def test_an_answer_without_the_own_row_is_that_of_a_fit_to_the_others():
    """The closed form against a fit for each row that is left out; the best of the same grid."""
    x, targets = standardised(X[:20].astype(np.float64)), X[:20, :1].astype(np.float64) ** 2
    middle, best = targets.mean(axis=0), np.inf
    distances = ((x[:, None] - x[None]) ** 2).sum(axis=-1)
    kernels = [x @ x.T / 5, *(np.exp(-distances / (2 * width**2 * np.median(distances))) for width in widths)]
    for kernel in kernels:
        for ridge in ridges:
            given = np.zeros_like(targets)
            for row in range(20):
                rest = np.delete(np.arange(20), row)
                inner = kernel[np.ix_(rest, rest)] + ridge * np.eye(19)
                given[row] = kernel[row, rest] @ np.linalg.solve(inner, targets[rest] - middle)
            best = min(best, unexplained(targets, given + middle, of_classes=False))
    mine = unexplained(targets, left_out(X[:20].astype(np.float64), targets, of_classes=False), of_classes=False)
    assert mine == pytest.approx(min(best, 1.0), rel=1e-6)


@pytest.mark.parametrize(
    ("y", "given", "classes"),
    [
        (Y, np.eye(3)[Y] * 5, True),  # labels and logits
        (np.eye(3)[Y], np.eye(3)[Y], True),  # one-hot, and probabilities
        ((Y > 0).astype(np.float32)[:, None], np.where(Y > 0, 4.0, -4.0)[:, None], True),  # zeros and ones, a logit
        ((Y > 0).astype(np.float32), np.where(Y > 0, 0.9, 0.1), True),  # a probability
        (X[:, :2], X[:, :2], False),  # numbers
    ],
)
def test_what_the_net_says_is_read_as_it_is_meant(y, given, classes):
    rows = Samples(mp.asarray(X), mp.asarray(y))
    found = answers(lambda _: given, rows, nn.cross_entropy)
    assert found is not None
    assert found.of_classes == classes
    assert found.wrong == pytest.approx(0, abs=1e-12)
    if classes:
        assert np.allclose(found.given.sum(axis=1), 1)
        assert np.array_equal(found.chosen, found.y)


def test_what_is_neither_classes_nor_numbers_is_left_alone():
    assert answers(lambda _: np.zeros((96, 4, 7)), Samples(mp.asarray(X), mp.asarray(Y)), nn.cross_entropy) is None
    assert answers(lambda _: np.full((96, 3), np.nan), Samples(mp.asarray(X), mp.asarray(Y)), nn.cross_entropy) is None


def test_a_column_is_told_by_its_neighbours_in_order():
    known = answers(lambda _: np.eye(3)[Y], Samples(mp.asarray(X), mp.asarray(Y)), nn.cross_entropy)
    assert known is not None
    told = np.column_stack([known.x, Y + 1e-3 * RNG.standard_normal(96), np.zeros(96)])
    rest = told_by_columns(type(known)(told, known.y, known.given))
    assert rest[5] < 0.1 < rest[:5].min()
    assert rest[6] == 1.0


# ── copies are tried, and nothing else moves ─────────────────────────────────────────────────────


@pytest.mark.parametrize("name", full)
def test_every_optimizer_answers_at_once_and_lets_the_past_fade(name, monkeypatch):
    monkeypatch.setenv("MAPLET_JIT", "0")  # a few steps, which are quicker than their compiler
    optimizer = made_optimizer(name, 0.01)
    run = fitted(optimizer, epochs=1, watch=0)
    trial = Trial(run.net, optimizer, 1.0)
    assert trial.unanswered() == 0
    assert trial.kept() < 0.2


def test_the_doctor_leaves_no_trace():
    run = fitted(batch_size=2)
    before = {name: leaf.numpy().tobytes() for name, leaf in leaves((run.net, run.optimizer)).items()}
    first, second = mp.doctor(run), mp.doctor(run)
    assert first == second
    assert before == {name: leaf.numpy().tobytes() for name, leaf in leaves((run.net, run.optimizer)).items()}
    assert not any(module.training for module in run.net.modules().values())


def test_mean_and_spread_of_the_targets_are_seen():
    targets = RNG.standard_normal((96, 2)).astype(np.float32)
    run = mp.fit(
        mlp(outputs=2), (X, targets), loss="mse", optimizer=optim.SGD(0.01), epochs=1, batch_size=96, watch=1,
        progress=False, lint=False,
    )  # fmt: skip
    (seen,) = run.watched
    number = targets[:, 0] + 2.0 * targets[:, 1]
    assert seen["target"] == pytest.approx(number.mean(), abs=1e-5)
    assert seen["target_square"] == pytest.approx((number**2).mean(), rel=1e-5)


# ── the end of a run that blew up ────────────────────────────────────────────────────────────────


def failed(loss, optimizer, **options):
    with pytest.raises(NonFiniteError) as caught:
        mp.fit(
            mlp(outputs=1), (X, X[:, :1]), loss=loss, optimizer=optimizer, batch_size=16, epochs=30, watch=2,
            progress=False, lint=False, **options,
        )  # fmt: skip
    return caught.value.run


def test_a_rate_that_is_too_high_is_named_as_the_cause(caplog):
    with caplog.at_level(logging.WARNING, "maplet"):
        run = failed("mse", optim.SGD(30.0), doctor=True)
    (diagnosis,) = mp.doctor(run)
    assert diagnosis.code == "MD014"
    assert "the steps were too long" in diagnosis.verdict
    assert diagnosis in run.diagnoses
    assert any("MD014" in record.getMessage() for record in caplog.records)


def test_the_operation_and_the_step_are_named():
    run = failed(lambda prediction, _: mp.mean(mp.sqrt(mp.square(prediction) * 0.0)), optim.SGD(0.01))
    (diagnosis,) = mp.doctor(run)
    assert "first backward pass: divide made infinity" in diagnosis.verdict
    assert "√x at 0" in diagnosis.advice
    assert run.failure is not None
    assert (run.failure.epoch, run.failure.step) == (1, 1)  # the update of step 0 made the weights NaN


def test_what_is_gone_through_again_is_what_was():
    """The losses before the end are those of the run, up to rounding: every step is watched here."""
    run = failed("mse", optim.SGD(1.0), doctor=True)
    seen = [record["loss"] for record in run.watched if record["epoch"] == run.epoch and np.isfinite(record["loss"])]
    assert run.failure is not None
    assert run.failure.losses[::2][: len(seen)] == pytest.approx(seen, rel=1e-3)


# ── run directories ──────────────────────────────────────────────────────────────────────────────


def damaged(path, change):
    """A run whose last watched record was changed."""
    fitted(directory=path)
    lines = (path / "watch.jsonl").read_text().splitlines()
    (path / "watch.jsonl").write_text("\n".join([*lines[:-1], json.dumps(change(json.loads(lines[-1])))]))
    return CliRunner().invoke(cli, ["doctor", str(path)])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda record: record | {"layers": {"layers.0": {"mean": 1.0}}}, "'layers' is missing, or lacks one of rms"),
        (
            lambda record: {name: seen for name, seen in record.items() if name != "parameters"},
            "'parameters' is missing",
        ),
        (lambda record: {name: seen for name, seen in record.items() if name != "loss"}, "there is no loss"),
    ],
)
def test_records_of_another_version_are_refused_with_words(tmp_path, change, said):
    found = damaged(tmp_path / "run", change)
    assert found.exit_code
    message = found.output + str(found.exception or "")
    assert said in message
    assert "watch.jsonl, line" in message


def test_a_record_that_is_no_numbers_is_left_out_with_words(tmp_path, caplog):
    assert not damaged(tmp_path / "run", lambda record: record | {"loss": "low"}).exit_code
    assert "is damaged; it and what follows is left out" in caplog.text


def test_a_half_written_run_is_refused_with_words(tmp_path):
    class Stop(mp.Callback):
        def on_step(self, _):
            raise KeyError

    with pytest.raises(KeyError):
        fitted(directory=tmp_path / "half", callbacks=[Stop()])
    with pytest.raises(CheckpointError, match="not finished yet"):
        mp.load(tmp_path / "half")
    found = CliRunner().invoke(cli, ["doctor", str(tmp_path / "half")])
    assert "--resume" in found.output + str(found.exception or "")


def test_a_line_that_a_kill_cut_short_is_left_out(tmp_path, caplog):
    fitted(directory=tmp_path / "run")
    whole = (tmp_path / "run" / "watch.jsonl").read_text()
    (tmp_path / "run" / "watch.jsonl").write_text(whole[:-40])
    with caplog.at_level(logging.WARNING, "maplet"):
        run = mp.load(tmp_path / "run")
    assert len(run.watched) == len(whole.splitlines()) - 1
    assert mp.doctor(run) == []
    assert "is damaged" in caplog.text


def test_the_command_asks_the_net_about_the_rows_of_the_table(tmp_path):
    y = RNG.random(400) < 0.06
    lines = [
        f"{a:.4f},{b:.4f},{'yes' if one else 'no'}" for a, b, one in zip(*RNG.standard_normal((2, 400)), y, strict=True)
    ]
    (tmp_path / "rare.csv").write_text("\n".join(["a,b,kind", *lines]))
    run = str(tmp_path / "run")
    options = ["train", str(tmp_path / "rare.csv"), "--target", "kind", "-d", run, "--quiet", "--epochs", "3"]
    assert CliRunner().invoke(cli, options).exit_code == 0
    assert CliRunner().invoke(cli, ["doctor", run]).output.count("MD012 class 1 is ignored") == 1
    (tmp_path / "rare.csv").unlink()
    assert "the network is not asked about its rows" in CliRunner().invoke(cli, ["doctor", run]).output


def test_a_column_that_tells_the_target_is_called_by_its_name(tmp_path):
    """A table has names for its columns; arrays have not, and it is said how they are counted."""
    label = RNG.random(300) < 0.5
    lines = [
        f"{a:.4f},{b:.4f},{'yes' if one else 'no'},{one + 0.01 * a:.4f}"
        for a, b, one in zip(*RNG.standard_normal((2, 300)), label, strict=True)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,kind,leak", *lines]))
    options = ["train", str(tmp_path / "t.csv"), "--target", "kind", "--epochs", "5", "--doctor"]
    while_it_ran = CliRunner().invoke(cli, [*options, "-d", str(tmp_path / "run")]).output
    for language, words in (("en", "the column leak alone tells the target"), ("zh", "仅凭列 leak 就能得知目标")):
        assert words in CliRunner().invoke(cli, ["doctor", str(tmp_path / "run"), "--language", language]).output
    assert "the column leak alone tells the target" in while_it_ran
    x = np.column_stack([*RNG.standard_normal((2, 300)), label + 0.01 * RNG.standard_normal(300)]).astype(np.float32)
    run = mp.fit(nn.Linear(3, 2, rng=0), (x, label.astype(int)), loss="cross_entropy", optimizer=optim.Adam(0.05),
                 epochs=5, progress=False, lint=False)  # fmt: skip
    (leak,) = (one for one in mp.doctor(run) if one.code == "MD010")
    assert leak.verdict.startswith("column 2 of the inputs (counted from 0) alone tells the target")
