"""How much a program computes: what is counted, what PyTorch counts, and that the rows of a summary add up to it."""

import numpy as np
import pytest

import maplet as mp
from layer_examples import as_inputs, examples
from maplet import nn
from maplet.core.index_notation import Cast
from maplet.core.kinds import access_of, is_elementwise, only_moves
from maplet.core.primitive import registry
from maplet.core.trace import bind
from maplet.core.types import is_floating
from maplet.errors import SettingError
from maplet.nn.summary import layer_rows
from maplet.transforms.flops import flops

x, y, w = mp.ones((5, 4)), mp.ones((3, 5, 4)), mp.ones((4, 6))
rows = mp.asarray([0, 2, 2, 1, 0])
filters = mp.ones((3, 3, 2, 6))


def counted(f, *inputs):
    return flops(mp.trace(f, *inputs))


# Every case: the program, its inputs, and what is counted by hand.
cases = {
    "one for each element": (mp.exp, [x], 20),
    "a function is one": (lambda x: mp.tanh(x) / x, [x], 40),
    "choosing and comparing are none": (lambda x: mp.where(x > 0, x, 0.0), [x], 0),
    "moving is none": (lambda x: mp.concat([x.T, mp.pad(x.T, 0)], axis=1)[::2], [x], 0),
    "a multiply-add is two": (lambda x, w: x @ w, [x, w], 2 * 5 * 4 * 6),
    "a batch of products": (lambda y, w: y @ w, [y, w], 3 * 2 * 5 * 4 * 6),
    "one operand repeated": (lambda x, y: x * y, [x, y], 60),
    "a sum": (lambda x: mp.sum(x, axis=0), [x], 20),
    "a mean": (lambda x: mp.mean(x, axis=0), [x], 20 + 4),
    "the greatest, and where": (lambda x: (mp.max(x), mp.argmax(x)), [x], 20),
    "running sums": (mp.cumulative_sum, [x[0]], 4),
    "a recurrence": (lambda x: mp.recurrence(x, x), [x[0]], 8),
    "integers are none": (lambda n: mp.sum(n * n), [mp.asarray([1, 2])], 0),
    "a cast is none": (lambda n: n.astype(mp.float32) * 2, [mp.asarray([1, 2])], 2),
    "a convolution": (mp.conv, [mp.ones((2, 7, 6, 2)), filters], 2 * (2 * 5 * 4 * 6) * 3 * 3 * 2),
    "one in groups": (
        lambda p, f: mp.conv(p, f, groups=3), [mp.ones((2, 7, 6, 6)), filters], 2 * (2 * 5 * 4 * 6) * 3 * 3 * 2,
    ),
    "windows": (lambda p: mp.reduce_window(p, "sum", (2,)), [mp.ones((1, 8, 3))], 4 * 3 * 2),
    "looking up is none": (lambda x, n: mp.take(x, n, axis=0), [x, rows], 0),
    "each row is added once": (lambda x, n: mp.segment_sum(x, n, 3), [x, rows], 20),
    "a loop, as often as it runs": (lambda x: mp.scan(lambda c, r: (mp.tanh(c + r), r), x[0], x), [x], 5 * 2 * 4),
    "a loop in a loop": (
        lambda x: mp.fori_loop(0, 3, lambda _, a: mp.fori_loop(0, 4, lambda _, b: b * x, a), x), [x], 3 * 4 * 20,
    ),
    "the dearest branch": (lambda x: mp.cond(x[0, 0] > 0, lambda: x * 2 + x, lambda: x), [x], 40),
    "a loop without end, one round": (lambda x: mp.while_loop(lambda c: c[0] < 9, lambda c: c * 2, x[0]), [x], 4),
    "what is computed again is not": (mp.checkpoint(lambda x: mp.sin(x) * x), [x], 40),
    "nothing of a pullback": (
        mp.custom_gradient(lambda x: (mp.sin(x), lambda g: mp.exp(mp.exp(g)) * x)), [x], 20,
    ),
    "many rows at once": (mp.vmap(lambda x: x @ w), [y], 3 * 2 * 5 * 4 * 6),
}  # fmt: skip


@pytest.mark.parametrize("name", cases)
def test_what_is_counted(name):
    f, inputs, expected = cases[name]
    assert counted(f, *inputs) == expected


def test_backpropagation_costs_two_further_products_for_each():
    """∂L/∂W = Xᵀ G and ∂L/∂X = G Wᵀ are as dear as X W."""
    forward = counted(lambda x, w: x @ w, x, w)
    assert counted(lambda x, w, g: mp.vjp(lambda x, w: x @ w, x, w)[1](g), x, w, mp.ones((5, 6))) == 2 * forward


elementwise = [name for name, one in registry.items() if one.access and one.example]


@pytest.mark.parametrize("name", elementwise)
def test_every_element_of_an_elementwise_operation_counts_one_or_none(name):
    """It is read off the notation; none are counted where the result is no floating number, or one that was there."""
    primitive = registry[name]
    values, params = primitive.example(np.random.default_rng(0))
    inputs = [mp.asarray(value) for value in values]
    access = access_of(primitive, [x.type for x in inputs], params)
    graph = mp.trace(lambda *xs: bind(name, *xs, **params), *inputs)
    found, gives = flops(graph), graph.outputs[0].array_type
    if not is_floating(gives.dtype) or only_moves(access.value):
        assert found == 0
    elif is_elementwise(access) and not isinstance(access.value, Cast):
        assert found == gives.size
    assert found >= 0


# ── the table of a network ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("make", "x"), [case for cases in examples.values() for case in cases])
def test_the_rows_add_up_to_the_network(make, x):
    net, inputs = make(), as_inputs(x, "float32")
    table = layer_rows(net, inputs, {}, "float32")
    text = net.summary(*inputs)
    assert [row.path for row in table] == list(net.modules())
    assert sum(row.parameters for row in table) == sum(p.size for p in net.parameters().values())
    assert sum(row.flops for row in table) == flops(mp.trace(lambda net, *xs: net(*xs), net.eval(), *inputs))
    assert len(text.splitlines()) == len(table) + 4


def test_a_layer_that_runs_over_time_counts_each_step():
    cell, steps = nn.LSTMCell(3, 4), 7
    one = flops(mp.trace(lambda cell, x: cell(x), cell, mp.ones((2, 3))))
    head, *rows = layer_rows(nn.LSTM(3, 4), [(2, steps, 3)], {}, "float32")
    assert (head.flops, [row.path for row in rows]) == (0, ["cells.0.0"])
    assert rows[0].flops == steps * one


def test_a_layer_in_two_places_counts_each_call_in_one_row():
    shared = nn.Linear(4, 4)
    net = nn.Sequential(shared, nn.Sequential(nn.Tanh(), shared))
    (row,) = [row for row in layer_rows(net, [(5, 4)], {}, "float32") if row.path == "layers.0"]
    assert row.flops == 2 * (2 * 5 * 4 * 4 + 5 * 4)


def test_a_network_of_several_inputs_and_settings():
    net = nn.TransformerDecoderLayer(8, 2)
    one, two = (net.summary((5, 7, 8), (5, 3, 8), causal=causal) for causal in (True, False))
    assert one == two  # what is hidden is computed all the same
    assert "memory_attention" in one
    assert net.summary(mp.ones((5, 7, 8)), np.ones((5, 3, 8), "float32")) == one


@pytest.mark.parametrize("wrong", [5, [5, 4], "x", None])
def test_what_is_no_input_is_refused(wrong):
    with pytest.raises(SettingError, match=r"is no input(?s:.*)net\.summary"):
        nn.Linear(4, 3).summary(wrong)


def test_a_summary_is_of_inference_and_changes_nothing():
    net = nn.Sequential(nn.BatchNorm(4), nn.Dropout(0.5))
    head, norm, dropout = layer_rows(net, [(1, 4)], {}, "float32")  # for training one example would not be enough
    assert (head.flops, norm.flops, dropout.flops) == (0, 4 + 4 + 4 * 4, 0)
    assert net.training
    assert net[0].training


# ── beside PyTorch ───────────────────────────────────────────────────────────────────────────────


def test_products_count_as_in_pytorch():
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    peers = [
        (nn.Linear(4, 6, bias=False), torch.nn.Linear(4, 6, bias=False), (3, 5, 4)),
        (nn.Conv2d(4, 6, 3, padding=1, bias=False), torch.nn.Conv2d(4, 6, 3, 1, 1, bias=False), (2, 8, 7, 4)),
        (
            nn.Conv2d(4, 8, (3, 2), groups=2, dilation=2, bias=False),
            torch.nn.Conv2d(4, 8, (3, 2), groups=2, dilation=2, bias=False), (2, 8, 9, 4),
        ),
        (nn.Conv1d(4, 6, 3, bias=False), torch.nn.Conv1d(4, 6, 3, bias=False), (2, 9, 4)),
    ]  # fmt: skip
    for ours, theirs, shape in peers:
        first = shape if isinstance(ours, nn.Linear) else (shape[0], shape[-1], *shape[1:-1])  # channels first
        with FlopCounterMode(display=False) as counter:
            theirs(torch.ones(first))
        (row,) = layer_rows(ours, [shape], {}, "float32")
        assert row.flops == counter.get_total_flops() > 0
