"""Marks reached, and the spans that hide a count."""

import pytest

from broker.core.nearness import Span, percent_reached, span_of

MARKS = (70, 85, 95)


@pytest.mark.parametrize(
    ("count", "percent"),
    [(0, 0), (69_999, 0), (70_000, 70), (84_999, 70), (85_000, 85), (94_999, 85), (95_000, 95), (99_999, 95),
     (100_000, 100), (10**9, 100)],
)  # fmt: skip
def test_percent_reached(count: int, percent: int) -> None:
    assert percent_reached(count, 100_000, MARKS) == percent


@pytest.mark.parametrize(
    ("count", "span"),
    [
        (0, Span(0, 69_999)),
        (69_999, Span(0, 69_999)),
        (70_000, Span(70_000, 84_999)),
        (99_999, Span(95_000, 99_999)),
        (100_000, Span(100_000, 699_999)),
        (999_999, Span(950_000, 999_999)),
        (1_000_000, Span(1_000_000, 1_000_000)),
        (5_000_000, Span(1_000_000, 1_000_000)),
    ],
)
def test_spans(count: int, span: Span) -> None:
    assert span_of(count, (100_000, 1_000_000), MARKS) == span


def test_an_edge_that_is_no_whole_number_is_the_next_one() -> None:
    assert span_of(7, (11,), (70,)) == Span(0, 7)
    assert span_of(8, (11,), (70,)) == Span(8, 10)
