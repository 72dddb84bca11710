"""`explain`: backpropagation on the user's own function as data, which text, formulas and pictures only draw.

Nothing is differentiated here. The program is recorded, `gradient` extends it by its backward pass and leaves its trail
(which rule made which node from which), and every node of both is computed. A step of the derivation puts together what
these say about one forward node.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.bilingual import require_language
from maplet.core.context import Origin
from maplet.core.graph import as_made, constant_primitive, input_primitive
from maplet.core.recording import argument_names
from maplet.core.tree import Stateful
from maplet.errors import SettingError
from maplet.explain.descent import descend
from maplet.explain.equations import derivation_latex
from maplet.explain.inside import Inside
from maplet.explain.markup import element
from maplet.explain.names import names_for_people, names_outside
from maplet.explain.node import ExplainedNode
from maplet.explain.page import page
from maplet.explain.passes import passes
from maplet.explain.picture import mermaid
from maplet.explain.recorded import recorded
from maplet.explain.symbols import symbol
from maplet.explain.text import derivation_text, entry_text
from maplet.messages import shown, suggest
from maplet.transforms.selection import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from maplet.core.graph import Node
    from maplet.explain.descent import Descent
    from maplet.explain.names import Named
    from maplet.explain.node import Arrival
    from maplet.explain.passes import Passes

    Value = np.ndarray[Any, Any]


class Derivation:
    """Backpropagation through one function at one point: every value and cotangent, and where it comes from.

    Attributes
    ----------
    steps
        The nodes that compute, in the order of the forward pass.
    leaves
        The inputs: arguments, parameters, and arrays that the function took from outside.
    loss
        The step whose value is explained.
    backward, trail
        The graph that `gradient` made, and its trail.
    names
        Node of the forward graph → what people call it, each by another name.
    shown
        Node that is no step to speak of, such as another shape of the same → the one that is spoken of instead.
    called, symbols
        Node of the forward graph → how it is written in formulas, as text and as a formula.
    values
        Node of either pass → its value.
    arriving
        Node → what gradient comes to it from outside, where the program is the inside of another.
    has_lines
        Whether steps tell the line of the user's code; what was typed or read from a run has none.
    columns
        Name of an input that is one row of a table → the names of its columns.
    """

    def __init__(
        self,
        both: Passes,
        named: Named,
        values: dict[Node, Any],
        *,
        title: str,
        language: str,
        has_lines: bool = True,
        loss: ExplainedNode | None = None,
        arriving: Mapping[Node, Sequence[Arrival]] | None = None,
        columns: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.title, self.language, self.has_lines = title, language, has_lines
        self.passes, self.backward, self.trail = both, both.backward, both.trail
        self.names, self.shown, self.values = named.names, named.shown, values
        self.called = {node: self.names[self.shown.get(node, node)] for node in self.names}
        self.symbols = {node: symbol(node, self.called) for node in self.names}
        self.arriving, self.columns = arriving or {}, columns or {}
        order = as_made(both.program)
        self.users = _users(order)
        self._steps = {step.node: step for step in self.trail.steps}
        self._explained = {node: self._explain(node) for node in (*both.program.inputs, *order)}
        self.leaves = [self._explained[node] for node in both.program.inputs]
        self.steps = [
            self._explained[node] for node in order if node.primitive not in (input_primitive, constant_primitive)
        ]
        self.loss = loss or self._explained[both.program.outputs[0]]

    def _explain(self, node: Node) -> ExplainedNode:
        step, cotangent = self._steps.get(node), self.passes.cotangents.get(node)
        sent = step.contributions if step is not None else (None,) * len(node.inputs)
        incoming = None if cotangent is None else self.values[cotangent]
        if cotangent is None and node in self.arriving:  # its own pullback is not looked into
            incoming = np.asarray(sum(arrival.value for arrival in self.arriving[node]))
        values = tuple([None if one is None else self.values[one] for one in sent])
        if node.primitive.name == "item":  # the trail knows all results of an operation as one
            values = (incoming,)
        return ExplainedNode(
            node, self.names[node], self.backward.origins.get(node, Origin()), self.values[node], incoming, values,
            step, self,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"<derivation of {self.title}: {len(self.steps)} steps, {len(self.leaves)} inputs>"

    def require_whole(self, what: str) -> None:
        """Refuse what only a whole function has: what is inside of a node has no loss of its own."""
        if self.loss.derivation is not self:
            raise SettingError(
                f"{what}: {self.title} is a part of a program", fix="ask for it of the derivation of the whole function"
            )

    def of(self, node: Node) -> ExplainedNode:
        """What is known of a node of the forward graph."""
        return self._explained[node]

    def __getitem__(self, name: str) -> ExplainedNode:
        """The node that people call so: ``derivation["hidden.weight"]``."""
        given: Any = name
        for one in (*self.leaves, *self.steps):
            if isinstance(given, str) and one.name == given:
                return one
        names = [one.name for one in (*self.leaves, *self.steps)]
        meant = suggest(given, names, kind="names") if isinstance(given, str) else f"a name, such as {names[-1]!r}"
        raise SettingError(f"{self.title} has nothing called {shown(given)}", fix=meant)

    def gradients(self) -> dict[str, Value]:
        """∂loss/∂input by name, of every input that the loss depends on."""
        return {leaf.name: leaf.cotangent for leaf in self.leaves if leaf.cotangent is not None}

    def place(self, origin: Origin) -> str:
        """The line of the user's code that an origin tells, ``train.py:42``; empty where there is none."""
        return f"{Path(origin.file).name}:{origin.line}" if origin.file and self.has_lines else ""

    @cached_property
    def read_by_loss(self) -> set[Node]:
        """The nodes whose numbers the loss is computed from; what random bits are drawn by is none of them."""
        found: set[Node] = set()
        waiting = [self.loss.node]
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting += node.inputs if node.primitive.name != "random_bits" else ()
        return found

    def cotangent_node(self, node: Node) -> Node | None:
        """The node of the backward pass that is ∂loss/∂node."""
        return self.passes.cotangents.get(node)

    def chain(self, name: str) -> list[ExplainedNode]:
        """All through which a change of this node reaches the loss, the loss first and the node itself last."""
        reached: set[ExplainedNode] = set()
        waiting = [self[name]]
        while waiting:
            one = waiting.pop()
            if one not in reached:
                reached.add(one)
                waiting += [user for user, _, _ in one.received()]
        return [one for one in (*reversed(self.steps), *reversed(self.leaves)) if one in reached]

    def inside(self, name: str, step: int | None = None) -> Derivation:
        """What happens inside one node: a step of a loop, the branch that was taken, a function that is called.

        Its nodes have the gradient of the same loss. In a loop, ``h[t−1] ↦ h[t]`` is what a step makes of what is
        handed on, and the gradient of ``h[t]`` comes from the results of this step and from the step after it:
        backpropagation through time. In a ``custom_gradient`` the gradient of an input is what its author wrote.

        Parameters
        ----------
        name
            Of a node that is a `scan`, `while_loop`, `cond`, `checkpoint`, `custom_gradient` …
        step
            Which step of a loop, from 0, a negative one from the end; by default the last, where the way back begins.

        Raises
        ------
        SettingError
            If there is no program inside of the node, or no such step.

        Examples
        --------
        >>> import maplet as mp
        >>> def loss(w, x):
        ...     last, _ = mp.scan(lambda h, row: (mp.tanh(w * h + row), None), 0.0, x)
        ...     return last
        >>> step = mp.explain(loss, 0.5, mp.asarray([1.0, 2.0])).inside("v1", step=0)
        >>> print(step.text())  # doctest: +ELLIPSIS
        loss, inside of v1, t = 0 of 0 … 1: loss = 0.983041 · 3 steps
        ...
        """
        return Inside(self[name]).derivation(step)

    # ── how it is shown ──────────────────────────────────────────────────────────────────────────

    def __str__(self) -> str:
        return self.text()

    def text(self, *, entry: tuple[str, tuple[int, ...]] | None = None, unfold: bool | str = False) -> str:
        """As plain text: a line per step for scalars, matrix by matrix for small nets, folded by layer for large ones.

        Parameters
        ----------
        entry
            ``("hidden.weight", (0, 1))``: how this one element comes to its value and its gradient, and nothing else.
        unfold
            True shows every step of a large program; the name of a layer, or the line of a group, the steps there.

        Examples
        --------
        >>> import maplet as mp
        >>> print(mp.explain(lambda x, w: mp.sin(x * w), 0.5, 2.0).text())  # doctest: +ELLIPSIS
        loss = 0.841471 · 2 steps
        <BLANKLINE>
        forward pass
          v1 = x·w = 0.5·2 = 1 ...
          loss = sin v1 = sin 1 = 0.841471 ...
        <BLANKLINE>
        backward pass
          ∂loss/∂loss = 1
          ∂loss/∂v1 = ∂loss/∂loss·cos v1 = 1·0.540302 = 0.540302
          ∂loss/∂x = ∂loss/∂v1·w = 0.540302·2 = 1.0806
          ∂loss/∂w = ∂loss/∂v1·x = 0.540302·0.5 = 0.270151
        """
        if entry is None:
            return derivation_text(self, unfold)
        given: Any = entry
        if not isinstance(given, tuple) or len(cast("tuple[Any, ...]", given)) != 2 or not isinstance(given[1], tuple):
            raise SettingError(
                f"entry={shown(entry)}: expected a name and a place", fix='such as entry=("weight", (0, 1))'
            )
        return entry_text(self, *entry)

    def descend(self, learning_rate: float, names: Sequence[str] | None = None) -> Descent:
        """One step of gradient descent from here, θ ↦ θ − α∇J, with the loss before and after; see `Descent`.

        Parameters
        ----------
        learning_rate
            α > 0.
        names
            What is moved. By default the trainable parameters of modules, or else every input with a gradient, data
            too; what moved and what was held fixed is said.

        Examples
        --------
        >>> import maplet as mp
        >>> print(mp.explain(lambda x: x**2, 3.0).descend(0.1).text())
        one step of gradient descent: θ ↦ θ − α∇J
        moved: x
        <BLANKLINE>
          x ↦ 3 − 0.1·6 = 2.4
        <BLANKLINE>
          loss before: 9
          loss after: 5.76
          decrease predicted to first order, α‖∇J‖²: 3.6
          real decrease: 3.24
        """
        return descend(self, learning_rate, names)

    def latex(self, *, unfold: bool | str = False) -> str:
        """As LaTeX (amsmath): an equation per node, forward and then backward."""
        return derivation_latex(self, unfold)

    def mermaid(self, *, unfold: bool | str = False) -> str:
        """The graph as a flowchart in the language of Mermaid."""
        return mermaid(self, unfold)

    def html(self, *, unfold: bool | str = False) -> str:
        """One self-contained page: the graph to click through, formulas as MathML; nothing is loaded."""
        return page(self, unfold)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """What a notebook shows: the page in a frame of its own, so that it cannot meddle with the notebook."""
        frame = element("iframe", srcdoc=self.html(), style="width:100%;height:720px;border:0", title=repr(self))
        formulas = {"text/latex": self.latex(), "text/vnd.mermaid": self.mermaid()}
        return {"text/plain": self.text(), "text/html": frame, **formulas}


def explain(f: Callable[..., Any], *args: Any, language: str = "en") -> Derivation:
    """Show every step of backpropagation through a function, at the point that is given.

    The function runs as it does under `grad`, twice, to see that it gives the same both times; what it writes to
    modules is taken back.

    Parameters
    ----------
    f
        A function whose result is one real number, such as a loss.
    *args
        Numbers, arrays, trees of them, modules. Derivatives are taken with respect to all real numbers in them.
    language
        ``"en"`` or ``"zh"``: the language of what is said beside the formulas.

    Returns
    -------
    A `Derivation`.

    Raises
    ------
    GradientError
        If the result is no floating scalar.
    TraceError
        If the function is not deterministic. The message shows the values that differ.

    Examples
    --------
    >>> import maplet as mp
    >>> d = mp.explain(lambda x, w: mp.sin(x * w), 0.5, 2.0)
    >>> [(step.name, step.operation, step.operands) for step in d.steps]
    [('v1', 'multiply', ('x', 'w')), ('loss', 'sin', ('v1',))]
    >>> [round(float(x), 4) for x in (d.loss.value, d["v1"].cotangent, d["w"].cotangent)]
    [0.8415, 0.5403, 0.2702]
    """
    return explained(f, args, language=language)


def explained(
    f: Callable[..., Any],
    args: Sequence[Any],
    *,
    language: str,
    has_lines: bool = True,
    columns: Mapping[str, Sequence[str]] | None = None,
) -> Derivation:
    """What `explain` gives; of a function that is ours and not the user's, without its lines, and with its columns."""
    require_language(language)
    recording = recorded(f, args)
    objects = [name for name, arg in zip(argument_names(f, len(args)), args, strict=True) if isinstance(arg, Stateful)]
    both = passes(recording.graph)
    given = [array.numpy() for array in recording.given()]
    values = both.values(given, [np.ones((), both.backward.inputs[-1].array_type.dtype)], recording.values)
    outside = names_outside(f, recording.captured)
    named = names_for_people(both, outside, objects, by_lines=has_lines, values=values)
    return Derivation(both, named, values, title=name_of(f), language=language, has_lines=has_lines, columns=columns)


def _users(order: Sequence[Node]) -> dict[Node, list[tuple[Node, int]]]:
    """Node → who takes its value, and as which operand."""
    users: dict[Node, list[tuple[Node, int]]] = {}
    for node in order:
        for n, child in enumerate(node.inputs):
            users.setdefault(child, []).append((node, n))
    return users
