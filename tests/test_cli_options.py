"""No option of `maplet train` is ignored in silence: with each kind of data it changes something, or is refused."""

import logging
import struct

import numpy as np
import pytest

from maplet.cli import main
from maplet.cli.audit import audit
from maplet.cli.options import needs
from maplet.cli.predict import predict
from maplet.cli.train import train
from maplet.train.fit import largest_seed
from maplet.train.job import Outcome, batch_size_for, build_network, build_optimizer
from maplet.train.run import Run

others = {  # for each option another value than the one that holds without it
    "target": "b",
    "task": "regression",
    "hidden": "3",
    "activation": "tanh",
    "dropout": "0.5",
    "optimizer": "sgd",
    "learning_rate": "0.5",
    "weight_decay": "0.5",
    "epochs": "3",
    "patience": "2",
    "batch_size": "5",
    "seed": "1",
    "categories": "embed",
    "drop_missing": None,
    "directory": "elsewhere",
    "resume": None,
    "overwrite": None,
    "quiet": None,
    "doctor": None,
    "lint": "--no-lint",
    "language": "zh",
}
options = {str(option.name): option for option in train.params if option.param_type_name == "option"}
kinds = ("table", "images", "digits")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    rows = "".join(f"{'' if n == 3 else n},{n % 7},{'xyz'[n // 3 % 3]},{n % 2}\n" for n in range(60))
    (folder / "table").write_text("a,b,word,kind\n" + rows)
    (folder / "images").mkdir()
    for prefix in ("train", "t10k"):
        labels = np.arange(30, dtype="u1") % 2
        images = np.ones((30, 2, 2), "u1") * labels[:, None, None]
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            (folder / "images" / f"{prefix}-{name}-ubyte").write_bytes(header + array.tobytes())
    return folder


@pytest.fixture
def outcome_of(monkeypatch, capsys, place):
    """What would be trained, as text; or the error, for a command that is refused."""
    monkeypatch.chdir(place)
    found: list[str] = []

    def instead(problem, settings, directory, **flags):
        del flags["command"]  # what was asked for, in effect or not
        arrays = [array.tobytes() for part in (problem.train, problem.validation, problem.test) for array in part]
        net = build_network(problem, settings, settings.hidden)
        facts = [
            repr(net),
            hash(tuple(arrays)),
            build_optimizer(settings).describe(),
            batch_size_for(problem, settings),
        ]
        found.append(repr([*facts, settings.epochs, settings.patience, settings.seed, directory, flags]))
        return Outcome(Run(net), {"network": {}}, interrupted=False)

    monkeypatch.setattr("maplet.cli.train.run_job", instead)

    def run(*arguments):
        logging.getLogger("maplet").handlers.clear()
        found.clear()
        with pytest.raises(SystemExit) as ended:
            main([*map(str, arguments)])
        out, err = capsys.readouterr()
        assert bool(found) == (ended.value.code == 0), err
        return (ended.value.code, found[0] + out if found else err, err)

    return run


def call(kind, *, without=""):
    if kind == "digits":
        pytest.importorskip("sklearn")
    return ["train", kind, *(["--target", "kind"] if kind == "table" and without != "target" else [])]


def given(name):
    option = options[name]
    if name == "lint":
        return [others[name]]
    return [option.opts[-1], *([] if option.is_flag else [others[name]])]


@pytest.mark.parametrize("name", options)
@pytest.mark.parametrize("kind", kinds)
def test_each_option_changes_what_is_done_or_is_refused(outcome_of, kind, name):
    status, before, _ = outcome_of(*call(kind))
    assert status == 0
    status, after, _ = outcome_of(*call(kind, without=name), *given(name))
    if needs.get(("train", name)) == "a table" and kind != "table":
        assert status == 2
        assert f"{options[name].opts[-1]} belongs to a table, but {kind} is a " in after
        assert "fix: leave " in after
    else:
        assert status == 0
        assert after != before


@pytest.mark.parametrize("name", [name for name in options if name != "hidden"])
def test_each_option_changes_a_linear_model_or_is_refused(outcome_of, name):
    linear = ("--hidden", "none")
    _, before, _ = outcome_of(*call("table"), *linear)
    status, after, _ = outcome_of(*call("table", without=name), *linear, *given(name))
    if needs.get(("train", name)) == "hidden layers":
        assert (status, "with --hidden none there are none" in after) == (2, True)
    else:
        assert (status, after != before) == (0, True)


def test_the_table_names_options_that_there_are():
    known = {("train", str(option.name)) for option in train.params}
    known |= {("predict", str(option.name)) for option in predict.params}
    known |= {("audit", str(option.name)) for option in audit.params}
    assert set(needs) <= known


@pytest.mark.parametrize("seed", [-1, largest_seed + 1])
def test_the_seed_has_the_bounds_of_fit(outcome_of, seed):
    status, message, _ = outcome_of(*call("table"), "--seed", seed)
    assert (status, f"from 0 to {largest_seed}" in message) == (2, True)
    assert outcome_of(*call("table"), "--seed", largest_seed)[0] == 0


def test_what_excludes_each_other_is_refused(outcome_of, place):
    assert "exclude each other" in outcome_of(*call("table"), "--resume", "--overwrite")[1]
    status, message, _ = outcome_of("predict", "anything", place / "table", "--overwrite")
    assert (status, "--overwrite belongs to a file of -o" in message) == (2, True)


def test_what_finds_nothing_to_do_says_so(outcome_of, place):
    (place / "numbers").write_text("a,kind\n" + "".join(f"{n},{n % 2}\n" for n in range(60)))
    _, _, said = outcome_of("train", "numbers", "--target", "kind", "--categories", "embed", "--drop-missing")
    assert "0 rows with gaps left out, 60 stay" in said
    assert "categories='embed' changes nothing: no column holds words" in said
