"""What the lint promises besides finding faults (see tests/faults/lint): it changes nothing, and can be silenced."""

import inspect
import io
import json
import linecache
import logging
import re
import runpy
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from maplet.bilingual import languages
from maplet.core.primitive import registry
from maplet.errors import GradientError, SettingError, ShapeError
from maplet.health.lint.finding import Finding
from maplet.health.lint.opening import opened_by
from maplet.train.job import Settings, build_network, build_optimizer, loss_of
from maplet.train.problems import load_problem

ROOT = Path(__file__).parents[1]
X = np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32)
Y = np.arange(20) % 3


def doubtful():
    """A net with a softmax before a loss that has its own."""
    return nn.Sequential(
        nn.Linear(4, 8, rng=0), nn.ReLU(), nn.Dropout(0.2, rng=1), nn.Linear(8, 3, rng=2), nn.Softmax()
    )


class Of(nn.Module):
    """A net with a linear body and a forward function of one's own."""

    def __init__(self, forward):
        self.body, self.run = nn.Linear(4, 3, rng=0), forward

    def forward(self, x):
        return self.run(self, x)


def codes(found):
    return [finding.code for finding in found]


# ── rules ────────────────────────────────────────────────────────────────────────────────────────


def test_every_operation_with_graphs_inside_is_opened():
    inside = {name for name, one in registry.items() if "Graph" in str(inspect.signature(one.shape))}
    assert inside == opened_by.keys()


def test_a_finding_has_evidence_a_place_a_fix_and_a_page():
    (found,) = mp.lint(nn.Linear(4, 3, rng=0), "cross_entropy", (100 * X, Y))
    assert found.code == "ML015"
    assert found.evidence["root mean square"] == pytest.approx(100, rel=0.2)
    assert "test_lint.py:" in found.where
    assert found.page == "maplet explain ML015"
    assert "standardise" in str(found)
    assert str(found) == found.text()
    with pytest.raises(SettingError, match="English and Chinese"):
        found.text("fr")


def test_a_finding_is_kept_in_both_languages_and_one_of_before_stays_english():
    (found,) = mp.lint(nn.Linear(4, 3, rng=0), "cross_entropy", (100 * X, Y))
    kept = json.loads(json.dumps(found.to_dict()))
    assert [Finding.from_dict(kept).text(language) for language in languages] == [
        found.text(language) for language in languages
    ]
    before = Finding.from_dict(kept | {"message": str(found.message), "fix": str(found.fix)})
    assert (before.message, before.message.zh) == (found.message, found.message)
    assert (before.fix, before.fix.zh) == (found.fix, found.fix)


# ── nothing is changed ───────────────────────────────────────────────────────────────────────────


def state(net, optimizer):
    trees = mp.core.tree.leaves([net, optimizer, mp.random.default])
    return {name: leaf.numpy().tobytes() for name, leaf in trees.items()}


def test_it_changes_nothing():
    net, optimizer = nn.Sequential(nn.BatchNorm(4), doubtful()), optim.SGD(0.1, momentum=0.9)
    net.eval()
    net.layers[0].train()
    before, modes = state(net, optimizer), [module.training for module in net.modules().values()]
    assert mp.lint(net, "cross_entropy", (X, Y), optimizer=optimizer)
    assert state(net, optimizer) == before
    assert [module.training for module in net.modules().values()] == modes


def fitted(**options):
    net = nn.Sequential(nn.Linear(4, 8, rng=0), nn.BatchNorm(8), nn.Dropout(0.2, rng=1), nn.Linear(8, 3, rng=2))
    options = {"epochs": 2, "batch_size": 6, "progress": False} | options
    return mp.fit(net, (X, Y), loss="cross_entropy", optimizer=optim.Adam(0.01), **options)


def test_training_is_the_same_with_and_without_it():
    with_it, without = fitted(), fitted(lint=False)
    assert [record["loss"] for record in with_it.history] == [record["loss"] for record in without.history]
    assert all(
        np.array_equal(a, b) for a, b in zip(with_it.weights().values(), without.weights().values(), strict=True)
    )
    assert codes(with_it.findings) == ["ML018"]
    assert without.findings == []


def test_fit_says_what_it_finds_and_goes_on(caplog):
    with caplog.at_level(logging.WARNING, "maplet"):
        assert len(fitted().history) == 2
    (record,) = caplog.records
    assert record.getMessage().startswith("ML018 the bias layers.0.bias has no effect")


def test_a_resumed_run_is_not_told_again_and_keeps_what_was_found(tmp_path, caplog):
    found = fitted(directory=tmp_path / "run").findings
    assert found
    caplog.clear()
    again = fitted(directory=tmp_path / "run", existing="resume", epochs=3)
    assert not caplog.records
    for run in (again, mp.load(tmp_path / "run")):
        assert run.linted
        assert [str(one) for one in run.findings] == [str(one) for one in found]


def test_a_run_remembers_that_the_lint_did_not_look(tmp_path):
    assert not fitted(lint=False, directory=tmp_path / "run").linted
    assert not mp.load(tmp_path / "run").linted


def test_a_stream_is_looked_at_by_its_first_block():
    net = doubtful()
    run = mp.fit(
        net, mp.data.Stream([(X, Y)]), loss="cross_entropy", optimizer=optim.SGD(0.1), epochs=1, progress=False
    )
    assert codes(run.findings) == ["ML003"]


def test_debugging_does_not_stumble_over_it():
    """`mp.debug` watches every operation; what the lint computes is none of its business."""
    infinite = Of(lambda net, x: net.body(mp.log(x - x)))
    outside = mp.lint(infinite, "cross_entropy", (X, Y))
    with mp.debug():
        assert codes(mp.lint(infinite, "cross_entropy", (X, Y))) == codes(outside)


def test_maplet_train_says_what_it_finds(tmp_path):
    rows = ["a,b,c", *(f"{a:.3f},{b:.3f},{2 * a - b:.3f}" for a, b in X[:, :2].tolist() * 5)]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    command = ["train", str(tmp_path / "t.csv"), "--target", "c", "--optimizer", "sgd", "--learning-rate", "30",
               "--epochs", "1", "--quiet", "--hidden", "none", "-d", str(tmp_path / "run")]  # fmt: skip
    told = subprocess.run([sys.executable, "-m", "maplet", *command], capture_output=True, text=True, check=False)
    assert "note: ML019 the learning rate 30 is beyond the stable range" in told.stderr
    command += ["--no-lint", "--overwrite"]
    silent = subprocess.run([sys.executable, "-m", "maplet", *command], capture_output=True, text=True, check=False)
    assert "ML0" not in silent.stderr


# ── comments ─────────────────────────────────────────────────────────────────────────────────────


class Commented(nn.Module):
    def __init__(self):
        self.body = nn.Linear(4, 3, rng=0)

    def forward(self, x):
        return mp.softmax(self.body(x))  # maplet: ignore[ML003, ML999]  (to see what happens)


def test_a_comment_on_the_line_silences_it():
    assert mp.lint(Commented(), "cross_entropy", (X, Y)) == []
    assert codes(mp.lint(Commented(), "cross_entropy", (100 * X, Y))) == ["ML015"]  # it is about that rule alone


def test_a_comment_silences_a_finding_inside_of_a_loop():
    def forward(net, x):
        return mp.map(lambda row: mp.softmax(net.body(row)), x)  # maplet: ignore[ML003]

    def as_loud(net, x):
        return mp.map(lambda row: mp.softmax(net.body(row)), x)

    assert mp.lint(Of(forward), "cross_entropy", (X, Y)) == []
    (found,) = mp.lint(Of(as_loud), "cross_entropy", (X, Y))
    assert "mp.softmax(net.body(row)), x)" in linecache.getline(found.origin.file, found.origin.line)


def test_a_comment_on_the_call_silences_it():
    net = doubtful()
    assert mp.lint(net, "cross_entropy", (X, Y)) == []  # maplet: ignore
    assert mp.lint(net, "cross_entropy", (X, Y)) == []  # maplet: ignore[ML003]
    assert codes(mp.lint(net, "cross_entropy", (X, Y))) == ["ML003"]  # maplet: ignore[ML001]
    found = []
    print("# maplet: ignore", file=io.StringIO()), found.append(mp.lint(net, "cross_entropy", (X, Y)))
    found.append(mp.lint(net, "cross_entropy", (X, Y)))  # maplet: ignored by nobody
    found.append(mp.lint(net, "cross_entropy", (X, Y)))  # maplet: ignore(ML003)
    found.append(mp.lint(net, "cross_entropy", (X, Y)))  # maplet: ignore[]
    assert [codes(one) for one in found] == [["ML003"]] * 4
    assert mp.lint(net, "cross_entropy", (X, Y)) == []  # maplet: ignore[ml001; ml003]  (as one may write it)
    over_several_lines = mp.lint(
        net,
        "cross_entropy",  # maplet: ignore[ML003]
        (X, Y),
    )
    assert over_several_lines == []
    with_a_statement_within = [codes(mp.lint(net, "cross_entropy", (X, Y))) for _ in range(1)]
    if with_a_statement_within:
        net.train()  # maplet: ignore
    assert with_a_statement_within == [["ML003"]]
    assert codes(mp.lint(net, "cross_entropy", (X, Y))) == ["ML003"]


# ── what it is given ─────────────────────────────────────────────────────────────────────────────


def test_wrong_arguments_are_explained():
    with pytest.raises(SettingError, match="a net, a loss and a batch"):
        mp.lint(doubtful(), "cross_entropy")
    with pytest.raises(SettingError, match="a net, a loss and a batch"):
        mp.lint(lambda x: x)
    with pytest.raises(SettingError, match="there is no loss 'cross_entrop'"):
        mp.lint(doubtful(), "cross_entrop", (X, Y))
    with pytest.raises(SettingError, match="loss=3: expected a function"):
        mp.lint(doubtful(), 3, (X, Y))
    with pytest.raises(SettingError, match="expected an optimizer"):
        mp.lint(doubtful(), "cross_entropy", (X, Y), optimizer="sgd")
    for wrong in (0, -1, "a", 1.5):
        with pytest.raises(SettingError, match="batch_size"):
            mp.lint(doubtful(), "cross_entropy", (X, Y), batch_size=wrong)
    with pytest.raises(GradientError, match=r"one real number, given f32\[20,4\]"):
        mp.lint(lambda x: 2 * x, batch=(X,))
    with pytest.raises(ShapeError, match="Linear"):
        mp.lint(nn.Linear(5, 3), "cross_entropy", (X, Y))


def test_lists_and_other_dtypes_are_taken_as_fit_takes_them():
    assert mp.lint(nn.Linear(2, 2, rng=0), "mse", ([[1, 0.5], [0.5, 1]], np.ones((2, 2)))) == []
    assert mp.lint(nn.Linear(4, 3, rng=0).astype("float64"), "cross_entropy", (X, Y)) == []


def test_a_large_net_is_not_slowed_down():
    """Its values are computed for a few rows, or not at all."""
    net = nn.Sequential(*[layer for n in range(12) for layer in (nn.Linear(1024, 1024, rng=n), nn.ReLU())])
    x = np.random.default_rng(0).standard_normal((512, 1024)).astype(np.float32)
    began = time.process_time()  # that of the clock on the wall belongs to whoever else is at work
    assert mp.lint(net, "mse", (x, np.abs(x)), optimizer=optim.SGD(0.1)) == []
    assert time.process_time() - began < 1.5  # a step takes 40 billion operations


def deep(layers, between):
    """A net of so many blocks, each a linear layer and what `between` makes."""
    rng = mp.random.Generator(0)
    return nn.Sequential(
        *[layer for _ in range(layers) for layer in (nn.Linear(4, 4, rng=rng), *between(rng))], nn.Linear(4, 3, rng=rng)
    )


def calls_of_the_lint(net):
    """How many calls of functions it takes: a measure of work that no clock and no other program disturbs."""
    count, before = 0, sys.getprofile()

    def note(_frame, _event, _argument):
        nonlocal count
        count += 1

    sys.setprofile(note)
    try:
        mp.lint(net, "cross_entropy", (X, Y))
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    "between",
    [
        pytest.param(lambda _: (nn.Tanh(),), id="tanh"),
        pytest.param(lambda _: (nn.ReLU(),), id="relu"),
        pytest.param(lambda rng: (nn.Tanh(), nn.Dropout(0.1, rng=rng)), id="dropout"),
        pytest.param(lambda _: (nn.LayerNorm(4), nn.ReLU()), id="norm"),
    ],
)
def test_twice_the_depth_is_about_twice_the_work(between):
    calls_of_the_lint(deep(2, between))  # what is made once
    assert calls_of_the_lint(deep(48, between)) <= 2.2 * calls_of_the_lint(deep(24, between))


def test_a_long_chain_between_two_layers_is_gone_through():
    """Thousands of sums in a row, longer than Python's stack is high."""
    biases = [mp.Parameter(mp.full((3,), 0.01 * n)) for n in range(2000)]
    net = Of(lambda net, x: net.after(sum(net.biases, net.body(x))))
    net.after, net.biases = nn.Linear(3, 3, rng=1), biases
    assert codes(mp.lint(net, "cross_entropy", (X, Y))) == ["ML017"]


# ── no false alarms ──────────────────────────────────────────────────────────────────────────────


class SeenError(Exception):
    """The program that an example differentiates has been looked at."""


@pytest.mark.parametrize("name", ["logistic_regression", "sigmoid_xor", "tanh_softmax", "two_layer_regression"])
def test_the_examples_have_no_findings(name, monkeypatch):
    def looked_at(f):
        def call(*args):
            assert mp.lint(f, batch=args) == []
            raise SeenError

        return call

    pytest.importorskip("sklearn", reason="one of the data sets comes with scikit-learn: pip install maplet[examples]")
    monkeypatch.setattr(mp, "value_and_grad", looked_at)
    monkeypatch.setattr(mp, "grad", looked_at)
    with pytest.raises(SeenError):
        runpy.run_path(str(ROOT / "examples" / f"{name}.py"))["main"]()


def test_the_other_nets_of_the_examples_have_no_findings():
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    one_layer = nn.Linear(2, 1, weight_init="normal", rng=0)
    assert mp.lint(one_layer, "binary_cross_entropy", (corners, [[0.0], [1.0], [1.0], [0.0]])) == []
    assert mp.lint(nn.Linear(4, 3, weight_init="zeros"), "cross_entropy", (X, Y), optimizer=optim.SGD(0.5)) == []
    assert mp.lint(lambda x: x**2 - 2 * x + 1, batch=(mp.asarray(-3.0),)) == []


def test_the_sigmoid_that_cannot_reach_its_targets_is_named():
    net = nn.Sequential(nn.Linear(2, 3, rng=1), nn.Sigmoid(), nn.Linear(3, 1, rng=2), nn.Sigmoid())
    (found,) = mp.lint(net, nn.mse, ([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [[1.0], [2.0], [3.0]]))
    assert found.code == "ML012"
    assert re.match("2 of 3 targets cannot be reached: they go from 1 to 3, .* from 0 to 1", found.message)


@pytest.mark.parametrize("hidden", [(), (16,), (128, 64)])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_what_maplet_train_builds_has_no_findings(hidden, activation):
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn: pip install maplet[examples]")
    problem, settings = load_problem("digits"), Settings(hidden=hidden, activation=activation)
    net = build_network(problem, settings, hidden)
    options = {"optimizer": build_optimizer(settings), "batch_size": 44}
    assert mp.lint(net, loss_of[problem.task], problem.train, **options) == []


@pytest.mark.parametrize(("target", "task"), [("kind", "classification"), ("price", "regression")])
def test_tables_have_no_findings(tmp_path, target, task):
    rng = np.random.default_rng(0)
    lines = ["size,rooms,town,kind,price"]
    for _ in range(120):
        size, rooms = rng.uniform(20, 300), rng.integers(1, 8)
        town, kind = rng.choice(["Ulm", "Bonn", "Kiel"]), rng.choice(["flat", "house"])
        lines.append(f"{size:.1f},{rooms},{town},{kind},{3000 * size + 1e4 * rooms:.0f}")
    (tmp_path / "homes.csv").write_text("\n".join(lines))
    problem = load_problem(str(tmp_path / "homes.csv"), target=target)
    assert problem.task == task
    net = build_network(problem, Settings(), (32,))
    assert mp.lint(net, loss_of[task], problem.train, batch_size=8) == []


def test_the_data_sets_that_come_with_the_project_have_no_findings(shared):
    folder = shared("mnist")
    problem = load_problem(str(folder))
    net = build_network(problem, Settings(), (128, 64))
    assert mp.lint(net, "cross_entropy", problem.train, optimizer=optim.SGD(0.1), batch_size=128) == []
