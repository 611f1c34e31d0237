"""Charts and tables of the regulator's console: what is drawn is what was counted."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from math import hypot

import pytest

from broker.core.alarm import Reading, Threshold
from broker.core.flow_summary import Flow, FlowCounts, FlowKey
from broker.web.console_charts import BAR_WIDTH, CHART_HEIGHT, CHART_WIDTH, bars_of, columns_of
from broker.web.console_data import Window, band_sheet, flow_sheet, route_sheet
from broker.web.console_picture import RADIUS, WIDTH, picture_of
from broker.web.console_sheets import Column, Sheet
from broker.web.console_words import counter_words

DAY = date(2026, 11, 20)


def flow(
    origin: str, destination: str, releases: int, gate: str = "allow", band: str = "green", day: date = DAY
) -> Flow:
    return Flow(FlowKey(day, origin, destination, gate, "gba_sc", band), releases, releases * 40, 44)


def test_every_route_has_one_ribbon_whose_stripes_add_up() -> None:
    flows = [flow("CN", "HK", 90), flow("CN", "HK", 10, "hold"), flow("HK", "CN", 25), flow("CN", "CN", 7)]
    picture = picture_of(flows)
    widest, other = picture.ribbons
    assert (widest.origin, widest.destination, widest.releases, widest.stopped) == ("CN", "HK", 100, 10)
    assert [(stripe.gate, stripe.releases) for stripe in widest.stripes] == [("allow", 90), ("hold", 10)]
    total = sum(stripe.width for stripe in widest.stripes)
    assert sum(stripe.width for stripe in other.stripes) == pytest.approx(4 + (total - 4) / 2, abs=0.1)  # square root
    assert {place.code: place.within for place in picture.places} == {"CN": 7, "HK": 0, "MO": 0}


def test_the_two_ways_between_two_places_do_not_lie_on_each_other() -> None:
    there, back = picture_of([flow("CN", "HK", 50), flow("HK", "CN", 50)]).ribbons
    assert hypot(there.x - back.x, there.y - back.y) > 40


def test_many_others_are_gathered_and_everything_stays_in_the_frame() -> None:
    codes = [f"A{letter}" for letter in "BCDEFGHIJKLM"]
    picture = picture_of([flow(code, "HK", 10 + place) for place, code in enumerate(codes)])
    assert len(picture.places) == 10
    assert picture.places[-1].code == "others"
    assert sum(ribbon.releases for ribbon in picture.ribbons) == sum(10 + place for place in range(len(codes)))
    for place in picture.places:
        assert RADIUS < place.x < WIDTH - RADIUS
        assert RADIUS < place.y < picture.height - RADIUS


def test_nothing_at_all_is_a_picture_too() -> None:
    assert picture_of([]).ribbons == ()
    empty = columns_of([], DAY, DAY)
    assert [number for _, number in empty.ticks] == [0, 1]


def test_columns_stack_to_what_the_day_had() -> None:
    first = DAY - timedelta(days=6)
    flows = [flow("CN", "HK", 60), flow("CN", "MO", 30, band="amber"), flow("CN", "HK", 5, band="red", day=first)]
    columns = columns_of(flows, first, DAY)
    assert [day.day for day in columns.days] == [first + timedelta(days=n) for n in range(7)]
    last = columns.days[-1]
    assert [(block.band, block.releases) for block in last.blocks] == [("green", 60), ("amber", 30)]
    low, high = last.blocks
    assert high.y + high.height == pytest.approx(low.y, abs=0.02)
    assert low.height == pytest.approx(2 * high.height, abs=0.05)
    assert columns.total == {"green": 60, "amber": 30, "red": 5, "unknown": 0}
    assert columns.ticks[-1] == (12, 100)  # the top of the picture
    assert last.x + last.width < CHART_WIDTH
    assert low.y + low.height < CHART_HEIGHT


@pytest.mark.parametrize(
    ("count", "state", "next_at"),
    [
        (6_999, "calm", 7_000),
        (7_000, "near", 8_500),
        (8_499, "near", 8_500),
        (8_500, "close", 9_500),
        (9_500, "edge", 10_000),
        (9_999, "edge", 10_000),
        (10_000, "over", None),
        (50_000, "over", None),
    ],
)
def test_a_bar_changes_exactly_at_its_marks(count: int, state: str, next_at: int | None) -> None:
    threshold = Threshold("order16.7", 10_000, (70, 85, 95, 100))
    (bar,) = bars_of([Reading(2026, "sensitive/tongguan/CN", count, (threshold,))])
    assert (bar.state, bar.next_at) == (state, next_at)
    assert 0 <= bar.length <= BAR_WIDTH
    assert sum(mark.reached for mark in bar.marks) == ["calm", "near", "close", "edge", "over"].index(state)


def test_tables_hold_what_the_pictures_show() -> None:
    flows = [flow("CN", "HK", 90), flow("CN", "HK", 3, "deny"), flow("MO", "CN", 200, band="amber")]
    assert route_sheet(flows).rows == (("MO", "CN", 200, 200, 0, 0, 0, 0), ("CN", "HK", 93, 90, 0, 0, 3, 0))
    assert band_sheet(flows).rows == (("2026-11-20", 293, 93, 200, 0, 0),)
    assert flow_sheet(flows).rows[0][-2:] == (40.0, 44)


def test_a_copy_for_publication_tells_no_small_count_and_no_total_gives_one_away() -> None:
    sheet = route_sheet([flow("CN", "HK", 91), flow("CN", "HK", 3, "deny")]).for_publication()
    assert sheet.rows == (("CN", "HK", 90, 90, "<10", "<10", "<10", "<10"),)
    statutory = Sheet(
        "c", "C", (Column("count", "Count", number=True, exact=True), Column("name", "Name")), ((7, "x"),)
    )
    assert statutory.for_publication().rows == (("x",),)
    one, many = (route_sheet([flow("CN", "HK", n)]).for_publication().rows[0][2] for n in (9, 10))
    assert (one, many) == ("<10", 10)


def test_a_text_in_a_file_is_no_formula() -> None:
    sheet = Sheet("t", "T", (Column("text", "Text"),), (("=HYPERLINK(1)",), ("a,b\n",), (-1,)))
    assert list(csv.reader(io.StringIO(sheet.csv()))) == [["text"], ["'=HYPERLINK(1)"], ["a,b\n"], ["-1"]]


def test_what_an_entry_says_is_counted_by_words_of_the_rules_alone() -> None:
    counts = FlowCounts()
    said = {"transfer": "allow", "mechanism": "exempt", "band": "green", "origin": "CN", "destination": "HK"}
    counts.add(DAY, said | {"score": 12})
    counts.add(DAY, said | {"score": 30})
    counts.add(DAY, {"transfer": "perhaps", "origin": "<script>", "destination": 5, "score": -4})
    known, unknown = counts.flows()
    assert (known.key.mechanism, known.releases, known.score_sum, known.score_max) == ("exempt", 2, 42, 30)
    assert unknown.key == FlowKey(DAY, *["unknown"] * 5)
    assert unknown.score_sum == 0


def test_a_window_is_one_of_those_offered_and_ends_today_in_shanghai() -> None:
    evening = datetime(2026, 11, 20, 17, tzinfo=UTC)  # the 21st in Shanghai
    assert Window.of("7", evening) == Window(7, date(2026, 11, 15), date(2026, 11, 21))
    for asked in (None, "8", "-7", "x" * 99):
        assert Window.of(asked, evening).days == 30


def test_counters_have_words() -> None:
    assert counter_words("sensitive/tongguan/CN") == "Persons this year, sensitive data: tongguan (Mainland)"
    assert counter_words("us_12m/tongguan/HK>bank").endswith("tongguan (Hong Kong) to bank")
    assert counter_words("other") == "other"
