"""The page of all rules, written from their records: ``python -m maplet.health.lint.page > docs/lint.md``."""

from __future__ import annotations

import sys

from maplet.health import pages
from maplet.health.lint import rules

head = """# Lint

What `mp.lint(net, loss, batch)` looks for before the first step; `mp.fit` and `maplet train` run it first and say what
they find, and go on. This page is written from the rules: `python -m maplet.health.lint.page > docs/lint.md`.

A comment on the line that a finding names, or on the line that calls `mp.fit` or `mp.lint`, silences it:
`# maplet: ignore` for every rule, `# maplet: ignore[ML003, ML015]` for some. `mp.fit(..., lint=False)` and
`maplet train --no-lint` leave the lint out.

A rule reads the training graph (forward pass, loss and backward pass), so what is written by hand is seen as well as
the layers of maplet. It reads what is inside of others too: the step of a loop (`mp.scan`, recurrent layers), both
sides of `mp.cond`, a checkpointed block, a function with a gradient of its own. Where the values of one batch tell
more, they are computed once, if that is quick; of a loop those of its first step.
"""


def page() -> str:
    """The page as Markdown."""
    return pages.page(head, rules)


if __name__ == "__main__":
    sys.stdout.write(page())
