"""Layers along sequences: who sees the future, padded batches, and what is remembered of earlier tokens."""

import inspect

import numpy as np
import pytest

import maplet as mp
from layer_examples import arrays, as_inputs, cases
from maplet import nn

pytestmark = pytest.mark.usefixtures("same_weights")
draw = np.random.default_rng(1)


def takes(net, option):
    return option in inspect.signature(net.forward).parameters


def assert_near(found, expected, tolerance=5e-6):
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


# ── the future ───────────────────────────────────────────────────────────────────────────────────


def of_one_sequence(net, x):
    """What a layer is given, without the keys of another sequence for attention: a decoder takes a memory beside."""
    xs = as_inputs(x, "float32")
    return xs[:1] if isinstance(net, nn.MultiHeadAttention) else xs


def causally(net, *xs):
    """The first output of a layer that, if it can be told so, does not see the future."""
    return arrays(net(*xs, causal=True) if takes(net, "causal") else net(*xs))[0]


def first(x):
    return x[0] if isinstance(x, tuple) else x


def goes_along_time(make, x):
    """Whether a layer makes of (N, T, …) something at each of the T times."""
    if first(x).ndim != 3:
        return False
    net = make().eval()
    return causally(net, *of_one_sequence(net, x)).shape[:2] == first(x).shape[:2]


along_time = [case for case in cases if goes_along_time(*case.values)]
# The examples in which what comes later counts for what is earlier.
sees_the_future = {
    "GroupNorm-2",  # statistics over time
    "Softmax-1", "LogSoftmax-1", "Softmin-1",  # along the axis of time
    "RNN-1", "LSTM-1", "GRU-1",  # in both directions
}  # fmt: skip


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("name", "make", "x"), [pytest.param(c.id, *c.values, id=c.id) for c in along_time])
def test_no_layer_sees_the_future_but_those_that_are_known_to(name, make, x, compiled):
    net = make().eval()
    run = mp.jit(causally) if compiled else causally
    x, *others = of_one_sequence(net, x)
    before = run(net, x, *others).numpy()
    seen = False
    for t in range(1, x.shape[1]):
        changed = x.numpy().copy()
        changed[:, t:] = 100 * draw.normal(size=changed[:, t:].shape)
        after = run(net, mp.asarray(changed), *others).numpy()
        seen |= not np.array_equal(after[:, :t], before[:, :t])
        assert not np.array_equal(after[:, t:], before[:, t:])
    assert seen == (name in sees_the_future)


def test_a_decoder_sees_all_of_the_memory():
    net = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, rng=0), nn.TransformerDecoderLayer(8, 2, rng=1))
    x, memory = mp.asarray(draw.normal(size=(6, 8))), mp.asarray(draw.normal(size=(4, 8)))
    before = net(x, memory).numpy()
    memory[3] = 0.0
    assert (net(x, memory).numpy() != before).all(axis=-1).all()


# ── padded batches ───────────────────────────────────────────────────────────────────────────────


def takes_padding(make, x):
    return first(x).ndim == 3 and (takes(make(), "lengths") or takes(make(), "mask"))


def padded(net, *xs, lengths):
    """What a layer makes of sequences that are padded to one length."""
    if takes(net, "lengths"):
        return net(*xs, lengths=lengths)
    masks = {}
    for name, x in zip(("mask", "memory_mask"), xs, strict=False):
        if takes(net, name):
            masks[name] = nn.padding_mask(np.minimum(lengths, x.shape[1]), x.shape[1])
    if isinstance(net, nn.MultiHeadAttention):  # whose mask is that of the keys
        masks = {"mask": nn.padding_mask(np.minimum(lengths, xs[-1].shape[1]), xs[-1].shape[1])}
    return net(*xs, **masks)


@pytest.mark.parametrize(("make", "x"), [case for case in cases if takes_padding(*case.values)])
@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_padded_batch_is_its_sequences_one_by_one(make, x, compiled):
    net, xs = make().eval(), [one.numpy().copy() for one in as_inputs(x, "float32")]
    count, steps = xs[0].shape[:2]
    lengths = np.array([1, steps, steps // 2, 2][:count])
    for one in xs:
        one[np.arange(one.shape[1]) >= lengths[:, None]] = 9.0
    run = lambda net, *xs: arrays(padded(net, *xs, lengths=lengths))
    together = (mp.jit(run) if compiled else run)(net, *map(mp.asarray, xs))
    for n, length in enumerate(lengths):
        alone = arrays(net(*[one[n : n + 1, :length] for one in xs]))
        outputs, *states = together
        row = outputs[n : n + 1, :length] if outputs.ndim == 3 else outputs[n : n + 1]
        assert_near(row, alone[0])
        for state, expected in zip(states, alone[1:], strict=True):
            assert_near(state[:, n : n + 1], expected)


@pytest.mark.parametrize("kind", [nn.GlobalAvgPool, nn.GlobalMaxPool])
def test_what_stands_behind_the_end_is_pooled_with_nothing_and_has_no_gradient(kind):
    x = draw.normal(size=(3, 5, 2))
    x[0, 2:] = np.nan
    lengths = np.array([2, 5, 3])
    assert np.isfinite(kind()(x, lengths)).all()
    gradient = mp.grad(lambda x: mp.sum(kind()(x, lengths) ** 2))(x).numpy()
    assert not gradient[np.arange(5) >= lengths[:, None]].any()
    assert gradient[np.arange(5) < lengths[:, None]].any()
    assert mp.check_gradient(lambda x: kind()(x, lengths), np.nan_to_num(x)).passed


# ── the cache ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("make", "x"), [case for case in cases if hasattr(case.values[0](), "new_cache")])
def test_what_comes_in_pieces_with_a_cache_is_the_whole(make, x):
    net = make().eval()
    x, *memory = of_one_sequence(net, x)
    steps = x.shape[-2]
    whole = net(x, *memory, causal=True)
    for pieces in ([1] * steps, [steps - 2, 1, 1], [2, steps - 2], [steps]):
        cache, found = net.new_cache(*(memory or [x.shape[:-2]]), length=steps + 3), []  # it holds the memory
        for n, end in zip(pieces, np.cumsum(pieces).tolist(), strict=True):
            found.append(net(x[..., end - n : end, :], causal=True, cache=cache))
        assert_near(mp.concat(found, axis=-2), whole)
