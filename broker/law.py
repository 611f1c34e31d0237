"""The rulebook as every process that decides composes it: packaged law, the operator's statement, what was filed."""

from collections.abc import Callable
from datetime import datetime

from broker.core.rulebook import Rulebook
from broker.flows.ports import BeginWork
from broker.flows.standing_papers import standing_rulebook
from broker.settings import Settings


def rulebook_of(settings: Settings, begin: BeginWork, clock: Callable[[], datetime]) -> Rulebook:
    """Raises ValueError and OSError for data or a statement that is not complete: nothing starts on guesses."""
    path = settings.transfers
    statement = None if path is None else (settings.home / path).read_text(encoding="utf-8")
    return standing_rulebook(Rulebook.load(statement), begin, clock)
