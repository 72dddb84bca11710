"""A fused block as text, in index notation: what is computed in which nest, and what is stored.

::

    fused(x: f32[2,3], net.weight: f32[3,4], net.bias: f32[4]) {
      contraction
        %0[i,j] = sum(k<3: x[i,k] * net.weight[k,j])   : f32[2,4]   # net.py:3
      nest 2×4
        %1[i,j] = tanh(%0[i,j] + net.bias[j])   : f32[2,4]   # net.py:4
      host call
        %2 = argsort(%1)   : i64[2,4]   # net.py:5
      return %1, %2
    }

Every array that lies in memory has a name and a line; all else is composed into what reads it. ``v0[i] = …`` is a
value that a nest uses several times. What stands below the product in a contraction is computed of each element at
once, and the product lies nowhere. In a loop ``h'`` is what the next round knows as ``h``, and ``xs[t,i]`` stands in
the row of this round; ``(a[i] if c)`` is 0 where the condition does not hold. ``w'`` is a result that is written into
the memory of the input ``w``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler.blocks import Block, Choice, Contract, HostCall, Item, Loop, Nest, Scatter, Storage, Strips
from maplet.compiler.elements import Axis, Element, Fetch, Function, Linear, Total
from maplet.compiler.formulas import Formulas, indexed
from maplet.core.text import node_names, node_text, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from maplet.core.context import Origin
    from maplet.core.graph import Node

step_names = ("t", *(f"t{n}" for n in range(2, 100)))


def listing(block: Block, *, origins: bool = False, in_place: Mapping[Storage, Storage] | None = None) -> str:
    """A block as text.

    Parameters
    ----------
    block
        What `fuse` made of a graph.
    origins
        Whether each line says where it came from.
    in_place
        Result → the input whose memory it takes over.
    """
    return "\n".join(Listing(block, origins=origins, in_place=in_place or {}).whole(block))


def all_origins(block: Block) -> dict[Node, Origin]:
    """Where the nodes of a block came from, and those of the blocks in it."""
    found = {**block.graph.origins, **block.origins}
    for item in block.items:
        for inner in inner_blocks(item):
            found = {**all_origins(inner), **found}
    return found


def inner_blocks(item: Item) -> list[Block]:
    """The blocks in a loop or a choice, in the order in which they are written."""
    match item:
        case Loop(body=body, condition=condition):
            return [body] if condition is None else [condition, body]
        case Choice(branches=branches):
            return branches
        case _:
            return []


class Listing:
    """Writes the text of one program."""

    def __init__(self, block: Block, *, origins: bool, in_place: Mapping[Storage, Storage]) -> None:
        self.origins = all_origins(block) if origins else {}
        self.replaced = in_place
        self.names: dict[Storage, str] = {}
        self.constants: list[str] = []
        self.results = 0
        self.depth = 0

    def whole(self, block: Block) -> list[str]:
        """All lines."""
        names = node_names(block.graph)
        for node, storage in zip(block.graph.inputs, block.inputs, strict=True):
            self.names[storage] = names[node]
        for storage, old in self.replaced.items():
            self.names.setdefault(storage, f"{self.names[old]}'")
        inputs = [f"{self.names[storage]}: {storage.type}" for storage in block.inputs]
        lines = list(self.items(block))
        returned = _listed("return ", [self.name(storage) for storage in block.outputs], "")
        return [
            *_listed("fused(", inputs, ") {"),
            *(f"  {line}" for line in (*self.constants, *lines, *returned)),
            "}",
        ]

    def name(self, storage: Storage) -> str:
        """What an array is called."""
        if storage not in self.names:
            if storage.value is None:
                self.names[storage] = f"%{self.results}"
                self.results += 1
            else:
                self.names[storage] = f"c{len(self.constants)}"
                self.constants.append(f"constant {self.names[storage]}: {storage.type}")
        return self.names[storage]

    def items(self, block: Block) -> Iterator[str]:
        """The lines of all items of a block."""
        for item in block.items:
            yield from self.item(item, block)

    def item(self, item: Item, block: Block) -> Iterator[str]:
        """The lines of an item."""
        match item:
            case Nest():
                yield " ".join(["nest", "×".join(map(str, item.shape))]).rstrip()
                yield from _indented(self._nest(item, block))
            case Scatter():
                begin = 0 if item.into is None else self.name(block.storage[item.into.node])
                yield f"scatter into {-1 if item.combiner == 'max' else begin}"
                yield from _indented(self._scatter(item, block))
            case Contract():
                yield "contraction"
                yield from _indented(self._contract(item, block))
            case HostCall(node=node, gives=gives):
                yield "host call"
                named = {child: self.name(block.storage[child]) for child in node.inputs}
                shown = [*node_text(node, {node: self._names(gives), **named}).split("\n")]
                yield from _indented([*shown[:-1], shown[-1] + self._end(gives, node)])
            case Loop():
                yield from self._loop(item, block)
            case Choice():
                yield from self._choice(item, block)
            case Strips():
                yield f"strips of {item.strip} of {item.rows} rows"
                for member in item.members:
                    yield from _indented(self.item(member.item, block))

    def _names(self, several: Sequence[Storage]) -> str:
        return ", ".join(map(self.name, several))

    def _end(self, gives: Sequence[Storage], node: Node) -> str:
        """The end of a line: types, and where it came from."""
        origin = str(self.origins.get(node, ""))
        return "".join([
            f"   : {', '.join(str(storage.type) for storage in gives)}",
            f"   # {origin}" if origin else "",
        ])  # fmt: skip

    # ── what a kernel computes ───────────────────────────────────────────────────────────────────

    def _formulas(self, block: Block, axes: Sequence[Axis], roots: Sequence[Element]) -> Formulas:
        return Formulas(lambda node: self.name(block.storage[node]), axes, roots)

    def _nest(self, nest: Nest, block: Block) -> Iterator[str]:
        checks = nest.evaluator.checks
        formulas = self._formulas(block, nest.axes, nest.roots)
        yield from self._checks(checks, formulas)
        for node, element in nest.outputs.items():
            shown = formulas.text(element)
            yield from formulas.take_lines()
            storage = block.storage[node]
            name = indexed(self.name(storage), formulas.place(nest.axes))
            yield f"{name} = {shown}{self._end([storage], node)}"
            formulas.call(element, name)

    def _checks(self, checks: Sequence[tuple[Element, Node]], formulas: Formulas) -> Iterator[str]:
        for condition, node in checks:
            shown = formulas.text(condition)
            yield from formulas.take_lines()
            yield f"error in {node.primitive.name} if {shown}"

    def _scatter(self, item: Scatter, block: Block) -> Iterator[str]:
        axes = [axis for axis in (*item.axes, *item.sums) if axis is not item.axes[item.aimed]]
        formulas = self._formulas(block, axes, item.roots)
        formulas.aims.add(item.at)
        yield from self._checks(item.checks, formulas)
        at, value = formulas.text(item.at), formulas.text(item.body)
        yield from formulas.take_lines()
        storage = block.storage[item.node]
        places = [at if axis is item.axes[item.aimed] else formulas.place([axis]) for axis in item.axes]
        sign = {"sum": "+=", "last": "="}.get(item.combiner, f"{item.combiner}=")
        yield f"{indexed(self.name(storage), ','.join(places))} {sign} {value}{self._end([storage], item.node)}"

    def _contract(self, item: Contract, block: Block) -> Iterator[str]:
        problem = item.contraction
        axes, sums = [Axis(axis.extent) for axis in problem.axes], [Axis(axis.extent) for axis in problem.sums]
        stretched = list(zip((*axes, *sums), (*problem.axes, *problem.sums), strict=True))
        fetches = [
            Fetch(problem.dtype, node, Linear(start, {axis: known.stride(name) for axis, known in stretched}), None)
            for name, node, start in zip("ab", (item.a, item.b), problem.starts, strict=True)
        ]
        element: Element = Function(problem.dtype, "multiply", tuple(fetches))
        for axis in reversed(sums):
            element = Total(problem.dtype, "sum", axis, element, False)
        formulas = self._formulas(block, axes, [element])
        storage = block.storage[item.node]
        shown = formulas.text(element)
        yield from formulas.take_lines()
        place = indexed(self.name(storage), formulas.place(axes))
        yield f"{place} = {shown}{self._end([storage], item.product)}"
        if item.epilogue is not None:
            yield from self._nest(item.epilogue, block)

    # ── what stands around ───────────────────────────────────────────────────────────────────────

    def _loop(self, item: Loop, block: Block) -> Iterator[str]:
        params, node = item.node.params, item.node
        given = [self.name(block.storage[child]) for child in node.inputs]
        gives = [self.name(storage) for storage in item.gives]
        origin = str(self.origins.get(node, ""))
        first = params["constants"]
        count = params["carries"] if item.condition is None else len(given) - first
        step = step_names[self.depth]
        self.depth += 1
        carries = [
            f"carry {name} = {given[first + n]}{self._end([item.gives[n]], node).split('   #')[0]}"
            for n, name in enumerate(gives[:count])
        ]
        inside = [*given[:first], *gives[:count], *(indexed(name, step) for name in given[first + count :])]
        targets = [*(f"{name}'" for name in gives[:count]), *(indexed(name, step) for name in gives[count:])]
        if item.condition is None:
            length = params["length"]
            header = f"for {step} in {length - 1}‥0 backwards" if params["reverse"] else f"for {step} in 0‥{length}"
            lines = [*carries, *self._body(item.body, inside, targets)]
        else:
            truth = f"%{self.results}"
            self.results += 1
            header = f"while {truth}" + ("" if params["bound"] is None else f", at most {params['bound']} times")
            condition = [*self._body(item.condition, inside, [truth])]
            lines = [*carries, *condition, *self._body(item.body, inside, targets)]
        self.depth -= 1
        stacked = [f"{name}: {storage.type}" for name, storage in zip(gives[count:], item.gives[count:], strict=True)]
        ended = f"   → {', '.join(stacked)}" if stacked else ""
        yield header + ended + (f"   # {origin}" if origin else "")
        yield from _indented(lines)

    def _body(self, body: Block, given: Sequence[str], targets: Sequence[str]) -> Iterator[str]:
        """The lines of a block whose inputs and outputs have names already."""
        for storage, name in zip(body.inputs, given, strict=True):
            self.names[storage] = name
        for storage, target in zip(body.outputs, targets, strict=True):
            if storage.value is None:
                self.names.setdefault(storage, target)
        yield from self.items(body)
        for storage, target in zip(body.outputs, targets, strict=True):
            name = self.name(storage)
            if name not in (target, target.removesuffix("'")):
                yield f"{target} = {name}"

    def _choice(self, item: Choice, block: Block) -> Iterator[str]:
        which, *given = [self.name(block.storage[child]) for child in item.node.inputs]
        gives = [self.name(storage) for storage in item.gives]
        yield f"switch on {which}{self._end(item.gives, item.node)}"
        for number, branch in enumerate(item.branches):
            yield f"  case {number}"
            yield from (f"    {line}" for line in self._body(branch, given, gives))


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _listed(first: str, items: Sequence[str], last: str) -> list[str]:
    """A list on one line where that is short, else with a line for each."""
    line = f"{first}{', '.join(items)}{last}"
    if len(line) <= width:
        return [line]
    return [first.rstrip(), *(f"  {item}," for item in items), *([last] if last else [])]
