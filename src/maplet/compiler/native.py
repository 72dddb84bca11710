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
from maplet.compiler.target import Target, target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.compiler.loops import Kernel


def addresses(kernels: Sequence[Kernel]) -> list[int]:
    """Where the machine code of kernels is in memory. What there is none of yet is compiled."""
    return library().kernels(kernels)


def functions(ir_text: str, *symbols: str) -> list[int]:
    """Where the functions of an LLVM module are in memory; a module is compiled once. Their names must be its own."""
    return library().functions(ir_text, *symbols)


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


class Library:
    """Machine code in memory and on disk. ``compiled`` counts what was found neither here nor there."""

    def __init__(self, kind: Target, disk: Cache) -> None:
        self.kind = kind
        self.disk = disk
        self.compiled = 0
        self._known: dict[str, list[int]] = {}
        self._lock = threading.Lock()

    def kernels(self, kernels: Sequence[Kernel]) -> list[int]:
        """The addresses of kernels."""
        texts = [text(kernel, canonical=True) for kernel in kernels]
        with self._lock:
            missing = {
                source: kernel for source, kernel in zip(texts, kernels, strict=True) if source not in self._known
            }
            wanted: list[_Wanted] = []
            for source, kernel in missing.items():
                key = self._key(source)
                symbol = f"maplet_{key[:32]}"
                wanted.append(_Wanted(source, key, (symbol,), partial(emit, kernel, symbol)))
            self._load(wanted)
            return [self._known[source][0] for source in texts]

    def functions(self, ir_text: str, *symbols: str) -> list[int]:
        """The addresses of functions of an LLVM module, which must have names of their own."""
        with self._lock:
            if ir_text not in self._known:
                self._load([_Wanted(ir_text, self._key(ir_text), symbols, lambda: ir_text)])
            return self._known[ir_text]

    def _key(self, source: str) -> str:
        return key_of(source, _target_text(self.kind))

    def _load(self, wanted: Sequence[_Wanted]) -> None:
        """Bring functions into memory, all at once."""
        if not wanted:
            return
        builder = binding.JITLibraryBuilder().add_current_process()
        for one in wanted:
            builder.add_object_img(self._object(one))
            for symbol in one.symbols:
                builder.export_symbol(symbol)
        linked = builder.link(_linker(self.kind), f"maplet {next(_numbers)}")
        for one in wanted:
            self._known[one.source] = [linked[symbol] for symbol in one.symbols]
        linked.detach()  # otherwise the code would go with this object, when Python ends even under running threads

    def _object(self, wanted: _Wanted) -> bytes:
        code = self.disk.get(wanted.key)
        if code is None:
            code = compile(wanted.make(), self.kind)
            self.compiled += 1
            self.disk.put(wanted.key, code)
        return code


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Functions to be loaded: their text here, their key on disk, their names, and what makes LLVM IR of them."""

    source: str
    key: str
    symbols: tuple[str, ...]
    make: Callable[[], str]


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
