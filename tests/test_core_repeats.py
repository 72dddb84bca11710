"""What is repeated in a sequence: every item is in one part, and a part that is repeated is equal in each turn."""

from hypothesis import given
from hypothesis import strategies as st

from maplet.core.repeats import runs

words = st.lists(st.tuples(st.text("ab", min_size=1, max_size=4), st.integers(1, 6)), max_size=8).map(
    lambda parts: "".join(word * times for word, times in parts)
)


@given(words, st.integers(1, 5), st.integers(2, 4))
def test_parts_are_the_whole_and_are_what_they_say(word, longest, fewest):
    found = list(runs(word, longest, fewest))
    assert "".join(word[start : start + period] * times for start, period, times in found) == word
    assert [start for start, _, _ in found] == [
        sum(period * times for _, period, times in found[:n]) for n in range(len(found))
    ]
    assert all(times == 1 == period or (times >= fewest and period <= longest) for _, period, times in found)


@given(st.text("abc", min_size=1, max_size=4), st.integers(3, 50))
def test_a_word_that_is_repeated_alone_is_found(word, times):
    ((start, period, found),) = runs(word * times, 4, 3)
    assert (start, word[:period] * found) == (0, word * times)
