"""Whether the labels of the held-out runs are right, told from the losses alone: the doctor is not asked."""

import os

import numpy as np
import pytest
import runs_held_out_again  # noqa: F401  (importing enters the runs)
import runs_held_out_images  # noqa: F401  (as above)
import runs_held_out_sequences  # noqa: F401  (as above)
import runs_held_out_tables  # noqa: F401  (as above)
from training_runs import Stale, groups

import maplet as mp
from maplet import optim

pytestmark = pytest.mark.slow


def runs_with(*codes):
    """Those entered with these codes first, or the healthy ones; every third, or all with ``MAPLET_LABELS=all``."""
    entered = [*groups["held out"], *groups["held out again"]]
    found = [make for make, own in entered if own[: len(codes)] == codes and bool(own) == bool(codes)]
    assert found
    found = found if os.environ.get("MAPLET_LABELS") == "all" else found[::3]
    return pytest.mark.parametrize("make", found, ids=lambda make: make.__name__)


@pytest.fixture
def changed(monkeypatch):
    """Makes a run with what `fit` is given changed by a function of net, data, optimizer and options."""
    fit = mp.fit

    def made(make, change):
        def changed_fit(net, data, *, optimizer, **options):
            data, optimizer, options = change(data, optimizer, options)
            return fit(net, data, optimizer=optimizer, **options)

        with monkeypatch.context() as patched:
            patched.setattr(mp, "fit", changed_fit)
            return make()

    return made


@pytest.fixture
def at(changed):
    """Makes a run with its learning rate times a factor, whatever optimizer or schedule it has."""

    def made(make, factor):
        def scale(data, optimizer, options):
            for part in optimizer.parts():
                rate = part.learning_rate
                part.learning_rate = optim.Scaled(rate, factor) if isinstance(rate, optim.Schedule) else factor * rate
            return data, optimizer, options

        return changed(make, scale)

    return made


def reached(run):
    """The validation loss of the epoch that was kept, or the training loss of the last; infinite if there is none."""
    if not run.history or run.history[-1]["epoch"] < run.epoch:
        return float("inf")
    record = run.history[(run.best_epoch or 0) - 1]
    return record.get("val_loss", record["loss"])


def share_of_the_way(run, others):
    """How much of the fall of the loss that the best of them found this run found, too."""
    begin = run.watched[0]["loss"] if run.watched else run.history[0]["loss"]
    best = min(reached(one) for one in (run, *others))
    return (begin - reached(run)) / (begin - best)


@runs_with()
def test_a_healthy_run_learns_nearly_as_well_as_with_other_rates(make, at):
    share = share_of_the_way(at(make, 1), [at(make, factor) for factor in (0.3, 3)])
    assert share > 0.9, f"{share:.2f} of what another rate finds"


@runs_with("MD002")
def test_a_rate_that_is_too_high_does_far_worse_than_a_lower_one(make, at):
    share = share_of_the_way(at(make, 1), [at(make, factor) for factor in (0.1, 0.01, 0.001)])
    assert share < 0.6, f"{share:.2f} of what a lower rate finds"


@runs_with("MD003")
def test_a_rate_that_is_too_low_does_far_worse_than_a_higher_one(make, at):
    share = share_of_the_way(at(make, 1), [at(make, factor) for factor in (1e2, 1e4, 1e6)])
    assert share < 0.1, f"{share:.2f} of what a higher rate finds"


@runs_with("MD005")
def test_what_is_learned_by_heart_is_lost_on_other_rows(make):
    history = make().history
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    assert history[-1]["val_loss"] > 1.15 * min(record["val_loss"] for record in history)


@runs_with("MD012")
def test_a_rare_class_is_never_said_and_is_with_weights(make, changed):
    def weigh(data, optimizer, options):
        x, y = data
        share = np.bincount(y) / len(y)
        return (x, y, (0.5 / share[y]).astype(np.float32)), optimizer, options

    def seen(data, optimizer, options):
        return data, optimizer, options | {"metrics": [share_of_the_rare]}

    def share_of_the_rare(prediction, target):
        return float((prediction.argmax(axis=1) == target)[target == 1].mean())

    def both(data, optimizer, options):
        return seen(*weigh(data, optimizer, options))

    assert changed(make, seen).history[-1]["share_of_the_rare"] < 0.02
    assert changed(make, both).history[-1]["share_of_the_rare"] > 0.3


@runs_with("MD014")
def test_what_becomes_nan_ends(make):
    assert reached(make()) == float("inf")


def whole(data):
    """All rows, also where they come as a stream."""
    blocks = list(data.open()) if isinstance(data, mp.data.Stream) else [data]
    return tuple(np.concatenate(parts) for parts in zip(*blocks, strict=True))


def larger(data, optimizer, options):
    """Batches of 32, for as long as it takes."""
    return data, optimizer, options | {"batch_size": 32, "epochs": 10 * options["epochs"]}


def in_any_order(data, optimizer, options):
    return whole(data), optimizer, options


def along_the_gradient(data, optimizer, options):
    """The same rule without a queue, or a sum that forgets."""
    rule = optimizer.behind if isinstance(optimizer, Stale) else optim.momentum(0.9)
    return data, optim.Chain(optimizer.learning_rate, rule), options


def downhill(data, optimizer, options):
    """Plain descent, along the gradient."""
    return data, optim.SGD(0.02), options


def freer(data, optimizer, options):
    """A tenth of the decay."""
    for part in optimizer.parts():
        part.weight_decay /= 10
    return data, optimizer, options


mends = {
    "MD001": downhill, "MD013": larger, "MD016": in_any_order, "MD017": along_the_gradient, "MD019": freer,
}  # fmt: skip


@pytest.mark.parametrize(("code", "mend"), mends.items())
def test_mended_they_learn_what_they_did_not(code, mend, changed):
    def judged(change):
        def judge(data, optimizer, options):
            data, optimizer, options = change(data, optimizer, options)
            return data, optimizer, options | {"validation": whole(data)}

        return judge

    for make in [make for make, codes in groups["held out"] if codes[:1] == (code,)]:
        ill, mended = (reached(changed(make, judged(change))) for change in (lambda *given: given, mend))
        assert mended < 0.9 * ill, f"{make.__name__}: {ill:.3f}, mended {mended:.3f}"


@pytest.mark.parametrize(
    "make", [make for make, codes in groups["held out again"] if codes], ids=lambda make: make.__name__
)
def test_without_the_fault_they_learn_what_they_did_not(make):
    ill, mended = reached(make()), reached(make(mended=True))
    assert mended < 0.5 * ill, f"{ill:.3f}, mended {mended:.3f}"
