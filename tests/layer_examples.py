"""Every layer with every option that changes what it computes, and an input for it: what the laws of layers go over."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.core.tree import leaves
from maplet.nn.activations import smooth, straight
from maplet.nn.module import built_in

random = np.random.default_rng(0)
matrix = random.normal(size=(5, 4))
images = random.normal(size=(3, 6, 4))
series = random.normal(size=(2, 9, 4))
pictures = random.normal(size=(2, 7, 6, 4))
volumes = random.normal(size=(2, 4, 5, 3, 2))
codes = np.array([[0, 2], [5, 2]])
sequences = random.normal(size=(3, 4, 2))
table = np.column_stack([random.normal(size=(4, 2)), [0, 2, 1, 2]])
memories = random.normal(size=(3, 3, 4))
between = np.array([0.0, 0.0, 0.25])  # a code is a step function of its input: differences are taken inside a step

spread = nn.initializers.Normal(0.5, 1.0)


def grouped():
    """Attention with everything that is not the default."""
    return nn.MultiHeadAttention(
        4, 2, key_value_heads=1, positions=nn.RotaryPositions(100.0), dropout=0.3, weight_init="glorot_normal"
    )


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
        (lambda: nn.LearnedPositions(6, 4), images),
        (lambda: nn.LearnedPositions(7, 4, weight_init="normal"), matrix),
    ],
    "RotaryPositions": [(nn.RotaryPositions, images), (lambda: nn.RotaryPositions(10.0), pictures)],
    "MultiHeadAttention": [
        (lambda: nn.MultiHeadAttention(4, 2), images),
        (
            lambda: nn.MultiHeadAttention(4, 2, bias=False, weight_init="glorot_normal"),
            (images, matrix[None].repeat(3, 0)),
        ),
        (
            lambda: nn.MultiHeadAttention(4, 2, key_value_heads=1, positions=nn.RotaryPositions(), dropout=0.3),
            images,
        ),
    ],
    "TransformerEncoderLayer": [
        (lambda: nn.TransformerEncoderLayer(4, 2, norm_first=False, activation="relu"), images),
        (lambda: nn.TransformerEncoderLayer(4, 1, hidden_features=3), images),
        (lambda: nn.TransformerEncoderLayer(4, 2, bias=False, weight_init="he_normal"), images),
        (lambda: nn.TransformerEncoderLayer(4, grouped(), dropout=0.3), matrix),
    ],
    "TransformerDecoderLayer": [
        (lambda: nn.TransformerDecoderLayer(4, 2, norm_first=False, hidden_features=3), (images, memories)),
        (lambda: nn.TransformerDecoderLayer(4, 2), (images, memories)),
        (lambda: nn.TransformerDecoderLayer(4, 2, bias=False, weight_init="he_normal"), (images, images[:, :1])),
        (lambda: nn.TransformerDecoderLayer(4, grouped(), dropout=0.3), (matrix, matrix[:2])),
    ],
    "TransformerEncoder": [
        (lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 1), nn.TransformerEncoderLayer(4, 2)), images),
        (lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 1), norm=nn.LayerNorm(4)), images),
    ],
    "TransformerDecoder": [
        (
            lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 1), norm=nn.LayerNorm(4)),
            (images, memories),
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
    "RNNCell": [
        (lambda: nn.RNNCell(4, 3), (matrix, matrix[:, 1:])),
        (lambda: nn.RNNCell(4, 3, activation="relu", rng=0), matrix),
    ],
    "LSTMCell": [(lambda: nn.LSTMCell(4, 3, bias_init="normal"), matrix), (lambda: nn.LSTMCell(4, 3), matrix[0])],
    "GRUCell": [
        (lambda: nn.GRUCell(4, 3, bias_init="normal"), (matrix, matrix[:, 1:])),
        (lambda: nn.GRUCell(4, 3), matrix[0]),
    ],
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


def is_quick(identity):
    """Whether a law that takes long is quick for an example.

    It is for the first of each layer; but of kin in one, two and three dimensions for the second, of layers by elements
    for a few, and not for stacks of layers that are examples themselves.
    """
    name, _, number = identity.partition("-")
    kin = name.endswith(("1d", "3d"))
    by_elements = built_in[name].__module__ in (smooth.__name__, straight.__name__)
    stack = name in ("TransformerEncoder", "TransformerDecoder", "Outputs")
    return number == "0" and not kin and not stack and (not by_elements or name in ("ReLU", "GELU", "PReLU"))


every_layer_in_time = pytest.mark.parametrize(
    ("make", "x"),
    [case if is_quick(case.id) else pytest.param(*case.values, id=case.id, marks=pytest.mark.slow) for case in cases],
)


# Of each array this many elements are moved for a central difference: a sample quickly, all of them slowly.
some_elements = pytest.mark.parametrize("most", [16, pytest.param(200, marks=pytest.mark.slow)])


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
