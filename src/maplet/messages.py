"""Names and cells in the words of a message: shown, counted, listed, and the nearest to a wrong one."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


def suggest(name: str, names: Iterable[str], *, kind: str) -> str:
    """Words that help with a wrong name: the nearest names, or else the first few that there are.

    Upper and lower case count as equal, since that is the usual slip.

    Parameters
    ----------
    name
        The name that does not exist.
    names
        The names that do.
    kind
        What they name, in the plural.

    Examples
    --------
    >>> suggest("specie", ["island", "species"], kind="columns")
    "did you mean 'species'?"
    >>> suggest("target", ["Island", "Sex"], kind="columns")
    "the columns are 'Island', 'Sex'"
    """
    originals = list(names)
    found = nearest(name, originals)
    if found:
        return f"did you mean {' or '.join(map(shown, found))}?"
    return f"the {kind} are {listed(originals)}" if originals else f"there are no {kind}"


def nearest(name: str, names: Iterable[str]) -> list[str]:
    """Up to three names that a wrong one may have meant, the likeliest first.

    Examples
    --------
    >>> nearest("specie", ["island", "species"]), nearest("target", ["Island", "Sex"])
    (['species'], [])
    """
    originals = list(names)
    folded = [original.casefold() for original in originals]
    begun = [fold for fold in folded if len(name) > 1 and fold.startswith(name.casefold())]
    matches = dict.fromkeys([*get_close_matches(name.casefold(), folded), *begun])
    found = [original for match in matches for original, fold in zip(originals, folded, strict=True) if fold == match]
    return found[:3]


def listed(items: Iterable[object], most: int = 10) -> str:
    """The first few items in a row, with the number of those left out.

    Examples
    --------
    >>> listed([2, 3, 5, 7], most=2)
    '2, 3 and 2 more'
    """
    texts = [shown(item) for item in items]
    rest = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {rest} more" if rest > 0 else "")


def shown(item: Any, most: int = 60) -> str:
    """What was given, as Python writes it, in one line; the end is left out where it is longer than `most` characters.

    Examples
    --------
    >>> shown("male"), shown("9" * 5000, most=8), shown(int)
    ("'male'", "'99999…' (5,000 characters)", 'the class int')
    """
    if isinstance(item, type):
        return f"the class {item.__name__}"
    text = repr(item) if isinstance(item, str) else " ".join(repr(item).split())
    if len(text) <= most:
        return text
    if isinstance(item, str):
        return f"{text[: most - 2]}…{text[0]} ({len(item):,} characters)"
    return f"{text[: most - 1]}…"


def counted(count: int, noun: str) -> str:
    """A number of things.

    Examples
    --------
    >>> counted(1, "gap"), counted(1200, "gap")
    ('1 gap', '1,200 gaps')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
