"""A whole training script: its first update is checked against the gradient of its loss.

The file is run as Python would run it, recorded, with a word put in at three kinds of places: what looks like a loss
(`loss = …`, or what a function called ``…loss`` returns) is noted; what looks like an update (`W -= step`,
`W = W - step`) is noted before and after; where a noted update comes round again, the run ends.
"""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import ast
import contextlib
import io
import math
import re
import sys
from pathlib import Path
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.bilingual import require_language
from maplet.errors import GradientError
from maplet.health.audit.bench import Bench
from maplet.health.audit.calling import Run
from maplet.health.audit.causes import Cause
from maplet.health.audit.copies import arrays_in
from maplet.health.audit.fresh import fresh, nudged
from maplet.health.audit.judging import judged, of_user, others
from maplet.health.audit.lines import Line
from maplet.health.audit.namespace import Namespace
from maplet.health.audit.tape import Float, Recorded, Ref, Tape
from maplet.health.audit.truth import Truth
from maplet.health.audit.verdict import Finding, Report, Verdict
from maplet.health.audit.words import sentence

if TYPE_CHECKING:
    from collections.abc import Callable

looks_like_loss = re.compile(r"(^|_)(loss|cost|mse|objective|nll)|(loss|cost)$|^(J|total)$", re.IGNORECASE)
is_rate = re.compile(r"(lr|alpha|eta|learning_?rate|step_?size|rate)$", re.IGNORECASE)
word = "__audit__"


def audit_script(path: str | Path, *, tolerance: float = 1e-5, seed: int = 0, language: str = "en") -> Report:
    """Check the first update of a training script against the gradient of its loss.

    Parameters
    ----------
    path
        The file; it is run up to the second turn of its training loop.
    tolerance, seed, language
        As for `audit`.

    Raises
    ------
    GradientError
        If no loss or no update was found in the file, or the file raises an error.
    """
    require_language(language)
    witness = of_user(lambda: _witnessed(Path(path)))
    first = witness.run()
    rng = np.random.default_rng(seed)
    benches = [Bench(first, tolerance), *(Bench(witness.run(rng), tolerance) for _ in range(others))]
    report = judged(benches, Bench(witness.run(rng, nudged), tolerance), first, language)
    return _with_direction(report, witness, first, language)


def _with_direction(report: Report, witness: Witness, first: Run, language: str) -> Report:
    """The report with what the update does to the loss."""
    before, after = witness.losses(first)
    remark = sentence(language, "step", {"before": f"{before:.6g}", "after": f"{after:.6g}"})
    verdicts = report.verdicts
    for update in witness.updates.values():
        if update.name in first.gradients and witness.slope(first, update) > 0.9:
            words = sentence(language, Cause.CLIMBS)
            climbs = Finding(Cause.CLIMBS, words, update.line.file, update.line.number, remark)
            verdicts = tuple(v.with_finding(climbs) if v.name == update.name and _may_climb(v) else v for v in verdicts)
    return Report(verdicts, language, report.dtype, (*report.remarks, remark))


def _may_climb(verdict: Verdict) -> bool:
    """Whether going up is the fault itself, and does not merely follow from another one that was named."""
    causes = {finding.cause for finding in verdict.findings}
    return verdict.judgement == "wrong" and (not causes or not causes.isdisjoint((Cause.SIGN, Cause.UNKNOWN)))


class Update:
    """One update of a parameter: the call that held it before, and the one that holds it now."""

    def __init__(self, name: str, line: Line, old: int) -> None:
        self.name = name
        self.line = line
        self.old = old
        self.new = old


class Stop(BaseException):
    """The training loop has come round."""


class Witness:
    """What is noted while the script runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tape = Tape()
        self.updates: dict[tuple[str, int], Update] = {}
        self.open: dict[tuple[str, int], tuple[str, int]] = {}  # the update of each line that was noted last
        self.seen_losses: list[tuple[str, int]] = []
        self.variables: dict[str, Any] = {}
        self.names: dict[int, str] = {}

    def namespace(self, module: ModuleType) -> Any:
        """NumPy or `math` as the script sees it."""
        return Namespace(module, self.tape, draws=True) if module in (np, math) else module

    def loss(self, name: str, value: Any) -> Any:
        """A value that looks like the loss; given on."""
        one = value[0] if isinstance(value, tuple) and value else value
        if isinstance(one, Recorded) and np.size(one.value) == 1:
            self.seen_losses.append((name, one.number))
        return value

    def number(self, value: float) -> Recorded:
        """A number that is updated later, such as ``b = 0``: a parameter like an array."""
        return self.tape.enter(np.asarray(float(value)))

    def before(self, name: str, number: int, value: Any) -> None:
        """An update is about to happen."""
        if not isinstance(value, Recorded) or value.value.dtype.kind != "f":
            return
        if (name, number) in self.open and self._comes_round(value.number):
            raise Stop
        if not self.updates:
            self._note_names(sys._getframe(1))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (as in maplet.core.context)
        called = self.names.get(value.number, name) if "[" in name else name  # for name in P: P[name] -= …
        key = self.open[name, number] = (called, number)
        self.updates[key] = Update(called, Line("", str(self.path), number), value.number)

    def _comes_round(self, number: int) -> bool:
        """Whether a parameter has been updated already; sums of gradients (``dW += …``) are updated many times."""
        behind = self._behind_losses()
        done = {u.new for u in self.updates.values() if u.new != u.old and u.old in behind}
        return not done.isdisjoint(self.tape.ancestors([number]))

    def _note_names(self, frame: FrameType) -> None:
        """What the variables are called, in the first turn of the loop."""
        for name, array in arrays_in({**frame.f_globals, **frame.f_locals}):
            if isinstance(array, Recorded):
                self.names[array.number] = name.removeprefix("self.")

    def _behind_losses(self) -> set[int]:
        """What leads to a loss as it is before any update."""
        new = {u.new for u in self.updates.values() if u.new != u.old}
        each = [self.tape.ancestors([loss]) for _, loss in self.seen_losses]
        return set[int]().union(*(behind for behind in each if behind.isdisjoint(new)))

    def after(self, name: str, number: int, value: Any) -> None:
        """An update has happened."""
        key = self.open.get((name, number))
        if key in self.updates:
            if isinstance(value, Recorded):
                self.updates[key].new = value.number
            else:
                del self.updates[key]

    def run(self, rng: np.random.Generator | None = None, move: Callable[..., dict[str, Any]] = fresh) -> Run:
        """The run, or the same on other random inputs."""
        updates = self._updates()
        loss = self._loss(updates)
        tape = self.tape if rng is None else self._moved(rng, move, loss, updates)
        found = Run(tape, loss, {u.name: u.old for u in updates})
        found.names = self.names | {u.old: u.name for u in updates}
        found.gradients = {u.name: self._gradient(tape, u) for u in updates}
        # A loss that is only printed is computed when the gradients are known: what leads to them alone is backward.
        backward = tape.ancestors([g.number for g in found.gradients.values()]) - tape.ancestors([loss])
        found.begin = min(backward, default=len(tape.calls))
        return found

    def _updates(self) -> list[Update]:
        behind = self._behind_losses()
        changed = [u for u in self.updates.values() if u.new != u.old]
        ends = [u.new for u in changed if u.old in behind]
        steps, last = self.tape.ancestors(ends), max(ends, default=len(self.tape.calls))
        # dW += … is no update but part of one, in this turn of the loop or in the next
        found = [u for u in changed if u.old in behind or (u.new not in steps and u.new < last)]
        if not found:
            raise GradientError(
                f"{self.path.name}: no update of a parameter was found",
                fix="write updates as W -= rate * dW, or audit its functions: FILE.py:forward FILE.py:backward",
            )
        return found

    def _loss(self, updates: list[Update]) -> int:
        old, new = {u.old for u in updates}, {u.new for u in updates}
        behind = [(n, self.tape.ancestors([n])) for _, n in self.seen_losses]
        reaching = [n for n, ancestors in behind if ancestors & old and not ancestors & new]
        if not reaching:
            raise GradientError(
                f"{self.path.name}: no loss was found that the parameters lead to, as they are before the update",
                fix="assign it to a variable called loss, as one number: loss = np.mean(…)",
            )
        return reaching[-1]

    def _gradient(self, tape: Tape, update: Update) -> Recorded:
        """What the update takes away, without its learning rate; of an update that adds, the negative."""
        call = tape.calls[update.new]
        refs = [arg for arg in call.args if isinstance(arg, Ref)]
        step = next((ref.number for ref in refs if ref.number != update.old), update.new)
        inner, alone = tape.calls[step], step
        if inner.kind == "multiply":
            arrays = [a.number for a in inner.args if isinstance(a, Ref) and np.size(tape.values[a.number]) > 1]
            plain = [a for a in inner.args if not isinstance(a, Ref) or np.size(tape.values[a.number]) == 1]
            alone = arrays[0] if len(arrays) == 1 and len(plain) == 1 else _one(tape, inner, step)
        found = Recorded(tape, alone)
        if alone == step and (rate := self._learning_rate()):  # it is inside: (lr * x.T) @ dz
            found = tape.call(np.divide, (found, rate), {})
            tape.calls[found.number].lines = tape.calls[step].lines
        if call.kind == "add":
            found = tape.call(np.negative, (found,), {})
            tape.calls[found.number].lines = call.lines
        return found

    def _learning_rate(self) -> float:
        """The number that the script calls learning rate; 0 where it has none."""
        named = [v for name, v in self.variables.items() if is_rate.match(name) and isinstance(v, float | int)]
        return float(named[0]) if named else 0.0

    def _moved(self, rng: np.random.Generator, move: Any, loss: int, updates: list[Update]) -> Tape:
        """The same calls on other inputs."""
        parameters = {str(u.old) for u in updates}
        entered = {str(c.number): c.value for c in self.tape.calls if c.function is None} | {
            str(u.old): self.tape.values[u.old] for u in updates
        }
        behind = self.tape.ancestors([loss])
        entered = {name: value for name, value in entered.items() if int(name) in behind}
        moved = move(entered, parameters, rng)
        tape = Tape()
        tape.values = self.tape.replay({int(name): value for name, value in moved.items()})
        tape.calls = list(self.tape.calls)
        return tape

    def slope(self, run: Run, update: Update) -> float:
        """The cosine between an update and the gradient: −1 straight down, 1 straight up."""
        step = self.tape.values[update.new] - self.tape.values[update.old]
        gradient = Truth(run).cotangents[update.old]
        size = float(np.linalg.norm(step) * np.linalg.norm(gradient))
        return float(np.sum(gradient * step)) / size if size else 0.0

    def losses(self, run: Run) -> tuple[float, float]:
        """The loss before and after the update."""
        moved = {u.old: self.tape.values[u.new] for u in self._updates()}
        after = self.tape.replay(moved)[run.loss]
        return float(np.sum(run.value(run.loss))), float(np.sum(after))


def _one(tape: Tape, call: Any, otherwise: int) -> int:
    """Of a product of two numbers the one that was computed: a gradient of one element, and not the learning rate."""
    computed = [a.number for a in call.args if isinstance(a, Ref) and tape.calls[a.number].function is not None]
    return computed[0] if len(computed) == 1 else otherwise


def _witnessed(path: Path) -> Witness:
    """Run the script up to the second turn of its training loop."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text, str(path))
    tree = ast.fix_missing_locations(_Words(_descending(tree)).visit(tree))
    witness = Witness(path)
    module = ModuleType("__main__")
    module.__file__ = str(path)
    space: dict[str, Any] = vars(module)
    space |= {word: witness, "float": Float}
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Stop), np.errstate(all="ignore"):
            exec(compile(tree, str(path), "exec"), space)  # noqa: S102  (the file that the user named)
    finally:
        sys.path.remove(str(path.parent.resolve()))
    witness.variables = space
    return witness


def _descending(tree: ast.AST) -> set[str]:
    """What something is taken away from that is computed: ``b -= rate * db``, and no counter."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.AugAssign(op=ast.Sub(), target=target, value=value):
                found |= set() if isinstance(value, ast.Constant) else {ast.unparse(target)}
            case ast.Assign(targets=[target], value=ast.BinOp(op=ast.Sub(), left=left, right=right)):
                same = ast.unparse(left) == ast.unparse(target)
                found |= {ast.unparse(target)} if same and not isinstance(right, ast.Constant) else set()
            case _:
                pass
    return found


class _Words(ast.NodeTransformer):
    """Puts the words of the witness into a program."""

    def __init__(self, descending: set[str]) -> None:
        self.descending = descending
        self.functions: list[str] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        """Inside of a function, what it returns may be the loss."""
        self.functions.append(node.name)
        self.generic_visit(node)
        self.functions.pop()
        return node

    def visit_Import(self, node: ast.Import) -> Any:
        """Behind an import of NumPy, the recorder takes its name."""
        names = [alias.asname or alias.name for alias in node.names if alias.name in ("numpy", "math")]
        return [node, *(_parsed(f"{name} = {word}.namespace({name})", node) for name in names)]

    def visit_Return(self, node: ast.Return) -> Any:
        """What a function called loss returns is one."""
        if node.value is not None and self.functions and looks_like_loss.search(self.functions[-1]):
            node.value = _call("loss", [ast.Constant(self.functions[-1]), node.value], node)
        return node

    def visit_Assign(self, node: ast.Assign) -> Any:
        """``loss = …``, ``loss, cache = …`` and ``W = W - …``."""
        (target, *rest) = node.targets
        if rest:
            return node
        text = ast.unparse(target)
        named = target.elts[0] if isinstance(target, ast.Tuple) and target.elts else target
        if looks_like_loss.search(ast.unparse(named).split(".")[-1]):
            node.value = _call("loss", [ast.Constant(text), node.value], node)
            return node
        value = node.value
        if text in self.descending and isinstance(value, ast.Constant) and type(value.value) in (int, float):
            node.value = _call("number", [value], node)
            return node
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Sub | ast.Add) and ast.unparse(value.left) == text:
            return self._noted(node, text)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        """``W -= …`` is an update; ``loss += …`` is a loss in the making."""
        text = ast.unparse(node.target)
        if looks_like_loss.search(text.split(".")[-1]):
            return [node, _parsed(f"{text} = {word}.loss({text!r}, {text})", node)]
        return self._noted(node, ast.unparse(node.target)) if isinstance(node.op, ast.Sub | ast.Add) else node

    def _noted(self, node: ast.stmt, text: str) -> list[ast.stmt]:
        note = f"{word}.{{}}({text!r}, {node.lineno}, {text})"
        return [_parsed(note.format("before"), node), node, _parsed(note.format("after"), node)]


def _parsed(text: str, at: ast.stmt) -> ast.stmt:
    return ast.copy_location(ast.parse(text).body[0], at)


def _call(name: str, args: list[Any], at: ast.stmt) -> ast.Call:
    function = ast.Attribute(ast.Name(word, ast.Load()), name, ast.Load())
    return ast.copy_location(ast.Call(function, args, []), at)
