"""Staff sign in with a key, through the application, over a real database."""

from datetime import timedelta

import httpx
import pytest
from starlette.testclient import TestClient

from broker.cli.staff import sign_in_link
from broker.core.jws import to_base64url
from broker.core.staff import SESSION_LIFETIME, Role, sign_in_statement
from broker.flows.suspend_staff import suspend_staff
from broker.web.fields import from_base64url
from broker.wire.keys import LocalSigner
from broker.wire.registry import Alg, KeyUse
from tests.support.staff import csrf, enter, open_link, sign_in
from tests.support.web_world import ISSUER, WebWorld, problem

HTML = {"accept": "text/html"}


def _challenge(http: httpx.Client, staff_id: str) -> str:
    answer = http.post("/staff/v1/challenges", json={"staff_id": staff_id})
    assert answer.status_code == 201
    return str(answer.json()["challenge"])


def _prove(web: WebWorld, http: httpx.Client, member: str, signer: LocalSigner, **other: object) -> httpx.Response:
    """Challenge and proof, with the statement changed by `other`."""
    value = _challenge(http, member)
    signed = {
        "challenge": from_base64url(value),
        "origin": ISSUER,
        "staff_id": member,
        "expires_at": (web.now() + timedelta(seconds=60)).replace(microsecond=0),
    } | other
    signature = to_base64url(signer.sign(sign_in_statement(**signed)))  # type: ignore[arg-type]
    return http.post("/staff/v1/sign-ins", json={"staff_id": member, "challenge": value, "signature": signature})


@pytest.mark.parametrize("alg", [Alg.EDDSA, Alg.ES256])
def test_a_member_signs_in_and_out(web: WebWorld, http: TestClient, alg: Alg) -> None:
    with web.world.begin() as work:
        member, signer = enter(work, Role.OPERATOR, at=web.now(), alg=alg)
    link = sign_in_link(http, ISSUER, member.staff_id, signer)
    assert http.get("/staff").status_code == 401
    assert http.get(link).status_code == 200
    entered = open_link(http, link)
    cookie = entered.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "samesite=strict", "max-age=28800"))
    assert member.staff_id in http.get("/staff").text
    assert http.post("/staff/sign-out", data={"csrf": "other"}).status_code == 403
    assert http.post("/staff/sign-out", data={"csrf": csrf(http)}).status_code == 303
    assert http.get("/staff").status_code == 401


def test_a_link_opens_one_session_in_time_and_from_here(web: WebWorld, http: TestClient) -> None:
    with web.world.begin() as work:
        member, signer = enter(work, Role.AUDITOR, at=web.now())
    link = sign_in_link(http, ISSUER, member.staff_id, signer)
    secret = link.partition("link=")[2]
    elsewhere = http.post("/staff/enter", data={"link": secret}, headers={"origin": "https://evil.example"})
    assert elsewhere.status_code == 403
    assert open_link(http, link).status_code == 303
    assert http.post("/staff/enter", data={"link": secret}).status_code == 410
    late = sign_in_link(http, ISSUER, member.staff_id, signer)
    web.pass_time(timedelta(seconds=60))
    assert http.get(late).status_code == 410
    assert http.post("/staff/enter", data={"link": late.partition("link=")[2]}).status_code == 410


def test_a_session_ends_with_its_time_and_with_its_member(web: WebWorld, http: TestClient) -> None:
    sign_in(http, Role.REGULATOR)
    web.pass_time(SESSION_LIFETIME - timedelta(seconds=1))
    assert http.get("/staff").status_code == 200
    web.pass_time(timedelta(seconds=1))
    assert http.get("/staff").status_code == 401
    member = sign_in(http, Role.REGULATOR)
    with web.world.begin() as work:
        assert suspend_staff(work, staff_id=member.staff_id, at=web.now(), entropy=web.world.entropy)
    assert http.get("/staff", headers=HTML).status_code == 401


def test_what_does_not_sign_in(web: WebWorld, http: TestClient) -> None:
    with web.world.begin() as work:
        member, signer = enter(work, Role.OPERATOR, at=web.now())
        other, other_signer = enter(work, Role.OPERATOR, at=web.now())
        gone, gone_signer = enter(work, Role.OPERATOR, at=web.now())
        suspend_staff(work, staff_id=gone.staff_id, at=web.now(), entropy=web.world.entropy)
    stranger = LocalSigner.generate(KeyUse.STAFF)
    name = member.staff_id
    assert _prove(web, http, name, signer).status_code == 201
    refused = [
        _prove(web, http, name, other_signer),
        _prove(web, http, name, signer, origin="https://evil.example"),
        _prove(web, http, name, signer, challenge=bytes(32)),
        _prove(web, http, name, signer, staff_id=other.staff_id),
        _prove(web, http, name, signer, expires_at=web.now() + timedelta(hours=1)),
        _prove(web, http, gone.staff_id, gone_signer),
        _prove(web, http, "no-such-member", stranger),
    ]
    # Nobody learns which it was.
    assert {str(problem(answer) | {"instance": ""}) for answer in refused} == {
        str(problem(refused[0]) | {"instance": ""})
    }


def test_a_challenge_is_used_up_by_a_wrong_answer_and_by_time(web: WebWorld, http: TestClient) -> None:
    with web.world.begin() as work:
        member, signer = enter(work, Role.OPERATOR, at=web.now())

    def prove(value: str, signature: bytes) -> int:
        body = {"staff_id": member.staff_id, "challenge": value, "signature": to_base64url(signature)}
        return http.post("/staff/v1/sign-ins", json=body).status_code

    def good(value: str) -> bytes:
        until = (web.now() + timedelta(seconds=60)).replace(microsecond=0)
        return signer.sign(
            sign_in_statement(
                challenge=from_base64url(value), origin=ISSUER, staff_id=member.staff_id, expires_at=until
            )
        )

    first = _challenge(http, member.staff_id)
    answer = good(first)
    assert prove(first, bytes(64)) == 401
    assert prove(first, answer) == 401
    second = _challenge(http, member.staff_id)
    answer = good(second)
    web.pass_time(timedelta(seconds=60))
    assert prove(second, answer) == 401
    third = _challenge(http, member.staff_id)
    answer = good(third)
    assert prove(third, answer) == 201
    assert prove(third, answer) == 401


def test_secrets_are_kept_as_digests_and_all_is_journalled(web: WebWorld, http: TestClient) -> None:
    with web.world.begin() as work:
        member, signer = enter(work, Role.OPERATOR, at=web.now())
    link = sign_in_link(http, ISSUER, member.staff_id, signer)
    secret = link.partition("link=")[2]
    session = open_link(http, link).cookies["tongguan-staff"]
    http.post("/staff/sign-out", data={"csrf": csrf(http)})
    with web.database.engine.connect() as connection:
        kept = [
            bytes(row[0])
            for table in ("staff_challenges", "staff_links", "staff_sessions")
            for row in connection.exec_driver_sql(f"SELECT digest FROM {table}")  # noqa: S608 - the names above
        ]
        leaves = b"".join(bytes(row[0]) for row in connection.exec_driver_sql("SELECT entry FROM journal_inbox"))
    assert all(len(digest) == 32 and digest not in (secret.encode(), session.encode()) for digest in kept)
    for kind in (b"staff:account:added", b"staff:session:opened", b"staff:session:ended"):
        assert kind in leaves
    assert secret.encode() not in leaves
    assert session.encode() not in leaves
