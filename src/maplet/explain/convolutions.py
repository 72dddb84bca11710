"""Convolutions as terms: the gradients of input and kernel as what they are, and not as the program computes them.

With x of shape (n, places…, c), w of (kernel…, c, o) and y = x ∗ w, the operation is
y[n,p,o] = Σ_k Σ_c x[n,p+k,c]·w[k,c,o], and the gradients with respect to its operands are, for δ = ∂L/∂y,

- ∂L/∂w = x ⋆ δ, the correlation: (x ⋆ δ)[k,c,o] = Σ_n Σ_p x[n,p+k,c]·δ[n,p,o],
- ∂L/∂x = δ ∗ᵀ w, the transposed convolution: (δ ∗ᵀ w)[n,a,c] = Σ_k Σ_o δ[n,a−k,o]·w[k,c,o].

With strides and dilation, s·p + d·k stands in the place of p + k. A program computes both as convolutions with operands
that are turned, padded and cut. Which node is which gradient is read off the trail.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from maplet.core.graph import Node, in_order, input_node
from maplet.explain.linear_terms import reshaped, scaled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maplet.explain.algebra import Algebra
    from maplet.explain.terms import Shape, Term
    from maplet.transforms.gradient import Trail

# Where the groups stand in the operands and in the result.
axes_of_groups = {"conv": (-2, -3, -2), "conv_input": (-2, -3, -2), "conv_kernel": (-2, -2, -3)}


@dataclass(frozen=True)
class Adjoint:
    """What a convolution sends back to one of its operands.

    Parameters
    ----------
    node
        The convolution.
    operand
        0 for the input, 1 for the kernel.
    reads
        The nodes that it is made of: cotangent and kernel, or input and cotangent.
    """

    node: Node
    operand: int
    reads: tuple[Node, ...]

    def term(self, algebra: Algebra, operands: list[Term]) -> Term:
        """The gradient as a term."""
        x, w = (child.array_type.shape for child in self.node.inputs)
        count = len(self.node.params["strides"])
        settings = dict(self.node.params)
        if self.operand == 0:
            return _bilinear(algebra, "conv_input", operands, {**settings, "lengths": x[1 : count + 1]}, x)
        return _bilinear(algebra, "conv_kernel", operands, {**settings, "sizes": w[:count]}, w)


def cut_out(trail: Trail, results: Sequence[Node]) -> tuple[dict[Node, Adjoint], list[Node]]:
    """A program with new inputs in the place of what its convolutions send back, so that nothing looks into them.

    Parameters
    ----------
    trail
        Which rule made which node.
    results
        What the program gives.

    Returns
    -------
    adjoints
        Input → what it stands for, of nodes that are cut out likewise.
    results
        What stands for the results.
    """
    stands: dict[Node, Node] = {}
    found: dict[Node, Adjoint] = {}
    for step in trail.steps:
        (cotangent, *_) = step.cotangents
        if step.node.primitive.name == "conv" and cotangent is not None:
            x, w = step.node.inputs
            for operand, reads in enumerate(((cotangent, w), (x, cotangent))):
                sent = step.contributions[operand]
                if sent is not None:
                    stands[sent] = stand_in = input_node(sent.array_type)
                    found[stand_in] = Adjoint(step.node, operand, reads)
    if not stands:
        return {}, list(results)
    for node in in_order([*results, *(one for adjoint in found.values() for one in adjoint.reads)], stands):
        operands = tuple([stands.get(child, child) for child in node.inputs])
        if node not in stands and operands != node.inputs:
            stands[node] = Node(node.primitive, operands, node.params, node.type)
    cut = {at: replace(one, reads=tuple([stands.get(node, node) for node in one.reads])) for at, one in found.items()}
    return cut, [stands.get(node, node) for node in results]


def convolution(algebra: Algebra, node: Node, operands: list[Term], shape: Shape) -> Term:
    """The convolution itself."""
    return _bilinear(algebra, "conv", operands, dict(node.params), shape)


def _bilinear(algebra: Algebra, head: str, operands: list[Term], settings: Mapping[str, Shape], shape: Shape) -> Term:
    """One of the three, with scalar factors before it, and without the axis of groups where there is one group."""
    *axes, own = axes_of_groups[head]
    inner: list[Term] = []
    ups: list[Term] = []
    downs: list[Term] = []
    coefficient = 1.0
    for operand, axis in zip(operands, axes, strict=True):
        c, up, down, array = scaled(algebra, operand)
        coefficient, ups, downs = coefficient * c, [*ups, *up], [*downs, *down]
        inner.append(_without_group(algebra, array, axis))
    plain = list(shape)
    if shape[own] == 1:
        del plain[own]
    found = algebra.make(head, inner, tuple(sorted(settings.items())), tuple(plain))
    return algebra.product([*ups, reshaped(algebra, found, shape)], downs, shape, coefficient)


def _without_group(algebra: Algebra, array: Term, axis: int) -> Term:
    shape = list(array.shape)
    if shape[axis] != 1:
        return array
    del shape[axis]
    return reshaped(algebra, array, tuple(shape))
