"""Whether ReLU let something through is told from what it gave, where that is stored."""

import numpy as np
import pytest

import maplet as mp
from maplet.compiler.conditions import by_results
from maplet.compiler.fusion import fuse
from maplet.compiler.listing import listing
from maplet.core.graph import Graph, in_order
from maplet.transforms.evaluate import compute

special = np.asarray([[-1.0, -0.0, 0.0, 1e-45, 2.0, np.inf, -np.inf, np.nan]], np.float32)


def slopes(x, w):
    """ReLU before a product, which reads its result: x is where its slope is asked for."""
    return mp.grad(lambda x: mp.sum(mp.relu(x) @ w))(x)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_the_slope_is_that_of_the_input(dtype):
    x, w = mp.asarray(special.astype(dtype)), mp.ones((8, 3), dtype=dtype)
    np.testing.assert_array_equal(mp.jit(slopes)(x, w), slopes(x, w))
    both = mp.jit(lambda x, w: mp.value_and_grad(lambda x: mp.sum(mp.relu(x) @ w))(x))
    np.testing.assert_array_equal(both(x, w)[1], slopes(x, w))


def test_every_later_use_asks_the_result():
    graph = mp.trace(lambda x, w: mp.value_and_grad(lambda x: mp.sum(mp.relu(x) @ w))(x), special, mp.ones((8, 3)))
    asked = [node for node in in_order(by_results(graph).outputs) if node.primitive.name == "less_equal"]
    assert [node.inputs[0].primitive.name for node in asked] == ["input", "where"]
    untouched = mp.trace(lambda x: mp.relu(x) + 1, mp.zeros(3))
    assert by_results(untouched) is untouched


def test_nothing_but_the_result_is_kept_for_the_backward_pass():
    """The product gives it at once, with bias and ReLU; neither its own value nor a mask is stored."""

    def f(x, w, b, v):
        return mp.value_and_grad(lambda w: mp.sum(mp.relu(x @ w + b) @ v))(w)

    shown = listing(fuse(mp.trace(f, mp.zeros((128, 64)), mp.zeros((64, 256)), mp.zeros(256), mp.zeros((256, 3)))))
    assert "bool[" not in shown
    assert "%1[i,j] = where(v0[i,j] <= 0.0, 0.0, v0[i,j])   : f32[128,256]" in shown
    assert "where(%1[i,j] <= 0.0, 0.0, %" in shown


def test_a_program_without_origins_is_one_too():
    graph = mp.trace(lambda x, w: mp.value_and_grad(lambda x: mp.sum(mp.relu(x) @ w))(x), special, mp.ones((8, 3)))
    bare = by_results(Graph(graph.inputs, graph.outputs, {}, graph.captured))
    assert not bare.origins
    given = [special, np.ones((8, 3), np.float32)]
    for found, expected in zip(compute(bare, given), compute(graph, given), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_what_is_no_relu_stays():
    for f in (
        lambda x: mp.where(x <= 0, 1.0, x),
        lambda x: mp.where(x <= 1, 0.0, x),
        lambda x: mp.where(x < 0, 0.0, x),
    ):
        g = lambda x, f=f: mp.sum(mp.exp(f(x)) * mp.where(x <= 0, 3.0, 5.0))
        x = np.asarray([-1.0, -0.0, 0.5, 1.0, 2.0], np.float32)
        np.testing.assert_allclose(mp.jit(mp.grad(g))(x), mp.grad(g)(x), rtol=1e-6)
