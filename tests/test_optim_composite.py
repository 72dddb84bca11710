"""Optimizers made of others, and averages: groups, lookahead, rates by layer, decay of weights alone."""

import json

import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from maplet.core.array import assign
from maplet.core.tree import leaves
from maplet.errors import CheckpointError, SettingError, ShapeError
from maplet.optim.composite import Composite
from test_optim import Line, bits, loss_of, step, traced_step, x, y

composites = {
    "Groups": lambda: optim.Groups(
        {
            "bias": optim.SGD(optim.Exponential(0.1, 0.9), momentum=0.9),
            "axes < 2|*.bias": optim.Lion(0.1),
            "*": optim.Adam(optim.ReduceOnPlateau(0.1, patience=0), weight_decay=0.1, amsgrad=True),
        },
        clip_norm=1.0,
    ),
    "Lookahead": lambda: optim.Lookahead(optim.RAdam(0.1), every=3, slow_rate=0.25),
    "SAM": lambda: optim.SAM(optim.Lookahead(optim.Adam(0.1), every=2), rho=0.1),
    "Averaged": lambda: optim.Averaged(
        optim.Lookahead(optim.without_decay(optim.Muon(0.1)), every=2), optim.ExponentialAverage(0.5)
    ),
}
every_composite = pytest.mark.parametrize("name", composites)
averages = {"Average": optim.Average, "ExponentialAverage": lambda: optim.ExponentialAverage(0.9)}


def test_the_tables_cover_the_registry():
    ours = {n: c for n, c in optim.registry.items() if c.__module__.startswith("maplet.")}
    assert {n for n, c in ours.items() if issubclass(c, Composite)} == composites.keys()
    assert {n for n, c in ours.items() if issubclass(c, optim.Averaging)} == averages.keys()


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────


def make(name):
    if name == "Groups":  # Line has no parameter for the second choice
        groups = composites[name]()
        return optim.Groups({c: o for c, o in groups.groups.items() if "axes" not in c}, clip_norm=1.0)
    return composites[name]()


@every_composite
def test_a_traced_step_is_the_eager_step_bit_for_bit(name):
    eager, traced = (Line(), make(name)), (Line(), make(name))
    for _ in range(4):
        loss = step(*eager, x, y)
        _, other = traced_step(*traced)
        assert loss.numpy().tobytes() == other.numpy().tobytes()
        assert bits(traced[0]) == bits(eager[0])
        assert bits(traced[1]) == bits(eager[1])


@every_composite
def test_one_compilation_serves_every_step(name):
    eager, native = (Line(), make(name)), (Line(), make(name))
    compiled = mp.jit(step)
    for _ in range(7):
        step(*eager, x, y)
        compiled(*native, x, y)
    assert compiled.compilations == 1, compiled.reasons
    for part, other in zip(eager, native, strict=True):
        ours, theirs = leaves(part), leaves(other)
        assert ours.keys() == theirs.keys()
        for n, leaf in ours.items():
            np.testing.assert_allclose(theirs[n].numpy(), leaf.numpy(), rtol=2e-4, atol=1e-6, err_msg=n)


@pytest.mark.parametrize("stop", [0, 1, 4])
@every_composite
def test_a_resumed_one_goes_on_bit_for_bit(name, stop):
    net, optimizer, other = Line(), make(name), Line()
    optimizer.init(net)
    for n in range(stop):
        optimizer.observe(1.0 + n % 2)
        step(net, optimizer, x, y)
    text = json.dumps(optimizer.state_dict(), allow_nan=False)
    arrays = {n: leaf.numpy().copy() for n, leaf in leaves(optimizer).items()}
    for n, leaf in leaves(net).items():
        assign(leaves(other)[n], mp.asarray(leaf.numpy()))
    new = optim.build(json.loads(text))
    assert json.dumps(new.describe()) == text
    new.init(other)
    new.load_state_dict(json.loads(text), arrays)
    for n in range(4):
        for o, target in ((optimizer, net), (new, other)):
            o.observe(1.0 + n % 2)
            step(target, o, x, y)
    assert bits(other) == bits(net)
    assert bits(new) == bits(optimizer)
    assert new.steps.item() == stop + 4
    assert new.current_learning_rate() == optimizer.current_learning_rate()


@every_composite
def test_a_state_that_does_not_fit_changes_nothing(name):
    net, optimizer = Line(), make(name)
    step(net, optimizer, x, y)
    before, saved = bits(optimizer), optimizer.state_dict()
    with pytest.raises(CheckpointError, match=r"(?s)missing.*call optimizer.init\(net\) first"):
        optimizer.load_state_dict(saved, {})
    assert bits(optimizer) == before
    with pytest.raises(CheckpointError, match=r"state of Adam"):
        optimizer.load_state_dict(optim.Adam().state_dict(), {})


@every_composite
def test_fit_trains_with_it_and_resumes_it_bit_for_bit(name, tmp_path, caplog):
    def run(directory, epochs, existing="error"):
        net = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 2, rng=1))
        optimizer = composites[name]()
        if name == "Groups":
            optimizer = optim.Groups({"layers.0.*": optim.SGD(0.1), "*": optim.Adam(0.01)})
        done = mp.fit(
            net, (x, y), loss="mse", optimizer=optimizer, epochs=epochs, batch_size=4,
            directory=tmp_path / directory, existing=existing, progress=False,
        )  # fmt: skip
        return net, optimizer, [record["loss"] for record in done.history]

    net, optimizer, losses = run("whole", 8)
    run("cut", 3)
    again, other, same = run("cut", 8, "resume")
    assert losses[-1] < losses[0]
    assert losses == same
    assert bits(net) == bits(again)
    assert bits(optimizer) == bits(other)
    assert "not compiled" not in caplog.text


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@every_composite
def test_parameters_keep_their_dtype(name, dtype):
    net, optimizer = {"weight": mp.ones((2, 3), dtype=dtype), "bias": mp.ones((2,), dtype=dtype)}, make(name)
    before = bits(net)
    for _ in range(3):
        _, gradients = optimizer.gradients_from(lambda net: (0.0, {n: p * 0.1 for n, p in net.items()}))(net)
        optimizer.update(net, gradients)
    assert {str(p.dtype) for p in net.values()} == {dtype}
    assert all(np.isfinite(p.numpy()).all() for p in net.values())
    assert all(value != before[n] for n, value in bits(net).items())


# ── groups ───────────────────────────────────────────────────────────────────────────────────────


def network():
    return nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 4, rng=1), nn.Tanh(), nn.Linear(4, 2, rng=2))


def test_groups_do_to_their_parameters_what_their_optimizers_do_alone():
    first, second = network(), network()
    together = optim.Groups({"layers.0.*": optim.SGD(0.1, momentum=0.9), "*": optim.Adam(1e-2)})
    sgd, adam = optim.SGD(0.1, momentum=0.9), optim.Adam(1e-2)
    for _ in range(5):
        together.update(first, mp.grad(loss_of)(first, x, y))
        gradients = mp.grad(loss_of)(second, x, y)
        for chosen, optimizer in ((True, sgd), (False, adam)):
            own = {n: p for n, p in second.parameters().items() if n.startswith("layers.0.") is chosen}
            optimizer.update(own, {n: gradients[n] for n in own})
    assert bits(first) == bits(second)


def test_groups_are_the_parameter_groups_of_pytorch():
    torch = pytest.importorskip("torch")
    net = network()
    theirs = {n: torch.tensor(p.numpy().copy(), requires_grad=True) for n, p in net.parameters().items()}
    other = torch.optim.AdamW(
        [
            {"params": [theirs[n] for n in theirs if n.endswith("bias")], "weight_decay": 0.0, "lr": 0.02},
            {"params": [theirs[n] for n in theirs if n.endswith("weight")], "weight_decay": 0.3, "lr": 0.01},
        ]
    )
    ours = optim.Groups(
        {"*.bias": optim.AdamW(0.02, weight_decay=0.0), "axes >= 2": optim.AdamW(0.01, weight_decay=0.3)}
    )
    for _ in range(10):
        gradients = mp.grad(loss_of)(net, x, y)
        for n, tensor in theirs.items():
            tensor.grad = torch.tensor(gradients[n].numpy().copy())
        other.step()
        ours.update(net, gradients)
    for n, tensor in theirs.items():
        np.testing.assert_allclose(net.parameters()[n].numpy(), tensor.detach().numpy(), rtol=1e-4, atol=1e-6)


def test_the_norm_that_is_clipped_is_that_of_all_groups():
    net = {"a": mp.asarray(0.0), "b": mp.asarray(0.0)}
    optim.Groups({"a": optim.SGD(1.0), "b": optim.SGD(10.0)}, clip_norm=1.0).update(net, {"a": 3.0, "b": 4.0})
    assert [net["a"].item(), net["b"].item()] == pytest.approx([-0.6, -8.0])


def test_a_function_may_choose():
    net = network()
    large = optim.Groups({lambda name, p: "weight" in name and p.size > 10: optim.SGD(1.0), "*": optim.SGD(0.1)})
    before = {n: p.numpy().copy() for n, p in net.parameters().items()}
    large.update(net, {n: mp.ones(p.shape) for n, p in net.parameters().items()})
    moved = {n: (before[n] - p.numpy()).max().round(3).item() for n, p in net.parameters().items()}
    assert {n for n, d in moved.items() if d == 1} == {"layers.0.weight", "layers.2.weight"}
    assert sorted(set(moved.values())) == pytest.approx([0.1, 1.0])
    with pytest.raises(SettingError, match="groups is a function, which JSON cannot hold"):
        large.describe()


def test_only_weights_decay():
    net = network()
    net.layers[0].bias[...] = 1.0
    before = bits(net)
    optim.without_decay(optim.AdamW(0.1, weight_decay=0.5)).update(
        net, {n: mp.zeros(p.shape) for n, p in net.parameters().items()}
    )
    assert {n for n, value in bits(net).items() if value != before[n]} == {
        "layers.0.weight", "layers.2.weight", "layers.4.weight",
    }  # fmt: skip


@pytest.mark.parametrize("rate", [1.0, optim.Step(1.0, every=2, factor=0.5)])
def test_lower_layers_have_smaller_rates(rate):
    net = network()
    optimizer = optim.layerwise(optim.SGD(rate), ["layers.0.*", "layers.2.*"], factor=0.5)
    start = {n: p.numpy().copy() for n, p in net.parameters().items()}
    for _ in range(4):
        optimizer.update(net, {n: mp.ones(p.shape) for n, p in net.parameters().items()})
    way = 4.0 if rate == 1.0 else 3.0
    for layer, factor in ((0, 0.25), (2, 0.5), (4, 1.0)):
        name = f"layers.{layer}.weight"
        np.testing.assert_allclose(start[name] - net.parameters()[name].numpy(), way * factor, rtol=1e-5)


def test_all_of_it_together_with_a_frozen_layer_in_one_compiled_step():
    """Rates by layer, decay of weights alone, a frozen layer, lookahead, an average, and micro-batches."""

    def make():
        net = network()
        net.layers[2].freeze()
        rates = optim.layerwise(optim.AdamW(optim.Cosine(0.05, steps=20), weight_decay=0.1), ["layers.0.*"], 0.5)
        decay = optim.without_decay(rates)
        return net, optim.Averaged(optim.Lookahead(decay, every=3), optim.ExponentialAverage(0.5))

    def train(net, optimizer, x, y):
        loss, gradients = mp.chunked(mp.value_and_grad(loss_of), 2)(net, x, y)
        optimizer.update(net, gradients)
        return loss

    net, optimizer = make()
    frozen = bits(net.layers[2])
    compiled = mp.jit(train)
    losses = [compiled(net, optimizer, x, y).item() for _ in range(10)]
    assert compiled.compilations == 1
    assert losses[-1] < losses[0]
    assert bits(net.layers[2]) == frozen
    assert [part.current_learning_rate() for part in optimizer.parts()] == pytest.approx([0.0125, 0.025] * 2)
    assert loss_of(optimizer.average.apply(net), x, y).item() < losses[0]

    other, by_hand = make()  # micro-batches that come one by one
    for _ in range(10):
        found = mp.Accumulator()
        for rows in (slice(0, 4), slice(4, 8)):
            found.add(mp.value_and_grad(loss_of)(other, x[rows], y[rows]))
        by_hand.update(other, found.mean()[1])
    for name, value in net.parameters().items():
        np.testing.assert_allclose(other.parameters()[name].numpy(), value.numpy(), rtol=1e-3, atol=1e-5)


shared, listening = optim.Adam(), optim.Warmup(optim.ReduceOnPlateau(0.1), steps=3)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: optim.Groups({}), r"(?s)groups=\{\}: expected a dict.*optim.Groups"),
        (lambda: optim.Groups(optim.Adam()), "expected a dict from patterns to optimizers"),
        (lambda: optim.Groups({"*": 0.1}), "(?s)Groups is made of optimizers, given float.*optim.Adam"),
        (lambda: optim.Groups({3: optim.Adam()}), "3 is neither a pattern nor a function"),
        (lambda: optim.Groups(dict.fromkeys("ab", optim.Adam())), "one optimizer, .* stands in two places"),
        (lambda: optim.Groups({"a": shared, "b": optim.Lookahead(shared)}), "one optimizer, .* stands in two places"),
        (lambda: optim.Groups({n: optim.Adam(listening) for n in "ab"}), "one schedule that listens, stands in two"),
        (lambda: optim.Groups({"*": optim.Adam()}, clip_norm=0.0), "clip_norm=0.0"),
        (lambda: optim.Lookahead(1e-3), "Lookahead is made of optimizers, given float"),
        (lambda: optim.Lookahead(optim.Adam(), every=0), "every=0"),
        (lambda: optim.Lookahead(optim.Adam(), slow_rate=0.0), "slow_rate=0.0"),
        (lambda: optim.Averaged(network()), "Averaged is made of optimizers, given Sequential"),
        (lambda: optim.Averaged(optim.Adam(), 0.9), "(?s)average=0.9: expected an average.*ExponentialAverage"),
        (lambda: optim.ExponentialAverage(1.0), "decay=1.0"),
        (lambda: optim.without_decay(optim.Chain(0.1, optim.scale(1.0))), "has no weight_decay"),
        (lambda: optim.layerwise(optim.Adam(), ["a"], factor=2.0), "factor=2.0"),
        (lambda: optim.layerwise(optim.Adam(), "layers.*", factor=0.5), r"(?s)expected a list.*\['layers.\*'\]"),
        (lambda: optim.layerwise(0.1, ["a"], factor=0.5), "expected an optimizer, given float"),
        (lambda: optim.Scaled(optim.Constant(0.1), 0.0), "factor=0.0"),
    ],
)
def test_what_cannot_be_made(make, match):
    with pytest.raises(SettingError, match=match):
        make()


def test_groups_miss_no_parameter_and_no_pattern_in_silence():
    net = network()
    gradients = mp.grad(loss_of)(net, x, y)
    with pytest.raises(SettingError, match=r"(?s)layers.0.bias fits no group; there are \*.weight.*let the last"):
        optim.Groups({"*.weight": optim.SGD(0.1)}).update(net, gradients)
    with pytest.raises(SettingError, match=r"(?s)the group 'layer.0.\*' fits no parameter.*layers.0.weight"):
        optim.Groups({"layer.0.*": optim.SGD(0.1), "*": optim.SGD(0.1)}).update(net, gradients)
    net.layers[0].freeze()  # a group may rest
    optimizer = optim.Groups({"layers.0.*": optim.SGD(0.1), "*": optim.SGD(0.1)}, clip_norm=1.0)
    optimizer.update(net, mp.grad(loss_of)(net, x, y))
    assert optimizer.steps.item() == 1
    begun = optim.Adam()
    begun.init(net)
    with pytest.raises(SettingError, match="has begun already"):
        optim.without_decay(begun)


def test_a_rate_is_set_in_the_parts():
    optimizer = optim.Lookahead(optim.without_decay(optim.AdamW(0.1)))
    with pytest.raises(SettingError, match=r"(?s)Lookahead has no learning rate of its own.*optimizer.parts\(\)"):
        optimizer.learning_rate = 0.2
    with pytest.raises(AttributeError, match=r"part.learning_rate for part in optimizer.parts\(\)"):
        _ = optimizer.learning_rate
    for part in optimizer.parts():
        part.learning_rate = 0.2
    assert optimizer.current_learning_rate() == 0.2


# ── lookahead, against its formula ───────────────────────────────────────────────────────────────


def test_lookahead_follows_the_published_formula():
    theta = mp.asarray(np.array([1.0, -2.0]))
    optimizer = optim.Lookahead(optim.SGD(0.1, momentum=0.5), every=3, slow_rate=0.25)
    fast = slow = np.array([1.0, -2.0])
    velocity = np.zeros(2)
    for t in range(1, 11):
        optimizer.update(theta, np.cos(theta.numpy()))
        velocity = 0.5 * velocity + np.cos(fast)
        fast = fast - 0.1 * velocity
        if t % 3 == 0:
            fast = slow = slow + 0.25 * (fast - slow)
        np.testing.assert_allclose(theta.numpy(), fast, rtol=1e-12)
        np.testing.assert_allclose(optimizer.state["slow"]["x"].numpy(), slow, rtol=1e-12)


# ── averages ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", averages)
def test_averages_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch")
    from torch.optim import swa_utils

    rng = np.random.default_rng(0)
    model = torch.nn.Linear(3, 2).double()
    function = swa_utils.get_ema_multi_avg_fn(0.9) if name == "ExponentialAverage" else None
    theirs = swa_utils.AveragedModel(model, multi_avg_fn=function)
    ours, net = averages[name](), {"weight": mp.zeros((2, 3), dtype="float64")}
    for _ in range(6):
        value = rng.normal(size=(2, 3))
        model.weight.data = torch.tensor(value)
        theirs.update_parameters(model)
        net["weight"][...] = value
        ours.update(net)
    np.testing.assert_allclose(ours.apply(net)["weight"].numpy(), theirs.module.weight.detach().numpy(), rtol=1e-12)
    assert net["weight"].numpy().tolist() == value.tolist()
    assert ours.count.item() == 6


@pytest.mark.parametrize("name", averages)
def test_an_average_is_compiled_once_and_resumed_bit_for_bit(name):
    net, optimizer, average = Line(), optim.SGD(0.1), averages[name]()

    @mp.jit
    def train(net, optimizer, average, x, y):
        loss = step(net, optimizer, x, y)
        average.update(net)
        return loss

    twin, other = Line(), averages[name]()
    plain = optim.SGD(0.1)
    for _ in range(4):
        train(net, optimizer, average, x, y)
        step(twin, plain, x, y)
        other.update(twin)
    assert train.compilations == 1, train.reasons
    for n, leaf in leaves(average).items():
        np.testing.assert_allclose(leaf.numpy(), leaves(other)[n].numpy(), rtol=1e-5, err_msg=n)
    new = optim.build(json.loads(json.dumps(average.state_dict())))
    new.init(net)
    new.load_state_dict(average.state_dict(), leaves(average))
    assert bits(new) == bits(average)
    net.weight[...] = 5.0
    for o in (new, average):
        o.update(net)
    assert bits(new) == bits(average)


def test_a_net_is_swapped_for_some_lines_and_comes_back_even_after_an_error():
    net, average = Line(), optim.Average()
    for value in (1.0, 3.0):
        net.weight[...] = value
        average.update(net)
    before = bits(net)
    with average.swapped(net):
        assert net.weight.tolist() == [[2.0, 2.0]] * 3
        assert net.frozen.item() == 2.0
    assert bits(net) == before
    with pytest.raises(ZeroDivisionError), average.swapped(net):
        raise ZeroDivisionError
    assert bits(net) == before
    copy = average.apply(net)
    assert copy.weight.tolist() == [[2.0, 2.0]] * 3
    assert list(leaves(copy)) == list(leaves(net))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_an_average_gives_back_the_dtype_and_halves_do_not_stand_still(dtype):
    net, average = {"w": mp.zeros((2,), dtype=dtype)}, optim.ExponentialAverage(0.9999)
    average.update(net)
    net["w"][...] = 1.0
    for _ in range(100):
        average.update(net)
    found = average.apply(net)["w"]
    assert found.dtype == dtype
    np.testing.assert_allclose(found.numpy(), 1 - 0.9999**100, rtol=2e-3 if dtype == "float16" else 1e-4)


def test_an_average_belongs_to_one_model():
    average = optim.Average()
    with pytest.raises(SettingError, match=r"(?s)nothing was averaged yet.*average.update\(net\)"):
        average.apply({"w": mp.asarray(1.0)})
    average.update({"w": mp.asarray(1.0)})
    with pytest.raises(ShapeError, match=r"(?s)those that this average has.*average.init\(net\)"):
        average.update({"v": mp.asarray(1.0)})
    with pytest.raises(ShapeError, match="v f32"):
        average.apply({"v": mp.asarray(1.0)})
