"""ML010 and ML018: normalizations over one value, and biases that one takes away again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.health.lint.finding import Finding, in_layer, rule
from maplet.health.lint.recognition import number_in, size, source
from maplet.nn import BatchNorm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.core.graph import Node
    from maplet.health.lint.subject import Subject
    from maplet.nn import Module


@rule("ML010", "a batch of one for a batch normalization")
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
                "a normalization over one value: it is its own mean, and 0 is left",
                "normalize over an axis that is longer than 1",
                subject.origin(node),
                {"axes": mean.params["axes"], "shape": mean.inputs[0].array_type.shape},
            )


def batch_normalizations(net: Module) -> list[str]:
    """The paths of the layers of a net that normalize over the batch."""
    modules = getattr(net, "modules", dict[str, "Module"])()
    return [path for path, module in modules.items() if isinstance(module, BatchNorm)]


def one_row(path: str, *, last: bool) -> Finding:
    """The finding that a batch of one row meets a batch normalization."""
    which = "the last batch of an epoch has" if last else "a batch has"
    return Finding(
        f"{which} one row, and {path or 'the net'} is a BatchNorm: of one row there are no statistics",
        "choose a batch size that leaves no single row over, or LayerNorm or GroupNorm",
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


@rule("ML018", "a bias before a normalization")
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
                    f"the bias {name} has no effect: the normalization behind it takes it off again",
                    "make the layer with bias=False",
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
