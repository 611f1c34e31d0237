"""An operator opens an incident: the people it touched are found from the journal, counted, and each is told; nobody's
name is read (PIPL 57; specs/rights.md 9).
"""

from datetime import datetime
from uuid import UUID

from broker.core.incident import Incident, Statement
from broker.flows.ports import Entry, KeyStore, Work
from broker.wire.keys import Entropy


def count_affected(work: Work, statement: Statement) -> int:
    """How many people it touched; nothing is entered."""
    return len(work.incidents.affected(statement.criterion))


def open_incident(
    work: Work, statement: Statement, *, keys: KeyStore, opened_by: str, at: datetime, entropy: Entropy
) -> Incident:
    """Enter the incident, a notice for everybody it touched, and an entry in each one's journal. `opened_by` goes into
    the public part of the journal.
    """
    people = work.incidents.affected(statement.criterion)
    incident_id = UUID(bytes=entropy(16), version=4)
    criterion = statement.criterion.model_dump(mode="json", exclude_none=True)
    clear = {"incident": str(incident_id), "affected": len(people), "by": opened_by, **criterion}
    leaf = work.journal.append(Entry("operator:incident:opened", clear), at=at, entropy=entropy)
    incident = Incident(incident_id, statement, opened_by, at, len(people), leaf)
    work.incidents.enter(incident)
    body = {"contact": statement.contact, "words": {name: said.model_dump() for name, said in statement.words.items()}}
    work.incidents.tell(incident_id, people, body, at=at, entropy=entropy)
    personal = {"incident": str(incident_id), "at": at.isoformat()}
    entries = [Entry("operator:incident:told", {}, personal, person, keys.key(person)) for person in people]
    work.journal.append_all(entries, at=at, entropy=entropy)
    return incident
