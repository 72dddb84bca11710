"""`scan` and `map` are Python loops: their values, derivatives and batches, and what the backward loop keeps.

One program is written once and run twice: with maplet's forms, and with `python` below, which means the same in plain
Python. The laws here are those of every form; the other files of control flow give them their own programs.
"""

# Programs are tables of lambdas and say `forms` even where they need none; their arguments are those of their case.
# ruff: noqa: ARG005, PLC3002, PLR0917, PLW0108

import itertools
from collections import Counter
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

import maplet as mp
from maplet.core.array import Array
from maplet.core.check import check
from maplet.core.graph import Graph, as_made, in_order, nested_graphs
from maplet.core.tree import leaves, replace
from maplet.transforms.batch import batch
from maplet.transforms.evaluate import compute
from maplet.transforms.forward import pushforward
from maplet.transforms.gradient import gradient

# ── the same in plain Python ─────────────────────────────────────────────────────────────────────


def rows_of(xs, n):
    return replace(xs, lambda leaf: leaf[n] if isinstance(leaf, Array) else leaf)


def as_arrays(tree):
    """The same tree with arrays instead of Python numbers, as the forms hand them on."""
    return replace(tree, lambda leaf: mp.asarray(leaf) if isinstance(leaf, int | float) else leaf)


def python_scan(f, carry, xs=None, *, length=None, reverse=False):
    carry = as_arrays(carry)
    counts = {len(leaf) for leaf in leaves(xs).values()} | ({length} - {None})
    (count,) = counts
    ys: list[Any] = [None] * count
    for n in reversed(range(count)) if reverse else range(count):
        carry, ys[n] = f(carry, rows_of(xs, n))
    stacked = [mp.stack(each) for each in zip(*(leaves(distinct(y)).values() for y in ys), strict=True)]
    found = iter(stacked)
    return carry, replace(distinct(ys[0]), lambda leaf: next(found) if isinstance(leaf, Array) else leaf)


def distinct(tree):
    """The same tree, where an array that stands in two places is two."""
    if isinstance(tree, dict):
        return {key: distinct(child) for key, child in tree.items()}
    if isinstance(tree, tuple):
        items = [distinct(child) for child in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else tuple(items)
    return tree.copy() if isinstance(tree, Array) else tree


def python_while(condition, body, carry, *, bound=None):
    carry, step = as_arrays(carry), 0
    while (bound is None or step < bound) and bool(condition(carry)):
        carry, step = body(carry), step + 1
    return carry


def python_fori(lower, upper, body, carry, *, bound=None):
    carry, lower, upper = as_arrays(carry), int(mp.asarray(lower)), int(mp.asarray(upper))
    for step, i in enumerate(range(lower, upper)):
        if bound is not None and step >= bound:
            break
        carry = body(mp.asarray(i), carry)
    return carry


python = SimpleNamespace(
    scan=python_scan,
    map=lambda f, xs: python_scan(lambda nothing, x: (nothing, f(x)), None, xs)[1],
    while_loop=python_while,
    fori_loop=python_fori,
    cond=lambda p, a, b, *operands: a(*operands) if bool(mp.asarray(p)) else b(*operands),
    switch=lambda i, fs, *operands: fs[min(max(int(mp.asarray(i)), 0), len(fs) - 1)](*operands),
    checkpoint=lambda f: f,
    custom_gradient=lambda f: lambda *args: f(*args)[0],
)

# ── laws of every form ───────────────────────────────────────────────────────────────────────────


class Case(NamedTuple):
    """A program ``(forms, *args) → tree``, and where to try it; floating arguments are differentiated."""

    name: str
    program: Any
    args: tuple
    bound: bool = True  # whether reverse mode is possible
    smooth: bool = True  # whether the derivative is what differences say: not where the author says otherwise


def arrays(*args):
    """Arguments as arrays that have a dtype; floats are float64."""

    def as_array(x):
        return Array(np.asarray(x)) if isinstance(x, np.ndarray | float) else x

    return tuple(replace(arg, as_array) for arg in args)


def graph_of(case, forms=mp):
    return mp.trace(lambda *args: case.program(forms, *args), *case.args)


def values_of(case):
    return [leaf.numpy() for leaf in leaves(case.args).values()]


def floating(graph):
    return [n for n, node in enumerate(graph.inputs) if node.type.dtype.kind == "f"]


def real_outputs(graph):
    return [n for n, node in enumerate(graph.outputs) if node.type.dtype.kind == "f"]


def numbers(types, seed):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=t.shape).astype(t.dtype) for t in types]


def assert_close(found, expected, rtol=1e-9, atol=1e-11):
    found, expected = list(found), list(expected)
    assert len(found) == len(expected)
    for f, e in zip(found, expected, strict=True):
        assert np.asarray(f).dtype == np.asarray(e).dtype
        np.testing.assert_allclose(f, e, rtol=rtol, atol=atol)


def value_law(case):
    """The form gives the bits of the Python loop, at once and as a graph."""
    expected = case.program(python, *case.args)
    found = case.program(mp, *case.args)
    wanted = leaves(distinct(expected))
    assert leaves(distinct(found)).keys() == wanted.keys()
    for path, leaf in leaves(distinct(found)).items():
        assert leaf.type == wanted[path].type
        np.testing.assert_array_equal(leaf, wanted[path])
    graph = graph_of(case)
    traced = compute(graph, values_of(case))
    at_once = list(leaves(found).values())
    assert len(traced) == len(at_once)
    for f, e in zip(traced, at_once, strict=True):
        np.testing.assert_array_equal(f, e)


def loss(case, forms, seed=3):
    """One number that depends on every result: each element with a weight of its own."""

    def combined(*args):
        results = [leaf for leaf in leaves(distinct(case.program(forms, *args))).values() if leaf.dtype.kind == "f"]
        weights = numbers([leaf.type for leaf in results], seed)
        total, *rest = [mp.sum(leaf * w) for leaf, w in zip(results, weights, strict=True)]
        for one in rest:
            total = total + one
        return total

    return combined


def flat(f, case, positions):
    """The function of the floating leaves at those positions alone."""
    own = leaves(case.args)
    names = list(own)

    def of(*given):
        new = {id(own[names[n]]): x for n, x in zip(positions, given, strict=True)}
        return f(*replace(case.args, lambda leaf: new.get(id(leaf), leaf)))

    return of, [own[names[n]] for n in positions]


def gradient_law(case, order=2):
    """First and second derivatives are those of the Python loop, and central differences."""
    positions = [n for n, leaf in enumerate(leaves(case.args).values()) if leaf.dtype.kind == "f"]
    every = list(range(len(positions)))
    f, at = flat(loss(case, mp), case, positions)
    loop, _ = flat(loss(case, python), case, positions)
    for degree in range(order):
        found = mp.grad(f, every)(*at)
        expected = mp.grad(loop, every)(*at)
        assert_close(found, expected)
        directions = numbers([x.type for x in at], 11 + degree)
        step = 1e-5
        ahead, behind = (
            float(f(*[x + sign * step * t for x, t in zip(at, directions, strict=True)])) for sign in (1.0, -1.0)
        )
        slope = sum(float(mp.sum(g * t)) for g, t in zip(found, directions, strict=True))
        if case.smooth:
            np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=2e-6, atol=1e-7)
        f, loop = along(f, every, directions), along(loop, every, directions)


def along(f, every, directions):
    """The derivative of a function along a direction, as a function."""

    def slope(*args):
        total, *rest = [mp.sum(g * t) for g, t in zip(mp.grad(f, every)(*args), directions, strict=True)]
        for one in rest:
            total = total + one
        return total

    return slope


def with_gradient(graph):
    return gradient(graph, floating(graph), real_outputs(graph))[0]


def forward_law(case):
    """Forward mode (through a recurrent net: real-time recurrent learning) is reverse mode: vᵀ(Jt) = (vᵀJ)t."""
    graph, values = graph_of(case), values_of(case)
    wrt, seeded = floating(graph), real_outputs(graph)
    tangents = numbers([graph.inputs[n].type for n in wrt], 5)
    cotangents = numbers([graph.outputs[n].type for n in seeded], 6)
    extended, has = pushforward(graph, wrt, [n in seeded for n in range(len(graph.outputs))])
    check(extended)
    assert [n for n, one in enumerate(has) if one] == seeded
    results = compute(extended, [*values, *tangents])
    for f, e in zip(results, compute(graph, values), strict=False):
        np.testing.assert_array_equal(f, e)
    pushed = results[len(graph.outputs) :]
    step = 1e-5
    ahead, behind = (
        compute(graph, [x + sign * step * tangents[wrt.index(n)] if n in wrt else x for n, x in enumerate(values)])
        for sign in (1, -1)
    )
    for n, one in zip(seeded, pushed, strict=True) if case.smooth else ():
        np.testing.assert_allclose(one, (ahead[n] - behind[n]) / (2 * step), rtol=2e-6, atol=1e-7)
    if not case.bound:
        return
    pulled = compute(with_gradient(graph), [*values, *cotangents])[len(graph.outputs) :]
    first = sum(np.sum(v * t) for v, t in zip(cotangents, pushed, strict=True))
    second = sum(np.sum(v * t) for v, t in zip(pulled, tangents, strict=True))
    np.testing.assert_allclose(first, second, rtol=1e-10, atol=1e-11)


def variants(values, size):
    """Rows that differ: floating inputs are moved a little, whole numbers and truth values are kept or changed."""
    rng = np.random.default_rng(9)
    rows = [values]
    for n in range(1, size):
        rows += [[
            x + 0.1 * rng.normal(size=x.shape) if x.dtype.kind == "f"
            else np.asarray(x ^ bool(n % 2)) if x.dtype.kind == "b" else np.asarray(x - n * (x > n)).astype(x.dtype)
            for x in values
        ]]  # fmt: skip
    return rows


def subsets(count, limit=8):
    """Which inputs carry the axis of the rows: all, each alone, all but each; at most so many of these."""
    found = [tuple([True] * count)]
    for n in range(count):
        found += [tuple(m == n for m in range(count)), tuple(m != n for m in range(count))]
    found = [flags for flags in dict.fromkeys(found) if any(flags)]
    return found[:: -(-len(found) // limit)]


def batched_inputs(rows, flags):
    return [np.stack([row[n] for row in rows]) if b else rows[0][n] for n, b in enumerate(flags)]


def batch_law(case, limit=8):
    """What is done for rows at once is the loop over the rows, also for the gradient; and the other way round."""
    graph = graph_of(case)
    rows = variants(values_of(case), 3)
    backward = with_gradient(graph) if case.bound else graph
    if case.bound:
        seeds = [graph.outputs[n].type for n in real_outputs(graph)]
        rows = [[*row, *numbers(seeds, n)] for n, row in enumerate(rows)]
    for flags in subsets(len(backward.inputs), limit):
        mixed = [[x if b else first for x, first, b in zip(row, rows[0], flags, strict=True)] for row in rows]
        many, _ = batch(backward, 3, flags, rows=True, spread=[True] * len(backward.outputs))
        check(many)
        found = compute(many, batched_inputs(rows, flags))
        each = [compute(backward, row) for row in mixed]
        expected = [np.stack(column) for column in zip(*each, strict=True)]
        assert_close(found, expected)
        if case.bound:
            own = flags[: len(graph.inputs)]
            wide, _ = batch(graph, 3, own, rows=True, spread=[True] * len(graph.outputs))
            every = (*own, *[True] * (len(flags) - len(own)))
            mixed = [[x if b else first for x, first, b in zip(row, rows[0], every, strict=True)] for row in rows]
            each = [compute(backward, row) for row in mixed]
            expected = [np.stack(column) for column in zip(*each, strict=True)]
            summed = [
                e if n < len(graph.outputs) or own[floating(graph)[n - len(graph.outputs)]] else e.sum(axis=0)
                for n, e in enumerate(expected)
            ]
            assert_close(compute(with_gradient(wide), batched_inputs(rows, every)), summed)


def graphs_of(case):
    """The program and all that the transforms make of it."""
    graph = graph_of(case)
    yield graph
    yield pushforward(graph, floating(graph))[0]
    yield batch(graph, 3, [True] * len(graph.inputs), rows=True)[0]
    if case.bound:
        backward = with_gradient(graph)
        yield backward
        yield batch(backward, 3, [True] * len(backward.inputs), rows=False)[0]
        yield pushforward(backward, floating(backward))[0]
        yield with_gradient(backward)


def text_law(case):
    """Each is legal, and is read back from its text as what it was."""
    for graph in graphs_of(case):
        check(graph)
        text = str(graph)
        again = mp.parse(text)
        check(again)
        assert again == graph
        assert str(again) == text


def by_name(table):
    return pytest.mark.parametrize("case", table, ids=lambda case: case.name)


def some_by_name(table):
    """Every second case is quick, the others are slow."""
    marks = ([], pytest.mark.slow)
    cases = [pytest.param(case, id=case.name, marks=marks[number % 2]) for number, case in enumerate(table)]
    return pytest.mark.parametrize("case", cases)


# ── programs ─────────────────────────────────────────────────────────────────────────────────────

rng = np.random.default_rng(0)
T, N = 4, 3


def normal(*shape):
    return rng.normal(size=shape) * 0.5


class Pair(NamedTuple):
    """A carry with names."""

    first: Any
    second: Any


def rnn(forms, w, u, b, h, xs):
    def step(h, x):
        h = mp.tanh(x @ w + h @ u + b)
        return h, h

    return forms.scan(step, h, xs)


def handed_on(forms, w, b, h, xs):
    def step(state, x):
        h = mp.tanh(x @ state["w"] + state["h"] + state["b"])
        return {"b": state["b"], "h": h, "w": state["w"]}, mp.sum(h)

    return forms.scan(step, {"b": b, "h": h, "w": w}, xs)


def gated(forms, w, u, b, h, xs):
    def step(state, x):
        gates = x @ w + state.first @ u + b
        keep, add, out = (mp.sigmoid(gates[:, n * N : (n + 1) * N]) for n in range(3))
        memory = keep * state.second + add * mp.tanh(gates[:, 3 * N :])
        return Pair(out * mp.tanh(memory), memory), (state.first, {"kept": keep})

    return forms.scan(step, Pair(h, h * 0.5), xs)


def counters(forms, h, xs):
    def step(state, x):
        h, count, large, small = state
        h = mp.where(large, h * x, h + x)
        return (h, count + 1, ~large, small - 1), (count, large)

    return forms.scan(step, (h, mp.asarray(0), mp.asarray(False), mp.asarray(7, dtype=mp.int32)), xs)


def embedded(forms, table, w, h, ids):
    def step(h, i):
        h = mp.tanh(h @ w + mp.take(table, i, axis=0))
        return h, mp.take(table, i, axis=0) * h

    return forms.scan(step, h, ids)


def stacked_layers(forms, layers, x):
    return forms.scan(lambda x, layer: (mp.tanh(x @ layer["w"] + layer["b"]), None), x, layers)


def nested(forms, w, u, h, xs):
    def outer(h, x):
        def inner(g, row):
            g = mp.tanh(g @ u + row * w)
            return g, mp.sum(g * h)

        h, ys = forms.scan(inner, h, x)
        return h * 0.9, ys

    return forms.scan(outer, h, xs)


def with_cond(forms, w, h, xs):
    def step(h, x):
        h = forms.cond(mp.sum(x) > 0, lambda h: mp.tanh(h @ w), lambda h: h * x, h)
        return h, mp.max(h)

    return forms.scan(step, h, xs)


def with_switch(forms, w, h, xs, ids):
    def step(h, given):
        x, i = given
        return forms.switch(i, [lambda h: h @ w, lambda h: h * x, lambda h: mp.sin(h) + w[0]], h), None

    return forms.scan(step, h, (xs, ids))


def with_while(forms, a, h, xs):
    def step(h, x):
        h, count = forms.while_loop(
            lambda s: (mp.sum(s[0] ** 2) > 0.2) & (s[1] < 6),
            lambda s: (s[0] * a * 0.7 + 0.1 * x, s[1] + 1), (h + x, 0), bound=6,
        )  # fmt: skip
        return h, count

    return forms.scan(step, h, xs)


def with_checkpoint(forms, w, h, xs):
    def layer(h, x):
        return mp.tanh(mp.sin(h @ w) + x), mp.sum(h)

    return forms.scan(lambda h, x: forms.checkpoint(layer)(h, x), h, xs)


def with_custom(forms, w, h, xs):
    def softplus(x):
        e = mp.exp(x)
        return mp.log1p(e), lambda g: g * (e / (1 + e))

    return forms.scan(lambda h, x: (forms.custom_gradient(softplus)(h @ w + x), h), h, xs)


def attention(forms, w, h, xs):
    """Products of a matrix with its own transpose, with leading axes, and a constant used in four ways."""

    def step(h, x):
        scores = h @ mp.matrix_transpose(h)  # (B, T, T)
        h = mp.tanh(scores @ (x @ w) + w[0] + mp.sum(w * w) * 0.1)
        return h, x.mean(axis=-1)

    return forms.scan(step, h, xs)


def shared_operand(forms, x):
    """One array as carry, as rows and from outside."""
    return forms.scan(lambda h, row: (mp.tanh(h @ x + row), h * mp.sin(x)), x, {"a": x, "b": x}["a"])


def taylor(forms, x):
    return forms.scan(lambda s, _: ((s[0] + s[1], s[1] * x / (s[2] + 1.0), s[2] + 1.0), None), (
        mp.zeros_like(x), mp.ones_like(x), mp.zeros_like(x)
    ), length=6)[0][0]  # fmt: skip


xs, h2, square = normal(T, 2, N), normal(2, N), normal(N, N)

cases = [
    Case("rnn", rnn, arrays(normal(N, N), square, normal(N), h2, xs)),
    Case("rnn-of-vectors", rnn, arrays(normal(N, N), square, normal(N), normal(N), normal(T, N))),
    Case("handed-on", handed_on, arrays(normal(N, N), normal(N), h2, xs)),
    Case("gated", gated, arrays(normal(N, 4 * N), normal(N, 4 * N), normal(4 * N), h2, xs)),
    Case("counters", counters, arrays(normal(2), normal(T, 2))),
    Case("length", lambda forms, a, h: forms.scan(
        lambda h, _: (h * a + 1.0, h), h, length=5), arrays(0.7, normal(2))),
    Case("reverse", lambda forms, w, h, xs: forms.scan(
        lambda h, x: (mp.tanh(h @ w + x), h), h, xs, reverse=True), arrays(square, h2, xs)),
    Case("one-step", rnn, arrays(normal(N, N), square, normal(N), h2, xs[:1])),
    Case("trees", lambda forms, a, b: forms.scan(
        lambda s, x: ({"p": s["p"] * x["v"][0], "q": [s["q"][0] + x["u"]]}, {"y": (s["p"], None, s["q"])}),
        {"p": a[0], "q": [a[1]]}, {"u": b, "v": (b * 2.0,)}), arrays(normal(2), normal(T))),
    Case("ignores-x", lambda forms, h, xs: forms.scan(lambda h, x: (mp.sin(h), None), h, xs), arrays(h2, xs)),
    Case("ignores-carry", lambda forms, h, xs: forms.scan(lambda h, x: (x * 2.0, mp.cos(x)), h, xs), arrays(h2, xs)),
    Case("no-carry", lambda forms, xs: forms.scan(lambda h, x: (None, x * x), None, xs), arrays(xs)),
    Case("nothing-changes", lambda forms, h, xs: forms.scan(lambda h, x: (h, x), h, xs), arrays(h2, xs)),
    Case("y-is-x", lambda forms, h, xs: forms.scan(lambda h, x: (h * x, x), h, xs), arrays(h2, xs)),
    Case("y-is-carry", lambda forms, h, xs: forms.scan(lambda h, x: (h * x, h), h, xs), arrays(h2, xs)),
    Case("y-is-constant", lambda forms, w, h, xs: forms.scan(lambda h, x: (h * x, w), h, xs), arrays(h2, h2, xs)),
    Case("carry-is-constant", lambda forms, w, h, xs: forms.scan(
        lambda h, x: (w, h * x), h, xs), arrays(h2, h2, xs)),
    Case("carry-is-x", lambda forms, h, xs: forms.scan(lambda h, x: (x, h * x), h, xs), arrays(h2, xs)),
    Case("swap", lambda forms, a, b, xs: forms.scan(
        lambda s, x: ((s[1], s[0] * x), s), (a, b), xs), arrays(h2, normal(2, N), xs)),
    Case("one-handle-twice", lambda forms, h, xs: forms.scan(
        lambda s, x: (lambda g: ((g, g), (g, g)))(mp.sin(s[0] * s[1]) + x), (h, h), xs), arrays(h2, xs)),
    Case("embedding", embedded, (
        *arrays(normal(5, N), square, h2), mp.asarray([[0, 4], [4, 4], [-1, 2], [0, 0]]))),
    Case("attention", attention, arrays(normal(N, N), normal(2, T, N), normal(T, 2, T, N))),
    Case("shared-operand", shared_operand, arrays(normal(N, N))),
    Case("transposed-weight", lambda forms, w, h, xs: forms.scan(
        lambda h, x: (mp.tanh(h @ w.T + (w @ x.T).T), None), h, xs), arrays(normal(N, N), h2, xs)),
    Case("weights-of-vectors", lambda forms, w, v, xs: forms.scan(
        lambda s, x: (s + mp.sin(x @ v) + x @ w @ x, w @ x), mp.sum(v), xs), arrays(square, normal(N), normal(T, N))),
    Case("part-of-a-weight", lambda forms, w, h, xs: forms.scan(
        lambda h, x: (mp.tanh(h @ w[:N] + x @ w[N:]), None), h, xs), arrays(normal(2 * N, N), h2, xs)),
    Case("made-outside", lambda forms, w, h, xs: forms.scan(
        lambda h, x: (mp.tanh(h @ (mp.exp(w) * 0.1) + mp.sum(w)), mp.exp(w)), h, xs), arrays(square, h2, xs)),
    Case("reductions", lambda forms, w, h, xs: forms.scan(
        lambda h, x: (mp.softmax(h + x, axis=-1) * mp.max(w), mp.logsumexp(h)), h, xs), arrays(square, h2, xs)),
    Case("leading-axes", lambda forms, w, h, xs: forms.scan(
        lambda h, x: (mp.tanh(x @ w + h), None), h, xs), arrays(normal(2, N, N), normal(2, 5, N), normal(T, 2, 5, N))),
    Case("weight-without-leading-axes", lambda forms, w, h, xs: forms.scan(
        lambda h, x: (mp.tanh(x @ w + h), None), h, xs), arrays(square, normal(2, 5, N), normal(T, 2, 5, N))),
    Case("stop-gradient", lambda forms, w, h, xs: forms.scan(
        lambda h, x: (mp.tanh(h @ w + mp.stop_gradient(h) * x), None), h, xs), arrays(square, h2, xs), smooth=False),
    Case("divided", lambda forms, a, h, xs: forms.scan(
        lambda h, x: (h / (1.0 + mp.exp(a * x)), mp.sqrt(h * h + 1.0)), h, xs), arrays(0.5, h2, xs)),
    Case("only-the-last", lambda forms, w, h, xs: forms.scan(
        lambda h, x: (mp.tanh(h @ w + x), mp.sin(h)), h, xs)[0], arrays(square, h2, xs)),
    Case("only-the-rows", lambda forms, w, h, xs: forms.scan(
        lambda h, x: (mp.tanh(h @ w + x), mp.sin(h)), h, xs)[1], arrays(square, h2, xs)),
    Case("taylor", taylor, arrays(normal(2))),
    Case("stacked-layers", stacked_layers, arrays({"b": normal(T, N), "w": normal(T, N, N)}, h2)),
    Case("nested", nested, arrays(normal(N), square, normal(N), normal(T, 3, N))),
    Case("cond-inside", with_cond, arrays(square, h2, xs)),
    Case("switch-inside", with_switch, (*arrays(square, h2, xs), mp.asarray([0, 2, 1, 2]))),
    Case("while-inside", with_while, arrays(0.8, normal(2), normal(T, 2))),
    Case("checkpoint-inside", with_checkpoint, arrays(square, h2, xs)),
    Case("custom-gradient-inside", with_custom, arrays(square, h2, xs)),
    Case("map", lambda forms, w, xs: forms.map(lambda x: mp.sin(x @ w), xs), arrays(square, xs)),
    Case("map-of-trees", lambda forms, w, xs: forms.map(
        lambda x: {"a": x["u"] * w, "b": mp.sum(x["v"])}, {"u": xs, "v": xs * xs}), arrays(normal(N), xs)),
    Case("map-of-scan", lambda forms, w, xs: forms.map(
        lambda x: forms.scan(lambda s, row: (mp.tanh(s @ w + row), mp.sum(s)), x[0], x), xs), arrays(square, xs)),
]  # fmt: skip


@by_name(cases)
def test_scan_is_the_loop(case):
    value_law(case)


@by_name(cases)
def test_gradients_of_scan_are_those_of_the_loop(case):
    gradient_law(case)


@by_name(cases)
def test_forward_mode_of_scan_is_reverse_mode(case):
    forward_law(case)


@some_by_name(cases)
def test_a_batch_of_scans_is_the_loop_over_rows(case):
    batch_law(case)


@some_by_name(cases)
def test_scans_are_legal_and_read_back(case):
    text_law(case)


# ── the edges ────────────────────────────────────────────────────────────────────────────────────


def test_no_steps_at_all():
    """The carry is what it was, there are no rows, and derivatives pass through the carry alone."""
    w, h, none = arrays(square, h2, normal(0, 2, N))

    def program(w, h, xs):
        return mp.scan(lambda h, x: (mp.tanh(h @ w + x), {"y": h, "n": mp.asarray(1)}), h, xs)

    last, ys = program(w, h, none)
    np.testing.assert_array_equal(last, h)
    assert (str(ys["y"].type), str(ys["n"].type)) == ("f64[0,2,3]", "i64[0]")
    seed = normal(2, N)
    found = mp.grad(lambda *args: mp.sum(program(*args)[0] * seed) + mp.sum(program(*args)[1]["y"]), (0, 1, 2))
    for gradient_, expected in zip(found(w, h, none), (np.zeros((N, N)), seed, none), strict=True):
        np.testing.assert_array_equal(gradient_, expected)
    forward_law(Case("", lambda forms, *args: program(*args), (w, h, none)))
    text_law(Case("", lambda forms, *args: program(*args), (w, h, none)))


def test_a_batch_of_scans_without_steps():
    graph = mp.trace(lambda h, xs: mp.scan(lambda h, x: (h * x, h), h, xs), mp.ones((2,)), mp.ones((0, 2)))
    for flags in itertools.product([True, False], repeat=2):
        many, _ = batch(with_gradient(graph), 3, [*flags, True, True], rows=True, spread=[True] * 4)
        given = [np.ones((3,) * b + n.type.shape, np.float32)
                 for b, n in zip([*flags, True, True], with_gradient(graph).inputs, strict=True)]  # fmt: skip
        assert [x.shape for x in compute(many, given)] == [(3, 2), (3, 0, 2), (3, 2), (3, 0, 2)]


def test_the_third_derivative():
    """y = xⁿ by a scan of n products: y‴ = n(n−1)(n−2)xⁿ⁻³."""

    def power(x):
        return mp.scan(lambda y, _: (y * x, None), mp.ones_like(x), length=5)[0]

    x = mp.asarray(0.7, dtype=mp.float64)
    assert float(mp.grad(mp.grad(mp.grad(power)))(x)) == pytest.approx(60 * 0.7**2, rel=1e-12)
    case = Case("", lambda forms, a: forms.scan(lambda h, _: (mp.sin(h * a), h), a, length=3), arrays(0.4))
    gradient_law(case, order=3)


def test_python_numbers_begin_as_arrays():
    (total, count), ys = mp.scan(lambda s, x: ((s[0] + x, s[1] + 1), x > 1), (0.0, 0), mp.asarray([1.0, 2.0]))
    assert (str(total.type), str(count.type), str(ys.type)) == ("f32[]", "i64[]", "bool[2]")
    assert (float(total), int(count), ys.tolist()) == (3.0, 2, [False, True])


def test_numpy_arrays_are_arrays():
    last, _ = mp.scan(lambda h, x: (h + x, None), np.zeros(2, np.float32), np.ones((3, 2), np.float32))
    assert last.tolist() == [3.0, 3.0]
    assert mp.map(lambda x: x + 1, np.arange(3)).tolist() == [1, 2, 3]


def test_results_are_arrays_of_their_own():
    """Whoever changes one of the results, or what was given, changes nothing else."""
    start = mp.zeros((2,))
    last, ys = mp.scan(lambda h, x: (h, (x, x)), start, mp.ones((3, 2)))
    last[0] = 7.0
    ys[0][0, 0] = 8.0
    assert start.tolist() == [0.0, 0.0]
    assert float(ys[1][0, 0]) == 1.0


def test_the_body_is_traced_once_and_sees_one_row():
    seen = []

    def step(h, x):
        seen.append((h.shape, x["a"].shape, str(x["b"].type)))
        return h + x["a"], None

    mp.scan(step, mp.zeros((2,)), {"a": mp.ones((100, 2)), "b": mp.arange(100)})
    assert seen == [((2,), (2,), "i64[]")]


# ── what the backward loop keeps and computes ────────────────────────────────────────────────────


def scans_of(graph):
    return [node for node in as_made(graph) if node.primitive.name == "scan"]


def operations_in(graph):
    return Counter(node.primitive.name for node in in_order(graph.outputs))


def backward_of(f, *args, wrt=None):
    """The gradient of the sum of what a function returns."""
    return gradient(mp.trace(lambda *given: mp.sum(f(*given)), *args), wrt)[0]


def kept(graph):
    """What the forward loop gives besides the carry: the operations whose values are kept for each step."""
    forward = scans_of(graph)[0]
    body, carries = forward.params["body"], forward.params["carries"]
    return [node.primitive.name for node in body.outputs[carries:]]


weights = (mp.zeros((N, N)), mp.zeros((N, N)), mp.zeros((N,)), mp.zeros((2, N)), mp.zeros((T, 2, N)))


def last_of(step, *args, **options):
    return mp.scan(step, *args, **options)[0]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (lambda w: lambda h, x: (mp.tanh(x @ w + h), None), ["tanh"]),
        (lambda w: lambda h, x: (mp.tanh(x + h @ w), None), ["input", "tanh"]),
        (lambda w: lambda h, x: (mp.tanh(x + h @ w), h), ["input", "tanh"]),
        (lambda w: lambda h, x: (h * 0.5 + x @ w, None), []),
        (lambda w: lambda h, x: (h @ w + x, None), ["input"]),
        (lambda w: lambda h, x: (h * mp.exp(w), None), ["input"]),
        (lambda w: lambda h, x: (mp.where(h > x, 2 * h, x - h), None), ["greater"]),
        (lambda w: lambda h, x: (mp.sum(x @ w) * 2 + h * mp.sin(x), None), ["input", "sin"]),
        (lambda w: lambda h, x: (mp.square(mp.maximum(h + x, 0.0)) - h * (x + 1), None), ["input"]),
        (lambda w: lambda h, x: (mp.sigmoid(mp.exp(h) * x), None), ["exp", "sigmoid"]),
    ],
    ids=["rnn-of-inputs", "rnn", "carry-is-a-row-too", "linear", "linear-with-weight", "constant-factor", "choice",
         "not-of-carry", "cheap", "dear"],
)  # fmt: skip
def test_only_what_the_pullback_reads_is_kept(step, expected):
    """Neither what it sees anyhow (rows, constants, results), nor what follows from these by cheap arithmetic."""
    w, h, xs = mp.zeros((N, N)), mp.zeros((N, N)), mp.zeros((T, N, N))
    backward = backward_of(lambda w, h, xs: last_of(step(w), h, xs), w, h, xs)
    assert sorted(kept(backward)) == expected
    assert len(scans_of(backward)) == 2


def test_what_is_a_result_is_not_kept_twice():
    backward = backward_of(lambda *args: mp.sum(rnn(mp, *args)[1]), *weights)
    assert kept(backward) == ["tanh", "input"]  # the rows that the user asked for, and the carry
    assert len(scans_of(backward)) == 2


def test_the_gradient_of_a_weight_is_one_product_after_the_loop():
    """The backward loop hands on the cotangent of h and the sum for the bias; Σₜ hₜᵀδₜ is made of stacked rows."""
    backward = backward_of(lambda *args: rnn(mp, *args)[0], *weights, wrt=[0, 1, 2, 3])
    forward, back = scans_of(backward)
    assert operations_in(forward.params["body"])["matmul"] == 2
    assert operations_in(back.params["body"])["matmul"] == 1  # δ uᵀ
    assert back.params["carries"] == 2
    assert [str(n.type) for n in back.params["body"].outputs] == ["f32[2,3]", "f32[3]", "f32[2,3]"]
    outside = [n for n in in_order(backward.outputs) if n.primitive.name == "matmul"]
    assert [tuple(str(child.type) for child in n.inputs) for n in outside] == [("f32[3,8]", "f32[8,3]")] * 2


def test_a_gated_cell_gathers_one_cotangent_for_both_of_its_weights():
    """The weights of inputs and of the carry share δ, whose rows are gathered once."""
    w = mp.zeros((N, 4 * N))
    args = (w, w, mp.zeros((4 * N,)), mp.zeros((2, N)), mp.zeros((T, 2, N)))
    backward = backward_of(lambda *given: gated(mp, *given)[0].first, *args, wrt=[0, 1, 2])
    _, back = scans_of(backward)
    rows = [str(n.type) for n in back.params["body"].outputs[back.params["carries"] :]]
    assert rows == ["f32[2,12]"]
    assert operations_in(backward)["matmul"] == 2


def test_nothing_is_asked_of_what_has_no_gradient():
    """With respect to the rows alone no sum is carried for the weights, and no product is made."""
    backward = backward_of(lambda *args: rnn(mp, *args)[0], *weights, wrt=[4])
    _, back = scans_of(backward)
    assert back.params["carries"] == 1
    assert operations_in(backward)["matmul"] == 0


def size_of(graph):
    """The number of nodes, with those inside."""
    return sum(1 + sum(map(size_of, nested_graphs(node).values())) for node in in_order(graph.outputs))


def count_of(graph, name):
    """How often an operation stands in a graph, at any depth."""
    return sum(
        (node.primitive.name == name) + sum(count_of(inner, name) for inner in nested_graphs(node).values())
        for node in in_order(graph.outputs)
    )


@pytest.mark.parametrize("times", [1, 2])
def test_derivatives_grow_with_the_body_and_not_faster(times):
    sizes = []
    for length in (4, 8, 16):

        def step(h, x, length=length):
            for _ in range(length):
                h = mp.tanh(h * x)
            return h, None

        graph = mp.trace(lambda h, xs, step=step: mp.sum(mp.scan(step, h, xs)[0]), mp.zeros((2,)), mp.zeros((T, 2)))
        for _ in range(times):
            graph = gradient(graph, [0, 1])[0]
            graph = Graph(graph.inputs, graph.outputs[-2:-1], graph.origins)
        sizes.append(size_of(graph))
    assert sizes[2] - sizes[1] <= 2 * (sizes[1] - sizes[0])


def test_loops_in_loops_are_not_run_again_and_again():
    """A loop in a loop in a loop: each has one backward loop, which stands in the backward loop around it."""

    def three(h, xs):
        def outer(h, x):
            def middle(h, row):
                return mp.scan(lambda h, z: (mp.tanh(h * z), None), h, row)[0], None

            return mp.scan(middle, h, x)[0], None

        return mp.scan(outer, h, xs)[0]

    graph = mp.trace(three, mp.asarray(0.5), mp.ones((2, 3, 4)))
    assert count_of(gradient(graph)[0], "scan") == 6


def test_a_loop_over_layers_keeps_one_graph():
    """The graph has as many nodes for a hundred layers as for two; so has the gradient."""
    sizes = []
    for depth in (2, 100):
        layers = {"b": mp.zeros((depth, N)), "w": mp.zeros((depth, N, N))}
        graph = mp.trace(lambda layers, x: mp.sum(stacked_layers(mp, layers, x)[0]), layers, mp.zeros((2, N)))
        sizes.append((size_of(graph), size_of(gradient(graph)[0])))
    assert sizes[0] == sizes[1]


# ── another library ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def jax():
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        yield jax


def oracle(case, jax, program, *, reverse=True):
    """Value, gradient and derivative along a direction are those of JAX."""
    values = values_of(case)
    wanted = [n for n, x in enumerate(values) if x.dtype.kind == "f"]
    graph = graph_of(case)
    seeds = numbers([graph.outputs[n].type for n in real_outputs(graph)], 6)
    tangents = numbers([graph.inputs[n].type for n in wanted], 5)

    def of(*given):
        full = dict(zip(wanted, given, strict=True))
        return jax.tree.leaves(program(*[full.get(n, x) for n, x in enumerate(values)]))

    given = [values[n] for n in wanted]
    expected, pushed = jax.jvp(of, given, tangents)
    extended, has = pushforward(graph, wanted)
    moved = compute(extended, [*values, *tangents])[len(has) :]
    assert_close(moved, [np.asarray(x) for x, one in zip(pushed, has, strict=True) if one])
    if not reverse:
        assert_close(compute(graph, values), map(np.asarray, expected))
        return
    cotangents = iter(seeds)
    given_back = [next(cotangents) if x.dtype.kind == "f" else np.zeros(x.shape, jax.dtypes.float0) for x in expected]
    pulled = jax.vjp(of, *given)[1](given_back)
    found = compute(with_gradient(graph), [*values, *seeds])
    assert_close(found, [*map(np.asarray, expected), *map(np.asarray, pulled)])


@pytest.mark.parametrize("name", ["rnn", "cond-inside", "counters"])
def test_scan_agrees_with_jax(name, jax):
    lax, jnp = jax.lax, jax.numpy
    programs = {
        "rnn": lambda w, u, b, h, xs: lax.scan(lambda h, x: (jnp.tanh(x @ w + h @ u + b),) * 2, h, xs),
        "cond-inside": lambda w, h, xs: lax.scan(
            lambda h, x: (lambda g: (g, jnp.max(g)))(
                lax.cond(jnp.sum(x) > 0, lambda h: jnp.tanh(h @ w), lambda h: h * x, h)
            ), h, xs,
        ),
        "counters": lambda h, xs: lax.scan(
            lambda s, x: (
                (jnp.where(s[2], s[0] * x, s[0] + x), s[1] + 1, ~s[2], s[3] - jnp.int32(1)), (s[1], s[2])
            ), (h, jnp.int64(0), jnp.asarray(False), jnp.int32(7)), xs,
        ),
    }  # fmt: skip
    oracle(next(case for case in cases if case.name == name), jax, programs[name])
