"""`vmap`: what it does for many rows at once is what a loop does for each; axes, state, randomness, nesting, errors."""

# Most cases are lambdas.
# ruff: noqa: ARG005, PLW0108

import collections

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maplet as mp
from maplet import nn
from maplet.core.array import Array, Parameter, assign
from maplet.core.check import check
from maplet.core.tree import Stateful, leaves, replace
from maplet.errors import GradientError, SettingError, ShapeError, TraceError

rng = np.random.default_rng(0)
a, b = rng.normal(size=(3, 4)), rng.normal(size=(4, 2))


def loop(f, rows, *shared):
    """f for one row after the other, stacked."""
    return np.stack([np.asarray(f(mp.asarray(row), *shared)) for row in rows])


# ── composite functions and losses ───────────────────────────────────────────────────────────────

functions = {
    "network": lambda x: mp.tanh(x @ mp.asarray(b)) @ mp.asarray(b.T),
    "cross entropy": lambda x: nn.cross_entropy(mp.reshape(x, (2, 2)), mp.asarray([0, 1])),
    "softmax": lambda x: mp.softmax(x),
    "norm": lambda x: mp.norm(x),
    "sort": lambda x: mp.sort(x)[::-1],
    "gather": lambda x: mp.take(x, mp.argsort(x)[:2]),
    "set": lambda x: filled(x),
    "max": lambda x: mp.max(mp.stack([x, -x]), axis=0),
    "one hot": lambda x: mp.one_hot(mp.argmax(x), 4) * x,
    "where": lambda x: mp.where(x > 0, mp.sqrt(mp.abs(x) + 1), x**2),
    "cond": lambda x: mp.cond(mp.sum(x) > 0, mp.sin, mp.cos, x),
    "scan": lambda x: mp.scan(lambda c, v: (mp.sin(c + v), c * v), mp.zeros((), dtype=mp.float64), x)[1],
    "while": lambda x: mp.while_loop(lambda y: mp.sum(y * y) < 100, lambda y: 2 * y, x),
    "checkpoint": mp.checkpoint(lambda x: mp.exp(x) * mp.sum(x)),
    "hessian": mp.hessian(lambda x: mp.sum(mp.sin(x)) ** 2),
    "jacobian": mp.jacobian(lambda x: mp.tanh(x[:2] * x[2:]), mode="forward"),
    "tangent": lambda x: mp.jvp(lambda y: mp.exp(y) * y, (x,), (x,))[1],
}


def filled(x):
    y = x * 1.0
    y[1:3] = x[0]
    return y


@pytest.mark.parametrize("name", functions)
def test_vmap_is_the_loop(name):
    f = functions[name]
    np.testing.assert_allclose(mp.vmap(f)(a), loop(f, a), rtol=1e-12, atol=1e-13)
    graph = mp.trace(mp.vmap(f), a)
    check(graph)
    assert mp.parse(str(graph)) == graph
    np.testing.assert_allclose(mp.evaluate(graph, a), loop(f, a), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", [n for n in functions if n != "while"])
def test_gradients_of_rows_are_the_rows_of_gradients(name):
    """grad∘vmap ≈ vmap∘grad ≈ the loop of gradients."""
    f = functions[name]
    loss = lambda x: mp.sum(mp.sin(f(x)))
    expected = loop(mp.grad(loss), a)
    np.testing.assert_allclose(mp.vmap(mp.grad(loss))(a), expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(mp.grad(lambda x: mp.sum(mp.vmap(loss)(x)))(a), expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(mp.grad(lambda x: mp.sum(mp.sin(mp.vmap(f)(x))))(a), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", [n for n in functions if n != "while"])
def test_second_derivatives_through_vmap(name):
    f = functions[name]
    loss = lambda x: mp.sum(mp.sin(f(x)))
    product = lambda x: mp.hvp(loss, (x,), (mp.ones((4,), dtype=mp.float64),))
    expected = loop(product, a)
    np.testing.assert_allclose(mp.vmap(product)(a), expected, rtol=1e-9, atol=1e-10)
    total = mp.hvp(lambda x: mp.sum(mp.vmap(loss)(x)), (a,), (np.ones_like(a),))
    np.testing.assert_allclose(total, expected, rtol=1e-9, atol=1e-10)
    pushed = mp.jvp(mp.vmap(mp.grad(loss)), (a,), (np.ones_like(a),))[1]
    np.testing.assert_allclose(pushed, expected, rtol=1e-9, atol=1e-10)


def test_vmap_of_vmap():
    f = lambda x, y: mp.sum(mp.sin(x * y)) + x[0]
    both = mp.vmap(mp.vmap(f, in_axes=(None, 0)), in_axes=(0, None))(a, a + 1)
    expected = [[float(f(mp.asarray(x), mp.asarray(y))) for y in a + 1] for x in a]
    np.testing.assert_allclose(both, expected, rtol=1e-13)
    swapped = mp.vmap(mp.vmap(f, in_axes=(0, None)), in_axes=(None, 0), out_axes=1)(a, a + 1)
    np.testing.assert_allclose(swapped, expected, rtol=1e-13)


# ── axes ─────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_axes_in_any_combination(data):
    """vmap with any in_axes and out_axes is the loop over those axes, for trees of up to three arrays."""
    size = data.draw(st.integers(1, 3))
    shape = tuple(data.draw(st.lists(st.integers(1, 3), max_size=2)))  # of one row
    axes = data.draw(
        st.lists(st.none() | st.integers(-len(shape) - 1, len(shape)), min_size=3, max_size=3).filter(any_axis)
    )
    rows = np.random.default_rng(0).normal(size=(3, size, *shape))
    arguments = [r[0] if axis is None else np.moveaxis(r, 0, axis) for r, axis in zip(rows, axes, strict=True)]
    f = lambda t, y: {"a": t["p"] * 2 + y, "b": (mp.sin(t["q"][0]) - y, mp.ones((2,)))}
    outs = [data.draw(st.integers(-len(shape) - 1, len(shape))) for _ in range(2)]
    last = data.draw(st.sampled_from([None, 0, 1, -1, -2]))
    x, y = {"p": arguments[0], "q": [arguments[1]]}, arguments[2]
    found = mp.vmap(f, ({"p": axes[0], "q": [axes[1]]}, axes[2]), {"a": outs[0], "b": (outs[1], last)})(x, y)
    pick = lambda r, axis, n: mp.asarray(r[0] if axis is None else r[n])
    each = [
        f({"p": pick(rows[0], axes[0], n), "q": [pick(rows[1], axes[1], n)]}, pick(rows[2], axes[2], n))
        for n in range(size)
    ]
    np.testing.assert_array_equal(found["a"], np.stack([e["a"] for e in each], axis=outs[0]))
    np.testing.assert_array_equal(found["b"][0], np.stack([e["b"][0] for e in each], axis=outs[1]))
    ones = np.ones(2) if last is None else np.stack([np.ones(2)] * size, axis=last)
    np.testing.assert_array_equal(found["b"][1], ones)


def any_axis(axes):
    return any(axis is not None for axis in axes)


def test_a_prefix_holds_for_all_below_it():
    tree = {"p": [a, a + 1], "q": (a[0],), "n": 3, "name": "kept"}
    f = lambda t: {"s": mp.sum(t["p"][0] * t["p"][1] * t["q"][0]) * t["n"], "name": t["name"]}
    found = mp.vmap(f, in_axes=({"p": 0, "q": None, "n": None, "name": None},))(tree)
    np.testing.assert_allclose(found["s"], 3 * np.sum(a * (a + 1) * a[0], axis=1), rtol=1e-13)
    assert found["name"] == "kept"
    Pair = collections.namedtuple("Pair", "x y")  # noqa: PYI024  (a named tuple of any kind)
    found = mp.vmap(lambda p: Pair(p.y, p.x), in_axes=((0, None),), out_axes=(None, 0))(Pair(a, a[0]))
    assert isinstance(found, Pair)
    np.testing.assert_array_equal(found.x, a[0])
    np.testing.assert_array_equal(found.y, a)


def test_keyword_arguments_and_captures_are_shared():
    shift = mp.asarray(b[:, 0])
    found = mp.vmap(lambda x, *, scale: x * scale + shift)(a, scale=mp.asarray(b[:, 1]))
    np.testing.assert_allclose(found, a * b[:, 1] + b[:, 0])


def test_no_rows_at_all():
    assert mp.vmap(lambda x: mp.sum(x) * mp.ones((2,)))(np.ones((0, 3))).shape == (0, 2)


def test_integers_booleans_and_half_floats():
    for dtype in (mp.bool, mp.int8, mp.float16):
        x = mp.asarray([[1, 0], [0, 1]]).astype(dtype)
        assert mp.vmap(lambda x: x[::-1])(x).type == x.type


# ── modules and state ────────────────────────────────────────────────────────────────────────────


def linear(seed):
    return nn.Sequential(nn.Linear(4, 5, rng=seed), nn.ReLU(), nn.Linear(5, 2, rng=seed + 1))


def ensemble(nets):
    """One module whose arrays hold those of all."""
    named = [leaves(net) for net in nets]
    stacked = {id(leaf): Parameter(np.stack([one[name] for one in named])) for name, leaf in named[0].items()}
    return replace(nets[0], lambda leaf: stacked.get(id(leaf), leaf))


def test_gradients_per_example():
    net, x, y = linear(0), mp.asarray(a.astype("float32")), mp.asarray([0, 1, 1])
    loss = lambda net, x, y: nn.cross_entropy(net(x[None]), y[None])
    found = mp.vmap(mp.grad(loss), in_axes=(None, 0, 0))(net, x, y)
    for n in range(3):
        one = mp.grad(loss)(net, x[n], y[n])
        assert one.keys() == found.keys()
        for name in one:
            np.testing.assert_allclose(found[name][n], one[name], rtol=1e-5, atol=1e-6)


def test_an_ensemble_of_modules():
    nets = [linear(seed) for seed in (0, 10, 20)]
    x = mp.asarray(a.astype("float32"))
    many = ensemble(nets)
    found = mp.vmap(lambda net: net(x))(many)
    np.testing.assert_allclose(found, np.stack([net(x) for net in nets]), rtol=1e-5, atol=1e-6)
    gradients = mp.vmap(mp.grad(lambda net, x: mp.sum(net(x) ** 2)), in_axes=(0, None))(many, x)
    for n, net in enumerate(nets):
        for name, one in mp.grad(lambda net: mp.sum(net(x) ** 2))(net).items():
            np.testing.assert_allclose(gradients[name][n], one, rtol=1e-4, atol=1e-5)
    trained = mp.grad(lambda many: mp.sum(mp.vmap(lambda net: mp.sum(net(x) ** 2))(many)))(many)
    for name in gradients:
        np.testing.assert_allclose(trained[name], gradients[name], rtol=1e-4, atol=1e-5)


def test_axes_of_a_module_by_name():
    many = ensemble([linear(seed) for seed in (0, 10)])
    shared = linear(0)
    shared.layers[0] = many.layers[0]
    x = mp.asarray(a[0].astype("float32"))
    axes = {"layers": None, "layers.0": 0}
    found = mp.vmap(lambda net, x: net(x), in_axes=(axes, None))(shared, x)
    for n in range(2):
        one = linear(0)
        one.layers[0].weight = Parameter(many.layers[0].weight[n])
        one.layers[0].bias = Parameter(many.layers[0].bias[n])
        np.testing.assert_allclose(found[n], one(x), rtol=1e-5, atol=1e-6)


class Meter(Stateful):
    """Something that keeps what it has seen."""

    def __init__(self):
        self.total = mp.zeros(())
        self.calls = 0
        self.random = mp.random.Generator(7)

    def __call__(self, x):
        self.calls += 1
        return x + self.random.uniform(x.shape, dtype=mp.float64)


def test_what_all_rows_share_is_written_once():
    meter = Meter()
    found = mp.vmap(lambda m, x: m(x), in_axes=(None, 0))(meter, a)
    assert meter.calls == 1
    assert int(meter.random.draws) == 1
    noise = found.numpy() - a
    assert len(np.unique(noise)) == a.size  # every row draws its own
    mp.vmap(lambda x: meter(x))(a)  # captured
    assert meter.calls == 2
    assert int(meter.random.draws) == 2


def test_writing_inside_a_trace_and_inside_grad():
    meter = Meter()
    mp.grad(lambda x: mp.sum(mp.vmap(lambda x: meter(x))(x)))(a)
    assert (meter.calls, int(meter.random.draws)) == (1, 1)


def test_an_unbatched_array_is_written():
    meter = Meter()

    def f(x):
        meter.total = meter.total + 1.0
        assign(counter, counter + 2)
        return x

    counter = mp.asarray(0)
    mp.vmap(f)(a)
    assert float(meter.total) == 1.0
    assert int(counter) == 2


@pytest.mark.parametrize("where", ["argument", "captured", "list", "handle"])
def test_what_depends_on_the_row_may_not_be_written_to_what_rows_share(where):
    meter, outside, handle = Meter(), Meter(), mp.zeros((), dtype=mp.float64)
    meter.seen = [mp.zeros((), dtype=mp.float64)]

    def f(m, x):
        if where == "list":
            m.seen[0] = mp.sum(x)
        elif where == "handle":
            assign(handle, mp.sum(x))
        else:
            (m if where == "argument" else outside).total = mp.sum(x)
        m.calls = 5
        return x

    name = {"list": r"Meter\.seen\.0", "handle": r"an array from outside \(f64\[\]\)"}.get(where, r"Meter\.total")
    with pytest.raises(TraceError, match=name + r" is written a value that depends on the row(?s:.*)return the value"):
        mp.vmap(f, in_axes=(None, 0))(meter, a)
    assert meter.calls == 0
    assert float(meter.total) == float(outside.total) == float(meter.seen[0]) == float(handle) == 0.0


def test_an_ensemble_keeps_state_of_its_own_for_every_member():
    class Norm(Stateful):
        def __init__(self, members):
            self.mean = mp.zeros((members, 4), dtype=mp.float64)
            self.seen = mp.zeros((members,))

        def __call__(self, x):
            self.mean = 0.5 * self.mean + x
            self.seen = mp.ones(())
            return x - self.mean

    many = Norm(3)
    mp.vmap(lambda n, x: n(x))(many, a)
    np.testing.assert_array_equal(many.mean, a)
    assert many.seen.tolist() == [1.0, 1.0, 1.0]


def test_generators_that_are_split_draw_what_each_would():
    several, single = mp.random.Generator(0).split(3), mp.random.Generator(0).split(3)
    found = mp.vmap(lambda g: g.normal((2,)))(several)
    for n in range(3):
        np.testing.assert_array_equal(found[n], single[n].normal((2,)))
    assert several.draws.tolist() == [1, 1, 1]


def test_the_argument_itself_is_unharmed():
    x = mp.asarray(a)

    def f(row):
        row[0] = 0.0
        return row

    found = mp.vmap(f)(x)
    np.testing.assert_array_equal(found[:, 0], 0)
    np.testing.assert_array_equal(x[:, 1:], a[:, 1:])


# ── errors that teach ────────────────────────────────────────────────────────────────────────────

x23 = mp.ones((2, 3))
one = mp.ones((2,))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mp.vmap(3), TraceError, r"given int(?s:.*)mp\.vmap\(f\)\(x\)"),
        (lambda: mp.vmap(mp.sin)(2.0), ShapeError, r"f32\[\]\) has no axis(?s:.*)in_axes=\(0, None\)"),
        (lambda: mp.vmap(lambda x, y: x)(x23, 2.0), ShapeError, r"y \(f32\[\]\) has no axis"),
        (lambda: mp.vmap(lambda x: x, 2)(x23), ShapeError, r"x \(f32\[2,3\]\) has the axes 0 to 1, in_axes says 2"),
        (lambda: mp.vmap(lambda x: x, -3)(x23), ShapeError, "in_axes says -3"),
        (lambda: mp.vmap(lambda x: x, 0, 2)(x23), ShapeError, r"out_axes says 2"),
        (lambda: mp.vmap(lambda x, y: x)(x23, mp.ones((3,))), ShapeError, r"2 rows in x \(axis 0.*3 rows in y"),
        (lambda: mp.vmap(lambda t: t, 1)({"a": x23, "b": x23.T}), ShapeError, r"3 rows in t\.a.*2 rows in t\.b"),
        (lambda: mp.vmap(lambda n: n)(linear(0)), ShapeError, r"4 rows in n\.layers\.0\.weight.*5 rows in"),
        (lambda: mp.vmap(lambda x: x, None)(x23), SettingError, "no argument has an axis"),
        (lambda: mp.vmap(lambda: 1)(), SettingError, "no argument has an axis"),
        (lambda: mp.vmap(lambda n: n)(3), SettingError, "no argument has an axis"),
        (lambda: mp.vmap(lambda x, y: x, (0,))(x23, x23), SettingError, "1 entries.*2 positional"),
        (lambda: mp.vmap(lambda x: x, "0")(x23), SettingError, r"'0' for x, which is f32\[2,3\]"),
        (lambda: mp.vmap(lambda x: x, True)(x23), SettingError, "True for x"),
        (lambda: mp.vmap(lambda x: x, ((0, 0),))(x23), SettingError, r"\(0, 0\) for x"),
        (lambda: mp.vmap(lambda t: t, ((0, 0),))([x23]), SettingError, "2 entries for t.*sequence of 1"),
        (lambda: mp.vmap(lambda t: t, ({"a": 0},))({"b": x23}), SettingError, r"keys \['a'\] for t.*\['b'\]"),
        (lambda: mp.vmap(lambda n: n, ({"hidden": 0},))(linear(0)), SettingError, r"'hidden' for n.*layers\.0\.weight"),
        (lambda: mp.vmap(lambda n: n, ({"layers.0": 0},))(linear(0)), SettingError, r"no entry for layers\.2\.weight"),
        (lambda: mp.vmap(lambda x, t: x, ((0, 1), 0))([x23, x23], x23), SettingError, r"same array.*axes 0 and 1"),
        (
            lambda: mp.vmap(lambda x: x, 0, None)(x23),
            SettingError,
            "out_axes is None for the value.*depends on the row",
        ),
        (lambda: mp.vmap(lambda x: {"a": x}, 0, {"b": 0})(x23), SettingError, r"out_axes has the keys \['b'\]"),
        (lambda: mp.vmap(lambda x: x if mp.sum(x) > 0 else -x)(x23), TraceError, r"mp\.where"),
        (lambda: mp.vmap(mp.grad(lambda x: x))(x23), GradientError, r"shape \(3,\)(?s:.*)mp\.jacobian"),
    ],
)
def test_the_error_teaches(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert "test_transforms_vmap.py:" in caught.value.where


def test_a_failure_writes_nothing():
    meter = Meter()
    with pytest.raises(ShapeError):
        mp.vmap(lambda m, x: m(x) @ mp.ones((7,)), in_axes=(None, 0))(meter, a)
    assert meter.calls == 0
    assert isinstance(meter.total, Array)


def test_a_network_with_dropout_treats_rows_as_the_batch_does():
    """The row's number is part of a draw's position: vmap over rows ≡ the layer applied to the whole batch."""

    def network():
        return nn.Sequential(nn.Linear(3, 4, rng=0), nn.Dropout(0.5, rng=1), nn.Linear(4, 2, rng=2))

    x = mp.random.Generator(5).normal((6, 3))
    by_row, at_once = network(), network()
    np.testing.assert_array_equal(mp.vmap(by_row)(x), at_once(x))
    assert int(by_row.layers[1].generator.draws) == int(at_once.layers[1].generator.draws) == 1
