"""What a batched graph does for many rows at once is what the graph does for each of them."""

import itertools

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maplet as mp
from maplet.core.check import check
from maplet.core.graph import Graph, in_order
from maplet.core.primitive import registry
from maplet.core.trace import Trace
from maplet.core.tree import leaves
from maplet.core.types import ArrayType
from maplet.errors import PositionError, ShapeError
from maplet.ops.random import Generator
from maplet.transforms.batch import batch
from maplet.transforms.evaluate import compute
from maplet.transforms.gradient import gradient
from test_ops_laws import cases, elementwise, joined, type_of

primitives = [p for p in registry.values() if p.example is not None]
every_primitive = pytest.mark.parametrize("primitive", primitives, ids=lambda p: p.name)
every_function = pytest.mark.parametrize("primitive", [p for p in primitives if p.name != "iota"], ids=lambda p: p.name)
every_differentiable = pytest.mark.parametrize("primitive", [p for p in primitives if p.gradient], ids=lambda p: p.name)


@every_primitive
def test_every_primitive_has_a_rule(primitive):
    takes_inputs = bool(primitive.example(np.random.default_rng(0))[0])
    assert (primitive.batch is not None) == (takes_inputs or primitive.per_row)


# ── programs of one operation, and rows for them ─────────────────────────────────────────────────


def one_node(primitive, types, params):
    """The graph that applies a primitive to its inputs."""
    with Trace(with_values=False) as trace:
        inputs = [trace.argument(t, f"x{n}") for n, t in enumerate(types)]
        out = joined(primitive.name, *inputs, **params)
        return Graph(tuple(trace.node_of(x) for x in inputs), (trace.node_of(out),), trace.origins)


def programs(primitive, size):
    """Graphs of one node, each with inputs for several rows: (graph, rows), all rows of the same types."""
    for variants in zip(*[cases(primitive, seed=seed) for seed in range(size)], strict=True):
        types = [type_of(x) for x in variants[0][0]]
        try:
            graph = one_node(primitive, types, variants[0][1])
        except ShapeError:
            continue  # an extreme over an axis of length 0
        yield graph, [inputs for inputs, _ in variants]


def subsets(count, limit=8):
    """Which of the inputs carry the axis of the rows: every choice but none, as flags."""
    return list(itertools.product([True, False], repeat=count))[:-1][:limit]


def stacked(arrays, array_type):
    """Rows as one array; of no rows too."""
    out = np.empty((len(arrays), *array_type.shape), array_type.dtype)
    for n, array in enumerate(arrays):
        out[n] = array
    return out


def as_inputs(graph, rows, batched):
    """What the batched graph is given: all rows of the batched inputs, the first row of the others."""
    return [
        stacked([row[n] for row in rows[1]], node.type) if carries else rows[0][n]
        for n, (node, carries) in enumerate(zip(graph.inputs, batched, strict=True))
    ]


def mixed(rows, batched):
    """For each row the inputs of the loop: its own where they are batched, else those of the first row."""
    return [[own if b else first for own, first, b in zip(row, rows[0], batched, strict=True)] for row in rows]


def run_batched(graph, rows, size, batched):
    """The batched graph, legal and of the right types, and what it computes for the first ``size`` rows."""
    spread = [True] * len(graph.outputs)
    many, carries = batch(graph, size, batched, rows=True, spread=spread)
    check(many)
    assert carries == spread
    values = compute(many, as_inputs(graph, (rows[0], rows[:size]), batched))
    for value, node, of_one in zip(values, many.outputs, graph.outputs, strict=True):
        assert node.type == ArrayType((size, *of_one.type.shape), of_one.type.dtype)
        assert type_of(np.asarray(value)) == node.type
    return many, values


def loop(graph, rows):
    """The graph for one row after the other, stacked."""
    found = [compute(graph, row) for row in rows]
    return [stacked([values[n] for values in found], node.type) for n, node in enumerate(graph.outputs)]


def assert_same(name, found, expected):
    """The same bits; sums of products may be added up in another order."""
    if name in ("matmul", "conv", "contract"):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    else:
        np.testing.assert_array_equal(found, expected)


# ── the laws ─────────────────────────────────────────────────────────────────────────────────────


@every_function
def test_a_batch_is_the_loop_over_its_rows(primitive):
    tried = 0
    for graph, rows in programs(primitive, 3):
        for batched, size in itertools.product(subsets(len(graph.inputs)), (3, 1, 0)):
            _, (found,) = run_batched(graph, rows, size, batched)
            (expected,) = loop(graph, mixed(rows, batched)[:size])
            assert_same(primitive.name, found, expected)
            tried += 1
    assert tried


@every_function
def test_a_batch_of_a_batch_is_the_double_loop(primitive):
    for graph, rows in programs(primitive, 6):
        choices = list(itertools.product(subsets(len(graph.inputs)), repeat=2))
        for inner, outer in choices[:: -(-len(choices) // 8)] + choices[-1:]:
            many, _ = batch(graph, 3, inner, rows=True, spread=[True])
            # Row (o, i) has number 3o + i; an input that is not batched outside has the rows of o = 0.
            squares = [
                [stacked([rows[3 * o + i][n] for i in range(3)], node.type) if b else rows[3 * o][n] for o in range(2)]
                for n, (node, b) in enumerate(zip(graph.inputs, inner, strict=True))
            ]
            _, (found,) = run_batched(many, list(zip(*squares, strict=True)), 2, outer)
            expected = [
                loop(graph, [[
                    rows[3 * o * b_outer + i * b_inner][n]
                    for n, (b_outer, b_inner) in enumerate(zip(outer, inner, strict=True))
                ] for i in range(3)])[0]
                for o in range(2)
            ]  # fmt: skip
            assert_same(primitive.name, found, np.stack(expected))


def with_cotangents(graph, rows):
    """The extended graph of a program, and its rows with a cotangent for each."""
    wrt = [n for n, node in enumerate(graph.inputs) if node.type.dtype.kind == "f"]
    rng = np.random.default_rng(7)
    kind = graph.outputs[0].type
    return gradient(graph, wrt)[0], [[*row, rng.normal(size=kind.shape).astype(kind.dtype)] for row in rows], wrt


@every_differentiable
def test_the_batched_gradient_is_the_loop_of_gradients(primitive):
    for graph, rows in programs(primitive, 3):
        backward, rows_, _ = with_cotangents(graph, rows)
        for batched in subsets(len(backward.inputs), limit=16):
            _, found = run_batched(backward, rows_, 3, batched)
            for f, e in zip(found, loop(backward, mixed(rows_, batched)), strict=True):
                np.testing.assert_allclose(f, e, rtol=1e-12, atol=1e-13)


@every_differentiable
def test_the_gradient_of_a_batch_is_the_batch_of_gradients(primitive):
    """Where the rows share an input, its gradient is the sum over the rows."""
    for graph, rows in programs(primitive, 3):
        backward, rows_, wrt = with_cotangents(graph, rows)
        for batched in subsets(len(graph.inputs)):
            many, _ = run_batched(graph, rows, 3, batched)
            inputs = as_inputs(backward, (rows_[0], rows_), (*batched, True))
            _, *found = compute(gradient(many, wrt)[0], inputs)
            _, *expected = loop(backward, mixed(rows_, (*batched, True)))
            for n, f, e in zip(wrt, found, expected, strict=True):
                np.testing.assert_allclose(f, e if batched[n] else e.sum(axis=0), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("primitive", elementwise, ids=lambda p: p.name)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_rows_of_any_shapes_that_meet(primitive, data):
    samples, _ = primitive.example(np.random.default_rng(0))
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=len(samples), min_side=0, max_dims=3)).input_shapes
    batched = data.draw(st.sampled_from(subsets(len(samples))))
    size = data.draw(st.integers(0, 3))
    rng = np.random.default_rng(1)
    rows = [
        [np.asarray(rng.choice(np.ravel(x), size=shape)) for x, shape in zip(samples, shapes, strict=True)]
        for _ in range(max(size, 1))
    ]
    graph = one_node(primitive, [type_of(x) for x in rows[0]], {})
    _, (found,) = run_batched(graph, rows, size, batched)
    assert_same(primitive.name, found, loop(graph, mixed(rows, batched)[:size])[0])


def few_axes(min_side=1):
    return hnp.array_shapes(min_dims=0, max_dims=2, min_side=min_side, max_side=3)


@settings(max_examples=100, deadline=None)
@given(
    axes=st.tuples(few_axes(0), few_axes(), few_axes(), few_axes(0)),
    batched=st.sampled_from(subsets(2)),
    adjoint=st.booleans(),
)
def test_looking_up_with_any_axes_around(axes, batched, adjoint):
    lead, before, after, places = axes
    rng = np.random.default_rng(2)
    shape = (*lead, *before, *(places if adjoint else (4,)), *after)
    rows = [[rng.normal(size=shape), rng.integers(-4, 4, size=(*lead, *places))] for _ in range(3)]
    rows = [[np.asarray(x), np.asarray(positions)] for x, positions in rows]
    params = {"axis": len(lead + before)} | ({"batch": len(lead)} if lead else {}) | ({"length": 4} if adjoint else {})
    graph = one_node(registry["add_at" if adjoint else "take"], [type_of(x) for x in rows[0]], params)
    _, (found,) = run_batched(graph, rows, 3, batched)
    np.testing.assert_array_equal(found, loop(graph, mixed(rows, batched))[0])


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_looking_up_is_what_numpy_says_row_by_row(data):
    """With leading axes `take` is NumPy's `take` in each of them."""
    lead = data.draw(hnp.array_shapes(min_dims=1, max_dims=2, max_side=3))
    inner = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))
    axis = data.draw(st.integers(0, len(inner) - 1))
    positions = data.draw(hnp.arrays(np.int64, (*lead, 2), elements=st.integers(-inner[axis], inner[axis] - 1)))
    x = np.random.default_rng(3).normal(size=(*lead, *inner))
    found = registry["take"].reference(x, positions, axis=len(lead) + axis, batch=len(lead))
    for row in np.ndindex(*lead):
        np.testing.assert_array_equal(found[row], np.take(x[row], positions[row], axis=axis))


def write_and_read(x, i, v):
    x[i, 1:] = v
    return x[:, i].T * x[i][i]


@pytest.mark.parametrize("batched", subsets(3))
def test_keys_that_are_data_in_every_row(batched):
    """``a[key]`` and ``a[key] = v`` are several operations each; of equal positions the last stays, in each row."""
    rng = np.random.default_rng(5)
    rows = [[rng.normal(size=(3, 3)), rng.integers(-3, 3, size=(4,)), rng.normal(size=(4, 2))] for _ in range(3)]
    graph = mp.trace(write_and_read, *rows[0])
    graph = Graph(graph.inputs, graph.outputs[:1], graph.origins)  # the write to x is a further output
    _, (found,) = run_batched(graph, rows, 3, batched)
    np.testing.assert_array_equal(found, loop(graph, mixed(rows, batched))[0])


def test_what_the_rows_share_is_computed_once():
    """Only what depends on the rows is batched, and a matrix that they share is multiplied once."""
    graph = mp.trace(lambda x, w: mp.matmul(x, mp.sin(w)), mp.zeros((4,)), mp.zeros((4, 2)))
    many, _ = batch(graph, 5, [True, False], rows=True)
    types = {node.primitive.name: str(node.type) for node in in_order(many.outputs)}
    assert types["sin"] == "f32[4,2]"
    assert types["matmul"] == "f32[5,2]"
    other = mp.trace(mp.matmul, mp.zeros((2, 4)), mp.zeros((4,)))
    many, _ = batch(other, 5, [False, True], rows=True)
    assert {n.primitive.name: str(n.type) for n in in_order(many.outputs)}["matmul"] == "f32[2,5]"


@pytest.mark.parametrize("batched", subsets(2))
def test_positions_outside_are_an_error_in_every_row(batched):
    rows = [[np.arange(3.0), np.asarray([0, 2])] for _ in range(3)]
    rows[0 if not batched[1] else 2][1] = np.asarray([0, 3])
    for name, params in (("take", {"axis": 0}), ("take_along_axis", {"axis": 0})):
        graph = one_node(registry[name], [type_of(x) for x in rows[0]], params)
        with pytest.raises(PositionError, match="index 3 is outside"):
            run_batched(graph, rows, 3, batched)


@pytest.mark.parametrize(
    ("name", "x", "positions", "axis", "shared"),
    [("take", (2, 5), (3, 4), 1, 1), ("take", (2, 5), (2, 4), 0, 1), ("add_at", (2, 5), (), 1, 1)],
)
def test_leading_axes_that_are_not_shared_are_refused(name, x, positions, axis, shared):
    length = {"length": 5} if name == "add_at" else {}
    types = ArrayType(x, np.dtype(np.float32)), ArrayType(positions, np.dtype(np.int64))
    with pytest.raises(ShapeError, match=f"do not share {shared} leading"):
        registry[name].shape(*types, axis=axis, batch=shared, **length)


# ── random numbers ───────────────────────────────────────────────────────────────────────────────

bits = registry["random_bits"]
key_and_draw = [np.asarray(np.uint64(2**40 + 7)), np.asarray(np.uint64(3))]


def draw(*shape):
    """The draw from one key, as it would be made for all rows at once."""
    return bits.reference(*key_and_draw, shape=shape)


def drawing(*shape):
    return one_node(bits, [type_of(x) for x in key_and_draw], {"shape": shape})


@settings(max_examples=40, deadline=None)
@given(size=st.integers(0, 4), shape=hnp.array_shapes(min_dims=0, min_side=0, max_dims=3, max_side=4))
def test_rows_of_data_draw_the_rows_of_one_draw(size, shape):
    many, carries = batch(drawing(*shape), size, [False, False], rows=True)
    assert carries == [True]
    np.testing.assert_array_equal(compute(many, key_and_draw)[0], draw(size, *shape))


def test_rows_of_rows_draw_the_rows_of_one_draw():
    many, _ = batch(drawing(4), 3, [False, False], rows=True)
    more, carries = batch(many, 2, [False, False], rows=True)
    assert carries == [True]
    np.testing.assert_array_equal(compute(more, key_and_draw)[0], draw(2, 3, 4))


def test_rows_that_are_no_data_share_a_draw():
    many, carries = batch(drawing(4), 3, [False, False], rows=False)
    assert carries == [False]
    np.testing.assert_array_equal(compute(many, key_and_draw)[0], draw(4))


@pytest.mark.parametrize("batched", subsets(2))
@pytest.mark.parametrize("rows", [True, False])
def test_keys_and_draws_of_the_rows_are_independent(batched, rows):
    values = [x + np.arange(3, dtype=np.uint64) if b else x for x, b in zip(key_and_draw, batched, strict=True)]
    many, _ = batch(drawing(5), 3, batched, rows=rows)
    (found,) = compute(many, values)
    for row in range(3):
        one = [x[row] if b else x for x, b in zip(values, batched, strict=True)]
        np.testing.assert_array_equal(found[row], bits.reference(*one, shape=(5,)))
    assert len({r.tobytes() for r in found}) == 3


def test_rows_of_data_draw_apart_under_keys_of_their_own():
    """Keys inside, rows outside: for each key the rows of one draw."""
    inner, _ = batch(drawing(4), 2, [True, False], rows=True)
    outer, _ = batch(inner, 3, [False, False], rows=True)
    keys = key_and_draw[0] + np.arange(2, dtype=np.uint64)
    (found,) = compute(outer, [keys, key_and_draw[1]])
    assert found.shape == (3, 2, 4)
    for k, key in enumerate(keys):
        np.testing.assert_array_equal(found[:, k], bits.reference(key, key_and_draw[1], shape=(3, 4)))


@settings(max_examples=20, deadline=None)
@given(size=st.integers(1, 3), shape=few_axes())
def test_rows_of_uniform_numbers_are_those_of_one_array(size, shape):
    graph = mp.trace(lambda g: g.uniform(shape), Generator(4))
    many, _ = batch(graph, size, [False] * len(graph.inputs), rows=True)
    found = compute(many, [leaf.numpy() for leaf in leaves(Generator(4)).values()])[0]
    np.testing.assert_array_equal(found, Generator(4).uniform((size, *shape)).numpy())
