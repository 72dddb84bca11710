"""MD006 and MD007: gradients that die out on the way back, and gradients that are mostly noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.health.doctor.course import late
from maplet.health.doctor.diagnosis import Diagnosis, rule, sparkline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.health.doctor.course import Course

unlike = 1e3  # the relative gradient of the first weight against that of the last


def _first_to_last(course: Course) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None:
    """Gradient by weight, of the first weight against the last, in each watched step."""
    if not course.tells or len(course.weights) < 3:
        return None
    first, *_, last = course.weights.values()
    with np.errstate(all="ignore"):
        return (first["gradient"] / first["norm"]) / (last["gradient"] / last["norm"])


@rule("MD006", "vanishing gradients")
def vanishing(course: Course) -> Iterator[Diagnosis]:
    """On the way back the gradient dies out: the first layers get a thousandth of what the last ones get, or less."""
    share = _first_to_last(course)
    if share is not None and float(np.mean(share < 1 / unlike)) >= 0.8:
        yield Diagnosis(
            "the gradient vanishes on the way to the first layers",
            "ReLU instead of sigmoid or tanh, with he_uniform; residual connections; a normalization between layers",
            {"first/last": float(np.median(share))},
            sparkline(np.log10(np.maximum(share, 1e-30)).tolist()),
            0.9,
            next(iter(course.weights)).rpartition(".")[0],
        )


@rule("MD007", "a batch that is too small")
def too_small_a_batch(course: Course) -> Iterator[Diagnosis]:
    """From the first steps on, when the way is clear, the gradient of a batch is nearly all noise.

    tr(Σ)/‖G‖² is the batch size at which noise and gradient are of one size; it grows as training comes to its end, so
    only the first third is looked at.
    """
    if not course.tells:
        return
    third = slice(0, max(len(course.watched) // 3, 4))
    noise, signal, rows = (course.steps(name)[third] for name in ("noise", "signal", "rows"))
    mean = float(np.mean(signal))
    if not np.isfinite(noise).all() or rows[0] < 2 or float(np.mean(noise)) <= 0:
        return
    scale = float(np.mean(noise)) / mean if mean > 0 else float("inf")
    loss = course.steps("loss")
    if scale > 100 * rows[0] and late(loss) > 0.8 * float(np.median(loss[third])):
        known = np.isfinite(scale)
        yield Diagnosis(
            f"a batch of {int(rows[0])} rows is too small: its gradient is nearly all noise",
            ("a larger batch, up to " + (f"about {scale:.1g} rows" if known else "ten times as many rows and more"))
            + ", or a lower learning rate",
            {"noise": float(np.mean(noise)), "signal": mean, "batch": float(rows[0])},
            sparkline(loss.tolist()),
            0.6,
        )
