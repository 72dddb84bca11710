"""An optimizer as JSON and arrays, and going on from there."""

import json

import numpy as np
import pytest

import maplet as mp
from maplet import optim
from maplet.core.array import assign
from maplet.core.tree import leaves
from maplet.errors import CheckpointError, SettingError
from test_optim import Line, bits, every_optimizer, make, schedules, step, x, y


def resumed(net, optimizer):
    """What comes out of a file: settings as JSON text, leaves as NumPy arrays."""
    text = json.dumps(optimizer.state_dict(), allow_nan=False)
    arrays = {name: leaf.numpy().copy() for name, leaf in leaves(optimizer).items()}
    other = Line()
    for name, leaf in leaves(net).items():
        assign(leaves(other)[name], mp.asarray(leaf.numpy()))
    new = optim.build(json.loads(text))
    new.init(other)
    new.load_state_dict(json.loads(text), arrays)
    return other, new


def go_on(net, optimizer, steps):
    for n in range(steps):
        optimizer.observe(1.0 + (n % 3))
        step(net, optimizer, x, y)


@pytest.mark.parametrize("stop", [0, 1, 4])
@every_optimizer
def test_a_resumed_optimizer_goes_on_bit_for_bit(name, stop):
    net, optimizer = Line(), make(name)
    optimizer.init(net)
    go_on(net, optimizer, stop)
    other, new = resumed(net, optimizer)
    go_on(net, optimizer, 4)
    go_on(other, new, 4)
    assert bits(other) == bits(net)
    assert bits(new) == bits(optimizer)
    assert new.steps.tolist() == stop + 4


@pytest.mark.parametrize("rate", schedules, ids=repr)
def test_a_resumed_schedule_goes_on_bit_for_bit(rate):
    net, optimizer = Line(), make("Adam", optim.build(rate.describe()))
    go_on(net, optimizer, 5)
    other, new = resumed(net, optimizer)
    assert new.current_learning_rate() == optimizer.current_learning_rate()
    go_on(net, optimizer, 5)
    go_on(other, new, 5)
    assert bits(other) == bits(net)
    assert bits(new) == bits(optimizer)


def test_what_was_reassigned_is_restored_too():
    net, optimizer = Line(), optim.Adam(0.1)
    step(net, optimizer, x, y)
    optimizer.learning_rate, optimizer.beta1 = optim.Cosine(0.5, steps=7), 0.25
    saved = optimizer.state_dict(), leaves(optimizer)
    script = optim.Adam(0.1)  # what the program says when it is started again
    script.init(net)
    script.load_state_dict(*saved)
    assert repr(script) == repr(optimizer) == "Adam(learning_rate=Cosine(initial=0.5, steps=7), beta1=0.25)"


def test_all_that_is_remembered_is_a_leaf():
    net, optimizer = Line(), make("Nadam", optim.ReduceOnPlateau(0.1))
    step(net, optimizer, x, y)
    assert list(leaves(optimizer)) == [
        "learning_rate.reached", "learning_rate.best", "learning_rate.waiting", "steps",
        "state.3.steps", "state.3.first_moment.weight", "state.3.first_moment.bias",
        "state.3.second_moment.weight", "state.3.second_moment.bias", "state.3.momentum_product",
    ]  # fmt: skip


def test_a_state_that_does_not_fit_changes_nothing():
    net, optimizer = Line(), optim.Adam(0.1)
    step(net, optimizer, x, y)
    before = bits(optimizer)
    settings, arrays = optimizer.state_dict(), leaves(optimizer)
    with pytest.raises(CheckpointError, match="state of SGD, this is Adam"):
        optimizer.load_state_dict(optim.SGD(0.1).state_dict(), arrays)
    with pytest.raises(CheckpointError, match=r"(?s)missing: state.3.steps.*unexpected: more"):
        optimizer.load_state_dict(settings, {n: a for n, a in arrays.items() if n != "state.3.steps"} | {"more": 1.0})
    with pytest.raises(CheckpointError, match=r"misfit: steps is i64\[\], given f32\[\]"):
        optimizer.load_state_dict(settings | {"beta1": 0.1}, arrays | {"steps": 1.0})
    with pytest.raises(CheckpointError, match=r"(?s)unexpected: state.*call optimizer.init\(net\) first"):
        optim.Adam().load_state_dict(settings, arrays)
    assert bits(optimizer) == before
    assert optimizer.beta1 == 0.9


def test_init_begins_anew():
    net, optimizer = Line(), make("Adam", optim.ReduceOnPlateau(0.1, patience=0))
    go_on(net, optimizer, 3)
    assert optimizer.current_learning_rate() < 0.1
    optimizer.init(net)
    assert optimizer.current_learning_rate() == 0.1
    assert optimizer.steps.tolist() == 0
    assert not any(leaf.numpy().any() for leaf in leaves(optimizer.state).values())


# ── describing ───────────────────────────────────────────────────────────────────────────────────


@every_optimizer
def test_an_optimizer_is_built_again_from_json(name):
    optimizer = make(name, optim.Warmup(optim.Cosine(0.1, steps=5), steps=2))
    text = json.dumps(optimizer.describe())
    assert json.dumps(optim.build(json.loads(text)).describe()) == text
    assert json.loads(text)["learning_rate"]["schedule"] == {
        "type": "Cosine",
        "initial": 0.1,
        "steps": 5,
        "minimum": 0.0,
    }


@optim.register
class SignDescent(optim.Optimizer):
    """An optimizer of a user's own: θ ← θ − α·sign(v), v ← βv + g."""

    def __init__(self, learning_rate, beta=0.5):
        self.beta = beta
        super().__init__(learning_rate)

    def rule(self):
        return optim.chain(optim.momentum(self.beta), optim.stateless(lambda g, _: {n: mp.sign(g[n]) for n in g}))


def test_an_optimizer_of_ones_own_needs_a_rule_and_no_more():
    net, optimizer = Line(), SignDescent(optim.Step(0.25, every=1, factor=0.5))
    go_on(net, optimizer, 2)
    assert {abs(d) for d in (net.bias.numpy() - Line().bias.numpy()).tolist()} <= {0.125, 0.375}
    other, new = resumed(net, optimizer)
    go_on(net, optimizer, 2)
    go_on(other, new, 2)
    assert bits(other) == bits(net)
    assert repr(new) == "SignDescent(learning_rate=Step(initial=0.25, every=1, factor=0.5))"


def test_numpy_settings_become_json():
    optimizer = optim.Adam(np.float64(0.1), beta1=np.float64(0.5), clip_norm=np.int64(2))
    assert json.loads(json.dumps(optimizer.describe()))["clip_norm"] == 2
    assert optim.build(optimizer.describe()).current_learning_rate() == 0.1


@pytest.mark.parametrize(
    ("description", "match"),
    [
        (
            {"type": "Adma", "learning_rate": 0.1},
            "(?s)'Adma' is no optimizer or schedule; there are Adadelta, .*optim.register",
        ),
        ({}, "None is no optimizer"),
        (
            {"type": "SGD"},
            "(?s)SGD: missing a required argument: 'learning_rate'.*its arguments are learning_rate, momentum",
        ),
        ({"type": "SGD", "learning_rate": 0.1, "betas": 3}, "unexpected keyword argument 'betas'"),
        ({"type": "SGD", "learning_rate": -0.1}, "learning_rate=-0.1"),
    ],
)
def test_descriptions_that_are_none(description, match):
    with pytest.raises(SettingError, match=match):
        optim.build(description)


def test_a_chain_of_functions_cannot_be_described():
    with pytest.raises(SettingError, match=r"(?s)Chain cannot be described.*@optim.register"):
        optim.Chain(0.1, optim.scale(1.0)).describe()


def test_a_name_is_given_once():
    with pytest.raises(SettingError, match="already an optimizer or schedule named Adam"):
        optim.register(type("Adam", (optim.Optimizer,), {"__module__": "elsewhere"}))
