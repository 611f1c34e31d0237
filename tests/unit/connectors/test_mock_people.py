"""The people of the mock providers are who they say, and nobody real."""

from pathlib import Path
from typing import Any

import pytest

from connectors.documents import hkid_number, macau_number, portuguese_date, prc_number
from connectors.mock_idps.native import NATIVE
from connectors.mock_idps.people import PeopleError, load_people


def _people(name: str, folder: Path) -> dict[str, Any]:
    return {person: known.record for person, known in load_people(name, portraits=folder).items()}


def test_numbers_pass_their_check_characters(tmp_path: Path) -> None:
    for record in _people("ctid", tmp_path).values():
        assert prc_number(record["gMSFZHM"])
    for record in _people("iamsmart", tmp_path).values():
        assert hkid_number(record["idNo"]["Identification"], record["idNo"]["CheckDigit"])
    for record in _people("macau", tmp_path).values():
        kind, number = record["documento"]["tipo"], record["documento"]["numero"]
        head, _, tail = number.partition("(")
        read = {"BIR": macau_number(number), "CIRPC": prc_number(number), "HKID": hkid_number(head, tail[:-1])}
        assert read[kind]
        assert portuguese_date(record["documento"]["validade"])


def test_nobody_is_real(tmp_path: Path) -> None:
    """Division 990001 is no place, QX is no prefix in use, and Macau's numbers are the first of their kind."""
    for record in _people("ctid", tmp_path).values():
        assert record["gMSFZHM"].startswith("990001")
    for record in _people("iamsmart", tmp_path).values():
        assert record["idNo"]["Identification"].startswith("QX9")
    for record in _people("macau", tmp_path).values():
        assert record["documento"]["numero"].startswith(("100000", "500000", "700000", "990001", "QX9"))


def test_some_people_are_known_at_two_providers(tmp_path: Path) -> None:
    """What linking rests on: the same number and birth date; and one number with two birth dates, which must not."""
    ctid, iamsmart, macau = (_people(name, tmp_path) for name in ("ctid", "iamsmart", "macau"))
    assert macau["macau-wang"]["documento"]["numero"] == ctid["ctid-wang"]["gMSFZHM"]
    for person, other, same in (("macau-chan", "iamsmart-chan", True), ("macau-wong", "iamsmart-wong", False)):
        card, record = iamsmart[other]["idNo"], macau[person]
        assert record["documento"]["numero"] == f"{card['Identification']}({card['CheckDigit']})"
        born = portuguese_date(record["data_nascimento"])
        assert born is not None
        assert (born.strftime("%Y%m%d") == iamsmart[other]["birthDate"]) is same


@pytest.mark.parametrize("text", ["not toml [", "", 'x = "y"', "[x]\nlabel = 7"])
def test_broken_people_files(tmp_path: Path, text: str) -> None:
    path = tmp_path / "people.toml"
    path.write_text(text)
    with pytest.raises(PeopleError):
        load_people("ctid", portraits=tmp_path, people=path)


def test_every_mock_has_people(tmp_path: Path) -> None:
    for name in NATIVE:
        assert len(load_people(name, portraits=tmp_path)) >= 3
