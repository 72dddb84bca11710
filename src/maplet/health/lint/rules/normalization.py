"""ML010 and ML018: normalizations over one value, and biases that one takes away again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.bilingual import Bilingual
from maplet.health.lint.finding import Finding, in_layer, rule
from maplet.health.lint.recognition import number_in, size, source
from maplet.health.rules import in_chinese
from maplet.nn import BatchNorm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.core.graph import Node
    from maplet.health.lint.subject import Subject
    from maplet.nn import Module


@rule("ML010", "a batch of one for a batch normalization", "批归一化的批中只有一行")
@in_chinese(
    "归一化时每个通道只有一个值，或统计量只来自一行。",
    "一个值的均值就是它自己，减去后只剩 0。对表格的各行作归一化的 `nn.BatchNorm` 拒绝这样的批；对图像，每一行只用自"
    "己作归一化，而推断时用的是不属于任何一行的平均值。若 `len(x) % batch_size == 1`，一轮的最后一批就只有一行。",
    "换一个批大小，或改用每次只看一行的 `nn.LayerNorm`、`nn.GroupNorm`。",
)
def batch_of_one(subject: Subject) -> Iterator[Finding]:
    """A normalization sees one value of each channel, or the statistics of one row alone.

    The mean of one value is the value, and what is left is 0. A `nn.BatchNorm` over the rows of a table refuses such a
    batch; with images each row is normalized by itself, and at inference by averages that belong to no row. The last
    batch of an epoch is one of one row if ``len(x) % batch_size == 1``.

    Choose another batch size, or `nn.LayerNorm` or `nn.GroupNorm`, which look at one row at a time.
    """
    layers = batch_normalizations(subject.trained)
    if layers and 1 in subject.sizes:
        yield one_row(layers[0], last=len(subject.sizes) > 1)
    for node in subject.read.order:
        mean = _mean_that_is_taken_off(node)
        if mean is not None and size(mean.inputs[0]) == size(mean) and mean.params["axes"]:
            if size(mean) > 1 and size(mean.inputs[0]) == 1:
                continue
            yield Finding(
                Bilingual(
                    "a normalization over one value: it is its own mean, and 0 is left",
                    "只对一个值作归一化：它就是自己的均值，减去后只剩 0",
                ),
                Bilingual("normalize over an axis that is longer than 1", "沿长度大于 1 的轴作归一化"),
                subject.origin(node),
                {"axes": mean.params["axes"], "shape": mean.inputs[0].array_type.shape},
            )


def batch_normalizations(net: Module) -> list[str]:
    """The paths of the layers of a net that normalize over the batch."""
    modules = getattr(net, "modules", dict[str, "Module"])()
    return [path for path, module in modules.items() if isinstance(module, BatchNorm)]


def one_row(path: str, *, last: bool) -> Finding:
    """The finding that a batch of one row meets a batch normalization."""
    which = Bilingual("the last batch of an epoch", "一轮的最后一批") if last else Bilingual("a batch", "一批中")
    return Finding(
        Bilingual(
            f"{which} has one row, and {path or 'the net'} is a BatchNorm: of one row there are no statistics",
            f"{which.zh}只有一行，而 {path or '网络'} 是 BatchNorm：只有一行就没有统计量",
        ),
        Bilingual(
            "choose a batch size that leaves no single row over, or LayerNorm or GroupNorm",
            "选择不会剩下单独一行的批大小，或改用 LayerNorm、GroupNorm",
        ),
        in_layer(path),
        {"rows": 1},
    )


def _mean_that_is_taken_off(node: Node) -> Node | None:
    """The sum behind the mean of v in v − mean(v)."""
    if node.primitive.name != "subtract":
        return None
    v, mean = node.inputs[0], source(node.inputs[1])
    if mean.primitive.name == "divide" and number_in(mean.inputs[1]) is not None:
        total = source(mean.inputs[0])
        if total.primitive.name == "sum" and total.inputs[0] is v:
            return total
    return None


@rule("ML018", "a bias before a normalization", "归一化之前的偏置")
@in_chinese(
    "加上的偏置，又随均值一起被其后的归一化减掉了。",
    "这不会出错，但偏置不起作用，它的梯度只是舍入噪声，而 Adam 会把这种噪声放大成完整的一步。归一化自己带有偏置。",
    "在 `nn.BatchNorm` 之前写 `nn.Linear(8, 8, bias=False)`。",
)
def bias_before_normalization(subject: Subject) -> Iterator[Finding]:
    """A bias is added, and the normalization behind it subtracts the mean, and with it the bias.

    Nothing goes wrong, but the bias has no effect and its gradient is rounding noise, which Adam blows up to steps of
    full size. The normalization has a bias of its own.

    Write ``nn.Linear(8, 8, bias=False)`` before `nn.BatchNorm`.
    """
    biases = {node: name for name, node in subject.parameters.items()}
    for node in subject.read.order:
        if node.primitive.name != "add":
            continue
        for bias in node.inputs:
            name = biases.get(source(bias))
            if name is not None and _taken_off(subject, node, bias):
                yield Finding(
                    Bilingual(
                        f"the bias {name} has no effect: the normalization behind it takes it off again",
                        f"偏置 {name} 不起作用：其后的归一化又把它减掉了",
                    ),
                    Bilingual("make the layer with bias=False", "创建该层时设 bias=False"),
                    subject.origin(node),
                )


def _taken_off(subject: Subject, node: Node, bias: Node) -> bool:
    """Whether all that reads a sum subtracts a mean over axes along which the bias is the same."""
    own = bias.array_type.shape
    spread = (*(1 for _ in range(len(node.array_type.shape) - len(own))), *own)
    taken = 0
    for reader in subject.read.readers(node):
        total = _mean_that_is_taken_off(reader)
        axes: tuple[int, ...] = () if total is None else total.params["axes"]
        if total is not None and all(spread[axis] == 1 for axis in axes):
            taken += 1
        elif reader.primitive.name != "sum":
            return False
    return taken > 0
