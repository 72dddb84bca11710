"""ML005 and ML009: parameters that the loss does not depend on, and parts of the program that lead nowhere."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from maplet.bilingual import Bilingual
from maplet.core.graph import constant_primitive
from maplet.health.lint.finding import Finding, in_layer, rule
from maplet.health.lint.opening import doors
from maplet.health.lint.recognition import is_number, source
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from maplet.core.context import Origin
    from maplet.core.graph import Node
    from maplet.health.lint.subject import Subject

most_by_chance = 16  # of so many units or more, some are on for the inputs of a batch


@rule("ML005", "a parameter without a path to the loss", "参数到损失没有通路")
@in_chinese(
    "某个待训练的参数不会改变，因为损失不依赖于它。",
    "要么没有任何运算读取它（创建了某一层却没有调用），要么它通往损失的路径不传递梯度：`mp.stop_gradient`、转换为整"
    "数、比较、`argmax`。",
    "在 `forward` 中调用该层，或将其删除；有意保持不变的部分请冻结：`net.encoder.freeze()`。",
)
def no_path(subject: Subject) -> Iterator[Finding]:
    """A parameter that is to be trained cannot move, since the loss does not depend on it.

    Either nothing reads it (a layer that is made and not called), or the way from it to the loss carries no gradient:
    `mp.stop_gradient`, a cast to integers, a comparison, an `argmax`.

    Call the layer in ``forward``, or remove it; freeze what is meant to stay: ``net.encoder.freeze()``.
    """
    for owner, names in _by_layer(_lost(subject)).items():
        nodes = [subject.parameters[name] for name in names]
        if any(node in _read(subject) for node in nodes):
            if not any(node in subject.towards_loss for node in nodes):
                continue  # what it makes is thrown away: ML009 says where
            cut = _where_cut(subject, nodes)
            origin = subject.origin(cut) if cut is not None else in_layer(owner)
            yield Finding(
                _without_a_way(_shown(names), cut),
                Bilingual(
                    "compute with real numbers and without mp.stop_gradient there; freeze what is meant to stay as it "
                    "is",
                    "在那里用实数计算，不要用 mp.stop_gradient；有意保持不变的请冻结",
                ),
                origin,
            )
        else:
            yield Finding(
                Bilingual(
                    f"{_shown(names)} will not be trained: nothing reads {'it' if len(names) == 1 else 'them'}",
                    f"{_shown(names).zh} 不会被训练：没有任何运算读取",
                ),
                Bilingual("use it in forward, or remove it", "在 forward 中使用，或将其删除"),
                in_layer(owner),
            )


@rule("ML009", "a branch that is dead", "不起作用的分支")
@in_chinese(
    "程序中含有参数的某一部分被计算了，结果却不起作用。",
    "它的结果被丢弃（调用了某一层却没有使用结果），或被乘以 0，或位于条件对任何输入都不变的 `where` 之后；或者它的所"
    "有单元在整批样本上都未激活。",
    "把 `self.norm(x); return self.out(x)` 改为 `return self.out(self.norm(x))`。",
)
def dead_branch(subject: Subject) -> Iterator[Finding]:
    """A part of the program with parameters is computed, and its result does not count.

    It is thrown away (a layer is called, and what it gives is not used), multiplied by 0, or stands behind a `where`
    whose condition is the same for every input; or all of its units are off on the whole batch.

    Instead of ``self.norm(x); return self.out(x)`` write ``return self.out(self.norm(x))``.
    """
    for owner, names in _by_layer(_lost(subject)).items():
        nodes = [subject.parameters[name] for name in names]
        if any(n in _read(subject) for n in nodes) and not any(n in subject.towards_loss for n in nodes):
            yield Finding(
                Bilingual(
                    f"what {_shown(names)} makes is thrown away: it does not reach the loss",
                    f"由 {_shown(names).zh} 算出的结果被丢弃：它没有进入损失",
                ),
                Bilingual("use the result, or leave the call out", "使用这个结果，或去掉这次调用"),
                _last_use(subject, nodes, owner),
            )
    for node in subject.read.order:
        yield from _multiplied_by_zero(subject, node)
        yield from _decided(subject, node)
        yield from _all_off(subject, node)


def _lost(subject: Subject) -> list[str]:
    """The parameters to which the loss sends no gradient."""
    return [name for name, node in subject.parameters.items() if node not in subject.reached]


def _by_layer(names: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        found[name.rpartition(".")[0]].append(name)
    return found


def _shown(names: Sequence[str]) -> Bilingual:
    english, chinese = ([name or alone for name in names] for alone in ("the argument", "自变量"))
    return Bilingual(", ".join(english), "、".join(chinese))


def _without_a_way(names: Bilingual, cut: Node | None) -> Bilingual:
    """Where the way from parameters to the loss ends, if that is known."""
    where = Bilingual("carries no gradient", "不传递梯度")
    if cut is not None:
        where = Bilingual(f"ends at {cut.primitive.name}", f"止于 {cut.primitive.name}")
    return Bilingual(
        f"{names} will not be trained: the way to the loss {where}", f"{names.zh} 不会被训练：通往损失的路径{where.zh}"
    )


def _read(subject: Subject) -> set[Node]:
    """What any operation reads, also one whose result is thrown away; and what is given to it through doors."""
    found: set[Node] = set()
    for node in reversed(list(subject.graph.origins)):
        if node.primitive not in doors or node in found:
            found.update(node.inputs)
    return found


def _where_cut(subject: Subject, nodes: Sequence[Node]) -> Node | None:
    """The operation behind parameters that passes no gradient on."""
    towards, behind = subject.towards_loss, subject.read.after(nodes)
    for node in subject.read.order:
        if node in towards and node in behind and node.inputs and not subject.read.carried(node):
            return node
    return None


def _last_use(subject: Subject, nodes: Sequence[Node], owner: str) -> Origin:
    """The last operation that is made of parameters and thrown away."""
    made = set(nodes)
    last = in_layer(owner)
    for node, origin in subject.graph.origins.items():
        if node not in made and any(child in made for child in node.inputs):
            made.add(node)
            last = origin
    return last


def _multiplied_by_zero(subject: Subject, node: Node) -> Iterator[Finding]:
    if node.primitive.name != "multiply":
        return
    for zero, branch in (node.inputs, node.inputs[::-1]):
        if not zero.array_type.shape and is_number(zero, 0.0) and (names := _only_through(subject, node, branch)):
            yield Finding(
                Bilingual(
                    f"the only branch with {_shown(names)} is multiplied by 0",
                    f"唯一含有 {_shown(names).zh} 的分支被乘以 0",
                ),
                Bilingual("give it another weight, or leave it out", "给它另一个权重，或去掉它"),
                subject.origin(node),
            )


def _decided(subject: Subject, node: Node) -> Iterator[Finding]:
    """A `where` whose condition stands in the program."""
    if node.primitive.name != "where":
        return
    truth = _settled(subject, source(node.inputs[0]))
    if truth is not None and (names := _only_through(subject, node, node.inputs[2 if truth else 1])):
        yield Finding(
            Bilingual(
                f"the condition of a where is always {bool(truth)}, and only its other branch has {_shown(names)}",
                f"where 的条件恒为 {bool(truth)}，而 {_shown(names).zh} 只在另一个分支中",
            ),
            Bilingual(
                "let the condition depend on the input, or leave the branch out", "让条件依赖于输入，或去掉这个分支"
            ),
            subject.origin(node),
        )


def _settled(subject: Subject, condition: Node) -> bool | None:
    """The one truth value of a condition that stands in the program, if it has but one."""
    value = condition.params["value"] if condition.primitive is constant_primitive else None
    if condition in subject.from_outside:
        value = subject.from_outside[condition].numpy()
    return bool(np.all(value)) if value is not None and np.all(value) == np.any(value) else None


def _only_through(subject: Subject, node: Node, branch: Node) -> list[str]:
    """The parameters from which every way to the loss goes through one operand of one operation."""
    names = subject.read.parameters_in(branch)
    if not names:
        return []
    others = subject.read.before([subject.loss], without=(node, branch))
    return [name for name in names if subject.parameters[name] not in others]


def _all_off(subject: Subject, node: Node) -> Iterator[Finding]:
    """A ReLU that gives 0 for the whole batch."""
    if node.primitive.name != "where" or not is_number(node.inputs[1], 0.0) or not node.inputs[0].inputs:
        return
    x, out = node.inputs[2], subject.values.get(node)
    if out is None or node.inputs[0].inputs[0] is not x or x not in subject.read.with_parameters or out.size < 2:
        return
    before = subject.values[x]
    by_chance = before.shape[-1] < most_by_chance and not before.max() <= -3 * before.std()
    if not out.any() and before.any() and not by_chance:
        yield Finding(
            Bilingual(
                f"every unit is off on the whole batch: the greatest of {before.size} numbers before the ReLU is "
                f"{float(before.max()):.3g}, so no gradient passes",
                f"所有单元在整批样本上都未激活：ReLU 之前的 {before.size} 个数中最大的是 {float(before.max()):.3g}，"
                "因此没有梯度通过",
            ),
            Bilingual(
                "begin with biases of 0 and weights of both signs (he_uniform); look for inputs that are not scaled",
                "偏置从 0 开始，权重有正有负（he_uniform）；检查输入是否没有缩放",
            ),
            subject.origin(node),
            {"greatest": float(before.max()), "numbers": before.size},
        )
