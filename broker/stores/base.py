"""The one metadata that every table of the broker registers with."""

from sqlalchemy import Column, DateTime
from sqlmodel import SQLModel

# Fixed names, so that a migration can name the constraint it changes.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = SQLModel.metadata


def moment(name: str, *, nullable: bool = False) -> "Column[object]":
    """A column of instants, with their offset."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


class Row(SQLModel):
    """Base of the stores' rows: `class Traveller(Row, table=True)`. Rows stay inside `broker.stores`."""
