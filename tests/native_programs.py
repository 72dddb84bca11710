"""Small kernels and tables of instructions, for the tests of the executor and its threads."""

import ctypes

import numpy as np
from llvmlite import binding

from maplet.compiler.executor import Executor, new_control
from maplet.compiler.instructions import ROW_WORDS, Op, Word
from maplet.core.memory import address_of

# Each kernel is a loop over i from begin to before end, with x the address in its first word; `…` is what it does.
_loop = """
define void @NAME(ptr %arguments, i64 %begin, i64 %end, ptr %scratch) {
entry:
  %first = load i64, ptr %arguments
  %x = inttoptr i64 %first to ptr
  br label %test
test:
  %i = phi i64 [%begin, %entry], [%after, %next]
  %more = icmp slt i64 %i, %end
  br i1 %more, label %body, label %done
body:
  %at = getelementptr i64, ptr %x, i64 %i
  %value = load i64, ptr %at
  …
  br label %next
next:
  %after = add i64 %i, 1
  br label %test
done:
  ret void
}"""

_bodies = {
    # adds 1 to x[i]
    "increment": "%r = add i64 %value, 1 store i64 %r, ptr %at",
    # x[i] = 3·x[i] + i
    "mix": "%t = mul i64 %value, 3 %r = add i64 %t, %i store i64 %r, ptr %at",
    # x[i] = the address of the thread's scratch memory, in whose last word, at the offset in argument 1, i is written
    "mark": """%s = getelementptr i64, ptr %arguments, i64 1 %offset = load i64, ptr %s
        %last = getelementptr i8, ptr %scratch, i64 %offset store i64 %i, ptr %last
        %r = ptrtoint ptr %scratch to i64 store i64 %r, ptr %at""",
    # the word at argument 1 becomes 7 if x[i] < 0
    "report": """%s = getelementptr i64, ptr %arguments, i64 1 %word = load i64, ptr %s
        %status = inttoptr i64 %word to ptr %bad = icmp slt i64 %value, 0 br i1 %bad, label %tell, label %next
        tell: store i64 7, ptr %status""",
    # x[i] goes a thousand times through a random number generator: some microseconds
    "toil": """br label %again
        again: %k = phi i64 [0, %body], [%k1, %again] %v = phi i64 [%value, %body], [%v2, %again]
        %v1 = mul i64 %v, 6364136223846793005 %v2 = add i64 %v1, 1442695040888963407 %k1 = add i64 %k, 1
        %rest = icmp slt i64 %k1, 1000 br i1 %rest, label %again, label %tired
        tired: store i64 %v2, ptr %at""",
    # the same as `mark` but for the scratch memory, and after some microseconds if x[i] is not 0
    "tarry": """%lazy = icmp ne i64 %value, 0 br i1 %lazy, label %again, label %write
        again: %k = phi i64 [0, %body], [%k1, %again] %v = phi i64 [%value, %body], [%v2, %again]
        %v1 = mul i64 %v, 6364136223846793005 %v2 = add i64 %v1, 1442695040888963407 %k1 = add i64 %k, 1
        %rest = icmp slt i64 %k1, 5000 br i1 %rest, label %again, label %tired
        tired: store i64 %v2, ptr %at br label %write
        write: %r = ptrtoint ptr %scratch to i64 store i64 %r, ptr %at""",
    # x[i] = x[i] / 2 as f64, twice: of the smallest normal number this makes a subnormal one
    "halve": """%f = bitcast i64 %value to double %h = fmul double %f, 0.5 %q = fmul double %h, 0.5
        %r = bitcast double %q to i64 store i64 %r, ptr %at""",
}


def machine_code(text, *names):
    """The functions of an LLVM module, to be called with int32 and with an int32 as result."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    module = binding.parse_assembly(text)
    module.verify()
    machine = binding.Target.from_default_triple().create_target_machine()
    _engines.append(binding.create_mcjit_compiler(module, machine))
    _engines[-1].finalize_object()
    return [ctypes.CFUNCTYPE(ctypes.c_int32)(_engines[-1].get_function_address(name)) for name in names]


_engines = []
_text = "\n".join(_loop.replace("NAME", name).replace("…", body) for name, body in _bodies.items())
_functions = machine_code(_text, *_bodies)
kernel = {name: ctypes.cast(it, ctypes.c_void_p).value for name, it in zip(_bodies, _functions, strict=True)}


class Program:
    """A table that is written row by row, with the memory that it speaks of."""

    def __init__(self):
        self.rows = []
        self.memory = []
        self.control = new_control()

    def word(self, value=0):
        """The address of a new word."""
        return self.array([value])

    def array(self, numbers):
        """The address of an array of words; one that is given as such is used itself."""
        self.memory.append(np.ascontiguousarray(numbers, np.int64))
        return address_of(self.memory[-1])

    def row(self, *words):
        """Add a row; its number."""
        self.rows.append([*words, *[0] * (ROW_WORDS - len(words))])
        return len(self.rows) - 1

    def call(self, name, x, *others, count=None, parallel=True):
        """Add a call of a kernel on an array; its row."""
        arguments = self.array([self.array(x), *others])
        return self.row(Op.CALL, kernel[name], arguments, len(x) if count is None else count, int(parallel))

    @property
    def status(self):
        """The address of the status word."""
        return address_of(self.control, Word.STATUS)

    def finish(self, **options):
        """End the table; what runs it."""
        self.row(Op.END)
        return Executor(np.array(self.rows, np.int64), self.control, **options)


def repeat(program, rounds, body):
    """Add a loop: what ``body`` adds, so many times. The address of the counter."""
    counter, limit = program.word(), program.word(rounds)
    program.row(Op.SET, counter, 0)
    start = len(program.rows)
    body()
    program.row(Op.ADD, counter, 1)
    program.row(Op.JUMP_IF_LESS, counter, limit, start)
    return counter
