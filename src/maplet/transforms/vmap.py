"""`vmap`: a function of one row, applied to many rows at once."""

from __future__ import annotations

from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from maplet.core.array import Array
from maplet.core.context import here
from maplet.core.recording import Recording, argument_names, as_tree, record
from maplet.core.tree import leaves
from maplet.errors import ShapeError, TraceError
from maplet.ops.movement import moveaxis
from maplet.transforms.axes import axes_of, refused
from maplet.transforms.batch import batch
from maplet.transforms.evaluate import apply
from maplet.transforms.selection import bound, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.core.trace import Write
    from maplet.core.types import ArrayType
    from maplet.transforms.axes import Axis, Placed


def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]:
    """A function of one row made into a function of many rows, without a loop.

    Parameters
    ----------
    f
        What is done for one row: a function of arrays, trees or modules.
    in_axes
        Which axis of the arguments counts the rows: an int for all arrays of all arguments, or a tuple with one entry
        per positional argument. An entry is an int (negative ones count from the back), None for an argument that all
        rows share, or a tree of these like the argument, which may end above the leaves. For a module an entry may
        be a dict from attributes or parameter names to entries; an int makes it an ensemble, every array of which has
        the axis. Keyword arguments are always shared. Integers, strings and other settings stay what they are.
    out_axes
        Where the axis is put in the value: an int, None for what does not depend on the rows, or a tree of these like
        the value. What does not depend on the rows, and has an axis here, is repeated.

    Returns
    -------
    A function of the arguments with their axes, whose value has the rows stacked.

    Every row draws random numbers of its own from a generator that the rows share, which advances once. What ``f``
    writes to objects that the rows share is written once and must not depend on the row; what it writes in the place
    of an array that has the axis (in an ensemble) gets the axis. Captured arrays are shared.

    Raises
    ------
    SettingError
        If in_axes or out_axes do not have the structure of the arguments or the value, or name no axis at all.
    ShapeError
        If an array does not have the axis, or the axes are not of one length.
    TraceError
        If a value that depends on the row decides a Python ``if``, or is written to what the rows share.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.vmap(mp.grad(lambda w, x: (w * x) ** 2), in_axes=(None, 0))(1.0, mp.asarray([1.0, 2.0]))
    Array([2., 8.], dtype=float32)
    """
    if not callable(f):
        raise TraceError(
            f"vmap takes a function of one row, given {type(f).__name__}",
            fix="mp.vmap(f)(x), not mp.vmap(f(x))",
            where=str(here()) or None,
        )

    @wraps(f)
    def over_rows(*args: Any, **kwargs: Any) -> Any:
        given = [as_tree(arg) for arg in args]
        names = argument_names(f, len(given))
        placed = [
            _counted(axes_of("in_axes", entry, tree, name))
            for entry, tree, name in zip(_entries(in_axes, names), given, names, strict=True)
        ]
        size = _common_length(f, [one for own in placed for one in own.values()])
        rows = [{key: _row(leaf, axis) for key, (_, leaf, axis) in own.items()} for own in placed]
        recording = record(bound(f, kwargs), given, with_values=False, seen_as=rows)
        results = _result_axes(recording, out_axes)
        written = _written_axes(recording, {key: axis for own in placed for key, (_, _, axis) in own.items()})
        stacked = {key: axis for key, (_, _, axis) in results.items() if axis is not None} | written
        arrays, batched = _with_rows_in_front(recording, placed)
        graph, carries = batch(
            recording.graph, size, batched, rows=True, spread=[id(one) in stacked for one in recording.outputs]
        )
        _require_shared(recording, carries, results, stacked)
        outputs = [
            moveaxis(array, 0, stacked[id(one)]) if id(one) in stacked else array
            for one, array in zip(recording.outputs, apply(graph, arrays), strict=True)
        ]
        return recording.finish(outputs)

    return over_rows


# ── what comes in ────────────────────────────────────────────────────────────────────────────────


def _entries(in_axes: Any, names: Sequence[str]) -> Sequence[Any]:
    if not isinstance(in_axes, tuple | list):
        return [in_axes] * len(names)
    entries = cast("Sequence[Any]", in_axes)
    if len(entries) != len(names):
        raise refused(
            f"in_axes has {len(entries)} entries, but the function was called with {len(names)} positional arguments",
            "give one entry per positional argument, None for what all rows share; keyword arguments have none",
        )
    return entries


def _counted(placed: dict[int, Placed]) -> dict[int, tuple[str, Array, int]]:
    """The arrays that have an axis, which is counted from the front."""
    return {
        key: (name, leaf, _require_axis("in_axes", name, leaf.type, axis, leaf.ndim))
        for key, (name, leaf, axis) in placed.items()
        if axis is not None
    }


def _require_axis(what: str, name: str, array_type: ArrayType, axis: int, ndim: int) -> int:
    if -ndim <= axis < ndim:
        return axis % ndim
    have = "has no axis to go over" if ndim == 0 else f"has the axes 0 to {ndim - 1}"
    raise ShapeError(
        f"vmap: {name} ({array_type}) {have}, {what} says {axis}",
        fix="None is the entry of what all rows share: in_axes=(0, None)" if what == "in_axes" else None,
        where=str(here()) or None,
    )


def _common_length(f: Callable[..., Any], placed: Sequence[tuple[str, Array, int]]) -> int:
    if not placed:
        raise refused(
            f"vmap of {name_of(f)}: no argument has an axis to go over",
            "give an array with rows, and in_axes that says which of its axes counts them",
        )
    lengths = {leaf.shape[axis] for _, leaf, axis in placed}
    if len(lengths) > 1:
        shown = [f"{leaf.shape[axis]} rows in {name} (axis {axis} of {leaf.type})" for name, leaf, axis in placed]
        distinct = {leaf.shape[axis]: text for text, (_, leaf, axis) in zip(shown[::-1], placed[::-1], strict=True)}
        raise ShapeError(
            f"vmap of {name_of(f)}: the axes differ in length: {', '.join(list(distinct.values())[::-1])}",
            fix="None is the entry of what all rows share: in_axes=(0, None); another axis is named by its number",
            where=str(here()) or None,
        )
    return lengths.pop()


def _row(leaf: Array, axis: int) -> ArrayType:
    """The type of one row of an array."""
    return replace(leaf.type, shape=leaf.shape[:axis] + leaf.shape[axis + 1 :])


def _with_rows_in_front(
    recording: Recording, placed: Sequence[dict[int, tuple[str, Array, int]]]
) -> tuple[list[Array], list[bool]]:
    """The arrays that the batched graph takes, and which of them have rows."""
    arrays: list[Array] = []
    batched: list[bool] = []
    for own, entries in zip(recording.argument_leaves, placed, strict=True):
        for leaf in own:
            batched.append(id(leaf) in entries)
            arrays.append(moveaxis(leaf, entries[id(leaf)][2], 0) if batched[-1] else leaf)
    captured = recording.given()[len(arrays) :]
    return arrays + captured, batched + [False] * len(captured)


# ── what comes out ───────────────────────────────────────────────────────────────────────────────


def _result_axes(recording: Recording, out_axes: Any) -> dict[int, tuple[str, Array, Axis]]:
    """The axis of every array of the value, counted from the front in what comes out."""
    own = {id(one) for one in recording.outputs[: recording.result_count]}
    return {
        key: (name, leaf, None if axis is None else _require_axis("out_axes", name, leaf.type, axis, leaf.ndim + 1))
        for key, (name, leaf, axis) in axes_of("out_axes", out_axes, recording.result, "the value").items()
        if key in own
    }


def _written_axes(recording: Recording, axes: dict[int, int]) -> dict[int, int]:
    """What is written in the place of an array with rows gets an axis where that has it."""
    found: dict[int, int] = {}
    for write in recording.writes:
        target = write.target
        before = {"": target} if isinstance(target, Array) else leaves(vars(target).get(write.name))
        for path, leaf in leaves(write.content).items():
            axis = axes.get(id(before.get(path)))
            if axis is not None and axis <= leaf.ndim:
                found[id(leaf)] = axis
    return found


def _require_shared(
    recording: Recording,
    carries: Sequence[bool],
    results: dict[int, tuple[str, Array, Axis]],
    stacked: dict[int, int],
) -> None:
    """Refuse what depends on the row where there is only one place for all rows."""
    for one, depends in zip(recording.outputs, carries, strict=True):
        if not depends or id(one) in stacked:
            continue
        if id(one) in results:
            raise refused(
                f"out_axes is None for {results[id(one)][0]}, which depends on the row",
                "give it an axis, out_axes=0; or make one of all rows after vmap: mp.mean(values, axis=0)",
            )
        raise TraceError(
            f"vmap: {_place(recording.writes, one)} is written a value that depends on the row, and all rows share it",
            fix="return the value instead, and write what is to be kept after vmap: its mean over the rows, one row …",
            where=str(here()) or None,
        )


def _place(writes: Sequence[Write], written: Array) -> str:
    for write in writes:
        for path, leaf in leaves(write.content).items():
            if leaf is written:
                if isinstance(write.target, Array):
                    return f"an array from outside ({write.target.type})"
                return ".".join(part for part in (type(write.target).__name__, write.name, path) if part)
    return "an object"
