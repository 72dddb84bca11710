"""LLVM IR → machine code, and its place in this process.

Machine code is position-independent and stays for as long as the process lives. Nothing is compiled twice: it is looked
up by the key of its source, first in memory, then on disk.
"""

# llvmlite has no type hints.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

import llvmlite
from llvmlite import binding

from maplet.compiler.cache import Cache, default_directory, key_of
from maplet.compiler.target import Target, target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def compile(ir_text: str, kind: Target | None = None) -> bytes:
    """The machine code of an LLVM module, as an object file."""
    machine = _machine(kind or target())
    return machine.emit_object(_parsed(machine, ir_text))


def assembly(ir_text: str, kind: Target | None = None) -> str:
    """The machine code of an LLVM module, for people."""
    machine = _machine(kind or target())
    machine.set_asm_verbosity(True)
    return machine.emit_assembly(_parsed(machine, ir_text))


@cache
def library() -> Library:
    """All machine code of this process."""
    return Library(target(), Cache(default_directory()))


@dataclass(frozen=True, slots=True)
class Source:
    """Functions that can be had as machine code: their names, and what makes the LLVM IR of them.

    There is one more module of them in the process, so no other may have these names.
    """

    symbols: tuple[str, ...]
    make: Callable[[], str]


class Library:
    """Machine code in memory and on disk. ``compiled`` counts what was found neither here nor there."""

    def __init__(self, kind: Target, disk: Cache) -> None:
        self.kind = kind
        self.disk = disk
        self.compiled = 0
        self._known: dict[str, list[int]] = {}
        self._lock = threading.Lock()

    def key(self, source: str) -> str:
        """By what the machine code of some source is known."""
        return key_of(source, _target_text(self.kind))

    def functions(self, sources: Mapping[str, Source]) -> list[list[int]]:
        """Where functions are in memory, by key. What there is no machine code of yet is compiled."""
        with self._lock:
            missing = {key: source for key, source in sources.items() if key not in self._known}
            self._load([(key, source.symbols, self._object(key, source)) for key, source in missing.items()])
            return [self._known[key] for key in sources]

    def found(self, kernels: Sequence[str]) -> list[int] | None:
        """Where kernels are in memory, by key; None if there is no machine code of one of them."""
        with self._lock:
            codes = {key: self.disk.get(key) for key in dict.fromkeys(kernels) if key not in self._known}
            if None in codes.values():
                return None
            self._load([(key, (symbol_of(key),), code) for key, code in codes.items() if code is not None])
            return [self._known[key][0] for key in kernels]

    def _load(self, codes: Sequence[tuple[str, tuple[str, ...], bytes]]) -> None:
        """Bring functions into memory, all at once: key, names and machine code."""
        if not codes:
            return
        builder = binding.JITLibraryBuilder().add_current_process()
        for _, symbols, code in codes:
            builder.add_object_img(code)
            for symbol in symbols:
                builder.export_symbol(symbol)
        linked = builder.link(_linker(self.kind), f"maplet {next(_numbers)}")
        for key, symbols, _ in codes:
            self._known[key] = [linked[symbol] for symbol in symbols]
        linked.detach()  # otherwise the code would go with this object, when Python ends even under running threads

    def _object(self, key: str, source: Source) -> bytes:
        code = self.disk.get(key)
        if code is None:
            code = compile(source.make(), self.kind)
            self.compiled += 1
            self.disk.put(key, code)
        return code


def symbol_of(key: str) -> str:
    """The name of a kernel in its machine code."""
    return f"maplet_{key[:32]}"


_numbers = count()


@cache
def _linker(kind: Target) -> Any:
    """LLVM's linker in memory. It puts the parts of an object side by side: code reaches numbers by short offsets."""
    return binding.create_lljit_compiler(_machine(kind), use_jit_link=True)


@cache
def _target_text(kind: Target) -> str:
    """What, besides a kernel and the compiler, decides on the machine code."""
    version = ".".join(map(str, binding.llvm_version_info))
    return f"{binding.get_process_triple()} {kind.cpu} {kind.features} llvmlite {llvmlite.__version__} {version}"


def _parsed(machine: Any, ir_text: str) -> Any:
    module = binding.parse_assembly(ir_text)
    module.triple = machine.triple
    return module


@cache
def _machine(kind: Target) -> Any:
    """LLVM's code generator for the target. No passes on the IR are run: the loop language is written for that."""
    if binding.llvm_version_info[0] < 20:  # later ones do it themselves
        binding.initialize()
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    triple = binding.get_process_triple()
    if os.name == "nt":
        triple += "-elf"  # what is loaded into memory has this format on Windows, too
    return binding.Target.from_triple(triple).create_target_machine(
        cpu=kind.cpu, features=kind.features, opt=3, reloc="pic", codemodel="default", jit=True
    )
