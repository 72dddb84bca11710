"""Models: modules, layers, losses and initializers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.core.advice import for_nn, no_attribute
from maplet.core.array import Parameter
from maplet.nn import initializers
from maplet.nn.activations import ELU, GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from maplet.nn.adaptive_pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
    GlobalAvgPool,
    GlobalMaxPool,
)
from maplet.nn.architecture import build, describe
from maplet.nn.attention import attention, causal_mask, padding_mask
from maplet.nn.batch_normalization import BatchNorm
from maplet.nn.convolution import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from maplet.nn.key_value_cache import KeyValueCache
from maplet.nn.layers import Dropout, Embedding, Flatten, Linear, Sequential
from maplet.nn.losses import binary_cross_entropy, cross_entropy, huber, mae, mse
from maplet.nn.module import Module
from maplet.nn.multi_head import MultiHeadAttention
from maplet.nn.normalization import GroupNorm, InstanceNorm, LayerNorm, RMSNorm
from maplet.nn.online import OnlineState, online_gradient, online_start
from maplet.nn.pooling import AvgPool1d, AvgPool2d, AvgPool3d, MaxPool1d, MaxPool2d, MaxPool3d
from maplet.nn.positions import LearnedPositions, SinusoidalPositions, rotate
from maplet.nn.recurrent import GRU, LSTM, RNN
from maplet.nn.recurrent_cells import GRUCell, LSTMCell, RNNCell
from maplet.nn.recurrent_outputs import FinalOutput, Outputs
from maplet.nn.reparametrization import SpectralNorm, WeightNorm
from maplet.nn.tabular import EmbedColumns
from maplet.nn.transformer import (
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
)

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "BatchNorm",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Dropout",
    "EmbedColumns",
    "Embedding",
    "FinalOutput",
    "Flatten",
    "GRUCell",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "GroupNorm",
    "InstanceNorm",
    "KeyValueCache",
    "LSTMCell",
    "LayerNorm",
    "LeakyReLU",
    "LearnedPositions",
    "Linear",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "Module",
    "MultiHeadAttention",
    "OnlineState",
    "Outputs",
    "Parameter",
    "RMSNorm",
    "RNNCell",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SinusoidalPositions",
    "Softmax",
    "Softplus",
    "SpectralNorm",
    "Tanh",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
    "WeightNorm",
    "attention",
    "binary_cross_entropy",
    "build",
    "causal_mask",
    "cross_entropy",
    "describe",
    "huber",
    "initializers",
    "mae",
    "mse",
    "online_gradient",
    "online_start",
    "padding_mask",
    "rotate",
]

if not TYPE_CHECKING:  # a checker would take it that every name is there

    def __getattr__(name: str) -> object:
        """Called for a name that is not there."""
        raise no_attribute("module 'maplet.nn'", name, for_nn)
