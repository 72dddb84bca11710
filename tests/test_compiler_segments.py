"""Axes that are cut where an array changes, elements read a few places apart, extremes in lanes: the same numbers."""

import numpy as np
import pytest

import maplet as mp
from maplet.compiler.loops import For
from maplet.compiler.program import Program
from native_laws import assert_equal, both, graph_for

pytestmark = pytest.mark.usefixtures("nothing_on_disk")

rng = np.random.default_rng(0)


def numbers(*shape, dtype="f4"):
    return rng.integers(-50, 50, size=shape).astype(dtype)


joined = {
    "two": lambda x, y: [mp.concat([x, y], axis=1)],
    "of one's own": lambda x, y: [mp.concat([x, y * 2, x + y[:, :1]], axis=1)],
    "along rows": lambda x, y: [mp.concat([x, x * 2], axis=0) + 1, mp.sum(y)],
    "flat": lambda x, y: [mp.concat([mp.reshape(x, (-1,)), mp.reshape(y, (-1,))], axis=0)],
    "many": lambda x, y: [mp.concat([x, y] * 4, axis=1)],
    "padded": lambda x, y: [mp.pad(x, ((1, 2), (3, 20))) * 2, mp.pad(y, (0, 17), value=7)],
    "padded beside another": lambda x, y: [mp.pad(x, ((0, 0), (y.shape[1], 0))) + mp.pad(y, ((0, 0), (0, x.shape[1])))],
    "a triangle": lambda x, y: [mp.tril(x), mp.triu(y, k=2)],
    "stepped": lambda x, y: [mp.grad(lambda x: mp.sum(x[:, 1::2] * 3))(x) + x, y],
    "rolled": lambda x, y: [mp.roll(x, 5, axis=1) + mp.roll(y, -3, axis=1)[:, :1]],
}


@pytest.mark.parametrize(("first", "second"), [(16, 16), (1, 40), (33, 7), (100, 64)])
@pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, dtype) for name in joined for dtype in ("f4", "f8", "i8", "u1") if name != "stepped" or dtype[0] == "f"],
)
def test_joined_and_padded(name, first, second, dtype):
    values = [numbers(6, first, dtype=dtype), numbers(6, second, dtype=dtype)]
    graph = graph_for(lambda arrays: joined[name](*arrays), values)
    for found, expected in zip(*both(graph, values), strict=True):
        assert_equal(found, expected, name)


def test_joined_by_several_threads(any_threads):
    x, y = numbers(70_000), numbers(3_000)
    compiled = mp.jit(lambda x, y: mp.concat([y, x, y * 2]))
    for threads in (1, 2, 3, 4):
        any_threads(threads)
        np.testing.assert_array_equal(compiled(mp.asarray(x), mp.asarray(y)), np.concatenate([y, x, y * 2]))


def test_nothing_is_chosen_in_the_loops_of_a_joined_array():
    def loops(statements):
        return sum(1 + loops(s.body) for s in statements if isinstance(s, For))

    values = [numbers(6, 100), numbers(6, 50)]
    (kernel,) = Program(graph_for(lambda xs: [mp.concat(xs, axis=1)], values)).instructions.kernels
    assert loops(kernel.body) == 5  # over the rows; for each array over whole vectors, and over what is left


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i4", "u1", "bool"])
@pytest.mark.parametrize("length", [5, 16, 17, 64, 131])
@pytest.mark.parametrize("step", [-4, -3, -2, -1, 2, 3, 4, 5])
def test_every_few_elements_and_backwards(step, length, dtype):
    values = [numbers(3, length, dtype=dtype)]
    graph = graph_for(lambda xs: [mp.stack([xs[0][:, ::step], xs[0][:, ::step]])], values)
    for found, expected in zip(*both(graph, values), strict=True):
        assert_equal(found, expected, step)


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i8", "i4", "u1", "bool"])
@pytest.mark.parametrize("length", [1, 7, 16, 40, 511, 512, 700])
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_the_first_of_the_extremes(name, length, dtype):
    x = rng.integers(0, 4, size=(9, length)).astype(dtype)  # many are equal
    special = np.asarray([0, 1, length - 1, length // 2]) % length
    if dtype[0] == "f":
        x[0], x[1] = np.inf, -np.inf
        x[2, special[1:]] = np.nan
        x[3, special[2]], x[3, special[3]] = np.nan, np.inf
        x[4, special] = -np.inf
    elif dtype != "bool":
        limits = np.iinfo(dtype)
        x[0], x[1] = limits.max, limits.min
    graph = graph_for(lambda xs: [getattr(mp, name)(xs[0], axis=1), getattr(mp, name)(xs[0], axis=0)], [x])
    for found, expected in zip(*both(graph, [x]), strict=True):
        assert_equal(found, expected, name)
