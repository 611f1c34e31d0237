"""specs/vectors/consent-record.json: made again byte for byte, verified by authlib and by npm jose, and of the form of
specs/consent-receipt.schema.json.
"""

import json
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from authlib.jose import JsonWebKey, JsonWebSignature
from authlib.jose.errors import BadSignatureError, JoseError
from jsonschema import Draft202012Validator

from broker.core.consent_artefact import canonical
from tests.support.node import run_node
from tests.vectors.record_consent_record import PATH, document

VECTORS: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
GOOD = [case for case in VECTORS["cases"] if not case["refused"]]
SCHEMA = Draft202012Validator(json.loads((PATH.parents[1] / "consent-receipt.schema.json").read_text(encoding="utf-8")))


def _id(case: dict[str, Any]) -> str:
    return str(case["name"])


def test_the_file_is_what_the_code_makes() -> None:
    assert document() == VECTORS


@pytest.mark.parametrize("case", VECTORS["cases"], ids=_id)
def test_authlib_verifies_each_or_refuses_it(case: dict[str, Any]) -> None:
    key = JsonWebKey.import_key({name: value for name, value in VECTORS["jwk"].items() if name not in ("use", "alg")})
    library = JsonWebSignature(["EdDSA"])
    if case["refused"] in ("signature", "alg", "form"):
        with pytest.raises((BadSignatureError, JoseError)):
            library.deserialize_compact(case["jws"], key)
        return
    found = library.deserialize_compact(case["jws"], key)
    claims = json.loads(found["payload"])
    if case["refused"] == "typ":
        assert found["header"]["typ"] != VECTORS["typ"]
        return
    assert found["header"]["typ"] == VECTORS["typ"]
    digest = sha256(canonical(claims["record"])).hexdigest()
    assert (digest == claims["record_sha256"]) == (case["refused"] == "")
    if not case["refused"]:
        assert claims == case["claims"]
        assert digest == case["sha256"]


def test_npm_jose_says_the_same_of_each() -> None:
    for case, said in zip(VECTORS["cases"], run_node("consent_receipt.mjs", str(PATH)), strict=True):
        assert said["refused"] == case["refused"], case["name"]
        if not case["refused"]:
            assert (said["sha256"], said["claims"]) == (case["sha256"], case["claims"])


@pytest.mark.parametrize("case", GOOD, ids=_id)
def test_each_receipt_has_the_form_of_the_schema(case: dict[str, Any]) -> None:
    SCHEMA.validate(case["claims"])


def test_the_schema_wants_every_member_and_no_other() -> None:
    Draft202012Validator.check_schema(SCHEMA.schema)
    for case in GOOD:
        for path in _paths(case["claims"]):
            less = deepcopy(case["claims"])
            inner = less
            for step in path[:-1]:
                inner = inner[step]
            del inner[path[-1]]
            # A party has the members that are known of it.
            assert "party_identification" in path[:-1] or not SCHEMA.is_valid(less), path
        assert not SCHEMA.is_valid(case["claims"] | {"more": 1})
        assert not SCHEMA.is_valid(case["claims"] | {"record": case["claims"]["record"] | {"name": "x"}})


def _paths(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every named member."""
    if isinstance(value, list):
        return [path for place, item in enumerate(value) for path in _paths(item, (*before, place))]
    if not isinstance(value, dict):
        return []
    here = [(*before, name) for name in value]
    return here + [path for name, item in value.items() for path in _paths(item, (*before, name))]


def test_the_notice_of_article_39_is_there_exactly_when_data_leave() -> None:
    by_name = {case["name"]: case["claims"]["record"] for case in GOOD}
    assert by_name["one predicate, once"]["pipl_article_39"] is None
    assert by_name["one predicate, once"]["pipl_article_30"] is None
    abroad = by_name["across a border"]
    assert (abroad["pipl_article_39"]["from"], abroad["pipl_article_39"]["to"]) == ("CN", "HK")
    assert all(abroad["pipl_article_39"].values())
    assert abroad["pipl_article_30"]["categories"] == ["document_number"]


def test_no_receipt_names_the_person() -> None:
    assert "0f0f0f0f-0000" not in Path(PATH).read_text(encoding="utf-8")
