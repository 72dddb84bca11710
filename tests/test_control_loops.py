"""`while_loop` and `fori_loop` are Python loops: values, derivatives and batches, also where the bound ends them."""

# Programs are tables of lambdas, and say `forms` even where they need none.
# ruff: noqa: ARG005

import numpy as np
import pytest

import maplet as mp
from maplet.core.graph import as_made, in_order
from maplet.errors import GradientError, TraceError
from maplet.transforms.batch import batch
from maplet.transforms.evaluate import compute
from maplet.transforms.gradient import gradient
from test_control_scan import (
    Case,
    Pair,
    arrays,
    assert_close,
    batch_law,
    by_name,
    count_of,
    forward_law,
    gradient_law,
    graph_of,
    jax,
    normal,
    oracle,
    text_law,
    value_law,
)

__all__ = ["jax"]  # a fixture


def newton(forms, a, bound=20):
    """√a by Newton's method."""
    return forms.while_loop(lambda x: mp.any(mp.abs(x * x - a) > 1e-9), lambda x: 0.5 * (x + a / x), a, bound=bound)


def collatz(forms, n, x, bound=None):
    """Whole numbers decide how often a floating one is changed."""

    def step(state):
        n, x = state
        return forms.cond(n % 2 == 0, lambda: (n // 2, x * 0.9), lambda: (3 * n + 1, mp.sin(x)))

    return forms.while_loop(lambda state: state[0] != 1, step, (n, x), bound=bound)


def decay(forms, w, h, limit, bound=8):
    """A constant decides too, and a weight is read by both parts."""
    return forms.while_loop(
        lambda s: mp.sum(s["h"] ** 2) * mp.max(mp.abs(w)) > limit * limit + 0.01,
        lambda s: {"count": s["count"] + 1, "h": mp.tanh(s["h"] @ w) * 0.7}, {"count": 0, "h": h}, bound=bound,
    )  # fmt: skip


def powers(forms, x, n, bound=None):
    return forms.fori_loop(0, n, lambda i, y: y * x + i, mp.ones_like(x), bound=bound)


def with_scan(forms, w, xs, bound=5):
    def step(state):
        h, total = forms.scan(lambda h, x: (mp.tanh(h @ w + x), mp.sum(h)), state.first, xs)
        return Pair(h, state.second + mp.sum(mp.square(total)) + 0.5)

    start = Pair(xs[0] + 0.5, mp.zeros((), dtype=mp.float64))
    return forms.while_loop(lambda s: s.second < 3.0, step, start, bound=bound)


def nested(forms, x, bound=4):
    def outer(state):
        x, n = state
        inner = forms.while_loop(lambda s: s[1] < n, lambda s: (mp.sin(s[0] * x), s[1] + 1), (x, 0), bound=bound)
        return inner[0] + 0.1, n + 1

    return forms.while_loop(lambda s: s[1] < 3, outer, (x, 0), bound=bound)


def tied(forms, x):
    """One array as both carries, which then go ways of their own."""
    return forms.while_loop(lambda s: mp.sum(s[0]) < 4, lambda s: (s[0] + s[1] * s[1], s[1] * 0.9), (x, x), bound=30)


square = normal(3, 3)
bounded = [
    Case("newton", newton, arrays(np.asarray([2.0, 3.0, 0.5]))),
    Case("newton-of-one", newton, arrays(2.0)),
    Case("newton-cut-short", lambda forms, a: newton(forms, a, 2), arrays(2.0)),
    Case("no-steps-allowed", lambda forms, a: newton(forms, a, 0), arrays(2.0)),
    Case("just-enough", lambda forms, x: forms.while_loop(
        lambda s: s[1] < 5, lambda s: (mp.sin(s[0]) + s[0], s[1] + 1), (x, 0), bound=5), arrays(0.3)),
    Case("never-begins", lambda forms, x: forms.while_loop(
        lambda x: mp.sum(x) > 100, lambda x: x * x, x, bound=5), arrays(normal(2))),
    Case("never-ends", lambda forms, x: forms.while_loop(
        lambda x: mp.asarray(True), lambda x: mp.sin(x) + 0.5 * x, x, bound=5), arrays(normal(2))),
    Case("collatz", lambda forms, n, x: collatz(forms, n, x, 12), (mp.asarray(6), *arrays(normal(2)))),
    Case("decay", decay, arrays(square, normal(2, 3), 0.01)),
    Case("tied", tied, arrays(normal(2) + 0.8)),
    Case("with-scan", with_scan, arrays(square, normal(4, 3))),
    Case("nested", nested, arrays(0.6)),
    Case("weights-handed-on", lambda forms, w, h: forms.while_loop(
        lambda s: s[2] < 3, lambda s: (s[0], mp.tanh(s[1] @ s[0]), s[2] + 1), (w, h, 0), bound=4),
        arrays(square, normal(2, 3))),
    Case("nothing-changes", lambda forms, x: forms.while_loop(
        lambda s: s[1] < 3, lambda s: (s[0], s[1] + 1), (x, 0), bound=4), arrays(normal(2))),
    Case("constant", lambda forms, w, x: forms.while_loop(
        lambda s: s[1] < 3, lambda s: (w, s[1] + 1), (x, 0), bound=4), arrays(normal(2), normal(2))),
    Case("fori", lambda forms, x: powers(forms, x, 5), arrays(normal(2))),
    Case("fori-none", lambda forms, x: powers(forms, x, 0), arrays(normal(2))),
    Case("fori-backwards", lambda forms, x: forms.fori_loop(4, 2, lambda i, y: y * x, x), arrays(normal(2))),
    Case("fori-negative", lambda forms, x: forms.fori_loop(-3, 2, lambda i, y: y * x + i, x), arrays(normal(2))),
    Case("fori-of-arrays", lambda forms, x, n: powers(forms, x, n, 6), (*arrays(normal(2)), mp.asarray(4))),
    Case("fori-cut-short", lambda forms, x, n: powers(forms, x, n, 3), (*arrays(normal(2)), mp.asarray(5))),
    Case("fori-known-and-cut-short", lambda forms, x: powers(forms, x, 5, 3), arrays(normal(2))),
    Case("fori-from-to", lambda forms, x, m, n: forms.fori_loop(
        m, n, lambda i, s: {"a": s["a"] * x + i, "b": s["b"] + 1}, {"a": x, "b": 0}, bound=9),
        (*arrays(normal(2)), mp.asarray(2), mp.asarray(5, dtype=mp.int32))),
    Case("fori-look-up", lambda forms, table, x: forms.fori_loop(
        0, 4, lambda i, h: mp.tanh(h * mp.take(table, i, axis=0)), x), arrays(normal(4, 2), normal(2))),
    Case("fori-nested", lambda forms, x: forms.fori_loop(
        0, 3, lambda i, y: forms.fori_loop(0, i, lambda j, z: mp.sin(z) + j * x, y, bound=3), x), arrays(0.6)),
]  # fmt: skip
unbounded = [
    Case("newton", lambda forms, a: newton(forms, a, None), arrays(np.asarray([2.0, 3.0, 0.5])), bound=False),
    Case("collatz", collatz, (mp.asarray(6), *arrays(normal(2))), bound=False),
    Case("decay", lambda forms, w, h, a: decay(forms, w, h, a, None), arrays(square, normal(2, 3), 0.01), bound=False),
    Case("with-scan", lambda forms, w, xs: with_scan(forms, w, xs, None), arrays(square, normal(4, 3)), bound=False),
    Case("nested", lambda forms, x: nested(forms, x, None), arrays(0.6), bound=False),
    Case("fori-of-arrays", powers, (*arrays(normal(2)), mp.asarray(4)), bound=False),
]
every_loop = by_name([*bounded, *(case._replace(name=f"unbounded-{case.name}") for case in unbounded)])


@every_loop
def test_a_loop_is_the_python_loop(case):
    value_law(case)


@by_name(bounded)
def test_gradients_of_a_bounded_loop_are_those_of_the_python_loop(case):
    gradient_law(case)


@every_loop
def test_forward_mode_needs_no_bound(case):
    forward_law(case)


@every_loop
def test_rows_that_end_at_different_steps(case):
    batch_law(case)


@every_loop
def test_loops_are_legal_and_read_back(case):
    text_law(case)


# ── what the laws cannot say ─────────────────────────────────────────────────────────────────────


def test_rows_that_have_ended_keep_their_values():
    """Also where going on would give a NaN: a row that has ended takes no part."""
    graph = mp.trace(
        lambda x, n: mp.while_loop(lambda s: s[1] > 0, lambda s: (mp.log(s[0]), s[1] - 1), (x, n)), 20.0, mp.asarray(2)
    )
    many, _ = batch(graph, 3, [True, True], rows=True)
    x, n = compute(many, [np.asarray([20.0, 20.0, -1.0], np.float32), np.asarray([1, 3, 0])])
    np.testing.assert_array_equal(n, [0, 0, 0])
    once = mp.log(mp.asarray(20.0))
    np.testing.assert_array_equal(x, [once, mp.log(mp.log(once)), -1.0])


def test_gradients_of_rows_that_have_ended_have_no_nan():
    """Row by row: the gradient of x ↦ log(…log x) with a number of steps of its own."""

    def f(x, n):
        return mp.while_loop(lambda s: s[1] > 0, lambda s: (mp.log(s[0]), s[1] - 1), (x, n), bound=4)[0]

    backward = gradient(mp.trace(f, 20.0, mp.asarray(2)), [0])[0]
    many, _ = batch(backward, 3, [True, True, False], rows=True)
    x = np.asarray([20.0, 20.0, -1.0], np.float32)
    _, found = compute(many, [x, np.asarray([1, 2, 0]), np.float32(1)])
    np.testing.assert_allclose(found, [1 / 20, 1 / (20 * np.log(20)), 1], rtol=1e-6)
    summed = mp.grad(lambda x: mp.sum(mp.evaluate(batch(mp.trace(f, 20.0, mp.asarray(2)), 3, [True] * 2, rows=True)[0],
                                                  x, mp.asarray([1, 2, 0]))))(mp.asarray(x))  # fmt: skip
    np.testing.assert_allclose(summed, found, rtol=1e-6)


def test_the_steps_after_the_end_are_not_run():
    """A bounded loop that ends early is differentiated without a NaN from steps that are not made."""

    def f(x):
        return mp.while_loop(lambda x: x > 1.0, mp.log, x, bound=10)

    value, slope = mp.value_and_grad(f)(20.0)
    one, two = np.log(20.0), np.log(np.log(20.0))
    assert float(value) == pytest.approx(np.log(two), rel=1e-5)  # and log of log of that is a NaN
    assert float(slope) == pytest.approx(1 / (20 * one * two), rel=1e-5)


def test_the_bound_changes_no_value():
    for bound in (None, 100, 6, 7):
        assert float(newton(mp, mp.asarray(2.0, dtype=mp.float64), bound)) == pytest.approx(2**0.5, rel=1e-9)
    assert float(newton(mp, mp.asarray(2.0), 1)) == 1.5


def test_a_gradient_through_a_loop_without_bound_says_what_to_do():
    with pytest.raises(GradientError, match=r"bound=100") as caught:
        mp.grad(lambda a: newton(mp, a, None))(mp.asarray(2.0, dtype=mp.float64))
    assert "test_control_loops.py" in caught.value.where
    assert "mp.scan" in str(caught.value)


def test_a_loop_beside_the_path_needs_no_bound():
    """What decides only whole numbers, or reads nothing that is differentiated, stays as it is."""

    def f(x):
        steps = mp.while_loop(lambda n: n < 5, lambda n: n + 2, 0)
        other = mp.while_loop(lambda y: y < 5.0, lambda y: y * 2, 1.0)
        return x * steps * other

    assert float(mp.grad(f)(3.0)) == 6.0 * 8.0


def test_a_count_that_is_known_is_a_scan():
    graph = graph_of(next(case for case in bounded if case.name == "fori"))
    assert count_of(graph, "scan") == 1
    assert count_of(graph, "while_loop") == 0
    dynamic = graph_of(next(case for case in unbounded if case.name == "fori-of-arrays"))
    assert count_of(dynamic, "while_loop") == 1


def test_the_counter_is_an_integer_in_both_kinds_of_loop():
    seen = []
    mp.fori_loop(0, 3, lambda i, x: (seen.append(i.type), x)[1], 0.0)
    mp.fori_loop(0, mp.asarray(3), lambda i, x: (seen.append(i.type), x)[1], 0.0)
    assert [str(kind) for kind in seen] == ["i64[]"] * 2


def test_differentiating_twice_needs_no_new_bound():
    case = next(case for case in bounded if case.name == "newton-of-one")
    second = mp.grad(mp.grad(lambda a: case.program(mp, a)))(mp.asarray(2.0, dtype=mp.float64))
    assert float(second) == pytest.approx(-0.25 * 2.0**-1.5, rel=1e-8)


def test_the_backward_pass_is_two_scans():
    """The loop gives way to a scan of `bound` steps; there is no while left, and nothing runs twice."""
    graph = graph_of(next(case for case in bounded if case.name == "newton-of-one"))
    backward = gradient(graph)[0]
    assert [n.primitive.name for n in as_made(backward) if n.primitive.name in ("scan", "while_loop")] == ["scan"] * 2
    assert all(n.params["length"] == 20 for n in in_order(backward.outputs) if n.primitive.name == "scan")


@pytest.mark.parametrize("name", ["collatz", "fori-of-arrays"])
def test_loops_agree_with_jax(name, jax):
    case = next(case for case in unbounded if case.name == name)
    lax, jnp = jax.lax, jax.numpy
    programs = {
        "collatz": lambda n, x: lax.while_loop(
            lambda s: s[0] != 1,
            lambda s: (jnp.where(s[0] % 2 == 0, s[0] // 2, 3 * s[0] + 1),
                       jnp.where(s[0] % 2 == 0, s[1] * 0.9, jnp.sin(s[1]))), (n, x)),
        "fori-of-arrays": lambda x, n: lax.fori_loop(0, n, lambda i, y: y * x + i, jnp.ones_like(x)),
    }  # fmt: skip
    oracle(case, jax, programs[name], reverse=False)


def test_loops_in_one_another_with_everything(jax):
    """Bounded gradients against JAX's of the unrolled loop."""

    def unrolled(x):
        for n in range(3):
            inner = x
            for _ in range(n):
                inner = jax.numpy.sin(inner * x)
            x = inner + 0.1
        return x

    found = mp.grad(mp.grad(lambda x: nested(mp, x)[0]))(mp.asarray(0.6, dtype=mp.float64))
    assert_close([found], [np.asarray(jax.grad(jax.grad(unrolled))(0.6))])


# ── a Python number in the carry takes the type that the body makes of it ────────────────────────


@pytest.mark.parametrize(
    ("start", "rows", "dtype"),
    [
        (0.0, np.ones(3), "float64"),
        (0, np.ones(3, np.float32), "float32"),
        (0, np.ones(3), "float64"),
        (False, np.ones(3, np.int64), "int64"),
        (0.0, np.ones(3, np.float32), "float32"),
    ],
)
def test_a_number_widens_to_what_the_body_makes(start, rows, dtype):
    total, _ = mp.scan(lambda total, x: (total + x, None), start, rows)
    assert (float(total), str(total.dtype)) == (3.0, dtype)
    counted = mp.fori_loop(0, 3, lambda i, total: total + mp.asarray(rows)[i], start)
    assert (float(counted), str(counted.dtype)) == (3.0, dtype)
    until = mp.while_loop(lambda total: total < 3, lambda total: total + mp.asarray(rows)[0], start)
    assert (float(until), str(until.dtype)) == (3.0, dtype)


def test_an_array_does_not_widen():
    with pytest.raises(TraceError, match=r"was f32\[\] and became f64\[\]"):
        mp.scan(lambda total, x: (total + x, None), mp.asarray(0.0), np.ones(3))


def test_a_gradient_through_a_loop_is_checked_whatever_its_dtypes():
    def end(force):
        def step(state, f):
            angle, speed = state
            speed = speed + 0.01 * (f - mp.sin(angle))
            return (angle + 0.01 * speed, speed), angle

        return mp.scan(step, (mp.asarray(0.1), 0.0), force)[0][0]

    assert mp.check_gradient(end, mp.zeros((5,)))
    assert mp.check_gradient(lambda a: mp.fori_loop(0, 3, lambda i, c: c * a, 1.0), 0.7)
    assert mp.check_gradient(lambda a: mp.cond(a > 0, lambda a: a * 2, lambda a: mp.asarray(1.0), a), 0.7)
    assert mp.check_gradient(lambda a: mp.while_loop(lambda x: x < 9, lambda x: x * a, 1.0, bound=9), 1.7)
