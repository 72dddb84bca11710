"""MD013 and MD017: steps that follow chance, or the past."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.errors import MapletError
from maplet.health.doctor.diagnosis import Diagnosis, rule, sparkline
from maplet.health.doctor.trial import Trial, most_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.health.doctor.course import Course

often_deaf, still_there = 0.3, 0.5


@rule("MD017", "stale gradients")
def stale_gradients(course: Course) -> Iterator[Diagnosis]:
    """The updates follow gradients of earlier steps, or the sum of all of them.

    Seen by trying a copy of the optimizer: its update has to answer to the gradient that it is given in the same step,
    and what it was given once has to fade. Momentum answers at once and fades as μᵏ; a gradient that is kept and never
    cleared does not fade, and one that is used a step too late is not answered. A run that was read from a directory has
    no optimizer to try.
    """
    optimizer = course.run.optimizer
    if course.given is None or optimizer is None or not course.run.history:
        return
    sizes = course.steps("gradient")
    size = float(np.median(sizes)) if len(sizes) and np.isfinite(sizes).all() else 1.0
    trial = Trial(course.run.net, optimizer, size or 1.0)
    if not 0 < trial.count <= most_parameters:
        return
    try:
        deaf, kept = trial.unanswered(), trial.kept()
    except MapletError:  # an optimizer that takes more than gradients cannot be tried
        return
    if deaf < often_deaf and kept < still_there:
        return
    late = deaf >= often_deaf
    yield Diagnosis(
        "the updates do not answer to the gradient of their step"
        if late
        else "the updates still follow gradients of long ago: they add up and are never cleared",
        "use the gradient that was taken at the parameters as they are, in the step in which it was taken"
        if late
        else "begin each step with new gradients, and do not add them to those before; momentum fades, a sum does not",
        {"steps not answered": deaf, "kept after many steps": kept},
        sparkline(course.steps("climb").tolist()),
        0.95,
    )
