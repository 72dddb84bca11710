"""`mp.derive`: gradients as a person would write them, and as NumPy code that gives the same numbers."""

import functools
import inspect
import time
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maplet as mp
from loop_programs import programs as loops
from maplet import nn
from maplet.core.primitive import registry
from maplet.core.trace import bind
from maplet.core.types import ArrayType
from maplet.errors import AxisError, SettingError
from maplet.explain.print_text import text

rng = np.random.default_rng(0)


def test_a_choice_keeps_a_pole_out_and_a_power_of_a_number_is_plain():
    found = mp.derive(lambda x: mp.sum(mp.where(x > 0, mp.sqrt(x), 0.0)), mp.asarray([0.0, 4.0, -1.0]))
    space = {}
    exec(found.numpy(), space)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(space["gradients"](np.array([0.0, 4.0, -1.0]))["x"], [0.0, 0.25, 0.0])
    assert mp.derive(lambda x: x**3, mp.asarray(2.0)).text().splitlines()[-1] == "∂loss/∂x = 3·x²"


def normal(*shape):
    return rng.normal(size=shape)


def softmax_regression(W, b, X, y):
    z = X @ W + b
    return nn.cross_entropy(z, y)


def by_hand(W, b, X, y):
    p = mp.softmax(X @ W + b)
    return -mp.mean(mp.sum(mp.one_hot(y, 3, dtype=W.dtype) * mp.log(p), axis=1))


def logistic_regression(w, b, X, y):
    z = X @ w + b
    return nn.binary_cross_entropy(z, y)


def linear_regression(w, X, y):
    prediction = X @ w
    return nn.mse(prediction, y)


def tanh_unit(W, b, X, y):
    h = mp.tanh(X @ W + b)
    return nn.mse(h, y)


def perceptron(W1, b1, W2, b2, X, y):  # noqa: PLR0917  (a net has so many)
    z1 = X @ W1 + b1
    h = mp.relu(z1)
    z2 = h @ W2 + b2
    return nn.cross_entropy(z2, y)


def normalized(w, x):
    centred = x - mp.mean(x, axis=1, keepdims=True)
    scale = mp.sqrt(mp.mean(centred**2, axis=1, keepdims=True) + 1e-3)
    return mp.sum((centred / scale) ** 3 * w)


labels = np.asarray([0, 1, 2, 0])
net = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Sigmoid(), nn.Linear(3, 2, rng=1))
programs = {
    "labels of its own": (lambda W, X: nn.cross_entropy(X @ W, np.asarray([0, 1, 1])), (normal(2, 2), normal(3, 2))),
    "column of labels": (
        lambda W, X: -mp.mean(mp.log(mp.take_along_axis(mp.softmax(X @ W), np.asarray([[0], [1], [1]]), axis=1))),
        (normal(2, 2), normal(3, 2)),
    ),
    "softmax regression": (softmax_regression, (normal(2, 3), normal(3), normal(4, 2), labels)),
    "softmax by hand": (by_hand, (normal(2, 3), normal(3), normal(4, 2), labels)),
    "logistic regression": (logistic_regression, (normal(3), np.asarray(0.5), normal(4, 3), labels % 2 * 1.0)),
    "linear regression": (linear_regression, (normal(3, 1), normal(5, 3), normal(5, 1))),
    "tanh": (tanh_unit, (normal(2, 3), normal(3), normal(4, 2), normal(4, 3))),
    "perceptron": (perceptron, (normal(2, 5), normal(5), normal(5, 3), normal(3), normal(4, 2), labels)),
    "normalized": (normalized, (normal(4), normal(3, 4))),
    "module": (lambda net, x, y: nn.mse(net(x), y), (net, np.float32(normal(4, 2)), np.float32(normal(4, 2)))),
    "powers": (lambda w, x: mp.sum(mp.sin(w * x) ** 2 + w / x - mp.exp(-w)), (normal(3), normal(3))),
}
golden = {
    "softmax regression": ["z = X W + b", "δ1 = softmax(z) − onehot(y)", "∂loss/∂W = Xᵀ δ1/4",
                           "∂loss/∂b = (Σ[axis 0] δ1)/4", "∂loss/∂X = δ1 Wᵀ/4"],
    "logistic regression": ["z = X w + b", "δ1 = σ(z) − y", "∂loss/∂w = Xᵀ δ1/4", "∂loss/∂b = (Σ δ1)/4"],
    "linear regression": ["prediction = X w", "δ1 = prediction − y", "∂loss/∂w = 2·Xᵀ δ1/5",
                          "∂loss/∂X = 2·δ1 wᵀ/5", "∂loss/∂y = −2·δ1/5"],
    "tanh": ["h = tanh (X W + b)", "δ2 = δ1 ⊙ (1 − h²)", "∂loss/∂W = Xᵀ δ2/6"],
    "perceptron": ["δ2 = δ1 W2ᵀ ⊙ [z1 > 0]", "∂loss/∂W1 = Xᵀ δ2/4", "∂loss/∂W2 = hᵀ δ1/4"],
}  # fmt: skip


def run(code, derivation):
    """What the code gives for the values of the derivation's inputs."""
    if "from scipy" in code:
        pytest.importorskip("scipy")
    scope = {}
    exec(compile(code, "<the code>", "exec"), scope)
    values = {leaf.name.replace(".", "_"): leaf.value for leaf in derivation.leaves}
    names = list(inspect.signature(scope["gradients"]).parameters)
    return scope["gradients"](*[values[name] for name in names])


@pytest.mark.parametrize("name", programs)
def test_the_code_runs_and_gives_the_same_numbers(name):
    f, args = programs[name]
    found, derivation = mp.derive(f, *args), mp.explain(f, *args)
    gradients = run(found.numpy(), derivation)
    assert gradients
    for path, value in gradients.items():
        expected = derivation.gradients()[path]
        assert np.shape(value) == expected.shape
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", golden)
def test_formulas_are_those_of_the_textbook(name):
    f, args = programs[name]
    lines = mp.derive(f, *args).text().splitlines()
    for expected in golden[name]:
        assert expected in lines, "\n".join(lines)


def test_softmax_and_cross_entropy_in_one_line():
    f, args = programs["softmax regression"]
    found = mp.derive(f, *args, names=["W"])
    assert found.text().splitlines()[-1] == "∂loss/∂W = Xᵀ (softmax(z) − onehot(y))/4"
    assert found.text(indexed=True).splitlines()[-1] == (
        "∂loss/∂W[i,j] = (Σ[k] X[k,i]·(softmax(z)[k,j] − [y[k] = j]))/4"
    )
    assert r"\frac{\partial \mathrm{loss}}{\partial W} &= \frac{X^{\top}" in found.latex()


def test_gradients_say_what_they_are_of():
    f, args = programs["softmax regression"]
    assert repr(mp.derive(f, *args, names=["W", "b"])) == "<gradients of loss by W, b>"


def test_a_softmax_that_is_named_is_called_so():
    f, args = programs["softmax by hand"]
    lines = mp.derive(f, *args, names=["W"]).text().splitlines()
    assert lines[0] == "p = softmax(X W + b)"
    assert "softmax" not in "".join(lines[1:])


# An input has no meaning of its own, and the nested forms stand in `loops`; a draw depends on the generator's key.
not_written = {"random_bits": "a draw of random numbers"}
primitives = [name for name, one in registry.items() if one.example is not None]


def weighed(name, params):
    """A loss in which every element of what an operation gives has a weight: ∂loss/∂weight is that element."""

    def f(weights, *xs):
        found = bind(name, *map(mp.asarray, xs), **params)
        several = isinstance(found.type, tuple)
        outputs = [bind("item", found, index=n) for n in range(len(found.type))] if several else [found]
        return sum((mp.sum(y.astype(mp.float64) * w) for y, w in zip(outputs, weights, strict=True)), mp.asarray(0.0))

    return f


@pytest.mark.parametrize("name", primitives)
def test_every_operation_is_written_in_numpy(name):
    """Its value and its derivative, as code; of what is not written, the error names the operation."""
    draws = np.random.default_rng(5)
    xs, params = registry[name].example(draws)
    xs = [np.asarray(x) for x in xs]
    gives = registry[name].shape(*(ArrayType(x.shape, x.dtype) for x in xs), **params)
    weights = [draws.normal(size=one.shape) for one in (gives if isinstance(gives, tuple) else (gives,))]
    f = weighed(name, params)
    derivation, found = mp.explain(f, weights, *xs), mp.derive(f, weights, *xs)
    if name in not_written:
        with pytest.raises(SettingError, match=f"NumPy has no {name}"):
            found.numpy()
        return
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        gradients = run(found.numpy(), derivation)
    assert len(gradients) == len(derivation.gradients())
    for path, value in gradients.items():
        expected = derivation.gradients()[path]
        assert np.shape(value) == expected.shape
        np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", loops)
def test_loops_and_branches_are_functions_in_the_code(name):
    f, args = loops[name]
    derivation, found = mp.explain(f, *args), mp.derive(f, *args)
    code = found.numpy()
    assert "def body1(" in code
    for path, value in run(code, derivation).items():
        np.testing.assert_allclose(value, derivation.gradients()[path], rtol=1e-5, atol=1e-6)


def image_net(x, y, kernel, gamma, W):
    z = mp.conv(x, kernel, padding="same")
    centred = z - mp.mean(z, axis=(0, 1, 2), keepdims=True)
    normed = gamma * centred / mp.sqrt(mp.mean(centred**2, axis=(0, 1, 2), keepdims=True) + 1e-5)
    pooled = nn.MaxPool2d(2)(mp.gelu(normed))
    return nn.cross_entropy(mp.mean(pooled, axis=(1, 2)) @ W, y)


block = nn.TransformerEncoderLayer(4, 2, hidden_features=8, rng=0)
block.eval()
whole_nets = {
    "image": (image_net, (normal(2, 4, 4, 1), np.asarray([0, 1]), normal(3, 3, 1, 2), normal(2), normal(2, 2))),
    "batch norm": (
        lambda net, x: mp.sum(net(x) ** 3),
        (nn.Sequential(nn.Conv2d(1, 2, 3, rng=0), nn.BatchNorm(2), nn.ReLU()), np.float32(normal(2, 5, 5, 1))),
    ),
    "transformer": (lambda net, x: mp.sum(net(x) ** 3), (block, np.float32(normal(1, 3, 4)))),
}


@pytest.mark.parametrize("name", whole_nets)
def test_whole_nets_are_written_in_numpy(name):
    f, args = whole_nets[name]
    found, derivation = mp.derive(f, *args), mp.explain(f, *args)
    for path, value in run(found.numpy(), derivation).items():
        expected = derivation.gradients()[path]
        assert np.shape(value) == expected.shape
        np.testing.assert_allclose(value, expected, rtol=1e-3, atol=1e-4 * max(1.0, float(np.abs(expected).max())))


leaf = st.sampled_from(["a", "b", "number"])
trees = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from([mp.add, mp.subtract, mp.multiply, mp.divide]), inner, inner),
        st.tuples(
            st.sampled_from(
                [mp.negative, mp.square, mp.tanh, mp.sigmoid, mp.relu, mp.softmax, mp.sin, mp.elu, mp.silu]
            ),
            inner,
        ),
    ),
    max_leaves=8,
)


def built(tree, scope):
    if isinstance(tree, str):
        return scope[tree]
    return tree[0](*[built(part, scope) for part in tree[1:]])


@given(trees)
@settings(max_examples=60, deadline=None)
def test_simplification_keeps_the_value(tree):
    """Whatever the algebra does, the code gives the gradient, except where numbers leave what float64 tells apart."""
    f = lambda a, b: mp.sum(built(tree, {"a": a, "b": b, "number": mp.asarray(1.5, dtype=mp.float64)}) * a)
    args = (np.asarray([[0.5, 1.25, -0.75]]), np.asarray([[2.0], [0.3]]))
    try:
        derivation = mp.explain(f, *args)
    except AxisError:  # the softmax of a single number
        return
    expected = derivation.gradients()
    if not all(np.all(np.abs(value) < 1e6) for value in expected.values()):
        return
    with np.errstate(all="ignore"):
        found = run(mp.derive(f, *args).numpy(), derivation)
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-6, atol=1e-6)


def test_a_long_program_is_written_in_short_lines():
    def f(x):
        for _ in range(150):
            x = mp.tanh(x) * 1.01
        return x

    found, derivation = mp.derive(f, 0.5), mp.explain(f, 0.5)
    assert all(line.count("tanh") <= 13 for line in found.text().splitlines())
    (value,) = run(found.numpy(), derivation).values()
    np.testing.assert_allclose(value, derivation.leaves[0].cotangent, rtol=1e-4)


def test_what_cannot_be_written_is_said():
    net = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Dropout(0.5, rng=1))
    found = mp.derive(lambda net, x: mp.sum(net(x)), net, np.ones((1, 2), np.float32))
    with pytest.raises(SettingError, match=r"NumPy has no random_bits .*\n?.*") as raised:
        found.numpy()
    assert "names=[" in raised.value.fix
    with pytest.raises(SettingError, match="nothing called 'v'"):
        mp.derive(lambda x: x * x, 1.0, names=["v"])


def test_the_code_takes_from_scipy_what_numpy_lacks():
    code = mp.derive(lambda x: mp.sum(mp.erf(x) * mp.digamma(x)), normal(3)).numpy()
    assert code.startswith("import numpy as np\nfrom scipy import special\n")
    assert "special.digamma(x)" in code
    assert "scipy" not in mp.derive(lambda x: mp.sum(mp.sigmoid(x)), normal(3)).numpy()


def test_every_program_has_all_its_forms():
    for f, args in programs.values():
        found = mp.derive(f, *args)
        assert len(found.text().splitlines()) == len(found.text(indexed=True).splitlines())
        assert found.latex(indexed=True).count("&=") == len(found.formulas())
        assert all(text(formula).count(" = ") for formula in found.formulas())


# ── programs that grow ───────────────────────────────────────────────────────────────────────────

doubling = {
    "polynomial": lambda s: s * s + s,
    "quotient": lambda s: s / (1.0 + s * s),
    "functions": lambda s: mp.sin(s) * mp.cos(s),
    "factors": lambda s: 2.0 * mp.tanh(s) + 3.0 * mp.tanh(s) ** 2,
    "power": lambda s: s**3 - s**2 + s,
    "choice": lambda s: mp.where(s > 0.1, s * s, 0.5 * s),
    "greatest": lambda s: mp.maximum(s, s * s) + mp.minimum(s, 1.0 - s),
    "matrices": lambda s: s @ s.T + s,
    "softmax": lambda s: mp.softmax(s @ s, axis=1) * s,
    "rows": lambda s: s / mp.sqrt(mp.sum(s * s, axis=1, keepdims=True) + 1.0),
}


@pytest.mark.parametrize("name", doubling)
def test_a_step_that_is_repeated_is_written_in_as_many_lines(name):
    """Each step uses the one before it twice: written out without names, 40 of them were 2⁴⁰ letters."""
    start = np.random.default_rng(1).uniform(0.001, 0.002, size=(3, 3))  # so that nothing overflows

    def repeated(count):
        return lambda s: mp.sum(functools.reduce(lambda s, _: doubling[name](s), range(count), s))

    began = time.process_time()
    every = [mp.derive(repeated(count), start) for count in (20, 40)]
    shown = [(found.text(), found.text(indexed=True), found.latex(), found.numpy()) for found in every]
    assert time.process_time() - began < 2.0
    for half, full in zip(*shown, strict=True):
        assert len(full) < 3 * len(half)
    scope = {}
    exec(shown[1][-1], scope)
    derivation = mp.explain(repeated(40), start)
    np.testing.assert_allclose(scope["gradients"](start)["s"], derivation["s"].cotangent, rtol=1e-6, atol=1e-30)


def test_what_all_of_a_sum_has_stands_before_it():
    found = mp.derive(lambda x: functools.reduce(lambda s, _: s * s + s, range(3), x), 0.5)
    assert found.text().splitlines() == [
        "δ1 = x + 1", "∂loss/∂x = (1 + 2·x·δ1·(x·δ1 + 1))·(1 + 2·x·δ1)·(1 + 2·x)",
    ]  # fmt: skip
    squares = mp.derive(lambda x, y, z: x**2 * y * z + x * z**2 * y, 2.0, 3.0, 4.0, names=["y"])
    assert squares.text() == "∂loss/∂y = x·z·(z + x)"
