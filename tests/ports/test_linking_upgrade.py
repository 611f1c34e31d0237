"""A database with people from before identities were linked is brought up to date."""

from uuid import UUID, uuid4

from sqlalchemy import text

from broker.core.traveller import identity_digest
from broker.stores.database import Database
from broker.stores.migrate import migrate
from broker.stores.work import Works
from tests.support.postgres import Cluster

PERSON = UUID("11111111-2222-4333-8444-555555555555")
DIGEST = identity_digest(b"L" * 32, issuer="https://macau.example", subject="chan")


def test_links_made_before_name_the_provider_they_came_from(cluster: Cluster) -> None:
    name = f"upgrade_{uuid4().hex}"
    cluster.create_database(name, "template0")
    url = cluster.url_of(name)
    try:
        migrate(url, revision="0005_minting")
        database = Database(url)
        with database.engine.begin() as old:
            person = "INSERT INTO travellers (traveller_id, provider, jurisdiction, linked_at)"
            old.execute(text(f"{person} VALUES (:person, 'macau', 'MO', now())"), {"person": PERSON})
            link = text("INSERT INTO identity_links (digest, traveller_id) VALUES (:digest, :person)")
            old.execute(link, {"digest": DIGEST, "person": PERSON})
        migrate(url)
        with Works(database).begin() as work:
            (found,) = work.identities.of(PERSON)
        database.close()
    finally:
        cluster.drop_database(name)
    assert (found.provider, found.digest, found.withdrawn_at) == ("macau", DIGEST, None)
    assert found.link_id.version == 4
