"""`jit`: a Python function as native code.

The first call with arguments of some form records the function and compiles its graph; a later call with arguments of
that form looks up their memory and runs. What the function writes to modules, optimizers and generators is written
into the memory that they have, where nobody else holds it.
"""

# The state of a handle is nobody's business but the core's, and this file's, which puts values there.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast

from maplet.compiler import native
from maplet.compiler.program import Program
from maplet.compiler.shortcut import Shortcut
from maplet.compiler.signature import Flat
from maplet.core import memory
from maplet.core.array import Array, from_value, set_state, twin
from maplet.core.body import require_callable
from maplet.core.context import located, thread
from maplet.core.recording import as_tree, numeric, record
from maplet.core.trace import Write, missing
from maplet.core.tree import objects, places, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from maplet.core.array import Value
    from maplet.core.recording import Recording

P = ParamSpec("P")
R = TypeVar("R")


def jit(f: Callable[P, R]) -> Jitted[P, R]:
    """The same function as native code: recorded and compiled once for each form of its arguments.

    Parameters
    ----------
    f
        A function of arrays, or of trees of them (lists, dicts, modules, optimizers). It may take derivatives inside.
        Integers, booleans and strings are settings: with another one it is compiled again. Floats, and NumPy arrays,
        are arrays. What ``f`` reads from outside (closures, global names, attributes) is looked up at every call, but
        for the numbers in a NumPy array from outside, which are those of the first call: make it an array of maplet.

    Returns
    -------
    A function with the same arguments and results. What ``f`` writes to modules is written when it has succeeded.
    ``compilations`` counts how often it was compiled and ``reasons`` says why; another number of rows, such as in a
    short last batch, is no reason, nor is another learning rate.

    Raises
    ------
    TraceError
        If ``f`` needs the value of an array in Python (``if``, ``float``, NumPy): see `where`, `cond` and `scan`.

    Examples
    --------
    >>> import maplet as mp
    >>> @mp.jit
    ... def f(x):
    ...     return mp.sum(mp.exp(x) * x)
    >>> f(mp.asarray([0.0, 1.0])).item()
    2.7182817459106445
    >>> f(mp.asarray([1.0, 1.0])).item(), f.compilations
    (5.436563491821289, 1)
    """
    located(require_callable)("jit", f)
    return Jitted(f)


class Jitted(Generic[P, R]):
    """A function that runs as native code; see `jit`."""

    def __init__(self, f: Callable[P, R], *, steadfast: bool = False) -> None:
        update_wrapper(self, f, updated=())
        self.function = f
        self.steadfast = steadfast  # whether loops work in place although they may fail half-way
        self.programs: dict[Any, Compiled] = {}
        self.forms: set[Any] = set()
        self.reasons: list[str] = []
        self.shortcut: Shortcut | None = None

    @property
    def compilations(self) -> int:
        """How often it was compiled."""
        return len(self.reasons)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A method: the object is its first argument."""
        if instance is None:
            return self
        return Bound(self, instance)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function."""
        if self.shortcut is not None and thread.trace is None and not kwargs:
            result = self.shortcut.run(args)
            if result is not missing:
                return result
        if thread.trace is not None:  # part of a larger program, which is compiled as a whole
            return self.function(*args, **kwargs)
        self.shortcut = None  # it holds the arrays too, which are overwritten only where nobody else does
        given = [_as_given(argument) for argument in args]
        named = {name: _as_given(argument) for name, argument in kwargs.items()}
        flat = Flat([given, named, self.function])
        compiled = self.programs.get(flat.key)
        if compiled is None:
            compiled, flat = self._compile(given, named, flat)
        result = compiled.run(flat)
        if not named and compiled.can_be_short():
            self.shortcut = Shortcut(compiled, given, Flat([given, named, self.function]))
        return result

    def turns(self, *args: Any) -> Iterator[Value] | None:
        """Run a function whose result is one array, row by row made by a loop, and come back now and then.

        Gives the rows that are made so far, again and again; what the function writes is then as after the last of
        them. None where it cannot be written in place.
        """
        given = [_as_given(argument) for argument in args]
        flat = Flat([given, {}, self.function])
        compiled = self.programs.get(flat.key)
        if compiled is None:
            compiled, flat = self._compile(given, {}, flat)
        return compiled.turns(flat) if compiled.program.in_place and compiled.can_be_short() else None

    def _compile(self, given: list[Any], named: dict[str, Any], flat: Flat) -> tuple[Compiled, Flat]:
        recording, began = _recorded(self.function, given, named)
        if began:  # optimizers have memory from now on, and the program is the one of all later steps too
            for optimizer, target in began:
                optimizer.init(target)
            flat = Flat([given, named, self.function])
            recording, _ = _recorded(self.function, given, named)
        form = (flat.structure, tuple((kind.dtype, kind.shape[1:]) for kind in flat.types))
        if form not in self.forms:
            self.reasons.append(self._reason(flat))
            self.forms.add(form)
        compiled = self.programs[flat.key] = Compiled(recording, flat, steadfast=self.steadfast)
        return compiled, flat

    def _reason(self, flat: Flat) -> str:
        if not self.programs:
            return "the first call"
        *_, (structure, types) = self.programs
        if structure == flat.structure:
            changed = next((a, b) for a, b in zip(types, flat.types, strict=True) if a != b)
            return f"an array of type {changed[0]} is now {changed[1]}"
        changed = next(((a, b) for a, b in zip(structure, flat.structure, strict=False) if a != b), None)
        return "the arguments have another structure" if changed is None else f"{changed[0]} is now {changed[1]}"


class Bound:
    """A compiled method of an object."""

    def __init__(self, jitted: Jitted[Any, Any], instance: Any) -> None:
        self.jitted = jitted
        self.instance = instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the method."""
        return self.jitted(self.instance, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.jitted, name)


def _as_given(argument: Any) -> Any:
    """An argument as a tree of arrays: itself, the very containers that the next call may bring again, if it is one."""
    return as_tree(argument) if any(isinstance(leaf, numeric) for _, leaf in places(argument)) else argument


def _recorded(
    f: Callable[..., Any], given: Sequence[Any], named: dict[str, Any]
) -> tuple[Recording, list[tuple[Any, Any]]]:
    """The recorded function, and the optimizers that began in it, each with what it will move."""
    count = len(given)
    names = list(named)

    def positional(*args: Any) -> Any:
        return f(*args[:count], **dict(zip(names, args[count:], strict=True)))

    thread.begun = []
    try:
        recording = record(positional if named else f, [*given, *named.values()], with_values=False)
        seen = recording.seen
        began = [(seen.get(id(o), o), replace(target, lambda leaf: seen.get(id(leaf), leaf), dict(seen)))
                 for o, target in thread.begun]  # fmt: skip
    finally:
        thread.begun = None
    return recording, began


class Compiled:
    """A recording as a program, and how the arrays and objects of a call stand for those of the recording.

    Parameters
    ----------
    recording
        What the function did.
    flat
        The trees that it was given, and those that it reaches from outside.
    """

    def __init__(self, recording: Recording, flat: Flat, *, steadfast: bool = False) -> None:
        self.recording = recording
        self.kept = flat.kept
        handles = [*(leaf for own in recording.argument_leaves for leaf in own), *recording.captured]
        self.numbers = [flat.position(handle) for handle in handles]
        self.identities = [id(handle) for handle in handles]
        found = [*(leaf for own in recording.argument_leaves for leaf in own), *recording.read()]
        self.held = [handle if n is None else None for n, handle in zip(self.numbers, found, strict=True)]
        self.objects = [(id(kept), flat.object_number(kept), kept) for kept in recording.outside]
        self.targets = [self._target(write, flat) for write in recording.writes]
        self.donated = donations(recording, handles, flat)
        self.replaced = self._replaced_in_attributes()
        self.program = Program(recording.graph, self.donated, steadfast=steadfast, disk=native.library().disk)
        # The arrays of this call are not kept, or each would have one holder more than it seems.
        recording.argument_leaves, recording.arguments, recording.captured, recording.seen = [], [], [], {}

    def _target(self, write: Write, flat: Flat) -> tuple[str, int]:
        number = flat.position(write.target) if isinstance(write.target, Array) else flat.object_number(write.target)
        return ("array" if isinstance(write.target, Array) else "object", -1 if number is None else number)

    def handles(self, flat: Flat) -> list[Array]:
        """The arrays of a call behind the inputs of the program."""
        return [
            cast("Array", held) if n is None else flat.arrays[n]
            for n, held in zip(self.numbers, self.held, strict=True)
        ]

    def run(self, flat: Flat) -> Any:
        """The result for some arguments; writes are carried out."""
        handles = self.handles(flat)
        outputs = [from_value(value) for value in self.program.run(self._values(handles))]
        return self.deliver(flat, handles, outputs)

    def _values(self, handles: Sequence[Array]) -> list[Value]:
        """The numbers behind arrays, in C order; of what is overwritten a copy, if somebody else holds it."""
        values: list[Value] = [_in_order(handle) for handle in handles]
        for number in self.donated.values():
            # A handle in an attribute gives way to a new one: whoever still holds the old one must not see it change.
            held = number in self.replaced and sys.getrefcount(handles[number]) > holders_of_handle
            if held or not _is_sole(handles[number], values, number) or not memory.lies_well(values[number]):
                values[number] = memory.copied(values[number])
        return values

    def turns(self, flat: Flat) -> Iterator[Value]:
        """See `Jitted.turns`."""
        handles = self.handles(flat)
        values = self._values(handles)
        for number in self.donated.values():
            set_state(handles[number], values[number], None, None)
        yield from self.program.turns(values)

    # ── the short way ────────────────────────────────────────────────────────────────────────────

    def can_be_short(self) -> bool:
        """Whether all that is written takes over the memory of what was there, so that no handle changes."""
        outputs = {id(leaf): number for number, leaf in enumerate(self.recording.outputs)}
        donated = [self.recording.outputs[n] for n in self.donated]
        if (
            objects(self.recording.result)
            or min(self.donated, default=self.recording.result_count) < self.recording.result_count
        ):
            return False
        for write in self.recording.writes:
            if write.content is missing:
                return False
            before = vars(write.target).get(write.name) if not isinstance(write.target, Array) else None
            for path, new in places(write.content):
                if isinstance(new, Array):
                    if id(new) in outputs and not any(new is one for one in donated):
                        return False
                elif dict(places(before)).get(path, missing) != new:
                    return False
        return True

    def _replaced_in_attributes(self) -> set[int]:
        """The inputs whose handle would be another one after each call: nobody may look at them by the old handle."""
        outputs = {id(leaf): number for number, leaf in enumerate(self.recording.outputs)}
        written = [w.content for w in self.recording.writes if not isinstance(w.target, Array)]
        return {
            self.donated[outputs[id(leaf)]]
            for content in written
            for _, leaf in places(content)
            if isinstance(leaf, Array) and outputs.get(id(leaf)) in self.donated
        }

    def result(self, outputs: Sequence[Array | None]) -> Any:
        """What the function returns."""
        recording = self.recording
        if isinstance(recording.result, Array):
            return outputs[0]
        made = {id(old): new for old, new in zip(recording.outputs, outputs, strict=True) if new is not None}
        return replace(recording.result, lambda leaf: made.get(id(leaf), leaf))

    def deliver(self, flat: Flat, handles: Sequence[Array], outputs: Sequence[Array]) -> Any:
        """Carry out the writes on the objects of this call, and give the result."""
        recording = self.recording
        results = dict(zip(self.identities, handles, strict=True)) | {
            id(old): twin(new, old) for old, new in zip(recording.outputs, outputs, strict=True)
        }
        memo: dict[int, Any] = {key: kept if n is None else flat.objects[n] for key, n, kept in self.objects}
        for write, (kind, number) in zip(recording.writes, self.targets, strict=True):
            target = write.target if number < 0 else flat.arrays[number] if kind == "array" else flat.objects[number]
            Write(target, write.name, write.content).carry_out(results, memo)
        return replace(recording.result, lambda leaf: results.get(id(leaf), leaf), memo)


holders_of_value = 4  # the handle, the list of values, the name in `_is_sole`, the call of `getrefcount`
holders_of_handle = 4  # where it stands, the flat tree, the list of handles, the call of `getrefcount`


def donations(recording: Recording, handles: Sequence[Array], flat: Flat) -> dict[int, int]:
    """Which output replaces which input for good, so that it may take over its memory: output → input number."""
    inputs = {id(handle): number for number, handle in enumerate(handles)}
    outputs = {id(leaf): number for number, leaf in enumerate(recording.outputs)}
    trees = [recording.result, *(write.content for write in recording.writes)]
    lasting = {id(leaf) for tree in trees for _, leaf in places(tree)}
    found: dict[int, int] = {}

    def pair(old: Any, new: Any) -> None:
        source, target = inputs.get(id(old)), outputs.get(id(new))
        if source is None or target is None or source in found.values() or target in found:
            return
        if id(old) in lasting:  # it only goes to another place, and is needed there as it is
            return
        if handles[source].type == recording.outputs[target].type:
            found[target] = source

    for write in recording.writes:
        if isinstance(write.target, Array):
            pair(write.target, write.content)
        elif write.content is not missing:
            before = dict(places(vars(write.target).get(write.name)))
            for path, new in places(write.content):
                old = before.get(path)
                number = flat.position(old) if isinstance(old, Array) else None
                if number is not None and flat.counts[number] == 1:
                    pair(old, new)
    return found


def _in_order(handle: Array) -> Value:
    """The numbers of an array in C order; one that is not, such as a row repeated, becomes so for good.

    For it must last: later calls count on its address.
    """
    value = handle.numpy()
    if not value.flags.c_contiguous:
        value = memory.copied(value)
        value.setflags(write=False)
        set_state(handle, value, None, None)
    return value


def _is_sole(handle: Array, values: list[Value], number: int) -> bool:
    """Whether a handle alone holds its value, so that nobody sees it overwritten."""
    value = cast("Value", handle._value)
    return value is values[number] and memory.owns(value) and sys.getrefcount(value) <= holders_of_value
