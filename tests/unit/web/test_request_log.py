"""What the log says of an exception: its type and place, never its text."""

from broker.web.request_log import describe


def _look_up() -> object:
    try:
        return {}["A1234563"]
    except KeyError as error:
        raise RuntimeError("CHAN Siu Ming") from error


def _chain() -> BaseException:
    try:
        _look_up()
    except RuntimeError as error:
        return error
    raise AssertionError("unreachable")


def test_types_and_places_but_no_texts() -> None:
    text = describe(_chain())
    assert "RuntimeError" in text
    assert "KeyError" in text
    assert "tests/unit/web/test_request_log.py:" in text
    assert "CHAN" not in text
    assert "A1234563" not in text


def test_a_cycle_of_causes_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert describe(first).count("ValueError") == 2
