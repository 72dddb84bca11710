"""`doctor`: what went wrong in a training run, read off what was measured of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from maplet.errors import SettingError
from maplet.health.doctor import rules as _rules
from maplet.health.doctor.course import Course
from maplet.health.doctor.diagnosis import Diagnosis, rules
from maplet.health.rules import Rule
from maplet.transforms.blas import one_blas_thread

if TYPE_CHECKING:
    from maplet.health.doctor.recorded import Recorded

# What is left out where its cause was found: a loss that climbs takes gradients and units with it, and where these no
# longer take part, the loss does not fall. No two may be left out for each other, or neither is said.
_moves = ("MD014", "MD017", "MD001")
follows_from = {
    "MD001": ("MD017",),
    "MD002": (*_moves, "MD015", "MD016", "MD018"),
    "MD003": (*_moves, "MD002", "MD006", "MD007", "MD008", "MD015", "MD018"),
    "MD004": (*_moves, "MD002", "MD006", "MD007", "MD008", "MD015", "MD016", "MD018", "MD019"),
    "MD005": (*_moves, "MD010"),
    "MD006": (*_moves, "MD007", "MD008", "MD015"),
    "MD007": (*_moves, "MD002", "MD018", "MD015"),
    "MD008": (*_moves, "MD002", "MD018", "MD015"),
    "MD009": (
        *_moves, "MD002", "MD003", "MD004", "MD006", "MD007", "MD008", "MD012", "MD013", "MD015", "MD016", "MD018",
        "MD019",
    ),
    "MD011": (*_moves, "MD004", "MD005"),
    "MD012": (
        *_moves, "MD002", "MD003", "MD004", "MD006", "MD007", "MD008", "MD010", "MD015", "MD016", "MD018", "MD019",
    ),
    "MD013": (*_moves, "MD002", "MD003", "MD004", "MD011", "MD015", "MD016", "MD018", "MD019"),
    "MD015": (*_moves[:1], "MD019"),
    "MD016": (*_moves[:1],),
    "MD014": ("MD001", "MD018"),
    "MD018": _moves[1:],
    "MD019": (*_moves, "MD018"),
}  # fmt: skip

# What speaks of a loss that stays where it is waits until half of the epochs are over.
waiting, half = ("MD003", "MD004", "MD006"), 0.5

__all__ = ["Diagnosis", "Rule", "doctor", "rules"]


def doctor(run: Recorded, *, closely: bool = True) -> list[Diagnosis]:
    """Look at a run that is over, or under way, and say what is wrong with it.

    The rules read the epochs' losses and the steps that were watched (``fit(watch=10)``). Of a run that `fit` returned
    they also ask the net about its training and validation rows, and try its optimizer; a run that `mp.load` read has
    no rows. They are few and want to be right: a run with which all is well gets no diagnosis.

    Parameters
    ----------
    run
        What `fit` returned or `mp.load` read, or the ``run`` of a `NonFiniteError`.
    closely
        Whether to ask the net and to try the optimizer, which takes up to a few seconds.

    Returns
    -------
    Diagnoses, the surest first.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import nn, optim
    >>> x = mp.random.Generator(0).normal((64, 3))
    >>> y = mp.sum(x, axis=1, keepdims=True)
    >>> run = mp.fit(nn.Linear(3, 1), (x, y), loss="mse", optimizer=optim.SGD(1e-7), watch=1, progress=False)
    >>> for diagnosis in mp.doctor(run):
    ...     print(diagnosis.code, diagnosis.verdict)
    MD003 the loss hardly moves: the steps are too short
    """
    if not isinstance(getattr(cast("Any", run), "history", None), list):
        raise SettingError(
            f"the doctor looks at a run, given {type(run).__name__}",
            fix="give what mp.fit returned, or mp.load(path)",
        )
    course = Course(run, closely=closely)
    with one_blas_thread():
        found = rules.said_of(course)
    found = [diagnosis for diagnosis in found if course.done >= half or diagnosis.code not in waiting]
    codes = {diagnosis.code for diagnosis in found}
    found = [diagnosis for diagnosis in found if not codes.intersection(follows_from.get(diagnosis.code, ()))]
    return sorted(found, key=lambda diagnosis: -diagnosis.confidence)


assert _rules  # noqa: S101  (importing them is what enters them into the registry)
