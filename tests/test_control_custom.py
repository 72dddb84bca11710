"""Derivatives that somebody decides about: `checkpoint`, `custom_gradient` and `custom_root`."""

# Programs are tables of lambdas, and say `forms` even where they need none.
# ruff: noqa: ARG001, ARG005, PLW0108

from types import SimpleNamespace

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.core.context import thread
from maplet.core.graph import in_order
from maplet.core.tree import leaves
from maplet.errors import ConvergenceError
from maplet.transforms.batch import batch
from maplet.transforms.evaluate import compute
from maplet.transforms.gradient import gradient
from test_control_scan import (
    Case,
    arrays,
    batch_law,
    by_name,
    count_of,
    forward_law,
    gradient_law,
    graph_of,
    normal,
    python,
    text_law,
    value_law,
)

# ── the programs ─────────────────────────────────────────────────────────────────────────────────


def layer(w, x):
    return mp.tanh(mp.sin(x @ w) * mp.exp(x * 0.1))


def chain(forms, w, x, depth=3):
    for _ in range(depth):
        x = forms.checkpoint(layer)(w, x)
    return x


def captured(forms, w, x):
    return forms.checkpoint(lambda x: (mp.sin(x @ w), {"sum": mp.sum(x), "int": mp.asarray(3)}))(x)


def product(x, y):
    """Several arguments, and a residual that is neither an argument nor a result."""
    s, t = mp.sin(x), mp.exp(y * 0.3)
    return s * t, lambda g: (g * mp.cos(x) * t, 0.3 * g * s * t)


def of_trees(p):
    a, b = p["a"], p["b"][0]
    return {"u": a * b, "v": (mp.sum(a),)}, lambda g: {"a": g["u"] * b + g["v"][0], "b": [g["u"] * a]}


def with_integers(x, i):
    return mp.take(x, i, axis=0) * 2.0, lambda g: (2.0 * mp.one_hot(i, x.shape[0]).astype(x.dtype) * g, None)


def in_the_result(x):
    """The pullback reads the value itself, and a part of it is a truth value."""
    y = mp.exp(x)
    return (y, y > 1), lambda g: g[0] * y


def looped(x):
    last, ys = mp.scan(lambda h, _: (mp.sin(h) * x, h), x, length=3)

    def pullback(g):
        def back(carry, h):
            seed, total = carry
            return (seed * mp.cos(h) * x, total + seed * mp.sin(h)), None

        seed, total = mp.scan(back, (g, mp.zeros_like(x)), ys, reverse=True)[0]
        return seed + total

    return last, pullback


square = normal(3, 3)
cases = [
    Case("checkpoint", lambda forms, w, x: forms.checkpoint(layer)(w, x), arrays(square, normal(2, 3))),
    Case("checkpoint-chain", chain, arrays(square, normal(2, 3))),
    Case("checkpoint-captures", captured, arrays(square, normal(2, 3))),
    Case("checkpoint-nested", lambda forms, w, x: forms.checkpoint(
        lambda x: mp.sin(forms.checkpoint(lambda x: forms.checkpoint(mp.sin)(x @ w) * x)(x)))(x),
        arrays(square, normal(2, 3))),
    Case("checkpoint-of-loops", lambda forms, w, x: forms.checkpoint(
        lambda w, x: forms.scan(lambda h, _: (mp.tanh(h @ w), h), x, length=3))(w, x), arrays(square, normal(2, 3))),
    Case("checkpoint-passes-through", lambda forms, x, y: forms.checkpoint(lambda x, y: (y, x, x))(x, y),
         arrays(normal(2), normal(2))),
    Case("checkpoint-of-integers", lambda forms, x, i: forms.checkpoint(lambda x, i: (x * i, i + 1))(x, i),
         (*arrays(normal(2)), mp.asarray(3))),
    Case("custom", lambda forms, x, y: forms.custom_gradient(product)(x, y), arrays(normal(2), normal(2))),
    Case("custom-trees", lambda forms, a, b: forms.custom_gradient(of_trees)({"a": a, "b": [b]}),
         arrays(normal(2), normal(2))),
    Case("custom-integers", lambda forms, x, i: forms.custom_gradient(with_integers)(x, i),
         (*arrays(normal(4)), mp.asarray(2))),
    Case("custom-reads-its-value", lambda forms, x: forms.custom_gradient(in_the_result)(x), arrays(normal(2))),
    Case("custom-of-a-loop", lambda forms, x: forms.custom_gradient(looped)(x), arrays(normal(2))),
    Case("custom-twice", lambda forms, x, y: forms.custom_gradient(product)(forms.custom_gradient(product)(x, y), x),
         arrays(normal(2), normal(2))),
    Case("custom-in-checkpoint", lambda forms, x, y: forms.checkpoint(
        lambda x: mp.sin(forms.custom_gradient(product)(x, x)) * y)(x), arrays(normal(2), normal(2))),
    Case("custom-in-branches", lambda forms, x, y: forms.cond(
        mp.sum(x) > -9, forms.custom_gradient(product), lambda x, y: x, x, y), arrays(normal(2), normal(2))),
    Case("custom-in-while", lambda forms, x, y: forms.while_loop(
        lambda s: s[1] < 3, lambda s: (forms.custom_gradient(product)(s[0], y), s[1] + 1), (x, 0), bound=4),
        arrays(normal(2), normal(2))),
    Case("custom-in-custom", lambda forms, x: forms.custom_gradient(
        lambda x: (forms.custom_gradient(product)(x, x) if forms is python else mp.custom_gradient(product)(x, x),
                   lambda g: g * (mp.cos(x) * mp.exp(0.3 * x) + 0.3 * mp.sin(x) * mp.exp(0.3 * x))))(x),
        arrays(normal(2))),
]  # fmt: skip


@by_name(cases)
def test_values_are_those_of_the_function(case):
    value_law(case)


@by_name(cases)
def test_gradients_are_those_of_the_function(case):
    gradient_law(case)


@by_name(cases)
def test_forward_mode_is_reverse_mode(case):
    forward_law(case)


@by_name(cases)
def test_a_batch_is_the_loop_over_its_rows(case):
    batch_law(case)


@by_name(cases)
def test_calls_are_legal_and_read_back(case):
    text_law(case)


# ── checkpoint ───────────────────────────────────────────────────────────────────────────────────

plain = SimpleNamespace(checkpoint=lambda f: f)


@pytest.mark.parametrize("name", ["checkpoint", "checkpoint-chain", "checkpoint-nested"])
def test_checkpoint_changes_no_bit_of_a_gradient(name):
    case = next(case for case in cases if case.name == name)
    for times in (1, 2):
        found, expected = (_derivative(case, forms, times) for forms in (mp, plain))
        for f, e in zip(found, expected, strict=True):
            (np.testing.assert_array_equal if times == 1 else np.testing.assert_allclose)(f, e)


def _derivative(case, forms, times):
    def f(w, x):
        return mp.sum(case.program(forms, w, x))

    if times == 1:
        return mp.grad(f, (0, 1))(*case.args)
    return mp.grad(lambda w, x: mp.sum(mp.sin(mp.grad(f)(w, x))), (0, 1))(*case.args)


def read_by_the_backward_pass(forms, depth):
    """The forward nodes that the backward pass reads, and the forward graph."""
    graph = mp.trace(lambda w, x: mp.sum(chain(forms, w, x, depth)), mp.zeros((3, 3)), mp.zeros((2, 3)))
    backward, _ = gradient(graph)
    before = set(in_order(backward.outputs[:1])) | set(backward.inputs)
    after = [node for node in in_order(backward.outputs[1:]) if node not in before]
    return {child for node in after for child in node.inputs if child in before}, before


def test_only_the_inputs_of_the_call_are_kept():
    read, before = read_by_the_backward_pass(mp, 4)
    calls = [node for node in before if node.primitive.name == "call"]
    assert len(calls) == 4
    assert {n for n in read if n.primitive.name != "input"} <= {child for call in calls for child in call.inputs}
    inner, _ = read_by_the_backward_pass(plain, 4)
    assert len(inner) > 2 * len(read)


def test_what_is_inside_is_computed_again_and_no_transform_merges_it():
    """Each sin of the forward pass stands once more in the backward pass, in a call of its own, and runs twice."""
    graph = mp.trace(lambda x: mp.checkpoint(lambda x: mp.sin(mp.sin(x)))(x), 0.5)
    backward = gradient(graph)[0]
    wide = batch(backward, 3, [True, True], rows=True)[0]
    for each in (backward, wide, mp.parse(str(backward))):
        assert [n.primitive.name for n in in_order(each.outputs)].count("call") == 2
        assert count_of(each, "sin") == 3  # sin sin x, and again sin x for its cosine
    runs = []
    thread.watch = lambda primitive, *_: runs.append(primitive.name)
    try:
        compute(backward, [np.float32(0.5), np.float32(1)])
    finally:
        thread.watch = None
    assert runs.count("sin") == 3
    assert runs.count("cos") == 2


def test_a_checkpointed_module_has_its_gradient():
    net = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 2, rng=1))
    x = mp.asarray(normal(5, 3).astype(np.float32))
    expected = mp.grad(lambda net: mp.sum(net(x) ** 2))(net)
    for f in (
        lambda net: mp.sum(mp.checkpoint(net)(x) ** 2),
        lambda net: mp.sum(mp.checkpoint(lambda net: net(x))(net) ** 2),
    ):
        found = mp.grad(f)(net)
        assert found.keys() == expected.keys()
        for path, value in found.items():
            np.testing.assert_array_equal(value, expected[path])


# ── custom_gradient ──────────────────────────────────────────────────────────────────────────────


def test_the_pullback_is_what_runs():
    """A wrong one shows in every derivative, and `check_gradient` finds it."""

    @mp.custom_gradient
    def wrong(x):
        return mp.sin(x), lambda g: g * 100.0

    assert float(wrong(0.5)) == float(mp.sin(0.5))
    assert float(mp.grad(wrong)(0.5)) == 100.0
    assert float(mp.jvp(wrong, (0.5,), (2.0,))[1]) == 200.0
    assert mp.vmap(mp.grad(wrong))(mp.ones((3,))).tolist() == [100.0] * 3
    assert mp.grad(lambda x: mp.sum(mp.vmap(wrong)(x)))(mp.ones((3,))).tolist() == [100.0] * 3
    assert float(mp.grad(mp.grad(wrong))(0.5)) == 0.0
    assert float(mp.grad(mp.checkpoint(wrong))(0.5)) == 100.0
    assert float(mp.grad(lambda x: mp.scan(lambda h, _: (wrong(h), None), x, length=2)[0])(0.5)) == 10000.0
    assert float(mp.grad(lambda x: mp.cond(x > 0, wrong, mp.cos, x))(0.5)) == 100.0
    assert float(mp.grad(lambda x: mp.while_loop(lambda x: x > 0.9, wrong, x, bound=3))(1.0)) == 100.0
    assert not mp.check_gradient(wrong, 0.5)


def test_a_pullback_that_sends_nothing():
    @mp.custom_gradient
    def f(x, y):
        return x * y, lambda g: (None, g * x)

    assert float(mp.grad(f, 1)(2.0, 3.0)) == 2.0
    assert [float(g) for g in mp.grad(lambda x, y: f(x, y) + x, (0, 1))(2.0, 3.0)] == [1.0, 2.0]


def test_a_module_gets_a_dict_of_its_parameters():
    net = nn.Linear(2, 3, rng=0)
    x = mp.asarray([[1.0, 2.0]])

    @mp.custom_gradient
    def f(net, x):
        return net(x), lambda g: ({"weight": 7.0 * (x.T @ g), "bias": mp.sum(g, axis=0)}, g @ net.weight.T)

    found = mp.grad(lambda net: mp.sum(f(net, x)))(net)
    right = mp.grad(lambda net: mp.sum(net(x)))(net)
    np.testing.assert_allclose(found["weight"], 7 * right["weight"].numpy())
    np.testing.assert_allclose(found["bias"], right["bias"])


def test_the_second_derivative_goes_through_what_the_pullback_reads():
    """f = x³ with the pullback 3x² g, where x² is a residual: f″ = 6x."""

    @mp.custom_gradient
    def cube(x):
        s = x * x
        return s * x, lambda g: 3.0 * s * g

    x = mp.asarray(0.7, dtype=mp.float64)
    found = [float(mp.grad(cube)(x)), float(mp.grad(mp.grad(cube))(x)), float(mp.grad(mp.grad(mp.grad(cube)))(x))]
    np.testing.assert_allclose(found, [3 * 0.7**2, 6 * 0.7, 6], rtol=1e-12)


def test_a_list_of_arguments_and_one_argument_that_is_a_tuple():
    @mp.custom_gradient
    def f(pair):
        return pair[0] * pair[1], lambda g: (g * pair[1], g * pair[0])

    assert [float(g) for g in mp.grad(f)((2.0, 3.0))] == [3.0, 2.0]


# ── custom_root ──────────────────────────────────────────────────────────────────────────────────


def f64(*values):
    return [mp.asarray(value, dtype=mp.float64) for value in values]


def fixed_point(f, start):
    """The root of f(x) = g(x) − x by x ← g(x), as many times as it takes."""
    return mp.while_loop(
        lambda s: (mp.max(mp.abs(s[1])) > 1e-14) & (s[2] < 500),
        lambda s: (s[0] + f(s[0]), f(s[0] + f(s[0])), s[2] + 1),
        (start, mp.ones_like(start), 0),
    )[0]  # fmt: skip


def by_scan(f, start):
    return mp.scan(lambda x, _: (x + f(x), None), start, length=200)[0]


def in_python(f, start):
    x = start
    for _ in range(100):
        x = x + f(x)
    return x


def test_the_square_root():
    """x² = a: ∂x/∂a = 1/(2√a), and so on for higher derivatives."""

    def root(a):
        return mp.custom_root(lambda x, a: x * x - a, mp.ones_like(a), a)

    (a,) = f64(2.0)
    np.testing.assert_allclose(root(a), 2**0.5, rtol=1e-14)
    np.testing.assert_allclose(mp.grad(root)(a), 0.5 * 2**-0.5, rtol=1e-13)
    np.testing.assert_allclose(mp.grad(mp.grad(root))(a), -0.25 * 2**-1.5, rtol=1e-12)
    np.testing.assert_allclose(mp.jvp(root, (a,), (3.0,))[1], 1.5 * 2**-0.5, rtol=1e-13)
    many = mp.asarray([0.5, 2.0, 9.0], dtype=mp.float64)
    np.testing.assert_allclose(mp.vmap(root)(many), many.numpy() ** 0.5, rtol=1e-13)
    np.testing.assert_allclose(mp.vmap(mp.grad(root))(many), 0.5 * many.numpy() ** -0.5, rtol=1e-13)
    summed = mp.grad(lambda a: mp.sum(mp.vmap(root)(a)))(many)
    np.testing.assert_allclose(summed, 0.5 * many.numpy() ** -0.5, rtol=1e-13)
    text_law(Case("", lambda forms, a: root(a), (a,)))


@pytest.mark.parametrize("solve", [None, fixed_point, by_scan, in_python], ids=["newton", "while", "scan", "python"])
def test_every_solver_has_the_same_derivative(solve):
    """x = cos(a x): ∂x/∂a = −x sin(ax) / (1 + a sin(ax))."""

    def root(a):
        return mp.custom_root(lambda x, a: mp.cos(a * x) - x, mp.asarray(0.5, dtype=mp.float64), a, solve=solve)

    (a,) = f64(0.8)
    x = float(root(a))
    assert x == pytest.approx(np.cos(0.8 * x), rel=1e-13)
    slope = -x * np.sin(0.8 * x) / (1 + 0.8 * np.sin(0.8 * x))
    assert float(mp.grad(root)(a)) == pytest.approx(slope, rel=1e-12)
    step = 1e-4
    difference = (float(mp.grad(root)(a + step)) - float(mp.grad(root)(a - step))) / (2 * step)
    assert float(mp.grad(mp.grad(root))(a)) == pytest.approx(difference, rel=1e-6)


def test_a_linear_system():
    """A x = b: the pullback of v is A⁻ᵀv for b and −A⁻ᵀv xᵀ for A."""
    a, b, v = normal(3, 3) + 2 * np.eye(3), normal(3), normal(3)
    given = [mp.asarray(a), mp.asarray(b)]

    def solution(a, b):
        return mp.custom_root(lambda x: a @ x - b, mp.zeros((3,), dtype=mp.float64))

    x, pullback = mp.vjp(solution, *given)
    np.testing.assert_allclose(x, np.linalg.solve(a, b), rtol=1e-12)
    w = np.linalg.solve(a.T, v)
    for found, expected in zip(pullback(v), (-np.outer(w, x), w), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)
    case = Case("", lambda forms, a, b: solution(a, b), tuple(given))
    forward_law(case)
    batch_law(case)


def test_a_tree_of_unknowns():
    """Two equations of different shapes: u = tanh(w u + c), v = Σu · v / 2 + 1."""

    def equations(z, w, c):
        return {"u": mp.tanh(w @ z["u"] + c) - z["u"], "v": mp.sum(z["u"]) * z["v"] / 2 + 1 - z["v"]}

    def solution(w, c):
        start = {"u": mp.zeros((2,), dtype=mp.float64), "v": mp.asarray(0.0, dtype=mp.float64)}
        return mp.custom_root(equations, start, w, c)

    w, c = arrays(0.3 * normal(2, 2), 0.3 * normal(2))
    found = solution(w, c)
    assert max(float(mp.max(mp.abs(leaf))) for leaf in leaves(equations(found, w, c)).values()) < 1e-14
    assert mp.check_gradient(solution, w, c, tolerance=1e-7)
    assert mp.check_gradient(lambda w: mp.grad(lambda w: mp.sum(solution(w, c)["v"]))(w), w, tolerance=1e-6)


def test_a_layer_that_is_a_fixed_point():
    """A deep-equilibrium layer: its weights are captured, and trained through the solution."""
    net = nn.Linear(3, 3, rng=1)
    x = mp.asarray(normal(3).astype(np.float32))

    def state(net):
        return mp.custom_root(lambda z: mp.tanh(0.3 * net(z[None])[0] + x) - z, mp.zeros((3,)))

    found = mp.grad(lambda net: mp.sum(state(net) ** 2))(net)

    def unrolled(net):
        z = mp.zeros((3,))
        for _ in range(60):
            z = mp.tanh(0.3 * net(z[None])[0] + x)
        return mp.sum(z**2)

    expected = mp.grad(unrolled)(net)
    assert found.keys() == expected.keys() == {"weight", "bias"}
    for path, value in found.items():
        np.testing.assert_allclose(value, expected[path], rtol=2e-4, atol=1e-5)


def test_nothing_of_the_solver_is_kept():
    graph = mp.trace(lambda a: mp.custom_root(lambda x, a: mp.cos(a * x) - x, 0.5, a, solve=by_scan), mp.asarray(0.8))
    backward = gradient(graph)[0]
    assert count_of(graph, "scan") == count_of(backward, "scan") == 1
    assert [n.primitive.name for n in in_order(backward.outputs)].count("custom_gradient") == 1


def test_inside_loops_branches_and_checkpoints():
    def root(a):
        return mp.custom_root(lambda x, a: x * x - a, mp.ones_like(a), a)

    (a,) = f64(16.0)
    fourth = 16**0.25
    for f in (
        lambda a: mp.scan(lambda h, _: (root(h), None), a, length=2)[0],
        lambda a: mp.checkpoint(lambda a: root(root(a)))(a),
        lambda a: mp.cond(a > 0, lambda a: root(root(a)), lambda a: a, a),
        lambda a: mp.fori_loop(0, mp.asarray(2), lambda i, h: root(h), a, bound=3),
    ):
        value, slope = mp.value_and_grad(f)(a)
        np.testing.assert_allclose(value, fourth, rtol=1e-13)
        np.testing.assert_allclose(slope, 0.25 * 16**-0.75, rtol=1e-12)


def test_the_start_has_no_gradient():
    start, a = f64(3.0, 2.0)
    assert float(mp.grad(lambda s: mp.custom_root(lambda x: x * x - a, s))(start)) == 0.0
    slope = mp.grad(lambda s: mp.custom_root(lambda x: x * x - a, s) + s)(start)
    assert float(slope) == 1.0


def test_the_graph_of_a_checkpoint_holds_its_name():
    graph = graph_of(next(case for case in cases if case.name == "checkpoint"))
    (call,) = {n for n in in_order(graph.outputs) if n.primitive.name == "call"}
    assert call.params["name"] == "layer"


def test_each_row_has_a_cotangent_of_its_own():
    """Also where the results of all rows are alike, or the pullback does not depend on the cotangent."""

    @mp.custom_gradient
    def constant(x):
        return mp.asarray(1.0), lambda g: g * 2.0

    @mp.custom_gradient
    def always(x):
        return x * x, lambda g: mp.ones_like(x)

    seeds = mp.asarray([1.0, 10.0, 100.0])
    x = mp.ones((3,))
    assert mp.grad(lambda x: mp.sum(seeds * mp.vmap(constant)(x)))(x).tolist() == [2.0, 20.0, 200.0]
    shared = mp.grad(lambda y: mp.sum(mp.vmap(lambda x: always(y) * x)(x)))(2.0)
    assert float(shared) == 1.0  # one call for all rows
    both = mp.custom_gradient(lambda x, y: (x * y, lambda g: (g * y, mp.ones_like(y))))
    assert float(mp.grad(lambda y: mp.sum(mp.vmap(lambda x: both(x, y))(x)))(2.0)) == 3.0  # one for each


def test_what_is_not_on_the_way_to_the_loss_needs_no_bound():
    """A loop without bound beside the loss: as a result, as what is written, and in the solver of a root."""
    seen = mp.zeros(())

    def f(x):
        count = mp.while_loop(lambda y: y < 100.0, lambda y: y * 2.0, x)
        seen[...] = count
        return x * x, count

    slope, count = mp.grad(f, has_aux=True)(3.0)
    assert (float(slope), float(count), float(seen)) == (6.0, 192.0, 192.0)


# ── what is no root; arguments by name ───────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "find",
    [
        lambda a: mp.custom_root(lambda x: x**3 - 2 * x + a, 0.0),  # Newton's method goes from 0 to 1 and back
        lambda a: mp.custom_root(lambda x: x * x + a, 1.0),  # there is none
        lambda a: mp.custom_root(lambda x: x * x - a, 1.0, solve=lambda g, x: x),  # a solver that does nothing
    ],
)
def test_what_is_no_root_is_refused(find):
    for call in (find, mp.grad(find), mp.value_and_grad(find)):
        with pytest.raises(ConvergenceError, match="is no root") as caught:
            call(2.0)
        assert "solve=" in caught.value.fix


def test_without_values_a_search_that_fails_gives_nan():
    graph = mp.trace(lambda a: mp.custom_root(lambda x: x**3 - 2 * x + a, 0.0), 2.0)
    assert np.isnan(float(mp.evaluate(graph, 2.0)))


def test_a_double_root_is_one():
    assert abs(float(mp.custom_root(lambda x: x * x, np.float64(1.0)))) < 1e-3


def test_arguments_by_name_have_no_gradient():
    @mp.custom_gradient
    def clipped(x, limit=1.0):
        return x, lambda g: mp.clip(g, -limit, limit)

    assert float(mp.grad(lambda x: 5.0 * clipped(x))(1.0)) == 1.0
    assert float(mp.grad(lambda x: 5.0 * clipped(x, limit=2.0))(1.0)) == 2.0
    assert float(mp.grad(lambda x: mp.checkpoint(lambda x, power=1: x**power)(x, power=3))(2.0)) == 12.0
