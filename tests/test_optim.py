"""Optimizers as mappings: chains, clipping, ties, traces, and going on from a saved state."""

import numpy as np
import pytest

import maplet as mp
from maplet import optim
from maplet.core.array import Parameter
from maplet.core.recording import record
from maplet.core.tree import Stateful, leaves
from maplet.errors import SettingError
from maplet.optim.composite import Composite
from maplet.transforms.evaluate import apply

# Every registered optimizer with as many of its options switched on as go together.
full = {
    "SGD": {"momentum": 0.9, "nesterov": True},
    "Adagrad": {"initial_accumulator": 0.1},
    "Adadelta": {"rho": 0.8},
    "RMSprop": {"momentum": 0.9, "centered": True},
    "Adam": {"amsgrad": True},
    "AdamW": {},
    "Adamax": {},
    "Nadam": {"momentum_decay": 0.01},
    "RAdam": {},
    "Lion": {},
    "Rprop": {"largest": 2.0},
    "Adafactor": {},
    "LAMB": {},
    "Muon": {"size": "spectral"},
}
together = {"weight_decay": 0.01, "clip_norm": 1.0, "clip_value": 0.5}
every_optimizer = pytest.mark.parametrize("name", full)
schedules = [
    optim.Constant(0.1), optim.Step(0.1, every=2), optim.Exponential(0.1, factor=0.9),
    optim.InverseTime(0.1, decay=0.1), optim.Cosine(0.1, steps=8), optim.OneCycle(0.1, steps=8),
    optim.Warmup(optim.ReduceOnPlateau(0.1, factor=0.5, patience=0), steps=3),
]  # fmt: skip


def make(name, rate=0.1):
    return optim.build({"type": name, "learning_rate": rate, **full[name], **together})


def registered():
    """Those with a rule of their own; what is made of others stands in test_optim_composite.py."""
    ours = {n: c for n, c in optim.registry.items() if c.__module__.startswith("maplet.")}
    return {n for n, c in ours.items() if issubclass(c, optim.Optimizer) and not issubclass(c, Composite)}


def test_the_table_covers_the_registry():
    assert registered() == full.keys()


class Line(Stateful):
    """y = x·w + b, with a frozen parameter and a running mean beside them."""

    def __init__(self):
        self.weight = Parameter(np.arange(6, dtype=np.float32).reshape(3, 2) / 7)
        self.bias = Parameter(np.float32([0.5, -0.5]))
        self.frozen = Parameter(np.float32(2.0), trainable=False)
        self.mean = mp.zeros((3,))

    def __call__(self, x):
        self.mean = 0.9 * self.mean + 0.1 * mp.mean(x, axis=0)
        return (x @ self.weight + self.bias) * self.frozen


rng = np.random.default_rng(0)
x, y = rng.normal(size=(8, 3)).astype(np.float32), rng.normal(size=(8, 2)).astype(np.float32)


def loss_of(net, x, y):
    return mp.mean((net(x) - y) ** 2)


def step(net, optimizer, x, y):
    loss, gradients = optimizer.gradients_from(mp.value_and_grad(loss_of))(net, x, y)
    optimizer.update(net, gradients)
    return loss


def bits(tree):
    return {name: (str(leaf.type), leaf.numpy().tobytes()) for name, leaf in leaves(tree).items()}


# ── in a loop, and in a trace ────────────────────────────────────────────────────────────────────


@every_optimizer
def test_the_loss_falls_and_only_trainable_parameters_move(name):
    net, optimizer = Line(), make(name, 0.01)
    handles = leaves(net)
    before = bits(net)
    losses = [step(net, optimizer, x, y).item() for _ in range(20)]
    assert losses[-1] < losses[0]
    changed = {n for n, value in bits(net).items() if value != before[n]}
    assert changed == {"weight", "bias", "mean"}
    assert all(leaves(net)[n] is handles[n] for n in ("weight", "bias", "frozen"))
    assert optimizer.steps.tolist() == 20
    assert optimizer.steps.dtype == np.int64


@every_optimizer
def test_one_compilation_serves_every_step(name):
    eager, native = (Line(), make(name)), (Line(), make(name))
    compiled = mp.jit(step)
    for _ in range(5):
        step(*eager, x, y)
        compiled(*native, x, y)
    assert compiled.compilations == 1, compiled.reasons
    for part, other in zip(eager, native, strict=True):
        for n, leaf in leaves(part).items():
            np.testing.assert_allclose(leaves(other)[n].numpy(), leaf.numpy(), rtol=1e-4, atol=1e-6, err_msg=n)


def traced_step(net, optimizer):
    """One step recorded without values, then run as a graph, with its writes carried out."""
    recording = record(step, [net, optimizer, x, y], with_values=False)
    mp.check(recording.graph)
    loss = recording.finish(apply(recording.graph, recording.given()))
    return recording, loss


@every_optimizer
def test_a_traced_step_is_the_eager_step_bit_for_bit(name):
    eager, traced = (Line(), make(name)), (Line(), make(name))
    for _ in range(3):
        loss = step(*eager, x, y)
        recording, other = traced_step(*traced)
        assert len(recording.writes) >= 4  # weight, bias, running mean, steps, what the rule remembers
        assert loss.numpy().tobytes() == other.numpy().tobytes()
        assert bits(traced[0]) == bits(eager[0])
        assert bits(traced[1]) == bits(eager[1])


@pytest.mark.parametrize("rate", [0.1, *schedules], ids=repr)
def test_every_step_after_the_first_is_the_same_graph(rate):
    """So a compiled step serves the whole run, whatever the schedule and the user do to the rate."""
    eager, traced = (Line(), make("Adam", rate)), (Line(), make("Adam", rate))
    graphs = []
    for _ in range(4):
        if isinstance(rate, float):
            eager[1].learning_rate *= 0.5
            traced[1].learning_rate *= 0.5
        step(*eager, x, y)
        graphs.append(traced_step(*traced)[0].graph)
        for _, optimizer in (eager, traced):
            optimizer.observe(1.0)
        assert bits(traced[1]) == bits(eager[1])
    assert graphs[1] == graphs[2] == graphs[3]


def test_a_captured_optimizer_and_module_are_written_back_too():
    net, optimizer, twin, other = Line(), make("Nadam"), Line(), make("Nadam")
    recording = record(lambda x, y: step(net, optimizer, x, y), [x, y], with_values=False)
    assert bits(net) == bits(Line())  # nothing has happened yet
    assert optimizer.state is None
    recording.finish(apply(recording.graph, recording.given()))
    step(twin, other, x, y)
    assert bits(net) == bits(twin)
    assert bits(optimizer) == bits(other)


def test_a_tied_parameter_moves_once_and_stays_tied():
    class Tied(Stateful):
        def __init__(self):
            self.first = Parameter(np.float32([1.0, 2.0]))
            self.second = {"again": self.first}

    net = Tied()
    gradients = mp.grad(lambda net: mp.sum(net.first * 3 + net.second["again"] * 4))(net)
    assert list(gradients) == ["first"]
    optim.SGD(0.5).update(net, gradients)
    assert net.second["again"] is net.first
    assert net.first.tolist() == [1.0 - 3.5, 2.0 - 3.5]


def test_tied_arrays_in_a_tree_move_once():
    shared = mp.asarray(1.0)
    point = {"a": shared, "b": [shared]}
    gradients = mp.grad(lambda p: p["a"] + 2 * p["b"][0])(point)
    optim.SGD(1.0).update(point, gradients)
    assert shared.item() == -2.0
    assert point["a"] is point["b"][0] is shared


def test_two_parameters_may_share_one_gradient():
    a, b, gradient = mp.asarray(1.0), mp.asarray(2.0), mp.asarray(1.0)
    optim.SGD(0.5, momentum=0.5).update({"a": a, "b": b}, {"a": gradient, "b": gradient})
    assert (a.item(), b.item()) == (0.5, 1.5)


def test_a_gradient_that_is_changed_afterwards_changes_no_memory():
    theta, gradient, optimizer = mp.asarray([1.0]), mp.asarray([1.0]), optim.SGD(1.0, momentum=0.5)
    optimizer.update(theta, gradient)
    gradient[0] = 100.0
    optimizer.update(theta, mp.asarray([0.0]))
    assert theta.tolist() == [1.0 - 1.0 - 0.5]


@pytest.mark.parametrize(
    ("target", "gradients"),
    [
        (lambda: mp.asarray([3.0]), lambda: mp.asarray([1.0])),
        (lambda: mp.asarray([3.0]), lambda: np.float32([1.0])),
        (lambda: [mp.asarray(3.0)], lambda: [1]),
        (lambda: {"a": {"b": (mp.asarray(3.0), 7)}}, lambda: {"a": {"b": (mp.asarray(1.0), None)}}),
    ],
)
def test_targets_and_gradients_may_be_any_tree(target, gradients):
    tree = target()
    optimizer = optim.SGD(0.5, momentum=0.9)
    optimizer.update(tree, gradients())
    ((_, leaf),) = leaves(tree).items()
    assert leaf.item() == 2.5
    assert len([n for n in leaves(optimizer) if n.startswith("state.")]) == 1


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@every_optimizer
def test_parameters_and_moments_keep_their_dtype(name, dtype):
    theta, optimizer = mp.asarray([1.0, 2.0], dtype=dtype), make(name)
    optimizer.update(theta, mp.asarray([0.1, 0.2], dtype=dtype))
    assert theta.dtype == dtype
    assert {str(leaf.dtype) for leaf in leaves(optimizer.state).values() if leaf.shape} <= {dtype}
    assert np.isfinite(theta.numpy()).all()


def test_every_option_may_be_reassigned():
    theta, optimizer = mp.asarray(0.0), optim.SGD(1.0, momentum=0.5)
    optimizer.update(theta, -1.0)
    optimizer.momentum, optimizer.weight_decay, optimizer.clip_value = 0.25, 1.0, 1.5
    optimizer.update(theta, -4.0)  # g = −1.5 + 1·1, v = 0.25·(−1) − 0.5
    assert theta.item() == 1.75
    optimizer.momentum = 1.5
    with pytest.raises(SettingError, match=r"momentum=1\.5"):
        optimizer.update(theta, -1.0)


def test_a_learning_rate_given_as_an_array_is_a_copy():
    rate = mp.asarray(0.5, dtype="float64")
    optimizer = optim.SGD(rate)
    rate[...] = 4.0
    assert optimizer.current_learning_rate() == 0.5
