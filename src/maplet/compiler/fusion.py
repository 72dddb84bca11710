"""Fusion: a graph → nests, contractions, loops and calls of the host, in the order in which they run.

Every value is either stored or composed into what reads it: `cost_rule` decides.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from maplet.compiler import products
from maplet.compiler.blocks import Block, Choice, Contract, HostCall, Loop, Nest, Scatter, Storage
from maplet.compiler.conditions import by_results
from maplet.compiler.cost_rule import CostRule, near
from maplet.compiler.elements import Axis, Fetch, Running, Total, within
from maplet.compiler.epilogues import with_epilogues
from maplet.compiler.evaluator import Evaluator, NotHereError, access_of
from maplet.compiler.nests import sum_of_parts
from maplet.compiler.recognition import aimed_at, contains_reduce
from maplet.compiler.shared_sums import with_shared_sums
from maplet.compiler.strips import in_strips
from maplet.compiler.unread import without_unread
from maplet.core.graph import Graph, Node, as_made, constant_primitive, nested_graphs
from maplet.core.kinds import only_moves
from maplet.core.primitive import registry
from maplet.core.types import ArrayType, default_float, is_narrow
from maplet.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from maplet.compiler.elements import Element

# ── how it is made ───────────────────────────────────────────────────────────────────────────────

most_statements = 24  # in one nest: beyond, registers and compile time suffer
deepest = 64  # operations composed into one another: what reads such an expression goes down it on Python's stack


def fuse(graph: Graph) -> Block:
    """A closed graph as a block."""
    graph = by_results(graph)
    fuser = Fuser(graph)
    for node in graph.inputs:
        fuser.block.storage[node] = Storage(node.array_type, "input")
        fuser.born[node] = -1
    fuser.add_graph(graph)
    for node in graph.outputs:
        fuser.require(node)
    without_unread(fuser.block)
    in_strips(fuser.block)
    with_shared_sums(fuser.block)
    with_epilogues(fuser.block)
    return fuser.block


class Fuser:
    """Builds one block."""

    def __init__(self, graph: Graph) -> None:
        self.block = Block(graph)
        self.readers: dict[Node, list[Node | None]] = {}
        self.rule = CostRule(self.block.storage.__contains__, self.readers)
        self.born: dict[Node, int] = {}  # stored node → number of the item after which it is there
        self.depth: dict[Node, int] = {}  # operations that it is composed of, one in another
        self.items_of: dict[Node, list[Node]] = {}
        self.moving: dict[Node, Node] = {}  # what moves the result of a product, or that → the product, yet to be made

    def add_graph(self, graph: Graph) -> None:
        """All nodes of a graph whose inputs are known."""
        order = as_made(graph)
        for node in order:
            for child in node.inputs:
                self.readers.setdefault(child, []).append(node)
        for node in graph.outputs:
            self.readers.setdefault(node, []).append(None)
        self.block.origins.update(graph.origins)
        known = set(graph.inputs)
        for node in order:
            if node not in known:
                self._add(node)

    # ── one node ─────────────────────────────────────────────────────────────────────────────────

    def _add(self, node: Node) -> None:
        name = node.primitive.name
        if node.primitive is constant_primitive:
            if node.array_type.size != 1 or node.array_type.shape:
                self._store(node, Storage(node.array_type, "constant", node.params["value"]), born=-1)
        elif name == "item":
            self._item(node)
        elif name == "call":
            self._inline(node)
        elif name == "scan":
            self._loop(node, fuse(node.params["body"]), None)
        elif name == "while_loop":
            self._loop(node, fuse(node.params["body"]), fuse(node.params["condition"]))
        elif name == "switch":
            self._require_all(node.inputs)
            gives = [Storage(t, "switch") for t in _types(node)]
            self.block.items.append(Choice(node, [fuse(branch) for branch in node.params["branches"]], gives))
            self._give(node, gives)
        elif nested_graphs(node):
            raise GraphError(f"the compiler knows no nested operation {name!r}")
        elif node.primitive.access is None:
            self._require_all(node.inputs)
            gives = [Storage(t, name) for t in _types(node)]
            self.block.items.append(HostCall(node, gives))
            self._give(node, gives)
        else:
            self._compute(node)

    def _item(self, node: Node) -> None:
        several = node.inputs[0]
        if several in self.items_of:  # of an inlined graph: it stands for one of that graph's outputs
            index: int = node.params["index"]
            target = self.items_of[several][index]
            self.require(target)
            self._store(node, self.block.storage[target], born=self.born[target])

    def _give(self, node: Node, gives: list[Storage]) -> None:
        """The results of an item that was just added."""
        born = len(self.block.items) - 1
        if not isinstance(node.type, tuple):
            self._store(node, gives[0], born=born)
            return
        for reader in self.readers.get(node, []):
            if reader is not None:
                index: int = reader.params["index"]
                self._store(reader, gives[index], born=born)

    def _store(self, node: Node, storage: Storage, *, born: int) -> None:
        self.block.storage[node] = storage
        self.born[node] = born

    def _inline(self, node: Node) -> None:
        """A graph that is called: its nodes run here, between its own inputs and outputs."""
        graph = node.params["graph"]
        copied = _fresh(graph, node.inputs)
        for origin_node, copy in copied.items():
            if origin_node in graph.origins:
                self.block.origins[copy] = graph.origins[origin_node]
        made = set(node.inputs)
        order = [copied[n] for n in as_made(graph) if copied[n] not in made]
        for inner in order:
            for child in inner.inputs:
                self.readers.setdefault(child, []).append(inner)
        outputs = [copied[n] for n in graph.outputs]
        for inner in outputs:
            self.readers.setdefault(inner, []).append(None)
        for inner in order:
            self._add(inner)
        self.items_of[node] = outputs[: len(_types(node))]

    def _loop(self, node: Node, body: Block, condition: Block | None) -> None:
        self._require_all(node.inputs)
        gives = [Storage(t, node.primitive.name) for t in _types(node)]
        self.block.items.append(Loop(node, body, gives, condition))
        self._give(node, gives)

    # ── what is stored ───────────────────────────────────────────────────────────────────────────

    def _require_all(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            self.require(node)

    def require(self, node: Node) -> None:
        """See to it that a node lies in memory."""
        if node not in self.block.storage:
            if node.primitive is constant_primitive:
                self._store(node, Storage(node.array_type, "constant", node.params["value"]), born=-1)
            elif not self._contract(node, self.moving.get(node, node)):
                self._store_in_nest(node)

    def _compute(self, node: Node) -> None:
        access = access_of(node)
        composed = [child for child in node.inputs if child not in self.block.storage]
        self.depth[node] = 1 + max((self.depth.get(child, 0) for child in composed), default=0)
        product = node if products.is_contraction(node) else next(filter(None, map(self.moving.get, node.inputs)), None)
        if product is not None:
            if self.rule.is_moved_on(node):
                self.moving[node] = product
                return
            if self._contract(node, product):
                return
            if product is not node:
                self.require(product)
        if products.is_taken_in_float32(node):
            self._in_float32(node)
        elif contains_reduce(access.value):
            if not self._scatter(node):
                if self.rule.reads_turned(node):  # what is turned in squares first is read as it then lies
                    self._require_all(node.inputs)
                self._store_in_nest(node)
        elif self.depth[node] >= deepest or self.rule.is_stored(node, access):
            self._store_in_nest(node)

    def _in_float32(self, node: Node) -> None:
        """A sum of halves, whose terms and total are float32: what is added up is not rounded in between."""
        halves = dict.fromkeys(child for child in node.inputs if is_narrow(child.array_type.dtype))
        floats = {child: _converted(child, default_float) for child in halves}
        inputs = tuple(floats.get(child, child) for child in node.inputs)
        wide = Node(node.primitive, inputs, node.params, ArrayType(node.array_type.shape, default_float))
        total = _converted(wide, node.array_type.dtype)
        for made in (*floats.values(), wide, total):
            for child in made.inputs:
                self.readers.setdefault(child, []).append(made)
            if node in self.block.origins:
                self.block.origins[made] = self.block.origins[node]
        self._compute(wide)
        self.require(total)
        self._store(node, self.block.storage[total], born=self.born[total])

    # ── nests ────────────────────────────────────────────────────────────────────────────────────

    def _store_in_nest(self, node: Node) -> None:
        """Compute a node in a nest of the same shape if there is one that it fits into, else in one of its own."""
        shape = node.array_type.shape
        access = access_of(node)
        if only_moves(access.value):
            if self.rule.gives_another_shape(node):
                self.require(node.inputs[0])
            source = self.rule.same_memory(node)
            if source is not None:
                self._store(node, self.block.storage[source], born=self.born[source])
                return
        if not contains_reduce(access.value):
            for number in range(len(self.block.items) - 1, max(-1, len(self.block.items) - 60), -1):
                item = self.block.items[number]
                if (
                    isinstance(item, Nest)
                    and item.shape == shape
                    and len(item.outputs) < most_statements
                    and not any(isinstance(element, Running) for element in item.outputs.values())
                    and self._joins(node, item, number)
                ):
                    return
        axes = tuple(Axis(length) for length in shape)
        nest = Nest(axes, shape, Evaluator(self.block.storage.__contains__, {}))
        element = nest.evaluator.compute(node, nest.place())
        nest.outputs[node] = element
        self._register(nest)
        self.block.items.append(nest)
        self._store(node, Storage(node.array_type, node.primitive.name), born=len(self.block.items) - 1)

    def _register(self, nest: Nest) -> None:
        nest.evaluator.here = {node: (element, nest.place()) for node, element in nest.outputs.items()}

    def _joins(self, node: Node, nest: Nest, number: int) -> bool:
        """Add a node to a nest, if all that it reads is there when the nest runs."""
        evaluator = nest.evaluator
        known, checks = len(evaluator.memo), len(evaluator.checks)
        try:
            element = evaluator.compute(node, nest.place())
        except NotHereError:
            element = None
        asked = [condition for condition, _ in evaluator.checks[checks:]]
        depth = self._depth(node, number, {})
        if element is None or depth > deepest or not self._fits(nest, number, element, *asked):
            del evaluator.checks[checks:]
            while len(evaluator.memo) > known:  # so that what is known there has its checks among those of the nest
                evaluator.memo.popitem()
            return False
        nest.outputs[node] = element
        self._register(nest)
        self._store(node, Storage(node.array_type, node.primitive.name), born=number)
        self.depth[node] = depth
        return True

    def _depth(self, node: Node, nest: int, known: dict[Node, int]) -> int:
        """How many operations a value is composed of, one in another, of what is not stored and what is in a nest."""
        if node not in known:
            inside = [child for child in node.inputs if child not in self.block.storage]
            there = [self.depth.get(child, 0) for child in node.inputs if self.born.get(child) == nest]
            known[node] = 1 + max([*there, *(self._depth(child, nest, known) for child in inside)], default=0)
        return known[node]

    def _fits(self, nest: Nest, number: int, *elements: Element) -> bool:
        """Whether all that elements read is there when a nest runs, they need no new sums, and do not only crowd it."""
        parts = list(within(list(elements)))
        totals = {part for part in parts if isinstance(part, Total)}
        read = [part for part in parts if isinstance(part, Fetch)]
        known = set(within(list(nest.outputs.values())))
        if any(self.born[part.source] >= number for part in read) or not totals <= known:
            return False
        # Large arrays that have nothing in common would only be more streams than the memory can follow.
        return prod(nest.shape) <= near or any(part.at.terms and part in known for part in read)

    # ── sums of products, and sums that are really look-ups ──────────────────────────────────────

    def _contract(self, node: Node, product: Node) -> bool:
        """Contract a product, in the order in which a node wants it."""
        stored = self.block.storage.__contains__
        if not products.is_contraction(product):
            return False
        for child in product.inputs:
            operand = products.to_store(child, stored)
            if operand is not None:
                self.require(operand)
        item = products.contraction(node, product, stored)
        if item is None:
            return False
        if products.is_in_parts(product):
            item = products.in_parts(item)
            self._append(item, item.node)
            together = sum_of_parts(node, item.node, "sum", self.block.storage.__contains__)
            self._register(together)
            self._append(together, node)
        else:
            self._append(item, node)
        return True

    def _scatter(self, node: Node) -> bool:
        """``Σ_p [at(p) = i]·x(p)`` visits every p once, and not every pair (p, i)."""
        aimed = aimed_at(access_of(node).value)
        if aimed is not None and aimed.into is not None:  # what is changed while it runs must not be read for it
            self._require_all(node.inputs)
        item = products.scatter(node, self.block.storage.__contains__)
        if item is None:
            return False
        self._append(item, node)
        return True

    def _append(self, item: Contract | Scatter | Nest, node: Node) -> None:
        self.block.items.append(item)
        self._store(node, Storage(node.array_type, node.primitive.name), born=len(self.block.items) - 1)


# ── small things ─────────────────────────────────────────────────────────────────────────────────


def _types(node: Node) -> tuple[ArrayType, ...]:
    return node.type if isinstance(node.type, tuple) else (node.type,)


def _converted(node: Node, dtype: np.dtype[Any]) -> Node:
    return Node(registry["astype"], (node,), {"dtype": dtype}, ArrayType(node.array_type.shape, dtype))


def _fresh(graph: Graph, operands: Sequence[Node]) -> dict[Node, Node]:
    """A copy of the nodes of a graph over other inputs, so that a graph that is called twice runs twice."""
    copied: dict[Node, Node] = dict(zip(graph.inputs, operands, strict=True))
    for node in as_made(graph):
        if node not in copied:
            copied[node] = Node(node.primitive, tuple(copied[c] for c in node.inputs), node.params, node.type)
    return copied
