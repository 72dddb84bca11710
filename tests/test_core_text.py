"""Graph ⇄ text, equality of graphs, and the check of what is legal."""

# A case is one line of a table, and most are lambdas with odd names.
# ruff: noqa: ARG005, E501, PLC2401, PLC3002, PLW0108

from dataclasses import replace

import numpy as np
import pytest

import maplet as mp
from maplet.core.array import Array
from maplet.core.graph import Graph, Node, as_made, in_order
from maplet.core.primitive import Primitive, registry
from maplet.core.text import graph_to_text
from maplet.core.trace import bind
from maplet.core.types import ArrayType
from maplet.errors import GraphError

primitives = [p for p in registry.values() if p.example is not None]


def graph_of(primitive):
    inputs, params = primitive.example(np.random.default_rng(0))
    return mp.trace(lambda *xs: bind(primitive.name, *xs, **params), *[Array(np.asarray(x)) for x in inputs])


def network(w, b, x):
    h = mp.gelu(x @ w + b)
    return mp.mean(mp.checkpoint(lambda h: mp.logsumexp(mp.sin(h) * 1e-8, axis=1))(h) ** 2) + mp.max(h[::-1, 0])


arguments = [np.ones((3, 2)), np.ones(2), np.random.default_rng(0).normal(size=(4, 3))]


def odd_constants(x):
    tiny = [float("nan"), float("inf"), -float("inf"), -0.0, 5e-324, 1.7976931348623157e308]
    return (
        mp.asarray(np.asarray(tiny)) * x
        + mp.asarray(np.asarray([[True], [False]]))
        + mp.asarray(np.uint64(2**64 - 1)).astype(mp.float64)
    )


graphs = {
    **{p.name: lambda p=p: graph_of(p) for p in primitives},
    "network": lambda: mp.trace(network, *arguments),
    "gradient": lambda: mp.gradient(mp.trace(network, *arguments))[0],
    "traced gradient": lambda: mp.trace(mp.grad(network), *arguments),
    "second gradient": lambda: mp.trace(mp.grad(lambda w, b, x: mp.sum(mp.grad(network)(w, b, x) ** 2)), *arguments),
    "nested checkpoints": lambda: mp.trace(mp.checkpoint(lambda x: mp.checkpoint(mp.sin)(x) * 2), 1.0),
    "odd constants": lambda: mp.trace(odd_constants, np.asarray(1.0)),
    "shared constant": lambda: mp.trace(lambda x: (lambda c: x * c + c)(mp.asarray(2.0)), 1.0),
    "constant output": lambda: mp.trace(lambda x: (x, mp.asarray(2.0)), 1.0),
    "no output": lambda: mp.trace(lambda x: None, 1.0),
    "names": lambda: mp.trace(lambda graph, f32, inf, θ, x_2: graph * f32 + inf + θ * x_2["a b"] * x_2["a-b"] * x_2["#"], *[1.0] * 4, {"a b": 1.0, "a-b": 2.0, "#": 3.0}),
}  # fmt: skip


@pytest.mark.parametrize("make", graphs.values(), ids=graphs.keys())
def test_a_graph_is_legal_and_read_back_from_its_text(make):
    graph = make()
    mp.check(graph)
    again = mp.parse(str(graph))
    mp.check(again)
    assert again == graph
    assert graph == again
    assert str(again) == str(graph)
    assert mp.parse(graph_to_text(graph, origins=True)) == graph
    assert make() == graph


def test_origins_are_printed_as_comments():
    graph = mp.trace(lambda x: mp.sin(x), 1.0)
    assert "# test_core_text.py:" in graph_to_text(graph, origins=True)
    assert "#" not in str(graph)


@pytest.mark.parametrize("name", ["network", "gradient", "traced gradient", "second gradient"])
def test_lines_stand_in_the_order_in_which_the_nodes_were_made(name):
    graph = graphs[name]()
    order = as_made(graph)
    assert set(order) == set(in_order(graph.outputs))
    assert all(order.index(child) < order.index(node) for node in order for child in node.inputs)
    made = list(graph.origins)
    assert [made.index(node) for node in order] == sorted(made.index(node) for node in order)


def test_the_forward_pass_stands_before_the_backward_pass():
    graph = mp.trace(mp.grad(lambda x: mp.sum(mp.square(mp.sin(x) * mp.cos(x)))), np.ones(3))
    names = [node.primitive.name for node in as_made(graph) if node.inputs]
    assert names[:3] == ["sin", "cos", "multiply"]
    assert [node.primitive.name for node in in_order(graph.outputs) if node.inputs][:3] != names[:3]


def test_a_short_form_counts():
    graph = mp.trace(lambda x, y: mp.sin(x) * y, 1.0, 2.0)
    assert repr(graph) == "<graph: 2 inputs, 2 nodes, 1 output>"


# ── equality is not trivially true ───────────────────────────────────────────────────────────────


def mutations(graph):
    """Graphs that differ from the given one in one thing."""
    for node in in_order(graph.outputs):
        for key, value in node.params.items():
            for other in other_values(value):
                yield (
                    f"{node.primitive.name}: {key} {value!r} → {other!r}",
                    swap(graph, node, replace(node, params={**node.params, key: other})),
                )
        if node.inputs:
            other = next((p for p in registry.values() if p is not node.primitive), None)
            yield f"{node.primitive.name} → {other.name}", swap(graph, node, replace(node, primitive=other))
            yield (
                f"{node.primitive.name} without its last input",
                swap(graph, node, replace(node, inputs=node.inputs[:-1])),
            )
        if len(node.inputs) == 2 and node.inputs[0] is not node.inputs[1]:
            yield f"{node.primitive.name} turned", swap(graph, node, replace(node, inputs=node.inputs[::-1]))
        if not isinstance(node.type, tuple):
            yield (
                f"{node.primitive.name} of another type",
                swap(graph, node, replace(node, type=ArrayType((7, *node.type.shape), node.type.dtype))),
            )
    yield "one output more", Graph(graph.inputs, (*graph.outputs, graph.outputs[0]))
    if len(in_order(graph.outputs)) > 1:
        yield "another output", Graph(graph.inputs, tuple(in_order(graph.outputs)[0] for _ in graph.outputs))
    if len(graph.inputs) > 1:
        yield "inputs turned", Graph(graph.inputs[::-1], graph.outputs)
    yield (
        "an input more",
        Graph((*graph.inputs, Node(registry["input"], (), {}, ArrayType((), np.dtype("float32")))), graph.outputs),
    )


def other_values(value):
    if isinstance(value, bool):
        return [not value, int(value)]
    if isinstance(value, int | float):
        return [value + 1, -value if value else -0.0 if isinstance(value, float) else True]
    if isinstance(value, tuple):
        return [(*value, 0)]
    if isinstance(value, np.dtype):
        return [np.dtype(np.int8)]
    if isinstance(value, Graph):
        return [other for _, other in mutations(value)]
    return []


def swap(graph, old, new):
    twin = {old: new}
    for node in in_order(graph.outputs):
        if node not in twin:
            twin[node] = replace(node, inputs=tuple(twin[child] for child in node.inputs)) if node.inputs else node
    return Graph(tuple(twin.get(node, node) for node in graph.inputs), tuple(twin[node] for node in graph.outputs))


def test_any_change_makes_another_graph():
    graph = mp.trace(
        lambda x, y: mp.checkpoint(lambda x: mp.sum(x, axis=0) * 2.0)(x) - mp.sin(y) @ x[0:2, ::-1].T,
        np.ones((3, 2)),
        np.ones(2),
    )
    changed = list(mutations(graph))
    assert len(changed) > 40
    assert swap(graph, graph.outputs[0], replace(graph.outputs[0])) == graph
    for what, other in changed:
        assert other != graph, what
        assert graph != other, what


def test_sharing_is_part_of_the_program():
    once = mp.trace(lambda x: (lambda s: s * s)(mp.sin(x)), 1.0)
    twice = mp.trace(lambda x: mp.sin(x) * mp.sin(x), 1.0)
    assert once != twice
    assert once != str(once)


def test_a_graph_is_no_key():
    with pytest.raises(TypeError):
        hash(mp.trace(mp.sin, 1.0))


# ── what is not legal ────────────────────────────────────────────────────────────────────────────


def test_check_finds_what_is_wrong():
    graph = mp.trace(lambda x: mp.sum(x * 2.0, axis=0), np.ones((3, 2)))
    (x,), (total,) = graph.inputs, graph.outputs
    stranger = Primitive("stranger", shape=lambda x: x, reference=lambda x: x)
    wrong = {
        "stands twice": Graph((x, x), graph.outputs),
        "not listed": Graph((), graph.outputs),
        "captured": Graph(graph.inputs, graph.outputs, captured=(1, 2)),
        "registered": swap(graph, total, replace(total, primitive=stranger)),
        "marked": swap(graph, total, replace(total, type=ArrayType((3,), total.type.dtype))),
        "marked f64": swap(graph, total, replace(total, params={"axes": (5,), "keepdims": False})),
        "sum cannot take": swap(graph, total, replace(total, params={"axes": (0,)})),
    }
    for message, bad in wrong.items():
        with pytest.raises(GraphError, match=message):
            mp.check(bad)


def test_check_looks_into_nested_graphs():
    graph = mp.trace(mp.checkpoint(lambda x: mp.sin(x) * 2.0), 1.0)
    (node,) = [node for node in in_order(graph.outputs) if node.primitive.name == "call"]
    inner = node.params["graph"]
    bad = swap(inner, inner.outputs[0], replace(inner.outputs[0], inputs=inner.outputs[0].inputs[:1]))
    with pytest.raises(GraphError, match="multiply cannot take"):
        mp.check(swap(graph, node, replace(node, params={**node.params, "graph": bad})))


def test_every_trace_is_checked_in_the_tests():
    from maplet.core import check

    assert check.checking


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1"),
        ("graph(x: f32[]) {\n  return y\n}", "'y' before it is made"),
        ("graph(x: f32[]) {\n  %0 = sinus(x) : f32[]\n  return %0\n}", "'sinus', which is not a primitive"),
        ("graph(x: f99[]) {\n  return x\n}", "not one of maplet's"),
        ("graph(x: f32[]) {\n  return x\n} and more", "after the graph"),
        ("graph(x: f32[]) {\n  %0 = sin(x) : f32[\n  return %0\n}", "line"),
        ("graph(x: f32[]) {\n  %0 = sum(x, axes=@) : f32[]\n  return %0\n}", "line 2"),
        ("graph(x: f32[]) {\n  %0 = sum(x, axes=nonsense) : f32[]\n  return %0\n}", "line 2"),
        ("graph(x: f32[", "line 1"),
        ("graph(x: f32[],\n", "line 1"),
        ("graph() {\n  %0 = sin(", "line"),
        ("graph() {\n  %0 = sum(axes=(", "line"),
    ],
)
def test_text_that_is_no_graph_is_refused(text, message):
    with pytest.raises(GraphError, match=message):
        mp.parse(text)
