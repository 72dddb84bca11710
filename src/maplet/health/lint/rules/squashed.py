"""ML003: numbers that are squashed into probabilities twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.bilingual import Bilingual
from maplet.health.lint.finding import Finding, rule
from maplet.health.lint.recognition import as_probability, possible_sources
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.health.lint.subject import Subject

of_loss = ("log_softmax", "softplus")


@rule("ML003", "a softmax or sigmoid twice", "重复使用 softmax 或 sigmoid")
@in_chinese(
    "把概率当成对数几率（logits），又作了一次 softmax 或 sigmoid。",
    "`nn.cross_entropy` 等损失接受对数几率，即任意实数，并自行计算 softmax。如果给它的是 0 到 1 之间的概率 p，"
    "softmax(p) 就落在 1/(1 + (C−1)·e) 与 e/(e + C − 1) 之间：损失降不到 0，梯度也很小。训练照常进行，但更慢、结"
    "果更差，而且没有任何报错。",
    "使用 `nn.cross_entropy` 时，去掉 `nn.Sequential(…, nn.Linear(64, 10), nn.Softmax())` 的最后一层；预测时再取 "
    "`mp.softmax(net(x))`。",
)
def squashed_twice(subject: Subject) -> Iterator[Finding]:
    """Probabilities are taken for logits, and squashed a second time.

    Losses such as `nn.cross_entropy` take logits, any real numbers, and apply the softmax themselves. Given
    probabilities p from 0 to 1, softmax(p) lies between 1/(1 + (C−1)·e) and e/(e + C − 1): the loss cannot fall to 0,
    and its gradient is small. Training goes on, slowly and to a worse end, and no error tells why.

    Instead of ``nn.Sequential(…, nn.Linear(64, 10), nn.Softmax())`` with `nn.cross_entropy` leave out the last layer;
    at prediction take ``mp.softmax(net(x))``.
    """
    ends = {behind for node in subject.predictions for behind in possible_sources(node)}
    pairs = [
        (squash, inner)
        for squash in subject.read.squashes
        for behind in possible_sources(squash.logits)
        if (inner := as_probability(behind)) is not None
    ]
    for squash, inner in pairs:
        twice = squash.kind == inner.kind == "softmax"
        last = inner.node in ends or squash.node in ends
        if not (twice or last or squash.kind in of_loss):
            continue
        if squash.kind in of_loss:
            again = "softmax" if squash.kind == "log_softmax" else "sigmoid"
            message = Bilingual(
                f"the loss takes logits and applies a {again} to them, but is given the result of a {inner.kind}",
                f"损失接受对数几率并自行计算 {again}，得到的却已是 {inner.kind} 的结果",
            )
            fix = Bilingual(
                f"leave out the {inner.kind} at the end of the net; take it of net(x) when you predict",
                f"去掉网络末端的 {inner.kind}；预测时再对 net(x) 求 {inner.kind}",
            )
        else:
            message = Bilingual(f"a {squash.kind} of a {inner.kind}", f"对 {inner.kind} 的结果又求了一次 {squash.kind}")
            fix = Bilingual("leave one of them out", "去掉其中一个")
        yield Finding(message, fix, subject.origin(inner.node))
