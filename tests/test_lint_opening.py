"""The graph that the lint reads, with nested graphs opened, computes what the graph itself does."""

import numpy as np
import pytest
from hypothesis import given, settings

import maplet as mp
from maplet.core.recording import record
from maplet.health.lint.opening import Opened, carry, doors, row
from maplet.transforms.evaluate import compute
from random_programs import programs
from test_random_programs import Surroundings, common, dot, inputs_of, random_like


def law_of_opening(program):
    """Results have the same bits, every node the type that it says, and each stands behind its operands."""
    around = Surroundings(program, plain=False)

    def loss(*given):
        results = around.program(*given)
        return dot(results, random_like(results, 4))

    recording = record(loss, [*inputs_of(program), around.net], with_values=False)
    graph, values = recording.graph, [array.numpy() for array in recording.given()]
    opened = Opened(graph)
    with np.errstate(all="ignore"):
        expected, (found, _) = compute(graph, values), opened.values(values)
    for node, value in zip(opened.graph.outputs, expected, strict=True):
        np.testing.assert_array_equal(found[node], value)
    for node, value in found.items():
        if not isinstance(node.type, tuple):
            assert (np.shape(value), np.asarray(value).dtype) == (node.type.shape, node.type.dtype)
    place = {node: number for number, node in enumerate(opened.order)}
    assert all(place[child] < place[node] for node in opened.order for child in node.inputs)


@pytest.mark.parametrize("count", [10, pytest.param(150, marks=pytest.mark.slow)])
def test_random_programs_mean_the_same(count):
    settings(max_examples=count, derandomize=True, **common)(given(programs())(law_of_opening))()


def test_a_step_of_a_loop_stands_beside_what_is_around_it():
    def f(w, x):
        return mp.sum(mp.scan(lambda h, row: (mp.tanh(h @ w + row), h), mp.zeros((2,)), x)[0])

    opened = Opened(mp.trace(f, mp.ones((2, 2)), mp.ones((5, 2))))
    names = [node.primitive.name for node in opened.order]
    assert "scan" not in names
    assert names.count("tanh") == 1
    (handed_on,) = [node for node in opened.order if node.primitive is carry]
    assert opened.returns[handed_on].primitive.name == "tanh"
    (read,) = [node for node in opened.order if node.primitive is row]
    assert (read.inputs[0].array_type.shape, read.array_type.shape) == ((5, 2), (2,))


def test_what_is_flat_stays_as_it_is():
    graph = mp.trace(lambda x: mp.sum(mp.sin(x) * x), mp.ones((3,)))
    opened = Opened(graph)
    assert opened.graph == graph
    assert all(one is other for one, other in zip(opened.graph.outputs, graph.outputs, strict=True))
    assert not any(node.primitive in doors for node in opened.order)
