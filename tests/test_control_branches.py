"""`cond` and `switch` are Python's `if`: one branch runs, and its derivative counts."""

# Programs are tables of lambdas, and say `forms` even where they need none.
# ruff: noqa: ARG005, PLW0108

import numpy as np
import pytest

import maplet as mp
from maplet.core.graph import in_order
from maplet.transforms.batch import batch
from maplet.transforms.evaluate import compute
from maplet.transforms.gradient import gradient
from test_control_scan import (
    Case,
    Pair,
    arrays,
    batch_law,
    by_name,
    forward_law,
    gradient_law,
    graph_of,
    jax,
    normal,
    oracle,
    rnn,
    size_of,
    some_by_name,
    text_law,
    value_law,
)

__all__ = ["jax"]  # a fixture


def two(forms, p, w, x):
    return forms.cond(p, lambda x: mp.tanh(x @ w), lambda x: mp.sin(x) * w[0], x)


def by_value(forms, w, x):
    return forms.cond(mp.sum(x) > 0, lambda: x * w[0], lambda: mp.exp(x) @ w)


def several(forms, i, w, x):
    return forms.switch(i, [
        lambda x: {"a": x @ w, "b": mp.sum(x)}, lambda x: {"a": x, "b": x[0, 0]},
        lambda x: {"a": mp.zeros_like(x), "b": mp.sum(w) * x[1, 1]}, lambda x: {"a": x * w[0], "b": x[0, 1]},
    ], x)  # fmt: skip


def tower(forms, i, p, x):
    return forms.switch(
        i,
        [
            lambda x: forms.cond(p, mp.sin, lambda x: forms.cond(mp.sum(x) > 0, mp.cos, mp.tanh, x), x),
            lambda x: forms.scan(lambda h, _: (forms.cond(h[0] > 0, mp.cos, lambda h: h * x, h), None), x, length=3)[0],
            lambda x: forms.while_loop(lambda h: mp.sum(h * h) > 0.1, lambda h: h * 0.5, x, bound=9),
            lambda x: forms.checkpoint(lambda x: mp.sin(x) * x)(x),
        ],
        x,
    )


def mixed_types(forms, p, x, n):
    return forms.cond(
        p, lambda x, n: Pair(x * n, (n + 1, n > 2)), lambda x, n: Pair(x, (n * n, mp.asarray(False))), x, n
    )


square = normal(3, 3)
cases = [
    *(Case(f"cond-{p}", two, (mp.asarray(p), *arrays(square, normal(2, 3)))) for p in (True, False)),
    *(Case(f"by-value-{sign}", by_value, arrays(square, sign * np.abs(normal(2, 3)))) for sign in (1, -1)),
    *(Case(f"switch-{i}", several, (mp.asarray(i), *arrays(square, normal(2, 3)))) for i in (0, 1, 2, 3, -7, 9)),
    *(Case(f"tower-{i}-{p}", tower, (mp.asarray(i), mp.asarray(p), *arrays(normal(3))))
      for i, p in [(0, True), (0, False), (1, True), (2, True), (3, True)]),
    Case("mixed-types", mixed_types, (mp.asarray(True), *arrays(normal(2)), mp.asarray(3))),
    Case("one-branch", lambda forms, i, x: forms.switch(i, [mp.sin], x), (mp.asarray(0), *arrays(normal(2)))),
    Case("small-index", lambda forms, i, x: forms.switch(i, [mp.sin, mp.cos], x),
         (mp.asarray(1, dtype=mp.uint8), *arrays(normal(2)))),
    Case("nothing-read", lambda forms, p, x: forms.cond(p, lambda: (x, x), lambda: (x * 2, mp.ones_like(x))),
         (mp.asarray(True), *arrays(normal(2)))),
    Case("operands-as-they-are", lambda forms, p, x, y: forms.cond(p, lambda x, y: (x, y), lambda x, y: (y, x), x, y),
         (mp.asarray(True), *arrays(normal(2), normal(2)))),
    Case("trees", lambda forms, p, x: forms.cond(
        p, lambda t: {"u": t["v"][0] * 2, "none": None}, lambda t: {"u": mp.sin(t["v"][0]), "none": None},
        {"v": [x, x]}), (mp.asarray(False), *arrays(normal(2)))),
    Case("loops-in-branches", lambda forms, p, w, xs: forms.cond(
        p, lambda: rnn(forms, w, w, w[0], xs[0], xs), lambda: (xs[0], xs * 2.0)),
        (mp.asarray(True), *arrays(square, normal(4, 2, 3)))),
]  # fmt: skip


@by_name(cases)
def test_a_branch_is_python_s_if(case):
    value_law(case)


@by_name(cases)
def test_gradients_are_those_of_the_branch_taken(case):
    gradient_law(case)


@by_name(cases)
def test_forward_mode_is_reverse_mode(case):
    forward_law(case)


@some_by_name(cases)
def test_rows_that_choose_differently(case):
    batch_law(case)


@some_by_name(cases)
def test_branches_are_legal_and_read_back(case):
    text_law(case)


def test_rows_with_an_index_of_their_own():
    """Every branch, and both sides beyond, in one batch; the gradient of each row is that of its branch."""
    case = next(case for case in cases if case.name == "switch-0")
    graph = graph_of(case)
    w, x = (leaf.numpy() for leaf in case.args[1:])
    index = np.asarray([3, -1, 0, 2, 9, 1])
    backward = gradient(graph, [1, 2])[0]
    many, _ = batch(backward, 6, [True, False, False, False], rows=True, spread=[True] * 4)
    seed = np.ones((2, 3))
    found = compute(many, [index, w, x, seed])
    for row, i in enumerate(index):
        for all_rows, one in zip(found, compute(backward, [np.asarray(i), w, x, seed]), strict=True):
            np.testing.assert_allclose(all_rows[row], one, rtol=1e-12)


def test_only_the_branch_taken_runs():
    """The other would be an error."""
    x = mp.asarray([0.0, 1.0])
    far = mp.asarray([5])
    assert mp.cond(mp.asarray(False), lambda: mp.sum(mp.take(x, far, axis=0)), lambda: mp.sum(x)).item() == 1.0
    slope = mp.grad(lambda x: mp.cond(x > 0, lambda x: x * 2.0, lambda x: mp.sum(mp.take(x[None], far, axis=0)), x))
    assert float(slope(1.0)) == 2.0


def test_the_branch_not_taken_sends_no_nan():
    """Where `where` computes both, `cond` computes one: √x at 0 is not differentiated."""

    def f(x):
        return mp.cond(x > 0, mp.sqrt, lambda x: x * 3.0, x)

    assert float(mp.grad(f)(0.0)) == 3.0
    assert float(mp.jvp(f, (0.0,), (1.0,))[1]) == 3.0


def test_a_python_truth_value_decides_too():
    assert float(mp.cond(True, mp.sin, mp.cos, 0.0)) == 0.0
    assert float(mp.cond(np.bool_(False), mp.sin, mp.cos, 0.0)) == 1.0
    assert float(mp.switch(np.int32(1), [mp.sin, mp.cos], 0.0)) == 1.0


def test_both_branches_are_recorded_once():
    calls = []

    def branch(name):
        return lambda x: (calls.append(name), x * 2.0)[1]

    mp.cond(mp.asarray(True), branch("true"), branch("false"), 1.0)
    assert calls == ["true", "false"]


def test_what_both_read_is_one_input():
    w = mp.ones((3, 3))
    graph = mp.trace(lambda p, x: mp.cond(p, lambda: x @ w, lambda: mp.sin(x @ w)), mp.asarray(True), mp.ones((3,)))
    (node,) = {n for n in in_order(graph.outputs) if n.primitive.name == "switch"}
    assert len(node.inputs) == 3  # which, and the two that the branches read


def test_derivatives_of_branches_in_branches_grow_with_their_depth():
    def tower_of(depth):
        def f(x):
            if depth == 0:
                return mp.sin(x)
            return mp.cond(x > depth, lambda x: mp.cos(tower_of(depth - 1)(x)), lambda x: x * 2.0, x)

        return f

    sizes = [size_of(gradient(mp.trace(tower_of(depth), 9.0))[0]) for depth in (4, 8, 16)]
    assert sizes[2] <= 5 * sizes[1]


@pytest.mark.parametrize("i", [1, -7])
def test_branches_agree_with_jax(i, jax):
    jnp = jax.numpy
    branches = [
        lambda w, x: (x @ w, jnp.sum(x)), lambda w, x: (x, x[0, 0]),
        lambda w, x: (jnp.zeros_like(x), jnp.sum(w) * x[1, 1]), lambda w, x: (x * w[0], x[0, 1]),
    ]  # fmt: skip
    case = next(case for case in cases if case.name == f"switch-{i}")
    oracle(case, jax, lambda i, w, x: jax.lax.switch(i, branches, w, x))
