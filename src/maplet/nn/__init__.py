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
from maplet.nn.architecture import build, describe
from maplet.nn.combinators import Lambda, Parallel, Residual
from maplet.nn.dropout import AlphaDropout, ChannelDropout, Dropout, StochasticDepth
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
from maplet.nn.tabular import EmbedColumns

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "AlphaDropout",
    "ChannelDropout",
    "Dropout",
    "EmbedColumns",
    "Embedding",
    "Flatten",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "Lambda",
    "LeakyReLU",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "Module",
    "PReLU",
    "Parallel",
    "Parameter",
    "ReLU",
    "ReLU6",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "StochasticDepth",
    "Tanh",
    "Tanhshrink",
    "Threshold",
    "binary_cross_entropy",
    "binary_focal",
    "binary_hinge",
    "build",
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
    "poisson_likelihood",
    "quantile",
    "triplet",
]

if not TYPE_CHECKING:  # a checker would take it that every name is there

    def __getattr__(name: str) -> object:
        """Called for a name that is not there."""
        raise no_attribute("module 'maplet.nn'", name, for_nn)
