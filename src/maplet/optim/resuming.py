"""What remembers something of a network: its settings as JSON and its memory as arrays, to go on from exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from maplet.core.array import Array, Parameter, assign
from maplet.core.tree import leaves, misfits, replace
from maplet.errors import CheckpointError, ShapeError
from maplet.optim.described import Described, build

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from maplet.optim.transformation import Arrays


class Resumable(Described):
    """The base of optimizers and averages: a subclass says in `take_form` what memory `load_state_dict` is to fill."""

    called: ClassVar[str] = "optimizer"
    """What errors call it."""

    def take_form(self, other: Any) -> None:
        """Hold a memory of the form of another's."""
        raise NotImplementedError(f"{type(self).__name__} has no take_form method")

    def state_dict(self) -> dict[str, Any]:
        """The settings as they are now, for JSON. The arrays beside them are ``leaves(optimizer)``."""
        return self.describe()

    def load_state_dict(self, settings: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        """Go on exactly where another one stood. Nothing is changed unless everything fits.

        Parameters
        ----------
        settings
            What `state_dict` gave.
        arrays
            Its leaves by name, as arrays of maplet or NumPy.

        Raises
        ------
        CheckpointError
            If the settings belong to another class, or an array is missing, unexpected or of another type.

        Examples
        --------
        >>> import maplet as mp
        >>> from maplet import optim
        >>> from maplet.core.tree import leaves
        >>> x, old, new = mp.asarray(3.0), optim.Adam(0.1), optim.Adam()
        >>> old.update(x, 1.0)
        >>> new.init(x)
        >>> new.load_state_dict(old.state_dict(), leaves(old))
        >>> new.current_learning_rate(), new.steps
        (0.1, Array(1, dtype=int64))
        """
        if settings.get("type") != type(self).__name__:
            raise CheckpointError(
                f"what was saved is the state of {settings.get('type')}, this is {type(self).__name__}"
            )
        twin: Self = build(settings)
        twin.take_form(self)
        own, given = leaves(twin), {name: Array(value) for name, value in arrays.items()}
        problems = misfits(own, given)
        if problems:
            raise CheckpointError(
                f"the saved state does not fit this {type(self).__name__}:\n  " + "\n  ".join(problems[:10]),
                fix=f"call {self.called}.init(net) first, with the network that it was saved for",
            )
        for name, leaf in own.items():
            assign(leaf, given[name])
        for name, value in vars(twin).items():
            setattr(self, name, value)


def types_of(parameters: Arrays) -> dict[str, str]:
    """The type of every parameter, by which it is known again."""
    return {name: str(parameter.type) for name, parameter in parameters.items()}


def require_same(before: dict[str, str] | None, parameters: Arrays, called: str) -> None:
    """Refuse parameters that are not those that a memory was made for.

    Raises
    ------
    ShapeError
        Names those that are new, gone, or of another type.
    """
    before, now = before or {}, types_of(parameters)
    if before == now:
        return
    changes = [
        f"{name} was {before[name]}, now {now[name]}" for name in now if before.get(name, now[name]) != now[name]
    ]
    changes += [f"{name} {now[name]} is new" for name in now if name not in before]
    changes += [f"{name} {before[name]} is gone or frozen" for name in before if name not in now]
    raise ShapeError(
        f"the parameters are not those that this {called} has moved so far: " + "; ".join(changes[:5]),
        fix=f"use one {called} for each model; {called}.init(net) begins anew, with an empty memory",
    )


def fresh(tree: Any) -> Any:
    """The same tree with handles and objects of its own, on the same values."""

    def copy(leaf: Any) -> Any:
        if isinstance(leaf, Parameter):
            return Parameter(leaf, trainable=leaf.trainable)
        return Array(leaf) if isinstance(leaf, Array) else leaf

    return replace(tree, copy)
