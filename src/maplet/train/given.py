"""What a finished run of the command line learned from, for the doctor to ask the network about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.health.doctor.recorded import Given
from maplet.nn.losses import losses
from maplet.train.inputs import as_samples, compute_dtype

if TYPE_CHECKING:
    from maplet.nn import Module
    from maplet.train.problems import Problem


def given_of(net: Module, problem: Problem, loss: str, batch_size: int) -> Given:
    """The rows of a run, as they were split, and the loss by its name."""
    dtype = compute_dtype(net)
    training, validation = (as_samples(part, dtype, "job", quiet=True) for part in (problem.train, problem.validation))
    return Given(training, validation, losses[loss], batch_size, problem.preprocessing.columns)
