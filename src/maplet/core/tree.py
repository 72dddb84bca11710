"""Nested containers of arrays ⇄ flat lists of named leaves.

A tree is a nesting of lists, tuples, dicts and `Stateful` objects (modules, optimizers, generators). Its leaves are
the `Array` handles in it, named by their path: ``layers.0.weight``. A leaf that stands in two places is one leaf.
Everything else in a tree (strings, integers, functions …) is static and stays as it is. A tree needs no separate
description of its structure: it is its own, and `replace` puts other leaves into its places. A dataclass is no tree;
one that holds arrays is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from maplet.core.context import here, thread
from maplet.errors import TraceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Self

    from maplet.core.array import Array

T = TypeVar("T")


class Leaf:
    """The base of `Array`: tells a leaf from a branch."""

    __slots__ = ()


class Changes:
    """How often an attribute of any `Stateful` object was set: while the number stays, no object has changed."""

    count = 0


changes = Changes()


class Stateful:
    """An object whose attributes are a branch of a tree: modules, optimizers and generators derive from it.

    They are ordinary mutable Python objects. While a function is traced, an attribute that it sets is a *write*: the
    trace notes it, takes it back when it ends, and whoever asked for the trace carries it out after success. A list or
    dict that is changed in place is seen where the object is an argument of the traced function; where it is captured
    from outside, assign a new one instead.
    """

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Make the object; one that is born inside a trace belongs to that trace."""
        new = object.__new__(cls)
        if thread.trace is not None:
            thread.trace.adopt(new)
        return new

    def __setattr__(self, name: str, value: Any) -> None:
        changes.count += 1
        if thread.trace is not None:
            thread.trace.note_attribute(self, name)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        changes.count += 1
        if thread.trace is not None:
            thread.trace.note_attribute(self, name)
        object.__delattr__(self, name)

    def name_of(self, child: object) -> str:
        """The attribute path under which an object stands in this one; its class name if it stands nowhere."""
        for name, value in children(self):  # nearly always it stands here, or in a list here
            if value is child:
                return name
            key = _key_of(child, value)
            if key is not None:
                return f"{name}.{key}"
        return next((path for path, met in walk(self).items() if met is child and path), type(child).__name__)


def _key_of(child: object, branch: object) -> Any:
    """Where an object stands directly in a list, tuple or dict; each layer of a deep net asks, so no name is made."""
    entries: Iterable[tuple[Any, Any]] = ()
    if isinstance(branch, dict):
        entries = cast("dict[Any, Any]", branch).items()
    elif isinstance(branch, list | tuple):
        entries = enumerate(cast("list[Any]", branch))
    for key, entry in entries:
        if entry is child:
            return key
    return None


def children(branch: object) -> Iterator[tuple[str, Any]]:
    """What stands directly in a branch, by name; nothing where it is no branch."""
    if isinstance(branch, dict):
        yield from ((str(key), value) for key, value in cast("dict[Any, Any]", branch).items())
    elif isinstance(branch, list | tuple):
        yield from ((str(n), value) for n, value in enumerate(cast("list[Any]", branch)))
    elif isinstance(branch, Stateful):
        yield from vars(branch).items()


def walk(tree: object) -> dict[str, Leaf | Stateful]:
    """Every leaf and object by its path, in depth-first order, at the place where it is met first.

    Raises
    ------
    TraceError
        If lists or dicts are nested without end. (Objects may hold each other in circles.)
    """
    met: dict[str, Leaf | Stateful] = {}
    try:
        _walk(tree, "", met, set())
    except RecursionError:
        raise _too_deep() from None
    return met


def _walk(branch: object, path: str, met: dict[str, Leaf | Stateful], seen: set[int]) -> None:
    if isinstance(branch, Leaf | Stateful):
        if id(branch) in seen:
            return
        seen.add(id(branch))
        if path in met:
            raise TraceError(
                f"two entries of this tree have the name {path!r}", fix="give the keys of a dict other names"
            )
        met[path] = branch
        if isinstance(branch, Leaf):
            return
    elif not isinstance(branch, dict | list | tuple):
        _refuse_dataclass(branch)
        return
    for name, child in children(cast("object", branch)):
        _walk(child, f"{path}.{name}" if path else name, met, seen)


def _refuse_dataclass(value: object) -> None:
    """A dataclass would be static, and the arrays in it constants: refused, since nobody can have meant that."""
    kind = type(value)
    fields = getattr(kind, "__dataclass_fields__", ())
    if not fields or kind.__module__.startswith("maplet."):
        return
    arrays = [name for name in fields if isinstance(getattr(value, name, None), Leaf)]
    if arrays:
        raise TraceError(
            f"{kind.__name__} is a dataclass that holds arrays ({', '.join(arrays)}), and dataclasses are no trees: "
            "its arrays would be constants, neither traced nor differentiated",
            fix=f"derive it from NamedTuple instead (class {kind.__name__}(NamedTuple): …), or use a dict; for what is "
            "trained derive it from nn.Module, of which the Parameters are differentiated",
            where=str(here()) or None,
        )


def _too_deep() -> TraceError:
    return TraceError(
        "this tree is nested too deeply, or holds itself",
        fix="a list or dict may not stand inside itself; join lists of lists of lists into flat ones",
        where=str(here()) or None,
    )


def leaves(tree: object) -> dict[str, Array]:
    """The arrays of a tree by name, each once, in the order of definition.

    Examples
    --------
    >>> import maplet as mp
    >>> list(leaves({"layers": [mp.asarray(1.0), mp.asarray(2.0)], "name": "net"}))
    ['layers.0', 'layers.1']
    """
    return {path: cast("Array", found) for path, found in walk(tree).items() if isinstance(found, Leaf)}


def places(tree: object, but: Iterable[object] = ()) -> Iterator[tuple[str, Any]]:
    """Every leaf and static value by its path; a tied leaf at each place where it stands, objects once.

    What is within the objects ``but`` is left out.
    """
    yield from _places(tree, "", {id(branch) for branch in but})


def _places(branch: object, path: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    if isinstance(branch, Stateful):
        if id(branch) in seen:
            return
        seen.add(id(branch))
    elif not isinstance(branch, dict | list | tuple):
        yield path, branch
        return
    for name, child in children(cast("object", branch)):
        yield from _places(child, f"{path}.{name}" if path else name, seen)


def misfits(own: Mapping[str, Array], given: Mapping[str, Array]) -> list[str]:
    """What stands in the way of giving leaves other values: names missing, unexpected, or of another type."""
    missing = [f"missing: {name} {leaf.type}" for name, leaf in own.items() if name not in given]
    unexpected = [f"unexpected: {name} {array.type}" for name, array in given.items() if name not in own]
    both = [(name, leaf.type, given[name].type) for name, leaf in own.items() if name in given]
    return [*missing, *unexpected, *(f"misfit: {name} is {a}, given {b}" for name, a, b in both if a != b)]


def objects(tree: object) -> dict[str, Stateful]:
    """The `Stateful` objects of a tree by name, each once."""
    return {path: found for path, found in walk(tree).items() if isinstance(found, Stateful)}


def replace(tree: T, change: Callable[[Any], Any], memo: dict[int, Any] | None = None) -> T:
    """The same tree with every leaf (and every static value) changed by a function; nothing given is modified.

    Objects are copied, and an object that stands in several places is copied once. The memo maps the identity of what
    was met to what took its place.
    """
    try:
        return cast("T", _replace(tree, change, {} if memo is None else memo))
    except RecursionError:
        raise _too_deep() from None


def _replace(branch: Any, change: Callable[[Any], Any], memo: dict[int, Any]) -> Any:
    if id(branch) in memo:
        return memo[id(branch)]
    if isinstance(branch, Stateful):
        twin = Stateful.__new__(type(branch))
        memo[id(branch)] = twin
        vars(twin).update({name: _replace(child, change, memo) for name, child in vars(branch).items()})
        return twin
    if isinstance(branch, dict):
        entries = cast("dict[Any, Any]", branch)
        return {key: _replace(child, change, memo) for key, child in entries.items()}
    if isinstance(branch, list):
        return [_replace(child, change, memo) for child in cast("list[Any]", branch)]
    if isinstance(branch, tuple):
        entries = cast("tuple[Any, ...]", branch)
        return tuple_like(entries, [_replace(child, change, memo) for child in entries])
    _refuse_dataclass(branch)
    new = change(branch)
    if isinstance(branch, Leaf):
        memo[id(branch)] = new
    return new


def tuple_like(old: tuple[Any, ...], items: list[Any]) -> tuple[Any, ...]:
    """A tuple of the same class: a named tuple stays one."""
    return type(old)(*items) if hasattr(old, "_fields") else tuple(items)


def unchanged(value: Any) -> Any:
    """The identity, for `replace` where only objects are to be copied."""
    return value


def same_content(first: Any, second: Any) -> bool:
    """Whether two trees hold the same leaves and static values (by identity) in the same places."""
    if first is second:
        return True
    if type(first) is not type(second) or isinstance(first, Stateful | Leaf):
        return False
    a, b = list(children(first)), list(children(second))
    if not a and not b:
        return isinstance(first, dict | list | tuple)
    return len(a) == len(b) and all(na == nb and same_content(va, vb) for (na, va), (nb, vb) in zip(a, b, strict=True))


def snapshot(value: T) -> T:
    """A copy of the containers alone, to see later whether one was changed in place."""
    if isinstance(value, dict):
        return cast("T", {k: snapshot(v) for k, v in cast("dict[Any, Any]", value).items()})
    if isinstance(value, list):
        return cast("T", [snapshot(v) for v in cast("list[Any]", value)])
    if isinstance(value, tuple):
        items = cast("tuple[Any, ...]", value)
        return cast("T", tuple_like(items, [snapshot(v) for v in items]))
    return value
