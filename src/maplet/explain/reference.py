"""The page of all operations, written from their records: ``python -m maplet.explain.reference > docs/operations.md``.

In Chinese: ``python -m maplet.explain.reference zh > docs/operations.zh.md``.

Nothing on it is written by hand. The formula is the record's notation, the index notation is what the compiler reads,
the gradient is what the record's pullback writes down when it is traced, and the numbers are computed.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any, cast

import numpy as np

import maplet.ops  # noqa: F401  # pyright: ignore[reportUnusedImport]  (it fills the registry)
from maplet.bilingual import require_language
from maplet.core.array import type_of
from maplet.core.graph import constant_primitive
from maplet.core.index_notation import infix, operand_name
from maplet.core.primitive import Primitive, operations, registry
from maplet.core.trace import Trace, bind
from maplet.core.types import kind_of
from maplet.explain.operations_in_chinese import conventions, files, meanings
from maplet.explain.words import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from maplet.core.array import Array
    from maplet.core.graph import Node

longest = 160  # characters of a formula; beyond, it is a program better read with `print`
HEADS = {
    "en": """# Operations

Written by `python -m maplet.explain.reference` from the records of all operations; do not edit it.
[中文](operations.zh.md). A record says what the operation computes (in index notation; *host* marks what NumPy and
LAPACK compute), its derivative as the pullback from the cotangent `g` of the result, and what textbooks leave open.
Inputs are called x, y, z; `out` is the result. The public functions of the same names, and those composed of these, are
in `maplet` itself: `help(mp.softmax)`.
""",
    "zh": """# 运算

[English](operations.md)。本页由 `python -m maplet.explain.reference zh` 根据全部运算的记录生成，请勿手工修改。\
每条记录说明运算计算什么（用指标记号；*host* 表示由 NumPy 与 LAPACK 计算）、它的导数（从结果的余切 `g` 拉回到各输入），\
以及教科书上没有统一的约定。输入记作 x、y、z，结果记作 `out`。\
同名的公开函数以及由它们组合成的函数都在 `maplet` 中：`help(mp.softmax)`。
""",
}


def page(language: str = "en") -> str:
    """The whole page, in Markdown."""
    require_language(language)
    parts = [HEADS[language]]
    for room, primitives in _rooms().items():
        parts.append(f"\n## {_spoken(room, room, files, language)}\n")
        parts += ["\n".join(entry(primitive, language)) for primitive in primitives]
    parts.append(f"\n## {say('composed', language)}\n\n{say('composed follow', language)}\n")
    parts += [f"- {line}" for line in sorted(_composed(language))]
    return "\n".join(parts) + "\n"


def _composed(language: str) -> Iterator[str]:
    """The public functions that are no operations of their own."""
    for name, function in operations.items():
        if name not in registry and not name.startswith("_") and (meaning := _first_words(function)):
            yield f"`{name}`: {_spoken(name, meaning, meanings, language)}"


def _spoken(name: str, english: str, chinese: Mapping[str, str], language: str) -> str:
    """What is said of an operation; in English where nobody has said it in Chinese yet."""
    return chinese.get(name, english) if language == "zh" else english


def _rooms() -> dict[str, list[Primitive]]:
    """The operations by the file of the vocabulary that holds them."""
    found: dict[str, list[Primitive]] = {}
    for primitive in registry.values():
        if primitive.example is not None:
            module = inspect.getmodule(primitive.shape)
            room = "elementwise" if module is None else module.__name__.rpartition(".")[2]
            found.setdefault({"records": "elementwise"}.get(room, room), []).append(primitive)
    return dict(sorted(found.items()))


def entry(primitive: Primitive, language: str = "en") -> Iterator[str]:
    """What there is to say about an operation, line by line."""
    assert primitive.example is not None  # noqa: S101  (only those are asked)
    inputs, params = primitive.example(np.random.default_rng(0))
    values = [np.asarray(x) for x in inputs]
    yield f"### {primitive.name}\n"
    if meaning := _meaning(primitive):
        yield f"{_spoken(primitive.name, meaning, meanings, language)}\n"
    names = [operand_name(n) for n in range(len(values))]
    if primitive.notation:
        yield f"- {say('formula', language)}$`{primitive.notation.format(*names)}`$"
    types = [type_of(x) for x in values]
    settings = "".join(f", {name}={_shown(value)}" for name, value in params.items())
    given = ", ".join(f"{name}: {kind}" for name, kind in zip(names, types, strict=True))
    yield f"- {say('for', language)}{given or say('no input', language)}{settings}"
    access = None if primitive.access is None else primitive.access(*types, **params)
    yield f"- {say('index notation', language)}{'*host*' if access is None else f'`{access}`'}"
    for name, text in zip(names, pullback(primitive, types, params, language), strict=False):
        yield f"- ∂L/∂{name} = {text}"
    if primitive.convention:
        said = _spoken(primitive.name, primitive.convention, conventions, language)
        yield f"- {say('convention', language)}{said}"
    with np.errstate(all="ignore"):
        found: Any = primitive.reference(*values, **params)
    several = cast("tuple[Any, ...]", found if isinstance(found, tuple) else (found,))
    numbers = ", ".join(f"{name} = {_number(x)}" for name, x in zip(names, values, strict=True))
    results = ", ".join(_number(np.asarray(x)) for x in several)
    yield (
        f"- {say('example', language)}{numbers} ↦ {results}\n"
        if numbers
        else f"- {say('example', language)}{results}\n"
    )


def _meaning(primitive: Primitive) -> str:
    """The first paragraph of the public function of that name."""
    function = operations.get(primitive.name)
    return "" if function is None else _first_words(function)


def _first_words(function: Any) -> str:
    return " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())


def _shown(value: Any) -> str:
    return f"`{value}`"


def _number(x: np.ndarray[Any, Any]) -> str:
    """An array in a line: the first elements, three digits of each."""
    if not x.ndim:
        return f"{x.item():.3g}" if kind_of(x.dtype) == "f" else str(x.item())
    flat = [f"{v:.3g}" if kind_of(x.dtype) == "f" else str(v) for v in x.ravel()[:6].tolist()]
    more = ", …" if x.size > 6 else ""
    shape = "" if x.ndim == 1 else f" as {'×'.join(map(str, x.shape))}"
    return f"[{', '.join(flat)}{more}]{shape}"


# ── the pullback as a formula ────────────────────────────────────────────────────────────────────


def pullback(primitive: Primitive, types: Sequence[Any], params: dict[str, Any], language: str = "en") -> Iterator[str]:
    """What each input is sent back, as a formula."""
    declared = primitive.shape(*types, **params)
    floating = [kind_of(t.dtype) == "f" for t in types]
    if primitive.gradient is None or isinstance(declared, tuple) or kind_of(declared.dtype) != "f":
        several = isinstance(declared, tuple)
        yield from (say("program of several", language) if several and primitive.gradient else "0" for _ in types)
        return
    with Trace(with_values=False) as trace:
        xs = [trace.argument(t, operand_name(n)) for n, t in enumerate(types)]
        out = bind(primitive.name, *xs, **params)
        g = trace.argument(out.type, "g")
        found: list[Array | None] = primitive.gradient(g, out, *xs, needed=tuple(floating), **params)
        known = {trace.node_of(x): operand_name(n) for n, x in enumerate(xs)}
        known |= {trace.node_of(out): "out", trace.node_of(g): "g"}
        for array, wanted in zip(found, floating, strict=True):
            yield "0" if array is None or not wanted else _formula(trace.node_of(array), known, language)


def _formula(node: Node, known: dict[Node, str], language: str) -> str:
    text = _text(node, known)
    return f"`{text}`" if len(text) <= longest else say("program of", language, _count(node, known))


def _text(node: Node, known: dict[Node, str]) -> str:
    if node in known:
        return known[node]
    if node.primitive is constant_primitive:
        return f"{node.params['value']}"
    inner = [_text(child, known) for child in node.inputs]
    name = node.primitive.name
    if name in infix and len(inner) == 2:
        return f"({inner[0]}{infix[name]}{inner[1]})"
    if name == "negative":
        return f"−{inner[0]}"
    settings = [f"{key}={value}" for key, value in node.params.items()]
    return f"{name}({', '.join([*inner, *settings])})"


def _count(node: Node, known: dict[Node, str]) -> int:
    seen: set[Node] = set()
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if one not in known and one not in seen and one.primitive is not constant_primitive:
            seen.add(one)
            waiting += one.inputs
    return len(seen)


if __name__ == "__main__":
    sys.stdout.write(page(*sys.argv[1:2]))
