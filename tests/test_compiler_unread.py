"""A value that only the nest that computes it uses lies nowhere in memory."""

import numpy as np

import maplet as mp
from maplet.compiler.blocks import Nest
from maplet.compiler.program import Program
from native_laws import both, graph_for


def nests(program):
    return [item for item in program.block.items if isinstance(item, Nest)]


def polynomial(x):
    return ((0.1 * x + 0.2) * x + 0.3) * x + 0.4


def test_what_is_used_twice_within_a_nest_is_not_stored():
    values = [np.random.default_rng(0).normal(size=(300, 400)).astype("f4") for _ in range(2)]
    graph = graph_for(lambda arrays: list(mp.vjp(polynomial, arrays[0])[1](arrays[1])), values)
    (nest,) = nests(Program(graph))
    assert len(nest.outputs) == 1
    (found,), (expected,) = both(graph, values)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_what_is_given_back_or_read_by_another_nest_is_stored():
    values = [np.arange(12.0, dtype="f4").reshape(3, 4)]

    def f(arrays):
        y = mp.exp(arrays[0])
        return [y, y * y + y, mp.sum(y, axis=0)]

    graph = graph_for(f, values)
    assert sum(len(nest.outputs) for nest in nests(Program(graph))) == 3
    for found, expected in zip(*both(graph, values), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
