"""The executor: what each instruction does, and how a program leaves to Python and goes on."""

import ctypes
import time
import tracemalloc

import numpy as np
import pytest

from maplet.compiler import executor
from maplet.compiler.executor import Executor, new_control
from maplet.compiler.instructions import ROW_WORDS, Op, Outcome, Word
from maplet.core.memory import address_of
from native_programs import Program, kernel, repeat


@pytest.fixture
def program():
    return Program()


def test_an_empty_program_ends_and_can_be_run_again(program):
    run = program.finish()
    assert [run.start() for _ in range(3)] == [Outcome.DONE] * 3
    assert program.control[Word.ROW] == 0


def test_call_runs_a_kernel_from_0_to_count(program):
    x = np.arange(10)
    program.call("mix", x, count=7, parallel=False)
    assert program.finish().start() == Outcome.DONE
    np.testing.assert_array_equal(x, [4 * i if i < 7 else i for i in range(10)])


def test_copy_moves_memory_also_onto_itself(program):
    source, to = np.arange(6), np.zeros(6, np.int64)
    program.row(Op.COPY, address_of(to, 1), address_of(source), 24)
    program.row(Op.COPY, address_of(source, 1), address_of(source), 40)
    program.finish().start()
    np.testing.assert_array_equal(to, [0, 0, 1, 2, 0, 0])
    np.testing.assert_array_equal(source, [0, 0, 1, 2, 3, 4])


def test_set_and_add_write_words_of_any_sign(program):
    x = np.array([5, 6])
    program.row(Op.SET, address_of(x), -(2**62))
    program.row(Op.ADD, address_of(x, 1), -10)
    program.finish().start()
    np.testing.assert_array_equal(x, [-(2**62), -4])


def test_jump_leaves_out_rows(program):
    x = np.zeros(1, np.int64)
    program.row(Op.JUMP, 2)
    program.row(Op.ADD, address_of(x), 1)
    program.row(Op.ADD, address_of(x), 10)
    program.finish().start()
    assert x[0] == 10


@pytest.mark.parametrize(("byte", "expected"), [(0, 10), (1, 11), (255, 11)])
def test_jump_if_false_reads_one_byte(program, byte, expected):
    flags, x = np.array([7, byte, 7], np.uint8), np.zeros(1, np.int64)
    program.row(Op.JUMP_IF_FALSE, address_of(flags, 1), 2)
    program.row(Op.ADD, address_of(x), 1)
    program.row(Op.ADD, address_of(x), 10)
    program.finish().start()
    assert x[0] == expected


@pytest.mark.parametrize(("op", "value", "jumps"), [
    (Op.JUMP_IF_EQUAL, 3, True), (Op.JUMP_IF_EQUAL, 3 + 2**40, False), (Op.JUMP_IF_EQUAL, -3, False),
    (Op.JUMP_IF_LESS, 4, True), (Op.JUMP_IF_LESS, 3, False), (Op.JUMP_IF_LESS, -1, False),
])  # fmt: skip
def test_jumps_by_numbers(program, op, value, jumps):
    found, x = program.word(3), np.zeros(1, np.int64)
    program.row(op, found, value if op == Op.JUMP_IF_EQUAL else program.word(value), 2)
    program.row(Op.ADD, address_of(x), 1)
    program.row(Op.ADD, address_of(x), 10)
    program.finish().start()
    assert x[0] == (10 if jumps else 11)


def test_a_choice_among_branches_by_an_index(program):
    x, index = np.zeros(1, np.int64), np.zeros(1, np.int64)
    for number in range(3):
        program.row(Op.JUMP_IF_EQUAL, address_of(index), number, 4 + 2 * number)
    program.row(Op.JUMP, 10)
    for number in range(3):
        program.row(Op.ADD, address_of(x), 10**number)
        program.row(Op.JUMP, 10)
    run = program.finish()
    for index[0] in (2, 0, 2, 5, 1):
        run.start()
    assert x[0] == 211


def test_loops_in_loops_count_their_rounds(program):
    x = np.zeros(4, np.int64)
    repeat(program, 5, lambda: repeat(program, 3, lambda: program.call("increment", x)))
    run = program.finish()
    run.start()
    run.start()
    np.testing.assert_array_equal(x, 30)


def test_a_loop_goes_through_the_rows_of_an_array_by_adding_to_an_argument(program):
    x = np.arange(12).reshape(4, 3)
    place = program.array([address_of(x)])
    repeat(program, 4, lambda: (program.row(Op.CALL, kernel["mix"], place, 3, 0), program.row(Op.ADD, place, 24)))
    program.finish().start()
    np.testing.assert_array_equal(x, 3 * np.arange(12).reshape(4, 3) + np.arange(3))


def test_a_loop_changes_the_operands_of_its_own_rows():
    sequence, carry = np.arange(10, 15), np.zeros(5, np.int64)
    counter, limit = np.zeros(1, np.int64), np.array([5])
    table = np.zeros((6, ROW_WORDS), np.int64)
    table[0, :4] = Op.COPY, address_of(carry), address_of(sequence), 8
    table[1, :3] = Op.ADD, address_of(table, 1), 8
    table[2, :3] = Op.ADD, address_of(table, 2), 8
    table[3, :3] = Op.ADD, address_of(counter), 1
    table[4, :4] = Op.JUMP_IF_LESS, address_of(counter), address_of(limit), 0
    Executor(table, new_control()).start()
    np.testing.assert_array_equal(carry, sequence)


def test_host_hands_its_number_to_python_in_every_round_of_a_loop(program):
    x, seen = np.zeros(1, np.int64), []
    repeat(program, 3, lambda: (program.call("increment", x), program.row(Op.HOST, 42), program.row(Op.HOST, 43)))
    run = program.finish()
    outcome = run.start()
    while outcome == Outcome.HOST:
        seen.append((int(program.control[Word.HOST]), int(x[0])))
        x *= 10
        outcome = run.resume()
    assert outcome == Outcome.DONE
    assert seen == [(42, 1), (43, 10), (42, 101), (43, 1010), (42, 10101), (43, 101010)]


def test_pause_returns_when_the_time_is_spent_and_not_before(program):
    x = np.zeros(1, np.int64)
    repeat(program, 100, lambda: (program.call("increment", x), program.row(Op.PAUSE)))
    run = program.finish()
    assert run.start() == Outcome.DONE  # without a budget
    program.control[Word.BUDGET] = 1
    outcomes = [run.start()]
    while outcomes[-1] == Outcome.PAUSED:
        outcomes.append(run.resume())
    assert outcomes == [Outcome.PAUSED] * 100 + [Outcome.DONE]
    assert x[0] == 200
    program.control[Word.BUDGET] = 10**12
    assert run.start() == Outcome.DONE


def test_a_pause_comes_about_when_it_should(program):
    x = np.zeros(4, np.int64)
    repeat(program, 2**60, lambda: (program.call("toil", x), program.row(Op.PAUSE)))
    program.control[Word.BUDGET] = 20_000_000
    run = program.finish()
    for enter in (run.start, run.resume):
        began = time.perf_counter()
        assert enter() == Outcome.PAUSED
        assert 0.02 <= time.perf_counter() - began < 2


def test_an_error_of_a_kernel_ends_the_run_at_the_next_pause(program):
    x = np.array([1, -1, 1])
    after = np.zeros(1, np.int64)
    repeat(program, 5, lambda: (program.call("report", x, program.status), program.row(Op.PAUSE)))
    program.call("increment", after)
    run = program.finish()
    assert run.start() == Outcome.FAILED
    assert program.control[Word.STATUS] == 7
    assert after[0] == 0
    x[1] = 1
    assert run.start() == Outcome.DONE  # the error is forgotten
    assert after[0] == 1


@pytest.mark.parametrize("last", [Op.END, Op.HOST])
def test_an_error_goes_before_the_end_and_before_an_operation_of_python(program, last):
    program.call("report", np.array([-1]), program.status)
    program.row(last)
    assert program.finish().start() == Outcome.FAILED


def test_kernels_get_aligned_memory_of_their_own(program):
    x, offset = np.zeros(1, np.int64), 100_000 - 8
    program.call("mark", x, offset)
    run = program.finish(scratch=100_000)
    run.start()
    assert x[0] % 64 == 0
    assert ctypes.c_int64.from_address(int(x[0]) + offset).value == 0  # i, in the last word


def test_a_profile_counts_the_calls_of_each_row_and_their_time(program):
    x = np.zeros(50, np.int64)
    quick = program.call("increment", x, parallel=False)
    repeat(program, 20, lambda: program.call("toil", x, parallel=False))
    run = program.finish()
    profile = np.zeros((len(program.rows), 2), np.int64)
    program.control[Word.PROFILE] = address_of(profile)
    began = time.perf_counter_ns()
    run.start()
    run.start()
    passed = time.perf_counter_ns() - began
    slow = quick + 2
    assert [int(count) for count in profile[:, 1]] == [{quick: 2, slow: 40}.get(row, 0) for row in range(len(profile))]
    assert 0 < profile[quick, 0] < profile[slow, 0] < passed
    program.control[Word.PROFILE] = 0
    run.start()
    assert profile[slow, 1] == 40


@pytest.mark.parametrize("table", [
    np.zeros((1, 5), np.int64), np.zeros((1, 6), np.int32), np.zeros(6, np.int64), np.zeros((0, 6), np.int64),
    np.zeros((6, 6), np.int64).T, np.full((1, 6), 99), np.full((1, 6), -1), np.full((1, 6), Op.JUMP),
])  # fmt: skip
def test_a_table_of_another_form_is_refused(table):
    if table.shape == (6, 6):
        table = np.asfortranarray(table)
    with pytest.raises(ValueError, match="table"):
        Executor(table, new_control())


def test_many_runs_take_no_memory(program):
    x = np.zeros(2, np.int64)
    program.call("increment", x)
    program.row(Op.HOST, 1)
    run = program.finish(scratch=1000)
    tracemalloc.start()
    try:
        for rounds in (100, 100_000):
            for _ in range(rounds):
                run.start()
                run.resume()
            if rounds == 100:
                before = tracemalloc.get_traced_memory()[0]
        assert tracemalloc.get_traced_memory()[0] - before < 2000
    finally:
        tracemalloc.stop()
    assert x[0] == 100_100


def test_the_executor_is_compiled_once():
    assert executor.native() is executor.native()
