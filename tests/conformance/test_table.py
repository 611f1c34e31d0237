"""Every module of the plans has a test, and the committed page says which."""

from pathlib import Path

import pytest

from tests.conformance.modules import basic
from tests.conformance.table import table

PAGE = Path(__file__).resolve().parents[2] / "specs" / "conformance.md"


def test_the_page_is_what_the_tests_print() -> None:
    assert PAGE.read_text(encoding="utf-8") == table()


def test_a_test_carries_its_modules_name() -> None:
    with pytest.raises(ValueError, match="carries its name"):
        basic("oidcc-server")(lambda: None)
    with pytest.raises(ValueError, match="has no module"):
        basic("oidcc-serve")
