"""Groups: other settings, rates or rules for some of the parameters, chosen by their names."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from operator import eq, ge, gt, le, lt
from typing import TYPE_CHECKING, Any, TypeAlias

from maplet.core.tree import leaves
from maplet.errors import SettingError
from maplet.optim.composite import Composite
from maplet.optim.described import register
from maplet.optim.optimizer import Optimizer
from maplet.optim.resuming import fresh
from maplet.optim.schedules import Scaled, Schedule
from maplet.optim.transformations import clip_by_norm
from maplet.settings import real

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from maplet.core.array import Array
    from maplet.optim.transformation import Arrays

    Choice: TypeAlias = str | Callable[[str, Array], bool]

by_axes = re.compile(r"axes *(<=|>=|==|<|>) *(\d+)")
comparisons = {"<": lt, "<=": le, "==": eq, ">": gt, ">=": ge}


@register
class Groups(Composite):
    """Several optimizers, each for some of the parameters: every parameter goes to the first group that it fits.

    It is saved with all that it holds where every choice is a string.

    Parameters
    ----------
    groups
        Choices and their optimizers, in order. A choice is one of three things.

        - A pattern of names: ``"layers.0.*"``, ``"*.bias"``, or several, ``"head.*|*.scale"``. ``*`` stands for any
          characters, ``?`` for one, ``[abc]`` for one of these.
        - A number of axes: ``"axes < 2"`` is every bias, and every scale and shift of a normalisation.
        - A function (name, parameter) → bool, which may look at shape and dtype.
    clip_norm
        Cut the gradient of all groups together to this length, before the groups do what they do; None leaves it.

    Raises
    ------
    SettingError
        If a parameter fits no group, or a pattern fits no parameter, frozen ones included: mostly a slip of the pen.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import nn, optim
    >>> net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    >>> optimizer = optim.Groups({
    ...     "axes < 2": optim.Adam(1e-3),
    ...     "layers.0.*": optim.SGD(0.1, momentum=0.9),
    ...     "*": optim.AdamW(1e-3, weight_decay=0.1),
    ... })  # fmt: skip
    >>> {choice: list(names) for choice, names in optimizer.shares(net.parameters()).items()}
    {'axes < 2': ['layers.0.bias', 'layers.1.bias'], 'layers.0.*': ['layers.0.weight'], '*': ['layers.1.weight']}
    """

    def __init__(self, groups: Mapping[Choice, Optimizer], *, clip_norm: float | None = None) -> None:
        if not isinstance(groups, dict) or not groups:
            raise SettingError(
                f"groups={groups!r}: expected a dict from patterns to optimizers",
                fix='such as optim.Groups({"*.bias": optim.SGD(0.1), "*": optim.Adam(1e-3)})',
            )
        for choice in groups:
            if not isinstance(choice, str) and not callable(choice):
                raise SettingError(f"groups: {choice!r} is neither a pattern nor a function of (name, parameter)")
        self.groups: dict[Choice, Optimizer] = dict(groups)
        self.clip_norm = None if clip_norm is None else real("clip_norm", clip_norm, above=0)
        super().__init__()

    def inner(self) -> list[Optimizer]:
        """The optimizers, in order."""
        return list(self.groups.values())

    def shares(self, parameters: Mapping[str, Array]) -> dict[Choice, Arrays]:
        """What belongs to each group, by name."""
        found: dict[Choice, Arrays] = {choice: {} for choice in self.groups}
        for name, parameter in parameters.items():
            choice = next((choice for choice in self.groups if fits(choice, name, parameter)), None)
            if choice is None:
                raise SettingError(
                    f"the parameter {name} fits no group; there are {', '.join(map(str, self.groups))}",
                    fix='let the last group take what is left: "*": optim.Adam(1e-3)',
                )
            found[choice][name] = parameter
        return found

    def init(self, target: Any) -> None:
        """Begin anew, for what `update` will be given."""
        every = leaves(target)
        for choice in self.groups:
            if isinstance(choice, str) and choice != "*" and not any(fits(choice, *item) for item in every.items()):
                raise SettingError(
                    f"the group {choice!r} fits no parameter", fix=f"their names are {', '.join(list(every)[:10])}"
                )
        super().init(target)

    def begin(self, parameters: Arrays) -> None:
        """An empty memory in each group."""
        super().begin(parameters)
        for choice, share in self.shares(parameters).items():
            self.groups[choice].begin(share)

    def move(self, parameters: Arrays, gradients: Arrays) -> None:
        """One step of every group that has something to move."""
        if self.clip_norm is not None:
            gradients, _ = clip_by_norm(self.clip_norm).update(gradients, {}, parameters)
        for choice, share in self.shares(parameters).items():
            if share:
                self.groups[choice].move(share, {name: gradients[name] for name in share})
        self.steps = self.steps + 1


def fits(choice: Choice, name: str, parameter: Array) -> bool:
    """Whether a parameter is of a choice.

    Examples
    --------
    >>> import maplet as mp
    >>> bias = mp.zeros((3,))
    >>> [fits(choice, "layers.0.bias", bias) for choice in ("*.weight|*.bias", "layers.1.*", "axes < 2")]
    [True, False, True]
    """
    if not isinstance(choice, str):
        return bool(choice(name, parameter))
    counted = by_axes.fullmatch(choice.strip())
    if counted:
        return comparisons[counted[1]](len(parameter.shape), int(counted[2]))
    return any(fnmatchcase(name, pattern.strip()) for pattern in choice.split("|"))


def without_decay(optimizer: Optimizer, choice: Choice = "axes < 2") -> Groups:
    """The same optimizer, but some parameters do not decay: those with fewer than two axes, if nothing else is said.

    That is every bias, and every scale and shift of a normalisation, which have no reason to be small.

    Examples
    --------
    >>> from maplet import optim
    >>> optim.without_decay(optim.AdamW(1e-3, weight_decay=0.1)).groups["axes < 2"].weight_decay
    0.0
    """
    _require_new(optimizer)
    spared = fresh(optimizer)
    for part in spared.parts():
        if not hasattr(part, "weight_decay"):
            raise SettingError(f"without_decay: {part!r} has no weight_decay", fix="pass the optimizer as it is")
        part.weight_decay = 0.0
    return Groups({choice: spared, "*": fresh(optimizer)})


def layerwise(optimizer: Optimizer, layers: Sequence[str], factor: float) -> Groups:
    """The same optimizer with a smaller rate in lower layers: α·factorᵏ for the k-th layer below the rest.

    For fine-tuning: what lies near the input is general, and changes least.

    Source: J. Howard, S. Ruder, "Universal language model fine-tuning for text classification", 2018.

    Parameters
    ----------
    optimizer
        Any optimizer that has not begun.
    layers
        Patterns of names, from the input upwards. What fits none has the full rate.
    factor
        How much smaller the rate is from layer to layer, > 0 and ≤ 1.

    Examples
    --------
    >>> from maplet import optim
    >>> optimizer = optim.layerwise(optim.Adam(1.0), ["layers.0.*", "layers.1.*"], factor=0.5)
    >>> {choice: group.current_learning_rate() for choice, group in optimizer.groups.items()}
    {'layers.0.*': 0.25, 'layers.1.*': 0.5, '*': 1.0}
    """
    _require_new(optimizer)
    factor = real("factor", factor, above=0, most=1)
    if isinstance(layers, str):
        raise SettingError(f"layers={layers!r}: expected a list of patterns", fix=f"[{layers!r}]")
    groups: dict[Choice, Optimizer] = {}
    for number, layer in enumerate(layers):
        groups[layer] = fresh(optimizer)
        for part in groups[layer].parts():
            smaller, rate = factor ** (len(layers) - number), part.learning_rate
            part.learning_rate = Scaled(rate, smaller) if isinstance(rate, Schedule) else rate * smaller
    return Groups(groups | {"*": fresh(optimizer)})


def _require_new(optimizer: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        raise SettingError(f"expected an optimizer, given {type(optimizer).__name__}", fix="such as optim.Adam(1e-3)")
    if optimizer.moved is not None:
        raise SettingError("the optimizer has begun already, with all parameters", fix="give a new one")
