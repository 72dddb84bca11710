"""Schedules: against PyTorch's, against numbers worked out by hand, and their laws."""

import json
import math

import numpy as np
import pytest

import maplet as mp
from maplet import optim
from maplet.core.tree import leaves
from maplet.errors import SettingError

examples = {
    "Constant": optim.Constant(0.3),
    "Step": optim.Step(0.3, every=4, factor=0.5),
    "Exponential": optim.Exponential(0.3, factor=0.8, every=2),
    "InverseTime": optim.InverseTime(0.3, decay=0.5),
    "InverseRoot": optim.InverseRoot(0.3, factor=0.9),
    "Scaled": optim.Scaled(optim.ReduceOnPlateau(0.3, factor=0.5, patience=1), factor=0.5),
    "Cosine": optim.Cosine(0.3, steps=20, minimum=0.01),
    "Warmup": optim.Warmup(optim.Cosine(0.3, steps=20), steps=5),
    "OneCycle": optim.OneCycle(0.3, steps=20),
    "ReduceOnPlateau": optim.ReduceOnPlateau(0.3, factor=0.5, patience=1),
}
schedules = pytest.mark.parametrize("name", examples)


def test_the_examples_cover_the_registry():
    registered = {
        n for n, c in optim.registry.items() if issubclass(c, optim.Schedule) and c.__module__.startswith("maplet.")
    }
    assert registered == examples.keys()


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────


@schedules
def test_a_rate_is_float64_without_axes_for_python_steps_and_arrays(name):
    schedule = examples[name]
    for step in (0, 3, 25):
        by_number, by_array = schedule(step), schedule(mp.asarray(step))
        assert by_number.type == by_array.type == mp.ArrayType((), np.dtype("float64"))
        assert by_number.item() == by_array.item()
        assert by_number.item() >= 0
    assert schedule(mp.asarray([0, 3, 25])).tolist() == [schedule(step).item() for step in (0, 3, 25)]


@schedules
def test_every_step_is_the_same_program(name):
    """The step is an input of the graph, so a compiled update serves all of them."""
    schedule = examples[name]
    graph = mp.trace(schedule, mp.asarray(0))
    mp.check(graph)
    assert len(graph.inputs) >= 1
    for step in range(30):
        assert mp.evaluate(graph, mp.asarray(step)).item() == schedule(step).item()


@schedules
def test_a_schedule_is_built_again_from_json(name):
    schedule = examples[name]
    twin = optim.build(json.loads(json.dumps(schedule.describe())))
    assert type(twin) is type(schedule)
    assert [twin(step).item() for step in range(30)] == [schedule(step).item() for step in range(30)]
    assert repr(twin) == repr(schedule)


# ── against PyTorch ──────────────────────────────────────────────────────────────────────────────


def theirs(make, steps):
    """The rates of a PyTorch scheduler at the first steps."""
    torch = pytest.importorskip("torch")
    other = torch.optim.SGD([torch.zeros(1)], lr=0.3)
    scheduler = make(other, torch.optim.lr_scheduler)
    rates = []
    for _ in range(steps):
        rates.append(other.param_groups[0]["lr"])
        other.step()
        scheduler.step()
    return rates


peers = {
    "Constant": lambda o, s: s.ConstantLR(o, factor=1.0),
    "Step": lambda o, s: s.StepLR(o, step_size=4, gamma=0.5),
    "Exponential": lambda o, s: s.ExponentialLR(o, gamma=math.sqrt(0.8)),
    "InverseTime": lambda o, s: s.LambdaLR(o, lambda t: 1 / (1 + 0.5 * t)),
    "Cosine": lambda o, s: s.CosineAnnealingLR(o, T_max=20, eta_min=0.01),
    "Warmup": lambda o, s: s.SequentialLR(
        o, [s.LinearLR(o, start_factor=1 / 5, total_iters=4), s.CosineAnnealingLR(o, T_max=20)], milestones=[5]
    ),
    "OneCycle": lambda o, s: s.OneCycleLR(o, max_lr=0.3, total_steps=20, cycle_momentum=False),
}


@pytest.mark.parametrize("name", peers)
def test_rates_are_those_of_pytorch(name):
    steps = 19 if name == "OneCycle" else 21  # PyTorch's one-cycle refuses to go on
    np.testing.assert_allclose(
        [examples[name](t).item() for t in range(steps)], theirs(peers[name], steps), rtol=1e-12, atol=1e-15
    )


def test_warm_up_matches_in_every_step_of_the_line():
    # the value at the seam is where off-by-one errors live: step W − 1 and step W both have the full rate
    warm = examples["Warmup"]
    assert [warm(t).item() for t in range(6)] == pytest.approx([0.06, 0.12, 0.18, 0.24, 0.3, 0.3])


def test_plateau_goes_down_when_pytorchs_does():
    torch = pytest.importorskip("torch")
    losses = np.random.default_rng(0).uniform(0.5, 1.0, size=60).cumsum()[::-1] / 20
    losses = [*losses[:20], *[losses[19]] * 15, *losses[20:40], math.nan, *[losses[39]] * 20, *losses[40:]]
    other = torch.optim.SGD([torch.zeros(1)], lr=0.3)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(other, factor=0.5, patience=3, min_lr=0.01)
    ours = optim.ReduceOnPlateau(0.3, factor=0.5, patience=3, minimum=0.01)
    seen = set()
    for loss in losses:
        scheduler.step(loss)
        ours.observe(loss)
        assert ours(0).item() == pytest.approx(other.param_groups[0]["lr"], rel=1e-12)
        seen.add(ours(0).item())
    assert len(seen) >= 4  # it did go down, several times


# ── by hand ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (optim.Constant(0.5), {0: 0.5, 1000: 0.5}),
        (optim.Step(1.0, every=3), {0: 1.0, 2: 1.0, 3: 0.1, 5: 0.1, 6: 0.01}),
        (optim.Exponential(8.0, factor=0.5, every=2), {0: 8.0, 2: 4.0, 6: 1.0}),
        (optim.InverseTime(1.0, decay=1.0), {0: 1.0, 1: 1 / 2, 3: 1 / 4}),
        (optim.Cosine(1.0, steps=3), {0: 1.0, 1: 0.75, 2: 0.25, 3: 0.0, 1000: 0.0}),
        (optim.Cosine(1.0, steps=3, minimum=0.2), {0: 1.0, 1: 0.8, 3: 0.2, 1000: 0.2}),
        (optim.Warmup(1.0, steps=4), {0: 0.25, 3: 1.0, 4: 1.0, 1000: 1.0}),
        (optim.Warmup(optim.Step(1.0, every=2), steps=2), {0: 0.5, 1: 1.0, 2: 1.0, 3: 1.0, 4: 0.1}),
        (optim.OneCycle(1.0, steps=11, warm_fraction=3 / 11), {0: 0.04, 1: 0.52, 2: 1.0, 10: 4e-6, 1000: 4e-6}),
    ],
)
def test_rates_by_hand(schedule, rates):
    for step, rate in rates.items():
        assert schedule(step).item() == pytest.approx(rate, rel=1e-12, abs=1e-15), step


def test_plateau_by_hand():
    plateau = optim.ReduceOnPlateau(1.0, factor=0.1, patience=2, minimum=0.05, threshold=0.1)
    rates = []
    for loss in (1.0, 0.95, 0.95, 0.8, 0.79, 0.78, 0.77, 0.77, 0.77, 0.77, 0.5):
        plateau.observe(loss)
        rates.append(round(plateau(0).item(), 6))
    # 0.95 is no improvement by a tenth; 0.8 is, and the count begins anew; the third failure after it lowers the rate
    assert rates == [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.05, 0.05]
    assert plateau.best.item() == 0.5


def test_plateau_takes_negative_losses():
    plateau = optim.ReduceOnPlateau(1.0, patience=0, threshold=0.5)
    plateau.observe(-1.0)
    plateau.observe(-2.0)
    assert plateau(0).item() == 1.0
    plateau.observe(-2.0)  # the same is no improvement
    assert plateau(0).item() == pytest.approx(0.1)


def test_plateau_inside_a_warm_up_is_heard_and_its_state_is_leaves():
    optimizer = optim.SGD(optim.Warmup(optim.ReduceOnPlateau(1.0, patience=0), steps=2))
    assert {name for name in leaves(optimizer) if name.startswith("learning_rate")} == {
        f"learning_rate.schedule.{name}" for name in ("reached", "best", "waiting")
    }
    optimizer.observe(1.0)
    optimizer.observe(1.0)
    assert optimizer.current_learning_rate() == pytest.approx(0.05)
    optimizer.init(mp.asarray(1.0))
    assert optimizer.current_learning_rate() == 0.5


# ── an optimizer uses it ─────────────────────────────────────────────────────────────────────────


def test_the_first_update_uses_step_zero():
    x, optimizer = mp.asarray(0.0), optim.SGD(optim.Step(1.0, every=1, factor=0.5))
    values = []
    for _ in range(4):
        optimizer.update(x, -1.0)
        values.append(x.item())
    assert values == [1.0, 1.5, 1.75, 1.875]
    assert optimizer.current_learning_rate() == 1 / 16


def test_a_schedule_takes_the_place_of_a_number_at_any_time():
    x, optimizer = mp.asarray(0.0), optim.SGD(1.0)
    optimizer.update(x, -1.0)
    optimizer.learning_rate = optim.Constant(0.25)
    optimizer.update(x, -1.0)
    optimizer.learning_rate = 0.5
    optimizer.update(x, -1.0)
    optimizer.learning_rate *= 2
    optimizer.update(x, -1.0)
    assert x.item() == 2.75


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: optim.Constant(0), r"initial=0: expected a finite number > 0"),
        (lambda: optim.Step(0.1, every=0), "every=0: expected an integer ≥ 1"),
        (lambda: optim.Step(0.1, every=2.0), "every=2.0: expected an integer"),
        (lambda: optim.Step(0.1, every=True), "every=True"),
        (lambda: optim.Exponential(0.1, factor=-1), "factor=-1"),
        (lambda: optim.InverseTime(0.1, decay=-0.1), "decay=-0.1: expected a finite number ≥ 0"),
        (lambda: optim.Cosine(0.1, steps=0), "steps=0"),
        (lambda: optim.Cosine(0.1, steps=10, minimum=0.2), "minimum=0.2: expected a finite number ≥ 0 and ≤ 0.1"),
        (lambda: optim.Warmup(-1.0, steps=3), "schedule=-1.0"),
        (lambda: optim.Warmup(0.1, steps=0), "steps=0"),
        (
            lambda: optim.OneCycle(0.1, steps=100, warm_fraction=1.0),
            "warm_fraction=1.0: expected a finite number > 0 and < 1",
        ),
        (lambda: optim.OneCycle(0.1, steps=3), "(?s)leaves no step to go up in.*epochs × batches"),
        (lambda: optim.ReduceOnPlateau(0.1, factor=1.0), "factor=1.0"),
        (lambda: optim.ReduceOnPlateau(0.1, patience=-1), "patience=-1"),
        (lambda: optim.ReduceOnPlateau(math.inf), "initial=inf"),
    ],
)
def test_settings_outside_their_range_are_refused(make, match):
    with pytest.raises(SettingError, match=match):
        make()


def test_a_schedule_without_a_rate_says_what_is_missing():
    class Unfinished(optim.Schedule):
        pass

    with pytest.raises(NotImplementedError, match="Unfinished has no rate method"):
        Unfinished()(0)
