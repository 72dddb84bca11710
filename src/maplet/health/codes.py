"""The rules of the lint and of the doctor by their codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.errors import SettingError
from maplet.health.doctor import rules as of_doctor
from maplet.health.lint import rules as of_lint
from maplet.messages import suggest

if TYPE_CHECKING:
    from maplet.health.rules import Rule


def rule_of(code: str) -> Rule[Any, Any]:
    """The rule of a code.

    Parameters
    ----------
    code
        Such as ``"ML003"``, of the lint, or ``"MD002"``, of the doctor.

    Raises
    ------
    SettingError
        If there is none.

    Examples
    --------
    >>> print(rule_of("ML003").name)
    a softmax or sigmoid twice
    """
    known = {**of_lint, **of_doctor}
    if code not in known:
        raise SettingError(f"there is no rule {code}", fix=suggest(code, known, kind="rules"))
    return known[code]
