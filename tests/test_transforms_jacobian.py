"""`jacobian` and `hessian`: both modes and differences agree, in the structure of value and argument."""

# Most cases are lambdas.
# ruff: noqa: ARG005, PLW0108

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.core.check import check
from maplet.core.graph import in_order
from maplet.core.primitive import registry
from maplet.errors import GradientError, SettingError
from test_ops_laws import joined

step = 6e-6
rng = np.random.default_rng(0)
a, b = rng.normal(size=(2, 3)), rng.normal(size=(3, 4))
modes = pytest.mark.parametrize("mode", ["forward", "reverse", "auto"])


def differences(f, x):
    """∂f/∂x, one number of the argument after the other."""
    x = np.asarray(x)
    columns = []
    for index in np.ndindex(x.shape):
        shift = np.zeros(x.shape)
        shift[index] = step
        columns.append((f(mp.asarray(x + shift)).numpy() - f(mp.asarray(x - shift)).numpy()) / (2 * step))
    out = np.shape(columns[0])
    return np.moveaxis(np.reshape(columns, (*x.shape, *out)), range(x.ndim), range(-x.ndim, 0))


functions = {
    "elementwise": lambda x: mp.sin(x) * x,
    "contraction": lambda x: x @ mp.asarray(b),
    "reduction": lambda x: mp.logsumexp(x, axis=1),
    "number": lambda x: mp.sum(mp.tanh(x) ** 2),
    "wide": lambda x: mp.exp(x[0, 0] * mp.asarray(b)),
    "gather": lambda x: mp.take(x, mp.asarray([2, 0, 2, 1]), axis=1),
    "checkpoint": mp.checkpoint(lambda x: mp.softmax(x, axis=0)),
    "branch": lambda x: mp.cond(mp.sum(x) > 0, mp.sin, mp.cos, x),
    "loop": lambda x: mp.scan(lambda c, row: (mp.tanh(c + row), c * row), mp.zeros((3,), dtype=mp.float64), x)[1],
    "constant": lambda x: mp.ones((2,), dtype=mp.float64),
    "conversion": lambda x: x.astype(mp.float32).astype(mp.float64) * 0 + x,
}


@modes
@pytest.mark.parametrize("name", [n for n in functions if n != "conversion"])
def test_a_jacobian_is_the_matrix_of_differences(name, mode):
    f = functions[name]
    found = mp.jacobian(f, mode=mode)(a)
    assert found.shape == f(mp.asarray(a)).shape + a.shape
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, differences(f, a), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", functions)
def test_both_modes_agree(name):
    forward, reverse = (mp.jacobian(functions[name], mode=mode)(a) for mode in ("forward", "reverse"))
    np.testing.assert_allclose(forward, reverse, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("primitive", [p for p in registry.values() if p.gradient and p.example], ids=lambda p: p.name)
def test_both_modes_agree_on_every_operation(primitive):
    inputs, params = primitive.example(np.random.default_rng(0))
    inputs = [np.asarray(x) for x in inputs]
    real = [n for n, x in enumerate(inputs) if x.dtype.kind == "f"]
    f = lambda *xs: joined(primitive.name, *xs, **params)
    forward, reverse = (mp.jacobian(f, real, mode=mode)(*map(mp.asarray, inputs)) for mode in ("forward", "reverse"))
    for n, x, y in zip(real, forward, reverse, strict=True):
        assert x.shape == y.shape == f(*map(mp.asarray, inputs)).shape + inputs[n].shape
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-13)


@modes
def test_the_jacobian_is_a_graph_that_is_read_back(mode):
    graph = mp.trace(mp.jacobian(functions["elementwise"], mode=mode), a)
    check(graph)
    assert mp.parse(str(graph)) == graph
    np.testing.assert_allclose(mp.evaluate(graph, a), mp.jacobian(functions["elementwise"])(a), rtol=1e-14)


def test_auto_takes_the_cheaper_mode():
    def rows(f, x, mode):
        return max(n.type.size for n in in_order(mp.trace(mp.jacobian(f, mode=mode), x).outputs))

    few_in = lambda x: mp.sin(x) * mp.ones((50,))
    few_out = lambda x: mp.sum(mp.sin(x))
    assert rows(few_in, mp.ones((1,)), "auto") == rows(few_in, mp.ones((1,)), "forward")
    assert rows(few_out, mp.ones((50,)), "auto") == rows(few_out, mp.ones((50,)), "reverse")
    assert rows(few_in, mp.ones((1,)), "reverse") > rows(few_in, mp.ones((1,)), "forward")
    assert rows(few_out, mp.ones((50,)), "forward") > rows(few_out, mp.ones((50,)), "reverse")


# ── structure ────────────────────────────────────────────────────────────────────────────────────


@modes
def test_trees_of_trees(mode):
    f = lambda t, y: {"p": t["a"] * t["c"][0], "n": mp.argmax(t["a"]), "q": (mp.sum(t["a"]) * y, y)}
    tree = {"a": np.asarray([1.0, 2.0]), "c": [np.asarray(3.0)], "name": "kept"}
    found = mp.jacobian(f, argnums=(0, 1), mode=mode)(tree, np.asarray([5.0, 6.0, 7.0]))
    by_tree, by_y = found["p"]
    assert by_tree["a"].tolist() == [[3.0, 0.0], [0.0, 3.0]]
    assert by_tree["c"][0].tolist() == [1.0, 2.0]
    assert by_tree["name"] is None
    assert by_y.tolist() == np.zeros((2, 3)).tolist()
    assert found["n"] is None
    assert found["q"][0][0]["a"].tolist() == [[5.0, 5.0], [6.0, 6.0], [7.0, 7.0]]
    assert found["q"][0][1].tolist() == (3 * np.eye(3)).tolist()
    assert found["q"][1][1].tolist() == np.eye(3).tolist()


@modes
def test_modules_give_dicts(mode):
    net = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 2, rng=1)).astype("float64")
    found = mp.jacobian(lambda net: net(mp.asarray(a)), mode=mode)(net)
    assert {name: block.shape for name, block in found.items()} == {
        name: (2, 2, *leaf.shape) for name, leaf in net.parameters().items()
    }
    weighted = mp.grad(lambda net: mp.sum(net(mp.asarray(a))[1]))(net)
    for name in found:
        np.testing.assert_allclose(mp.sum(found[name][1], axis=0), weighted[name], rtol=1e-12)


@modes
def test_aux_and_keywords(mode):
    found, extra = mp.jacobian(lambda x, *, k: (x * k, {"n": 3, "x": x}), mode=mode, has_aux=True)(
        mp.asarray([1.0, 2.0]), k=mp.asarray([5.0, 6.0])
    )
    assert found.tolist() == [[5.0, 0.0], [0.0, 6.0]]
    assert extra["n"] == 3
    assert extra["x"].tolist() == [1.0, 2.0]


def test_dtypes_are_kept():
    for dtype in (np.float16, np.float32, np.float64):
        for mode in ("forward", "reverse"):
            assert mp.jacobian(mp.sin, mode=mode)(np.ones(2, dtype)).dtype == dtype


@modes
def test_empty_arrays(mode):
    assert mp.jacobian(lambda x: mp.sin(x), mode=mode)(np.ones((0,))).shape == (0, 0)
    assert mp.jacobian(lambda x: mp.sum(x), mode=mode)(np.ones((2, 0))).shape == (2, 0)
    assert mp.jacobian(lambda x: x[:0], mode=mode)(np.ones((2,))).shape == (0, 2)


@modes
def test_every_direction_sees_the_same_random_numbers(mode):
    generator = mp.random.Generator(0)
    plain = mp.random.Generator(0).uniform((3,), dtype=mp.float64)
    found = mp.jacobian(lambda x: x * generator.uniform((3,), dtype=mp.float64), mode=mode)(np.ones(3))
    np.testing.assert_array_equal(found, np.diag(plain.numpy()))
    assert int(generator.draws) == 1
    inside = mp.checkpoint(lambda x: mp.sin(x) * mp.random.Generator(0).uniform((3,), dtype=mp.float64))
    np.testing.assert_allclose(mp.jacobian(inside, mode=mode)(np.ones(3)), np.diag(plain.numpy() * np.cos(1.0)))


# ── second derivatives ───────────────────────────────────────────────────────────────────────────

losses = {
    "quartic": lambda x: mp.sum(x**2) ** 2,
    "logsumexp": lambda x: mp.logsumexp(x),
    "network": lambda x: mp.mean(mp.tanh(x @ mp.asarray(b)) ** 2),
    "product": lambda x: mp.exp(mp.sum(x[0] * x[1])),
    "pieces": lambda x: mp.sum(mp.relu(x) * x[0, 0]),
    "scan": lambda x: mp.sum(mp.scan(lambda c, row: (mp.sin(c * row), c), mp.ones((3,), dtype=mp.float64), x)[0]),
}


@pytest.mark.parametrize("name", losses)
def test_a_hessian_is_symmetric_and_is_the_difference_of_gradients(name):
    found = mp.hessian(losses[name])(a)
    assert found.shape == a.shape + a.shape
    matrix = found.numpy().reshape(a.size, a.size)
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(found, differences(mp.grad(losses[name]), a), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", losses)
def test_a_hessian_vector_product_is_the_product(name):
    v = rng.normal(size=a.shape)
    expected = np.tensordot(mp.hessian(losses[name])(a).numpy(), v, axes=2)
    np.testing.assert_allclose(mp.hvp(losses[name], (a,), (v,)), expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", losses)
def test_every_way_to_a_hessian(name):
    f = losses[name]
    expected = mp.hessian(f)(a)
    for outer in ("forward", "reverse"):
        for inner in ("forward", "reverse"):
            found = mp.jacobian(mp.jacobian(f, mode=inner), mode=outer)(a)
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_the_hessian_of_several_arguments():
    f = lambda x, t: mp.sum(x**2) * t["a"] ** 3
    found = mp.hessian(f, argnums=(0, 1))(np.asarray([1.0, 2.0]), {"a": np.asarray(3.0)})
    assert found[0][0].tolist() == (54 * np.eye(2)).tolist()
    assert found[0][1]["a"].tolist() == [54.0, 108.0]
    assert found[1]["a"][0].tolist() == [54.0, 108.0]
    assert float(found[1]["a"][1]["a"]) == 90.0


def test_a_function_made_of_pieces_has_the_second_derivative_zero():
    """The way from x to the gradient leads only through x > 0, and that is meant."""
    for f in (mp.relu, lambda x: mp.where(x > 0, x, 0.1 * x), mp.abs, lambda x: mp.max(x)):
        np.testing.assert_array_equal(mp.hessian(lambda x, f=f: mp.sum(f(x)))(a), np.zeros((2, 3, 2, 3)))
        tangents = mp.hvp(lambda x, f=f: mp.sum(f(x)), (a,), (a,))
        np.testing.assert_array_equal(tangents, np.zeros((2, 3)))
        by_reverse = mp.grad(lambda x, f=f: mp.sum(mp.jvp(f, (x,), (a,))[1]))(a)
        np.testing.assert_array_equal(by_reverse, np.zeros((2, 3)))


# ── errors that teach ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mp.jacobian(3), GradientError, r"given int(?s:.*)mp\.jacobian\(f\)\(x\)"),
        (lambda: mp.jacobian(mp.sin, argnums="x"), GradientError, "argnums='x'"),
        (lambda: mp.jacobian(mp.sin, argnums=1)(1.0), GradientError, "argnums=1.*1 positional"),
        (lambda: mp.jacobian(mp.sin, mode="backward"), SettingError, "mode='backward'(?s:.*)reverse"),
        (lambda: mp.jacobian(mp.sin)(3), GradientError, r"the Jacobian of sin(?s:.*)3\.0 instead of 3"),
        (lambda: mp.jacobian(mp.sin)(mp.asarray([1, 2])), GradientError, r"i64\[2\](?s:.*)astype"),
        (lambda: mp.jacobian(mp.argmax)(mp.ones((2,))), GradientError, "no floating array"),
        (lambda: mp.jacobian(lambda x: x.item())(1.0), GradientError, "leave the graph"),
        (lambda: mp.jacobian(lambda x: x, has_aux=True)(1.0), GradientError, "pair"),
        (lambda: mp.jacobian(lambda x: (x > 0) * 1.0)(a), GradientError, "lost at greater"),
        (lambda: mp.hessian(mp.sin)(a), GradientError, r"shape \(2, 3\)(?s:.*)mp\.jacobian"),
        (lambda: mp.hessian(mp.sin)(3), GradientError, r"3\.0 instead of 3"),
    ],
)
def test_the_error_teaches(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert "test_transforms_jacobian.py:" in caught.value.where


# ── JAX as oracle ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def jax():
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield jax
    jax.config.update("jax_enable_x64", before)


def pairs(m, np_):
    """The same function for maplet and for JAX: their names for it, and the rest of the formula."""
    weights = m.asarray(b)
    return {
        "sin": lambda x: m.sin(x),
        "square of a product": lambda x: (x @ weights) ** 2,
        "tanh network": lambda x: m.tanh(m.tanh(x @ weights) @ weights.T),
        "quotient": lambda x: x / (1 + x**2),
        "distance": lambda x: m.sqrt(m.sum(x**2, axis=1)),
        "logarithm": lambda x: m.log(1 + m.exp(x)),
        "softmax": lambda x: m.exp(x) / m.sum(m.exp(x), axis=1, keepdims=True),
        "extremes": lambda x: m.max(x, axis=1) - m.min(x, axis=0)[:2],
        "clip": lambda x: m.clip(x, -0.5, 0.5) * x,
        "pieces": lambda x: m.where(x > 0, x**3, m.sin(x)),
        "reshape and slice": lambda x: m.reshape(x, (3, 2))[::-1, 1:] * x[0, 1],
        "power": lambda x: m.abs(x) ** 1.5,
        "atan2": lambda x: (m.atan2 if m is mp else np_.arctan2)(x[0], x[1]),
        "mean and variance": lambda x: (x - m.mean(x)) / m.sqrt(m.var(x) + 0.1),
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if n % 2 else []) for n, name in enumerate(pairs(mp, None))]
)
def test_jax_finds_the_same(name, jax):
    ours, theirs = pairs(mp, None)[name], pairs(jax.numpy, jax.numpy)[name]
    weigh = rng.normal(size=np.shape(ours(mp.asarray(a))))
    t = rng.normal(size=a.shape)
    rows = np.stack([a, t, a + t])

    def every(m, f):
        """What the library m finds: Jacobian, Hessian, a tangent, gradients per row, a third derivative."""
        loss = lambda x: (f(x) * weigh).sum() ** 2
        along = lambda g: lambda x: m.jvp(g, (x,), (t,))[1]
        return [
            m.jacobian(f)(a), m.hessian(loss)(a), along(f)(a), m.vmap(m.grad(loss))(rows),
            along(along(m.grad(loss)))(a),
        ]  # fmt: skip

    expected = jax.jit(lambda: every(jax, theirs))()
    for mine, by_jax in zip(every(mp, ours), expected, strict=True):
        np.testing.assert_allclose(mine, by_jax, rtol=1e-9, atol=1e-10)
