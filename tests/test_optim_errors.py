"""What cannot be trained is refused with a word that helps."""

import inspect
import math

import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from maplet.errors import DTypeError, GradientError, SettingError, ShapeError
from test_optim import Line, bits, full, make, step, x, y


@pytest.mark.parametrize(
    "rate", [0, -1e-3, math.nan, math.inf, "fast", None, True, np.float32(-1), np.zeros(()), math.sin]
)
def test_a_learning_rate_is_a_positive_number_or_a_schedule(rate):
    with pytest.raises(SettingError, match="learning_rate="):
        optim.SGD(rate)
    optimizer = optim.SGD(0.1)
    with pytest.raises(SettingError, match="learning_rate="):
        optimizer.learning_rate = rate
    assert optimizer.current_learning_rate() == 0.1


def having(option):
    """The optimizers that have an option."""
    found = [name for name in full if option in inspect.signature(getattr(optim, name)).parameters]
    assert len(found) >= 2
    return found


@pytest.mark.parametrize("name", full)
def test_the_network_is_told_at_update_and_not_before(name):
    net = nn.Linear(2, 1)
    for arguments in ((net.parameters(), 1e-3), (net,), (list(net.parameters().values()),)):
        with pytest.raises(SettingError, match=rf"{name}: its first setting(?s:.*)optimizer\.update\(net, gradients\)"):
            getattr(optim, name)(*arguments)


@pytest.mark.parametrize(
    ("name", "options", "match"),
    [
        *[(name, {"weight_decay": -1.0}, "weight_decay=-1.0: expected a finite number ≥ 0") for name in full],
        *[(name, {"clip_norm": 0.0}, "clip_norm=0.0: expected a finite number > 0") for name in full],
        *[(name, {"clip_value": math.inf}, "clip_value=inf") for name in full],
        *[(name, {"epsilon": 0.0}, "epsilon=0.0: expected a finite number > 0") for name in having("epsilon")],
        *[(name, {"beta1": 1.0}, "beta1=1.0: expected a finite number ≥ 0 and < 1") for name in having("beta1")],
        *[(name, {"beta2": -0.1}, "beta2=-0.1") for name in having("beta2")],
        *[(name, {"amsgrad": 1}, "amsgrad=1: expected True or False") for name in having("amsgrad")],
        *[(name, {"rho": 1.0}, "rho=1.0") for name in ("Adadelta", "RMSprop")],
        *[(name, {"momentum": 1.0}, "momentum=1.0") for name in having("momentum")],
        ("SGD", {"nesterov": True}, "(?s)nesterov=True with momentum=0.*momentum=0.9"),
        ("SGD", {"nesterov": "no"}, "nesterov='no': expected True or False"),
        ("RMSprop", {"centered": 1}, "centered=1: expected True or False"),
        ("Adagrad", {"initial_accumulator": -1}, "initial_accumulator=-1"),
        ("Nadam", {"momentum_decay": -1}, "momentum_decay=-1"),
        ("Rprop", {"shrink": 1.0}, "shrink=1.0"),
        ("Rprop", {"grow": 1.0}, "grow=1.0"),
        ("Rprop", {"smallest": 2.0}, "smallest=2.0"),
        ("Rprop", {"largest": 0.5}, "largest=0.5"),
        ("Adafactor", {"beta2_decay": 0.8}, "beta2_decay=0.8: expected a finite number < 0"),
        ("Adafactor", {"smallest_scale": 0.0}, "smallest_scale=0.0"),
        ("Adafactor", {"threshold": 0.0}, "threshold=0.0"),
        ("Muon", {"iterations": 0}, "iterations=0"),
        ("Muon", {"size": "adam"}, "size='adam': expected 'rms' or 'spectral'"),
        ("Muon", {"momentum": 0.0}, "(?s)nesterov=True with momentum=0"),
    ],
)
def test_settings_outside_their_range_are_refused(name, options, match):
    with pytest.raises(SettingError, match=match):
        optim.build({"type": name, "learning_rate": 0.1, **options})


@pytest.mark.parametrize(
    ("gradients", "error", "match"),
    [
        ({"weight": np.zeros((3, 2), np.float32)}, GradientError, "(?s)none is given for bias.*mp.grad"),
        ({"weight": np.zeros((3, 2), np.float32), "bias": None}, GradientError, "none is given for bias"),
        (np.zeros(3), GradientError, "none is given for weight, bias"),
        ({"frozen": np.float32(1)}, GradientError, "no trainable parameter for frozen"),
        (
            {"weight": np.zeros((2, 3), np.float32)},
            ShapeError,
            r"(?s)gradient of weight has shape \(2, 3\), the parameter \(3, 2\)",
        ),
        ({"bias": np.zeros((8, 2), np.float32)}, ShapeError, "summed over the axes that were broadcast"),
        (
            {"bias": np.zeros(2)},
            DTypeError,
            r"(?s)gradient of bias is float64, the parameter float32.*astype\('float32'\)",
        ),
    ],
)
def test_gradients_that_do_not_fit_change_nothing(gradients, error, match):
    net, optimizer = Line(), make("Adam")
    if (isinstance(gradients, dict) and error is not GradientError) or "frozen" in gradients:
        gradients = {"weight": np.zeros((3, 2), np.float32), "bias": np.zeros(2, np.float32)} | gradients
    with pytest.raises(error, match=match):
        optimizer.update(net, gradients)
    assert bits(net) == bits(Line())
    assert optimizer.steps.tolist() == 0


def test_an_optimizer_belongs_to_one_model():
    optimizer = optim.Adam(0.1)
    optimizer.update(mp.asarray([1.0]), mp.asarray([1.0]))
    with pytest.raises(ShapeError, match=r"(?s)x was f32\[1\], now f32\[2\].*one optimizer for each model"):
        optimizer.update(mp.asarray([1.0, 2.0]), mp.asarray([1.0, 2.0]))
    with pytest.raises(ShapeError, match=r"a f32\[1\] is new; x f32\[1\] is gone or frozen"):
        optimizer.update({"a": mp.asarray([1.0])}, {"a": mp.asarray([1.0])})
    net, other = Line(), optim.Adam(0.1)
    step(net, other, x, y)
    net.bias.trainable = False
    with pytest.raises(ShapeError, match=r"bias f32\[2\] is gone or frozen"):
        step(net, other, x, y)
    other.init(net)
    step(net, other, x, y)


@pytest.mark.parametrize(
    ("target", "match"),
    [
        ({"a": 1.0}, "(?s)a is a float, which an optimizer cannot change in place.*mp.asarray"),
        ([np.zeros(2)], "0 is a ndarray"),
        ({"a": mp.asarray([1, 2])}, "nothing to train in this dict"),
        ("net", "nothing to train in this str"),
    ],
)
def test_targets_that_cannot_be_moved(target, match):
    with pytest.raises(GradientError, match=match):
        optim.SGD(0.1).update(target, {"a": 1.0})


def test_a_memory_that_was_never_begun_is_missed_with_a_word():
    theta, optimizer = mp.asarray(1.0), optim.SGD(0.1)
    optimizer.update(theta, 1.0)
    optimizer.momentum = 0.9
    with pytest.raises(SettingError, match=r"(?s)no velocity.*call optimizer.init\(net\)"):
        optimizer.update(theta, 1.0)
    chained = optim.Chain(0.1, optim.momentum(0.9))
    chained.update(theta, 1.0)
    chained.transformations = (optim.scale(1.0), *chained.transformations)
    with pytest.raises(SettingError, match="that of 1 transformations, now there are 2"):
        chained.update(theta, 1.0)


def test_an_optimizer_without_a_rule_says_what_is_missing():
    with pytest.raises(NotImplementedError, match="Mine has no rule method"):
        type("Mine", (optim.Optimizer,), {})(0.1)


def test_the_tuple_of_a_pullback_says_which_entry():
    net = nn.Linear(2, 1)
    _, pullback = mp.vjp(lambda net: mp.sum(net(mp.ones((3, 2)))), net)
    with pytest.raises(GradientError, match=r"a tuple(?s:.*)pullback\(v\)\[0\]"):
        optim.SGD(0.1).update(net, pullback(1.0))
    optim.SGD(0.1).update(net, pullback(1.0)[0])
    with pytest.raises(GradientError, match=r"mp\.grad\(loss\)\(net\)"):
        optim.SGD(0.1).update(net, {"weights": 0.0})
