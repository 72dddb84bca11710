"""The loop: fit a network to data, watch it, stop it, keep it, and never lose a result."""

from __future__ import annotations

from maplet.train.callbacks import Callback, Checkpoint, EarlyStopping
from maplet.train.fit import fit
from maplet.train.rates import find_learning_rate
from maplet.train.run import Run, load, save

__all__ = ["Callback", "Checkpoint", "EarlyStopping", "Run", "find_learning_rate", "fit", "load", "save"]
