"""What happens inside one node: a step of a loop, the branch that was taken, a function that is called.

The program inside is differentiated by itself, seeded with the gradients that the derivation around it has found for
the node's results. Of a loop this is backpropagation through time: what a step hands on gets the gradient that the step
after it sends back, ∂loss/∂h[t] = (from the results of step t) + (from step t+1), and what all steps read gets a sum,
∂loss/∂W = Σₜ ∂loss/∂W of step t.

Source: P. J. Werbos, "Backpropagation through time: what it does and how to do it", Proceedings of the IEEE 78, 1990.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.graph import Graph, nested_graphs
from maplet.core.types import is_floating
from maplet.errors import SettingError
from maplet.explain.formula import Formula, Name, Partial, Words
from maplet.explain.names import Named, names_for_people
from maplet.explain.node import Arrival
from maplet.explain.passes import Passes, passes
from maplet.explain.symbols import expression
from maplet.explain.words import say
from maplet.messages import shown
from maplet.settings import as_index
from maplet.transforms.evaluate import compute

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maplet.core.graph import Node
    from maplet.explain.derivation import Derivation
    from maplet.explain.node import ExplainedNode

loops = {"scan", "while_loop"}


@dataclass
class Inside:
    """The program inside of a node, and what went in and came back in each of its steps; of no loop there is one.

    Attributes
    ----------
    both
        The program with its backward pass, the same in all steps.
    named
        What its nodes are called.
    given
        For each step, the values of the program's inputs.
    seeds
        For each step, the gradients of the program's results that are seeded.
    reverse
        Whether a scan goes from its last row to the first; step t is always that of row t.
    """

    node: ExplainedNode
    both: Passes = field(init=False)
    named: Named = field(init=False)
    given: list[list[Any]] = field(init=False)
    seeds: list[list[Any]] = field(init=False)
    reverse: bool = False

    def __post_init__(self) -> None:
        written = self.node.written
        inner = nested_graphs(written)
        if not inner:
            raise SettingError(
                f"{self.node.name} is {self.node.operation}, and has no program inside",
                fix="the name of a loop, a branch or a function that is called, as text() shows it",
            )
        params = written.params
        if self.is_loop:
            self.reverse = params.get("reverse", False)
            self._unroll(inner)
            return
        operands = [self.node.derivation.values[child] for child in self.node.node.inputs]
        if self.node.operation == "switch":
            branches: tuple[Graph, ...] = params["branches"]
            index, *operands = operands
            graph = branches[min(max(int(index), 0), len(branches) - 1)]
        else:
            graph = inner["forward" if self.is_custom else "graph"]
        seeded = [] if self.is_custom else self._seeded(graph)
        self.both = passes(graph, seeded)
        self.given, self.seeds = [operands], [[self._value(n) for n in seeded]]
        outer = self.node.operands[len(self.node.operands) - len(operands) :]
        self._name(dict(zip(self.both.program.inputs, outer, strict=True)))

    def __len__(self) -> int:
        return len(self.given)

    @property
    def is_loop(self) -> bool:
        """Whether it has steps."""
        return self.node.operation in loops

    @property
    def is_custom(self) -> bool:
        """Whether the gradient goes past the program, by the pullback that the author of the function wrote."""
        return self.node.operation == "custom_gradient"

    @property
    def condition(self) -> ExplainedNode | None:
        """What a `cond` decided by: its branch 0 is the one for true, so its number is made of *not* the condition."""
        if self.node.operation != "switch":
            return None
        number = self.node.node.inputs[0]
        made_by = [node.primitive.name for node in (number, *number.inputs)]
        return self.node.derivation.of(number.inputs[0].inputs[0]) if made_by == ["astype", "logical_not"] else None

    # ── what comes back to its results ───────────────────────────────────────────────────────────

    def _cotangent(self, number: int) -> Node | None:
        """The node around it that is the gradient of one of its results."""
        step = self.node.step
        return None if step is None else step.cotangents[number]

    def _value(self, number: int) -> Any:
        node = self._cotangent(number)
        return None if node is None else self.node.derivation.values[node]

    def _seeded(self, graph: Graph) -> list[int]:
        """The results that have a gradient; what a loop hands on may get one from the step after it."""
        real = [n for n, node in enumerate(graph.outputs) if is_floating(node.array_type.dtype)]
        if self.node.step is None:
            return []
        return [n for n in real if n < self.carries or self._cotangent(n) is not None]

    # ── the steps of a loop ──────────────────────────────────────────────────────────────────────

    @property
    def constants(self) -> int:
        """How many arrays all steps of a loop read alike."""
        return self.node.written.params["constants"] if self.is_loop else 0

    @property
    def carries(self) -> int:
        """How many arrays the steps of a loop hand on."""
        if self.node.operation == "while_loop":
            return len(self.node.written.inputs) - self.constants
        return self.node.written.params["carries"] if self.is_loop else 0

    def _unroll(self, inner: Mapping[str, Graph]) -> None:
        """Run the loop again, forwards and then backwards, and keep what goes into each step."""
        body, values = inner["body"], self.node.derivation.values
        operands = [values[child] for child in self.node.node.inputs]
        constants, end = self.constants, self.constants + self.carries
        fixed, state, rows = operands[:constants], operands[constants:end], operands[end:]
        given: dict[int, list[Any]] = {}
        with np.errstate(all="ignore"):
            for t in self._order():
                if "condition" in inner and not compute(inner["condition"], [*fixed, *state])[0]:
                    break
                given[t] = [*fixed, *state, *(row[t, ...] for row in rows)]
                state = list(compute(body, given[t])[: self.carries])
            self.given = [given[t] for t in sorted(given)]
            seeded = self._seeded(body)
            self.both = passes(body, seeded)
            self._go_back(list(given), seeded)
        self._name({})

    def _order(self) -> Sequence[int]:
        """The numbers of the steps as they run; of a ``while_loop``, of as many as there may be."""
        params = self.node.written.params
        if self.node.operation == "while_loop":
            return range(params["bound"] if params["bound"] is not None else 2**62)
        return range(params["length"])[:: -1 if self.reverse else 1]

    def _go_back(self, order: Sequence[int], seeded: Sequence[int]) -> None:
        graph, carries = self.both.backward, [n for n in seeded if n < self.carries]
        inputs = self.both.program.inputs
        sources = [self.both.cotangents[inputs[self.constants + n]] for n in carries]
        step = Graph(graph.inputs, tuple(sources), graph.origins)
        types = [self.both.program.outputs[n].array_type for n in carries]
        last = [self._value(n) for n in carries]
        now = [np.zeros(t.shape, t.dtype) if v is None else v for v, t in zip(last, types, strict=True)]
        self.seeds = [[] for _ in self.given]
        for t in reversed(order):
            self.seeds[t] = [*now, *(self._value(n)[t, ...] for n in seeded if n >= self.carries)]
            now = list(compute(step, [*self.given[t], *self.seeds[t]])) if sources else now

    # ── names ────────────────────────────────────────────────────────────────────────────────────

    def _name(self, known: dict[Node, str]) -> None:
        if self.is_loop:
            known = self._names_of_a_step()
        by_lines, numbered = self.node.derivation.has_lines, f"{self.node.name}."
        self.named = names_for_people(self.both, known=known, by_lines=by_lines, result="", numbered=numbered)

    def _names_of_a_step(self) -> dict[Node, str]:
        """``h[t−1]`` and ``h[t]`` for what is handed on, ``x[t]`` for a row; what all steps read as it is around it."""
        program = self.both.program
        own = names_for_people(self.both, by_lines=self.node.derivation.has_lines, result="", numbered="").names
        constants, end = self.constants, self.constants + self.carries
        known = dict(zip(program.inputs[:constants], self.node.operands, strict=False))
        before, after = ("t+1", "t") if self.reverse else ("t−1", "t")
        entries = program.inputs[constants:end]
        own = _without_argument(own, program.inputs[constants:])
        known |= {node: f"{own[node]}[{before}]" for node in entries}
        known |= {node: f"{own[node]}[t]" for node in program.inputs[end:]}
        results = zip(program.outputs, [*(f"{own[node]}[{after}]" for node in entries), *self._rows()], strict=False)
        for node, name in results:
            if node not in known and node.inputs and name:
                known[node] = name
        return known

    def _rows(self) -> list[str]:
        """The rows that a scan gives, by what they are called around it."""
        names = {node.params["index"]: name for node, name in self._items()}
        count = len(self.both.program.outputs)
        return [f"{names[n]}[t]" if n in names else "" for n in range(self.carries, count)]

    def _items(self) -> list[tuple[Node, str]]:
        around = self.node.derivation
        return [(user, around.names[user]) for user, _ in around.users.get(self.node.node, ())]

    # ── one step ─────────────────────────────────────────────────────────────────────────────────

    def derivation(self, step: int | None = None) -> Derivation:
        """Every value and gradient of one step."""
        count = len(self)
        if self.is_loop and not count:
            raise SettingError(
                f"inside of {self.node.name}: the loop makes no step here, so there is none to look into",
                fix="explain the function for arguments with which the loop runs, such as an x with rows",
            )
        number = (0 if self.reverse else count - 1) if step is None else as_index(step)
        if number is None or not -count <= number < count or (step is not None and not self.is_loop):
            steps = f"{count} step{'s' * (count != 1)}" if self.is_loop else "no steps"
            raise SettingError(
                f"inside of {self.node.name}: there is no step {shown(step)}, it has {steps}",
                fix=f"a number from 0 to {count - 1}" if self.is_loop else "leave the step out",
            )
        number %= count
        around = self.node.derivation
        values = self.both.values(self.given[number], self.seeds[number])
        title = around.title if around.title != "<lambda>" else ""
        parts = [title, say("inside of", around.language, self.node.name)]
        if self.is_loop:
            parts.append(say("loop step", around.language, number, count - 1))
        make = type(around)  # which stands in a file that reads this one
        return make(
            self.both, self.named, values, title=", ".join(part for part in parts if part),
            language=around.language, has_lines=around.has_lines, loss=around.loss, arriving=self._arriving(number),
        )  # fmt: skip

    def _arriving(self, number: int) -> dict[Node, list[Arrival]]:
        """What gradient comes to its results from outside; in a ``custom_gradient``, to its inputs too."""
        found: dict[Node, list[Arrival]] = {}
        program = self.both.program
        if self.is_custom:
            return self._by_the_author()
        last = number == (0 if self.reverse else len(self) - 1)
        seeded = zip(self._seeded(program), self.seeds[number], strict=True)
        for n, value in sorted(seeded, key=lambda pair: -pair[0]):  # what the next step sends stands last
            if self.is_loop and last and self._cotangent(n) is None:  # nothing comes after it
                continue
            found.setdefault(program.outputs[n], []).append(Arrival(self._from_outside(n, number), value))
        return found

    def _from_outside(self, number: int, step: int | None = None) -> Formula:
        """How the gradient of a result is written that comes from around it."""
        if number < self.carries and step != (0 if self.reverse else len(self) - 1):
            key = "from step before" if self.reverse else "from step after"
            return Words(say(key, self.node.derivation.language))
        return Partial(Name(self.node.derivation.loss.name), Name(self._called(number)))

    def _called(self, number: int) -> str:
        name = {item.params["index"]: name for item, name in self._items()}.get(number, f"{self.node.name}[{number}]")
        return f"{name}[t]" if self.is_loop and number >= self.carries else name

    def _by_the_author(self) -> dict[Node, list[Arrival]]:
        """In a ``custom_gradient``, the gradients of results and inputs; the latter as the author's pullback says."""
        step, program, params = self.node.step, self.both.program, self.node.written.params
        if step is None:
            return {}
        pullback: Graph = params["pullback"]
        seeded: tuple[int, ...] = params["seeded"]
        wrt: tuple[int, ...] = params["wrt"]
        taken = [*(self._from_outside(n) for n in seeded),
                 *(Name(self.named.names[node]) for node in (*program.inputs, *program.outputs))]  # fmt: skip
        known: dict[Node, Formula] = dict(zip(pullback.inputs, taken, strict=True))
        found: dict[Node, list[Arrival]] = {
            program.outputs[n]: [Arrival(self._from_outside(n), value)]
            for n in seeded
            if (value := self._value(n)) is not None
        }
        for number, node in zip(wrt, pullback.outputs, strict=True):
            if (sent := self.node.sent[number]) is not None:
                found[program.inputs[number]] = [Arrival(expression(node, known), sent)]
        return found


def _without_argument(names: Mapping[Node, str], inputs: Sequence[Node]) -> dict[Node, str]:
    """``state.h`` as h, where that says enough: what the argument of a step is called matters to nobody."""
    short = {node: names[node].rpartition(".")[2] for node in inputs}
    clear = not any(name.isdigit() for name in short.values()) and len(set(short.values())) == len(short)
    return {**names, **(short if clear else {})}
