"""Tangents as a user gives them: matched with the leaves of their primals, or refused with the place that is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from maplet.core.array import Array
from maplet.core.context import here
from maplet.core.recording import argument_names
from maplet.core.tree import objects, places
from maplet.core.types import python_numbers, short_name
from maplet.errors import DTypeError, ShapeError
from maplet.ops.arguments import as_array
from maplet.transforms.selection import as_derivative, asked_wrongly, name_of, trainable_leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def entries(what: str, f: Callable[..., Any], given: Any) -> list[Any]:
    """Primals or tangents, one per argument."""
    if isinstance(given, tuple | list):
        return list(cast("Sequence[Any]", given))
    raise asked_wrongly(
        f"{what} of {name_of(f)}: primals and tangents are tuples with one entry per argument, given "
        f"{type(given).__name__}",
        f"mp.{what}(f, (x,), (t,)), with the comma that makes a tuple",
    )


def one_each(what: str, f: Callable[..., Any], tangents: Any, count: int) -> list[Any]:
    """As many tangents as there are arguments."""
    found = entries(what, f, tangents)
    if len(found) != count:
        raise asked_wrongly(
            f"{what} of {name_of(f)}: {count} argument{'s' * (count != 1)}, but {len(found)} "
            f"tangent{'s' * (len(found) != 1)}",
            "give one tangent per argument; None is zero",
        )
    return found


def own_tangents(
    f: Callable[..., Any], arguments: Sequence[Any], tangents: Sequence[Any]
) -> list[list[tuple[Array, Array]]]:
    """For each argument its leaves that have a tangent, with the tangent."""
    names = argument_names(f, len(arguments))
    return [
        _matched(name, argument, tangent) for name, argument, tangent in zip(names, arguments, tangents, strict=True)
    ]


def _matched(name: str, argument: Any, tangent: Any) -> list[tuple[Array, Array]]:
    form = dict(places(as_derivative(argument, {id(leaf): leaf for leaf in trainable_leaves(argument)})))
    wanted = {path: leaf for path, leaf in form.items() if isinstance(leaf, Array)}
    _refuse_objects(name, tangent, wanted)
    given = dict(places(tangent))
    for path, value in given.items():
        fits = path in wanted if value is not None else not path or any(_is_part(inner, path) for inner in form)
        if not fits:
            raise _strange(_joined(name, path), argument, wanted, given)
    found: dict[int, tuple[Array, Array, Any]] = {}
    for path, leaf in wanted.items():
        place = _joined(name, path)
        value = given.get(path)
        if value is not None:
            _require_one_tangent(place, found.get(id(leaf)), value)
            found[id(leaf)] = leaf, _as_tangent(place, leaf, value), value
        elif not any(_is_part(path, outer) for outer in given):
            has = ", ".join(_joined(name, outer) for outer in given) or "nothing"
            raise asked_wrongly(
                f"there is no tangent for {place} ({leaf.type}); given: {has}",
                "give a tree like the one that mp.grad returns; None is zero",
            )
    return [(leaf, one) for leaf, one, _ in found.values()]


def _refuse_objects(name: str, tangent: Any, wanted: dict[str, Array]) -> None:
    """A module is a point, and no direction: its tangent is a dict."""
    for path, found in objects(tangent).items():
        own = [other[len(path) + 1 if path else 0 :] for other in wanted if not path or other.startswith(f"{path}.")]
        raise asked_wrongly(
            f"the tangent of {_joined(name, path)} is a {type(found).__name__}; the tangent of a module is a "
            "dict: one array for each trainable parameter, by its name",
            f"{{{', '.join(f'{one!r}: …' for one in own[:3])}{', …' if len(own) > 3 else ''}}}, of the form that "
            "mp.grad returns; {n: mp.ones_like(p) for n, p in net.parameters().items()} is one",
        )


def _is_part(path: str, outer: str) -> bool:
    """Whether a place of a tree is another, or lies in it."""
    return outer in ("", path) or path.startswith(outer + ".")


def _joined(name: str, path: str) -> str:
    return f"{name}.{path}" if path else name


def _strange(place: str, argument: Any, wanted: dict[str, Array], given: dict[str, Any]) -> Exception:
    if not wanted:
        kind = str(argument.type) if isinstance(argument, Array) else type(argument).__name__
        return asked_wrongly(
            f"a tangent is given for {place}, but its primal ({kind}) holds nothing that can be differentiated",
            "only real numbers have tangents: write 3.0 instead of 3, or x.astype(mp.float32); None is zero",
        )
    has, found = (", ".join(path or "one array" for path in paths) for paths in (wanted, given))
    return asked_wrongly(
        f"a tangent is given for {place}, where its primal has nothing that can be differentiated; it has {has}, "
        f"given: {found}",
        "give a tree like the one that mp.grad returns; None is zero",
    )


def _require_one_tangent(place: str, before: tuple[Array, Array, Any] | None, value: Any) -> None:
    if before is None or before[2] is value or (isinstance(value, python_numbers) and before[2] == value):
        return
    raise asked_wrongly(
        f"{place} is an array that stands in several places, and they are given different tangents",
        "give the same tangent at each place, or make it several arrays with .copy()",
    )


def _as_tangent(place: str, primal: Array, given: Any) -> Array:
    """A tangent as an array of the type of its primal."""
    tangent = as_array(given, None if hasattr(given, "dtype") else primal.dtype)
    if tangent.shape != primal.shape:
        raise ShapeError(
            f"the tangent of {place} has shape {tangent.shape}, its primal {primal.shape}",
            fix="a tangent is a direction: one number for each number of the primal",
            where=str(here()) or None,
        )
    if tangent.dtype != primal.dtype:
        raise DTypeError(
            f"the tangent of {place} is {short_name(tangent.dtype)}, its primal {short_name(primal.dtype)}",
            fix=f"convert one of them: t.astype(mp.{primal.dtype})",
            where=str(here()) or None,
        )
    return tangent
