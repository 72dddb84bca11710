"""A step of training in native code: beside the eager one, and the same bits from any number of threads."""

import numpy as np

import maplet as mp
from maplet.compiler import threads
from maplet.compiler.executor import Executor
from maplet.compiler.instructions import Op
from maplet.compiler.jit import jit
from maplet.compiler.threads import Post
from maplet.core.tree import leaves


def bits(*trees):
    """Every array of the trees by name, as bytes."""
    return {name: (str(leaf.type), leaf.numpy().tobytes()) for name, leaf in leaves(list(trees)).items()}


def assert_trained_alike(found, expected, *, relative=2e-4):
    one, other = leaves(found), leaves(expected)
    assert list(one) == list(other)
    for name, leaf in one.items():
        assert leaf.type == other[name].type, name
        assert type(leaf) is type(other[name]), name
        value = other[name].numpy()
        if value.dtype.kind == "f":
            # What is left of large terms that cancel is as exact as these: to the rounding of a hundred of them.
            terms = 128 * np.finfo(value.dtype).eps * np.max(np.abs(value), initial=0.0)
            np.testing.assert_allclose(leaf, value, rtol=relative, atol=max(relative / 10, terms), err_msg=name)
        else:
            np.testing.assert_array_equal(leaf, value, err_msg=name)


def train_beside(make_all, step, batches, relative=2e-4):
    """Train twice, compiled and not, and compare after each step; the compiled step is given back.

    Parameters
    ----------
    make_all
        Makes what is trained, such as a net and an optimizer: the same with every call.
    step
        A function of these and of the arrays of a batch.
    batches
        A tuple of arrays for each step.
    relative
        How far the two may differ.
    """
    found, expected = make_all(), make_all()
    fast = jit(step)
    for n, batch in enumerate(batches):
        value, meant = fast(*found, *batch), step(*expected, *map(mp.asarray, batch))
        assert_trained_alike([value], [meant], relative=relative)
        assert_trained_alike(found, expected, relative=relative)
        if n == 0:
            count = fast.compilations
    assert fast.compilations == count == 1
    return fast


def share_all(program):
    """From now on threads share every kernel of more than one round, however small; whether there is one."""
    calls = program.table[:, 0] == Op.CALL
    program.table[calls, 4] = 1
    program.executor = Executor(program.table, program.control, scratch=program.executor.scratch)
    return bool((program.table[calls, 3] > 1).any())


def assert_the_same_bits_by_threads(fast, make_all, batch):
    """A step by 1, 2, 3 and 4 threads, on a larger batch where the kernels of this one have but one round."""
    if not threads.CAN_SHARE:
        return
    if not any(share_all(compiled.program) for compiled in fast.programs.values()):
        batch = tuple(np.concatenate([x] * 300) if x.ndim > 1 else x for x in batch)
        fast(*make_all(), *batch)
        shared = any(share_all(compiled.program) for compiled in fast.programs.values())
        assert shared or all(x.ndim == 1 for x in batch), "there is nothing to share"
    expected = None
    for number in (1, 2, 3, 4):
        threads.set_threads(number)
        trees = make_all()
        value = fast(*trees, *batch)
        found = bits([value], *trees)
        expected = found if expected is None else expected
        assert found == expected, f"{number} threads"
    pool = threads.current.pool  # that of four threads, which has seen nothing but this step
    assert (pool is not None and pool.post.words[Post.EPOCH] > 0) or all(x.ndim == 1 for x in batch)
