"""The shape of the house, read off the source: who may import whom, and how long a file or a function may be.

A complaint names the file, the rule and the way out. `test_every_rule_can_fail` plants one violation of each.
"""

import ast
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "maplet"

# A room imports only from rooms that stand before it.
ROOMS = [
    "errors",
    "messages",
    "settings",
    "bilingual",
    "core",
    "ops",
    "transforms",
    "control",
    "compiler",
    "nn",
    "optim",
    "data",
    "explain",
    "health",
    "train",
    "cli",
]

# Stricter than the order of rooms: what these rooms may import at most.
ONLY = {"data": {"errors", "messages", "settings"}}

# Who may import what from outside Python and NumPy: a room, or one file of it.
OWNERS = {
    "click": {"cli"},
    "llvmlite": {"compiler"},
    "ml_dtypes": {"core/types.py"},
    "rich": {"train", "cli"},
    "safetensors": {"train"},
    "sklearn": {"data/digits.py"},
    "threadpoolctl": {"transforms/blas.py"},
}

# Imports that wait until they are needed, each with its reason.
LAZY = {
    "__init__.py": "`import maplet` loads the rooms when they are first named",
    "cli/ir.py": "of all commands only this one needs the compiler",
    "compiler/cache.py": "every start would wait for what only a warning needs",
    "compiler/executor.py": "what runs programs is found on disk, but for the first time",
    "compiler/program.py": "a program that is found on disk needs no compiler",
    "core/graph.py": "text.py reads graphs, so it stands below; only printing needs it",
    "train/stepping.py": "the compiler takes a third of a second; without llvmlite, all still works",
    "data/digits.py": "scikit-learn is optional and takes a second",
}

LINES, FUNCTION_LINES, ARGUMENTS = 450, 60, 9

# What every layer with weights takes, and whoever knows one knows: it stands on top of what describes the layer.
COMMON = {"self", "bias", "weight_init", "bias_init", "rng"}

# What may be longer, or take more arguments, each with its reason.
EXCUSED = {
    "train/fit.py:fit": "the one call that people make; every option stands there with its line of explanation",
}


def sources():
    """Every file of the package: its path inside it → its text."""
    return {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}


def room(path):
    """The room in which a file stands: `core/array.py` and `errors.py` → core and errors."""
    return path.split("/")[0].removesuffix(".py")


@cache
def parsed(text):
    """The syntax tree of a file."""
    return ast.parse(text)


@cache
def nodes(tree):
    """Every node of a tree, at once."""
    return list(ast.walk(tree))


def imports(tree):
    """(module, node) of every import, `import_module("…")` included; `from a import b` may also mean the module a.b."""
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: write `from maplet.room.file import …`, not a relative import"
            yield node.module, node
            yield from ((f"{node.module}.{alias.name}", node) for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "import_module":
            name = node.args[0]
            yield (name.value if isinstance(name, ast.Constant) else ""), node  # a computed name may be any module


@cache
def inside(tree, kind):
    """Every node that stands within a node of some kind, for which `kind` is true."""
    return {id(inner) for outer in nodes(tree) if kind(outer) for inner in ast.walk(outer)}


def is_function(node):
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def is_for_types(node):
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def import_complaints(path, tree):
    """Imports from a room below, of packages that belong to another room, and inside functions."""
    here, in_functions = room(path), inside(tree, is_function)
    if here in {"__init__", "__main__"}:
        allowed = set(ROOMS)  # the front doors may open every room
    elif here in ROOMS:
        allowed = ONLY.get(here, set(ROOMS[: ROOMS.index(here)])) | {here}
    else:
        yield f"{path}:1: {here} is a new room; enter it into ROOMS at its place in the order"
        return
    for module, node in imports(tree):
        top, *rest = module.split(".")
        if top == "maplet" and rest and rest[0] in ROOMS and rest[0] not in allowed:
            yield f"{path}:{node.lineno}: {here} may not import from {rest[0]} (only from {', '.join(sorted(allowed))})"
        if top in OWNERS and not OWNERS[top] & {here, path}:
            yield f"{path}:{node.lineno}: {top} belongs to {', '.join(OWNERS[top])}; ask that room instead"
        if top not in {"", "maplet", "numpy", *OWNERS, *sys.stdlib_module_names}:
            yield f"{path}:{node.lineno}: {top} is a new dependency; enter it into OWNERS with the room that needs it"
        if id(node) in in_functions and path not in LAZY:
            yield f"{path}:{node.lineno}: an import inside a function; move it up, or enter the file into LAZY"


def cycle_complaints(files):
    """Files that need each other to be loaded first. Imports under TYPE_CHECKING load nothing and do not count."""
    modules = {f"maplet.{path[:-3].replace('/', '.')}".removesuffix(".__init__"): path for path in files}
    needs = {}
    for module, path in modules.items():
        tree = parsed(files[path])
        unloaded = inside(tree, is_for_types) | inside(tree, is_function)
        needs[module] = {
            name
            for name, node in imports(tree)
            if name in modules.keys() - {module}
            and id(node) not in unloaded
            # `from maplet.ops import reduction` names the package only as the way to the file
            and not any(f"{name}.{alias.name}" in modules for alias in getattr(node, "names", ()))
        }
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        ring = " → ".join(error.args[1])
        yield f"an import cycle, {ring}: move what they share into a file above, or look it up by registry name"


def size_complaints(path, text, tree):
    """Files, functions and lists of arguments that hide a second idea."""
    if (count := len(text.splitlines())) > LINES and path not in EXCUSED:
        yield f"{path}:1: {count} lines, more than {LINES}; find the second idea in it and give it a file of its own"
    for node in nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or f"{path}:{node.name}" in EXCUSED:
            continue
        if (count := node.end_lineno - node.lineno + 1 - lines_of_documentation(node)) > FUNCTION_LINES:
            yield f"{path}:{node.lineno}: {node.name} has {count} lines, more than {FUNCTION_LINES}"
        names = {argument.arg for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]}
        if (count := len(names - COMMON if node.name == "__init__" else names)) > ARGUMENTS:
            yield f"{path}:{node.lineno}: {node.name} has {count} arguments, more than {ARGUMENTS}: are some one thing?"


def lines_of_documentation(node):
    """How many lines the docstring of a function takes: what it says of itself does not make it harder to read."""
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return first.end_lineno - first.lineno + 1 if documented and isinstance(first.value.value, str) else 0


def complaints(files):
    """Everything that is wrong with a set of files."""
    found = list(cycle_complaints(files))
    for path, text in sorted(files.items()):
        tree = parsed(text)
        found += [*import_complaints(path, tree), *size_complaints(path, text, tree)]
    return list(dict.fromkeys(found))


@pytest.fixture(autouse=True, scope="module")
def _forgotten():
    """A million nodes of syntax are not kept for the tests that come after."""
    yield
    for kept in (parsed, nodes, inside):
        kept.cache_clear()


def test_the_house_stands_as_it_was_drawn():
    found = complaints(sources())
    assert not found, "\n".join(["", *found])


def test_every_exception_is_still_needed(monkeypatch):
    for name in ("LAZY", "EXCUSED"):
        listed = globals()[name]
        monkeypatch.setitem(globals(), name, {})
        found = complaints(sources())
        for place in listed:
            path, _, function = place.partition(":")
            assert any(line.startswith(f"{path}:") and function in line for line in found), (
                f"strike {place} from {name}"
            )


def test_every_rule_can_fail():
    long_function = "def f():\n" + "    x = 1\n" * FUNCTION_LINES
    planted = {
        "core/x.py": ("from maplet.nn import Linear", "core may not import from nn"),
        "data/x.py": ("from maplet import ops", "data may not import from ops"),
        "nn/x.py": ("import llvmlite.binding", "llvmlite belongs to compiler"),
        "optim/x.py": ("import pandas", "pandas is a new dependency"),
        "train/x.py": ("def f():\n    import json", "an import inside a function"),
        "cli/x.py": ("def f():\n    import_module('json')", "an import inside a function"),
        "ops/x.py": ("x = 1\n" * (LINES + 1), "451 lines"),
        "transforms/x.py": (long_function, "f has 61 lines"),
        "train/y.py": ("def f(a, b, c, d, e, *, g, h, i, j, k): ...", "f has 10 arguments"),
        "nn/y.py": ("def __init__(self, a, b, c, d, e, *, g, h, i, j, k, bias, rng): ...", "__init__ has 10 arguments"),
        "attic/x.py": ("", "attic is a new room"),
    }
    for path, (text, expected) in planted.items():
        found = complaints({path: text})
        assert len(found) == 1, found
        assert expected in found[0]
    ring = {f"core/{here}.py": f"from maplet.core import {there}" for here, there in ("ab", "bc", "ca")}
    assert "an import cycle, maplet.core.a → " in complaints(ring)[0]
    ring["core/c.py"] = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from maplet.core import a"
    assert not complaints(ring)
