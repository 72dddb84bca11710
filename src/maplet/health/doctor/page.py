"""The pages of what the doctor looks for, written from the rules.

``python -m maplet.health.doctor.page > docs/doctor.md``, and in Chinese ``python -m maplet.health.doctor.page zh >
docs/doctor.zh.md``.
"""

from __future__ import annotations

import sys

from maplet.bilingual import require_language
from maplet.health.doctor import rules
from maplet.health.doctor.figures import figures

english = """# Doctor

What `mp.doctor(run)` and `maplet doctor RUN` look for in a run that is over; with `mp.fit(..., doctor=True)` and
`maplet train --doctor` they look after each epoch. This page is written from the rules:
`python -m maplet.health.doctor.page > docs/doctor.md`. [中文](doctor.zh.md)

The rules read the losses of the epochs, and what was seen in steps that were watched (`mp.fit(..., watch=10)`): norms
of activations, gradients, parameters and updates, shares of units that are off or saturated, the noise of the gradient,
its size in the early and the late steps of a recurrent layer, mean and spread of the targets. Of a run that is over and
whose rows are known, they also ask the net about its training and validation rows, compare it with a simple method, and
try copies of net and optimizer; that takes up to a few seconds. A run that `fit` returned holds its rows, and
`maplet doctor RUN` reads those of a table once more. A run that ended in NaN or infinity can be asked, too, in Python
as `error.run` of the `NonFiniteError`.

Each verdict comes with its numbers, a small picture, advice, and how sure it is; `diagnosis.text("zh")` and
`maplet doctor RUN --language zh` say it in Chinese. They are few and want to be right: a run with which all is well
gets none, and of two that have one cause, the first cause is named. Of a run that is under way only what has held for
three epochs is said, if the net, asked about its rows then, bears it out; and that a loss stays where it is not before
half of the epochs are over.

Before training, `mp.find_learning_rate(net, data, loss)` suggests a learning rate, and `mp.fit(..., rehearse=True)`
tries whether the net can learn one batch by heart.
"""

chinese = """# 训练诊断

`mp.doctor(run)` 与 `maplet doctor RUN` 在结束了的训练中查找的问题；用 `mp.fit(..., doctor=True)` 或 \
`maplet train --doctor` 时，每一轮之后都会查看。本页由各规则生成：\
`python -m maplet.health.doctor.page zh > docs/doctor.zh.md`。[English](doctor.md)

规则读取每一轮的损失，以及在观察的各步中看到的数值（`mp.fit(..., watch=10)`）：激活、梯度、参数与更新的范数，关闭或\
饱和的单元的比例，梯度的噪声，循环层中前面与后面时间步的梯度大小，目标的均值与离散程度。对于已经结束而数据已知的训练\
，还会让网络回答训练行与验证行，与一个简单方法比较，并试用网络与优化器的副本；这最多需要几秒钟。`fit` 返回的训练保有\
它的数据，`maplet doctor RUN` 则重新读取表格中的数据。以 NaN 或无穷大告终的训练也可以诊断，在 Python 中用 \
`NonFiniteError` 的 `error.run`。

每个诊断都附有数值、一幅小图、建议和置信度；`diagnosis.text("zh")` 与 `maplet doctor RUN --language zh` 给出中文。诊\
断少而求准：一切正常的训练没有诊断；两个诊断出自同一原因时，只说最先的原因。对进行中的训练，只说连续三轮都成立、\
并且届时让网络回答各行后仍然成立的问题；至于损失停滞不动，要在总轮数过半之后才说。

训练之前，`mp.find_learning_rate(net, data, loss)` 推荐学习率，`mp.fit(..., rehearse=True)` 先试一试网络能否记住一个\
批次。
"""

heads = {"en": english, "zh": chinese}


def page(language: str = "en") -> str:
    """The page as Markdown, in English or Chinese."""
    require_language(language)
    return f"{rules.page(heads[language], language)}\n{figures[language]}"


if __name__ == "__main__":
    sys.stdout.write(page(*sys.argv[1:2]))
