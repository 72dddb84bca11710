"""What stands in a Python file that the user named: its functions and objects, and whose errors are whose."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from maplet.core.context import package_folder
from maplet.errors import MapletError, SettingError
from maplet.messages import suggest

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import ModuleType


@contextmanager
def of_user(name: str) -> Generator[None]:
    """An error in the user's own code is theirs, and told as such."""
    try:
        yield
    except MapletError as error:
        error.where = error.where or line_of(error)
        raise
    except SystemExit as error:
        raise SettingError(f"{name}: the program ends itself: sys.exit({error.code!r})") from error
    except Exception as error:
        raise SettingError(f"{name}: {type(error).__name__}: {error}", where=line_of(error)) from error


def line_of(error: Exception) -> str | None:
    """The innermost line of the user's files that an error came through."""
    places = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    theirs = [(file, line) for file, line in places if not file.startswith((package_folder, "<"))]
    return f"{Path(theirs[-1][0]).name}:{theirs[-1][1]}" if theirs else None


def loaded(path: Path) -> ModuleType:
    """A file, run as a module; what lies beside it can be imported."""
    name = f"_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SettingError(f"{path} is no Python file", fix="its name ends with .py")
    module = module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent.resolve()))
    with of_user(str(path)):
        spec.loader.exec_module(module)
    return module


def named(module: ModuleType, name: str, path: Path) -> Any:
    """What a dotted name stands for in a file."""
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = [key for key in getattr(found, "__dict__", dict[str, Any]()) if not str(key).startswith("_")]
            raise SettingError(f"{path} has no {name}", fix=suggest(part, map(str, known), kind="names"))
        found = getattr(found, part)
    return found


def existing(place: str) -> Path:
    """The path of a file that is there."""
    path = Path(place)
    if not path.is_file():
        raise SettingError(f"there is no file {place}", fix="give the path of a Python file before the colon")
    return path
