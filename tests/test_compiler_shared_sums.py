"""What threads share by rows: sums of sums, products in parts, and the memory of large arrays."""

from itertools import pairwise

import numpy as np
import pytest

import maplet as mp
from maplet.compiler import memory, products, shared_sums
from maplet.compiler.blocks import Contract, Nest
from maplet.compiler.elements import Total
from maplet.compiler.jit import jit
from maplet.compiler.memory import Arena
from maplet.compiler.program import Program
from native_laws import checked, graph_for

pytestmark = pytest.mark.usefixtures("nothing_on_disk")


def run(f, values):
    program = checked(Program(graph_for(lambda arrays: f(*arrays), values)))
    return [np.array(one) for one in program.run(values)], program.block


def is_sum_of_sums(item):
    return isinstance(item, Nest) and any(
        isinstance(element, Total) and isinstance(element.body, Total) for element in item.outputs.values()
    )


# ── sums of sums ─────────────────────────────────────────────────────────────────────────────────


def used_twice(x, b):
    total = mp.sum(x + b, axis=(0, 1, 2))
    return total * total, mp.sqrt(mp.abs(total) + 1)


PROGRAMS = {
    "slope of a bias": lambda x, b: mp.sum(mp.where(x > b, x, 0.0), axis=(0, 1, 2)),
    "mean and variance": lambda x, b: (mp.mean(x, axis=(0, 1, 2)), mp.var(x, axis=(0, 1, 2)) * b),
    "two sums in one value": lambda x, b: mp.sum(x, axis=(0, 1, 2)) * b - mp.max(x, axis=(0, 1, 2)),
    "a sum that is used twice": used_twice,
    "product": lambda x, b: mp.prod(b + x / 1000, axis=(0, 1, 2)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_shared_sum_has_the_bits_of_one_that_is_not(monkeypatch, name, dtype):
    rng = np.random.default_rng(len(name))
    shape = (int(rng.integers(4, 9)), 7, 5, int(rng.integers(1, 40)))
    values = [rng.normal(size=shape).astype(dtype), rng.normal(size=shape[-1]).astype(dtype)]

    def as_list(x, b):
        found = PROGRAMS[name](x, b)
        return list(found) if isinstance(found, tuple) else [found]

    monkeypatch.setattr(shared_sums, "enough", 1 << 60)
    whole, block = run(as_list, values)
    assert not any(is_sum_of_sums(item) for item in block.items if isinstance(item, Nest) and len(item.axes) > 1)
    monkeypatch.setattr(shared_sums, "enough", 1)
    shared, block = run(as_list, values)
    rows = [item for item in block.items if isinstance(item, Nest) and item.shape[:1] == shape[:1]]
    assert rows, "nothing was taken apart"
    for one, other in zip(shared, whole, strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_any_number_of_threads_adds_up_the_same(any_threads, number):
    rng = np.random.default_rng(0)
    x, b = rng.normal(size=(64, 14, 14, 32)).astype(np.float32), np.zeros(32, np.float32)
    f = jit(PROGRAMS["mean and variance"])
    any_threads(1)
    expected = [one.numpy().tobytes() for one in f(x, b)]
    any_threads(number)
    assert [one.numpy().tobytes() for one in f(x, b)] == expected


# ── products in parts ────────────────────────────────────────────────────────────────────────────


def in_parts(f, arrays):
    """What a function gives for each quarter of the rows, added up in order."""
    first, *others = [f(*quarter) for quarter in zip(*(np.split(x, products.parts) for x in arrays), strict=True)]
    return [np.array(sum(rest, start)) for start, *rest in zip(first, *others, strict=True)]


@pytest.mark.parametrize("name", ["product", "kernel"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_deep_product_over_rows_is_that_of_their_quarters_one_after_another(name, dtype):
    rng = np.random.default_rng(3)
    if name == "product":
        arrays = [rng.normal(size=(products.deep, n)).astype(dtype) for n in (5, 17)]

        def f(x, g):
            return [mp.permute_dims(x, (1, 0)) @ g]
    else:
        arrays = [rng.normal(size=(16, n, n, c)).astype(dtype) for n, c in ((18, 3), (16, 5))]

        def f(x, g):
            w = mp.zeros((3, 3, 3, 5), dtype=dtype)
            return [mp.grad(lambda w: mp.sum(mp.conv(x, w) * g))(w)]

    whole, block = run(f, arrays)
    made = [item for item in block.items if isinstance(item, Contract)]
    assert [item.node.array_type.shape[0] for item in made] == [products.parts]
    alone = jit(f)
    for one, other in zip(whole, in_parts(lambda *a: [np.array(r) for r in alone(*a)], arrays), strict=True):
        assert one.tobytes() == other.tobytes()


def test_a_product_of_rows_with_weights_is_one_chain_however_many_the_rows_are():
    rng = np.random.default_rng(4)
    w = rng.normal(size=(2 * products.deep, 3)).astype(np.float32)
    x = rng.normal(size=(9, 2 * products.deep)).astype(np.float32)
    f = jit(lambda x: x @ w)
    every = np.array(f(x))
    for rows in (2, 5):
        assert np.array(f(x[:rows])).tobytes() == every[:rows].tobytes()


# ── memory ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("largest", [0, 3 << 20, memory.most_of_a_slot, memory.most_of_a_slot + 64])
def test_arrays_that_live_at_once_never_overlap(largest):
    rng = np.random.default_rng(5)
    arena, alive = Arena(largest), {}
    for _ in range(2000):
        if alive and rng.random() < 0.5:
            offset = list(alive)[rng.integers(len(alive))]
            arena.free(offset, alive.pop(offset))
        else:
            size = int(max(largest, 1 << 20) * 2.0 ** -rng.uniform(0, 16))
            alive[arena.take(size)] = size
        places = sorted(alive.items())
        assert all(offset + size <= after for (offset, size), (after, _) in pairwise(places))
        assert not places or sum(places[-1]) <= arena.size
        assert all(offset % memory.alignment == 0 for offset in alive)


def test_large_arrays_lie_around_the_same_middle():
    arena = Arena(4 << 20)
    middles = set()
    for size in (4 << 20, 1 << 20, 3 << 20, 1 << 19):
        offset = arena.take(size)
        middles.add(offset + size // 2)
        arena.free(offset, size)
    assert max(middles) - min(middles) <= memory.alignment
    assert arena.size == 4 << 20
