"""The nearest of the names that exist, for errors about a name that does not."""

from collections.abc import Iterable
from difflib import get_close_matches


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
    folded = [original.casefold() for original in originals]
    begun = [fold for fold in folded if len(name) > 1 and fold.startswith(name.casefold())]
    matches = dict.fromkeys([*get_close_matches(name.casefold(), folded), *begun])
    nearest = [original for match in matches for original, fold in zip(originals, folded, strict=True) if fold == match]
    if nearest:
        return f"did you mean {' or '.join(map(repr, nearest[:3]))}?"
    return f"the {kind} are {listed(originals)}" if originals else f"there are no {kind}"


def listed(items: Iterable[object], most: int = 10) -> str:
    """The first few items in a row, with the number of those left out.

    Examples
    --------
    >>> listed([2, 3, 5, 7], most=2)
    '2, 3 and 2 more'
    """
    shown = [repr(item) for item in items]
    rest = len(shown) - most
    return ", ".join(shown[:most]) + (f" and {rest} more" if rest > 0 else "")
