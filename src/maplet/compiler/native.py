"""LLVM IR → machine code, and its place in this process.

Machine code is position-independent and stays for as long as the process lives. A kernel is compiled at most once: its
canonical text is looked up among those loaded, then on disk.
"""

# llvmlite has no type hints.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from typing import TYPE_CHECKING, Any

import llvmlite
from llvmlite import binding

from maplet.compiler.cache import Cache, default_directory, key_of
from maplet.compiler.llvm import emit
from maplet.compiler.loop_text import text
from maplet.compiler.target import target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.compiler.loops import Kernel


def addresses(kernels: Sequence[Kernel]) -> list[int]:
    """Where the machine code of kernels is in memory. What there is none of yet is compiled."""
    return library().kernels(kernels)


def functions(ir_text: str, *symbols: str) -> list[int]:
    """Where the functions of an LLVM module are in memory; a module is compiled once. Their names must be its own."""
    return library().functions(ir_text, *symbols)


def compile(ir_text: str) -> bytes:
    """The machine code of an LLVM module, as an object file."""
    machine = _machine()
    return machine.emit_object(_parsed(machine, ir_text))


def assembly(ir_text: str) -> str:
    """The machine code of an LLVM module, for people."""
    machine = _machine()
    return machine.emit_assembly(_parsed(machine, ir_text))


@cache
def library() -> Library:
    """All machine code of this process."""
    return Library(Cache(default_directory()))


class Library:
    """Machine code in memory and on disk. ``compiled`` counts what was found neither here nor there."""

    def __init__(self, disk: Cache) -> None:
        self.disk = disk
        self.compiled = 0
        self._known: dict[str, list[int]] = {}
        self._lock = threading.Lock()

    def kernels(self, kernels: Sequence[Kernel]) -> list[int]:
        """The addresses of kernels."""
        texts = [text(kernel, canonical=True) for kernel in kernels]
        with self._lock:
            self._load(
                [
                    _Wanted(source, (symbol := f"maplet_{key_of(source, '')[:32]}",), partial(emit, kernel, symbol))
                    for source, kernel in zip(texts, kernels, strict=True)
                    if source not in self._known
                ]
            )
            return [self._known[source][0] for source in texts]

    def functions(self, ir_text: str, *symbols: str) -> list[int]:
        """The addresses of functions of an LLVM module, which must have names of their own."""
        with self._lock:
            if ir_text not in self._known:
                self._load([_Wanted(ir_text, symbols, lambda: ir_text)])
            return self._known[ir_text]

    def _load(self, wanted: Sequence[_Wanted]) -> None:
        """Bring functions into memory, all at once."""
        if not wanted:
            return
        builder = binding.JITLibraryBuilder().add_current_process()
        for one in {one.source: one for one in wanted}.values():
            builder.add_object_img(self._object(one))
            for symbol in one.symbols:
                builder.export_symbol(symbol)
        linked = builder.link(_linker(), f"maplet {next(_numbers)}")
        for one in wanted:
            self._known[one.source] = [linked[symbol] for symbol in one.symbols]
        linked.detach()  # otherwise the code would go with this object, when Python ends even under running threads

    def _object(self, wanted: _Wanted) -> bytes:
        key = key_of(wanted.source, _target_text())
        code = self.disk.get(key)
        if code is None:
            code = compile(wanted.make())
            self.compiled += 1
            self.disk.put(key, code)
        return code


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Functions to be loaded: the text by which they are known, their names, and what makes LLVM IR of them."""

    source: str
    symbols: tuple[str, ...]
    make: Callable[[], str]


_numbers = count()


@cache
def _linker() -> Any:
    """LLVM's linker in memory. It puts the parts of an object side by side: code reaches its numbers by short offsets."""
    return binding.create_lljit_compiler(_machine(), use_jit_link=True)


@cache
def _target_text() -> str:
    """What, besides a kernel and the compiler, decides on the machine code."""
    chosen, version = target(), ".".join(map(str, binding.llvm_version_info))
    return f"{binding.get_process_triple()} {chosen.cpu} {chosen.features} llvmlite {llvmlite.__version__} {version}"


def _parsed(machine: Any, ir_text: str) -> Any:
    module = binding.parse_assembly(ir_text)
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    return module


@cache
def _machine() -> Any:
    """LLVM's code generator for the target. No passes on the IR are run: the loop language is written for that."""
    if binding.llvm_version_info[0] < 20:  # later ones do it themselves
        binding.initialize()
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    triple = binding.get_process_triple()
    if os.name == "nt":
        triple += "-elf"  # what is loaded into memory has this format on Windows, too
    chosen = target()
    return binding.Target.from_triple(triple).create_target_machine(
        cpu=chosen.cpu, features=chosen.features, opt=3, reloc="pic", codemodel="default", jit=True
    )
