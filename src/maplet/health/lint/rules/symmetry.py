"""ML016: hidden units that begin equal and can never differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.health.lint.finding import Finding, in_layer, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.core.graph import Node
    from maplet.health.lint.subject import Subject

few = 8  # rows that tell whether it is worth to compare all of them


@rule("ML016", "hidden units that can never differ")
def symmetric_units(subject: Subject) -> Iterator[Finding]:
    """Units of a hidden layer have the same weights and get the same gradient, so that they stay one unit.

    With all weights 0, or all alike, every unit of a layer computes the same and is corrected in the same way; a layer
    of 64 units then learns what one could. Decided by the values: equal columns of a weight, with equal columns of its
    gradient on the batch. The last layer may begin with 0: its outputs are told apart by the targets.

    Leave ``weight_init`` as it is, or draw the weights at random.
    """
    if not subject.values:
        return
    hidden = _hidden(subject)
    for name, node in subject.parameters.items():
        gradient = subject.gradients.get(name)
        if gradient is None or node not in hidden or gradient.ndim < 2 or gradient.shape[-1] < 2:
            continue
        weight = subject.number(name)
        columns = [a.reshape(-1, a.shape[-1]) for a in (weight, gradient)]
        units = weight.shape[-1]
        if _kinds(columns[0][:few]) <= units // 2 >= (kinds := _kinds(np.concatenate(columns))):
            what = f"all {units} units" if kinds == 1 else f"the {units} units are {kinds} different ones:"
            yield Finding(
                f"{what} of {name} begin equal and get equal gradients: they stay one unit"
                if kinds == 1
                else f"{what} the others of {name} begin equal to one of them and get equal gradients",
                "draw the weights at random: weight_init='he_uniform' or 'glorot_uniform'; only biases begin with 0",
                in_layer(name.rpartition(".")[0]),
                {"units": units, "different": kinds},
            )


def _kinds(columns: np.ndarray[Any, Any]) -> int:
    """How many different columns there are."""
    return np.unique(columns, axis=1).shape[1]


def _hidden(subject: Subject) -> set[Node]:
    """The weights behind whose product there is another with weights."""
    found: set[Node] = set()
    later = subject.read.products
    for number, product in enumerate(later):
        made = subject.read.after([product.node])
        if any(other.data in made for other in later[number + 1 :]):
            found |= {subject.parameters[name] for name in subject.read.parameters_in(product.weights)}
    return found
