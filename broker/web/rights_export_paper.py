"""The copy that a person takes, as a document to read."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from broker.core.denial import InvalidInput
from broker.flows.ports import Work
from broker.paper import Block, Heading, KeyValues, Language, Paper, Paragraph, Table
from broker.web.messages import Catalogue, catalogue
from broker.web.services import Services
from broker.web.wallet_consents import recipient_name

MOST_ROWS: Final = 500
"""Entries that the document lists; the JSON file holds them all."""


def export_paper(document: Mapping[str, Any], language: str, services: Services, work: Work) -> Paper:
    """`document` is that of `flows.export_data`."""
    texts = catalogue(language)
    words = texts["rights_export"]
    say = _Names(services, work, language)
    uses: Sequence[Mapping[str, Any]] = document["uses"]
    claims = document["claims"] or {}
    blocks: list[Block] = [
        KeyValues(((words["made_at"], document["made_at"]), (words["number"], document["export_entry"]))),
        Paragraph(words["signed"]),
        *_table(
            words["identities"],
            (words["identities"], words["since"]),
            [(one["provider"], one["linked_at"]) for one in document["identities"]],
            words,
        ),
        Heading(words["claims"], 2),
        KeyValues(
            tuple((say.claim(name), _flat(value)) for name, value in claims.items() if value)
            or ((words["claims"], words["none"]),)
        ),
        *_table(
            words["consents"],
            (texts["rights_log"]["purpose"], texts["rights_log"]["who"], words["state"], words["until"]),
            [
                (say.purpose(one["purpose"]), say.recipient(one["recipient"]), one["status"], one["valid_until"])
                for one in document["consents"]
            ],
            words,
        ),
        *_table(
            words["uses"],
            (texts["rights_log"]["when"], texts["rights_log"]["title"], texts["rights_log"]["who"]),
            [(use["at"], say.kind(use["kind"], texts), say.recipient_of(use["clear"])) for use in uses[:MOST_ROWS]],
            words,
        ),
        *([Paragraph(words["cut"].format(count=MOST_ROWS))] if len(uses) > MOST_ROWS else []),
        *_table(
            words["passes"],
            (words["passes"], words["since"], words["until"]),
            [(say.recipient(one["zone"]), one["issued_at"], one["expires_at"]) for one in document["passes"]],
            words,
        ),
        *_table(
            words["grants"],
            (words["grants"], words["since"], words["until"]),
            [(one["client_id"], one["created_at"], one["expires_at"]) for one in document["grants"]],
            words,
        ),
        Paragraph("; ".join(document["grounds"])),
    ]
    return Paper(words["title"], cast(Language, language), tuple(blocks))


class _Names:
    """Ids in words, where the data files have them."""

    def __init__(self, services: Services, work: Work, language: str) -> None:
        self._services, self._work, self._language = services, work, language
        self._known: dict[str, str] = {}

    def recipient(self, recipient: str) -> str:
        if recipient not in self._known:
            self._known[recipient] = recipient_name(self._services, self._work, recipient, self._language)
        return self._known[recipient]

    def recipient_of(self, clear: Mapping[str, Any]) -> str:
        named = clear.get("recipient", clear.get("zone"))
        if named == "self":
            return catalogue(self._language)["rights_log"]["you"]
        return "" if named is None else self.recipient(str(named))

    def purpose(self, purpose: str) -> str:
        try:
            return self._services.rulebook.title(purpose, self._language)
        except InvalidInput:
            return purpose

    def claim(self, name: str) -> str:
        try:
            return self._services.rulebook.partner.words.words(
                {"birth_date": "birthdate"}.get(name, name), self._language
            )
        except InvalidInput:
            return name

    def kind(self, kind: str, texts: Catalogue) -> str:
        kinds = texts["journal_kind"]
        return kinds.get(kind, kinds["other"])


def _table(
    title: str, headers: tuple[str, ...], rows: list[tuple[str, ...]], words: Mapping[str, str]
) -> tuple[Block, ...]:
    if not rows:
        return (Heading(title, 2), Paragraph(words["none"]))
    return (Heading(title, 2), Table(headers, tuple(tuple(str(cell) for cell in row) for row in rows)))


def _flat(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(_flat(item) for item in value)
    return ", ".join(map(str, value.values())) if isinstance(value, dict) else str(value)
