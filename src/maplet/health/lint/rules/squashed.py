"""ML003: numbers that are squashed into probabilities twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.health.lint.finding import Finding, rule
from maplet.health.lint.recognition import as_probability, possible_sources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.health.lint.subject import Subject

of_loss = ("log_softmax", "softplus")


@rule("ML003", "a softmax or sigmoid twice")
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
            message = f"the loss takes logits and applies a {again} to them, but is given the result of a {inner.kind}"
            fix = f"leave out the {inner.kind} at the end of the net; take it of net(x) when you predict"
        else:
            message, fix = f"a {squash.kind} of a {inner.kind}", "leave one of them out"
        yield Finding(message, fix, subject.origin(inner.node))
