"""Opening a file, with errors that say what to do when it cannot be opened."""

from io import BufferedReader
from pathlib import Path

from maplet.errors import DataError
from maplet.messages import listed, shown, suggest


def open_binary(path: str | Path) -> BufferedReader:
    """Open a file for reading bytes.

    Raises
    ------
    DataError
        When there is no such file (the nearest names in its folder are offered), when it is a folder, or when the
        system refuses to open it.

    Examples
    --------
    >>> open_binary("/no/such/folder/penguins.csv")
    Traceback (most recent call last):
    maplet.errors.DataError: there is no file /no/such/folder/penguins.csv
      fix: the folder /no/such/folder does not exist either
    """
    path = Path(path)
    try:
        if path.is_dir():
            files = sorted(entry.name for entry in path.iterdir() if entry.is_file())
            raise DataError(f"{path} is a folder, a file was expected", fix=f"it holds {listed(files) or 'no files'}")
        return path.open("rb")
    except FileNotFoundError:
        raise DataError(f"there is no file {path}", fix=_what_is_there(path)) from None
    except PermissionError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", fix="ask its owner for permission") from error
    except OSError as error:
        raise DataError(
            f"{shown(str(path))} cannot be read: {error.strerror}", fix="give the path of a readable file"
        ) from error


def _what_is_there(path: Path) -> str:
    if not path.parent.is_dir():
        return f"the folder {path.parent} does not exist either"
    files = sorted(entry.name for entry in path.parent.iterdir() if entry.is_file())
    return suggest(path.name, files, kind=f"files in {path.parent}")
