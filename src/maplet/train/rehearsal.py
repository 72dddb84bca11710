"""A rehearsal: can the net learn one batch by heart? What cannot do that will not learn all of them."""

from __future__ import annotations

import logging
from copy import deepcopy
from typing import TYPE_CHECKING

from maplet.bilingual import Bilingual
from maplet.errors import MapletError
from maplet.nn import Dropout
from maplet.train.stepping import Stepping

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.core.array import Array
    from maplet.nn import Module
    from maplet.optim import Optimizer
    from maplet.train.inputs import Samples

logger = logging.getLogger("maplet")

steps = 300
learned = 0.5  # of the first loss is to be gone


def rehearsal(
    net: Module, optimizer: Optimizer, loss: Callable[..., Array], batch: Samples, language: str = "en"
) -> list[float]:
    """The losses of steps on one batch, with a copy of net and optimizer and without dropout; a warning if they stay.

    It ends as soon as half of the loss is gone.
    """
    copy, mover = deepcopy(net).train(), deepcopy(optimizer)
    for module in copy.modules().values():
        if isinstance(module, Dropout):
            module.eval()
    mover.init(copy)
    stepping, losses = Stepping(copy, mover, loss), list[float]()
    try:
        while len(losses) < steps and not (losses and losses[-1] <= (1 - learned) * losses[0]):
            losses.append(stepping.run(batch))
    except MapletError:  # what the net and the loss refuse, the first step refuses
        return losses
    if not losses[-1] <= (1 - learned) * losses[0]:
        count, course = len(losses), (f"{losses[0]:.4g}", f"{losses[-1]:.4g}")
        said = Bilingual(
            f"rehearsal: in {count} steps on one batch of {batch.count} rows the loss went from {course[0]} to "
            f"{course[1]}; what cannot learn one batch by heart will not learn all of them\n"
            "  fix: another learning rate (mp.find_learning_rate), a wider net; look whether inputs and targets belong "
            "to the same rows",
            f"预演：在 {batch.count} 行的一个批次上走 {count} 步，损失从 {course[0]} 变为 {course[1]}；"
            "背不下一个批次的网络也学不会全部数据\n"
            "  改法：换学习率（mp.find_learning_rate）、加宽网络；检查输入与目标是否属于同一行",
        )
        logger.warning("%s", said.speak(language))
    return losses
