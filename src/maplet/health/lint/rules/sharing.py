"""ML006 and ML007: parameters that are one by accident, and weights that nobody trains."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.array import Parameter
from maplet.health.lint.finding import Finding, in_layer, rule
from maplet.health.lint.reading import products

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.health.lint.subject import Subject

few = 4096  # numbers that tell whether it is worth to compare all of them
names_of_weights = re.compile(r"(weight|bias|kernel|[wWbB])\d*")


@rule("ML006", "parameters that begin equal")
def begin_equal(subject: Subject) -> Iterator[Finding]:
    """Two parameters hold the same random numbers, and are not tied.

    Layers that were given the same seed, or one array for both, begin with the same weights. They are not tied: a tied
    parameter is one object that stands in two places. Equal layers in parallel compute the same.

    Instead of ``nn.Linear(8, 8, rng=0), nn.Linear(8, 8, rng=0)`` give each layer a seed of its own, or all of them one
    generator: ``rng = mp.random.Generator(0)``. To tie two layers use one object twice.
    """
    found: dict[Any, list[str]] = defaultdict(list)
    for name in subject.parameters:
        value = subject.number(name)
        if _looks_random(value):
            found[value.shape, value.dtype, value.ravel()[:few].tobytes()].append(name)
    for first, *others in found.values():
        names = [first, *(name for name in others if np.array_equal(subject.number(name), subject.number(first)))]
        if len(names) > 1:
            yield Finding(
                f"{' and '.join(names)} begin with the same random numbers, and are not tied",
                "give each its own seed, or all one generator: rng = mp.random.Generator(0); to tie them, use one "
                "object in both places",
                in_layer(names[1].rpartition(".")[0]),
                {"parameters": names},
            )


@rule("ML007", "frozen by accident")
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
                f"a parameter of type {handle.type} is read from outside of what is trained: it is a constant",
                "make it, or its layer, an attribute of the module; freeze() it if it is meant to stay",
                subject.origin(users[0]) if users else in_layer(""),
            )
    trained = set(subject.parameters.values())
    for name, node in subject.named.items():
        handle = subject.handles[name]
        owner, _, last = name.rpartition(".")
        plain = not isinstance(handle, Parameter) and node not in trained and names_of_weights.fullmatch(last)
        if plain and subject.read.consumers.get(node) and _looks_random(handle.numpy()):
            yield Finding(
                f"{name} is a plain array and no Parameter: it will not be trained",
                f"self.{last} = mp.Parameter(…); with trainable=False if it is meant to stay as it is",
                in_layer(owner),
            )


def _nothing_is_trained(subject: Subject) -> Iterator[Finding]:
    held = [handle for handle in subject.handles.values() if isinstance(handle, Parameter)]
    if held and not subject.parameters:
        yield Finding(
            f"all {len(held)} parameters are frozen: there is nothing to train",
            "let what is to learn be trained: net.head.unfreeze()",
            in_layer(""),
            {"parameters": len(held)},
        )


def _drawn_anew(subject: Subject) -> Iterator[Finding]:
    """Weights of a product that are made of random bits alone."""
    given = {*subject.named.values(), *(node for n in range(1, 1 + len(subject.batch)) for node in subject.argument(n))}
    for node in subject.read.order:
        if node.primitive.name in products:
            for weights, data in (node.inputs[::-1], node.inputs):
                drawn = weights in subject.read.random and subject.read.before([weights]).isdisjoint(given)
                if drawn and data in subject.read.with_data:
                    yield Finding(
                        "the weights of this layer are drawn anew in every step",
                        "make the layer in __init__, as an attribute of the module, and call it in forward",
                        subject.origin(node),
                    )


def _looks_random(value: np.ndarray[Any, Any]) -> bool:
    """Whether these are numbers that were drawn, and no zeros, ones, identity or table of a formula's."""
    real = value.ndim >= 2 and value.size >= 4 and value.dtype.kind == "f"
    sample = value.ravel()[:few]
    return real and len(np.unique(sample)) > sample.size / 2
