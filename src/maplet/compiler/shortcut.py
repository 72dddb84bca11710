"""The short way into a compiled function: everything as in the last call but for the numbers.

Walking through a network and its optimizer takes longer than many a step. So a call remembers the very objects,
containers and arrays that it met; while they are all there still, and nobody else holds what is overwritten, only the
addresses of the new inputs are told to the program.
"""

# The state of a handle is nobody's business but the core's, and this file's, which looks whether it is the same.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections import Counter
from itertools import chain
from operator import attrgetter, is_
from sys import getrefcount
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.array import Array, from_value, rebindings
from maplet.core.memory import empty
from maplet.core.trace import missing
from maplet.core.tree import Stateful, changes, leaves

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from maplet.compiler.jit import Compiled
    from maplet.compiler.signature import Flat
    from maplet.core.array import Value

value_of = attrgetter("_value")
content_of = attrgetter("cell_contents")


class Shortcut:
    """What must be as it was for a call to run without looking further.

    All of it is compared by functions of C that go through whole lists: this is what a small step waits for.

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
        self.fresh = [
            (n, slot, program.output_types[n].shape, program.output_types[n].dtype)
            for slot, n in enumerate(program.fresh, len(program.graph.inputs))
        ]
        handles = compiled.handles(flat)
        slots = {id(handle): slot for slot, handle in enumerate(handles)}
        overwritten = set(compiled.donated.values())
        free = {key: slot for key, slot in slots.items() if slot not in overwritten}
        self.arguments = [_Argument(argument, free) for argument in given]
        own = {id(argument) for argument in given if id(argument) in free}
        self.handles = [handle for handle in handles if id(handle) not in own]
        self.values = [cast("Value", handle._value) for handle in self.handles]
        # The arguments are looked at in `run`. Of a dict both are looked through, its names and what stands under them.
        self.sized = [container for container in flat.containers if container is not given]
        filled = [container for container in self.sized if container]
        self.dicts: list[dict[Any, Any]] = [container for container in filled if isinstance(container, dict)]
        self.filled: list[Iterable[Any]] = [one.values() if isinstance(one, dict) else one for one in filled]
        self.lengths = list(map(len, self.sized))
        self.keys = list(chain.from_iterable(self.dicts))
        self.elements = list(chain.from_iterable(self.filled))
        # Nobody but their own holders, and this object, may hold what is overwritten.
        held = [handles[slot] for slot in overwritten if slot in compiled.replaced]
        here = Counter(map(id, self.elements))
        self.counted = [*(cast("Value", handles[slot]._value) for slot in overwritten), *held]
        self.holders = [sole_value] * len(overwritten) + [sole_handle + here[id(handle)] for handle in held]
        self.cells = [cell for cell, _ in flat.cells]
        self.cell_contents = [content for _, content in flat.cells]
        self.names = [(found.get, name, value) for found, name, value in flat.names]
        self.changes, self.rebindings = changes.count, rebindings.count

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
                if argument is not known.fixed and not known.take(argument, program, kept):
                    return missing
            return self._finish(kept)
        finally:
            program.lock.release()

    def _is_as_it_was(self) -> bool:
        """Whether nothing has changed since the last call, and nobody else holds what is overwritten."""
        return (
            changes.count == self.changes
            and (rebindings.count == self.rebindings or self._values_are_as_they_were())
            and list(map(getrefcount, self.counted)) == self.holders
            and list(map(len, self.sized)) == self.lengths
            and list(chain.from_iterable(self.dicts)) == self.keys
            and all(map(is_, chain.from_iterable(self.filled), self.elements))
            and (not self.cells or self._cells_are_as_they_were())
            and (not self.names or all(get(name) is value for get, name, value in self.names))
        )

    def _values_are_as_they_were(self) -> bool:
        self.rebindings = rebindings.count
        return all(map(is_, map(value_of, self.handles), self.values))

    def _cells_are_as_they_were(self) -> bool:
        try:
            return all(map(is_, map(content_of, self.cells), self.cell_contents))
        except ValueError:  # a variable that has no value any more
            return False

    def _finish(self, kept: list[Any]) -> Any:
        program = self.program
        outputs: list[Array | None] = [None] * len(program.output_types)
        for number, slot, shape, dtype in self.fresh:
            value = empty(shape, dtype)
            kept.append(value)
            program.bind(slot, value)
            outputs[number] = from_value(value)
        program.execute()
        return self.compiled.result(outputs)


class _Argument:
    """What an argument was, and how another one takes its place."""

    def __init__(self, argument: Any, slots: dict[int, int]) -> None:
        self.slot = slots.get(id(argument), -1)
        self.is_array = self.slot >= 0  # an array that the function writes to, or does not read, must be the same one
        self.argument = argument
        self.fixed = missing if self.is_array else argument
        if self.is_array:
            self.shape, self.dtype = argument.shape, argument.dtype
        self.is_object = isinstance(argument, Stateful) or not leaves(argument)

    def take(self, argument: Any, program: Any, kept: list[Any]) -> bool:
        if not self.is_array:
            return self.is_object and type(argument) is type(self.argument) and _equal(argument, self.argument)
        value: Any = argument._value if isinstance(argument, Array) else argument
        if type(value) is not np.ndarray:
            return False
        value = cast("Value", value)
        if value.dtype is not self.dtype and value.dtype != self.dtype:
            return False
        if value.shape != self.shape or not value.flags.c_contiguous:
            return False
        kept.append(value)
        program.bind(self.slot, value)
        return True


def _equal(first: Any, second: Any) -> bool:
    return isinstance(first, bool | int | str) and first == second


def _counts() -> tuple[int, int]:
    """What `getrefcount` says of an array and of a handle that only their own holders hold."""
    handle = Array(np.zeros(1))
    container, handles, values = [handle], [handle], [handle._value]
    counted = [cast("Value", handle._value), handle]
    del handle
    of_value, of_handle = map(getrefcount, counted)
    assert container is not handles is not values  # noqa: S101  (they hold, as a shortcut and a network do)
    return of_value, of_handle


sole_value, sole_handle = _counts()
