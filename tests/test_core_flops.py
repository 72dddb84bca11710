"""Floating operations: those of operations by their formulas, and those of every layer in its summary."""

import pytest

import maplet as mp
from layer_examples import as_inputs, cases
from maplet import nn
from maplet.core.flops import flops_of
from maplet.core.graph import in_order


def total(f, *shapes):
    graph = mp.trace(f, *[mp.zeros(shape) for shape in shapes])
    return sum(map(flops_of, in_order(graph.outputs)))


counted = {
    "a product of matrices": (lambda x, y: x @ y, [(3, 5), (5, 7)], 2 * 3 * 5 * 7),
    "of many matrices": (lambda x, y: x @ y, [(4, 3, 5), (4, 5, 7)], 4 * 2 * 3 * 5 * 7),
    "element by element": (lambda x: mp.exp(x) * x, [(3, 5)], 2 * 15),
    "a sum over several axes": (mp.sum, [(2, 3, 4)], 24),
    "a maximum": (lambda x: mp.max(x, axis=1), [(3, 5)], 15),
    "a running sum": (mp.cumulative_sum, [(7,)], 7),
    "moved": (lambda x: mp.concat([x.T, mp.flip(x.T)], axis=1)[:, ::2], [(3, 5)], 0),
    "chosen": (lambda x: mp.where(x < 1, x, 0.0), [(3, 5)], 0),
    "whole numbers": (lambda x: mp.round(x).astype("int32") * 2, [(5,)], 5),
    "a convolution in groups": (
        lambda x, w: mp.conv(x, w, groups=2, padding="same"),
        [(2, 6, 5, 4), (3, 3, 2, 8)],
        (2 * 6 * 5 * 8) * (2 * 3 * 3 * 2),
    ),
    "steps": (lambda x: mp.scan(lambda c, _: (mp.sin(c) + 1, None), x, None, length=6)[0], [(5,)], 6 * 2 * 5),
    "branches": (lambda x: mp.cond(x[0] > 0, lambda: mp.exp(x), lambda: mp.exp(x) + 2 * x), [(5,)], 3 * 5),
}  # fmt: skip


@pytest.mark.parametrize(("f", "shapes", "expected"), counted.values(), ids=counted)
def test_operations_are_counted_by_their_formula(f, shapes, expected):
    assert total(f, *shapes) == expected


@pytest.mark.parametrize(
    ("make", "x"), [case for case in cases if not isinstance(case.values[1], tuple)]
)  # a summary is that of one input
def test_the_summary_counts_everything_once(make, x):
    net, (given,) = make().eval(), as_inputs(x, "float32")
    graph = mp.trace(lambda net, x: net(x), net, given)
    *rows, flops, parameters = net.summary(given.shape, dtype=given.dtype).splitlines()[2:]
    assert flops == f"{sum(map(flops_of, in_order(graph.outputs))):,} FLOPs"
    assert len(rows) == len(net.modules()) + 1  # and a line
    count = sum(parameter.size for parameter in net.parameters().values())
    assert parameters == (f"{count:,} parameters, all trained" if count else "no parameters")


def test_what_pytorch_counts_is_counted_alike():
    """Products and convolutions alone, of which biases are no part."""
    torch = pytest.importorskip("torch")
    counter = pytest.importorskip("torch.utils.flop_counter")
    from torch_layers import torch_peer

    for net, shape in (
        (nn.Linear(4, 3, bias=False), (5, 4)),
        (nn.Conv2d(4, 6, 3, strides=2, groups=2, bias=False), (2, 9, 8, 4)),
    ):
        with counter.FlopCounterMode(display=False) as theirs:
            torch_peer(net, torch)[0](torch.zeros(shape))
        assert total(net, shape) == theirs.get_total_flops()
