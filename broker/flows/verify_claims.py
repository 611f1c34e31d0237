"""An agency states values and learns only whether they agree. Wrong ones count, so that nothing can be guessed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from broker.core.client import Client
from broker.core.comparison import COMPARABLE, MATCHES, MAX_STATED
from broker.core.denial import Denied, InvalidInput, Refusal
from broker.core.identity_release import IdentityRelease, ReleasedClaims
from broker.core.rulebook import Rulebook
from broker.flows.ports import KeyStore, Work
from broker.flows.release_claims import release_claims
from broker.wire.keys import Entropy

MAX_WRONG: Final = 10
WINDOW: Final = timedelta(days=1)
"""A partner may state at most MAX_WRONG wrong values about one person within WINDOW."""

KIND: Final = "partner:answer:verified"


@dataclass(frozen=True, slots=True)
class Verified:
    """The answers by claim, and what they rested on."""

    matches: Mapping[str, bool | None] = field(repr=False)
    released: ReleasedClaims


def verify_claims(
    work: Work,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    traveller: UUID,
    client: Client,
    releases: Sequence[IdentityRelease],
    stated: Mapping[str, str],
    at: datetime,
    entropy: Entropy,
) -> Verified | Denied:
    """Compare. Needs a consent to every comparison, or to the claim that is compared.

    Raises InvalidInput, UnknownTraveller.
    """
    # (1) comparable values only
    if not stated or not stated.keys() <= COMPARABLE:
        raise InvalidInput("not_comparable", f"one or more of {', '.join(sorted(COMPARABLE))}")
    if any(not 0 < len(value) <= MAX_STATED for value in stated.values()):
        raise InvalidInput("bad_value", f"a value has 1 to {MAX_STATED} characters")
    # (2) room to be wrong: as many wrong values as are stated must still be allowed, and requests take turns
    partner = client.partner_id or ""
    wrong_before = work.partners.lock_guesses(partner, traveller, at=at, window=WINDOW)
    if wrong_before + len(stated) > MAX_WRONG:
        return Denied(Refusal.GUESSED_TOO_OFTEN, "too many wrong values about this person")
    # (3) yes or no, under consent and journalled as a comparison: the true values do not come here
    asked = {MATCHES + name: value for name, value in stated.items()}
    released = release_claims(
        work,
        keys=keys,
        rulebook=rulebook,
        traveller=traveller,
        client=client,
        releases=releases,
        wanted=frozenset(asked),
        arguments=asked,
        at=at,
        entropy=entropy,
        kind=KIND,
    )
    if isinstance(released, Denied):
        return released
    # (4) the wrong ones count
    matches = {name: released.values.get(MATCHES + name) for name in stated}
    work.partners.add_guesses(partner, traveller, sum(answer is False for answer in matches.values()), at=at)
    return Verified(matches, released)
