"""`jvp`, `linearize`, `hvp`: derivatives in a direction, against differences, against the pullback, and nested."""

# Most cases are lambdas.
# ruff: noqa: ARG005, PLW0108

import itertools

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.core.array import Parameter
from maplet.core.check import check
from maplet.core.graph import in_order
from maplet.core.primitive import registry
from maplet.core.tree import Stateful, leaves
from maplet.errors import DTypeError, GradientError, ShapeError
from test_ops_laws import joined

differentiable = [p for p in registry.values() if p.gradient and p.example]
every_differentiable = pytest.mark.parametrize("primitive", differentiable, ids=lambda p: p.name)
step = 6e-6


def program(primitive, seed=0):
    """A function of the floating inputs of an example, those inputs, and a direction."""
    rng = np.random.default_rng(seed)
    inputs, params = primitive.example(rng)
    inputs = [np.asarray(x) for x in inputs]
    real = [n for n, x in enumerate(inputs) if x.dtype.kind == "f"]

    def f(*xs):
        given = dict(zip(real, xs, strict=True))
        return joined(primitive.name, *[given.get(n, mp.asarray(x)) for n, x in enumerate(inputs)], **params)

    primals = [inputs[n] for n in real]
    return f, primals, [rng.uniform(-1, 1, size=x.shape) for x in primals]


def moved(primals, tangents, by):
    return [mp.asarray(x + by * t) for x, t in zip(primals, tangents, strict=True)]


def difference(f, primals, tangents):
    """(f(x + ht) − f(x − ht)) / 2h, leaf by leaf."""
    low, high = (list(leaves(f(*moved(primals, tangents, by))).values()) for by in (-step, step))
    return [(b.numpy() - a.numpy()) / (2 * step) for a, b in zip(low, high, strict=True)]


def close(found, expected, tolerance=2e-6):
    found, expected = (np.concatenate([np.ravel(x) for x in each]) for each in (found, expected))
    scale = max(1.0, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=tolerance)


# ── laws of every operation ──────────────────────────────────────────────────────────────────────


@every_differentiable
def test_a_jvp_is_the_central_difference(primitive):
    f, primals, tangents = program(primitive)
    value, tangent = mp.jvp(f, primals, tangents)
    np.testing.assert_array_equal(value, f(*map(mp.asarray, primals)))
    assert tangent.type == value.type
    close([tangent], difference(f, primals, tangents))


@every_differentiable
def test_pullback_and_pushforward_are_one_matrix(primitive):
    """vᵀ(Jt) = (vᵀJ)t."""
    f, primals, tangents = program(primitive)
    value, tangent = mp.jvp(f, primals, tangents)
    v = np.random.default_rng(1).uniform(-1, 1, size=value.shape)
    gradients = mp.vjp(f, *primals)[1](v)
    right = sum(float(np.sum(g.numpy() * t)) for g, t in zip(gradients, tangents, strict=True))
    assert float(np.sum(v * tangent.numpy())) == pytest.approx(right, rel=1e-11, abs=1e-11)


@every_differentiable
def test_second_derivatives_along_a_direction(primitive):
    """Forward over reverse and reverse over forward are both the difference of gradients."""
    f, primals, tangents = program(primitive)
    out = f(*map(mp.asarray, primals))
    weights = mp.asarray(np.random.default_rng(2).uniform(0.5, 1.5, size=out.shape))
    loss = lambda *xs: mp.sum(mp.sin(f(*xs) * weights))
    numbers = list(range(len(primals)))
    gradient = mp.grad(loss, numbers)
    expected = difference(gradient, primals, tangents)
    close(mp.jvp(gradient, primals, tangents)[1], expected, 1e-5)
    close(mp.grad(lambda *xs: mp.jvp(loss, xs, tangents)[1], numbers)(*primals), expected, 1e-5)
    product = mp.hvp(loss, primals, tangents)
    close(product if len(primals) > 1 else [product], expected, 1e-5)


@every_differentiable
def test_the_linear_map_is_the_jvp(primitive):
    f, primals, tangents = program(primitive)
    value, along = mp.linearize(f, *primals)
    expected_value, expected = mp.jvp(f, primals, tangents)
    np.testing.assert_array_equal(value, expected_value)
    np.testing.assert_allclose(along(*tangents), expected, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(along(*[-2 * t for t in tangents]), -2 * expected.numpy(), rtol=1e-13, atol=1e-13)


@every_differentiable
def test_the_pushed_graph_is_legal_and_is_read_back(primitive):
    f, primals, tangents = program(primitive)
    graph = mp.trace(lambda xs, ts: mp.jvp(f, xs, ts), primals, tangents)
    check(graph)
    assert mp.parse(str(graph)) == graph


# ── trees, modules, dtypes ───────────────────────────────────────────────────────────────────────


class Net(Stateful):
    """A model with a weight, a frozen weight, a running mean and a counter."""

    def __init__(self):
        self.w = Parameter(np.asarray([1.0, 2.0]))
        self.inner = {"b": Parameter(np.asarray(0.5))}
        self.frozen = Parameter(np.asarray([5.0]), trainable=False)
        self.mean = mp.zeros((2,), dtype=mp.float64)
        self.random = mp.random.Generator(3)
        self.calls = 0

    def __call__(self, x):
        h = mp.sin(self.w * x) + self.inner["b"]
        self.mean = 0.5 * self.mean + 0.5 * h
        self.calls += 1
        return mp.sum(h * h) + 0 * self.random.uniform(())


x = np.asarray([0.3, -0.7])
direction = {"w": np.asarray([1.0, -2.0]), "inner.b": np.asarray(3.0)}


def test_the_tangent_of_a_module_is_a_dict_of_its_parameters():
    net = Net()
    _, tangent = mp.jvp(lambda net, x: net(x), (net, x), (direction, None))
    gradient = mp.grad(lambda net: net(x))(Net())
    assert set(gradient) == set(direction)
    expected = sum(float(np.sum(gradient[name].numpy() * direction[name])) for name in direction)
    assert float(tangent) == pytest.approx(expected, rel=1e-12)
    product = mp.hvp(lambda net: net(x), (Net(),), (direction,))
    ahead, behind = (mp.grad(lambda net: net(x))(shifted(by)) for by in (step, -step))
    for name in direction:
        np.testing.assert_allclose(product[name], (ahead[name].numpy() - behind[name].numpy()) / (2 * step), rtol=1e-6)


def shifted(by):
    net = Net()
    net.w = Parameter(net.w + by * direction["w"])
    net.inner = {"b": Parameter(net.inner["b"] + by * direction["inner.b"])}
    return net


def test_a_module_is_no_tangent_and_the_error_says_what_is():
    f = lambda net: net(x)
    with pytest.raises(GradientError, match=r"tangent of net is a Net; (?s:.*)\{'w': …, 'inner\.b': …\}") as caught:
        mp.jvp(f, (Net(),), (Net(),))
    assert "calls" not in str(caught.value)
    with pytest.raises(GradientError, match=r"tangent of nets\.0 is a Net; (?s:.*)\{'w': …, 'inner\.b': …\}"):
        mp.jvp(lambda nets: f(nets[0]), ([Net()],), ([Net()],))


@pytest.mark.parametrize("way", ["jvp", "linearize", "hvp", "traced", "jacobian", "hessian"])
def test_writes_are_carried_out_once(way):
    net, plain = Net(), Net()
    plain(x)
    f = lambda net: net(x)
    if way == "jvp":
        mp.jvp(f, (net,), (direction,))
    elif way == "linearize":
        _, along = mp.linearize(f, net)
        assert float(along(direction)) == float(along(direction))
    elif way == "traced":
        mp.vjp(lambda net: mp.jvp(f, (net,), (direction,)), net)[1]((1.0, 1.0))
    elif way == "hvp":
        mp.hvp(f, (net,), (direction,))
    elif way == "jacobian":
        mp.jacobian(f)(net)
    else:
        mp.hessian(f)(net)
    assert net.calls == 1
    np.testing.assert_array_equal(net.mean, plain.mean)
    np.testing.assert_array_equal(net.random.draws, plain.random.draws)


def test_what_is_refused_is_not_written():
    net = Net()
    with pytest.raises(GradientError):
        mp.jvp(lambda net: net(x), (net,), ({"w": x},))
    assert net.calls == 0


def test_trees_in_and_out():
    tree = {"a": [1.0, (mp.asarray([2.0, 3.0]),)], "n": 2, "name": "kept"}
    f = lambda t, y: {"sum": t["a"][0] * t["a"][1][0] * y, "first": (mp.argmax(t["a"][1][0]), y), "name": t["name"]}
    value, tangent = mp.jvp(f, [tree, 2.0], ({"a": [1.0, (None,)], "n": None, "name": None}, 10.0))
    assert value["sum"].tolist() == [4.0, 6.0]
    assert tangent["sum"].tolist() == [24.0, 36.0]
    assert tangent["first"][0] is None
    assert float(tangent["first"][1]) == 10.0
    assert tangent["name"] is None
    gradient = mp.vjp(f, tree, 2.0)[1]({"sum": mp.ones((2,)), "first": (None, 0.0), "name": None})
    assert mp.jvp(f, (tree, 2.0), gradient)[1]["sum"].shape == (2,)  # what grad returns is a tangent


def test_none_is_zero():
    f = lambda a, b: a * b
    assert float(mp.jvp(f, (2.0, 3.0), (None, None))[1]) == 0.0
    assert float(mp.jvp(f, (2.0, 3.0), (None, 1.0))[1]) == 2.0
    assert float(mp.jvp(lambda t: t["a"] * t["b"], ({"a": 2.0, "b": 3.0},), ({"a": None, "b": 1.0},))[1]) == 2.0
    assert float(mp.linearize(f, 2.0, 3.0)[1](None, 1.0)) == 2.0
    assert mp.hvp(lambda x, n: x**n, (2.0, 3), (1.0, None))[1] is None
    assert float(mp.hvp(lambda x, n: x**n, (2.0, 3), (1.0, None))[0]) == 12.0


def test_a_value_that_does_not_move_has_the_tangent_zero():
    _, tangent = mp.jvp(lambda x: {"a": x, "b": mp.ones((2,))}, (1.0,), (2.0,))
    assert float(tangent["a"]) == 2.0
    assert tangent["b"].tolist() == [0.0, 0.0]
    assert float(mp.linearize(lambda x: mp.ones(()), 1.0)[1](1.0)) == 0.0


def test_a_tied_leaf_has_one_tangent():
    one = mp.asarray(3.0)
    assert float(mp.jvp(lambda t: t[0] * t[1], ([one, one],), ([1.0, 1.0],))[1]) == 6.0
    with pytest.raises(GradientError, match=r"t\.1 is an array that stands in several places(?s:.*)\.copy\(\)"):
        mp.jvp(lambda t: t[0] * t[1], ([one, one],), ([1.0, 2.0],))


def test_dtypes_are_kept():
    for dtype in (np.float16, np.float32, np.float64):
        value, tangent = mp.jvp(mp.sin, (np.ones(2, dtype),), (np.ones(2, dtype),))
        assert value.dtype == tangent.dtype == dtype
    value, tangent = mp.jvp(lambda x: x.astype(mp.float64), (1.0,), (1.0,))
    assert tangent.dtype == np.float64


# ── linearize ────────────────────────────────────────────────────────────────────────────────────


def test_linearize_traces_once_and_computes_the_value_once():
    calls = []

    def f(x):
        calls.append(1)
        return mp.exp(mp.sin(x))

    _, along = mp.linearize(f, x)
    assert len(calls) == 1
    for t in np.eye(2):
        np.testing.assert_allclose(along(t), t * np.cos(x) * np.exp(np.sin(x)), rtol=1e-14)
    assert len(calls) == 1
    names = [node.primitive.name for node in in_order(mp.trace(lambda t: along(t), x).outputs)]
    assert "sin" not in names
    assert "exp" not in names


def test_a_linear_map_keeps_what_the_arguments_held():
    w = mp.asarray([2.0])
    _, along = mp.linearize(lambda x: x * w, mp.asarray([1.0]))
    _, pullback = mp.vjp(lambda x: x * w, mp.asarray([1.0]))
    w[0] = 100.0
    assert along(mp.ones((1,))).tolist() == [2.0]
    assert pullback(mp.ones((1,)))[0].tolist() == [2.0]


def test_linearize_inside_a_trace():
    f = lambda x: mp.linearize(lambda y: y**3, x)[1](1.0)
    assert float(mp.grad(f)(2.0)) == 12.0
    assert float(mp.jvp(f, (2.0,), (1.0,))[1]) == 12.0


# ── nesting ──────────────────────────────────────────────────────────────────────────────────────


def by_grad(f):
    return mp.grad(f)


def by_jvp(f):
    return lambda x: mp.jvp(f, (x,), (1.0,))[1]


def by_linearize(f):
    return lambda x: mp.linearize(f, x)[1](1.0)


def by_vjp(f):
    return lambda x: mp.vjp(f, x)[1](1.0)[0]


def by_forward_jacobian(f):
    return mp.jacobian(f, mode="forward")


def by_reverse_jacobian(f):
    return mp.jacobian(f, mode="reverse")


ways = [by_grad, by_jvp, by_linearize, by_vjp, by_forward_jacobian, by_reverse_jacobian]
functions = {
    "power": (lambda x: x**5, lambda x: 60 * x**2),
    "product": (lambda x: mp.sin(x) * mp.exp(2 * x), lambda x: np.exp(2 * x) * (2 * np.sin(x) + 11 * np.cos(x))),
    "checkpoint": (mp.checkpoint(lambda x: mp.exp(x) * x), lambda x: np.exp(x) * (x + 3)),
    "branch": (lambda x: mp.cond(x > 0, lambda y: y**4, mp.sin, x), lambda x: 24 * x),
    "loop": (lambda x: mp.scan(lambda c, _: (c * x, None), x, length=3)[0], lambda x: 24 * x),
}


def orders(ways):
    """Every order of three ways; one of each two that follow each other is quick: a Latin square of them."""
    numbers = range(len(ways))
    for places in itertools.product(numbers, repeat=3):
        is_quick = sum(places) % len(ways) == 0
        yield tuple([ways[place] for place in places]), [] if is_quick else pytest.mark.slow


nestings = [
    pytest.param(name, order, marks=marks, id=f"{name}-{'-'.join(way.__name__[3:] for way in order)}")
    for name in functions
    for order, marks in orders(ways if name == "product" else [by_grad, by_jvp, by_forward_jacobian])
]


@pytest.mark.parametrize(("name", "order"), nestings)
def test_the_third_derivative_in_every_order_of_nesting(name, order):
    f, third = functions[name]
    for way in order:
        f = way(f)
    x = np.asarray(0.7)
    assert float(f(x)) == pytest.approx(third(0.7), rel=1e-9)
    assert float(mp.evaluate(mp.trace(f, x), x)) == pytest.approx(third(0.7), rel=1e-9)


def test_nested_directions_do_not_confuse_their_variables():
    """d/dx [x · d/dy (x + y)] = 1."""
    inner = lambda x: x * mp.jvp(lambda y: x + y, (1.0,), (1.0,))[1]
    assert float(mp.jvp(inner, (2.0,), (1.0,))[1]) == 1.0
    assert float(mp.grad(inner)(2.0)) == 1.0
    assert float(mp.jvp(lambda x: x * mp.grad(lambda y: x * y)(1.0), (2.0,), (1.0,))[1]) == 4.0


def test_python_control_flow_inside():
    f = lambda x: x * x if x > 0 else -x
    assert float(mp.jvp(f, (3.0,), (1.0,))[1]) == 6.0
    assert float(mp.jvp(f, (-3.0,), (1.0,))[1]) == -1.0
    assert float(mp.hvp(f, (3.0,), (1.0,))) == 2.0


def test_a_network_in_any_order():
    rng = np.random.default_rng(0)
    net = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 2, rng=1)).astype("float64")
    data, labels = rng.normal(size=(5, 3)), rng.integers(2, size=5)
    loss = lambda net: nn.cross_entropy(net(data), labels)
    tangent = {name: rng.normal(size=leaf.shape) for name, leaf in net.parameters().items()}
    product = mp.hvp(loss, (net,), (tangent,))
    reverse = mp.grad(lambda net: mp.jvp(loss, (net,), (tangent,))[1])(net)
    for name in tangent:
        np.testing.assert_allclose(product[name], reverse[name], rtol=1e-10, atol=1e-13)


# ── errors that teach ────────────────────────────────────────────────────────────────────────────

double = lambda x: x * 2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mp.jvp(3, (1.0,), (1.0,)), GradientError, "given int"),
        (lambda: mp.linearize(3, 1.0), GradientError, r"given int(?s:.*)mp\.linearize\(f, x\)"),
        (lambda: mp.hvp(3, (1.0,), (1.0,)), GradientError, "given int"),
        (lambda: mp.jvp(double, 1.0, 1.0), GradientError, r"given float(?s:.*)\(x,\), \(t,\)"),
        (lambda: mp.jvp(double, (1.0,), mp.ones(())), GradientError, r"given Array(?s:.*)\(x,\), \(t,\)"),
        (lambda: mp.jvp(double, (1.0,), (1.0, 2.0)), GradientError, "1 argument, but 2 tangents"),
        (lambda: mp.linearize(double, 1.0)[1](), GradientError, "1 argument, but 0 tangents"),
        (lambda: mp.jvp(double, (3,), (1.0,)), GradientError, r"x, but its primal \(int\)(?s:.*)3\.0 instead of 3"),
        (lambda: mp.jvp(double, (3,), (None,)), GradientError, r"3\.0 instead of 3"),
        (lambda: mp.linearize(double, mp.asarray([1, 2])), GradientError, r"astype\(mp\.float32\)"),
        (lambda: mp.hvp(double, (3,), (1.0,)), GradientError, r"3\.0 instead of 3"),
        (lambda: mp.jvp(double, (mp.asarray([1, 2]),), (mp.ones((2,)),)), GradientError, r"i64\[2\]\) holds nothing"),
        (lambda: mp.jvp(double, (mp.ones((2,)),), (mp.ones((3,)),)), ShapeError, r"of x has shape \(3,\).*\(2,\)"),
        (lambda: mp.jvp(double, (mp.ones((2,)),), (1.0,)), ShapeError, r"\(\), its primal \(2,\)"),
        (lambda: mp.jvp(double, (mp.ones((2,)),), (np.ones(2),)), DTypeError, r"f64, its primal f32(?s:.*)mp\.float32"),
        (lambda: mp.jvp(double, (1.0,), (mp.asarray(1),)), DTypeError, "i64, its primal f32"),
        (lambda: mp.jvp(double, (mp.ones((2,)),), ([1.0, 2.0],)), GradientError, "a tangent is given for x.0"),
        (lambda: mp.jvp(lambda t: t["a"], ({"a": 1.0},), ({},)), GradientError, r"no tangent for t\.a.*given: nothing"),
        (lambda: mp.jvp(lambda t: t["a"], ({"a": 1.0, "b": 1.0},), ({"a": 1.0},)), GradientError, r"t\.b.*given: t\.a"),
        (lambda: mp.jvp(lambda t: t["a"], ({"a": 1.0},), ({"a": 1.0, "c": 1.0},)), GradientError, r"given for t\.c"),
        (lambda: mp.jvp(lambda t: t["a"], ({"a": 1.0, "n": 1},), ({"a": 1.0, "n": 1},)), GradientError, r"for t\.n"),
        (lambda: mp.jvp(lambda x: mp.argmax(x), (mp.ones((2,)),), (None,)), GradientError, "no floating array"),
        (lambda: mp.jvp(lambda x: x.item(), (1.0,), (1.0,)), GradientError, "leave the graph"),
        (lambda: mp.hvp(lambda x: x, (mp.ones((2,)),), (mp.ones((2,)),)), GradientError, r"mp\.jacobian"),
    ],
)  # fmt: skip
def test_the_error_teaches(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert "test_transforms_jvp.py:" in caught.value.where
