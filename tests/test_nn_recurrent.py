"""Recurrent layers: PyTorch, padded batches, states, the graph they make, edges and errors."""

from functools import partial

import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from maplet.core.graph import in_order, nested_graphs
from maplet.core.tree import leaves
from maplet.errors import DataError, DTypeError, SettingError, ShapeError
from torch_recurrent import peer_of_cell, peer_of_layer
from torch_training import train_both

random = np.random.default_rng(0)
N, T, C, H = 4, 6, 2, 3
sequences = random.normal(size=(N, T, C))
lengths = np.array([4, 6, 1, 3])

kinds = pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
depths = pytest.mark.parametrize("layers", [1, 2])
both_ways = pytest.mark.parametrize("bidirectional", [False, True])
slowly = partial(pytest.param, marks=pytest.mark.slow)
deep_in_time = pytest.mark.parametrize("layers", [slowly(1), 2])
both_ways_in_time = pytest.mark.parametrize("bidirectional", [slowly(False), True])


def make(kind, layers=1, bidirectional=False, dtype="float64", **settings):
    return kind(C, H, layers=layers, bidirectional=bidirectional, bias_init="normal", **settings).astype(dtype)


def a_state(layer, count=N):
    """A state to begin with, not zero."""
    draw = np.random.default_rng(2)
    shape = (layer.layers * layer.directions, count, H)
    arrays = tuple(mp.asarray(draw.normal(size=shape)) for _ in layer.cell_type.state_names)
    return arrays if len(arrays) > 1 else arrays[0]


def arrays(tree):
    return list(leaves(tree).values())


def assert_close(ours, theirs, tolerance=1e-12):
    for one, other in zip(arrays(ours), arrays(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def weighted_sum(tree):
    """A number on which every array of a tree has its own influence."""
    total = 0.0
    for n, array in enumerate(arrays(tree)):
        weights = np.random.default_rng(10 + n).normal(size=array.shape).astype(array.dtype)
        total = total + mp.sum(array * mp.asarray(weights))
    return total


# ── PyTorch ──────────────────────────────────────────────────────────────────────────────────────


def run_peer(torch, peer, x, state, lengths):
    """Outputs and final state of PyTorch, as a list."""
    if lengths is not None:
        x = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    outputs, last = peer(x, state)
    if lengths is not None:
        outputs, _ = torch.nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True, total_length=T)
    return [outputs, *(last if isinstance(last, tuple) else [last])]


def peer_sum(torch, found):
    total = 0.0
    for n, array in enumerate(found):
        total = total + (array * torch.tensor(np.random.default_rng(10 + n).normal(size=tuple(array.shape)))).sum()
    return total


@kinds
@deep_in_time
@both_ways
@pytest.mark.parametrize("given", [None, lengths], ids=["full", "padded"])
def test_outputs_states_and_gradients_agree_with_pytorch(kind, layers, bidirectional, given):
    torch = pytest.importorskip("torch")
    layer = make(kind, layers, bidirectional)
    state = a_state(layer)
    peer, named = peer_of_layer(layer, torch)
    theirs_x = torch.tensor(sequences, requires_grad=True)
    starts = [torch.tensor(array.numpy().copy(), requires_grad=True) for array in arrays(state)]
    theirs = run_peer(torch, peer, theirs_x, tuple(starts) if len(starts) > 1 else starts[0], given)
    peer_sum(torch, theirs).backward()

    def value(layer, x, state):
        return weighted_sum(layer(x, state, given))

    assert_close(layer(sequences, state, given), [mp.asarray(array.detach().numpy()) for array in theirs])
    gradients, gradient_x, gradient_state = mp.grad(value, argnums=(0, 1, 2))(layer, mp.asarray(sequences), state)
    np.testing.assert_allclose(gradient_x, theirs_x.grad, rtol=1e-11, atol=1e-12)
    for one, other in zip(arrays(gradient_state), starts, strict=True):
        np.testing.assert_allclose(one, other.grad, rtol=1e-11, atol=1e-12)
    assert set(gradients) == set(named)
    for name, parameter in named.items():
        np.testing.assert_allclose(gradients[name], parameter.gradient, rtol=1e-11, atol=1e-12, err_msg=name)


@kinds
@both_ways_in_time
def test_ten_steps_of_training_on_a_padded_batch_agree_with_pytorch(kind, bidirectional):
    torch = pytest.importorskip("torch")
    layer = make(kind, 2, bidirectional)
    peer, named = peer_of_layer(layer, torch)
    train_both(
        torch,
        (layer, lambda layer: arrays(layer(sequences, lengths=lengths))),
        (peer, lambda peer: run_peer(torch, peer, torch.tensor(sequences), None, lengths)),
        named,
    )


@pytest.mark.parametrize("kind", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_a_cell_with_a_state_agrees_with_pytorch(kind):
    torch = pytest.importorskip("torch")
    cell = kind(C, H, bias_init="normal").astype("float64")
    peer, _ = peer_of_cell(cell, torch)
    state = tuple(random.normal(size=(N, H)) for _ in cell.state_names)
    their_state = tuple(map(torch.tensor, state))
    single = len(state) == 1
    ours = cell(sequences[:, 0], mp.asarray(state[0]) if single else tuple(map(mp.asarray, state)))
    theirs = peer(torch.tensor(sequences[:, 0]), their_state[0] if single else their_state)
    theirs = [theirs] if single else theirs
    assert_close(ours, [mp.asarray(array.detach().numpy()) for array in theirs])


# ── padded batches ───────────────────────────────────────────────────────────────────────────────


@kinds
@deep_in_time
@both_ways_in_time
def test_a_padded_batch_is_its_sequences_one_by_one(kind, layers, bidirectional):
    layer = make(kind, layers, bidirectional)
    state = a_state(layer)
    padded = sequences.copy()
    padded[np.arange(T) >= lengths[:, None]] = np.nan  # what stands there is never looked at

    def alone(layer, x, state):
        """The sequences one by one, cut to their lengths, put together again."""
        found = []
        for n, length in enumerate(lengths):
            own = mp.core.tree.replace(state, lambda array, n=n: array[:, n : n + 1])
            outputs, last = layer(x[n : n + 1, : int(length)], own)
            found.append((mp.pad(outputs, ((0, 0), (0, T - int(length)), (0, 0))), *arrays(last)))
        outputs, *last = zip(*found, strict=True)
        return [mp.concat(list(outputs), axis=0), *(mp.concat(list(each), axis=1) for each in last)]

    def together(layer, x, state):
        return arrays(layer(x, state, lengths))

    x, padded = mp.asarray(sequences), mp.asarray(padded)
    assert_close(together(layer, padded, state), alone(layer, x, state))
    assert_close(mp.jit(together)(layer, padded, state), alone(layer, x, state))
    expected = mp.grad(lambda *args: weighted_sum(alone(*args)), argnums=(0, 1, 2))(layer, x, state)
    for transformed in (mp.grad, lambda *args, **kwargs: mp.jit(mp.grad(*args, **kwargs))):
        found = transformed(lambda *args: weighted_sum(together(*args)), argnums=(0, 1, 2))(layer, padded, state)
        assert_close(found, expected)


@kinds
@both_ways
def test_without_steps_the_final_state_is_the_initial_one(kind, bidirectional):
    layer = make(kind, 2, bidirectional)
    state = a_state(layer)
    outputs, last = layer(np.zeros((N, 0, C)), state)
    assert outputs.shape == (N, 0, H * layer.directions)
    assert_close(last, state, 0)
    outputs, last = mp.jit(lambda layer, x: layer(x, state))(layer, np.zeros((N, 0, C)))
    assert_close(last, state, 0)
    outputs, last = layer(sequences, state, np.zeros(N, dtype=np.int64))
    np.testing.assert_array_equal(outputs, np.zeros(outputs.shape))
    assert_close(last, state, 0)
    outputs, last = layer(np.zeros((0, T, C)))
    assert outputs.shape == (0, T, H * layer.directions)


@kinds
def test_lengths_may_be_any_integers_and_whole_lengths_change_nothing(kind):
    layer = make(kind, 2, bidirectional=True)
    for dtype in ("int8", "uint8", "int64"):
        assert_close(layer(sequences, lengths=np.full(N, T, dtype)), layer(sequences), 0)
    assert_close(layer(sequences, lengths=list(map(int, lengths))), layer(sequences, lengths=lengths), 0)


# ── states, cells and transforms ─────────────────────────────────────────────────────────────────


@kinds
@depths
def test_a_sequence_may_be_read_in_parts(kind, layers):
    layer = make(kind, layers)
    first, state = layer(sequences[:, :4])
    second, last = layer(sequences[:, 4:], state)
    whole, expected = layer(sequences)
    np.testing.assert_allclose(mp.concat([first, second], axis=1), whole, rtol=1e-12, atol=1e-14)
    assert_close(last, expected)


@kinds
@both_ways
def test_a_layer_is_its_cells_step_by_step(kind, bidirectional):
    layer = make(kind, 1, bidirectional)
    outputs, last = layer(sequences)
    for direction, cell in enumerate(layer.cells[0]):
        state = None
        for t in reversed(range(T)) if direction else range(T):
            state = cell(sequences[:, t], state)
            here = outputs[:, t, direction * H : (direction + 1) * H]
            np.testing.assert_allclose(here, arrays(state)[0], rtol=1e-12, atol=1e-14)
        for one, other in zip(arrays(last), arrays(state), strict=True):
            np.testing.assert_allclose(one[direction], other, rtol=1e-12, atol=1e-14)


@kinds
@pytest.mark.parametrize("given", [None, lengths], ids=["full", "padded"])
def test_compiled_and_batched_it_gives_the_same(kind, given):
    layer = make(kind, 2, bidirectional=True)
    compiled = mp.jit(lambda layer, x: layer(x, lengths=given))
    assert_close(compiled(layer, sequences), layer(sequences, lengths=given))
    several = mp.asarray(random.normal(size=(3, N, T, C)))
    batched = mp.vmap(lambda x: layer(x, lengths=given))(several)
    for n in range(3):
        assert_close(mp.core.tree.replace(batched, lambda array, n=n: array[n]), layer(several[n], lengths=given))


@kinds
def test_the_wider_dtype_counts(kind):
    for weights, x, state, expected in [
        ("float32", "float16", "float16", "float32"),
        ("float16", "float16", "float16", "float16"),
        ("float16", "float32", "float16", "float32"),
        ("float32", "float32", "float64", "float64"),
        ("float32", "int64", "float32", "float32"),
    ]:
        layer = make(kind, 2, dtype=weights)
        start = mp.core.tree.replace(a_state(layer), lambda array, dtype=state: array.astype(dtype))
        found = arrays(layer(mp.asarray(sequences).astype(x), start))
        assert {array.dtype for array in found} == {np.dtype(expected)}


def test_half_precision_is_close_to_single():
    layer = make(nn.LSTM, 2, bidirectional=True, dtype="float32")
    exact = layer(sequences.astype("float32"))
    assert_close(layer.astype("float16")(sequences.astype("float16")), exact, 4e-3)


# ── in a Sequential ──────────────────────────────────────────────────────────────────────────────


@kinds
@depths
@both_ways
def test_a_sequential_takes_the_outputs_or_the_last_of_them(kind, layers, bidirectional):
    layer = make(kind, layers, bidirectional)
    outputs, _ = layer(sequences)
    np.testing.assert_array_equal(nn.Sequential(layer, nn.Outputs())(sequences), outputs)
    final = nn.Sequential(layer, nn.FinalOutput())(sequences)
    assert final.shape == (N, outputs.shape[-1])
    np.testing.assert_array_equal(final[:, :H], outputs[:, -1, :H])
    np.testing.assert_array_equal(final[:, H:], outputs[:, 0, H:])
    padded = nn.FinalOutput()(layer(sequences, lengths=lengths))
    if layers == 1:  # in more of them the second reads what the first one, that runs backwards, has seen behind the end
        np.testing.assert_array_equal(padded[:, :H], outputs[np.arange(N), lengths - 1, :H])


def test_a_layer_that_gets_a_tuple_says_what_to_put_between():
    for layer in (nn.Linear(H, 1), nn.GRU(H, 1)):
        with pytest.raises(ShapeError, match=r"LSTM gives a tuple(?s:.*)FinalOutput\(\)"):
            nn.Sequential(nn.LSTM(C, H), layer)(sequences)
    for picks in (nn.Outputs(), nn.FinalOutput()):
        with pytest.raises(ShapeError, match=r"takes what a recurrent layer gives, \(outputs, state\), given Array"):
            picks(mp.zeros((N, T, H)))


# ── how it begins, and dropout ───────────────────────────────────────────────────────────────────


def test_the_forget_gate_begins_with_its_bias():
    layer = nn.LSTM(C, H, layers=2, forget_bias=1.5, bias_init="ones")
    for cells in layer.cells:
        np.testing.assert_array_equal(cells[0].bias, np.repeat([1, 2.5, 1, 1], H))
    np.testing.assert_array_equal(nn.LSTMCell(C, H).bias, np.zeros(4 * H))


def test_each_gate_is_drawn_as_a_matrix_of_its_own():
    cell = nn.GRUCell(200, 100, weight_init="glorot_uniform", rng=0)
    for weight, inputs in ((cell.weight, 200), (cell.recurrent_weight, 100)):
        assert weight.shape == (inputs, 300)
        bound = np.sqrt(6 / (inputs + 100))
        assert 0.99 * bound < np.abs(weight.numpy()).max() <= bound
    gates = np.split(cell.weight.numpy(), 3, axis=1)
    assert not np.array_equal(gates[0], gates[1])


@kinds
def test_states_can_begin_with_orthogonal_weights(kind):
    layer = kind(C, H, layers=2, weight_init="ones", recurrent_init="orthogonal", rng=0)
    for cell in [cell for cells in layer.cells for cell in cells]:
        assert (cell.weight.numpy() == 1).all()
        for gate in np.split(cell.recurrent_weight.numpy(), cell.gates, axis=1):
            np.testing.assert_allclose(gate.T @ gate, np.eye(H), atol=1e-6)
    assert nn.build(nn.describe(layer)).recurrent_init == "orthogonal"


@kinds
def test_dropout_acts_between_layers_only(kind):
    layer = make(kind, 2, dtype="float32", dropout=0.5, rng=0)
    x = sequences.astype("float32")
    (trained, last), (_, again) = layer(x), layer(x)
    inferred, expected = layer.eval()(x)
    assert not np.array_equal(trained, inferred)
    for one, other, third in zip(arrays(last), arrays(expected), arrays(again), strict=True):
        np.testing.assert_array_equal(one[0], other[0])  # the first layer sees no dropout
        assert not np.array_equal(one[1], other[1])
        assert not np.array_equal(one[1], third[1])


def test_an_lstm_learns_to_remember():
    draw = np.random.default_rng(3)
    bits = draw.integers(0, 2, (256, 12)).astype("float32")
    mp.seed(0)

    class Remembers(nn.Module):
        def __init__(self):
            self.lstm = nn.LSTM(1, 8, forget_bias=1.0)
            self.readout = nn.Linear(8, 1)

        def forward(self, x):
            return self.readout(self.lstm(x)[0][:, -1])

    net, optimizer = Remembers(), optim.Adam(0.02)

    @mp.jit
    def step(net, optimizer, x, y):
        loss, gradients = mp.value_and_grad(lambda net: nn.binary_cross_entropy(net(x), y))(net)
        optimizer.update(net, gradients)
        return loss

    x, y = bits[:, :, None], bits[:, :1]  # the first of twelve bits
    losses = [float(step(net, optimizer, x, y)) for _ in range(150)]
    assert losses[0] > 0.6
    assert losses[-1] < 0.1


# ── the graph ────────────────────────────────────────────────────────────────────────────────────


def nodes_named(graph, name):
    return [node for node in in_order(graph.outputs) if node.primitive.name == name]


@kinds
@both_ways
def test_only_the_product_with_the_state_is_in_the_loop(kind, bidirectional):
    layer = make(kind, 1, bidirectional)
    directions = 1 + bidirectional
    value = mp.trace(lambda layer, x: layer(x), layer, sequences)
    gradient = mp.trace(mp.grad(lambda layer, x: weighted_sum(layer(x))), layer, sequences)
    assert len(nodes_named(value, "matmul")) == directions
    assert len(nodes_named(value, "scan")) == directions
    # outside: x W, and after the loop backwards the gradients of W and of U; nothing for each time by itself
    assert len(nodes_named(gradient, "matmul")) == 3 * directions
    assert all(node.array_type.ndim == 2 for node in nodes_named(gradient, "matmul"))
    assert len(nodes_named(gradient, "scan")) == 2 * directions
    for scan in nodes_named(gradient, "scan"):
        (body,) = nested_graphs(scan).values()
        assert len(nodes_named(body, "matmul")) == 1


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("shape", "fix"),
    [
        ((N, T, 5), "give it in_features=5"),
        ((N, C, T), "exchange the last two axes"),
        ((T, C), r"a batch of one, x\[None\]"),
        ((C,), "N sequences of T steps"),
        ((), "N sequences of T steps"),
    ],
)
@kinds
def test_a_layer_says_what_it_takes(kind, shape, fix):
    with pytest.raises(ShapeError, match=fix) as caught:
        kind(C, H)(mp.zeros(shape))
    assert caught.value.message == f"{kind.__name__}({C}, {H}) takes (N, T, {C}), given {shape}"


def test_sequences_of_single_numbers_need_their_axis():
    with pytest.raises(ShapeError, match=r"expand_dims\(x, axis=-1\)"):
        nn.GRU(1, H)(mp.zeros((N, T)))


@pytest.mark.parametrize(
    ("kind", "state", "words"),
    [
        (nn.GRU, mp.zeros((1, N, 5)), r"takes a state h of shape \(1, 4, 3\), given h of shape \(1, 4, 5\)"),
        (nn.GRU, (mp.zeros((1, N, H)),), r"given 1 arrays(?s:.*)give the array itself"),
        (nn.LSTM, mp.zeros((1, N, H)), r"\(h, c\), each of shape \(1, 4, 3\), given one array(?s:.*)give a pair"),
        (nn.LSTM, (mp.zeros((1, N, H)), mp.zeros((N, H))), r"given c of shape \(4, 3\)"),
        (nn.LSTM, [mp.zeros((1, N, H))] * 3, "given 3 arrays"),
    ],
)
def test_a_state_of_another_form_is_refused(kind, state, words):
    with pytest.raises(ShapeError, match=words):
        kind(C, H)(sequences, state)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ([1, 2], ShapeError, r"one length for each of 4 sequences, \(4,\), given \(2,\)"),
        ([1.0, 2, 3, 4], DTypeError, "lengths are integers, given f32"),
        ([1, 2, 7, 4], DataError, r"lengths\[2\] is 7, but the sequences have 0 to 6 steps"),
        ([1, -2, 3, 4], DataError, r"lengths\[1\] is -2"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(given, error, words):
    with pytest.raises(error, match=words) as caught:
        nn.GRU(C, H)(sequences, lengths=mp.asarray(given))
    assert caught.value.message.startswith("GRU(2, 3)")


def test_cells_say_what_they_take():
    with pytest.raises(ShapeError, match=r"LSTMCell\(2, 3\) takes \(…, 2\), given \(4, 5\)(?s:.*)in_features=5"):
        nn.LSTMCell(C, H)(mp.zeros((4, 5)))
    with pytest.raises(ShapeError, match=r"given \(\)(?s:.*)give an array"):
        nn.GRUCell(C, H)(1.0)
    with pytest.raises(ShapeError, match=r"takes a state h of shape \(4, 3\), given h of shape \(3,\)"):
        nn.RNNCell(C, H)(mp.zeros((4, 2)), mp.zeros(3))


def test_settings_that_mean_nothing_are_refused():
    with pytest.raises(SettingError, match=r"dropout=0\.5 is applied between layers, and there is one"):
        nn.GRU(C, H, dropout=0.5)
    with pytest.raises(SettingError, match=r"dropout=.*: expected a finite number ≥ 0 and < 1"):
        nn.GRU(C, H, layers=2, dropout=1.5)
    with pytest.raises(SettingError, match="activation='sigmoid': expected 'tanh' or 'relu'"):
        nn.RNN(C, H, activation="sigmoid")
    with pytest.raises(SettingError, match="there is no bias to begin with it"):
        nn.LSTM(C, H, forget_bias=1.0, bias=False)
    with pytest.raises(SettingError, match=r"LSTM: layers=.*: expected an integer ≥ 1"):
        nn.LSTM(C, H, layers=0)
    with pytest.raises(SettingError, match=r"GRU: bidirectional=2(?s:.*)True or False"):
        nn.GRU(C, H, bidirectional=2)
    for kind in (nn.RNN, nn.LSTMCell):
        with pytest.raises(SettingError, match=f"{kind.__name__}: hidden_features=.*: expected an integer ≥ 1"):
            kind(C, 2.5)
