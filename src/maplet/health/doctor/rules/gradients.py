"""MD006: gradients that die out on the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.health.doctor.course import early, late
from maplet.health.doctor.diagnosis import Diagnosis, rule, sparkline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.health.doctor.course import Course

unlike = 1e4  # the relative gradient of the first weight against that of the last


def _first_to_last(course: Course) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None:
    """Gradient by weight, of the first weight against the last, in each watched step."""
    if not course.tells or len(course.weights) < 3:
        return None
    first, *_, last = course.weights.values()
    with np.errstate(all="ignore"):
        return (first["gradient"] / first["norm"]) / (last["gradient"] / last["norm"])


@rule("MD006", "vanishing gradients")
def vanishing(course: Course) -> Iterator[Diagnosis]:
    """On the way back the gradient dies out, and the loss stays.

    Measured by their weights, the first layers get a ten-thousandth of the gradient of the last ones, or less.
    """
    share = _first_to_last(course)
    loss = course.steps("loss")
    stays = course.tells and late(loss) > 0.8 * early(loss)
    if share is not None and stays and float(np.mean(share < 1 / unlike)) >= 0.8:
        yield Diagnosis(
            "the gradient vanishes on the way to the first layers",
            "ReLU instead of sigmoid or tanh, with he_uniform; residual connections; a normalization between layers",
            {"first/last": float(np.median(share))},
            sparkline(np.log10(np.maximum(share, 1e-30)).tolist()),
            0.9,
            next(iter(course.weights)).rpartition(".")[0],
        )
