"""ML016: hidden units that begin equal and can never differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.bilingual import Bilingual
from maplet.health.lint.finding import Finding, in_layer, rule
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.core.graph import Node
    from maplet.health.lint.subject import Subject

few = 8  # rows that tell whether it is worth to compare all of them


@rule("ML016", "hidden units that can never differ", "永远相同的隐藏单元")
@in_chinese(
    "隐藏层的若干单元权重相同、梯度也相同，因此它们始终等同于一个单元。",
    "如果权重全为 0 或全都一样，同一层的每个单元就计算同样的结果，也得到同样的修正；64 个单元的层学到的只有一个单元"
    "所能学到的。判断依据是数值：权重有相同的列，且这些列在这批样本上的梯度也相同。最后一层可以从 0 开始：目标会"
    "使它的输出互不相同。",
    "保持 `weight_init` 的默认值，或随机初始化权重。",
)
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
            yield Finding(
                _message(name, units, kinds),
                Bilingual(
                    "draw the weights at random: weight_init='he_uniform' or 'glorot_uniform'; only biases begin "
                    "with 0",
                    "随机初始化权重：weight_init='he_uniform' 或 'glorot_uniform'；只有偏置从 0 开始",
                ),
                in_layer(name.rpartition(".")[0]),
                {"units": units, "different": kinds},
            )


def _message(name: str, units: int, kinds: int) -> Bilingual:
    if kinds == 1:
        return Bilingual(
            f"all {units} units of {name} begin equal and get equal gradients: they stay one unit",
            f"{name} 的全部 {units} 个单元初值相同、梯度也相同：它们始终等同于一个单元",
        )
    return Bilingual(
        f"of the {units} units of {name} only {kinds} are different: the others begin equal to one of these and get "
        "equal gradients",
        f"{name} 的 {units} 个单元中只有 {kinds} 个互不相同：其余单元与其中之一初值相同、梯度也相同",
    )


def _kinds(columns: np.ndarray[Any, Any]) -> int:
    """How many different columns there are."""
    return np.unique(columns, axis=1).shape[1]


def _hidden(subject: Subject) -> set[Node]:
    """The weights behind whose product there is another with weights."""
    products = subject.read.products
    last = subject.read.greatest_behind({product.data: number for number, product in enumerate(products)})
    return {
        subject.parameters[name]
        for number, product in enumerate(products)
        if last.get(product.node, number) > number
        for name in subject.read.parameters_in(product.weights)
    }
