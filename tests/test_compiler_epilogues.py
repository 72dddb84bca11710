"""What a contraction does with its product before it is stored: the bits of two kernels, and no array between."""

# Tables of functions of one signature, of which each uses what it needs.
# ruff: noqa: ARG005

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.compiler import contraction_order, fusion
from maplet.compiler.blocks import Contract
from maplet.compiler.program import Program
from native_laws import assert_equal, checked, graph_for

rng = np.random.default_rng(0)


def both(f, values, monkeypatch):
    """What a function gives with epilogues and without, and the contractions that have one."""
    graph = graph_for(lambda arrays: [*f(*arrays)], values)
    program = checked(Program(graph))
    found = program.run([value.copy() for value in values])
    with monkeypatch.context() as patch:
        patch.setattr(fusion, "with_epilogues", lambda _: None)
        plain = checked(Program(graph))
    expected = plain.run([value.copy() for value in values])
    assert not any(item.epilogue for item in plain.block.items if isinstance(item, Contract))
    return found, expected, [i for i in program.block.items if isinstance(i, Contract) and i.epilogue is not None]


def numbers(*shape, dtype="f4"):
    return rng.normal(size=shape).astype(dtype)


functions = {
    "bias": lambda x, w, b, c: [x @ w + b],
    "relu": lambda x, w, b, c: [mp.maximum(x @ w + b, 0.0)],
    "mask": lambda x, w, b, c: [mp.where((z := x @ w + b) > 0, z, 0.0), z > 0],
    "rows": lambda x, w, b, c: [(x @ w) * c - b],
    "masked by another": lambda x, w, b, c: [mp.where(mp.square(x) @ w > 1, x @ w, b)],
    "turned": lambda x, w, b, c: [mp.permute_dims(x @ w, (1, 0)) + c[:, 0]],
    "in another type": lambda x, w, b, c: [mp.astype(x @ w + b, mp.float64) * 2],
    "residual": lambda x, w, b, c: [mp.abs(x @ w + mp.flip(mp.square(x) @ w, axis=1))],
}


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("sizes", [(1, 1, 1), (3, 5, 7), (37, 16, 64), (128, 50, 97), (65, 3, 10), (200, 40, 1)])
@pytest.mark.parametrize("name", functions)
def test_the_bits_are_those_of_two_kernels(name, sizes, dtype, monkeypatch):
    m, k, n = sizes
    values = [numbers(m, k), numbers(k, n), numbers(n), numbers(m, 1)]
    values = [value.astype(dtype) for value in values]
    found, expected, contractions = both(functions[name], values, monkeypatch)
    assert contractions or min(sizes) == 1
    for n, (one, other) in enumerate(zip(found, expected, strict=True)):
        assert_equal(one, other, n)


def test_batches_and_convolutions(monkeypatch):
    f = lambda x, w, b, c, d: [mp.maximum((x @ w + b) * c, d)]
    values = [numbers(5, 7, 11), numbers(5, 11, 9), numbers(5, 1, 9), numbers(1, 7, 1), numbers(9)]
    found, expected, contractions = both(f, values, monkeypatch)
    assert len(contractions) == 1
    assert_equal(found[0], expected[0], "batch")
    f = lambda x, w, b: [mp.maximum(mp.conv(x, w, padding=1) + b, 0.0)]
    found, expected, contractions = both(f, [numbers(3, 9, 10, 4), numbers(3, 3, 4, 24), numbers(24)], monkeypatch)
    assert len(contractions) == 1
    assert_equal(found[0], expected[0], "conv")


def test_where_sums_are_cut_into_blocks_it_is_a_kernel_of_its_own(monkeypatch):
    monkeypatch.setattr(contraction_order, "row_bytes", 64)
    values = [numbers(100, 90), numbers(90, 70), numbers(70)]
    found, expected, contractions = both(lambda x, w, b: [mp.maximum(x @ w + b, 0.0)], values, monkeypatch)
    assert len(contractions) == 1
    assert_equal(found[0], expected[0], "")


def test_a_product_that_several_nodes_stand_for(monkeypatch):
    f = lambda x, w, b: [mp.checkpoint(lambda x, w: x @ w)(x, w) + b]
    found, expected, contractions = both(f, [numbers(33, 20), numbers(20, 17), numbers(17)], monkeypatch)
    assert len(contractions) == 1
    assert_equal(found[0], expected[0], "")


never = {
    "more results than there are names": lambda x, w, b: [(z := x @ w) + b, z * b, z - b, b - z, abs(z)],
    "who else reads the product": lambda x, w, b: [x @ w, mp.maximum(x @ w, 0.0)],
    "a function that takes long": lambda x, w, b: [mp.exp(x @ w)],
    "a sum": lambda x, w, b: [mp.sum(x @ w, axis=1)],
    "another order that no stride tells": lambda x, w, b: [mp.reshape(x @ w, (16, 2)) * b[:2]],
    "a weight, which may be overwritten": lambda x, w, b: [w - mp.permute_dims(x, (1, 0)) @ (x @ w)],
}  # fmt: skip


@pytest.mark.parametrize("name", never)
def test_it_stays_a_kernel_of_its_own_for(name, monkeypatch):
    values = [numbers(8, 6), numbers(6, 4), numbers(4)]
    found, expected, contractions = both(never[name], values, monkeypatch)
    assert not contractions
    for one, other in zip(found, expected, strict=True):
        assert_equal(one, other, name)


def test_a_layer_needs_no_memory_for_its_product():
    net = nn.Sequential(nn.Linear(40, 50), nn.ReLU(), nn.Linear(50, 3))
    explained = mp.explain_compile(lambda net, x: net(x), net, mp.ones((100, 40)))
    assert explained.arena < 2 * 100 * 50 * 4
    assert explained.kernels <= 4  # two products, whose operands may be copied into order
