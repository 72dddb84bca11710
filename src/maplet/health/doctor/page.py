"""The page of what the doctor looks for: ``python -m maplet.health.doctor.page > docs/doctor.md``."""

from __future__ import annotations

import sys

from maplet.health import pages
from maplet.health.doctor import rules
from maplet.health.doctor.figures import figures

head = """# Doctor

What `mp.doctor(run)` and `maplet doctor RUN` look for in a run that is over; with `mp.fit(..., doctor=True)` and
`maplet train --doctor` they look after each epoch. This page is written from the rules:
`python -m maplet.health.doctor.page > docs/doctor.md`.

The rules read the losses of the epochs, and what was seen in steps that were watched (`mp.fit(..., watch=10)`): norms
of activations, gradients, parameters and updates, shares of units that are off or saturated, the noise of the gradient,
mean and spread of the targets. Of a run that is over and whose rows are known, they also ask the net about its training
and validation rows, compare it with a simple method, and try copies of net and optimizer; that takes up to a few
seconds. A run that `fit` returned holds its rows, and `maplet doctor RUN` reads those of a table once more.

Each verdict comes with its numbers, a small picture, advice, and how sure it is. They are few and want to be right: a
run with which all is well gets none, and of two that have one cause, the first cause is named.

Before training, `mp.find_learning_rate(net, data, loss)` suggests a learning rate, and `mp.fit(..., rehearse=True)`
tries whether the net can learn one batch by heart.
"""


def page() -> str:
    """The page as Markdown."""
    return f"{pages.page(head, rules)}\n{figures}"


if __name__ == "__main__":
    sys.stdout.write(page())
