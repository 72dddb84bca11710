"""MD014: NaN and infinity, and where they began."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.core.tree import leaves
from maplet.health.doctor.diagnosis import Diagnosis, rule, sparkline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.health.doctor.course import Course
    from maplet.health.doctor.recorded import Given

out_of_bounds = 1e7  # times the usual size of a number of the data
had_grown = 20.0  # the loss, or the largest weight, before the end


@rule("MD014", "NaN or infinity")
def not_finite(course: Course) -> Iterator[Diagnosis]:
    """The loss or a weight became NaN or infinite. What is named is what came first.

    *The data*, where a number in it is ten million times as large as usual. *The learning rate*, where the loss, or the
    largest weight, had grown twentyfold before. Else *an operation*, the first that made such a number out of finite
    ones: the epoch is gone through again and its last two steps are looked at as by `mp.debug`. That needs a run whose
    steps were watched.
    """
    failure = course.failure
    if failure is None:
        return
    losses = [*course.steps("loss").tolist(), *failure.losses]
    finite = [abs(loss) for loss in losses if np.isfinite(loss)]
    first = float(np.median(finite[:3])) if finite else float("nan")
    growth = max((loss / first for loss in finite[-5:] if first > 0), default=1.0)
    place, size = _extreme(course.run.given)
    sure = 0.9
    made_by = f"; first {failure.made_by}" if failure.made_by else ""
    if size > out_of_bounds:
        cause = f"{place} holds a number that is {size:.0e} times as large as the others"
        advice = "look at this number; standardise the columns, and cut off what lies far outside"
    elif max(growth, failure.growth) > had_grown:
        cause = "the steps were too long and the loss ran away"
        advice = "a learning rate of a tenth or less, or a clipped gradient (clip_norm=1.0)"
    else:
        cause = "the operation has no finite value or derivative there" if made_by else "nothing led up to it"
        sure = 0.8 if made_by else 0.6
        advice = failure.fix or "run the step under mp.debug(): it names the operation; look for log, sqrt and division"
    yield Diagnosis(
        f"{failure.what}: {cause}{made_by}",
        advice,
        {"loss by the first": growth, "largest weight by before": failure.growth},
        sparkline([loss if np.isfinite(loss) else np.nan for loss in losses]),
        sure,
    )


def _extreme(given: Given | None) -> tuple[str, float]:
    """The part of the data with the most extreme number, and how large that is by the usual size."""
    worst = ("", 0.0)
    rows = None if given is None else given.training
    for name, tree in () if rows is None else (("x", rows.x), ("y", rows.y)):
        for leaf in leaves(tree).values():
            sizes = np.abs(np.asarray(leaf.numpy(), np.float64))
            usual = float(np.mean(sizes[sizes <= np.quantile(sizes, 0.99)])) if sizes.size else 0.0
            size = float(sizes.max()) / usual if usual > 0 else 0.0
            worst = max(worst, (f"the data {name}", size), key=lambda pair: pair[1])
    return worst
