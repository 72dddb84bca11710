"""ML008, ML011 and ML012: what the end of a net can and cannot say."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import numpy as np

from maplet.core.graph import in_order
from maplet.core.tree import leaves
from maplet.health.lint.finding import Finding, rule
from maplet.health.lint.ranges import Ranges
from maplet.health.lint.reading import as_probability, by_element, moves, products, softmax_axis_length, source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.core.graph import Node
    from maplet.health.lint.subject import Subject


@rule("ML008", "an output that is constant")
def constant_output(subject: Subject) -> Iterator[Finding]:
    """The net says the same whatever it is given.

    Its output does not depend on the input at all; or it is a softmax over one number, which is 1; or all rows of the
    batch get the same output and no weight gets a gradient, so that it will stay so.

    For one output take `nn.binary_cross_entropy`, whose sigmoid is in the loss, instead of a softmax.
    """
    inputs = subject.argument(1)
    for prediction in subject.predictions:
        squash = as_probability(source(prediction))
        if inputs and not set(inputs) & set(in_order([prediction])):
            yield Finding(
                "the output of the net does not depend on its input", "use x in forward", subject.origin(prediction)
            )
        elif squash is not None and squash.kind == "softmax" and softmax_axis_length(squash) == 1:
            yield Finding(
                "the softmax at the end is over one number, and so is always 1",
                "give the last layer one output per class, or for yes and no leave the softmax out and take "
                "nn.binary_cross_entropy",
                subject.origin(squash.node),
            )
        else:
            yield from _stuck(subject, prediction)


def _stuck(subject: Subject, prediction: Node) -> Iterator[Finding]:
    """All rows give the same, and no weight moves."""
    out = subject.values.get(prediction)
    if out is None or out.ndim < 1 or len(out) < 2 or not (out == out[:1]).all():
        return
    given = [subject.values[node] for node in subject.argument(1) if node in subject.values]
    _, _, gradients = subject.backward
    weights = {name: node for name, node in gradients.items() if node.array_type.ndim > 1}
    drawn = [name for name in weights if np.ptp(subject.number(name))]
    differ = any((x != x[:1]).any() for x in given)
    if differ and drawn and not any(subject.values[node].any() for node in weights.values()):
        yield Finding(
            f"all {len(out)} rows get the same output, and no weight gets a gradient",
            "look for activations that are all off or saturated: scale the inputs, begin with biases of 0",
            subject.origin(prediction),
            {"rows": len(out), "weights": len(weights)},
        )


@rule("ML011", "dropout after the output layer")
def dropout_at_the_end(subject: Subject) -> Iterator[Finding]:
    """Outputs themselves are dropped, and no layer comes after that.

    Dropout makes hidden units do without each other. An output that is set to 0 is just wrong: the loss of that step
    speaks of the mask and not of the net, and no training makes it better.

    Put the `nn.Dropout` before the last `nn.Linear`.
    """
    for prediction in subject.predictions:
        node: Node | None = prediction
        while node is not None:
            if _drops(subject, node):
                yield Finding(
                    "the outputs of the last layer are dropped", "put the dropout before it", subject.origin(node)
                )
                break
            node = _before(subject, node)


def _before(subject: Subject, node: Node) -> Node | None:
    """The step before, along moves and functions of single numbers: back to the last layer."""
    squash = as_probability(node)
    if squash is not None:
        return squash.logits
    if node.primitive.name in products or not (moves(node) or by_element(node)):
        return None
    on = [child for child in node.inputs if child in subject.read.with_parameters]
    return on[0] if len(on) == 1 else None


def _drops(subject: Subject, node: Node) -> bool:
    """Whether elements are multiplied or replaced by 0 at random."""
    random, trained = subject.read.random, subject.read.with_parameters
    if node.primitive.name == "where":
        return node.inputs[0] in random and node.inputs[0] not in trained
    if node.primitive.name != "multiply":
        return False
    masks = [child for child in node.inputs if child in random and child not in trained]
    return any(_is_mask(mask) for mask in masks)


def _is_mask(node: Node) -> bool:
    """Truth values as numbers, up to a factor."""
    while node.primitive.name in ("divide", "multiply", "astype", "broadcast_to"):
        if node.inputs[0].array_type.dtype.kind == "b":
            return True
        node = node.inputs[0]
    return False


@rule("ML012", "targets out of reach")
def out_of_reach(subject: Subject) -> Iterator[Finding]:
    """The targets lie where the last activation cannot go.

    A sigmoid ends within (0, 1), a tanh within (−1, 1), a ReLU at 0: with the targets 2 and 3 after a sigmoid the mean
    squared error has a floor, and training ends with every output at 1.

    Leave the last activation out, or scale the targets into its range.
    """
    _, y = subject.data
    targets = [leaf.numpy() for leaf in leaves(y).values() if leaf.size]
    if len(subject.predictions) != 1 or len(targets) != 1 or not _compared(subject):
        return
    ranges = Ranges(subject.read.order)
    prediction = subject.predictions[0]
    low, high = ranges.of(prediction)
    beyond = np.asarray(targets[0], np.float64)
    outside = (beyond < low - 1e-6) | (beyond > high + 1e-6)
    if not outside.any() or (low, high) == (-inf, inf):
        return
    yield Finding(
        f"{int(outside.sum())} of {outside.size} targets cannot be reached: they go from {beyond.min():.4g} to "
        f"{beyond.max():.4g}, the output of the net from {low:.4g} to {high:.4g}",
        "leave the last activation out, or scale the targets into its range",
        subject.origin(source(prediction)),
        {"low": low, "high": high, "targets": int(outside.sum())},
    )


def _compared(subject: Subject) -> bool:
    """Whether the loss subtracts predictions and targets of the same shape from each other."""
    targets, ends = set(subject.argument(2)), {source(node) for node in subject.predictions}
    for node in subject.read.order:
        if node.primitive.name == "subtract":
            one, other = (source(child) for child in node.inputs)
            if (one in ends and other in targets) or (other in ends and one in targets):
                return node.inputs[0].array_type.shape == node.inputs[1].array_type.shape
    return False
