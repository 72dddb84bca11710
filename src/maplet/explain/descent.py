"""One step of gradient descent as a mapping, θ ↦ θ − α∇J(θ): what it moves, what it promises, what it keeps.

To first order the loss falls by α‖∇J‖²: J(θ − α∇J) = J(θ) − α‖∇J‖² + α²/2 ∇Jᵀ H ∇J + … . The rest is the curvature.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.graph import Graph
from maplet.errors import SettingError
from maplet.explain.folding import norm
from maplet.explain.formula import Name, Row, Sign, equation, fenced, multiplied, row
from maplet.explain.print_text import text
from maplet.explain.symbols import number, number_of
from maplet.explain.words import say
from maplet.messages import shown
from maplet.settings import real
from maplet.transforms.evaluate import compute

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.explain.derivation import Derivation
    from maplet.explain.node import ExplainedNode

    Value = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Moved:
    """A parameter before and after: θ, −α∇J, θ′."""

    name: str
    before: Value
    change: Value
    after: Value


@dataclass(frozen=True)
class Descent:
    """One step of gradient descent.

    Parameters
    ----------
    learning_rate
        α.
    moved
        What happened to each parameter.
    held
        The names of the other inputs that have a gradient: they stay as they are.
    named
        Whether it was said what moves, by names or by parameters of modules; else every input moved.
    loss_before, loss_after
        J(θ) and J(θ′).
    predicted
        α‖∇J‖², by which the loss would fall were it linear.
    language
        Of `text`.
    """

    learning_rate: float
    moved: tuple[Moved, ...]
    held: tuple[str, ...]
    named: bool
    loss_before: float
    loss_after: float
    predicted: float
    language: str

    @property
    def real(self) -> float:
        """By how much the loss fell; negative where it rose."""
        return self.loss_before - self.loss_after

    def text(self) -> str:
        """As lines: each parameter with the numbers in, then the losses, and what was promised of it."""
        lines = [say("update", self.language), say("moved", self.language, ", ".join(one.name for one in self.moved))]
        lines += [say("held", self.language, ", ".join(self.held))] if self.held else []
        lines += [] if self.named or len(self.moved) == 1 else [say("all moved", self.language)]
        lines.append("")
        for one in self.moved:
            before, after = (number_of(value, Name("")) for value in (one.before, one.after))
            if before == Name(""):
                norms = (f"‖{name}‖ = {norm([value]):.6g}" for name, value in (("θ", one.before), ("α∇J", one.change)))
                lines.append(f"  {one.name}: {', '.join(norms)}, ‖θ′‖ = {norm([one.after]):.6g}")
                continue
            gradient = number_of(-one.change / self.learning_rate, Name(""))
            shift = row(number(self.learning_rate), "·", fenced(gradient, multiplied))
            moved = equation(Row((before, Sign("−"), shift)), after)
            lines.append(f"  {one.name} ↦ {text(moved)}")
        facts = (("loss before", self.loss_before), ("loss after", self.loss_after),
                 ("predicted", self.predicted), ("real", self.real))  # fmt: skip
        said = (say("headed", self.language, say(key, self.language), text(number(value))) for key, value in facts)
        return "\n".join([*lines, "", *(f"  {one}" for one in said)])


def descend(derivation: Derivation, learning_rate: float, names: Sequence[str] | None = None) -> Descent:
    """Take one step of gradient descent from where a derivation stands; nothing of the user's is changed.

    Parameters
    ----------
    derivation
        What `mp.explain` gave.
    learning_rate
        α > 0.
    names
        What is moved. By default the trainable parameters of modules; where there are none, every input that has a
        gradient, data among them, which `Descent.text` then says.

    Raises
    ------
    SettingError
        If the learning rate is not greater than 0, or a name is none of an input with a gradient.
    """
    derivation.require_whole("a step of gradient descent")
    learning_rate = real("learning_rate", learning_rate, above=0, fix="a step goes downhill, such as 0.1")
    chosen = chosen_leaves(derivation, names)
    after = {one.node: one.value - one.value.dtype.type(learning_rate) * one.cotangent for one in chosen}
    graph = derivation.backward
    forward = Graph(graph.inputs[:-1], (derivation.loss.node,), graph.origins)
    given = [after.get(leaf.node, leaf.value) for leaf in derivation.leaves]
    with np.errstate(all="ignore"):
        (loss,) = compute(forward, given)
    known = _with_gradient(derivation)
    held = tuple([leaf.name for leaf in known if leaf not in chosen])
    named = names is not None or any(leaf.origin.trainable for leaf in known)
    moved = tuple([Moved(one.name, one.value, after[one.node] - one.value, after[one.node]) for one in chosen])
    steepness = norm([one.cotangent for one in chosen]) or 0.0
    return Descent(
        learning_rate, moved, held, named, float(derivation.loss.value), float(loss), learning_rate * steepness**2,
        derivation.language,
    )  # fmt: skip


def chosen_leaves(derivation: Derivation, names: Sequence[str] | None) -> list[ExplainedNode]:
    """The inputs that are moved: those named; by default the trainable parameters, or else all with a gradient."""
    known = _with_gradient(derivation)
    if names is None:
        trainable = [leaf for leaf in known if leaf.origin.trainable]
        return trainable or known
    given: Any = names
    if not isinstance(given, list | tuple) or not all(isinstance(name, str) for name in cast("list[Any]", given)):
        fix = f"names=[{given!r}]" if isinstance(given, str) else 'such as names=["w", "b"]'
        raise SettingError(f"names={shown(given)}: expected a list of names", fix=fix)
    by_name = {leaf.name: leaf for leaf in known}
    for name in names:
        if name not in by_name:
            what = "is computed, and no input" if derivation[name].operation != "input" else "has no gradient"
            raise SettingError(f"names: {name} {what}", fix=f"one of {', '.join(by_name)}" if by_name else None)
    if not names:
        raise SettingError("names=[]: nothing is asked for", fix=f"one of {', '.join(by_name)}; or leave names out")
    return [by_name[name] for name in dict.fromkeys(names)]


def _with_gradient(derivation: Derivation) -> list[ExplainedNode]:
    return [leaf for leaf in derivation.leaves if leaf.cotangent is not None]
