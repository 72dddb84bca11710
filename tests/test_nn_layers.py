"""Laws that hold for every layer: derivatives, agreement with PyTorch, saving as data, modes."""

import json

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.core.tree import leaves
from maplet.errors import DataError, DTypeError, MapletError, SettingError, ShapeError
from maplet.nn.activations import activations
from maplet.nn.module import built_in
from torch_images import peers as image_peers
from torch_recurrent import recurrent_peers
from torch_transformers import transformer_peers

random = np.random.default_rng(0)
matrix = random.normal(size=(5, 4))
images = random.normal(size=(3, 2, 4))
series = random.normal(size=(2, 9, 4))
pictures = random.normal(size=(2, 7, 6, 4))
volumes = random.normal(size=(2, 4, 5, 3, 2))
codes = np.array([[0, 2], [5, 2]])
sequences = random.normal(size=(3, 4, 2))
table = np.column_stack([random.normal(size=(4, 2)), [0, 2, 1, 2]])
between = np.array([0.0, 0.0, 0.25])  # a code is a step function of its input: differences are taken inside a step

spread = nn.initializers.Normal(0.5, 1.0)

# Every layer with every option that changes what it computes, and an input for it, or a tuple of several.
examples = {
    "Sequential": [
        (nn.Sequential, matrix),
        (lambda: nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Sequential(nn.Linear(3, 2), nn.Softmax())), matrix),
    ],
    "Linear": [
        (lambda: nn.Linear(4, 3, bias_init="uniform"), matrix),
        (lambda: nn.Linear(4, 3, bias=False, weight_init="he_normal"), images),
        (lambda: nn.Linear(4, 3, weight_init=nn.initializers.Normal(0.1, 0.5)), matrix[0]),
    ],
    "Conv1d": [
        (lambda: nn.Conv1d(4, 6, 3, bias_init="uniform"), series),
        (lambda: nn.Conv1d(4, 6, 3, dilation=2, padding="causal", groups=2), series),
        (lambda: nn.Conv1d(4, 3, 2, strides=2, padding=((0, 1),), bias=False), series),
    ],
    "Conv2d": [
        (lambda: nn.Conv2d(4, 3, (3, 2), bias_init="uniform"), pictures),
        (lambda: nn.Conv2d(4, 6, 3, strides=2, padding="same", groups=2), pictures),
        (lambda: nn.Conv2d(4, 8, 3, padding=1, groups=4, weight_init="he_normal", bias=False), pictures),
        (lambda: nn.Conv2d(4, 2, 2, strides=(1, 2), dilation=(2, 1), padding=((1, 0), (0, 2))), pictures),
    ],
    "Conv3d": [
        (lambda: nn.Conv3d(2, 3, 2, bias_init="uniform"), volumes),
        (lambda: nn.Conv3d(2, 2, (1, 3, 2), padding="same", groups=2), volumes),
    ],
    "ConvTranspose1d": [
        (lambda: nn.ConvTranspose1d(4, 6, 3, bias_init="uniform"), series),
        (lambda: nn.ConvTranspose1d(4, 6, 4, strides=2, padding="same", groups=2), series),
    ],
    "ConvTranspose2d": [
        (lambda: nn.ConvTranspose2d(4, 3, (3, 2), strides=(1, 2), bias_init="uniform"), pictures),
        (lambda: nn.ConvTranspose2d(4, 8, 3, strides=2, padding=((1, 0), (1, 1)), groups=4, bias=False), pictures),
        (lambda: nn.ConvTranspose2d(4, 2, 3, dilation=2, padding=1), pictures),
    ],
    "ConvTranspose3d": [(lambda: nn.ConvTranspose3d(2, 3, 2, strides=2, bias_init="uniform"), volumes)],
    "MaxPool1d": [(lambda: nn.MaxPool1d(2), series), (lambda: nn.MaxPool1d(3, strides=1, padding="causal"), series)],
    "MaxPool2d": [
        (lambda: nn.MaxPool2d(2), pictures),
        (lambda: nn.MaxPool2d(3, strides=2, padding=1), pictures),
        (lambda: nn.MaxPool2d((2, 3), strides=(1, 2), dilation=(2, 1), padding="same"), pictures),
    ],
    "MaxPool3d": [(lambda: nn.MaxPool3d(2, padding=((0, 0), (1, 0), (0, 1))), volumes)],
    "AvgPool1d": [(lambda: nn.AvgPool1d(2), series), (lambda: nn.AvgPool1d(3, strides=1, padding=2), series)],
    "AvgPool2d": [
        (lambda: nn.AvgPool2d((2, 3)), pictures),
        (lambda: nn.AvgPool2d(3, strides=(2, 1), padding="same"), pictures),
    ],
    "AvgPool3d": [(lambda: nn.AvgPool3d(2, strides=1), volumes)],
    "AdaptiveAvgPool1d": [(lambda n=n: nn.AdaptiveAvgPool1d(n), series) for n in (1, 3, 4)],
    "AdaptiveAvgPool2d": [
        (lambda: nn.AdaptiveAvgPool2d((3, 2)), pictures),
        (lambda: nn.AdaptiveAvgPool2d(10), pictures),
    ],
    "AdaptiveAvgPool3d": [(lambda: nn.AdaptiveAvgPool3d((2, 3, 1)), volumes)],
    "AdaptiveMaxPool1d": [(lambda: nn.AdaptiveMaxPool1d(4), series)],
    "AdaptiveMaxPool2d": [
        (lambda: nn.AdaptiveMaxPool2d((3, 2)), pictures),
        (lambda: nn.AdaptiveMaxPool2d(5), pictures),
    ],
    "AdaptiveMaxPool3d": [(lambda: nn.AdaptiveMaxPool3d((2, 3, 1)), volumes)],
    "GlobalAvgPool": [(nn.GlobalAvgPool, pictures), (nn.GlobalAvgPool, series)],
    "GlobalMaxPool": [(nn.GlobalMaxPool, pictures), (nn.GlobalMaxPool, volumes)],
    "BatchNorm": [
        (lambda: nn.BatchNorm(4, weight_init=spread, bias_init=spread), matrix),
        (lambda: nn.BatchNorm(4, momentum=0.3, epsilon=1e-3, weight=False), series),
        (lambda: nn.BatchNorm(4, bias=False), pictures),
        (lambda: nn.BatchNorm(2), volumes),
    ],
    "LayerNorm": [
        (lambda: nn.LayerNorm(4, weight_init=spread, bias_init=spread), series),
        (lambda: nn.LayerNorm((6, 4), epsilon=1e-3, weight_init=spread, bias=False), pictures),
        (lambda: nn.LayerNorm(4, weight=False, bias=False), matrix[0]),
    ],
    "RMSNorm": [
        (lambda: nn.RMSNorm(4, weight_init=spread), matrix),
        (lambda: nn.RMSNorm((6, 4), epsilon=0.1, weight=False), pictures),
    ],
    "GroupNorm": [
        (lambda: nn.GroupNorm(2, 4, weight_init=spread, bias_init=spread), pictures),
        (lambda: nn.GroupNorm(1, 4, epsilon=1e-3, weight=False, bias=False), matrix),
        (lambda: nn.GroupNorm(4, 4, bias=False), series),
    ],
    "InstanceNorm": [
        (lambda: nn.InstanceNorm(4, weight_init=spread, bias_init=spread), pictures),
        (lambda: nn.InstanceNorm(2, weight=False, bias=False), volumes),
    ],
    "WeightNorm": [
        (lambda: nn.WeightNorm(nn.Linear(4, 3, bias_init="uniform")), matrix),
        (lambda: nn.WeightNorm(nn.Conv2d(4, 6, 3, groups=2, bias=False)), pictures),
    ],
    # Of singular vectors that have settled, so that the gradient, in which they stand still, is that of the function.
    "SpectralNorm": [
        (lambda: nn.SpectralNorm(nn.Linear(4, 3, bias_init="uniform", rng=0), iterations=20, rng=1), matrix),
        (lambda: nn.SpectralNorm(nn.Conv2d(4, 3, 2, bias=False, rng=2), iterations=20, rng=3), pictures),
    ],
    "Flatten": [(nn.Flatten, images), (nn.Flatten, matrix[0])],
    "Dropout": [(lambda: nn.Dropout(0.3), matrix), (lambda: nn.Dropout(0), matrix)],
    "SinusoidalPositions": [(lambda: nn.SinusoidalPositions(4), images)],
    "LearnedPositions": [
        (lambda: nn.LearnedPositions(2, 4), images),
        (lambda: nn.LearnedPositions(7, 4, weight_init="normal"), matrix),
    ],
    "MultiHeadAttention": [
        (lambda: nn.MultiHeadAttention(4, 2), images),
        (
            lambda: nn.MultiHeadAttention(4, 2, bias=False, weight_init="glorot_normal"),
            (images, matrix[None].repeat(3, 0)),
        ),
        (lambda: nn.MultiHeadAttention(4, 2, key_value_heads=1, rotary=True, dropout=0.3), images),
    ],
    "TransformerEncoderLayer": [
        (lambda: nn.TransformerEncoderLayer(4, 2, norm_first=False, activation="relu"), images),
        (lambda: nn.TransformerEncoderLayer(4, 1, hidden_features=3), images),
        (lambda: nn.TransformerEncoderLayer(4, 2, rotary=True, dropout=0.3), matrix),
    ],
    "TransformerDecoderLayer": [
        (lambda: nn.TransformerDecoderLayer(4, 2, norm_first=False, hidden_features=3), (images, images[:, :1])),
        (lambda: nn.TransformerDecoderLayer(4, 2), (images, images[:, :1])),
        (lambda: nn.TransformerDecoderLayer(4, 2, rotary=True, dropout=0.3), (matrix, matrix[:2])),
    ],
    "TransformerEncoder": [
        (lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 1), nn.TransformerEncoderLayer(4, 2)), images),
        (lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 1), norm=nn.LayerNorm(4)), images),
    ],
    "TransformerDecoder": [
        (
            lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 1), norm=nn.LayerNorm(4)),
            (images, images[:, :1]),
        ),
    ],
    "Embedding": [(lambda: nn.Embedding(6, 3), codes), (lambda: nn.Embedding(6, 3, weight_init="normal"), codes[0])],
    "RNN": [
        (lambda: nn.RNN(2, 3), sequences),
        (lambda: nn.RNN(2, 3, activation="relu", layers=2, bidirectional=True, bias_init="normal", rng=0), sequences),
        (lambda: nn.RNN(2, 3, layers=3, dropout=0.4), sequences),
    ],
    "LSTM": [
        (lambda: nn.LSTM(2, 3, forget_bias=1.0), sequences),
        (lambda: nn.LSTM(2, 3, layers=2, bidirectional=True, bias=False, weight_init="normal"), sequences),
    ],
    "GRU": [
        (lambda: nn.GRU(2, 3, bias_init="normal"), sequences),
        (lambda: nn.GRU(2, 3, layers=2, bidirectional=True, bias=False), sequences),
    ],
    "RNNCell": [(lambda: nn.RNNCell(4, 3), matrix), (lambda: nn.RNNCell(4, 3, activation="relu", rng=0), matrix)],
    "LSTMCell": [(lambda: nn.LSTMCell(4, 3, bias_init="normal"), matrix), (lambda: nn.LSTMCell(4, 3), matrix[0])],
    "GRUCell": [(lambda: nn.GRUCell(4, 3, bias_init="normal"), matrix), (lambda: nn.GRUCell(4, 3), matrix[0])],
    "Outputs": [(lambda: nn.Sequential(nn.GRU(2, 3), nn.Outputs()), sequences)],
    "FinalOutput": [
        (lambda: nn.Sequential(nn.GRU(2, 3, layers=2), nn.FinalOutput()), sequences),
        (lambda: nn.Sequential(nn.LSTM(2, 3, layers=2, bidirectional=True), nn.FinalOutput()), sequences),
    ],
    "EmbedColumns": [
        (lambda: nn.EmbedColumns([3]), table + between),
        (lambda: nn.EmbedColumns((9, 3)), np.abs(table).round() + 0.25),
    ],
    "Sigmoid": [(nn.Sigmoid, matrix)],
    "Tanh": [(nn.Tanh, matrix)],
    "ReLU": [(nn.ReLU, matrix)],
    "LeakyReLU": [(nn.LeakyReLU, matrix), (lambda: nn.LeakyReLU(0.2), images)],
    "ELU": [(nn.ELU, matrix), (lambda: nn.ELU(0.5), images)],
    "GELU": [(nn.GELU, matrix), (lambda: nn.GELU(approximate=True), images)],
    "SiLU": [(nn.SiLU, matrix)],
    "Softplus": [(nn.Softplus, matrix)],
    "Softmax": [(nn.Softmax, matrix), (lambda: nn.Softmax(axis=1), images)],
    "Residual": [
        (lambda: nn.Residual(nn.Linear(4, 4)), matrix),
        (lambda: nn.Residual(nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 4))), images),
    ],
    "Parallel": [
        (lambda: nn.Parallel(nn.Linear(4, 3), nn.Tanh()), matrix),
        (lambda: nn.Parallel(nn.Linear(4, 4), nn.Tanh(), nn.Sigmoid(), combine="sum"), images),
        (lambda: nn.Parallel(nn.Linear(4, 2), nn.Linear(4, 2), combine="stack", axis=1), images),
        (lambda: nn.Parallel(nn.Tanh(), nn.Sigmoid(), axis=1), images),
    ],
    "ChannelDropout": [(lambda: nn.ChannelDropout(0.3), images), (lambda: nn.ChannelDropout(0), matrix)],
    "StochasticDepth": [(lambda: nn.StochasticDepth(0.3), images), (lambda: nn.StochasticDepth(0), matrix)],
    "AlphaDropout": [(lambda: nn.AlphaDropout(0.3), images), (lambda: nn.AlphaDropout(0), matrix)],
    "LogSoftmax": [(nn.LogSoftmax, matrix), (lambda: nn.LogSoftmax(axis=1), images)],
    "Softmin": [(nn.Softmin, matrix), (lambda: nn.Softmin(axis=1), images)],
    "GLU": [(nn.GLU, matrix), *[(lambda gate=gate: nn.GLU(1, gate=gate), images) for gate in ("relu", "gelu", "silu")]],
    "PReLU": [(nn.PReLU, images), (lambda: nn.PReLU(4, weight_init="uniform"), matrix)],
    "ReLU6": [(nn.ReLU6, 4 * matrix)],
    "Hardtanh": [(nn.Hardtanh, matrix), (lambda: nn.Hardtanh(-0.3, 0.7), images)],
    "Hardsigmoid": [(nn.Hardsigmoid, 3 * matrix)],
    "Hardswish": [(nn.Hardswish, 3 * matrix)],
    "Softshrink": [(nn.Softshrink, matrix), (lambda: nn.Softshrink(0.1), images)],
    "Hardshrink": [(nn.Hardshrink, matrix), (lambda: nn.Hardshrink(0.1), images)],
    "Threshold": [(lambda: nn.Threshold(0.2, -3.0), matrix)],
    "CELU": [(nn.CELU, matrix), (lambda: nn.CELU(0.25), images)],
    "SELU": [(nn.SELU, matrix)],
    "Mish": [(nn.Mish, matrix)],
    "LogSigmoid": [(nn.LogSigmoid, matrix)],
    "Softsign": [(nn.Softsign, matrix)],
    "Tanhshrink": [(nn.Tanhshrink, matrix)],
}
cases = [
    pytest.param(make, x, id=f"{name}-{n}") for name, entries in examples.items() for n, (make, x) in enumerate(entries)
]
every_layer = pytest.mark.parametrize(("make", "x"), cases)


def drops(net):
    """Whether some layer drops elements while training."""
    kinds = (nn.Dropout, nn.ChannelDropout, nn.AlphaDropout, nn.StochasticDepth)
    return any(isinstance(part, kinds) and part.rate > 0 for part in net.modules().values())


def as_inputs(x, dtype):
    """The inputs of a layer, one or several, with their real numbers in a dtype."""
    several = x if isinstance(x, tuple) else (x,)
    return [mp.asarray(one, dtype=dtype if one.dtype.kind == "f" else None) for one in several]


def arrays(value):
    """What a layer gives, as a list: most give one array, recurrent ones outputs and states."""
    return list(leaves(value).values())


def assert_equal(ours, theirs):
    for one, other in zip(arrays(ours), arrays(theirs), strict=True):
        np.testing.assert_array_equal(one, other)


def test_every_layer_has_an_example():
    assert set(examples) == set(built_in) - {"Lambda"}  # which is no data: test_nn_combinators.py
    assert {cls.__name__ for cls in activations.values()} <= set(examples)


@every_layer
def test_gradients_agree_with_central_differences(make, x):
    report = mp.check_gradient(lambda net, xs: net(*xs), make(), list(x) if isinstance(x, tuple) else [x])
    assert report.passed, str(report)


@every_layer
def test_a_description_is_json_and_builds_the_same_layer(make, x):
    net = make()
    description = json.loads(json.dumps(nn.describe(net)))
    built = nn.build(description)
    assert repr(built) == repr(net)
    built.load_state(net.state())
    xs = as_inputs(x, "float32")
    for _ in range(2):
        assert_equal(built(*xs), net(*xs))
    assert nn.describe(built) == description


@every_layer
def test_loading_without_drawing_weights_gives_the_same_layer(make, x):
    net = make()
    state = mp.random.default.draws.item()
    built = nn.build(nn.describe(net), initialize=False).load_state(net.state())
    assert mp.random.default.draws.item() == state
    assert repr(built) == repr(net)
    xs = as_inputs(x, "float32")
    assert_equal(built(*xs), net(*xs))


@every_layer
def test_training_and_inference_differ_where_it_is_said(make, x):
    net, xs = make(), as_inputs(x, "float32")
    trained, inferred = net.train()(*xs), net.eval()(*xs)
    assert_equal(inferred, net(*xs))
    if isinstance(net, nn.SpectralNorm):  # whose vectors have moved by what is left to settle
        np.testing.assert_allclose(trained, inferred, rtol=1e-5, atol=1e-6)
        return
    same = all(map(np.array_equal, arrays(trained), arrays(inferred)))
    assert same != (isinstance(net, nn.BatchNorm) or drops(net))


@every_layer
def test_vmap_and_jit_give_what_the_layer_itself_gives(make, x):
    net = make().astype("float64").eval()
    both = [mp.stack([one, mp.flip(one, axis=0)]) for one in as_inputs(x, "float64")]
    expected = [arrays(net(*[one[n] for one in both])) for n in range(2)]

    def by_rows(net, *xs):
        return arrays(mp.vmap(net)(*xs))

    for found in (by_rows(net, *both), mp.jit(by_rows)(net, *both)):
        for one, first, second in zip(found, *expected, strict=True):
            np.testing.assert_allclose(one, np.stack([first, second]), rtol=1e-12, atol=1e-13)


@every_layer
def test_there_is_nothing_to_lint(make, x):
    def loss(net, *xs):
        return sum(mp.mean(mp.square(one - 0.3)) for one in arrays(net(*xs)))

    assert mp.lint(loss, batch=(make(), *as_inputs(x, "float32"))) == []


@every_layer
def test_dtype_is_kept(make, x):
    for dtype in ("float16", "float32", "float64"):
        given = make().astype(dtype)(*as_inputs(x, dtype))
        assert {array.dtype for array in arrays(given)} == {np.dtype(dtype)}


# ── PyTorch ──────────────────────────────────────────────────────────────────────────────────────


def torch_branches(net, torch):
    if isinstance(net, nn.Residual):
        peer, named = torch_peer(net.layer, torch)
        return lambda x: x + peer(x), {f"layer.{key}": value for key, value in named.items()}
    peers, named = torch_peer(nn.Sequential(*net.layers), torch)
    combine = {"concat": lambda ys: torch.cat(ys, net.axis), "stack": lambda ys: torch.stack(ys, net.axis), "sum": sum}
    return lambda x: combine[net.combine]([peer(x) for peer in peers]), named


def torch_gated(net, torch):
    if net.gate == "sigmoid":
        return torch.nn.GLU(net.axis)

    def gated(x):
        value, gate = torch.chunk(x, 2, net.axis)
        return value * getattr(torch.nn.functional, net.gate)(gate)

    return gated


def torch_peer(net, torch):
    """The same layer in PyTorch, with the same weights, and its parameters by our names.

    In the place of a parameter that has another layout there stands a function that reads its gradient in ours.
    """
    name = type(net).__name__
    elsewhere = image_peers | transformer_peers | recurrent_peers
    if name in elsewhere:
        return elsewhere[name](net, torch)
    if name == "Sequential":
        peers = [torch_peer(layer, torch) for layer in net]
        named = {f"layers.{n}.{key}": value for n, (_, own) in enumerate(peers) for key, value in own.items()}
        return torch.nn.Sequential(*[peer for peer, _ in peers]), named
    if name in ("Residual", "Parallel"):
        return torch_branches(net, torch)
    if name == "Linear":
        peer = torch.nn.Linear(net.in_features, net.out_features, bias=net.bias is not None)
        peer.weight.data = torch.tensor(net.weight.numpy().T.copy())
        named = {"weight": peer.weight}
        if net.bias is not None:
            peer.bias.data = torch.tensor(net.bias.numpy().copy())
            named["bias"] = peer.bias
        return peer, named
    if name in ("Embedding", "PReLU"):
        sizes = (net.num_embeddings, net.features) if name == "Embedding" else (net.features,)
        peer = getattr(torch.nn, name)(*sizes)
        peer.weight.data = torch.tensor(net.weight.numpy().copy())
        return peer, {"weight": peer.weight}
    make = {
        "Flatten": torch.nn.Flatten,
        "LeakyReLU": lambda: torch.nn.LeakyReLU(net.slope),
        "ELU": lambda: torch.nn.ELU(net.alpha),
        "GELU": lambda: torch.nn.GELU(approximate="tanh" if net.approximate else "none"),
        "Softmax": lambda: torch.nn.Softmax(dim=net.axis),
        "LogSoftmax": lambda: torch.nn.LogSoftmax(dim=net.axis),
        "Softmin": lambda: torch.nn.Softmin(dim=net.axis),
        "GLU": lambda: torch_gated(net, torch),
        "Hardtanh": lambda: torch.nn.Hardtanh(net.low, net.high),
        "Softshrink": lambda: torch.nn.Softshrink(net.threshold),
        "Hardshrink": lambda: torch.nn.Hardshrink(net.threshold),
        "Threshold": lambda: torch.nn.Threshold(net.threshold, net.value),
        "CELU": lambda: torch.nn.CELU(net.alpha),  # which rounds 1/α to float32: ours is a power of 2
        # torch.nn.Hardsigmoid has a slope of 0.16666667, the sixth of float32, in float64 too.
        "Hardsigmoid": lambda: lambda x: torch.nn.functional.relu6(x + 3) / 6,
    }
    return make.get(name, getattr(torch.nn, name))(), {}


def flat(value):
    """Nested tuples of PyTorch's as a list."""
    return [one for item in value for one in flat(item)] if isinstance(value, tuple) else [value]


has_no_peer = (
    "Dropout", "ChannelDropout", "StochasticDepth", "AlphaDropout",  # test_nn_dropout.py
    "EmbedColumns", "Flatten-1", "SinusoidalPositions", "LearnedPositions", "MultiHeadAttention-2",
    "TransformerEncoderLayer-2", "TransformerDecoderLayer-2", "Outputs", "FinalOutput",
)  # fmt: skip
has_a_peer = [case for case in cases if not case.id.startswith(has_no_peer)]


@pytest.mark.parametrize(("make", "x"), has_a_peer)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-6)])
def test_values_and_gradients_agree_with_pytorch(make, x, dtype, tolerance):
    torch = pytest.importorskip("torch")
    net = make().astype(dtype)
    if drops(net):
        net.eval()
    peer, named = torch_peer(net, torch)
    if dtype == "float32":  # each layer inside rounds
        tolerance *= max(1, len({name.rpartition(".")[0] for name in net.parameters()}))
    xs = as_inputs(x, dtype)
    theirs_xs = [torch.tensor(x.numpy().copy(), requires_grad=x.dtype.kind == "f") for x in xs]
    theirs = flat(peer(*theirs_xs))
    draw = np.random.default_rng(1)
    weights = [draw.normal(size=tuple(one.shape)).astype(dtype) for one in theirs]
    sum((one * torch.tensor(weight)).sum() for one, weight in zip(theirs, weights, strict=True)).backward()

    ours, pullback = mp.vjp(lambda net, *xs: arrays(net(*xs)), net, *xs)
    gradients, *gradients_x = pullback([mp.asarray(weight) for weight in weights])
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other.detach(), rtol=tolerance, atol=tolerance)
    assert set(gradients) == set(named)
    for name, parameter in named.items():
        if callable(parameter):
            gradient = parameter()
        else:
            transposed = name.endswith("weight") and not isinstance(net, nn.Embedding)
            gradient = parameter.grad.numpy().T if transposed else parameter.grad.numpy()
        np.testing.assert_allclose(gradients[name], gradient, rtol=tolerance, atol=tolerance, err_msg=name)
    for gradient, theirs_x in zip(gradients_x, theirs_xs, strict=True):
        if theirs_x.requires_grad:
            np.testing.assert_allclose(gradient, theirs_x.grad, rtol=tolerance, atol=tolerance)


# ── Sequential ───────────────────────────────────────────────────────────────────────────────────


def test_sequential_is_a_sequence():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), mp.tanh)
    assert len(net) == 3
    assert list(net) == net.layers
    assert net[-1] is mp.tanh
    assert net[:2].layers == net.layers[:2]
    assert net[:1][0].weight is net[0].weight
    assert len(nn.Sequential()) == 0
    x = mp.asarray([1.0, 2.0])
    np.testing.assert_array_equal(net(x), mp.tanh(mp.relu(net[0](x))))


@pytest.mark.parametrize(
    ("given", "fix"),
    [(nn.ReLU, r"write ReLU\(\.\.\.\)"), ([nn.ReLU()], "unpack a list"), (3, "a layer, or")],
)
def test_sequential_takes_layers_only(given, fix):
    with pytest.raises(SettingError, match=f"argument 1 is (?s:.*){fix}"):
        nn.Sequential(nn.Tanh(), given)


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("shape", "fix"),
    [
        ((32, 65), "in_features=65"),
        ((32, 8, 8), r"put Flatten\(\) before it"),
        ((64, 32), "transpose the input"),
        ((), "give an array"),
    ],
)
def test_linear_says_what_it_takes_and_how_to_mend_it(shape, fix):
    with pytest.raises(ShapeError, match=fix) as caught:
        nn.Linear(64, 16)(mp.zeros(shape))
    assert caught.value.message == f"Linear(64, 16) takes (…, 64), given {shape}"
    assert caught.value.where.startswith("test_nn_layers.py:")


@pytest.mark.parametrize("wrong", [0, -1, 2.0, "3", None, True])
def test_features_are_positive_integers(wrong):
    for make in (nn.Linear, nn.Embedding):
        with pytest.raises(SettingError, match="is a positive integer, not"):
            make(wrong, 3)
        with pytest.raises(SettingError, match="is a positive integer, not"):
            make(3, wrong)


def test_features_may_be_integers_of_numpy():
    net = nn.Linear(np.int32(2), np.int64(3))
    assert repr(net) == "Linear(2, 3)"
    json.dumps(nn.describe(net))


@pytest.mark.parametrize(("given", "word"), [([0, 6], r"x\[1\] is 6"), ([[1], [-1]], r"x\[1, 0\] is -1")])
def test_embedding_names_the_code_that_it_has_no_row_for(given, word):
    with pytest.raises(DataError, match=r"Embedding\(6, 2\) has rows 0 to 5, but " + word):
        nn.Embedding(6, 2)(mp.asarray(given))


def test_embedding_takes_integers():
    with pytest.raises(DTypeError, match="takes integers, given f32"):
        nn.Embedding(6, 2)(mp.asarray([1.0]))


def test_flatten_takes_a_batch():
    with pytest.raises(MapletError, match="given a single number"):
        nn.Flatten()(1.0)


def test_integers_and_float64_meet_the_weights():
    layer = nn.Linear(2, 3)
    images = np.array([[0, 255]], dtype=np.uint8)
    assert layer(images).dtype == np.float32
    np.testing.assert_array_equal(layer(images), layer(images.astype("float32")))
    assert layer(images.astype("float64")).dtype == np.float64
