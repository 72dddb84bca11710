"""What loops, branches and calls change outside: each row of the table of writes, against plain Python."""

# Programs are tables of lambdas, and say `forms` even where they need none.
# ruff: noqa: ARG005, PLW0108

import copy

import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from maplet.core.array import Parameter, assign
from maplet.core.tree import Stateful, leaves
from maplet.errors import GradientError, MapletError, TraceError
from test_control_scan import python


class Net(Stateful):
    """A model with all kinds of state."""

    def __init__(self):
        self.w = Parameter([1.0, 2.0])
        self.frozen = Parameter([0.5, 0.25], trainable=False)
        self.mean = mp.zeros((2,))
        self.count = mp.asarray(0)
        self.seen = [mp.zeros((2,)), {"largest": mp.asarray(0.0)}]
        self.random = mp.random.Generator(3)
        self.name = "net"
        self.loss = 0.0
        self.last = None

    def __call__(self, x):
        h = self.w * x + self.random.uniform((2,))
        self.mean = 0.9 * self.mean + 0.1 * h
        self.count = self.count + 1
        self.seen = [h, {"largest": mp.maximum(self.seen[1]["largest"], mp.max(h))}]
        self.frozen = Parameter(self.frozen * 0.5, trainable=False)
        return h


xs = mp.asarray(np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32))


def state_of(net):
    return {path: leaf.numpy() for path, leaf in leaves(net).items()}


def assert_same_state(found, expected):
    a, b = state_of(found), state_of(expected)
    assert a.keys() == b.keys()
    for path in a:
        assert a[path].dtype == b[path].dtype, path
        np.testing.assert_array_equal(a[path], b[path], err_msg=path)


# ── every form, with a module that is captured or handed over ────────────────────────────────────


def scanned(forms, net):
    return forms.scan(lambda h, x: (h + net(x), mp.sum(h)), mp.zeros((2,)), xs)


def mapped(forms, net):
    return forms.map(net, xs)


def repeated(forms, net):
    return forms.while_loop(lambda s: s[1] < 4, lambda s: (s[0] + net(s[0]), s[1] + 1), (mp.zeros((2,)), 0), bound=6)


def counted(forms, net):
    return forms.fori_loop(0, 3, lambda i, h: h + net(h) * i, mp.ones((2,)))


def counted_by_data(forms, net):
    return forms.fori_loop(0, mp.asarray(3), lambda i, h: h + net(h) * i, mp.ones((2,)), bound=4)


def chosen(forms, net):
    return forms.cond(mp.sum(xs) > -100, lambda: net(xs[0]), lambda: xs[1])


def not_chosen(forms, net):
    return forms.cond(mp.sum(xs) < -100, lambda: net(xs[0]), lambda: xs[1])


def chosen_of_many(forms, net):
    return forms.switch(1, [lambda: xs[0], lambda: net(xs[1]), lambda: net(net(xs[2]))])


def recomputed(forms, net):
    return forms.checkpoint(lambda x: net(x) * 2)(xs[0])


def with_pullback(forms, net):
    def f(x):
        h = net(x)
        return h * x, lambda g: g * h

    return forms.custom_gradient(f)(xs[0])


def nested(forms, net):
    def step(h, x):
        h = forms.cond(mp.sum(x) > 0, lambda: forms.checkpoint(net)(x) + h, lambda: h * 0.5)
        return forms.fori_loop(0, 2, lambda i, h: h + net(x) * i, h), mp.sum(net.mean)

    return forms.scan(step, mp.zeros((2,)), xs)


programs = [
    scanned, mapped, repeated, counted, counted_by_data, chosen, not_chosen, chosen_of_many, recomputed, with_pullback,
    nested,
]  # fmt: skip
every_program = pytest.mark.parametrize("program", programs, ids=lambda p: p.__name__)


@every_program
def test_writes_to_a_captured_module(program):
    net, plain = Net(), Net()
    w = net.w
    found, expected = program(mp, net), program(python, plain)
    for f, e in zip(leaves(found).values(), leaves(expected).values(), strict=True):
        np.testing.assert_array_equal(f, e)
    assert_same_state(net, plain)
    assert net.w is w
    assert isinstance(net.frozen, Parameter)
    assert not net.frozen.trainable
    assert net.name == "net"


@pytest.mark.parametrize("program", [p for p in programs if p is not with_pullback], ids=lambda p: p.__name__)
def test_writes_under_a_derivative_happen_once(program):
    """Of value, gradient and pullback, however often it runs."""

    def total(forms, net):
        return sum((mp.sum(leaf) for leaf in leaves(program(forms, net)).values() if leaf.dtype.kind == "f"), 0.0)

    net, plain, other, third = Net(), Net(), Net(), Net()
    expected, slope = mp.value_and_grad(lambda net: total(python, net) + mp.sum(net.w))(plain)
    value, gradient = mp.value_and_grad(lambda net: total(mp, net) + mp.sum(net.w))(net)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(gradient["w"], slope["w"], rtol=1e-5)
    assert_same_state(net, plain)
    _, pullback = mp.vjp(lambda net: total(mp, net) + mp.sum(net.w), other)
    assert_same_state(other, plain)
    for _ in range(2):
        np.testing.assert_allclose(pullback(1.0)[0]["w"], slope["w"], rtol=1e-5)
    assert_same_state(other, plain)
    # Of the gradient of a gradient, too.
    mp.grad(lambda s, net: mp.sum(mp.grad(lambda net: s * total(mp, net) + mp.sum(net.w))(net)["w"]))(1.0, third)
    assert_same_state(third, plain)


@every_program
def test_writes_of_forward_mode(program):
    net, plain = Net(), Net()
    program(python, plain)
    mp.jvp(lambda s: mp.sum(next(iter(leaves(program(mp, net)).values()))) * s, (1.0,), (1.0,))
    assert_same_state(net, plain)


def test_a_module_as_carry_is_the_module_itself():
    net, plain = Net(), Net()

    def step(net, x):
        return net, net(x)

    last, ys = mp.scan(step, net, xs)
    _, expected = python.scan(lambda _, x: (None, plain(x)), None, xs)
    assert last is net
    np.testing.assert_array_equal(ys, expected)
    assert_same_state(net, plain)


@pytest.mark.parametrize(
    "run",
    [
        lambda net: mp.scan(lambda own, x: (own, own.w * net.w * x), net, xs),
        lambda net: mp.scan(lambda own, x: (own, net(x)), net, xs),
        lambda net: mp.while_loop(lambda own: net.count < 3, lambda own: (own(xs[0]), own)[1], net),
        lambda net: mp.cond(mp.asarray(True), lambda own: own.w + net.w, lambda own: own.w, net),
    ],
    ids=["scan", "writing", "condition", "cond"],
)
def test_one_module_is_not_both_argument_and_captured(run):
    """The argument changes from step to step, and what the closure holds could not follow it."""
    net = Net()
    with pytest.raises(
        TraceError, match=r"reads the same array from outside|is given as an argument, and changed"
    ) as caught:
        run(net)
    assert "use the argument" in caught.value.fix
    assert "test_control_state.py" in str(caught.value)
    assert_same_state(net, Net())


def test_an_array_may_be_both_argument_and_captured():
    """An array handed over begins as it is, and is a constant where the body reads it."""
    start = mp.asarray([1.0, 2.0])
    last, _ = mp.scan(lambda h, x: (h * start, None), start, length=2)
    assert last.tolist() == [1.0, 8.0]


def test_layers_of_a_module_as_rows():
    """A module whose parameters have a leading axis is a stack of layers; each step sees one of them."""
    stack = nn.Linear(3, 3, rng=1)
    stack.weight = Parameter(np.stack([nn.Linear(3, 3, rng=n).weight.numpy() for n in range(4)]))
    stack.bias = Parameter(np.ones((4, 3), np.float32))
    x = mp.ones((2, 3))

    def loss(stack, x):
        return mp.sum(mp.scan(lambda h, layer: (mp.tanh(layer(h)), None), x, stack)[0])

    def plain(stack, x):
        for n in range(4):
            x = mp.tanh(x @ stack.weight[n] + stack.bias[n])
        return mp.sum(x)

    found, expected = (mp.value_and_grad(f)(stack, x) for f in (loss, plain))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)
    for path in ("weight", "bias"):
        np.testing.assert_allclose(found[1][path], expected[1][path], rtol=1e-5, atol=1e-7)

    def write(h, layer):
        layer.bias = layer.bias * 2
        return layer(h), None

    with pytest.raises(TraceError, match="row of xs in place"):
        mp.scan(write, x, stack)


def test_a_module_as_operand_of_branches():
    net, plain = Net(), Net()
    found = mp.cond(mp.asarray(True), lambda net, x: net(x), lambda net, x: x, net, xs[0])
    np.testing.assert_array_equal(found, plain(xs[0]))
    assert_same_state(net, plain)


def test_a_module_as_state_of_a_while_loop():
    net, plain = Net(), Net()

    def step(state):
        net, h = state
        return net, h + net(h)

    last, h = mp.while_loop(lambda s: s[0].count < 3, step, (net, xs[0]))
    expected = xs[0]
    while plain.count < 3:
        expected = expected + plain(expected)
    assert last is net
    np.testing.assert_array_equal(h, expected)
    assert_same_state(net, plain)


def test_a_condition_may_look_at_what_the_body_changes():
    net = Net()
    mp.while_loop(lambda h: net.count < 3, lambda h: h + net(h), xs[0])
    assert int(net.count) == 3


# ── random numbers ───────────────────────────────────────────────────────────────────────────────


def test_a_generator_draws_the_bits_of_the_python_loop():
    a, b = mp.random.Generator(5), mp.random.Generator(5)
    _, found = mp.scan(lambda h, x: (h, a.normal((3,))), 0.0, xs)
    _, expected = python.scan(lambda h, x: (h, b.normal((3,))), 0.0, xs)
    np.testing.assert_array_equal(found, expected)
    assert int(a.draws) == 5
    assert len(np.unique(found)) == 15
    np.testing.assert_array_equal(a.uniform((2,)), b.uniform((2,)))


def test_the_default_generator_goes_on():
    mp.seed(7)
    _, found = mp.scan(lambda h, _: (h, mp.random.default.uniform((2,))), None, length=3)
    after = mp.random.default.uniform((2,))
    mp.seed(7)
    np.testing.assert_array_equal(found, np.stack([mp.random.default.uniform((2,)).numpy() for _ in range(3)]))
    np.testing.assert_array_equal(after, mp.random.default.uniform((2,)))


def test_a_branch_that_draws_advances_the_generator_where_it_runs():
    for flag, draws in ((True, 2), (False, 0)):
        rng = mp.random.Generator(1)
        mp.cond(mp.asarray(flag), lambda rng=rng: rng.uniform() + rng.uniform(), lambda: mp.asarray(0.0))
        assert int(rng.draws) == draws


@pytest.mark.parametrize(
    "wrap", [mp.checkpoint, lambda f: lambda x: mp.scan(lambda h, _: (f(h), None), x, length=1)[0]]
)
def test_what_is_computed_again_draws_the_same(wrap):
    """The gradient of x·u is the u of the forward pass."""
    rng, plain = mp.random.Generator(2), mp.random.Generator(2)
    value, slope = mp.value_and_grad(lambda x: mp.sum(wrap(lambda x: x * rng.uniform((3,)))(x)))(mp.ones((3,)))
    drawn = plain.uniform((3,))
    np.testing.assert_array_equal(slope, drawn)
    np.testing.assert_allclose(value, mp.sum(drawn), rtol=1e-6)
    assert int(rng.draws) == 1


@pytest.mark.parametrize(
    "form",
    [
        lambda draw, x: mp.scan(lambda h, _: (h + draw(), None), x, length=3)[0],
        lambda draw, x: mp.fori_loop(0, mp.asarray(3), lambda i, h: h + draw(), x, bound=5),
        lambda draw, x: mp.cond(mp.asarray(True), lambda: x + draw(), lambda: x),
        lambda draw, x: mp.checkpoint(lambda x: x * draw())(x),
        lambda draw, x: mp.scan(lambda h, _: (h, draw()), x, length=3)[1],
    ],
    ids=["scan", "while_loop", "cond", "checkpoint", "beside-the-carry"],
)
def test_rows_of_a_batch_draw_the_rows_of_one_draw(form):
    """`vmap` of a loop that draws is the loop over a batch that draws for all rows at once."""
    rows = mp.asarray(np.random.default_rng(0).normal(size=(4, 2)).astype(np.float32))
    one, many = mp.random.Generator(6), mp.random.Generator(6)
    found = mp.vmap(lambda x: form(lambda: one.uniform((2,)), x))(rows)
    expected = form(lambda: many.uniform((4, 2)), rows)
    np.testing.assert_array_equal(found, expected if expected.ndim == 2 else np.moveaxis(expected.numpy(), 1, 0))
    assert int(one.draws) == int(many.draws)
    assert len(np.unique(found)) == found.size


# ── handles, lists, and what ends early ──────────────────────────────────────────────────────────


def test_a_handle_from_outside_is_a_carry():
    total, table = mp.zeros((2,)), mp.zeros((5,))

    def step(n, x):
        table[n] = mp.sum(x)
        total[:] = total + x
        return n + 1, total * 1.0

    _, ys = mp.scan(step, 0, xs)
    np.testing.assert_array_equal(table, [mp.sum(x) for x in xs])
    expected, sums = np.zeros(2, np.float32), []
    for x in xs.numpy():
        expected = expected + x
        sums.append(expected)
    np.testing.assert_array_equal(total, expected)
    np.testing.assert_array_equal(ys, np.stack(sums))


def test_a_handle_of_a_module_is_a_carry():
    net = Net()
    w = net.w
    mp.scan(lambda h, x: (assign(net.w, net.w * 0.5), (h, None))[1], None, xs)
    assert net.w is w
    np.testing.assert_array_equal(w, np.asarray([1.0, 2.0]) / 32)


def test_a_handle_in_a_branch():
    a = mp.zeros((3,))

    def write():
        a[1] = 5.0
        return mp.asarray(1)

    assert int(mp.cond(mp.asarray(False), write, lambda: mp.asarray(2))) == 2
    assert a.tolist() == [0.0, 0.0, 0.0]
    assert int(mp.cond(mp.asarray(True), write, lambda: mp.asarray(2))) == 1
    assert a.tolist() == [0.0, 5.0, 0.0]


def test_the_carry_may_be_changed_in_place():
    """The body has a handle of its own; what was given is not touched."""
    start = mp.zeros((3,))

    def step(h, x):
        h[0] = h[0] + x[0]
        return h, h

    last, ys = mp.scan(step, start, xs)
    assert start.tolist() == [0.0, 0.0, 0.0]
    np.testing.assert_array_equal(ys[:, 0], np.cumsum(xs.numpy()[:, 0], dtype=np.float32))
    np.testing.assert_array_equal(last, ys[-1])


@pytest.mark.parametrize(
    "run",
    [
        lambda net: mp.scan(lambda h, x: (h, net(x)), None, xs[:0]),
        lambda net: mp.fori_loop(3, 3, lambda i, h: net(h), xs[0]),
        lambda net: mp.while_loop(lambda h: mp.sum(h) > 1e9, net, xs[0]),
        lambda net: mp.while_loop(lambda h: mp.asarray(True), net, xs[0], bound=0),
    ],
)
def test_a_loop_of_no_steps_leaves_everything_alone(run):
    net = Net()
    run(net)
    assert_same_state(net, Net())


def fails(*_):
    raise KeyError("on purpose")


@pytest.mark.parametrize(
    "run",
    [
        lambda net: mp.scan(lambda h, x: (h, fails(net(x))), None, xs),
        lambda net: mp.while_loop(lambda h: mp.sum(h) < 9, lambda h: fails(net(h)), xs[0]),
        lambda net: mp.while_loop(lambda h: fails(), net, xs[0]),
        lambda net: mp.cond(mp.asarray(True), lambda: net(xs[0]), fails),
        lambda net: mp.switch(0, [lambda: net(xs[0]), lambda: fails(net(xs[0]))]),
        lambda net: mp.checkpoint(lambda: fails(net(xs[0])))(),
        lambda net: mp.custom_gradient(lambda x: (net(x), fails))(xs[0]),
        lambda net: mp.custom_root(lambda x: fails(net(x)), xs[0]),
    ],
    ids=["scan", "while", "condition", "cond", "switch", "checkpoint", "custom_gradient", "custom_root"],
)
def test_nothing_is_written_where_a_body_raises(run):
    net = Net()
    with pytest.raises(KeyError):
        run(net)
    assert_same_state(net, Net())


def test_nothing_is_written_where_a_step_fails():
    """The error comes only when numbers are there: in step 3 a position is outside."""
    net = Net()
    with pytest.raises(MapletError) as caught:
        mp.scan(lambda h, i: (h, mp.take(net(xs[0]), i[None], axis=0)), None, mp.asarray([0, 1, 1, 7]))
    assert "in step 3 of 4 of a scan" in str(caught.value)
    assert_same_state(net, Net())


class Tied(Stateful):
    """One weight in two places, and an optimizer's kind of in-place update."""

    def __init__(self):
        self.encoder = Parameter([1.0, 2.0])
        self.decoder = self.encoder


def test_tied_arrays_stay_tied():
    net = Tied()
    mp.scan(lambda h, x: (assign(net.encoder, net.decoder * 0.5 + x), (h, None))[1], None, xs)
    assert net.encoder is net.decoder
    expected = np.asarray([1.0, 2.0], np.float32)
    for x in xs.numpy():
        expected = expected * np.float32(0.5) + x
    np.testing.assert_array_equal(net.encoder, expected)


def test_untying_inside_a_loop_is_refused():
    net = Tied()
    with pytest.raises(TraceError, match=r"same array as Tied\.decoder") as caught:
        mp.scan(lambda own, x: (setattr(own, "encoder", own.encoder * 0.5), (own, None))[1], net, xs)
    assert ".copy()" in str(caught.value)
    assert net.encoder is net.decoder


# ── training as a loop ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam], ids=["sgd", "adam"])
@pytest.mark.parametrize("form", ["scan", "fori_loop", "while_loop"])
def test_training_as_a_loop_is_the_loop_of_training(kind, form):
    data = np.random.default_rng(1)
    x = mp.asarray(data.normal(size=(6, 8, 3)).astype(np.float32))
    y = mp.asarray(data.integers(0, 4, size=(6, 8)))

    def made():
        net = nn.Sequential(nn.Linear(3, 5, rng=1), nn.ReLU(), nn.Dropout(0.3, rng=4), nn.Linear(5, 4, rng=2))
        optimizer = kind(learning_rate=0.05)
        optimizer.init(net)
        return net, optimizer

    def train(net, optimizer, x, y):
        loss, gradients = mp.value_and_grad(lambda net: nn.cross_entropy(net(x), y))(net)
        optimizer.update(net, gradients)
        return loss

    net, optimizer = made()
    plain, other = made()
    expected = [train(plain, other, x[n], y[n]).numpy() for n in range(6)]
    weights = [p for p in leaves(net).values() if isinstance(p, Parameter)]
    if form == "scan":
        _, found = mp.scan(lambda _, batch: (None, train(net, optimizer, *batch)), None, (x, y))
    elif form == "fori_loop":

        def step(n, losses):
            losses[n] = train(net, optimizer, mp.take(x, n, axis=0), mp.take(y, n, axis=0))
            return losses

        found = mp.fori_loop(0, 6, step, mp.zeros((6,)))
    else:

        def go_on(state):
            n, losses = state
            losses[n] = train(net, optimizer, mp.take(x, n, axis=0), mp.take(y, n, axis=0))
            return n + 1, losses

        _, found = mp.while_loop(lambda state: state[0] < 6, go_on, (0, mp.zeros((6,))))
    np.testing.assert_array_equal(found, expected)
    assert_same_state(net, plain)
    assert_same_state(optimizer, other)
    assert all(a is b for a, b in zip(
        weights, [p for p in leaves(net).values() if isinstance(p, Parameter)], strict=True
    ))  # fmt: skip


def test_an_optimizer_that_does_not_know_the_net_says_what_to_do():
    net, optimizer = nn.Linear(2, 1), optim.Adam(learning_rate=0.1)

    def step(_, x):
        optimizer.update(net, mp.grad(lambda net: mp.sum(net(x)))(net))
        return None, None

    with pytest.raises(MapletError) as caught:
        mp.scan(step, None, xs)
    assert "init(net)" in str(caught.value)


# ── what the table forbids ───────────────────────────────────────────────────────────────────────


def set_to(name, value):
    def body(net):
        setattr(net, name, value(net))
        return mp.asarray(0.0)

    return body


forms = {
    "scan": lambda f: lambda net: mp.scan(lambda h, x: (h, f(net)), None, xs),
    "while_loop": lambda f: lambda net: mp.while_loop(lambda n: n < 3, lambda n: (f(net), n + 1)[1], 0),
    "fori_loop": lambda f: lambda net: mp.fori_loop(0, 3, lambda i, n: (f(net), n + 1)[1], 0),
    "cond": lambda f: lambda net: mp.cond(mp.asarray(True), lambda: f(net), lambda: mp.asarray(0.0)),
    "switch": lambda f: lambda net: mp.switch(0, [lambda: f(net), lambda: mp.asarray(0.0)]),
    "map": lambda f: lambda net: mp.map(lambda x: f(net), xs),
}
forbidden = {
    "static": (set_to("name", lambda net: "another"), r"changes Net\.name from 'net' to 'another'"),
    "new attribute": (set_to("new", lambda net: mp.asarray(1.0)), r"adds Net\.new"),
    "deleted": (lambda net: (delattr(net, "mean"), mp.asarray(0.0))[1], r"deletes Net\.mean"),
    "dtype": (set_to("mean", lambda net: net.mean.astype(mp.float64)), r"Net\.mean from f32\[2\] to f64\[2\]"),
    "shape": (set_to("mean", lambda net: mp.zeros((3,))), r"Net\.mean from f32\[2\] to f32\[3\]"),
    "no array": (set_to("mean", lambda net: "text"), r"changes Net\.mean from f32\[2\] to 'text'"),
    "longer list": (set_to("seen", lambda net: [*net.seen, mp.zeros((2,))]), r"changes Net\.seen"),
    "number to array": (set_to("loss", lambda net: mp.sum(net.w)), r"changes Net\.loss from 0\.0 to f32\[\]"),
    "None to array": (set_to("last", lambda net: mp.sum(net.w)), r"changes Net\.last from None to f32\[\]"),
    "object": (set_to("random", lambda net: mp.random.Generator(1)), r"changes Net\.random"),
}  # fmt: skip


@pytest.mark.parametrize("form", forms)
@pytest.mark.parametrize("what", forbidden)
def test_what_is_no_array_of_fixed_type_cannot_change(form, what):
    body, message = forbidden[what]
    net = Net()
    before = dict(vars(net))
    with pytest.raises(TraceError, match=message) as caught:
        forms[form](body)(net)
    assert caught.value.fix
    assert "test_control_state.py" in str(caught.value)
    assert all(vars(net)[name] is value for name, value in before.items() if name != "seen")
    assert vars(net).keys() == before.keys()
    assert_same_state(net, Net())


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda net: mp.while_loop(lambda h: (net(h), mp.asarray(False))[1], lambda h: h, xs[0]), "only look"),
        (lambda net: mp.while_loop(lambda h: net.random.uniform() > 0.5, lambda h: h, xs[0]), "only look"),
        (lambda net: mp.custom_gradient(lambda x: (x, lambda g: net(g)))(xs[0]), "pullback"),
        (lambda net: mp.custom_root(lambda x: x - net(x), xs[0]), "only an equation"),
    ],
    ids=["condition", "drawing-condition", "pullback", "root"],
)
def test_what_may_only_look_cannot_change_anything(run, message):
    net = Net()
    with pytest.raises((TraceError, GradientError), match=message) as caught:
        run(net)
    assert "test_control_state.py" in str(caught.value)
    assert_same_state(net, Net())


def test_the_rows_of_xs_cannot_be_changed_in_place():
    def step(h, x):
        x[0] = 0.0
        return h, x

    with pytest.raises(TraceError, match="row of xs in place") as caught:
        mp.scan(step, None, xs)
    assert "return the new row as y" in str(caught.value)
    assert "test_control_state.py" in str(caught.value)


# ── what a user of other libraries expects to go ─────────────────────────────────────────────────


class Scaled(nn.Module):
    def __init__(self, w):
        self.w = mp.Parameter(w)

    def forward(self, x):
        return x * self.w


def test_a_setting_may_change_and_change_back():
    """Training and validating in one step of a scan."""
    net = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Dropout(0.5, rng=1))

    def step(_, x):
        trained = mp.sum(net.train()(x))
        checked = mp.sum(net.eval()(x))
        net.train()
        return None, (trained, checked)

    mp.scan(step, None, mp.ones((3, 1, 2)))
    assert net.training
    assert net.layers[1].training


def test_a_module_made_in_a_step_keeps_its_parameters():
    last, _ = mp.scan(lambda net, x: (Scaled(net.w * 0.5), None), Scaled(mp.ones((3,))), length=2)
    assert {name: p.tolist() for name, p in last.parameters().items()} == {"w": [0.25, 0.25, 0.25]}
    made = mp.cond(mp.asarray(False), lambda: Scaled(mp.ones((2,))), lambda: Scaled(mp.zeros((2,))))
    assert {name: p.tolist() for name, p in made.parameters().items()} == {"w": [0.0, 0.0]}
    assert mp.grad(lambda net: mp.sum(net(mp.ones((2,)))))(made)["w"].tolist() == [1.0, 1.0]


def test_a_net_may_be_copied_inside_a_transform():
    net = Scaled(mp.asarray([2.0, 3.0]))
    optimizer = optim.SGD(0.1)

    def after_a_step(net, x):
        copied = copy.deepcopy(net)
        optimizer.init(copied)
        optimizer.update(copied, mp.grad(lambda net: mp.sum(net(x) ** 2))(copied))
        return mp.sum(copied(x) ** 2)

    gradient = mp.grad(after_a_step)(net, mp.ones((2,)))  # (w − 0.2 w)² → 2·0.64·w
    np.testing.assert_allclose(gradient["w"], [2.56, 3.84], rtol=1e-6)
    assert net.w.tolist() == [2.0, 3.0]
    outside = copy.deepcopy(net)
    assert outside.w is not net.w
    assert list(outside.parameters()) == ["w"]


def test_dropout_may_be_made_inside_a_transform():
    ensemble = mp.random.Generator(0).split(4)
    rows = mp.vmap(lambda g: nn.Dropout(0.5, rng=g)(mp.ones((8,))))(ensemble)
    alone = mp.stack([nn.Dropout(0.5, rng=mp.random.Generator(0).split(4)[n])(mp.ones((8,))) for n in range(4)])
    np.testing.assert_array_equal(rows, alone)
