"""Where the first number that is not finite came from: the epoch is gone through again, from its beginning."""

from __future__ import annotations

from contextlib import closing
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.bilingual import Bilingual
from maplet.core.array import assign, from_value
from maplet.core.tree import leaves
from maplet.errors import NonFiniteError
from maplet.train.stepping import Stepping
from maplet.transforms.debug import debug

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from maplet.core.array import Array
    from maplet.health.doctor.recorded import Failure
    from maplet.nn import Module
    from maplet.optim import Optimizer
    from maplet.train.inputs import Samples
    from maplet.train.source import Source
    from maplet.train.storage import Arrays
    from maplet.transforms.debug import Found


class Beginning:
    """Net and optimizer as they were before the first step of an epoch, after a resumption, or at a checkpoint.

    Values are immutable, so that keeping them copies nothing.
    """

    def __init__(self, net: Module, optimizer: Optimizer, step: int) -> None:
        self.step = step
        self.values = {name: leaf.numpy() for name, leaf in leaves((net, optimizer)).items()}

    @classmethod
    def of_checkpoint(
        cls, net: Module, optimizer: Optimizer, state: dict[str, Any], arrays: dict[str, Arrays]
    ) -> Beginning:
        """As a checkpoint of the epoch has them."""
        copy, mover = deepcopy((net, optimizer))
        copy.load_state(arrays["network"])
        mover.load_state_dict(state["optimizer"], arrays["optimizer"])
        return cls(copy, mover, int(state["step"]))

    def restored(self, net: Module, optimizer: Optimizer) -> tuple[Module, Optimizer]:
        """Copies of net and optimizer as they were then."""
        copies = deepcopy((net, optimizer))
        for name, leaf in leaves(copies).items():
            if name in self.values:
                assign(leaf, from_value(self.values[name]))
        return copies


def explained(
    failure: Failure, beginning: Beginning, source: Source, *, net: Module, optimizer: Optimizer,
    loss: Callable[..., Array],
) -> Failure:  # fmt: skip
    """The failure with what led to it: the steps before it are made once more, the last two under `mp.debug`.

    A number that is not finite may be made by the update of one step and seen in the loss of the next. Of a stream,
    which may not be there any more, nothing is gone through again.
    """
    if source.samples is None:
        return failure
    copy, mover = beginning.restored(net, optimizer)
    copy.train()
    stepping = Stepping(copy, mover, loss)
    largest, losses, growth = _largest(copy), list[float](), 1.0
    made_by = fix = None
    for step, batch in _batches(source, failure.epoch):
        if step < beginning.step or step > failure.step or not batch.weight():
            continue
        growth = _largest(copy) / largest if largest else 1.0
        if step < failure.step - 1:
            losses.append(stepping.run(batch))
            continue
        try:
            with debug():
                losses.append(stepping.run(batch))
        except NonFiniteError as error:
            made_by, fix = said(error), error.found.remedy
            break
    finite = tuple(number for number in losses if np.isfinite(number))
    return replace(failure, losses=finite, growth=growth, made_by=made_by, fix=fix)


def said(error: NonFiniteError) -> Bilingual:
    """What `mp.debug` found, without the numbers that led to it."""
    found: Found = error.found
    where, where_zh = (f" in {error.layer}", f"（{error.layer}）") if error.layer else ("", "")
    maker = (
        found.maker if isinstance(found.maker, str) else f"{found.maker.operation} 的{derivations[found.maker.kind]}"
    )
    place = f"（{found.type}）的 {found.place} 处" if found.place else f"（{found.type}）中"
    others = f"，另有 {found.others:,} 个元素也是如此" if found.others else ""
    return Bilingual(
        f"{error.message.splitlines()[0]}{where}",
        f"{phases[found.phase]}：{maker} 在其结果{place}得到{numbers[found.made]}{others}{where_zh}",
    )


phases = {"forward pass": "前向传播", "backward pass": "反向传播", "forward-mode derivative": "前向模式求导"}
numbers = {"NaN": " NaN", "infinity": "无穷大", "−infinity": "负无穷大"}
derivations = {"pullback": "反向规则", "tangent": "切向量"}


def _batches(source: Source, epoch: int) -> Iterator[tuple[int, Samples]]:
    with closing(source.stretches(epoch)) as stretches:
        for stretch in stretches:
            for number, part in enumerate(stretch.batches):
                yield stretch.first + number, stretch.samples.rows(stretch.order[part])


def _largest(net: Module) -> float:
    """The largest absolute value of a parameter; infinite if one is."""
    values: list[Any] = [leaf.numpy() for leaf in net.parameters().values()]
    with np.errstate(all="ignore"):
        return max((float(np.max(np.abs(value))) for value in values if value.size), default=0.0)
