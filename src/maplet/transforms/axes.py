"""Which axis of which array is gone over: how `vmap` reads ``in_axes`` and ``out_axes``.

An entry is an axis, None for an array without one, or a tree of entries. It may end above the leaves: then it holds for
every array below. For an object it may be a dict from attributes or dotted names to entries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from maplet.core.context import here
from maplet.core.tree import Leaf, Stateful, leaves
from maplet.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.core.array import Array

    Axis = int | None
    Placed = tuple[str, Array, Axis]


def refused(message: str, fix: str) -> SettingError:
    """The error for axes that say nothing or do not fit the tree, with the user's line."""
    return SettingError(message, fix=fix, where=str(here()) or None)


def axes_of(what: str, entry: Any, tree: Any, name: str) -> dict[int, Placed]:
    """The arrays of a tree, by identity: the name of each, itself, and its axis.

    Raises
    ------
    SettingError
        If the entry is no axis and not a tree like this one, or gives one array two axes.
    """
    found: dict[int, Placed] = {}
    for path, leaf, axis in _placed(what, entry, tree, name):
        other = found.setdefault(id(leaf), (path, leaf, axis))
        if other[2] != axis:
            raise refused(
                f"{what}: {other[0]} and {path} are the same array, but have the axes {other[2]} and {axis}",
                "give both the same axis, or make it two arrays with .copy()",
            )
    return found


def _placed(what: str, entry: Any, tree: Any, name: str) -> Iterator[Placed]:
    if entry is None or (isinstance(entry, int) and not isinstance(entry, bool)):
        for path, leaf in leaves(tree).items():
            yield _joined(name, path), leaf, entry
    elif isinstance(tree, Stateful) and isinstance(entry, dict):
        yield from _in_object(what, cast("dict[Any, Any]", entry), tree, name)
    elif isinstance(tree, dict) and isinstance(entry, dict):
        entries, branches = cast("dict[Any, Any]", entry), cast("dict[Any, Any]", tree)
        if entries.keys() != branches.keys():
            raise _misfit(what, f"the keys {list(entries)}", name, f"a dict of {list(branches)}")
        for key, child in branches.items():
            yield from _placed(what, entries[key], child, _joined(name, str(key)))
    elif isinstance(tree, list | tuple) and isinstance(entry, list | tuple):
        entries, branches = cast("list[Any]", entry), cast("list[Any]", tree)
        if len(entries) != len(branches):
            raise _misfit(what, f"{len(entries)} entries", name, f"a sequence of {len(branches)}")
        for n, (one, child) in enumerate(zip(entries, branches, strict=True)):
            yield from _placed(what, one, child, _joined(name, str(n)))
    else:
        whole = cast("object", tree)
        kind = str(cast("Array", tree).type) if isinstance(whole, Leaf) else f"a {type(whole).__name__}"
        raise _misfit(what, repr(cast("object", entry)), name, kind)


def _in_object(what: str, entries: dict[Any, Any], owner: Stateful, name: str) -> Iterator[Placed]:
    """The entry of an array is the one with the longest name that it lies in."""
    named = leaves(owner)
    inside = {key: [path for path in named if path == key or path.startswith(f"{key}.")] for key in entries}
    for key, paths in inside.items():
        if not paths:
            raise _misfit(what, f"the name {key!r}", name, f"a {type(owner).__name__} with {', '.join(named)}")
    for path, leaf in named.items():
        keys = [key for key, paths in inside.items() if path in paths]
        if not keys:
            raise _misfit(what, f"no entry for {path}", name, f"a {type(owner).__name__} with {', '.join(named)}")
        yield from _placed(what, entries[max(keys, key=len)], leaf, _joined(name, path))


def _misfit(what: str, given: str, name: str, kind: str) -> SettingError:
    return refused(
        f"{what} has {given} for {name}, which is {kind}",
        "an entry is the number of an axis, None for what has none, or a tree like the argument; it holds for "
        "everything below it",
    )


def _joined(name: str, path: str) -> str:
    return ".".join(part for part in (name, path) if part)
