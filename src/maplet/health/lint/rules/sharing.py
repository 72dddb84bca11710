"""ML006 and ML007: parameters that are one by accident, and weights that nobody trains."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.bilingual import Bilingual
from maplet.core.array import Parameter
from maplet.core.repeats import runs
from maplet.core.tree import objects
from maplet.health.lint.finding import Finding, in_layer, rule
from maplet.health.lint.reading import products
from maplet.health.rules import in_chinese
from maplet.nn import Module

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.health.lint.subject import Subject

few = 4096  # numbers that tell whether it is worth to compare all of them
names_of_weights = re.compile(r"(weight|bias|kernel|[wWbB])\d*")


@rule("ML006", "parameters that begin equal", "初值相同的参数")
@in_chinese(
    "两个参数的随机初值相同，却没有绑定在一起；或者用乘法重复了一列层。",
    "如果几层用了同一个种子，或同一个数组，它们就从相同的权重开始。这不是绑定：绑定的参数是出现在两处的同一个对象。"
    "并联的相同层计算的是同样的结果。反过来，`[nn.Linear(8, 8), nn.ReLU()] * 3` 只有一个层，它在三处出现。",
    "不要写 `nn.Linear(8, 8, rng=0), nn.Linear(8, 8, rng=0)`，而要给每层各自的种子，或让各层共用一个生成器："
    "`rng = mp.random.Generator(0)`。若要绑定两层，请在两处使用同一个对象。要得到几个不同的层，请用推导式："
    "`[nn.Linear(8, 8) for _ in range(3)]`。",
)
def begin_equal(subject: Subject) -> Iterator[Finding]:
    """Two parameters hold the same random numbers, and are not tied; or a list of layers was multiplied.

    Layers that were given the same seed, or one array for both, begin with the same weights. They are not tied: a tied
    parameter is one object that stands in two places. Equal layers in parallel compute the same. The other way round,
    ``[nn.Linear(8, 8), nn.ReLU()] * 3`` is a single layer, in three places.

    Instead of ``nn.Linear(8, 8, rng=0), nn.Linear(8, 8, rng=0)`` give each layer a seed of its own, or all of them one
    generator: ``rng = mp.random.Generator(0)``. To tie two layers use one object twice. Layers of their own come of
    ``[nn.Linear(8, 8) for _ in range(3)]``.
    """
    yield from _multiplied(subject)
    found: dict[Any, list[str]] = defaultdict(list)
    for name in subject.parameters:
        value = subject.number(name)
        if _looks_random(value):
            found[value.shape, value.dtype, value.ravel()[:few].tobytes()].append(name)
    for first, *others in found.values():
        names = [first, *(name for name in others if np.array_equal(subject.number(name), subject.number(first)))]
        if len(names) > 1:
            yield Finding(
                Bilingual(
                    f"{' and '.join(names)} begin with the same random numbers, and are not tied",
                    f"{'、'.join(names)} 的随机初值相同，却没有绑定在一起",
                ),
                Bilingual(
                    "give each its own seed, or all one generator: rng = mp.random.Generator(0); to tie them, use one "
                    "object in both places",
                    "给每个参数各自的种子，或共用一个生成器：rng = mp.random.Generator(0)；若要绑定，"
                    "请在两处使用同一个对象",
                ),
                in_layer(names[1].rpartition(".")[0]),
                {"parameters": names},
            )


def _multiplied(subject: Subject) -> Iterator[Finding]:
    """Lists of modules in which a run of the very same objects stands again right behind itself."""
    for path, module in _modules(subject):
        for name, held in vars(module).items():
            parts: tuple[Any, ...] = tuple(cast("Any", held)) if isinstance(held, list | tuple) else ()
            for start, period, times in runs(list(map(id, parts)), len(parts), fewest=2):
                run = parts[start : start + period] if times > 1 else ()
                layers = [type(part).__name__ for part in run if isinstance(part, Module) and part.parameters()]
                if not layers:
                    continue
                yield Finding(
                    Bilingual(
                        f"{' and '.join(layers)} stands {times} times in {name}, as the same object: {times} layers "
                        "with one set of weights",
                        f"{name} 中的 {'、'.join(layers)} 是同一个对象，出现了 {times} 次：{times} 层共用一组权重",
                    ),
                    Bilingual(
                        "a list times a number repeats its objects: [… for _ in range(n)] makes new ones",
                        "列表乘以数字只会重复其中的对象：用 [… for _ in range(n)] 创建新的层",
                    ),
                    in_layer(path),
                    {"times": times},
                )


def _modules(subject: Subject) -> list[tuple[str, Module]]:
    """Every module of what is trained, by its path."""
    found = objects(subject.recording.arguments[0])
    return [(path, module) for path, module in found.items() if isinstance(module, Module)]


@rule("ML007", "frozen by accident", "意外冻结")
@in_chinese(
    "程序使用了优化器看不到的权重。",
    "从网络之外读取的 `Parameter`（全局变量、集合中的层、不是模块的对象中的层）在每一步中都是常量；模块以权重的名字"
    "保存的普通数组也一样：只有 `Parameter` 会被训练。在 `forward` 中创建的层每一步都重新随机生成权重。参数全部"
    "冻结的网络则什么也学不到。",
    "把层保存为模块的属性，或放在模块的列表、元组、字典中；写 `self.weight = mp.Parameter(…)`。有意保持不变的请写明："
    "`mp.Parameter(…, trainable=False)` 或 `layer.freeze()`。",
)
def frozen(subject: Subject) -> Iterator[Finding]:
    """The program computes with weights that the optimizer does not see.

    A `Parameter` that is read from outside of the net (a global variable, a layer in a set or in an object that is no
    module) is a constant of the step. So is a plain array that a module keeps under the name of a weight: only a
    `Parameter` is trained. A layer that is made in ``forward`` draws its weights anew in every step. And a net of
    which all is frozen learns nothing at all.

    Keep layers as attributes of the module, or in lists, tuples and dicts there; write
    ``self.weight = mp.Parameter(…)``. What is meant to stay as it is says so: ``mp.Parameter(…, trainable=False)`` or
    ``layer.freeze()``.
    """
    yield from _nothing_is_trained(subject)
    yield from _drawn_anew(subject)
    for node, handle in subject.from_outside.items():
        if isinstance(handle, Parameter) and handle.trainable:
            users = subject.read.readers(node)
            yield Finding(
                Bilingual(
                    f"a parameter of type {handle.type} is read from outside of what is trained: it is a constant",
                    f"类型为 {handle.type} 的参数是从被训练的对象之外读取的：它只是常量",
                ),
                Bilingual(
                    "make it, or its layer, an attribute of the module; freeze() it if it is meant to stay",
                    "把它或它所在的层设为模块的属性；若有意保持不变，请调用 freeze()",
                ),
                subject.origin(users[0]) if users else in_layer(""),
            )
    trained = set(subject.parameters.values())
    for name, node in subject.named.items():
        handle = subject.handles[name]
        owner, _, last = name.rpartition(".")
        plain = not isinstance(handle, Parameter) and node not in trained and names_of_weights.fullmatch(last)
        if plain and subject.read.consumers.get(node) and _looks_random(handle.numpy()):
            yield Finding(
                Bilingual(
                    f"{name} is a plain array and no Parameter: it will not be trained",
                    f"{name} 是普通数组而不是 Parameter：它不会被训练",
                ),
                Bilingual(
                    f"self.{last} = mp.Parameter(…); with trainable=False if it is meant to stay as it is",
                    f"self.{last} = mp.Parameter(…)；若有意保持不变，请加上 trainable=False",
                ),
                in_layer(owner),
            )


def _nothing_is_trained(subject: Subject) -> Iterator[Finding]:
    held = [handle for handle in subject.handles.values() if isinstance(handle, Parameter)]
    if held and not subject.parameters:
        yield Finding(
            Bilingual(
                f"all {len(held)} parameters are frozen: there is nothing to train",
                f"全部 {len(held)} 个参数都已冻结：没有可训练的参数",
            ),
            Bilingual(
                "let what is to learn be trained: net.head.unfreeze()", "把要学习的部分解冻：net.head.unfreeze()"
            ),
            in_layer(""),
            {"parameters": len(held)},
        )


def _drawn_anew(subject: Subject) -> Iterator[Finding]:
    """Weights of a product that are made of random bits alone."""
    given = [node for number in range(1, 1 + len(subject.batch)) for node in subject.argument(number)]
    known = subject.read.after([*subject.named.values(), *given])
    for node in subject.read.order:
        if node.primitive.name in products:
            for weights, data in (node.inputs[::-1], node.inputs):
                drawn = weights in subject.read.random and weights not in known
                if drawn and data in subject.read.with_data:
                    yield Finding(
                        Bilingual(
                            "the weights of this layer are drawn anew in every step",
                            "这一层的权重在每一步都重新随机生成",
                        ),
                        Bilingual(
                            "make the layer in __init__, as an attribute of the module, and call it in forward",
                            "在 __init__ 中创建该层，作为模块的属性，在 forward 中只调用它",
                        ),
                        subject.origin(node),
                    )


def _looks_random(value: np.ndarray[Any, Any]) -> bool:
    """Whether these are numbers that were drawn, and no zeros, ones, identity or table of a formula's."""
    real = value.ndim >= 2 and value.size >= 4 and value.dtype.kind == "f"
    sample = value.ravel()[:few]
    return real and len(np.unique(sample)) > sample.size / 2
