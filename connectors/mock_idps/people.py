"""The invented people a mock provider knows. Numbers pass the real check characters and belong to nobody we know of."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any


class PeopleError(Exception):
    """A people file that cannot be used; the message says why."""


@dataclass(frozen=True)
class Person:
    """`portrait` is the authority's JPEG, None when the directory of portraits holds none. `record` is in the
    provider's words.
    """

    person_id: str
    label: str
    record: Mapping[str, Any]
    portrait: bytes | None

    def pseudonym(self, provider: str, client_id: str) -> str:
        """The same for one client for ever, another for every other client."""
        return sha256(f"mock-idp\0{provider}\0{client_id}\0{self.person_id}".encode()).hexdigest()[:32]


def load_people(provider: str, *, portraits: Path, people: Path | None = None) -> dict[str, Person]:
    """People by id, from `people` or the provider's own file; portraits are `<person id>.jpg`. Raises PeopleError."""
    if people is None:
        text = files("connectors.mock_idps").joinpath("people", f"{provider}.toml").read_text(encoding="utf-8")
    else:
        text = people.read_text(encoding="utf-8")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PeopleError(f"the people of {provider} cannot be read: {error}") from error
    found: dict[str, Person] = {}
    for person_id, entry in document.items():
        if not isinstance(entry, dict) or not isinstance(entry.get("label"), str):
            raise PeopleError(f"{person_id}: a person has a label and a record")
        path = portraits / f"{person_id}.jpg"
        portrait = path.read_bytes() if path.is_file() else None
        record = {name: value for name, value in entry.items() if name != "label"}
        found[person_id] = Person(person_id, entry["label"], record, portrait)
    if not found:
        raise PeopleError(f"{provider} knows nobody")
    return found
