"""`audit`: whether a gradient that was derived and written by hand is right, and if not, why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.bilingual import require_language
from maplet.core.context import located
from maplet.errors import SettingError
from maplet.health.audit.causes import Cause
from maplet.health.audit.edits.bench import Bench
from maplet.health.audit.judging import judged
from maplet.health.audit.preparing import prepared, require_settings
from maplet.health.audit.program.calling import Subject
from maplet.health.audit.scripts import audit_script
from maplet.health.audit.verdict import Difference, Finding, Report, Verdict
from maplet.messages import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Bench", "Cause", "Difference", "Finding", "Report", "Subject", "Verdict", "audit", "audit_script"]


@located
def audit(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    *args: Any,
    loss: Callable[..., Any] | None = None,
    wrt: Sequence[str] | None = None,
    tolerance: float = 1e-5,
    seed: int = 0,
    language: str = "en",
) -> Report:
    """Compare gradients written by hand with the right ones, and name the cause where they differ.

    The program is recorded while it runs, in float64. The loss is differentiated by `mp.grad`; then the backward pass
    is edited, one small change after another (a sign, a factor 1/N, a local derivative, a transpose …), until its
    gradients are right. The edits that are needed are the faults; each is confirmed on other random inputs.

    Parameters
    ----------
    forward
        Gives the loss, alone or first of several (``loss, cache``). A function, or a bound method.
    backward
        Gives the gradients: several in order, a dict by name, or attributes of its object. What it is given is found
        by name among the arguments, variables and results of forward.
    *args
        The arguments of forward: NumPy arrays, or containers of them.
    loss
        Where forward gives a prediction, the function that makes the loss of it.
    wrt
        The names of the arguments that the gradients belong to, in order; found out by name and shape where not given.
    tolerance
        The largest error, relative to the largest entry of a gradient, of one that is right.
    seed
        Of the other random inputs.
    language
        Of the report: "en" or "zh".

    Raises
    ------
    GradientError
        If forward gives no loss, or differs from call to call; if it is not clear what a gradient belongs to; if the
        functions raise an error.

    Examples
    --------
    >>> import numpy as np
    >>> def forward(x, y, w):
    ...     return np.mean((x @ w - y) ** 2)
    >>> def backward(x, y, w):
    ...     return {"w": 2 * x.T @ (y - x @ w) / len(x)}
    >>> rng = np.random.default_rng(0)
    >>> report = audit(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=5), rng.normal(size=3))
    >>> bool(report), report.causes
    (False, frozenset({<Cause.SIGN: 'sign'>}))
    """
    require_language(language)
    tolerance, seed = require_settings(tolerance, seed)
    for name, function in {"forward": forward, "backward": backward, "loss": loss or np.sum}.items():
        if not callable(function):
            raise SettingError(
                f"audit: {name}={shown(function)}: expected a function", fix="audit(forward, backward, …)"
            )
    subject = Subject(forward, backward, args, loss, _names(wrt))
    return judged(*prepared(subject, tolerance, np.random.default_rng(seed)), language)


def _names(wrt: Any) -> tuple[str, ...] | None:
    """The names that the user gave."""
    if wrt is None:
        return None
    names = tuple(cast("Sequence[Any]", wrt)) if isinstance(wrt, list | tuple) else ()
    if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise SettingError(f"audit: wrt={shown(wrt)}: expected names of arguments, each once", fix="wrt=('W', 'b')")
    return names
