"""What a provider gave the broker to act with on a person's behalf. Kept sealed under that person's key, keyed by
(traveller, provider), and shown to that provider alone (specs/linking.md 7).
"""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

_Secret = Annotated[str, Field(min_length=1, max_length=16_384)]


class UpstreamTokens(BaseModel):
    """One provider's tokens for one person. `repr` shows the provider and the expiry, never a token."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    provider: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{1,31}$")]
    access_token: Annotated[_Secret, Field(repr=False)]
    refresh_token: Annotated[_Secret | None, Field(repr=False)] = None
    token_type: Annotated[str, Field(max_length=40)] = "Bearer"  # noqa: S105  a kind, not a token
    scope: frozenset[str] = frozenset()
    expires_at: AwareDatetime | None = None
    """None: the provider named no end."""
    open_id: Annotated[_Secret | None, Field(repr=False)] = None
    """The subject as the provider wants to hear it beside the token, where it does."""
