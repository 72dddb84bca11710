"""Graph ⇄ text, equality of graphs, and the check of what is legal."""

# A case is one line of a table, and most are lambdas with odd names.
# ruff: noqa: ARG005, E501, PLC2401, PLC3002, PLW0108

import contextlib
import random
import re
from dataclasses import replace

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.core.array import Array
from maplet.core.context import Origin
from maplet.core.graph import Graph, Node, as_made, in_order, nested_graphs
from maplet.core.primitive import Primitive, registry
from maplet.core.text import blocks, graph_to_text
from maplet.core.types import ArrayType
from maplet.errors import GraphError, MapletError, SettingError
from maplet.transforms.evaluate import compute
from test_ops_laws import joined

primitives = [p for p in registry.values() if p.example is not None]


def graph_of(primitive):
    inputs, params = primitive.example(np.random.default_rng(0))
    return mp.trace(lambda *xs: joined(primitive.name, *xs, **params), *[Array(np.asarray(x)) for x in inputs])


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


class Residual(nn.Module):
    """Layers in layers, a layer that is called twice, and a nested graph within a layer."""

    def __init__(self, features):
        self.inner = nn.Sequential(nn.Linear(features, features), nn.ReLU())
        self.odd = {"a b": nn.Linear(features, features), "return": nn.Tanh()}

    def forward(self, x):
        y = mp.checkpoint(self.inner)(x)
        return x + self.odd["return"](self.odd["a b"](self.inner(y)))


def net():
    return nn.Sequential(nn.Linear(3, 4), Residual(4), nn.Linear(4, 2))


def layered(net, x):
    return mp.mean(net(x) ** 2)


def layered_twice(net, x):
    return sum(mp.sum(g**2) for g in mp.grad(layered)(net, x).values())


batch = np.ones((5, 3))
graphs = {
    "layers": lambda: mp.trace(layered, net(), batch),
    "gradient of layers": lambda: mp.trace(mp.grad(layered), net(), batch),
    "second gradient of layers": lambda: mp.trace(mp.grad(layered_twice), net(), batch),
    "extended layers": lambda: mp.gradient(mp.trace(layered, net(), batch))[0],
    "branches": lambda: mp.trace(mp.grad(lambda x, i: mp.switch(i, [mp.sin, lambda x: mp.cond(x > 0, mp.cos, mp.exp, x)], x)), 1.0, mp.asarray(1)),
    "loops": lambda: mp.trace(mp.grad(lambda net, x: mp.sum(mp.scan(lambda c, _: (nn.Tanh()(net(c)), None), x, length=3)[0])), nn.Linear(3, 3), batch),
    "a loop without end": lambda: mp.trace(lambda x: mp.while_loop(lambda x: x < 100, lambda x: mp.fori_loop(0, 3, lambda i, x: x * 2, x), x), 1.0),
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


def order_and_layers(graph, around=()):
    """Of every node, nested ones too; a node in a nested graph that knows of no layer stands in that of the graph."""
    found = []
    for node in as_made(graph):
        if node in graph.inputs or not node.inputs:
            continue
        origin = graph.origins[node]
        layers = origin.layers or around
        found.append((origin.order, layers) if layers else ())
        for nested in nested_graphs(node).values():
            found += order_and_layers(nested, layers)
    return found


layer_graphs = [name for name in graphs if "layers" in name]


@pytest.mark.parametrize("name", layer_graphs)
def test_the_layers_are_read_back_too(name):
    graph = graphs[name]()
    assert len(set(order_and_layers(graph))) > 5
    assert order_and_layers(mp.parse(str(graph))) == order_and_layers(graph)


@pytest.mark.parametrize("name", layer_graphs)
def test_blocks_hold_every_node_once_and_in_order(name):
    graph = graphs[name]()
    order = as_made(graph)
    whole = blocks(order, graph.origins)
    assert whole.nodes() == order

    def visit(block):
        for item in block.content:
            if isinstance(item, Node):
                assert graph.origins[item].layers == block.layers
                assert not block.layers or graph.origins[item].order == block.order
            else:
                assert item.layers[:-1] == block.layers
                assert item.nodes()
                visit(item)

    visit(whole)


def test_a_program_folds_layer_by_layer():
    net = nn.Sequential(nn.Tanh(), nn.Sequential(nn.Linear(2, 1)))
    graph, _ = mp.gradient(mp.trace(lambda net, x: mp.sum(net(x)), net, np.ones(2)))
    assert [line for line in str(graph).split("\n")[1:] if line.endswith("{")] == [
        "  layers.0 {",
        "  layers.1 {",
        "    layers.1.layers.0 {",
        "  ∂ layers.1 {",
        "    ∂ layers.1.layers.0 {",
        "  ∂ layers.0 {",
    ]


def test_a_nested_graph_goes_on_in_the_layer_around_it():
    class Outer(nn.Module):
        def __init__(self):
            self.inner = nn.Linear(2, 2)

        def forward(self, x):
            return mp.checkpoint(lambda x: mp.exp(self.inner(mp.sin(x))))(x)

    graph = mp.trace(mp.grad(lambda net, x: mp.sum(net(x))), nn.Sequential(Outer()), np.ones(2))
    lines = [line.strip() for line in str(graph).split("\n")]
    assert [line for line in lines if line.endswith("{") and "graph(" not in line] == [
        "∂ layers.0 {",  # of which the forward pass is computed again in the nested graph, without a mark
        "layers.0.inner {",
        "∂ layers.0 {",
        "∂ layers.0.inner {",
    ]
    assert order_and_layers(mp.parse(str(graph))) == order_and_layers(graph)


def test_an_odd_name_of_a_layer_is_quoted():
    text = str(graphs["layers"]())
    assert "'layers.1.odd.a b' {" in text
    assert "layers.1.odd.return {" in text
    one = mp.trace(mp.sin, 1.0)
    (node,) = one.outputs
    odd = Graph(one.inputs, one.outputs, {one.inputs[0]: Origin(name="x"), node: Origin(layers=("return", "it's"))})
    assert "'return' {" in str(odd)
    assert order_and_layers(mp.parse(str(odd))) == order_and_layers(odd)


def test_long_lists_of_inputs_and_outputs_stand_one_below_the_other():
    graph = graphs["gradient of layers"]()
    assert max(map(len, str(graph).split("\n"))) <= 120
    assert str(graph).startswith("graph(\n  net.layers.0.weight: f32[3,4],\n")


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
        "not axes of": swap(graph, total, replace(total, params={"axes": (5,), "keepdims": False})),
        "each once": swap(graph, total, replace(total, params={"axes": (0, 0), "keepdims": False})),
        "keepdims=0 is no bool": swap(graph, total, replace(total, params={"axes": (0,), "keepdims": 0})),
        "marked f64": swap(graph, total, replace(total, params={"axes": (1,), "keepdims": False})),
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
        ("graph(\n  x: f32[],\n  x: f32[],\n) {\n  return x\n}", "line 3.*two inputs called 'x'"),
        (
            "graph(x: f32[]) {\n  %0 = sin(x) : f32[]\n  %0 = cos(x) : f32[]\n  return %0\n}",
            "line 3.*%0 is made a second",
        ),
        ("graph(x: f32[]) {\n  x = sin(x) : f32[]\n  return x\n}", "line 2"),
        ("graph() {\n  return f32('a')\n}", "line 2.*'a' is no number of f32"),
        ("graph() {\n  return i8(300)\n}", "line 2.*300 is no number of i8"),
        ("graph() {\n  return u8(-1)\n}", "-1 is no number of u8"),
        ("graph() {\n  return i64(1.5)\n}", "1.5 is no number of i64"),
        ("graph() {\n  return bool(1)\n}", "1 is no number of bool"),
        ("graph() {\n  return f32(True)\n}", "True is no number of f32"),
        ("graph() {\n  return f32(1e39)\n}", "1e\\+39 is no number of f32"),
        ("graph() {\n  return f32((1,(2,3)))\n}", "line 2.*constant cannot take"),
        ("graph() {\n  return f32(f32)\n}", "line 2.*is no number of f32"),
        (f"graph(x: f32[{'9' * 5000}]) {{\n  return x\n}}", r"line 1.*a length', found '9+\.\.\.'"),
        (f"graph(x: f32[{2**63}]) {{\n  return x\n}}", "line 1.*a length"),
        (f"graph(x: f32[{'1,' * 65}]) {{\n  return x\n}}", "65 axes"),
        (f"graph() {{\n  return f32({'(' * 30000}1{')' * 30000})\n}}", "line 2.*nested too deeply"),
        ("graph() {\n" + "a {\n" * 30000 + "}" * 30000, "nested too deeply"),
        ("graph(x: f32[3]) {\n  %0 = astype(x, dtype=1e999) : i64[3]\n  return %0\n}", "line 2.*no type of an array"),
        (
            "graph(x: f32[3]) {\n  %0 = sum(x, axes=(0,), keepdims=None) : f32[]\n  return %0\n}",
            "keepdims=None is no bool",
        ),
        ("graph(x: f32[3]) {\n  %0 = sum(x, axes=(0, 0), keepdims=False) : f32[]\n  return %0\n}", "each once"),
        ("graph(x: f32[3]) {\n  %0 = sum(x, axes=(True,), keepdims=False) : f32[]\n  return %0\n}", "axes="),
        (
            "graph(x: f32[3]) {\n  %0 = sum(x, axes=(0,), axes=(0,), keepdims=False) : f32[]\n  return %0\n}",
            "axes twice",
        ),
        ("graph() {\n  %0 = iota(shape=(2, 3), axis=-1) : i64[2,3]\n  return %0\n}", "axis=-1 is no int"),
        (
            "graph(x: f32[2], i: i64[4]) {\n  %0 = add_at(x, i, axis=0, length=5) : f32[5]\n  return %0\n}",
            "one row for each",
        ),
        ("graph(x: f32[]) {\n  %0 = input() : f32[]\n  return %0\n}", "line 2.*list of inputs"),
        ("graph(x: f32[]) {\n  %0 = sin(x) : f64[]\n  return %0\n}", "line 2.*marked f64"),
        ("graph(x: f32[] y: f32[]) {\n  return x\n}", "expected ','"),
        ("graph(x: f32[]) {\n  'a\\q' {\n  }\n  return x\n}", "line 2"),
        ("graph(x: f32[]) {\n  return %x\n}", "line 2"),
        (
            "graph() {\n  %0 = switch(i64(0), branches=(graph() {\n    return\n  }, 3)) : ()\n  return\n}",
            "line 2.*branches=",
        ),
        (
            "graph(x: f32[]) {\n  %0 = call(x, graph=graph(x: f32[]) {\n    return x\n  }, name='f') : (f32[])\n  return %0\n}",
            "line 5.*an output is one array",
        ),
        (None, "given NoneType"),
    ],
)
def test_text_that_is_no_graph_is_refused(text, message):
    with pytest.raises(GraphError, match=message):
        mp.parse(text)


def test_an_output_is_one_array():
    graph = mp.trace(mp.checkpoint(mp.sin), 1.0)
    with pytest.raises(GraphError, match="an output is what call gives"):
        mp.check(Graph(graph.inputs, graph.outputs[0].inputs))
    with pytest.raises(GraphError, match="check takes a graph"):
        mp.check(str(graph))


def test_comments_are_passed_over():
    graph = mp.parse("# one\n# two: x\ngraph(x: f32[]) {  # three\n  # four }\n  return x\n}\n# end: x\n\n")
    assert graph == mp.trace(lambda x: x, 1.0)


def test_an_input_may_be_called_anything():
    names = ["f32", "bool", "graph", "inf", "nan", "e5", "_1", "sin", "axes", "dtype", "call", "input", "constant", "θ"]
    for name in names:
        f = eval(f"lambda {name}: mp.sum(mp.sin({name}) * 2.5 + {name}, axis=0)", {"mp": mp})
        graph = mp.trace(f, mp.ones(2))
        assert str(graph).startswith(f"graph({name}: f32[2])")
        assert mp.parse(str(graph)) == graph
    net, x = nn.Module(), mp.ones((1, 2))
    layers = ["return", "f32", "True", "None", "nan", "1x", "0.5", "-"]
    for name in layers:
        setattr(net, name, nn.Linear(2, 2))

    def through(net, x):
        for name in layers:
            x = getattr(net, name)(x)
        return mp.sum(x)

    for graph in (
        mp.trace(through, net, x),
        mp.trace(mp.grad(through), net, x),
        mp.trace(lambda x: through(net, x), x),
    ):
        assert mp.parse(str(graph)) == graph


pieces = re.compile(r"%\d+|[^\W\d][\w.]*|-?[\d.]+(?:e[+-]?\d+)?|\s+|.")
others = [
    *("f32", "i8", "(", "()", ")", "[", "]", "{", "}", ",", "=", ":", "-1", "1e999", "9" * 30, "nan", "None", "True"),
    *("'a'", "'\\q'", "%0", "%1", "x", "return", "graph", "∂", "0.5", "007", "٣", "#", "graph() { return }", "(0, 0)"),
    *("f32(1.0)", "i8(300)", "9" * 5000, "\0", "\ud800", "input", "constant", "item"),
]


def mutated(text, rng):
    """The text with a few of its words replaced, left out, repeated or exchanged."""
    words = pieces.findall(text)
    for _ in range(rng.choice([1, 1, 2, 3])):
        at, other = rng.randrange(len(words)), rng.randrange(len(words))
        match rng.randrange(5):
            case 0:
                words[at] = rng.choice(others)
            case 1:
                words.insert(at, rng.choice(others))
            case 2:
                words[at] = ""
            case 3:
                words[at], words[other] = words[other], words[at]
            case _:
                words[at:at] = words[at : at + rng.randrange(8)]
    return "".join(words)


def test_mutated_texts_are_graphs_or_refused():
    """What is read is legal, runs and can be printed and read again; all else is one kind of error, with its line."""
    rng = random.Random(0)
    texts = [text for make in graphs.values() if len(text := str(make())) < 2000]
    read, lines = 0, []
    for _ in range(1000):
        text = mutated(rng.choice(texts), rng)
        try:
            graph = mp.parse(text)
        except GraphError as error:
            lines.append(error.message)
            continue
        read += 1
        mp.check(graph)
        assert mp.parse(str(graph)) == graph
        if "while_loop" not in text and sum(node.array_type.size for node in graph.inputs) < 1000:
            with contextlib.suppress(MapletError):  # a position outside, too large, …
                compute(graph, [np.ones(node.array_type.shape, node.array_type.dtype) for node in graph.inputs])
    assert read > 20
    assert all(re.match(r"line \d+ of the graph's text: ", line) for line in lines)


# ── the outline ──────────────────────────────────────────────────────────────────────────────────


def deep(layers):
    net = nn.Sequential(*[nn.Sequential(nn.Linear(4, 4), nn.ReLU()) for _ in range(layers)])
    return mp.trace(mp.grad(lambda net, x: mp.sum(net(x))), net, mp.ones((5, 4)))


def test_the_outline_of_a_deep_net_fits_on_a_page():
    lines = mp.outline(deep(50)).split("\n")
    assert len(lines) < 20
    assert sum("49 times more" in line or "48 times more" in line for line in lines) == 2  # forward and backward


def test_the_outline_has_one_line_per_block_and_counts_all():
    graph = deep(2)
    lines = mp.outline(graph).split("\n")
    titles = [line.split("  ")[0] for line in lines[1:]]
    assert titles[:3] == ["layers.0", "layers.1", "∂ –"]
    assert titles[-2:] == ["∂ layers.1", "∂ layers.0"]
    assert "f32[5,4] → " in lines[1]
    assert lines[1].endswith("20 parameters")
    inner = [line.split("  ")[0] for line in mp.outline(graph, depth=2).split("\n")[1:]]
    assert inner[:2] == ["layers.0.layers.0", "layers.0.layers.1"]


def test_the_outline_counts_what_is_trained():
    class Centred(nn.Module):
        def __init__(self):
            self.mean, self.scale = mp.zeros((4,)), mp.Parameter(np.ones(4))

        def forward(self, x):
            self.mean = 0.9 * self.mean + 0.1 * mp.mean(x, axis=0)
            return self.scale.astype("float32") * (x - self.mean)

    net = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), Centred(), nn.Linear(4, 2))
    net.layers[3].bias.trainable = False

    def counts(graph):
        rows = [line for line in mp.outline(graph).split("\n")[1:] if "∂" not in line]
        return {row.split()[0]: int(row.split()[-2]) for row in rows if row.endswith(" parameters")}

    forward = mp.trace(lambda net, x: mp.sum(net(x)), net, mp.ones((5, 3)))
    assert counts(forward) == {"layers.0": 16, "layers.2": 4, "layers.3": 8}
    assert counts(mp.gradient(forward)[0]) == counts(forward)
    assert "28 trained (93.3%), 2 frozen" in net.summary()


def test_tangents_stand_beside_what_they_are_of():
    net = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    graph = mp.trace(lambda x, t: mp.jvp(net, (x,), (t,)), mp.ones((3, 2)), mp.ones((3, 2)))
    assert [line.split()[0] for line in mp.outline(graph).split("\n")[1:]] == ["layers.0", "layers.1"]
    assert "∂" not in str(graph)
    made = {str(graph.origins[node].rule) for node in as_made(graph) if node not in graph.inputs}
    assert {"", "tangent of matmul", "tangent of tanh"} <= made
    backward = mp.trace(mp.grad(lambda x, t: mp.sum(mp.jvp(net, (x,), (t,))[1])), mp.ones((3, 2)), mp.ones((3, 2)))
    assert "∂ layers.0 {" in str(backward)
    assert "∂∂" not in str(backward)
    assert mp.parse(str(backward)) == backward
    rules = {origin.rule for origin in backward.origins.values()}
    assert any(rule.startswith("pullback of ") and rule.endswith(" of tangent of tanh") for rule in rules), rules


@pytest.mark.parametrize("depth", [0, -1, 1.5, True])
def test_the_depth_of_an_outline_is_checked(depth):
    with pytest.raises(SettingError, match="depth"):
        mp.outline(deep(1), depth=depth)
