"""A batch in chunks: the same bits as its micro-batches one by one, and as much memory as one of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maplet as mp
from maplet import nn, optim
from maplet.core.tree import leaves
from maplet.errors import SettingError, ShapeError, TraceError

rng = np.random.default_rng(0)


def network(*sizes):
    mp.seed(3)
    return nn.Sequential(nn.Linear(sizes[0], sizes[1]), nn.Tanh(), nn.Linear(sizes[1], sizes[2]))


def loss(net, x, y):
    return nn.cross_entropy(net(x), y)


def batch(rows, inputs=7, outputs=4, dtype="float32"):
    return rng.normal(size=(rows, inputs)).astype(dtype), rng.integers(0, outputs, rows)


def bits(tree):
    return {path: leaf.numpy().tobytes() for path, leaf in leaves(tree).items()}


def near(found, expected, tolerance=2e-6):
    assert leaves(found).keys() == leaves(expected).keys()
    for path, leaf in leaves(found).items():
        np.testing.assert_allclose(leaf, leaves(expected)[path], rtol=tolerance, atol=tolerance, err_msg=path)


# ── what it is ───────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([1, 2, 4, 8]), st.integers(1, 5), st.integers(1, 6), st.booleans())
def test_it_is_the_mean_over_the_batch(chunks, rows, width, compiled):
    net = network(7, width, 4)
    x, y = batch(chunks * rows)
    f = mp.chunked(mp.value_and_grad(loss), chunks)
    near((mp.jit(f) if compiled else f)(net, x, y), mp.value_and_grad(loss)(net, x, y))


@pytest.mark.parametrize("chunks", [1, 2, 4, 16])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("compiled", [False, True])
def test_the_bits_are_those_of_micro_batches(chunks, dtype, compiled):
    net = {
        "a": mp.asarray(rng.normal(size=(7, 9)).astype(dtype)),
        "b": mp.asarray(rng.normal(size=(9, 4)).astype(dtype)),
    }
    x, y = batch(chunks * 3, dtype=dtype)
    one = mp.value_and_grad(lambda net, x, y: nn.cross_entropy(mp.tanh(x @ net["a"]) @ net["b"], y))
    whole = mp.chunked(one, chunks)
    if compiled:
        one, whole = mp.jit(one), mp.jit(whole)
    found = mp.Accumulator()
    for k in range(chunks):
        found.add(one(net, x[3 * k : 3 * k + 3], y[3 * k : 3 * k + 3]))
    assert bits(found.mean()) == bits(whole(net, x, y))


def test_chunks_of_micro_batches_are_chunks_of_the_batch():
    net = network(7, 9, 4)
    x, y = batch(32)
    quarter = mp.jit(mp.chunked(mp.value_and_grad(loss), 2))
    found = mp.Accumulator()
    for k in range(4):
        found.add(quarter(net, x[8 * k : 8 * k + 8], y[8 * k : 8 * k + 8]))
    assert bits(found.mean()) == bits(mp.jit(mp.chunked(mp.value_and_grad(loss), 8))(net, x, y))


def test_one_chunk_is_the_function_itself():
    net = network(7, 9, 4)
    x, y = batch(10)
    assert bits(mp.chunked(mp.value_and_grad(loss), 1)(net, x, y)) == bits(mp.value_and_grad(loss)(net, x, y))


def test_zeros_keep_their_sign():
    """No sum begins with 0, which would make 0 of −0."""
    found = mp.chunked(lambda w, x: w * x[0], 4)(mp.asarray(-0.0), mp.ones(8))
    assert np.signbit(found.numpy())


# ── where it runs ────────────────────────────────────────────────────────────────────────────────


def train(net, optimizer, x, y, chunks=4):
    value, gradients = mp.chunked(mp.value_and_grad(loss), chunks)(net, x, y)
    optimizer.update(net, gradients)
    return value


def test_steps_of_training_have_the_same_bits_in_any_number_of_threads_and_as_a_loop():
    x, y = (np.stack(arrays) for arrays in zip(*[batch(32, 40) for _ in range(3)], strict=True))
    seen = []
    for number in (1, 2, 3, 4):
        before = mp.threads()
        mp.set_threads(number)
        try:
            net, optimizer = network(40, 130, 4), optim.Adam(0.01)
            step = mp.jit(train)
            for k in range(3):
                step(net, optimizer, x[k], y[k])
            assert step.compilations == 1
            seen.append(bits(net))
        finally:
            mp.set_threads(before)
    net, optimizer = network(40, 130, 4), optim.Adam(0.01)
    optimizer.init(net)

    @mp.jit
    def steps(net, optimizer, x, y):
        return mp.scan(lambda nothing, one: (nothing, train(net, optimizer, *one)), None, (x, y))[1]

    steps(net, optimizer, x, y)
    seen.append(bits(net))
    assert all(one == seen[0] for one in seen)


def test_it_needs_the_memory_of_a_chunk():
    net, (x, y) = network(64, 256, 4), batch(2048, 64)

    def memory(chunks):
        f = mp.jit(mp.chunked(mp.value_and_grad(loss), chunks))
        f(net, x, y)
        return mp.explain_compile(f).arena

    whole, eighth = memory(1), memory(8)
    assert eighth < whole / 2


def test_the_program_does_not_grow_with_the_chunks():
    net, (x, y) = network(7, 9, 4), batch(512)

    def kernels(chunks):
        f = mp.jit(mp.chunked(mp.value_and_grad(loss), chunks))
        f(net, x, y)
        return mp.explain_compile(f).kernels

    assert kernels(256) <= kernels(4) + 6 * 10


# ── trees, states, settings ──────────────────────────────────────────────────────────────────────


def test_which_arguments_are_cut_may_be_said():
    w, x = mp.ones(3), mp.asarray(rng.normal(size=(8, 3)))

    def f(x, w, scale, power=1):
        return {"mean": mp.mean((x @ w) ** power) * scale}

    expected = f(x, w, 2.0, power=2)
    near(mp.chunked(f, 4, batch=0)(x, w, 2.0, power=2), expected)
    near(mp.chunked(f, 4, batch=(0,))(x, w, 2.0, power=2), expected)
    tree = {"x": x, "none": None, "list": [x]}
    near(mp.chunked(lambda _, t: mp.mean(t["x"] * t["list"][0]), 2)(None, tree), mp.mean(x * x))


def test_running_statistics_go_from_chunk_to_chunk():
    class Mean(nn.Module):
        def __init__(self):
            super().__init__()
            self.seen = mp.zeros(3)

        def __call__(self, x):
            self.seen = 0.5 * self.seen + 0.5 * mp.mean(x, axis=0)
            return mp.mean(x * self.seen)

    x = mp.asarray(rng.normal(size=(8, 3)).astype("f4"))
    one, other = Mean(), Mean()
    mp.chunked(lambda net, x: net(x), 4)(one, x)
    for k in range(4):
        other(x[2 * k : 2 * k + 2])
    near(one.seen, other.seen)


def test_every_chunk_draws_its_own_numbers():
    random = mp.random.Generator(0)
    found = mp.chunked(lambda random, x: random.uniform(()) + 0 * mp.mean(x), 2)(random, mp.ones(2))
    other = mp.random.Generator(0)
    near(found, (other.uniform(()) + other.uniform(())) / 2)
    assert bits(random) == bits(other)


def test_any_number_of_results_has_a_mean():
    values = rng.normal(size=11)
    found = mp.Accumulator()
    for k, value in enumerate(values, start=1):
        found.add({"a": mp.asarray(value), "b": [mp.asarray(-value)]})
        near(found.mean(), {"a": mp.asarray(values[:k].mean()), "b": [mp.asarray(-values[:k].mean())]}, 1e-12)
        assert len(found.sums) == k.bit_count()


# ── bad input ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("chunks", [0, -2, 3, 2.0, "4", True, None])
def test_chunks_are_a_power_of_two(chunks):
    with pytest.raises(SettingError, match="power of two"):
        mp.chunked(loss, chunks)


@pytest.mark.parametrize(("rows", "fix"), [(12, "chunks=4 divides 12"), (7, "chunks=1"), (0, "has rows")])
def test_rows_that_the_chunks_do_not_divide(rows, fix):
    with pytest.raises(ShapeError, match=fix):
        mp.chunked(loss, 8)(network(7, 3, 4), *batch(rows))


def test_rows_of_different_number():
    with pytest.raises(ShapeError, match=r"argument 1 f32\[8,7\], argument 2 i64\[4\]"):
        mp.chunked(loss, 2)(network(7, 3, 4), batch(8)[0], batch(4)[1])
    with pytest.raises(ShapeError, match="no arrays"):
        mp.chunked(loss, 2)(mp.ones(2), None, None)


def test_results_without_a_mean():
    with pytest.raises(TraceError, match=r"at 'n' is i64\[\], which has no mean"):
        mp.chunked(lambda _, x: {"n": mp.sum(x)}, 2)(None, np.arange(4))
    with pytest.raises(TraceError, match="str"):
        mp.Accumulator().add([mp.asarray(1.0), "a"])


def test_an_accumulator_of_nothing_or_of_other_things():
    found = mp.Accumulator()
    with pytest.raises(SettingError, match="no results"):
        found.mean()
    found.add(mp.ones(2))
    with pytest.raises(ShapeError, match="one form"):
        found.add(mp.ones(3))
