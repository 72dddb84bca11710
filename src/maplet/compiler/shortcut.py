"""The short way into a compiled function: everything as in the last call but for the numbers.

Walking through a network and its optimizer takes longer than many a step. So a call remembers the very objects,
containers and arrays that it met; while they are all there still, and nobody else holds what is overwritten, only the
addresses of the new inputs are told to the program.
"""

# The state of a handle is nobody's business but the core's, and this file's, which looks whether it is the same.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false

from __future__ import annotations

from sys import getrefcount
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.array import Array, from_value
from maplet.core.trace import missing
from maplet.core.tree import Stateful, changes, leaves

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.compiler.jit import Compiled
    from maplet.compiler.signature import Flat
    from maplet.core.array import Value


class Shortcut:
    """What must be as it was for a call to run without looking further.

    Parameters
    ----------
    compiled
        The program of the last call.
    given, flat
        Its arguments, and all that was found in them and around the function.
    """

    def __init__(self, compiled: Compiled, given: Sequence[Any], flat: Flat) -> None:
        self.compiled = compiled
        program = compiled.program
        self.program = program
        self.fresh = [(n, program.output_types[n]) for n in program.fresh]
        handles = compiled.handles(flat)
        slots = {id(handle): slot for slot, handle in enumerate(handles)}
        overwritten = set(compiled.donated.values())
        free = {key: slot for key, slot in slots.items() if slot not in overwritten}
        self.arguments = [_Argument(argument, free) for argument in given]
        own = {id(argument) for argument in given if id(argument) in free}
        self.overwritten: list[tuple[Array, Value, int]] = []
        self.read: list[tuple[Array, Value]] = []
        attributes = compiled.replaced
        for slot, handle in enumerate(handles):
            value = handle._value
            assert value is not None  # noqa: S101  (outside of a trace)
            if slot in overwritten:
                self.overwritten.append((handle, value, slot if slot in attributes else -1))
            elif id(handle) not in own:
                self.read.append((handle, value))
        self.held = [handle for handle, _, slot in self.overwritten if slot >= 0]
        self.containers = [(c, _identities(c)) for c in flat.containers]
        self.cells, self.names = flat.cells, flat.names
        self.changes = changes.count

    def run(self, args: Sequence[Any]) -> Any:
        """The result; `missing` if something is no longer as it was."""
        if len(args) != len(self.arguments) or not self._is_as_it_was():
            return missing
        program = self.program
        if not program.lock.acquire(blocking=False):
            return missing
        try:
            kept: list[Any] = []
            for argument, known in zip(args, self.arguments, strict=True):
                if not known.take(argument, program, kept):
                    return missing
            return self._finish(kept)
        finally:
            program.lock.release()

    def _is_as_it_was(self) -> bool:
        """Whether nothing has changed since the last call, and nobody else holds what is overwritten."""
        if changes.count != self.changes:
            return False
        for handle, value, _ in self.overwritten:
            if handle._value is not value or getrefcount(value) > sole_value:
                return False
        handle = None  # or the last one would have one holder more
        for handle in self.held:
            if getrefcount(handle) > sole_handle:
                return False
        for handle, value in self.read:
            if handle._value is not value:
                return False
        for container, identities in self.containers:
            if _identities(container) != identities:
                return False
        return all(cell.cell_contents is content for cell, content in self.cells) and all(
            found.get(name) is value for found, name, value in self.names
        )

    def _finish(self, kept: list[Any]) -> Any:
        program = self.program
        outputs: list[Array | None] = [None] * len(program.output_types)
        slot = len(program.graph.inputs)
        for number, kind in self.fresh:
            value = np.empty(kind.shape, kind.dtype)
            kept.append(value)
            program.bind(slot, value.__array_interface__["data"][0])
            slot += 1
            outputs[number] = from_value(value)
        program.execute()
        return self.compiled.result(outputs)


class _Argument:
    """What an argument was, and how another one takes its place."""

    def __init__(self, argument: Any, slots: dict[int, int]) -> None:
        self.argument = argument
        self.slot = slots.get(id(argument), -1)
        self.is_array = self.slot >= 0  # an array that the function writes to, or does not read, must be the same one
        if self.is_array:
            self.shape, self.dtype = argument.shape, argument.dtype
        self.is_object = isinstance(argument, Stateful) or not leaves(argument)

    def take(self, argument: Any, program: Any, kept: list[Any]) -> bool:
        if not self.is_array:
            return argument is self.argument or (
                self.is_object and type(argument) is type(self.argument) and _equal(argument, self.argument)
            )
        value: Any = argument._value if isinstance(argument, Array) else argument
        if type(value) is not np.ndarray:
            return False
        value = cast("Value", value)
        if value.dtype != self.dtype or value.shape != self.shape or not value.flags.c_contiguous:
            return False
        kept.append(value)
        program.bind(self.slot, value.__array_interface__["data"][0])
        return True


def _equal(first: Any, second: Any) -> bool:
    return isinstance(first, bool | int | str) and first == second


def _identities(container: Any) -> tuple[Any, ...]:
    values = getattr(container, "values", None)  # of a dict
    return tuple(map(id, container)) if values is None else (*container, *map(id, values()))


def _counts() -> tuple[int, int]:
    """What `getrefcount` says of an array and of a handle that only their own holders hold."""
    handle = Array(np.zeros(1))
    overwritten = [(handle, cast("Value", handle._value), 0)]
    held = [handle for handle, _, slot in overwritten if slot >= 0]
    container = [handle]
    del handle
    for _, value, _ in overwritten:
        of_value = getrefcount(value)
        for one in held:
            of_handle = getrefcount(one)
            return of_value, of_handle if container else 0
    raise AssertionError


sole_value, sole_handle = _counts()
