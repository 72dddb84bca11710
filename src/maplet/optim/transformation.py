"""What is done to a gradient before it is taken times the learning rate, as two pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from maplet.errors import SettingError
from maplet.messages import shown
from maplet.ops.creation import zeros_like

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.core.array import Array

    Arrays: TypeAlias = dict[str, Array]

begin_anew = "after a setting that needs a memory was switched on, call optimizer.init(net)"


@dataclass(frozen=True)
class Transformation:
    """A mapping from gradients to updates that may remember something from step to step.

    Everything is written in maplet operations, and no value of an array is ever looked at, so that the forward pass,
    the gradient and the update can become one graph.

    Parameters
    ----------
    init
        Parameters by name → state: a tree of arrays (lists and dicts), made anew.
    update
        (gradients, state, parameters) → (updates, new state); gradients, parameters and updates are dicts with the
        same names, shapes and dtypes. Nothing given is modified.
    rests
        Whether it treats each element by itself, and one whose gradient is 0 rests: its update is 0, and what is
        remembered of it stays. Of a table of which a step looks up some rows, only these are then moved.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> sign = optim.Transformation(lambda parameters: {}, lambda g, state, _: ({n: mp.sign(g[n]) for n in g}, state))
    >>> sign.update({"w": mp.asarray([-3.0, 2.0])}, {}, {})[0]
    {'w': Array([-1.,  1.], dtype=float32)}
    """

    init: Callable[[Arrays], Any]
    update: Callable[[Arrays, Any, Arrays], tuple[Arrays, Any]]
    rests: bool = False


def chain(*transformations: Transformation) -> Transformation:
    """One after the other: the updates of each are the gradients of the next. Its state is the list of theirs.

    Raises
    ------
    SettingError
        If the state belongs to another chain, because settings have come or gone since it was made.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> halved_and_cut = optim.chain(optim.scale(0.5), optim.clip_by_value(1.0))
    >>> state = halved_and_cut.init({"w": mp.zeros((2,))})
    >>> halved_and_cut.update({"w": mp.asarray([1.0, 6.0])}, state, {"w": mp.zeros((2,))})[0]
    {'w': Array([0.5, 1. ], dtype=float32)}
    """
    for transformation in transformations:
        if not isinstance(cast("Any", transformation), Transformation):
            raise SettingError(
                f"chain is made of transformations, given {shown(transformation)}",
                fix="optim.chain(optim.clip_by_norm(1.0), optim.scale_by_adam())",
            )

    def init(parameters: Arrays) -> list[Any]:
        return [transformation.init(parameters) for transformation in transformations]

    def update(gradients: Arrays, state: list[Any], parameters: Arrays) -> tuple[Arrays, list[Any]]:
        if len(state) != len(transformations):
            raise SettingError(
                f"the optimizer's state is that of {len(state)} transformations, now there are {len(transformations)}",
                fix=begin_anew,
            )
        new: list[Any] = []
        for transformation, own in zip(transformations, state, strict=True):
            gradients, own = transformation.update(gradients, own, parameters)  # noqa: PLW2901  (handed on, as the chain has it)
            new.append(own)
        return gradients, new

    return Transformation(init, update, all(transformation.rests for transformation in transformations))


def stateless(change: Callable[[Arrays, Arrays], Arrays], *, rests: bool = False) -> Transformation:
    """A transformation that remembers nothing: (gradients, parameters) → updates.

    Examples
    --------
    >>> import maplet as mp
    >>> stateless(lambda gradients, _: {n: -g for n, g in gradients.items()}).update({"w": mp.asarray(2.0)}, {}, {})
    ({'w': Array(-2.)}, {})
    """
    return Transformation(
        lambda _: {}, lambda gradients, state, parameters: (change(gradients, parameters), state), rests
    )


identity = stateless(lambda gradients, _: gradients, rests=True)
"""What stands in a chain for a transformation that is switched off."""


def recall(state: dict[str, Arrays], memory: str) -> Arrays:
    """One of the memories in a state, if it was there from the beginning.

    Raises
    ------
    SettingError
        If the setting that needs it was switched on later.
    """
    if memory not in state:
        raise SettingError(
            f"the optimizer's state has no {memory}: it was made when the setting that needs it was off", fix=begin_anew
        )
    return state[memory]


def zeros_beside(parameters: Arrays) -> Arrays:
    """A zero for every element of every parameter: how most memories begin."""
    return {name: zeros_like(parameter) for name, parameter in parameters.items()}


def partition(choose: Callable[[str, Array], str], parts: dict[str, Transformation]) -> Transformation:
    """Different rules for different parameters: each goes through the part that is chosen for it.

    Parameters
    ----------
    choose
        (name, parameter) → the name of a part; what it looks at must not be a value.
    parts
        The transformations, by the name of their part. Each sees its own parameters only.

    Raises
    ------
    SettingError
        If there is no part of the name that was chosen.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> parts = {"vectors": optim.scale(2.0), "others": optim.clip_by_value(0.5)}
    >>> rule = partition(lambda _, parameter: "vectors" if len(parameter.shape) == 1 else "others", parts)
    >>> net = {"a": mp.asarray(1.0), "b": mp.asarray([1.0])}
    >>> rule.update(net, rule.init(net), net)[0]
    {'a': Array(0.5), 'b': Array([2.], dtype=float32)}
    """

    def of(part: str, arrays: Arrays, parameters: Arrays) -> Arrays:
        return {name: arrays[name] for name, parameter in parameters.items() if choose(name, parameter) == part}

    def init(parameters: Arrays) -> dict[str, Any]:
        for name, parameter in parameters.items():
            part = choose(name, parameter)
            if part not in parts:
                raise SettingError(
                    f"partition: there is no part {part!r} for {name}; there are {', '.join(parts)}",
                    fix="let the function give one of these names",
                )
        return {part: rule.init(of(part, parameters, parameters)) for part, rule in parts.items()}

    def update(gradients: Arrays, state: dict[str, Any], parameters: Arrays) -> tuple[Arrays, dict[str, Any]]:
        updates: Arrays = {}
        new: dict[str, Any] = {}
        for part, rule in parts.items():
            own, new[part] = rule.update(of(part, gradients, parameters), state[part], of(part, parameters, parameters))
            updates |= own
        return {name: updates[name] for name in gradients}, new

    return Transformation(init, update)
