"""Which options mean something where: one table, and the one refusal that reads it. No option is ignored in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from maplet.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Collection

needs = {
    ("train", "target"): "a table",
    ("train", "task"): "a table",
    ("train", "categories"): "a table",
    ("train", "drop_missing"): "a table",
    ("train", "activation"): "hidden layers",
    ("train", "dropout"): "hidden layers",
    ("predict", "overwrite"): "a file of -o",
    ("audit", "arguments"): "functions",
    ("audit", "loss"): "functions",
    ("audit", "wrt"): "functions",
}
"""(command, option) → what it needs; an option that is not here means something always."""


def require_meaning(there: Collection[str], situation: str) -> None:
    """Refuse those options of the running command, as its user gave them, that would change nothing.

    Parameters
    ----------
    there
        What of the right-hand sides of `needs` there is.
    situation
        Why the others are missing, in words.

    Raises
    ------
    SettingError
        Naming the first option that would be ignored.
    """
    context = click.get_current_context()
    for parameter in context.command.params:
        name = str(parameter.name)
        needed = needs.get((str(context.command.name), name))
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and needed is not None and needed not in there:
            option = max(parameter.opts, key=len)
            raise SettingError(f"{option} belongs to {needed}, but {situation}", fix=f"leave {option} out")
