"""Gradient descent and its variants: optimizers, the transformations that they are made of, and schedules.

::

    gradient ──chain of transformations──▶ update ──times the learning rate──▶ parameters
                 clip · decay · scale_by_…            schedule(step) ↦ rate        θ ← θ − α·u

``optim.Adam(1e-3)`` is a chain with a name. `register` and `build` make an optimizer of what ``describe`` gave;
``state_dict`` with the leaves of an optimizer is all that a run needs in order to go on.
"""

from typing import TYPE_CHECKING

from maplet.core.advice import for_optim, no_attribute
from maplet.optim.adadelta import Adadelta, scale_by_adadelta
from maplet.optim.adafactor import Adafactor, scale_by_adafactor
from maplet.optim.adagrad import Adagrad, scale_by_adagrad
from maplet.optim.adam import Adam, AdamW, scale_by_adam
from maplet.optim.adamax import Adamax, scale_by_adamax
from maplet.optim.averaged import Averaged
from maplet.optim.averages import Average, Averaging, ExponentialAverage
from maplet.optim.described import build, register, registry
from maplet.optim.groups import Groups, layerwise, without_decay
from maplet.optim.lamb import LAMB, scale_by_trust_ratio
from maplet.optim.lbfgs import LBFGS
from maplet.optim.lion import Lion, scale_by_lion
from maplet.optim.lookahead import Lookahead
from maplet.optim.muon import Muon, orthogonalize
from maplet.optim.nadam import Nadam, scale_by_nadam
from maplet.optim.optimizer import Chain, Optimizer
from maplet.optim.plateau import ReduceOnPlateau
from maplet.optim.radam import RAdam, scale_by_radam
from maplet.optim.rmsprop import RMSprop, scale_by_rms
from maplet.optim.rprop import Rprop, scale_by_rprop
from maplet.optim.sam import SAM, sam
from maplet.optim.schedules import (
    Constant,
    Cosine,
    Exponential,
    InverseRoot,
    InverseTime,
    OneCycle,
    Scaled,
    Schedule,
    Step,
    Warmup,
)
from maplet.optim.sgd import SGD
from maplet.optim.transformation import Transformation, chain, partition, stateless
from maplet.optim.transformations import clip_by_norm, clip_by_value, decay_weights, momentum, scale

__all__ = [
    "LAMB",
    "LBFGS",
    "SAM",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Average",
    "Averaged",
    "Averaging",
    "Chain",
    "Constant",
    "Cosine",
    "Exponential",
    "ExponentialAverage",
    "Groups",
    "InverseRoot",
    "InverseTime",
    "Lion",
    "Lookahead",
    "Muon",
    "Nadam",
    "OneCycle",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "ReduceOnPlateau",
    "Rprop",
    "Scaled",
    "Schedule",
    "Step",
    "Transformation",
    "Warmup",
    "build",
    "chain",
    "clip_by_norm",
    "clip_by_value",
    "decay_weights",
    "layerwise",
    "momentum",
    "orthogonalize",
    "partition",
    "register",
    "registry",
    "sam",
    "scale",
    "scale_by_adadelta",
    "scale_by_adafactor",
    "scale_by_adagrad",
    "scale_by_adam",
    "scale_by_adamax",
    "scale_by_lion",
    "scale_by_nadam",
    "scale_by_radam",
    "scale_by_rms",
    "scale_by_rprop",
    "scale_by_trust_ratio",
    "stateless",
    "without_decay",
]

if not TYPE_CHECKING:  # a checker would take it that every name is there

    def __getattr__(name: str) -> object:
        """Called for a name that is not there."""
        raise no_attribute("module 'maplet.optim'", name, for_optim)
