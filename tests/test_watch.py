"""Watching: the same bits, the right numbers, kept with the run."""

import json

import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from maplet.errors import SettingError
from maplet.train.stepping import Stepping

RNG = np.random.default_rng(0)
X = RNG.standard_normal((50, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 50)
IMAGES = RNG.standard_normal((20, 6, 6, 2)).astype(np.float32)
SEQUENCES = RNG.standard_normal((20, 5, 3)).astype(np.float32)


def mlp():
    return nn.Sequential(
        nn.Linear(6, 16, rng=0), nn.ReLU(), nn.Dropout(0.2, rng=1), nn.Linear(16, 8, rng=2), nn.Tanh(),
        nn.Linear(8, 3, rng=3),
    )  # fmt: skip


def convolutional():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, bias=False, rng=0), nn.BatchNorm(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(16, 3, rng=1),
    )  # fmt: skip


def recurrent():
    return nn.Sequential(nn.LSTM(3, 5, rng=0), nn.FinalOutput(), nn.Linear(5, 3, rng=1))


def attentive():
    return nn.Sequential(
        nn.Linear(3, 8, rng=0), nn.TransformerEncoderLayer(8, 2, dropout=0.1, rng=1), nn.Lambda(lambda x: x[:, 0]),
        nn.Linear(8, 3, rng=2),
    )  # fmt: skip


nets = {
    "mlp": (mlp, X),
    "images": (convolutional, IMAGES),
    "lstm": (recurrent, SEQUENCES),
    "attention": (attentive, SEQUENCES),
}


def fitted(make=mlp, x=X, optimizer=None, **options):
    net = make()
    options = {"epochs": 3, "batch_size": 8, "progress": False, "lint": False} | options
    optimizer = optim.Adam(0.01) if optimizer is None else optimizer()
    return mp.fit(net, (x, Y[: len(x)]), loss="cross_entropy", optimizer=optimizer, **options)


def same_bits(one, other):
    assert [record["loss"] for record in one.history] == [record["loss"] for record in other.history]
    for (name, a), b in zip(one.weights().items(), other.weights().values(), strict=True):
        assert np.array_equal(a, b), name


# ── the same bits ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["mlp", pytest.param("images", marks=pytest.mark.slow), "lstm"])
def test_watched_and_unwatched_training_give_the_same_bits(name):
    make, x = nets[name]
    same_bits(fitted(make, x), fitted(make, x, watch=3))


def test_an_optimizer_that_takes_another_gradient_takes_it_in_watched_steps_too():
    plain, bold = (lambda: optim.SGD(0.1)), (lambda: optim.SAM(optim.SGD(0.1), rho=0.3))
    watched = fitted(optimizer=bold, watch=3)
    same_bits(fitted(optimizer=bold), watched)
    first, ordinary = watched.watched[0], fitted(optimizer=plain, watch=3, epochs=1).watched[0]
    assert first["gradient"] == pytest.approx(ordinary["gradient"])  # that of the weights as they are
    assert first["update"] != pytest.approx(ordinary["update"], rel=1e-3)


def test_every_step_may_be_watched_and_rows_may_have_weights():
    same_bits(fitted(), fitted(watch=1))
    weights = np.arange(50) % 3 + np.repeat([0.0, 1.0], [8, 42])  # a batch may weigh nothing in another order
    weighted = [
        mp.fit(mlp(), (X, Y, weights), loss="cross_entropy", optimizer=optim.Adam(0.01), batch_size=5, epochs=2,
               progress=False, lint=False, watch=every)
        for every in (0, 3)
    ]  # fmt: skip
    same_bits(*weighted)
    assert len(weighted[1].watched) == 7


@pytest.mark.slow
@pytest.mark.parametrize("every", [1, 2, 5])
@pytest.mark.parametrize(
    "optimizer", [lambda: optim.SGD(0.1, momentum=0.9), lambda: optim.AdamW(0.01), lambda: optim.Lion(1e-3)]
)
@pytest.mark.parametrize("name", nets)
def test_whatever_the_optimizer_and_however_often(name, optimizer, every):
    make, x = nets[name]
    same_bits(fitted(make, x, optimizer), fitted(make, x, optimizer, watch=every))


def test_step_by_step_and_uncompiled_too(monkeypatch):
    class Each(mp.Callback):
        def on_step(self, run):
            assert run.loss > 0

    one = fitted(watch=3)
    by_step = fitted(watch=3, callbacks=[Each()])
    same_bits(one, by_step)
    assert one.watched == by_step.watched
    monkeypatch.setenv("MAPLET_JIT", "0")
    slowly = fitted(watch=3, epochs=1)
    for a, b in zip(one.watched, slowly.watched, strict=False):
        assert a["gradient"] == pytest.approx(b["gradient"], rel=1e-3)


# ── the right numbers ────────────────────────────────────────────────────────────────────────────


def test_every_number_is_that_of_its_definition():
    net = mlp().astype("float64")
    net.layers[2].rate = 0.0
    optimizer = optim.SGD(0.5)
    x, y = mp.asarray(X, dtype=mp.float64), mp.asarray(Y)
    before = {name: p.numpy() for name, p in net.parameters().items()}
    gradients = mp.grad(lambda net: nn.cross_entropy(net(x), y))(net)
    outputs, z = {}, x
    for n, layer in enumerate(net.layers):
        z = outputs[f"layers.{n}"] = layer(z)
    stepping = Stepping(net, optimizer, nn.cross_entropy)
    loss, seen = stepping.run_watched(mp.train.inputs.Samples(x, y), np.arange(50))
    assert loss == pytest.approx(float(nn.cross_entropy(z, y)))
    for name, found in seen["parameters"].items():
        norm, slope = np.linalg.norm(before[name]), np.linalg.norm(gradients[name].numpy())
        expected = {
            "norm": norm,
            "gradient": slope,
            "update": 0.5 * slope,
            "ratio": 0.5 * slope / norm if norm else np.nan,
        }
        assert found == pytest.approx(expected, rel=1e-5, nan_ok=True)
    assert seen["climb"] == pytest.approx(-1, rel=1e-5)
    assert seen["gradient"] == pytest.approx(np.sqrt(sum(np.sum(g.numpy() ** 2) for g in gradients.values())), rel=1e-5)
    for path, found in seen["layers"].items():
        out = outputs[path].numpy()
        assert found["rms"] == pytest.approx(np.sqrt(np.mean(out**2)), rel=1e-5)
        assert (found["min"], found["max"]) == pytest.approx((out.min(), out.max()), rel=1e-5)
        assert found["zeros"] == pytest.approx(np.mean(out == 0), abs=1e-6)
        assert found["dead"] == pytest.approx(np.mean((out == 0).all(axis=0)), abs=1e-6)
        assert found["saturated"] == pytest.approx(np.mean(np.abs(out) > 0.98) if path == "layers.4" else 0, abs=1e-6)
    assert set(seen["layers"]) == {"layers.0", "layers.1", "layers.3", "layers.4", "layers.5"}


def test_noise_and_signal_are_those_of_the_examples():
    """Against the gradient of each example by itself."""
    net = nn.Sequential(nn.Linear(6, 8, rng=0, bias=False), nn.Tanh(), nn.Linear(8, 3, rng=1, bias=False))
    x, y = mp.asarray(X), mp.asarray(Y)

    def of_example(n):
        gradients = mp.grad(lambda net: nn.cross_entropy(net(x[n : n + 1]), y[n : n + 1]))(net)
        return np.concatenate([gradient.numpy().ravel() for gradient in gradients.values()])

    each = np.array([of_example(n) for n in range(50)], np.float64)
    spread = each.var(axis=0, ddof=1).sum()
    _, seen = Stepping(net, optim.SGD(0.1), nn.cross_entropy).run_watched(mp.train.inputs.Samples(x, y), np.arange(50))
    assert seen["noise"] == pytest.approx(spread, rel=1e-4)
    assert seen["signal"] == pytest.approx(np.sum(each.mean(axis=0) ** 2) - spread / 50, rel=1e-3)


def test_a_watched_program_is_compiled_once():
    """What is known of it after its first call is no reason for another."""
    samples = mp.train.inputs.Samples(mp.asarray(X), mp.asarray(Y))
    net, optimizer = mlp(), optim.SGD(0.1)
    optimizer.init(net)
    stepping = Stepping(net, optimizer, nn.cross_entropy)
    for first in (0, 8, 16):
        for _ in stepping.run_groups(samples, np.arange(24).reshape(1, 3, 8)) or ():
            pass
        stepping.run_watched(samples, np.arange(first, first + 8))
    assert {name: stepping.compiled[name].reasons for name in ("watched", "groups")} == {
        "watched": ["the first call"],
        "groups": ["the first call"],
    }


# ── kept with the run ────────────────────────────────────────────────────────────────────────────


def test_every_nth_step_of_the_run_is_watched():
    run = fitted(watch=4)  # 6 full steps and a short one in an epoch
    assert [(seen["epoch"], seen["step"]) for seen in run.watched] == [(1, 0), (1, 4), (2, 1), (2, 5), (3, 2)]
    assert fitted().watched == []


def test_where_the_rows_are_too_few_for_a_batch_all_of_them_are_watched_with_the_same_bits():
    watched, unwatched = (fitted(batch_size=64, watch=watch) for watch in (2, 0))
    assert [(seen["epoch"], seen["step"], seen["rows"]) for seen in watched.watched] == [(1, 0, 50), (3, 0, 50)]
    same_bits(watched, unwatched)


def test_it_is_written_down_and_read_back(tmp_path):
    run = fitted(watch=4, directory=tmp_path / "run")
    lines = (tmp_path / "run" / "watch.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == [0, 4, 1, 5, 2]
    assert str(mp.load(tmp_path / "run").watched) == str(run.watched)  # NaN is not itself


def test_a_resumed_run_has_seen_the_same(tmp_path):
    class Stop(mp.Callback):
        def on_epoch_end(self, run):
            if run.epoch == 2:
                raise KeyboardInterrupt

    options = {"watch": 2, "directory": tmp_path / "run"}
    with pytest.raises(KeyboardInterrupt):
        fitted(callbacks=[Stop()], **options)
    resumed = fitted(callbacks=[mp.Callback()], existing="resume", **options)
    whole = fitted(watch=2)
    same_bits(whole, resumed)
    assert str(resumed.watched) == str(whole.watched)


def test_chunks_cannot_be_watched():
    with pytest.raises(SettingError, match="watch=2 with chunks=4"):
        fitted(watch=2, chunks=4)
