"""The gradient graph as it is shown: all of it, once, in order, with the gradients that it is for."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.core.graph import as_made
from maplet.explain.gradient_graph import gradient_boxes, gradient_layers
from maplet.train.explaining import derivation_of


def of_net(*layers, loss=nn.mse):
    net = nn.Sequential(*layers)
    x = np.asarray([[1.0, -1.0, 0.5, 2.0]], np.float32)
    y = net(x).numpy() + np.float32(1)
    return mp.explain(lambda net, x, y: loss(net(x), y), net, x, y)


DERIVATIONS = {
    "two scalars": lambda: mp.explain(lambda x, w: mp.sin(x * w), 0.5, 2.0),
    "nothing to do": lambda: mp.explain(lambda x: x * 1.0, 2.0),
    "one gradient for two": lambda: mp.explain(lambda x, b: mp.sin(x + b), 0.5, 2.0),
    "a net": lambda: of_net(nn.Linear(4, 3, rng=0), nn.Tanh(), nn.Linear(3, 2, rng=1)),
    "a norm": lambda: of_net(nn.Linear(4, 3, rng=0), nn.LayerNorm(3)),
    "a layer twice": lambda: of_net(*[nn.Linear(4, 4, rng=0)] * 2),
    "a loop": lambda: mp.explain(
        lambda w, xs: mp.scan(lambda c, x: (mp.tanh(c * w + x), c), 0.0, xs)[0], 0.5, np.asarray([1.0, 2.0])
    ),
}


@pytest.fixture(params=DERIVATIONS, scope="module")
def shown(request):
    derivation = DERIVATIONS[request.param]()
    return derivation, *gradient_layers(derivation)


def test_every_node_of_the_backward_pass_is_there_once(shown):
    derivation, layers, _ = shown
    expected = [node for node in as_made(derivation.backward) if node.inputs and node not in derivation.names]
    found = [made.node for layer in layers for made in layer.nodes]
    assert set(found) == set(expected)
    assert len(found) == len(expected)
    order = {node: n for n, node in enumerate(expected)}
    assert all(
        [order[made.node] for made in layer.nodes] == sorted(order[made.node] for made in layer.nodes)
        for layer in layers
    )


def test_the_gradients_are_those_of_the_derivation(shown):
    derivation, layers, _ = shown
    found = {name: made.value for layer in layers for name, made in layer.gradients.items()}
    for name, value in derivation.gradients().items():
        seed = derivation.cotangent_node(derivation[name].node) is derivation.backward.inputs[-1]
        assert seed or np.array_equal(found[name], value), name
    assert set(found) <= set(derivation.gradients())


def test_names_are_told_apart_and_each_line_begins_with_its_own(shown):
    _, layers, _ = shown
    names = [made.name for layer in layers for made in layer.nodes]
    assert len(names) == len(set(names))
    assert all(made.program.startswith(f"{made.name} = ") for layer in layers for made in layer.nodes)


def test_arrows_go_where_a_layer_takes_what_another_made(shown):
    _, layers, arrows = shown
    of = {made.node: n for n, layer in enumerate(layers) for made in layer.nodes}
    expected = {(of[child], n) for node, n in of.items() for child in node.inputs if child in of and of[child] != n}
    assert set(arrows) == expected
    assert len(arrows) == len(expected)


def test_every_layer_has_a_box_that_names_its_gradients(shown):
    _, layers, _ = shown
    for language in ("en", "zh"):
        boxes = gradient_boxes(layers, language)
        assert len(boxes) == len(layers)
        for box, layer in zip(boxes, layers, strict=True):
            assert sum(line.startswith("∂ ") for line in box.lines) == min(len(layer.gradients), 5)


def test_a_small_net_reads_as_the_chain_rule():
    net = nn.Sequential(nn.Linear(4, 3, rng=0), nn.Tanh(), nn.Linear(3, 2, rng=1))
    derivation = derivation_of(net, "mse", np.ones((1, 4), np.float32), np.ones((1, 2), np.float32), "en")
    layers, arrows = gradient_layers(derivation)
    assert [layer.title for layer in layers] == [
        "loss",
        "layers.2",
        "layers.1",
        "layers.0",
    ]
    assert arrows == [(0, 1), (1, 2), (2, 3)]
    assert layers[1].read == ("layers.2.weight", "layers.1")
    assert list(layers[1].gradients) == ["layers.2.weight", "layers.2.bias"]
    assert {made.rule for made in layers[1].nodes} == {"add", "matmul"}
