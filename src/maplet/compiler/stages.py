"""What a function is at each stage on its way to machine code, as text.

===== ===========================================================================
graph what was recorded: operations, each with its layer and line
fused what runs: nests, contractions, loops and host calls (`listing`)
loops the kernels in the loop language, each distinct one once (`loop_text`)
llvm  the same kernels in LLVM's language
asm   the same kernels as the instructions of this CPU, or of ``MAPLET_TARGET``
===== ===========================================================================
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from maplet.compiler import native
from maplet.compiler.explain import compiled, is_in_place, unwrapped
from maplet.compiler.listing import listing
from maplet.compiler.llvm import emit
from maplet.compiler.loop_text import text
from maplet.core.text import graph_to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from maplet.compiler.program import Program
    from maplet.compiler.table import Called

stages = ("graph", "fused", "loops", "llvm", "asm")


def stage_text(stage: str, f: Callable[..., Any], *args: Any) -> str:
    """A function at one of the `stages`; nothing is run."""
    function, given = unwrapped(f, args)
    made, _ = compiled(function, given)
    program = made.program
    if stage == "graph":
        return graph_to_text(program.graph, origins=True)
    if stage == "fused":
        block = program.block
        replaced = {block.outputs[n]: block.inputs[k] for n, k in program.donated.items() if is_in_place(program, n)}
        return listing(block, origins=True, in_place=replaced)
    return "\n".join(_kernels(stage, program))


def _kernels(stage: str, program: Program) -> Iterator[str]:
    """Every distinct kernel below a line that says what it computes."""
    origins = program.origins
    calls = program.instructions.calls
    forms = {called: text(called.kernel, canonical=True) for called in calls}
    counts = Counter(forms.values())
    first: dict[str, Called] = {}
    for called in calls:
        first.setdefault(forms[called], called)
    for number, (form, called) in enumerate(first.items()):
        names = ", ".join(dict.fromkeys(node.primitive.name for node in called.nodes))
        origin = str(origins.get(called.nodes[0], ""))
        often = f"called at {counts[form]} places" if counts[form] > 1 else ""
        sign = ";" if stage == "llvm" else "#"
        yield f"{sign} kernel {number}: {' · '.join(part for part in (names, origin, often) if part)}"
        if stage == "loops":
            yield text(called.kernel)
            continue
        code = emit(called.kernel, f"kernel_{number}")
        yield code if stage == "llvm" else native.assembly(code)
