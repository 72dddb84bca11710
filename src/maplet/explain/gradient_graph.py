"""The gradient graph of a derivation, folded by layer: the program that backpropagation is, from the loss backwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from maplet.core.graph import as_made, constant_primitive
from maplet.core.text import node_text
from maplet.explain.folding import norm, repeated, title_of
from maplet.explain.picture import Box, short
from maplet.explain.print_text import text
from maplet.explain.symbols import number
from maplet.explain.words import say

if TYPE_CHECKING:
    from typing import Any

    from maplet.core.graph import Node
    from maplet.explain.derivation import Derivation

most_lines = 4  # in a box that name gradients


@dataclass(frozen=True, eq=False)
class Made:
    """A node of the backward pass.

    Parameters
    ----------
    node
        The node.
    name
        ``∂loss/∂w`` where it is that of something, else ``g1``, ``g2``, ….
    program
        What it computes, as a line of the program: ``g1 = multiply(∂loss/∂z, x)``.
    rule
        The operation of the forward pass whose pullback made it.
    value
        What it is.
    """

    node: Node
    name: str
    program: str
    rule: str
    value: Any

    @property
    def size(self) -> str:
        """A number as itself, an array by its norm."""
        if isinstance(self.value, tuple):
            return "…"
        return text(number(self.value)) if self.value.size == 1 else f"‖{norm([self.value]):.4g}‖"


@dataclass(frozen=True, eq=False)
class Layer:
    """What backpropagation does in one layer.

    Parameters
    ----------
    title
        The path of the layer, or what stands for what is outside of layers.
    nodes
        What it computes, in order.
    gradients
        Of these, the gradients of inputs and parameters, by the name of the input.
    read
        The names of what it takes of the forward pass.
    """

    title: str
    nodes: tuple[Made, ...]
    gradients: dict[str, Made]
    read: tuple[str, ...]


def gradient_layers(derivation: Derivation) -> tuple[list[Layer], list[tuple[int, int]]]:
    """The gradient graph in groups by layer, the loss first, and the arrows between the groups by number.

    Parameters
    ----------
    derivation
        What is shown.

    Examples
    --------
    >>> import maplet as mp
    >>> layers, arrows = gradient_layers(mp.explain(lambda x, w: mp.sin(x * w), 0.5, 2.0))
    >>> [made.program for made in layers[0].nodes]
    ['g1 = cos(v1)', '∂loss/∂v1 = multiply(∂loss/∂loss, g1)', '∂loss/∂x = multiply(∂loss/∂v1, w)', \
'∂loss/∂w = multiply(∂loss/∂v1, x)']
    """
    backward = derivation.backward
    nodes = [node for node in as_made(backward) if node not in derivation.names and node.inputs]
    names = _names(derivation, nodes)
    groups: dict[str, list[Node]] = {}
    for node in nodes:
        groups.setdefault(title_of(backward.origins[node], derivation), []).append(node)
    groups = _in_runs(groups)
    of = {node: n for n, members in enumerate(groups.values()) for node in members}
    wanted = [(leaf.name, derivation.cotangent_node(leaf.node)) for leaf in derivation.leaves]
    layers: list[Layer] = []
    for title, members in groups.items():
        made = {node: _made(derivation, node, names) for node in members}
        read = {child: None for node in members for child in node.inputs if child in derivation.names}
        taken = [derivation.names[child] for child in read if child.primitive is not constant_primitive]
        gradients = {name: made[node] for name, node in wanted if node in made}
        layers.append(Layer(title, tuple(made.values()), gradients, tuple(taken)))
    arrows = {
        (of[child], of[node]): None for node in nodes for child in node.inputs if of.get(child, of[node]) != of[node]
    }
    return layers, list(arrows)


def _in_runs(groups: dict[str, list[Node]]) -> dict[str, list[Node]]:
    """The groups with those that come again and again as one, as the loss graph has them."""
    titles, members = list(groups), list(groups.values())
    patterns = [tuple([(node.primitive.name, str(node.type)) for node in nodes]) for nodes in members]
    found: dict[str, list[Node]] = {}
    for start, period, times in repeated(patterns, len(groups)):
        end = start + period * times
        title = titles[start] if times == 1 else f"{titles[start]} … {titles[end - 1]}"
        found[title] = [node for nodes in members[start:end] for node in nodes]
    return found


def gradient_boxes(layers: list[Layer], language: str) -> list[Box]:
    """A box for each group: what it computes, what it reads, and the gradients that it gives."""
    boxes: list[Box] = []
    for n, layer in enumerate(layers):
        operations = list(dict.fromkeys(made.node.primitive.name for made in layer.nodes))
        lines = [short(", ".join(operations)), short(say("reads", language, ", ".join(layer.read)))]
        lines = lines if layer.read else lines[:1]
        lines += [short(f"∂ {name} {made.size}") for name, made in list(layer.gradients.items())[:most_lines]]
        lines += ["∂ …"] if len(layer.gradients) > most_lines else []
        boxes.append(Box(short(layer.title), tuple(lines), "fold" if n else "loss", ()))
    return boxes


def _names(derivation: Derivation, nodes: list[Node]) -> dict[Node, str]:
    loss = derivation.loss.name
    names = dict(derivation.names)
    # Where several have the same gradient it is called by an input, or by what has a name, or by the first.
    ranked = sorted((*derivation.leaves, *derivation.steps), key=lambda one: one.is_numbered)
    for known in reversed(ranked):
        cotangent = derivation.cotangent_node(known.node)
        if cotangent is not None:
            names[cotangent] = f"∂{loss}/∂{known.name}"
    names.setdefault(derivation.backward.inputs[-1], f"∂{loss}/∂{loss}")
    numbered = (node for node in as_made(derivation.backward) if node not in names)
    for node in numbered:
        if node.primitive is constant_primitive:
            value = np.asarray(node.params["value"])
            names[node] = text(number(value)) if value.size == 1 else str(node.type)
    for n, node in enumerate((node for node in nodes if node not in names), start=1):
        names[node] = f"g{n}"
    return names


def _made(derivation: Derivation, node: Node, names: dict[Node, str]) -> Made:
    origin = derivation.backward.origins[node]
    rule = origin.derivations[0].operation if origin.derivations else ""
    return Made(node, names[node], node_text(node, names), rule, derivation.values[node])
