"""`grad`, `value_and_grad`, `vjp`: structure of what they give, nesting, and errors that teach."""

# Most cases are lambdas.
# ruff: noqa: ARG005, PLW0108

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.core.graph import in_order
from maplet.errors import DTypeError, GradientError, GraphError, ShapeError
from maplet.transforms.derivatives import vjp


def test_the_parabola():
    assert float(mp.grad(lambda x: x**2 - 2 * x + 1)(3.0)) == 4.0


def test_gradients_nest():
    f = lambda x: x**5
    assert [float(d(2.0)) for d in (mp.grad(f), mp.grad(mp.grad(f)), mp.grad(mp.grad(mp.grad(f))))] == [
        80.0,
        160.0,
        240.0,
    ]


def test_nested_gradients_do_not_confuse_their_variables():
    """d/dx [x · d/dy (x + y)] = 1, the classical test against perturbation confusion."""
    assert float(mp.grad(lambda x: x * mp.grad(lambda y: x + y)(1.0))(2.0)) == 1.0
    assert float(mp.grad(lambda x: mp.grad(lambda y: x * y * y)(3.0) * x)(2.0)) == 24.0


def test_control_flow_inside_a_nested_gradient():
    def f(x):
        return x * x if x > 0 else -x

    assert float(mp.grad(mp.grad(f))(3.0)) == 2.0
    assert float(mp.grad(mp.grad(f))(-3.0)) == 0.0


def test_keyword_arguments_are_constants():
    assert float(mp.grad(lambda x, *, scale: x * x * scale)(3.0, scale=mp.asarray(2.0))) == 12.0


def test_several_arguments_and_structures():
    tree = {"a": [1.0, (2.0, 3.0)], "b": mp.asarray([4.0, 5.0]), "name": "kept", "none": None}
    value, (first, last) = mp.value_and_grad(
        lambda t, n, y: t["a"][0] * t["a"][1][1] * y + mp.sum(t["b"] ** 2), argnums=(0, -1)
    )(tree, 2, 6.0)
    assert float(value) == 59.0
    assert [float(first["a"][0]), float(first["a"][1][0]), float(first["a"][1][1])] == [18.0, 0.0, 6.0]
    assert first["b"].tolist() == [8.0, 10.0]
    assert first["name"] is None
    assert float(last) == 3.0


def test_float64_stays_float64():
    x = np.asarray([1.0, 2.0])
    value, gradient = mp.value_and_grad(lambda x: mp.sum(mp.sin(x) * 2))(x)
    assert value.dtype == gradient.dtype == np.float64
    np.testing.assert_allclose(gradient, 2 * np.cos(x), rtol=1e-15)


@pytest.mark.parametrize("dtype", [mp.int64, mp.int32, mp.bool, mp.uint8])
def test_no_gradient_passes_through_integers(dtype):
    f = lambda x: mp.sum(x * 3 + x.astype(dtype).astype(x.dtype) * 2)
    assert mp.grad(f)(mp.asarray([1.25, 2.5])).tolist() == [3.0, 3.0]
    np.testing.assert_array_equal(mp.vjp(f, mp.asarray([1.25]))[1](1.0)[0], [3.0])


def test_a_change_of_float_carries_the_gradient():
    gradient = mp.grad(lambda x: mp.sum(x.astype(mp.float64) ** 2))(mp.asarray([1.0, 2.0]))
    assert gradient.dtype == np.float32
    assert gradient.tolist() == [2.0, 4.0]


def test_a_loss_that_does_not_depend_on_its_argument():
    assert mp.grad(lambda x: mp.asarray(1.0))(mp.ones((2,))).tolist() == [0.0, 0.0]
    assert mp.grad(lambda x: mp.ones(()))(mp.ones((2,))).tolist() == [0.0, 0.0]
    assert float(mp.grad(lambda x: x)(2.0)) == 1.0


@pytest.mark.parametrize(
    "f",
    [
        lambda x: 3.0,
        lambda x: (x * x).item(),
        lambda x: np.float32((x * x).item()),
        lambda x: np.asarray((x * x).item()),
    ],
)
@pytest.mark.parametrize(
    "transform",
    [
        mp.grad,
        mp.value_and_grad,
        lambda f: mp.grad(lambda x: (f(x), x), has_aux=True),
        lambda f: lambda x: mp.vjp(f, x),
        lambda f: mp.grad(mp.grad(f)),
        lambda f: lambda x: mp.minimize(f, x),
    ],
)
def test_a_number_that_has_left_the_graph_is_refused(f, transform):
    """Its gradient would be 0 in silence, and a net would not learn."""
    with pytest.raises(GradientError, match=r"fix: keep the array: \.item\(\), float\(\) and NumPy leave the graph"):
        transform(f)(2.0)


def test_a_refused_loss_writes_nothing():
    net = nn.Dropout(0.5)
    before = net.generator.draws.item()
    with pytest.raises(GradientError):
        mp.grad(lambda x: mp.sum(net(x)).item())(mp.ones((3,)))
    assert net.generator.draws.item() == before


def test_stop_gradient():
    assert float(mp.grad(lambda x: x * mp.stop_gradient(x))(3.0)) == 3.0
    assert float(mp.grad(lambda x: mp.stop_gradient(x * x))(3.0)) == 0.0


# ── vjp ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_pullback_is_the_transposed_jacobian():
    a = np.random.default_rng(0).normal(size=(3, 2))
    value, pullback = mp.vjp(lambda x: mp.asarray(a) @ x, np.asarray([1.0, -1.0]))
    np.testing.assert_allclose(value, a @ [1.0, -1.0])
    for v in np.eye(3):
        np.testing.assert_allclose(pullback(v)[0], v @ a)


def test_cotangents_are_matched_by_name_not_by_order():
    _, pullback = mp.vjp(lambda x: {"a": x, "b": 10 * x}, 1.0)
    assert float(pullback({"b": 1.0, "a": 2.0})[0]) == 12.0


def test_one_array_may_stand_for_several_cotangents_and_results():
    one = mp.ones(())
    assert float(mp.vjp(lambda x: (x, 10 * x), 1.0)[1]((one, one))[0]) == 11.0

    def twice(x):
        y = 10 * x
        return y, y

    assert float(mp.vjp(twice, 1.0)[1]((1.0, 2.0))[0]) == 30.0


def test_integer_results_need_no_cotangent():
    value, pullback = mp.vjp(lambda x: (x * 2, mp.argmax(x)), mp.asarray([1.0, 3.0]))
    assert int(value[1]) == 1
    assert pullback((mp.ones((2,)), None))[0].tolist() == [2.0, 2.0]


def test_integer_arguments_get_none():
    _, pullback = mp.vjp(lambda x, n: x * n, mp.asarray(2.0), mp.asarray(3))
    gradient, none = pullback(1)
    assert float(gradient) == 3.0
    assert none is None


def test_a_pullback_inside_a_trace():
    def f(x):
        _, pullback = mp.vjp(lambda y: y**3, x)
        return pullback(1.0)[0]

    assert float(mp.grad(f)(2.0)) == 12.0


@pytest.mark.parametrize(
    ("cotangent", "error", "message"),
    [
        (mp.ones((3,)), ShapeError, r"\(2,\).*\(3,\)"),
        ((1.0, 2.0), GradientError, "lacks"),
        ({"y": 1.0}, GradientError, "given: y"),
        (None, GradientError, "lacks"),
        ("1", GradientError, "lacks"),
    ],
)
def test_wrong_cotangents(cotangent, error, message):
    _, pullback = mp.vjp(lambda x: x * 2, mp.ones((2,)))
    with pytest.raises(error, match=message):
        pullback(cotangent)


def test_a_cotangent_too_many():
    _, pullback = mp.vjp(lambda x: {"a": x}, 1.0)
    with pytest.raises(GradientError, match="b"):
        pullback({"a": 1.0, "b": 1.0})


# ── errors that teach ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mp.grad(lambda x: x)(3), r"3\.0 instead of 3"),
        (lambda: mp.grad(lambda x: x * 1.0)(mp.asarray([1, 2])), "astype"),
        (lambda: mp.grad(lambda x: x)(mp.ones((2,))), r"mp\.jacobian\(f\).*mp\.vmap\(mp\.grad\(f\)\).*mp\.vjp"),
        (lambda: mp.grad(lambda x: (x, x))(1.0), "has_aux"),
        (lambda: mp.grad(lambda x: x, has_aux=True)(1.0), "pair"),
        (lambda: mp.grad(lambda x: None)(1.0), "NoneType"),
        (lambda: mp.grad(lambda x: 3)(1.0), "its loss is int"),
        (lambda: mp.grad(3), r"given int(?s:.*)mp\.grad\(f\)\(x\)"),
        (lambda: mp.vjp(mp.ones(()), 1.0), "given Array"),
        (lambda: mp.grad(lambda x: x, argnums="a"), "argnums='a'"),
        (lambda: mp.grad(lambda x: x, argnums=(0, "x")), "argnums"),
        (lambda: mp.grad(lambda x: x, argnums=True), "argnums=True"),
        (lambda: mp.grad(lambda x: mp.argmax(mp.stack([x, x])))(1.0), "no real number"),
        (lambda: mp.grad(lambda x: x, argnums=1)(1.0), "argnums=1.*1 positional"),
        (lambda: mp.grad(lambda x: x, argnums=-2)(1.0), "argnums=-2"),
        (lambda: mp.grad(lambda x: x)(), "argnums=0.*0 positional"),
        (lambda: mp.grad(lambda t: t["x"] * 1.0)({"x": mp.asarray(1.0), "n": mp.asarray(1)}), "n of argument 0 is i64"),
        (lambda: mp.vjp(lambda x: mp.argmax(x), mp.ones((2,))), "nothing to pull back"),
        (lambda: mp.check_gradient(lambda x: x, 3), r"3\.0"),
        (lambda: mp.check_gradient(lambda x: mp.argmax(x), mp.ones((2,))), "floating"),
        (lambda: mp.check_gradient(lambda x: mp.sum(x), mp.ones((0,))), "no element"),
    ],
)
def test_the_error_teaches(call, message):
    with pytest.raises(GradientError, match=message):
        call()


def test_an_error_names_the_line_of_the_user():
    with pytest.raises(GradientError) as caught:
        mp.grad(lambda x: x)(3)
    assert "test_transforms_derivatives.py:" in caught.value.where


# ── a way to the loss through integers and truth values ──────────────────────────────────────────

lost = {
    "a comparison": (lambda x: mp.mean((x > 0).astype(mp.float32)), "greater, which gives bool", r"mp\.sigmoid"),
    "a choice": (lambda x: mp.sum(mp.where(x > 0.0, 1.0, -1.0)), "greater", r"mp\.where\(condition, a, b\)"),
    "a conversion": (lambda x: mp.sum(x.astype(mp.int32) * 2.0), r"astype, which gives i32\[3\]", "mp.round"),
    "a position": (lambda x: mp.argmax(x) * 1.0, "argmax", r"mp\.softmax\(x\)"),
    "an order": (lambda x: mp.sum(mp.argsort(x) * mp.asarray([1.0, 2.0, 3.0])), "argsort", "smooth ranking"),
    "a look-up": (lambda x: mp.take(mp.asarray([1.0, 2.0, 3.0]), mp.argmin(x)), "argmin", "mp.softmax"),
    "inside a checkpoint": (mp.checkpoint(lambda x: mp.sum((x > 0) * 1.0)), "greater", "mp.where"),
    "before a checkpoint": (lambda x: mp.checkpoint(lambda y: mp.sum(y * 1.0))(x > 0), "greater", "mp.where"),
    "the number of a branch": (
        lambda x: mp.cond(mp.sum(x) > 0, lambda x: mp.ones(()), lambda x: mp.zeros(()), x), "greater", "mp.where",
    ),
    "after an operation": (lambda x: mp.mean((mp.exp(x) * x <= 0.5) * 1.0), "less_equal", "mp.where"),
    "in a scan": (lambda x: mp.scan(lambda c, r: (c + in_steps(r), None), 0.0, x)[0], "astype", "mp.round"),
    "in what a scan hands on": (
        lambda x: mp.sum(mp.scan(lambda c, _: (in_steps(c), None), x, length=2)[0]), "astype", "mp.round",
    ),
    "in a scan, two steps later": (
        lambda x: mp.scan(lambda c, _: ((c[1], c[2], in_steps(mp.sum(x))), None), (0.0, 0.0, 0.0), length=3)[0][0],
        "astype", "mp.round",
    ),
    "in the rows of a scan": (
        lambda x: mp.sum(mp.scan(lambda c, r: (c, in_steps(r)), 0.0, x)[1]), "astype", "mp.round",
    ),
    "in a scan in a scan": (
        lambda x: mp.fori_loop(0, 2, lambda i, c: mp.scan(lambda d, r: (d + in_steps(r), None), c, x)[0], 0.0),
        "astype", "mp.round",
    ),
    "in a map": (lambda x: mp.sum(mp.map(lambda r: (r > 0) * 1.0, x)), "greater", "mp.where"),
    "in a counted loop": (lambda x: mp.fori_loop(0, 3, lambda i, c: c + in_steps(x[0]), 0.0), "astype", "mp.round"),
    "in a while loop": (
        lambda x: mp.while_loop(lambda c: c < 5.0, lambda c: c + 2.0 + 0.0 * in_steps(x[0]), 0.0, bound=9),
        "astype", "mp.round",
    ),
    "the number of steps": (
        lambda x: mp.while_loop(lambda c: c < x[0], lambda c: c + 1.0, 0.0, bound=9), "less", "mp.where",
    ),
}  # fmt: skip


def in_steps(x):
    return x.astype(mp.int32).astype(mp.float32)


several_numbers = mp.asarray([1.0, -2.0, 3.0])


@pytest.mark.parametrize("name", lost)
@pytest.mark.parametrize(
    "transform",
    [
        mp.grad,
        mp.value_and_grad,
        lambda f: lambda x: mp.vjp(f, x),
        lambda f: lambda x: mp.jvp(f, (x,), (x,)),
        lambda f: lambda x: mp.linearize(f, x),
        mp.jacobian,
        lambda f: mp.vmap(mp.grad(lambda x: f(mp.stack([x, x, x])))),
    ],
    ids=["grad", "value_and_grad", "vjp", "jvp", "linearize", "jacobian", "vmap"],
)
def test_a_way_lost_in_integers_is_an_error(name, transform):
    """A gradient of 0 would be right on paper, and nothing would be learned."""
    f, place, advice = lost[name]
    pattern = f"only through integers or truth values. The way is lost at {place}(?s:.*){advice}(?s:.*)mp.stop_gradient"
    with pytest.raises(GradientError, match=pattern) as caught:
        transform(f)(several_numbers)
    assert "test_transforms_derivatives.py:" in caught.value.where


meant = {
    "stop_gradient after": lambda x: mp.stop_gradient(mp.mean((x > 0).astype(mp.float32))),
    "stop_gradient before": lambda x: mp.mean((mp.stop_gradient(x) > 0).astype(mp.float32)),
    "rounding": lambda x: mp.sum(mp.round(x) + mp.floor(x) + mp.sign(x)),
    "rounding, then a conversion": lambda x: mp.sum(mp.floor(x).astype(mp.int32) * 1.0),
    "no dependence": lambda x: mp.ones(()),
    "no dependence of the output used": lambda x: mp.checkpoint(lambda x: (x, mp.ones(())))(x)[1],
    "shape alone": lambda x: mp.sum(mp.ones(x.shape)),
    "rounding in a scan": lambda x: mp.scan(lambda c, r: (c + mp.floor(r), None), 0.0, x)[0],
    "stop_gradient in a map": lambda x: mp.sum(mp.map(lambda r: mp.stop_gradient(in_steps(r)), x)),
    "what a loop leaves as it is": lambda x: mp.while_loop(
        lambda c: c[0] < x[0], lambda c: (c[0] + 1.0, c[1]), (0.0, 1.0), bound=9
    )[1],
}


@pytest.mark.parametrize("name", meant)
def test_a_zero_that_is_meant_is_given(name):
    f = meant[name]
    np.testing.assert_array_equal(mp.grad(f)(several_numbers), np.zeros(3))
    np.testing.assert_array_equal(mp.vjp(f, several_numbers)[1](1.0)[0], np.zeros(3))
    assert float(mp.jvp(f, (several_numbers,), (several_numbers,))[1]) == 0.0
    np.testing.assert_array_equal(mp.jacobian(f)(several_numbers), np.zeros(3))


with_a_real_way = {
    "no step": (lambda x: mp.scan(lambda c, _: (in_steps(c), None), x, length=0)[0], 1.0),
    "beside": (lambda x: mp.scan(lambda c, _: ((in_steps(c[0]), 2.0 * c[1]), None), (x, x), length=2)[0][1], 4.0),
    "a step later": (lambda x: mp.scan(lambda c, _: ((c[1], 2.0 * c[1]), None), (0.0, x), length=2)[0][0], 2.0),
    "a while loop": (lambda x: mp.while_loop(lambda c: c < 5.0, lambda c: c + x, 0.0, bound=9), 3.0),
    "a pullback of one's own": (
        lambda x: mp.scan(lambda c, r: (c + straight_through(r * x), None), 0.0, mp.ones(3))[0],
        3.0,
    ),
}


@mp.custom_gradient
def straight_through(x):
    return in_steps(x), lambda g: g


@pytest.mark.parametrize("name", with_a_real_way)
def test_a_loop_with_a_real_way_is_differentiated(name):
    f, expected = with_a_real_way[name]
    assert float(mp.grad(f)(2.0)) == expected
    assert float(mp.jvp(f, (2.0,), (1.0,))[1]) == expected


def test_one_argument_with_a_real_way_is_enough():
    f = lambda x, y: mp.sum((x > 0) * y)
    by_x, by_y = mp.grad(f, argnums=(0, 1))(several_numbers, several_numbers)
    assert by_x.tolist() == [0.0, 0.0, 0.0]
    assert by_y.tolist() == [1.0, 0.0, 1.0]
    with pytest.raises(GradientError, match="lost at greater"):
        mp.grad(f)(several_numbers, several_numbers)


def test_a_derivative_of_a_derivative_is_never_refused():
    in_a_scan = lambda x: mp.scan(lambda c, r: (c + mp.relu(r), None), 0.0, x)[0]
    in_a_loop = lambda x: mp.while_loop(lambda c: c < 9.0, lambda c: mp.relu(c) + mp.relu(x[0]), 1.0, bound=20)
    pieces = (mp.relu, mp.abs, lambda x: mp.where(x > 0, 2 * x, x), mp.checkpoint(mp.relu), lambda x: mp.clip(x, 0, 1))
    for f in (*pieces, in_a_scan, in_a_loop, lambda x: mp.map(mp.relu, x), mp.checkpoint(in_a_scan)):
        zero = mp.grad(lambda x, f=f: mp.sum(mp.grad(lambda x: mp.sum(f(x)))(x)))(several_numbers)
        np.testing.assert_array_equal(zero, np.zeros(3))
    with pytest.raises(GradientError, match="lost at greater"):  # but what comes after it is
        mp.grad(lambda x: mp.sum((mp.grad(lambda x: mp.sum(x**2))(x) > 0) * 1.0))(several_numbers)


def test_evaluate_refuses_what_does_not_fit():
    graph = mp.trace(lambda x, y: x + y, 1.0, 2.0)
    with pytest.raises(GraphError, match="takes 2 arrays, given 1"):
        mp.evaluate(graph, 1.0)
    with pytest.raises(ShapeError, match=r"f32\[\].*f32\[2\]"):
        mp.evaluate(graph, mp.ones((2,)), 1.0)
    with pytest.raises(DTypeError, match="f64"):
        mp.evaluate(graph, np.asarray(1.0), 1.0)


@pytest.mark.parametrize(
    ("argument", "kind", "fix"),
    [([1.0, 2.0], "list", True), ((1.0, 2.0), "tuple", True), ({"a": 1.0, "b": 2.0}, "dict", False)],
)
def test_an_error_over_a_tree_says_that_it_is_no_array(argument, kind, fix):
    with pytest.raises(TypeError) as caught:
        mp.grad(lambda x: mp.sum(x**2))(argument)
    (note,) = caught.value.__notes__
    assert note.startswith(f"x is a {kind}, which is a tree of numbers")
    assert ("mp.asarray(x) makes it one" in note) is fix
    with pytest.raises(TypeError) as caught:
        mp.grad(lambda x: x + "a")(mp.ones((2,)))
    assert not hasattr(caught.value, "__notes__")


# ── check_gradient ───────────────────────────────────────────────────────────────────────────────


def test_check_gradient_passes_what_is_right_and_names_what_is_wrong():
    assert mp.check_gradient(lambda x, y: mp.sin(x) * y, 0.5, 2.0)
    wrong = mp.check_gradient(
        lambda t: mp.sum(t["a"] * mp.stop_gradient(t["a"])) + t["b"], {"a": mp.asarray([1.0, -3.0]), "b": 1.0}
    )
    assert not wrong
    assert not wrong.passed
    assert wrong.worst.name == "t.a"
    assert wrong.worst.gradient == pytest.approx(wrong.worst.difference / 2)
    assert str(wrong).count(str(wrong.worst)) == 1
    assert "wrong: t.a[" in str(wrong)
    assert "kink" not in str(wrong)


def test_check_gradient_tells_a_kink_from_a_wrong_derivative():
    report = mp.check_gradient(lambda x: mp.sum(mp.relu(x)), mp.asarray([0.0, 1.0, -1.0]))
    (wrong,) = [entry for entry in report.entries if entry.error > report.tolerance]
    assert wrong.kink
    assert "possibly a kink: one-sided differences are 0 and 1" in str(report)
    assert all(entry.sides is None for entry in report.entries if entry is not wrong)


def test_check_gradient_picks_entries_of_large_arrays():
    assert len(mp.check_gradient(lambda x: mp.sum(x * x), mp.ones((50, 50)), max_entries=7).entries) == 7


# ── ways of running agree ────────────────────────────────────────────────────────────────────────


def program(x, w):
    h = mp.tanh(x @ w + 0.5)
    return mp.logsumexp(mp.concat([h, mp.sin(h[:, ::-1])], axis=1) * mp.max(h, axis=1, keepdims=True))


inputs = [np.random.default_rng(0).normal(size=shape) for shape in ((4, 3), (3, 2))]


def test_evaluate_has_the_bits_of_eager_computation():
    graph = mp.trace(program, *inputs)
    assert mp.evaluate(graph, *inputs).numpy().tobytes() == program(*map(mp.asarray, inputs)).numpy().tobytes()


def test_an_eager_gradient_has_the_bits_of_the_traced_one():
    eager = mp.grad(program, argnums=(0, 1))(*inputs)
    traced = mp.evaluate(mp.trace(lambda x, w: mp.grad(program, argnums=(0, 1))(x, w), *inputs), *inputs)
    extended, _ = mp.gradient(mp.trace(program, *inputs))
    by_graph = mp.evaluate(extended, *inputs, mp.ones((), dtype=mp.float64))[1:]
    assert (
        [g.numpy().tobytes() for g in eager]
        == [g.numpy().tobytes() for g in traced]
        == [g.numpy().tobytes() for g in by_graph]
    )


def test_a_checkpoint_computes_the_same():
    plain = mp.value_and_grad(program, argnums=(0, 1))(*inputs)
    saved = mp.value_and_grad(mp.checkpoint(program), argnums=(0, 1))(*inputs)
    assert float(plain[0]) == float(saved[0]) == float(mp.checkpoint(program)(*map(mp.asarray, inputs)))
    assert [g.numpy().tobytes() for g in plain[1]] == [g.numpy().tobytes() for g in saved[1]]
    second = [
        mp.grad(lambda x: mp.sum(mp.grad(lambda x: f(x, mp.asarray(inputs[1])))(x) ** 2))(inputs[0])  # noqa: B023  (called at once)
        for f in (program, mp.checkpoint(program))
    ]
    np.testing.assert_allclose(second[0], second[1], rtol=1e-12)


def test_a_checkpoint_of_several_results_and_captures():
    w = mp.asarray([2.0, 3.0])
    f = mp.checkpoint(lambda x: {"a": x * w, "n": mp.argmax(x), "unused": mp.exp(x)})
    value, gradient = mp.value_and_grad(lambda x: mp.sum(f(x)["a"] ** 2) + f(x)["n"])(mp.ones((2,)))
    assert float(value) == 13.0
    assert gradient.tolist() == [8.0, 18.0]


# ── the trail ────────────────────────────────────────────────────────────────────────────────────


def graph_and_trail():
    graph = mp.trace(program, *inputs)
    return graph, *mp.gradient(graph)


def test_the_nodes_of_the_trail_belong_to_the_extended_graph():
    graph, extended, trail = graph_and_trail()
    nodes = set(in_order(extended.outputs)) | set(extended.inputs)
    forward = set(in_order(graph.outputs))
    assert len(trail.steps) == len({step.node for step in trail.steps})
    made = [node for step in trail.steps for node in step.made]
    assert len(made) == len(set(made))
    for step in trail.steps:
        assert step.node in forward
        assert {*step.made} <= nodes - forward
        assert {c for c in (*step.cotangents, *step.contributions) if c is not None} <= nodes
        for child, contribution in zip(step.node.inputs, step.contributions, strict=True):
            assert contribution is None or contribution.type == child.type
    used = {node for node in in_order(extended.outputs) if node.primitive.name not in ("input", "constant")} - forward
    assert used <= set(made)


def test_a_trail_reads_with_the_names_of_the_printed_graph():
    _, extended, trail = graph_and_trail()
    printed, lines = str(extended), str(trail).split("\n")
    assert len(lines) == len(trail.steps)
    assert repr(trail) == f"<trail: {len(lines)} steps>"
    types = {line.split(" = ")[0].strip(): line.split(" : ")[-1] for line in printed.split("\n") if " = " in line}
    for line, step in zip(lines, trail.steps, strict=True):
        forward, _, rest = line.partition("   ∂ ")
        assert f"{forward.strip()} : " in printed
        assert "test_transforms_derivatives.py:" in rest
        came, sent = rest.split("   #")[0].split(" ↦ ")
        for names, nodes in ((came, step.cotangents), (sent, step.contributions)):
            found = [name.strip() for name in names.split(",")]
            assert [name == "–" for name in found] == [node is None for node in nodes]
            for name, node in zip(found, nodes, strict=True):
                assert name not in types or types[name] == str(node.type)


def test_dead_ends_are_not_on_the_trail():
    """Where a rule sends nothing to the source, what led there is no part of backpropagation."""
    graph = mp.trace(lambda x: mp.sum(mp.copysign(2.0, x) * 3.0) + mp.sum(x), mp.ones((2,)))
    extended, trail = mp.gradient(graph)
    nodes = set(in_order(extended.outputs))
    assert all(set(step.made) <= nodes for step in trail.steps)


def test_cotangents_are_derivatives_with_respect_to_the_intermediate_value():
    """∂L/∂v for every value v inside: cut the program at v, move v, and look at L."""
    graph, extended, trail = graph_and_trail()
    arrays = [np.asarray(x) for x in inputs]
    values = {}
    for node in in_order(graph.outputs):
        given = arrays[graph.inputs.index(node)] if node in graph.inputs else None
        values[node] = (
            given
            if given is not None
            else np.asarray(node.primitive.reference(*[values[c] for c in node.inputs], **node.params))
        )

    def loss_with(cut, value):
        moved = dict(values)
        moved[cut] = value
        changed = {cut}
        for node in in_order(graph.outputs):
            if node is not cut and changed & set(node.inputs):
                moved[node] = np.asarray(node.primitive.reference(*[moved[c] for c in node.inputs], **node.params))
                changed.add(node)
        return float(moved[graph.outputs[0]])

    backward = dict(values) | {extended.inputs[-1]: np.asarray(1.0)}
    for node in in_order(extended.outputs):
        if node not in backward:
            backward[node] = np.asarray(node.primitive.reference(*[backward[c] for c in node.inputs], **node.params))
    rng = np.random.default_rng(1)
    assert len(trail.cotangents) >= 10
    for node, cotangent in trail.cotangents.items():
        direction = np.asarray(rng.uniform(-1, 1, size=values[node].shape))
        difference = (
            loss_with(node, values[node] + 1e-6 * direction) - loss_with(node, values[node] - 1e-6 * direction)
        ) / 2e-6
        assert float(np.sum(backward[cotangent] * direction)) == pytest.approx(difference, rel=1e-6, abs=1e-8), node


def test_backward_nodes_come_from_the_line_of_their_forward_node():
    def f(x):
        a = mp.sin(x)
        return mp.exp(a)

    first = f.__code__.co_firstlineno
    graph = mp.trace(f, 1.0)
    extended, trail = mp.gradient(graph)
    lines = {step.node.primitive.name: {extended.origins[node].line for node in step.made} for step in trail.steps}
    assert lines == {"sin": {first + 1}, "exp": {first + 2}}
    nested = mp.trace(lambda x: mp.grad(f)(x), 1.0)
    found = {
        node.primitive.name: nested.origins[node].line
        for node in in_order(nested.outputs)
        if node.primitive.name != "constant"
    }
    assert found["cos"] == found["sin"] == first + 1
    assert found["exp"] == first + 2


def test_vjp_is_exported_where_it_is_documented():
    assert mp.vjp is vjp
