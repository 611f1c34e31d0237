"""Registered clients in PostgreSQL; implements `broker.core.client.ClientRegistry`."""

from dataclasses import fields
from typing import Any, Final

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from broker.core.client import Authentication, Client, ClientStatus, Encryption, Profile, check_registration
from broker.stores.oidc_tables import clients

# Columns of their own, because a statement asks for them.
_COLUMNS: Final = ("client_id", "version", "status", "partner_id", "backchannel_logout_uri")
_SETS: Final = ("redirect_uris", "post_logout_redirect_uris", "scopes", "purposes", "claims")


class SqlClientRegistry:
    """Registrations within the session's transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, client_id: str) -> Client | None:
        row = self._session.execute(select(clients).where(clients.c.client_id == client_id)).first()
        return _client(row._mapping) if row is not None else None

    def of_partner(self, partner_id: str) -> list[Client]:
        """The clients of one partner, by name."""
        rows = self._session.execute(select(clients).where(clients.c.partner_id == partner_id).order_by("client_id"))
        return [_client(row._mapping) for row in rows]

    def add(self, client: Client) -> None:
        check_registration(client)
        try:
            with self._session.begin_nested():
                self._session.execute(insert(clients).values(**_row(client), client_id=client.client_id, version=1))
        except IntegrityError as error:
            raise ValueError(f"the client id {client.client_id} is taken") from error

    def change(self, client: Client) -> None:
        check_registration(client)
        changed = (
            update(clients)
            .where(clients.c.client_id == client.client_id)
            .values(**_row(client), version=clients.c.version + 1)
            .returning(clients.c.version)
        )
        if self._session.execute(changed).first() is None:
            raise KeyError(client.client_id)


def _row(client: Client) -> dict[str, Any]:
    registration = {field.name: getattr(client, field.name) for field in fields(client) if field.name not in _COLUMNS}
    registration |= {name: sorted(registration[name]) for name in _SETS}
    registration["secret_hash"] = client.secret_hash.hex() if client.secret_hash is not None else None
    encryption = client.userinfo_encryption
    registration["userinfo_encryption"] = [encryption.alg, encryption.enc] if encryption is not None else None
    registration["names"] = dict(client.names)
    registration["jwks"] = dict(client.jwks) if client.jwks is not None else None
    return {
        "status": client.status.value,
        "partner_id": client.partner_id,
        "backchannel_logout_uri": client.backchannel_logout_uri,
        "registration": registration,
    }


def _client(row: Any) -> Client:
    values = dict(row["registration"]) | {name: row[name] for name in _COLUMNS}
    values |= {name: frozenset(values[name]) for name in _SETS}
    secret, encryption = values["secret_hash"], values["userinfo_encryption"]
    values |= {
        "profile": Profile(values["profile"]),
        "auth": Authentication(values["auth"]),
        "status": ClientStatus(values["status"]),
        "secret_hash": bytes.fromhex(secret) if secret is not None else None,
        "userinfo_encryption": Encryption(*encryption) if encryption is not None else None,
    }
    return Client(**values)
