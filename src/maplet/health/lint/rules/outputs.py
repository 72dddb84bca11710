"""ML008 and ML011: what the end of a net says whatever it is given, and what is dropped there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.bilingual import Bilingual
from maplet.health.lint.finding import Finding, rule
from maplet.health.lint.opening import leave
from maplet.health.lint.reading import products
from maplet.health.lint.recognition import as_probability, by_element, moves, softmax_axis_length, source
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from maplet.core.graph import Node
    from maplet.health.lint.subject import Subject


@rule("ML008", "an output that is constant", "输出恒定不变")
@in_chinese(
    "无论输入是什么，网络的输出都一样。",
    "或者输出根本不依赖于输入；或者它是对一个数求的 softmax，恒为 1；或者这批样本的各行输出相同，而且没有权重得到梯"
    "度，因此会一直如此。",
    "只有一个输出时，请使用 `nn.binary_cross_entropy`（损失中已包含 sigmoid），而不要用 softmax。",
)
def constant_output(subject: Subject) -> Iterator[Finding]:
    """The net says the same whatever it is given.

    Its output does not depend on the input at all; or it is a softmax over one number, which is 1; or all rows of the
    batch get the same output and no weight gets a gradient, so that it will stay so.

    For one output take `nn.binary_cross_entropy`, whose sigmoid is in the loss, instead of a softmax.
    """
    inputs = subject.argument(1)
    for prediction in subject.predictions:
        squash = as_probability(source(prediction))
        if inputs and not set(inputs) & subject.read.before([prediction]):
            yield Finding(
                Bilingual("the output of the net does not depend on its input", "网络的输出与输入无关"),
                Bilingual("use x in forward", "在 forward 中使用 x"),
                subject.origin(prediction),
            )
        elif squash is not None and squash.kind == "softmax" and softmax_axis_length(squash) == 1:
            yield Finding(
                Bilingual(
                    "the softmax at the end is over one number, and so is always 1",
                    "末端的 softmax 只对一个数求，因此恒为 1",
                ),
                Bilingual(
                    "give the last layer one output per class, or for yes and no leave the softmax out and take "
                    "nn.binary_cross_entropy",
                    "让最后一层对每个类别各有一个输出；若是二分类，就去掉 softmax，使用 nn.binary_cross_entropy",
                ),
                subject.origin(squash.node),
            )
        else:
            yield from _stuck(subject, prediction)


def _stuck(subject: Subject, prediction: Node) -> Iterator[Finding]:
    """All rows give the same, and no weight moves."""
    out = subject.values.get(prediction)
    if out is None or out.ndim < 1 or len(out) < 2 or not (out == out[:1]).all():
        return
    given = [subject.values[node] for node in subject.argument(1) if node in subject.values]
    weights = {name: gradient for name, gradient in subject.gradients.items() if gradient.ndim > 1}
    drawn = [name for name in weights if np.ptp(subject.number(name))]
    differ = any((x != x[:1]).any() for x in given)
    if differ and drawn and not any(gradient.any() for gradient in weights.values()):
        yield Finding(
            Bilingual(
                f"all {len(out)} rows get the same output, and no weight gets a gradient",
                f"全部 {len(out)} 行的输出都相同，而且没有权重得到梯度",
            ),
            Bilingual(
                "look for activations that are all off or saturated: scale the inputs, begin with biases of 0",
                "检查激活函数是否全都未激活或饱和：缩放输入，偏置从 0 开始",
            ),
            subject.origin(prediction),
            {"rows": len(out), "weights": len(weights)},
        )


@rule("ML011", "dropout after the output layer", "输出层之后还有随机失活")
@in_chinese(
    "随机失活作用在输出本身上，其后再没有别的层。",
    "随机失活是为了让隐藏单元不互相依赖。被置为 0 的输出却只是错误的输出：这一步的损失反映的是掩码而不是网络，再怎么"
    "训练也不会变好。",
    "把 `nn.Dropout` 放在最后一个 `nn.Linear` 之前。",
)
def dropout_at_the_end(subject: Subject) -> Iterator[Finding]:
    """Outputs themselves are dropped, and no layer comes after that.

    Dropout makes hidden units do without each other. An output that is set to 0 is just wrong: the loss of that step
    speaks of the mask and not of the net, and no training makes it better.

    Put the `nn.Dropout` before the last `nn.Linear`.
    """
    waiting = list(subject.predictions)
    while waiting:
        node = waiting.pop()
        if _drops(subject, node):
            yield Finding(
                Bilingual("the outputs of the last layer are dropped", "随机失活作用在最后一层的输出上"),
                Bilingual("put the dropout before it", "把随机失活放在最后一层之前"),
                subject.origin(node),
            )
        else:
            waiting += _before(subject, node)


def _before(subject: Subject, node: Node) -> Sequence[Node]:
    """The step before, along moves, branches and functions of single numbers: back to the last layer."""
    squash = as_probability(node)
    if squash is not None:
        return [squash.logits]
    if node.primitive is leave:
        return node.inputs
    if node.primitive.name in products or not (moves(node) or by_element(node)):
        return ()
    on = [child for child in node.inputs if child in subject.read.with_parameters]
    return on if len(on) == 1 else ()


def _drops(subject: Subject, node: Node) -> bool:
    """Whether elements are multiplied or replaced by 0 at random."""
    random, trained = subject.read.random, subject.read.with_parameters
    if node.primitive.name == "where":
        return node.inputs[0] in random and node.inputs[0] not in trained
    if node.primitive.name != "multiply":
        return False
    masks = [child for child in node.inputs if child in random and child not in trained]
    return any(_is_mask(mask) for mask in masks)


def _is_mask(node: Node) -> bool:
    """Truth values as numbers, up to a factor."""
    while node.primitive.name in ("divide", "multiply", "astype", "broadcast_to"):
        if node.inputs[0].array_type.dtype.kind == "b":
            return True
        node = node.inputs[0]
    return False
