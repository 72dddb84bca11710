"""The pages of all rules, written from their records.

``python -m maplet.health.lint.page > docs/lint.md``, and in Chinese ``python -m maplet.health.lint.page zh >
docs/lint.zh.md``.
"""

from __future__ import annotations

import sys

from maplet.bilingual import require_language
from maplet.health.lint import rules

english = """# Lint

What `mp.lint(net, loss, batch)` looks for before the first step; `mp.fit` and `maplet train` run it first and say what
they find, and go on. This page is written from the rules: `python -m maplet.health.lint.page > docs/lint.md`.
[中文](lint.zh.md)

A comment on the line that a finding names, or on the line that calls `mp.fit` or `mp.lint`, silences it:
`# maplet: ignore` for every rule, `# maplet: ignore[ML003, ML015]` for some. `mp.fit(..., lint=False)` and
`maplet train --no-lint` leave the lint out.

A rule reads the training graph (forward pass, loss and backward pass), so what is written by hand is seen as well as
the layers of maplet. It reads what is inside of others too: the step of a loop (`mp.scan`, recurrent layers), both
sides of `mp.cond`, a checkpointed block, a function with a gradient of its own. Where the values of one batch tell
more, they are computed once, if that is quick; of a loop those of its first step.
"""

chinese = """# 静态检查

`mp.lint(net, loss, batch)` 在训练的第一步之前检查的内容；`mp.fit` 与 `maplet train` 会先运行它，说出发现的问题，\
然后照常训练。每个发现都能用中文说：`finding.text("zh")`。本页由各条规则生成：\
`python -m maplet.health.lint.page zh > docs/lint.zh.md`。[English](lint.md)

在发现所指的那一行，或调用 `mp.fit`、`mp.lint` 的那一行写注释，可以使它不再报告：`# maplet: ignore` 对所有规则有效，\
`# maplet: ignore[ML003, ML015]` 只对其中几条有效。`mp.fit(..., lint=False)` 与 `maplet train --no-lint` 则不作检查。

规则读取的是训练图（前向传播、损失与反向传播），因此手写的代码与 maplet 的层一样看得见。它也读取嵌套在内部的部分：\
循环的一步（`mp.scan`、循环层）、`mp.cond` 的两个分支、检查点中的一段、自带梯度的函数。如果一批样本的数值能说明更多，\
而且算得快，就计算一次；循环只算第一步。
"""

heads = {"en": english, "zh": chinese}


def page(language: str = "en") -> str:
    """The page as Markdown, in English or Chinese."""
    require_language(language)
    return rules.page(heads[language], language)


if __name__ == "__main__":
    sys.stdout.write(page(*sys.argv[1:2]))
