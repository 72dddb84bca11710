"""Functions in files of the user's: ``file.py:function``, and errors in them told as theirs."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from maplet.core.context import package_folder
from maplet.data.suggest import suggest
from maplet.errors import MapletError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import ModuleType


def function_in_file(source: str, command: str) -> tuple[Callable[..., Any], ModuleType, Path]:
    """The function that ``file.py:function`` names, its file as a module, and the file's path. The file is run."""
    place, _, name = source.rpartition(":")
    if not place or not name:
        raise SettingError(f"{source} is neither a run directory nor a function of a file", fix=command)
    path = Path(place)
    if not path.is_file():
        raise SettingError(f"there is no file {place}", fix="give the path of a Python file before the colon")
    module = _loaded(path)
    function = named(module, name, path)
    if not callable(function):
        raise SettingError(f"{name} of {path} is {type(function).__name__}, not a function")
    return function, module, path


def _loaded(path: Path) -> ModuleType:
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
    """What a file calls so; dots lead into it."""
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = [key for key in getattr(found, "__dict__", dict[str, Any]()) if not str(key).startswith("_")]
            raise SettingError(f"{path} has no {name}", fix=suggest(part, map(str, known), kind="names"))
        found = getattr(found, part)
    return found


@contextmanager
def of_user(name: str) -> Generator[None]:
    """An error in the user's own code is theirs, and told as such."""
    try:
        yield
    except MapletError as error:
        error.where = error.where or _line_of(error)
        raise
    except Exception as error:
        raise SettingError(f"{name}: {type(error).__name__}: {error}", where=_line_of(error)) from error


def _line_of(error: Exception) -> str | None:
    """The innermost line of the user's files that an error came through."""
    places = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    theirs = [(file, line) for file, line in places if not file.startswith((package_folder, "<"))]
    return f"{Path(theirs[-1][0]).name}:{theirs[-1][1]}" if theirs else None
