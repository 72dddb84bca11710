"""Real-time recurrent learning beside backpropagation through time."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from maplet.core.graph import in_order, nested_graphs
from maplet.errors import SettingError, ShapeError

random = np.random.default_rng(0)
N, C, H = 3, 2, 4
cells = pytest.mark.parametrize("kind", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])


def data(steps):
    return mp.asarray(random.normal(size=(steps, N, C))), mp.asarray(random.normal(size=(steps, N, H)))


def output(state):
    return state[0] if isinstance(state, tuple) else state


def through_time(cell, start, xs, ys):
    """The sum of the losses, whose gradient goes back over all steps."""

    def step(state, pair):
        state = cell(pair[0], state)
        return state, nn.mse(output(state), pair[1])

    return mp.sum(mp.scan(step, start, (xs, ys))[1])


def online(cell, start, xs, ys):
    """The sum of the losses, and that of their gradients, each of which came at its step."""
    totals = {name: mp.zeros(p.shape, dtype=p.dtype) for name, p in cell.parameters().items() if p.trainable}

    def step(carry, pair):
        now, totals = carry
        now, loss, gradients = nn.online_gradient(cell, nn.mse, now, *pair)
        return (now, {name: totals[name] + gradients[name] for name in totals}), loss

    (_, totals), losses = mp.scan(step, (start, totals), (xs, ys))
    return mp.sum(losses), totals


@cells
@pytest.mark.parametrize("compiled", [False, True])
def test_the_gradients_add_up_to_that_of_backpropagation_through_time(kind, compiled):
    cell = kind(C, H, bias_init="normal").astype("float64")
    xs, ys = data(9)
    start = nn.online_start(cell, N)
    first = mp.core.tree.replace(start.state, lambda array: array + 0.3)
    start = start._replace(state=first)
    expected, gradients = mp.value_and_grad(through_time)(cell, first, xs, ys)
    loss, found = (mp.jit(online) if compiled else online)(cell, start, xs, ys)
    np.testing.assert_allclose(loss, expected, rtol=1e-12)
    assert set(found) == set(gradients)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(found[name], gradient, rtol=1e-10, atol=1e-13, err_msg=name)
        assert np.abs(gradient.numpy()).max() > 1e-3


@cells
def test_the_last_gradient_alone_goes_through_all_steps(kind):
    cell = kind(C, H, bias_init="normal").astype("float64")
    xs, ys = data(5)
    now = nn.online_start(cell, N)
    for x, y in zip(xs, ys, strict=True):
        now, _, gradients = nn.online_gradient(cell, nn.mse, now, x, y)

    def last_loss(cell):
        state = None
        for x in xs:
            state = cell(x, state)
        return nn.mse(output(state), ys[-1])

    for name, gradient in mp.grad(last_loss)(cell).items():
        np.testing.assert_allclose(gradients[name], gradient, rtol=1e-10, atol=1e-13)


def largest(graph, given):
    """How many numbers the largest array has that the program makes, or hands on, besides those it is given."""
    sizes = [0]
    for node in in_order(graph.outputs):
        sizes += [largest(inner, inner.inputs) for inner in nested_graphs(node).values()]
        if node not in given:
            types = node.type if isinstance(node.type, tuple) else (node.type,)
            sizes += [int(np.prod(each.shape)) for each in types]
    return max(sizes)


def test_memory_does_not_grow_with_time():
    cell = nn.GRUCell(C, H).astype("float64")
    start = nn.online_start(cell, N)

    def sizes(program, first):
        graphs = [mp.trace(program, cell, first, *data(steps)) for steps in (100, 400)]
        return [largest(graph, graph.inputs) for graph in graphs]

    few, many = sizes(online, start)
    assert few == many
    few, many = sizes(mp.grad(through_time), start.state)
    assert many == 4 * few >= 400 * N * H  # the states of the past


def test_frozen_parameters_have_no_influence():
    cell = nn.LSTMCell(C, H)
    cell.weight.trainable = False
    now = nn.online_start(cell, N)
    now, _, gradients = nn.online_gradient(cell, nn.mse, now, mp.ones((N, C)), mp.zeros((N, H)))
    assert set(gradients) == set(now.influence[1]) == {"recurrent_weight", "bias"}


def test_a_cell_learns_while_the_sequence_runs():
    mp.seed(0)
    cell, readout, optimizer = nn.GRUCell(1, 6), nn.Linear(6, 1), optim.Adam(0.02)
    bits = np.random.default_rng(1).integers(0, 2, (1500, 1, 1)).astype("float32")

    @mp.jit
    def step(cell, readout, optimizer, now, pair):
        x, y = pair

        def loss(h, y):
            return nn.mse(readout(h), y)

        now, value, gradients = nn.online_gradient(cell, loss, now, x, y)
        of_readout = mp.grad(lambda readout: nn.mse(readout(now.state), y))(readout)
        optimizer.update([cell, readout], [gradients, of_readout])
        return now, value

    now, losses = nn.online_start(cell, 1), []
    for t in range(2, 1500):  # to say what came two steps before
        now, value = step(cell, readout, optimizer, now, (bits[t], bits[t - 2]))
        losses.append(float(value))
    assert np.mean(losses[:50]) > 0.2
    assert np.mean(losses[-200:]) < 0.05


def test_errors_teach():
    layer, cell = nn.GRU(C, H), nn.GRUCell(C, H)
    with pytest.raises(SettingError, match=r"online_start takes an RNNCell(?s:.*)given GRU(?s:.*)cells\[layer\]"):
        nn.online_start(layer, 2)
    with pytest.raises(SettingError, match=r"online_start: sequences=.*: expected an integer ≥ 1"):
        nn.online_start(cell, 0)
    start = nn.online_start(cell, 1)
    with pytest.raises(SettingError, match="online_gradient takes an RNNCell"):
        nn.online_gradient(layer, nn.mse, start, mp.ones((1, C)), mp.ones((1, H)))
    with pytest.raises(ShapeError, match=r"takes the input of one step, \(N, 2\), given \(2,\)(?s:.*)x\[None\]"):
        nn.online_gradient(cell, nn.mse, start, mp.ones(C), mp.ones((1, H)))
