"""What layers are given that does not fit: every layer, or the one inside it that cannot go on, says so by its name."""

import numpy as np
import pytest

import maplet as mp
from layer_examples import arrays, as_inputs, cases, every_layer
from maplet import nn
from maplet.errors import DTypeError, MapletError, ShapeError
from maplet.nn.activations import smooth, straight

named = pytest.mark.parametrize(("name", "make", "x"), [pytest.param(c.id, *c.values, id=c.id) for c in cases])


def refusal(net, *xs, error=MapletError):
    """The error with which a net refuses its inputs: it names a layer and the user's line, and says what to do."""
    with pytest.raises(error) as caught:
        net(*xs)
    kinds = {type(layer).__name__ for layer in net.modules().values()}
    assert any(kind in str(caught.value) for kind in kinds), caught.value
    assert caught.value.fix
    assert "test_nn_refusals.py:" in caught.value.where
    return caught.value


def refuses(net, *xs):
    """Whether a net refuses its inputs, as it must; what it does not refuse gives numbers."""
    try:
        given = arrays(net(*xs))
    except MapletError:
        refusal(net, *xs)
        return True
    assert all(np.isfinite(one).all() for one in given)
    return False


def says_its_width(net):
    """Whether a setting of some layer is the length of the last axis."""
    takes_any = (nn.Embedding, nn.EmbedColumns, nn.Sequential, nn.Residual, nn.Parallel)
    layers = [layer for layer in net.modules().values() if not isinstance(layer, takes_any)]
    lone_slope = [layer for layer in layers if isinstance(layer, nn.PReLU) and layer.features == 1]
    widths = {"features", "in_features", "in_channels"}
    return any(widths & layer.settings().keys() for layer in layers if layer not in lone_slope)


@named
def test_a_last_axis_of_another_length(name, make, x):
    net, (x, *others) = make(), as_inputs(x, "float32")
    longer = mp.concat([x, x[..., :1]], axis=-1)
    in_pairs = isinstance(net, nn.RotaryPositions) or name == "GLU-0"  # an odd number of features has no halves
    assert refuses(net, longer, *others) == (says_its_width(net) or in_pairs)


def goes_by_elements(net):
    """Whether a layer does the same with each element, so that a single number is one of them."""
    kinds = (nn.Dropout, nn.AlphaDropout, nn.Embedding)
    rests = isinstance(net, nn.ChannelDropout | nn.StochasticDepth) and net.rate == 0
    several = isinstance(net, nn.PReLU) and net.features > 1
    by_elements = type(net).__module__ in (smooth.__name__, straight.__name__) and not several
    return type(net) in kinds or rests or by_elements or (isinstance(net, nn.Sequential) and not net.layers)


@every_layer
def test_a_single_number(make, x):
    net, (x, *others) = make(), as_inputs(x, "float32")
    assert refuses(net, x[(0,) * x.ndim], *others) != goes_by_elements(net)


@named
def test_another_number_of_axes(name, make, x):
    """One axis less, or one more in front: what has a fixed number of axes is for images, or recurrent."""
    net, (x, *others) = make(), as_inputs(x, "float32")
    fixed = (
        "Conv",
        "MaxPool",
        "AvgPool",
        "Adaptive",
        "RNN-",
        "LSTM-",
        "GRU-",
        "Outputs",
        "FinalOutput",
        "EmbedColumns",
    )
    inside = ("WeightNorm-1", "SpectralNorm-1")
    for other in (x[0], x[None]):
        refused = refuses(net, other, *others)
        assert refused or not name.startswith((*fixed, *inside))


@every_layer
def test_what_is_no_number(make, x):
    net = make()
    if net.modules().keys() == {""} and isinstance(net, nn.Sequential):  # without layers it gives what it is given
        assert net("text") == "text"
        return
    refusal(net, *["text" for _ in (x if isinstance(x, tuple) else (x,))], error=DTypeError)


# ── nothing ──────────────────────────────────────────────────────────────────────────────────────


# Of batches without examples; in all other examples the first axis is that of the batch.
takes_no_empty_batch = {
    "BatchNorm-0", "BatchNorm-1", "BatchNorm-2", "BatchNorm-3",  # no statistics
    "TransformerEncoderLayer-3", "TransformerDecoderLayer-3",  # of one sequence, which would be empty
    "Linear-2", "LayerNorm-2", "LSTMCell-1", "GRUCell-1",  # of one vector, without features
}  # fmt: skip


@named
def test_a_batch_without_examples_gives_none_or_is_refused(name, make, x):
    assert refuses(make(), *[one[:0] for one in as_inputs(x, "float32")]) == (name in takes_no_empty_batch)


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("make", "x"), [case for case in cases if case.id not in takes_no_empty_batch and case.values[0]().parameters()]
)
def test_the_gradient_of_no_examples_is_0(make, x, compiled):
    xs = [one[:0] for one in as_inputs(x, "float32")]
    gradient = mp.grad(lambda net: sum(mp.sum(y) for y in arrays(net(*xs))))
    found = (mp.jit(gradient) if compiled else gradient)(make())
    assert all(not np.asarray(one).any() for one in found.values())


# What has nothing to look at in a sequence without steps, or an image without rows; the others give as little back.
needs_steps = (
    "Conv", "MaxPool", "AvgPool", "Adaptive", "Global", "BatchNorm", "WeightNorm-1", "SpectralNorm-1",
    "MultiHeadAttention-0", "MultiHeadAttention-2", "Transformer", "Softmax-1", "LogSoftmax-1", "Softmin-1",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "make", "x"),
    [
        pytest.param(c.id, *c.values, id=c.id)
        for c in cases
        if (c.values[1][0] if isinstance(c.values[1], tuple) else c.values[1]).ndim > 2
    ],
)
def test_a_sequence_without_steps_gives_none_or_is_refused(name, make, x):
    net, (x, *others) = make(), as_inputs(x, "float32")
    assert refuses(net, x[:, :0], *others) == name.startswith(needs_steps)


def test_a_batch_of_one_has_no_variance():
    for shape in ((1, 4), (1, 1, 4), (1, 1, 1, 4)):
        error = refusal(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm(4)), mp.ones(shape), error=ShapeError)
        assert "BatchNorm(4) in training takes two values of each channel or more" in error.message
        assert error.where.startswith("layers.1 ")


# ── which layer it was ───────────────────────────────────────────────────────────────────────────


def test_an_error_of_an_operation_names_the_innermost_layer():
    class Own(nn.Module):
        def __init__(self):
            self.inside = nn.MaxPool1d(3)

        def forward(self, x):
            return self.inside(x) if x.ndim > 2 else mp.reshape(x, (5, 5))

    with pytest.raises(ShapeError) as caught:
        nn.Sequential(nn.Tanh(), Own())(mp.zeros((2, 2, 4)))
    assert caught.value.layer == "MaxPool1d(3)"
    assert "\n  in:  MaxPool1d(3)\n  at:  layers.1.inside · " in str(caught.value)
    with pytest.raises(ShapeError) as caught:
        nn.Sequential(nn.Tanh(), Own())(mp.zeros((2, 2)))
    assert caught.value.layer == "Own"
    # A message that names the layer itself is not followed by its name once more.
    with pytest.raises(ShapeError) as caught:
        nn.Sequential(nn.Linear(2, 3))(mp.zeros((2, 4)))
    assert "in:  " not in str(caught.value)
