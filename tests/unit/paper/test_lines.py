"""Lines: what clings together stays together, nothing is lost, nothing is too wide."""

from hypothesis import given
from hypothesis import strategies as st

from broker.paper.lines import wrapped


def test_han_breaks_anywhere_but_not_before_a_stop_nor_after_an_opening_bracket() -> None:
    assert wrapped("一二三，四五（六七）", 3, len) == ["一二", "三，四", "五（六", "七）"]


def test_words_stay_whole_and_the_space_between_lines_goes() -> None:
    assert wrapped("one two three", 8, len) == ["one two", "three"]
    assert wrapped("ab\n\ncd", 8, len) == ["ab", "", "cd"]


def test_what_fits_no_line_is_cut() -> None:
    assert wrapped("abcdefgh ij", 3, len) == ["abc", "def", "gh", "ij"]


@given(st.text(alphabet="ab 關係，（）\n", max_size=60), st.integers(1, 9))
def test_no_character_is_lost_and_no_line_is_too_wide(text: str, width: int) -> None:
    lines = wrapped(text, width, len)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "").replace("\n", "")
    assert all(len(line) <= width for line in lines)
