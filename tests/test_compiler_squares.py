"""What lies turned is read in squares, a product with a vector along its rows: the same numbers, sooner."""

# Tables of functions of one signature, of which each uses what it needs.
# ruff: noqa: ARG005

from itertools import permutations, product

import numpy as np
import pytest

import maplet as mp
from maplet.compiler.blocks import Contract
from maplet.compiler.program import Program
from native_laws import assert_equal, both, checked, graph_for

pytestmark = pytest.mark.usefixtures("nothing_on_disk")

rng = np.random.default_rng(0)


def numbers(shape, dtype="f4"):
    return rng.integers(-50, 50, size=shape).astype(dtype)


def in_squares(program):
    """The kernels that have a place of their own for what they turn."""
    return [kernel for kernel in program.instructions.kernels if kernel.scratch]


turned = {
    "alone": lambda x, y, at: [x.T + 0],
    "with another": lambda x, y, at: [x.T * y],
    "both ways": lambda x, y, at: [x + y.T, x.T - y],
    "twice in one": lambda x, y, at: [mp.where(x.T > 0, mp.square(x).T, y)],
    "a part": lambda x, y, at: [x[1:, 2:].T * 2],
    "backwards": lambda x, y, at: [mp.flip(x, axis=0).T + y],
    "looked up": lambda x, y, at: [mp.take(x, at, axis=1)[:, 5:].T + 1],
}


turned_sizes = [(16, 16), (17, 40), (31, 97), (100, 33), (64, 128)]


def in_every_size_and_dtype():
    """All of them; quick are all sizes of float32, and one size of the other dtypes."""
    for dtype, (rows, columns) in product(["f4", "f8", "f2", "i8", "u1"], turned_sizes):
        is_quick = dtype == "f4" or rows == 31
        yield pytest.param(rows, columns, dtype, marks=[] if is_quick else pytest.mark.slow)


@pytest.mark.parametrize(("rows", "columns", "dtype"), [*in_every_size_and_dtype()])
@pytest.mark.parametrize("name", turned)
def test_turned_arrays_have_the_same_numbers(name, rows, columns, dtype):
    values = [numbers((rows, columns), dtype), numbers((columns, rows), dtype), rng.integers(columns, size=40)]
    graph = graph_for(lambda arrays: turned[name](*arrays), values)
    for found, expected in zip(*both(graph, values), strict=True):
        assert_equal(found, expected, name)
    if name in ("alone", "with another", "backwards"):
        assert in_squares(Program(graph))


@pytest.mark.parametrize("axes", list(permutations(range(3))))
@pytest.mark.parametrize("shape", [(20, 3, 19), (2, 50, 33), (16, 16, 16), (35, 18, 2)])
def test_axes_in_any_order(axes, shape):
    values = [numbers(shape)]
    graph = graph_for(lambda arrays: [mp.permute_dims(arrays[0], axes) + 1], values)
    for found, expected in zip(*both(graph, values), strict=True):
        assert_equal(found, expected, axes)


def test_small_ones_and_truth_values_go_one_by_one():
    for values in ([numbers((15, 40)) > 0], [numbers((40, 15)) > 0], [numbers((40, 40)) > 0]):
        graph = graph_for(lambda arrays: [mp.where(arrays[0].T, 1.0, 2.0)], values)
        (found,), (expected,) = both(graph, values)
        assert_equal(found, expected)
        assert not in_squares(Program(graph))


def test_what_is_replaced_is_read_first(any_threads):
    x, y = numbers((70, 45)), numbers((45, 70))

    @mp.jit
    def step(parameters, x):
        parameters["y"][...] = parameters["y"] * 2 + x.T

    for threads in (1, 2, 3, 4):
        any_threads(threads)
        parameters = {"y": mp.asarray(y)}
        for _ in range(3):
            step(parameters, mp.asarray(x))
        np.testing.assert_array_equal(parameters["y"], y * 8 + x.T * 7)


sums = {
    "last axis": lambda x: [mp.sum(x.T, axis=1)],
    "first axis": lambda x: [mp.sum(x.T * 2, axis=0)],
    "mean of a function": lambda x: [mp.mean(mp.square(x).T, axis=-1, keepdims=True)],
    "greatest": lambda x: [mp.max(x.T, axis=-1), mp.argmax(x.T, axis=-1)],
    "of a middle axis": lambda x: [mp.sum(mp.permute_dims(mp.reshape(x, (16, -1, 130)), (2, 0, 1)), axis=-1)],
}


@pytest.mark.parametrize("name", sums)
def test_sums_of_what_is_turned(name):
    values = [numbers((208, 130))]
    graph = graph_for(lambda arrays: sums[name](*arrays), values)
    for found, expected in zip(*both(graph, values), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-3)
    assert in_squares(checked(Program(graph)))


# ── products with a vector ───────────────────────────────────────────────────────────────────────


def contractions(f, values):
    return [i for i in Program(graph_for(lambda arrays: [f(*arrays)], values)).block.items if isinstance(i, Contract)]


@pytest.mark.parametrize("terms", [63, 64, 100, 511, 512, 1000])
def test_a_product_with_a_vector_is_a_sum_along_the_rows(terms, any_threads):
    x, w = (rng.normal(size=shape).astype("f4") for shape in ((37, terms), (terms, 1)))
    assert len(contractions(lambda x, w: x @ w, [x, w])) == (terms < 64)
    product = mp.jit(lambda x, w: x @ w)
    expected = x.astype(float) @ w.astype(float)
    scale = np.abs(x).astype(float) @ np.abs(w).astype(float)
    found = np.asarray(product(mp.asarray(x), mp.asarray(w)))
    assert np.all(np.abs(found - expected) <= 1e-6 * scale)
    for threads in (2, 3, 4):  # nor does a row depend on how many there are
        any_threads(threads)
        np.testing.assert_array_equal(product(mp.asarray(x), mp.asarray(w)), found)
        np.testing.assert_array_equal(product(mp.asarray(x[:5]), mp.asarray(w)), found[:5])


def test_a_turned_matrix_is_read_as_it_lies():
    x, g = numbers((200, 90)), numbers((200, 1))
    assert len(contractions(lambda x, g: x.T @ g, [x, g])) == 1
    assert len(contractions(lambda x, g: mp.reshape(x, (90, 200)) @ g, [x, g])) == 0
    assert len(contractions(lambda x, g: mp.sum(x, axis=1) @ g, [x, g])) == 0


def test_linear_regression_by_hand():
    x, y = rng.normal(size=(300, 80)).astype("f4"), rng.normal(size=300).astype("f4")

    def loss(w, x, y):
        return mp.mean(mp.square(x @ w - y))

    w = np.linspace(-1, 1, 80, dtype="f4")
    value, gradient = mp.jit(mp.value_and_grad(loss))(*map(mp.asarray, (w, x, y)))
    error = x.astype(float) @ w - y
    np.testing.assert_allclose(float(value), np.mean(error**2), rtol=1e-5)
    np.testing.assert_allclose(gradient, 2 * x.T.astype(float) @ error / 300, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8"])
def test_what_threads_have_for_strips_lies_apart_from_their_squares(any_threads, dtype):
    x = rng.integers(0, 9, size=(16, 30_000, 4)).astype(dtype)
    compiled = mp.jit(lambda x: mp.max(mp.moveaxis(x % 7, 0, -1), axis=-1) + 1)
    for threads in (1, 2, 3):
        any_threads(threads)
        assert_equal(np.asarray(compiled(mp.asarray(x))), np.max(x % 7, axis=0) + 1)
    (made,) = compiled.programs.values()
    assert in_squares(made.program)
    assert made.program.instructions.shared  # in parts


def test_squares_in_a_loop_of_small_kernels():
    values = [numbers((40, 8, 31), "f8")]

    def f(arrays):
        def one(count, x):
            return count + 1, mp.sort(mp.where(mp.arange(31) != 2, x + 1, x), axis=0)

        return [mp.scan(one, mp.asarray(0), arrays[0])[1]]

    for found, expected in zip(*both(graph_for(f, values), values), strict=True):
        assert_equal(found, expected)


def test_heads_put_together_are_read_by_a_contraction():
    """A product that is turned, then given another shape: stored as it is turned, or positions would be divided."""
    values = [numbers(shape) for shape in ((2, 3, 5, 7), (2, 7, 3, 4), (12, 6))]

    def attended(arrays):
        weights, value, out = arrays
        return [mp.einsum("bhqk,bkhd->bqhd", weights, value).reshape((2, 5, 12)) @ out]

    graph = graph_for(attended, values)
    program = Program(graph)
    assert sum(isinstance(item, Contract) for item in program.block.items) == 2
    for found, expected in zip(*both(graph, values), strict=True):
        assert_equal(found, expected, "heads")
