"""Alembic's environment. `broker.stores.migrate` hands it an open connection and owns the transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], target_metadata=None, transactional_ddl=True)
context.run_migrations()
