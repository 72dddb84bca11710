"""Models: modules, layers, losses and initializers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.core.advice import for_nn, no_attribute
from maplet.core.array import Parameter
from maplet.nn import initializers
from maplet.nn.activations import (
    CELU,
    ELU,
    GELU,
    GLU,
    SELU,
    Hardshrink,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softmin,
    Softplus,
    Softshrink,
    Softsign,
    Tanh,
    Tanhshrink,
    Threshold,
)
from maplet.nn.adaptive_pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
)
from maplet.nn.architecture import build, describe
from maplet.nn.attention import attention, causal_mask, padding_mask
from maplet.nn.batch_normalization import BatchNorm, update_statistics
from maplet.nn.combinators import Lambda, Parallel, Residual
from maplet.nn.convolution import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from maplet.nn.dropout import AlphaDropout, ChannelDropout, Dropout, StochasticDepth
from maplet.nn.key_value_cache import DecoderCache, KeysAndValues, KeyValueCache
from maplet.nn.layers import Embedding, Flatten, Linear, Sequential
from maplet.nn.losses import (
    binary_cross_entropy,
    binary_focal,
    binary_hinge,
    contrastive,
    cosine,
    cross_entropy,
    ctc,
    dice,
    focal,
    gaussian_likelihood,
    hinge,
    huber,
    info_nce,
    kl_divergence,
    mae,
    mse,
    poisson_likelihood,
    quantile,
    triplet,
)
from maplet.nn.module import Module
from maplet.nn.multi_head import MultiHeadAttention
from maplet.nn.normalization import GroupNorm, InstanceNorm, LayerNorm, RMSNorm
from maplet.nn.online import OnlineState, online_gradient, online_start
from maplet.nn.pooling import (
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
)
from maplet.nn.positions import LearnedPositions, RotaryPositions, SinusoidalPositions
from maplet.nn.recurrent import GRU, LSTM, RNN
from maplet.nn.recurrent_cells import GRUCell, LSTMCell, RNNCell
from maplet.nn.recurrent_outputs import FinalOutput, Outputs
from maplet.nn.reparametrization import SpectralNorm, WeightNorm
from maplet.nn.tabular import EmbedColumns
from maplet.nn.transformer import TransformerDecoder, TransformerEncoder
from maplet.nn.transformer_layers import TransformerDecoderLayer, TransformerEncoderLayer

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "GRU",
    "LSTM",
    "RNN",
    "SELU",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AlphaDropout",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "BatchNorm",
    "ChannelDropout",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "DecoderCache",
    "Dropout",
    "EmbedColumns",
    "Embedding",
    "FinalOutput",
    "Flatten",
    "GRUCell",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "GroupNorm",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "InstanceNorm",
    "KeyValueCache",
    "KeysAndValues",
    "LSTMCell",
    "Lambda",
    "LayerNorm",
    "LeakyReLU",
    "LearnedPositions",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "Mish",
    "Module",
    "MultiHeadAttention",
    "OnlineState",
    "Outputs",
    "PReLU",
    "Parallel",
    "Parameter",
    "RMSNorm",
    "RNNCell",
    "ReLU",
    "ReLU6",
    "Residual",
    "RotaryPositions",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SinusoidalPositions",
    "Softmax",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "SpectralNorm",
    "StochasticDepth",
    "Tanh",
    "Tanhshrink",
    "Threshold",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
    "WeightNorm",
    "attention",
    "binary_cross_entropy",
    "binary_focal",
    "binary_hinge",
    "build",
    "causal_mask",
    "contrastive",
    "cosine",
    "cross_entropy",
    "ctc",
    "describe",
    "dice",
    "focal",
    "gaussian_likelihood",
    "hinge",
    "huber",
    "info_nce",
    "initializers",
    "kl_divergence",
    "mae",
    "mse",
    "online_gradient",
    "online_start",
    "padding_mask",
    "poisson_likelihood",
    "quantile",
    "triplet",
    "update_statistics",
]

if not TYPE_CHECKING:  # a checker would take it that every name is there

    def __getattr__(name: str) -> object:
        """Called for a name that is not there."""
        raise no_attribute("module 'maplet.nn'", name, for_nn)
