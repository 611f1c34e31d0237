"""The `claims` parameter is refused or read, whatever JSON it is; and what is read is understood without a failure."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from broker.core.claims_request import (
    PLACES,
    InvalidClaimsRequest,
    essential,
    names,
    read_claims_request,
    render,
    value_of,
    verified,
)
from broker.core.json_text import read_json

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
VERIFICATION = {"trust_framework": "x", "time": "2026-11-21T07:00:00Z", "evidence": [{"type": "document"}]}

_words = st.sampled_from(["value", "values", "max_age", "essential", "trust_framework", "time", "evidence", "name"])
_texts = st.text(st.characters(exclude_categories=[]))  # lone surrogates too
_leaves = st.none() | st.booleans() | st.integers() | st.floats() | _texts | _words
_json = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3), max_leaves=8
)
_element = st.fixed_dictionaries({"verification": _json, "claims": _json})
_members = st.dictionaries(st.sampled_from(["sub", "acr", "name"]), _json) | st.fixed_dictionaries(
    {"verified_claims": _element | st.lists(_element, max_size=2)}
)
_requests = _json | st.dictionaries(st.sampled_from(PLACES), _members)


@given(_requests)
def test_refused_or_understood(document: Any) -> None:
    try:
        request = read_claims_request(document)
    except InvalidClaimsRequest:
        return
    assert essential(request) <= {"name"}
    for place in PLACES:
        assert names(request, place) <= {"name"}
        assert all(isinstance(value, str) for claim in ("sub", "acr") for value in value_of(request, place, claim))
        render(verified(request, place), {"name": "n"}, VERIFICATION, at=AT)


@given(_texts | _json.map(json.dumps))
def test_what_is_read_can_be_stored_and_sent(text: str) -> None:
    try:
        found = read_json(text)
    except (ValueError, RecursionError):
        return
    again = json.dumps(found, ensure_ascii=False, allow_nan=False)
    assert again.encode()
    assert "\\u0000" not in again.replace("\\\\", "")
