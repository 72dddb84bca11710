"""ML020: logits that are cut off at 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.bilingual import Bilingual
from maplet.health.lint.finding import Finding, rule
from maplet.health.lint.recognition import is_relu, possible_sources
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.health.lint.subject import Subject

of_loss = ("log_softmax", "softplus")


@rule("ML020", "logits that are cut off", "被截断的对数几率")
@in_chinese(
    "网络的最后一步是 ReLU，而损失接受对数几率。",
    "对数几率（logits）可以是任意实数；ReLU 把其中的负数变成 0。这样，二分类的概率不会小于 1/2；多分类时，一旦某个类"
    "别对所有行都为 0，它就不再得到梯度。训练照常进行，但结果更差。",
    "去掉最后一个线性层之后的激活函数。",
)
def cut_off(subject: Subject) -> Iterator[Finding]:
    """The net ends in a ReLU, and the loss takes logits.

    Logits are any real numbers, and a ReLU makes 0 of the negative ones. Then the probability of two classes cannot
    fall below 1/2, and of several, one that is 0 for every row gets no gradient any more. Training goes on, to a worse
    end.

    Leave out the activation behind the last linear layer.
    """
    ends = {behind for node in subject.predictions for behind in possible_sources(node)}
    for squash in subject.read.squashes:
        for behind in possible_sources(squash.logits):
            if squash.kind in of_loss and behind in ends and is_relu(behind):
                yield Finding(
                    Bilingual(
                        "the loss takes logits, any real numbers, but the net ends in a ReLU, which has none below 0",
                        "损失接受对数几率，即任意实数，而网络以 ReLU 结尾，它没有小于 0 的值",
                    ),
                    Bilingual("leave out the last activation", "去掉最后一个激活函数"),
                    subject.origin(behind),
                )
                return
