"""How threads share a kernel, in LLVM IR: the caller's side, ``together``, and that of a worker, ``serve``.

The threads speak through the words of a pool (`Post`). The caller writes down the kernel and counts the epoch up; each
thread has a share of the kernel's range, in a few pieces, and a word for its state, twice the epoch. A worker comes in
by adding 1 to its state and leaves by adding another 1. Who is in takes the pieces of its own share one by one, then
those that are left of others; the caller does so too, and then shuts out who has not come yet. So the result never
depends on a worker's coming: one that is late, slow, asleep, or has left costs time only.

Workers wait in a loop for a while and then sleep, so an idle process takes no processor time.
"""

# llvmlite has no type hints.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

from typing import Any

from llvmlite import ir

from maplet.compiler.threads import LINE, Post
from maplet.compiler.words_ir import PLAIN_ARITHMETIC, Code, i8, i64

SPINNING = 50_000
"""Nanoseconds that a worker waits in a loop before it sleeps."""
LOOKS = 32
"""How often it looks between two readings of the clock."""
PATIENCE = 2_000
"""How often a caller looks whether a worker has finished before it offers the processor to others each time."""
PIECES, PIECE_BITS = 4, 8
"""Of how many pieces a share is at most, and bits that count them."""
NEXT = 2
"""Behind a thread's state, the word that counts the pieces of its share that were taken."""
CLOSED = -1


def write_threads(module: Any) -> None:
    """All functions of a pool; ``nanoseconds`` and ``arithmetic`` must be there."""
    write_claim(module)
    write_share(module)
    write_prepare(module)
    write_wake(module)
    write_finished(module)
    write_together(module)
    write_sleep(module)
    write_next_epoch(module)
    write_serve(module)


def state_of(code: Code, number: Any) -> Any:
    """The address of a thread's state; its scratch memory is the word behind."""
    offset = code.builder.mul(number, i64(LINE * 8))
    return code.builder.add(code.values["pool"], code.builder.add(offset, i64(Post.FIRST * 8)))


def part_of(code: Code, post: Post) -> Any:
    """The address of a part of the pool that has many words."""
    return code.builder.inttoptr(code.builder.add(code.values["pool"], i64(post * 8)), i8.as_pointer())


def write_claim(module: Any) -> None:
    """``claim(state, epoch, pieces)``: the next piece of a share that nobody has taken; ``pieces`` if there is none.

    The word that counts them bears the epoch, so that it need not be set to 0 for the next one.
    """
    code = Code(module, "claim", ("state", "epoch", "pieces"))
    builder, values = code.builder, code.values
    look, take, taken, none = (builder.append_basic_block(name) for name in ("look", "take", "taken", "none"))
    first = builder.shl(values["epoch"], i64(PIECE_BITS))
    builder.branch(look)
    builder.position_at_end(look)
    word = code.load(values["state"], NEXT, order="monotonic")
    number = builder.sub(word, first)
    number = builder.select(code.is_less(number, 0), i64(0), number)  # of an earlier epoch
    builder.cbranch(code.is_less(number, values["pieces"]), take, none)
    builder.position_at_end(take)
    won = code.replace(values["state"], NEXT, word, builder.add(builder.add(first, number), i64(1)))
    builder.cbranch(won, taken, look)
    builder.position_at_end(taken)
    builder.ret(number)
    builder.position_at_end(none)
    builder.ret(values["pieces"])


def write_share(module: Any) -> None:
    """``share(pool, function, arguments, count, number, scratch, epoch)``: what one thread does of a kernel.

    First the pieces of its own share, then what is left of those of others.
    """
    code = Code(module, "share", ("pool", "function", "arguments", "count", "number", "scratch", "epoch"))
    builder, values = code.builder, code.values
    threads, count = code.load(values["pool"], Post.THREADS), values["count"]
    most = builder.sdiv(count, threads)
    most = builder.select(code.is_less(most, 1), i64(1), most)
    pieces = builder.select(code.is_less(most, PIECES), most, i64(PIECES))
    all_pieces = builder.mul(threads, pieces)
    with code.each(0, threads) as turn:
        owner = builder.add(values["number"], turn)
        owner = builder.select(code.is_less(owner, threads), owner, builder.sub(owner, threads))
        state, base = state_of(code, owner), builder.mul(owner, pieces)
        before, again, done = (builder.append_basic_block(name) for name in ("before", "again", "done"))
        builder.branch(before)
        builder.position_at_end(before)
        piece = code.call("claim", state, values["epoch"], pieces)
        builder.cbranch(code.is_less(piece, pieces), again, done)
        builder.position_at_end(again)
        first = builder.add(base, piece)
        after = builder.add(first, i64(1))
        begin, end = (builder.sdiv(builder.mul(count, n), all_pieces) for n in (first, after))
        with builder.if_then(code.is_less(begin, end)):
            code.call_kernel(values["function"], values["arguments"], begin, end, values["scratch"])
        builder.branch(before)
        builder.position_at_end(done)
    builder.ret(i64(0))


def write_prepare(module: Any) -> None:
    """``prepare(pool)``: make the lock and the bell by which workers sleep."""
    code = Code(module, "maplet_prepare", ("pool",), public=True)
    null = ir.Constant(i8.as_pointer(), None)
    code.call_system("pthread_mutex_init", part_of(code, Post.MUTEX), null)
    code.call_system("pthread_cond_init", part_of(code, Post.CONDITION), null)
    code.builder.ret(i64(0))


def write_wake(module: Any) -> None:
    """``wake(pool)``: let all that sleep look again."""
    code = Code(module, "maplet_wake", ("pool",), public=True)
    mutex = part_of(code, Post.MUTEX)
    code.call_system("pthread_mutex_lock", mutex)
    code.call_system("pthread_cond_broadcast", part_of(code, Post.CONDITION))
    code.call_system("pthread_mutex_unlock", mutex)
    code.builder.ret(i64(0))


def write_finished(module: Any) -> None:
    """``finished(state, expected)``: wait until a worker that is in has left."""
    code = Code(module, "finished", ("state", "expected"))
    builder = code.builder
    before = builder.block
    look, again, patient, done = (builder.append_basic_block(n) for n in ("look", "again", "patient", "done"))
    builder.branch(look)
    builder.position_at_end(look)
    looks = builder.phi(i64)
    looks.add_incoming(i64(0), before)
    builder.cbranch(
        code.is_equal(code.load(code.values["state"], order="acquire"), code.values["expected"]), done, again
    )
    builder.position_at_end(again)
    code.relax()
    with builder.if_then(code.is_less(i64(PATIENCE), looks), likely=False):
        code.call_system("sched_yield")
    builder.branch(patient)
    builder.position_at_end(patient)
    looks.add_incoming(builder.add(looks, i64(1)), patient)
    builder.branch(look)
    builder.position_at_end(done)
    builder.ret(i64(0))


def write_together(module: Any) -> None:
    """``together(pool, function, arguments, count, scratch)``: run a kernel with all threads; the pool must be ours."""
    code = Code(module, "together", ("pool", "function", "arguments", "count", "scratch"))
    builder, values = code.builder, code.values
    pool = values["pool"]
    work = (values["function"], values["arguments"], values["count"])
    for word, post in zip(work, (Post.FUNCTION, Post.ARGUMENTS, Post.COUNT), strict=True):
        code.store(word, pool, post, order="monotonic")
    epoch = builder.add(code.load(pool, Post.EPOCH, order="monotonic"), i64(1))
    # In one order for all threads: either a worker about to sleep sees this epoch, or it is seen here as a sleeper.
    code.store(epoch, pool, Post.EPOCH, order="seq_cst")
    sleepers = code.load(pool, Post.SLEEPERS, order="seq_cst")
    with builder.if_then(code.is_less(i64(0), sleepers), likely=False):
        code.call("maplet_wake", pool)
    code.call("share", pool, *work, 0, values["scratch"], epoch)
    threads = code.load(pool, Post.THREADS)
    done = builder.mul(epoch, i64(2))
    with code.each(1, threads) as number:
        code.replace(state_of(code, number), 0, builder.sub(done, i64(2)), done)
    with code.each(1, threads) as number:
        code.call("finished", state_of(code, number), done)
    builder.ret(i64(0))


def write_sleep(module: Any) -> None:
    """``sleep(pool, seen)``: until there is another epoch, or the pool is closed."""
    code = Code(module, "sleep", ("pool", "seen"))
    builder, pool = code.builder, code.values["pool"]
    mutex, condition = part_of(code, Post.MUTEX), part_of(code, Post.CONDITION)
    test, rest, awake = (builder.append_basic_block(name) for name in ("test", "rest", "awake"))
    code.call_system("pthread_mutex_lock", mutex)
    builder.atomic_rmw("add", code.pointer(pool, Post.SLEEPERS), i64(1), "seq_cst")
    builder.branch(test)
    builder.position_at_end(test)
    same = code.is_equal(code.load(pool, Post.EPOCH, order="seq_cst"), code.values["seen"])
    is_open = code.is_equal(code.load(pool, Post.CLOSED, order="seq_cst"), 0)
    builder.cbranch(builder.and_(same, is_open), rest, awake)
    builder.position_at_end(rest)
    code.call_system("pthread_cond_wait", condition, mutex)
    builder.branch(test)
    builder.position_at_end(awake)
    builder.atomic_rmw("sub", code.pointer(pool, Post.SLEEPERS), i64(1), "seq_cst")
    code.call_system("pthread_mutex_unlock", mutex)
    builder.ret(i64(0))


def write_next_epoch(module: Any) -> None:
    """``next_epoch(pool, seen)``: wait for an epoch other than the one seen; `CLOSED` if there is to be none."""
    code = Code(module, "next_epoch", ("pool", "seen"))
    builder, pool = code.builder, code.values["pool"]
    spin, late = builder.append_basic_block("spin"), builder.append_basic_block("late")
    deadline = builder.add(code.call("nanoseconds"), i64(SPINNING))
    builder.branch(spin)
    builder.position_at_end(spin)
    with code.each(0, LOOKS):
        closed = code.load(pool, Post.CLOSED, order="acquire")
        with builder.if_then(code.is_less(i64(0), closed), likely=False):
            builder.ret(i64(CLOSED))
        epoch = code.load(pool, Post.EPOCH, order="acquire")
        with builder.if_then(builder.icmp_signed("!=", epoch, code.values["seen"]), likely=False):
            builder.ret(epoch)
        code.relax()
    builder.cbranch(code.is_less(code.call("nanoseconds"), deadline), spin, late)
    builder.position_at_end(late)
    code.call("sleep", pool, code.values["seen"])
    builder.branch(spin)


def write_serve(module: Any) -> None:
    """``serve(pool, number)``: the life of a worker."""
    code = Code(module, "maplet_serve", ("pool", "number"), public=True)
    builder, values = code.builder, code.values
    pool, state = values["pool"], state_of(code, values["number"])
    code.call("arithmetic", PLAIN_ARITHMETIC)
    before = builder.block
    wait, look, left = (builder.append_basic_block(name) for name in ("wait", "look", "left"))
    builder.branch(wait)
    builder.position_at_end(wait)
    seen = builder.phi(i64)
    seen.add_incoming(i64(0), before)
    epoch = code.call("next_epoch", pool, seen)
    builder.cbranch(code.is_equal(epoch, CLOSED), left, look)
    builder.position_at_end(look)
    work = [code.load(pool, post, order="monotonic") for post in (Post.FUNCTION, Post.ARGUMENTS, Post.COUNT)]
    done = builder.mul(epoch, i64(2))
    # While this thread is in, the epoch is not over, nor then can the three words have changed.
    claimed = code.replace(state, 0, builder.sub(done, i64(2)), builder.sub(done, i64(1)))
    with builder.if_then(claimed):
        code.call("share", pool, *work, values["number"], code.load(state, 1, order="monotonic"), epoch)
        code.store(done, state, order="release")
    seen.add_incoming(epoch, builder.block)
    builder.branch(wait)
    builder.position_at_end(left)
    builder.ret(i64(0))
