"""Models: modules, layers, losses and initializers."""

from __future__ import annotations

from maplet.core.array import Parameter
from maplet.nn import initializers
from maplet.nn.activations import ELU, GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from maplet.nn.architecture import build, describe
from maplet.nn.layers import Dropout, Embedding, Flatten, Linear, Sequential
from maplet.nn.losses import binary_cross_entropy, cross_entropy, huber, mae, mse
from maplet.nn.module import Module
from maplet.nn.tabular import EmbedColumns

__all__ = [
    "ELU",
    "GELU",
    "Dropout",
    "EmbedColumns",
    "Embedding",
    "Flatten",
    "LeakyReLU",
    "Linear",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "binary_cross_entropy",
    "build",
    "cross_entropy",
    "describe",
    "huber",
    "initializers",
    "mae",
    "mse",
]
