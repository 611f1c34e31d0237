"""The wallet API: what one person can do, and that nobody can do it for another."""

import pytest
from starlette.testclient import TestClient

from broker.core.purpose import E_CHANNEL, FACE_ENROLMENT, OFFLINE_PASS
from broker.core.zone import LANGUAGES
from broker.flows.link_identity import link_identity
from broker.flows.ports import ExaminerUnavailable, NotAccepted
from broker.web.fields import from_base64url, to_base64url
from broker.wire.reasons import Reason
from tests.ports.fakes import FakeExaminer
from tests.ports.test_transfers import resident
from tests.support.broker_world import EXAMINED, LINK_SECRET, ZONE
from tests.support.web_world import ISSUER, WebWorld, problem

JPEG = {"content-type": "image/jpeg"}

ENDPOINTS = [
    ("GET", "/wallet/v1/me"),
    ("GET", "/wallet/v1/purposes"),
    ("GET", "/wallet/v1/consents"),
    ("POST", "/wallet/v1/consents/00000000-0000-4000-8000-000000000000/withdraw"),
    ("POST", "/wallet/v1/consents/00000000-0000-4000-8000-000000000000/pause"),
    ("POST", "/wallet/v1/consents/00000000-0000-4000-8000-000000000000/resume"),
    ("POST", "/wallet/v1/enrolment"),
    ("DELETE", "/wallet/v1/enrolment"),
    ("POST", "/wallet/v1/passes"),
    ("POST", "/wallet/v1/passes/00000000000000000000000000000000/revoke"),
    ("GET", "/wallet/v1/uses"),
    ("DELETE", "/wallet/v1/account"),
]


def _order(web: WebWorld, number: int = 1, mode: str = "online") -> dict[str, object]:
    return {"zone": ZONE, "mode": mode, "device_keys": [to_base64url(key) for key in web.world.phone.new_keys(number)]}


def test_the_table_of_endpoints_is_complete(web: WebWorld) -> None:
    from broker.web import wallet, wallet_consents

    declared = [*wallet.router.routes, *wallet_consents.router.routes]
    routes = {(method, route.path) for route in declared for method in route.methods}
    assert len(routes) == len(ENDPOINTS)


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_no_token_no_answer(http: TestClient, method: str, path: str) -> None:
    body = {"json": {"zone": ZONE, "mode": "online", "device_keys": ["AAAA"]}} if path.endswith("passes") else {}
    answer = http.request(method, path, **body)
    if answer.status_code != 422:
        assert problem(answer)["type"] == "/problems/not-authenticated"
        assert answer.headers["www-authenticate"].startswith("DPoP")
        assert answer.headers["dpop-nonce"]


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_a_token_without_the_scope_is_not_enough(web: WebWorld, http: TestClient, method: str, path: str) -> None:
    wallet = web.wallet(http, web.world.link().traveller, scopes=frozenset({"openid"}))
    body = {"json": _order(web)} if path.endswith("passes") else {}
    answer = wallet.call(method, path, **body)
    assert problem(answer)["type"] == "/problems/forbidden"
    assert answer.json()["error"] == "insufficient_scope"


def test_me(web: WebWorld, http: TestClient) -> None:
    traveller = web.world.link().traveller
    wallet = web.wallet(http, traveller)
    me = wallet.get("/me").json()
    assert (me["provider"], me["name"], me["enrolled"], me["portrait_waiting"]) == ("iamsmart", "陳小明", False, True)
    assert str(traveller) not in str(me)
    assert web.wallet(http, traveller).get("/me").json()["traveller"] == me["traveller"]
    other = web.wallet(http, web.world.link("person-2").traveller)
    assert other.get("/me").json()["traveller"] != me["traveller"]


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans", "en", "pt"])
def test_purposes_in_each_language(web: WebWorld, http: TestClient, language: str) -> None:
    wallet = web.wallet(http, web.world.link().traveller)
    offers = wallet.get(f"/purposes?lang={language}").json()
    assert {offer["purpose"] for offer in offers["purposes"]} == {FACE_ENROLMENT, E_CHANNEL, OFFLINE_PASS}
    assert {offer["zone"] for offer in offers["zones"]} == {"HK-SZB", "CN-SZB", "MO-HZB"}
    assert all(offer["title"] and offer["description"] for offer in offers["purposes"])


def test_from_consent_to_pass_and_back(web: WebWorld, http: TestClient) -> None:
    traveller = web.world.ready(offline=True)
    wallet = web.wallet(http, traveller)
    minted = wallet.post("/passes", json=_order(web, 3, "offline"))
    assert minted.status_code == 200, minted.text
    passes = minted.json()["passes"]
    assert len(passes) == 3
    assert all(from_base64url(made["pass"]) and from_base64url(made["sealed_template"]) for made in passes)
    assert passes[0]["expires_at"].endswith("Z")

    listed = wallet.get("/consents?lang=en").json()["consents"]
    assert {consent["status"] for consent in listed} == {"active"}
    channel = next(consent for consent in listed if consent["purpose"] == E_CHANNEL)
    assert channel["zone"] == ZONE
    assert channel["latest_offline_effect"] is not None
    assert channel["receipt"].count(".") == 2

    withdrawn = wallet.post(f"/consents/{channel['consent_id']}/withdraw").json()
    assert withdrawn["status"] == "withdrawn"
    assert withdrawn["revoked_passes"] == 3
    assert withdrawn["latest_offline_effect"] is not None
    again = wallet.post(f"/consents/{channel['consent_id']}/withdraw").json()
    assert (again["status"], again["revoked_passes"]) == ("withdrawn", 0)

    refused = problem(wallet.post("/passes", json=_order(web)))
    assert refused["type"] == "/problems/consent-required"
    assert refused["reason"] == "consent_withdrawn"
    kinds = [use["kind"] for use in wallet.get("/uses").json()["uses"]]
    assert kinds[:2] == ["traveller:pass:refused", "traveller:consent:withdrawn"]
    assert "traveller:face:enrolled" in kinds


def test_the_same_order_twice_is_the_same_pass(web: WebWorld, http: TestClient) -> None:
    wallet = web.wallet(http, web.world.ready())
    order = _order(web, 2)
    first = wallet.post("/passes", json=order).json()
    assert wallet.post("/passes", json=order).json() == first


def test_uncompressed_and_compressed_points_are_the_same_key(web: WebWorld, http: TestClient) -> None:
    wallet = web.wallet(http, web.world.ready())
    point = web.world.phone.new_keys()[0]
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
    long = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    order = {"zone": ZONE, "mode": "online", "device_keys": [to_base64url(long)]}
    first = wallet.post("/passes", json=order).json()
    order["device_keys"] = [to_base64url(point)]
    assert wallet.post("/passes", json=order).json() == first


def test_a_pass_can_be_revoked_by_its_owner_alone(web: WebWorld, http: TestClient) -> None:
    wallet = web.wallet(http, web.world.ready())
    pass_id = wallet.post("/passes", json=_order(web)).json()["passes"][0]["pass_id"]
    stranger = web.wallet(http, web.world.link("person-2").traveller)
    assert problem(stranger.post(f"/passes/{pass_id}/revoke"))["type"] == "/problems/pass-unknown"
    assert wallet.post(f"/passes/{pass_id}/revoke").status_code == 200
    assert wallet.post(f"/passes/{pass_id}/revoke").status_code == 200


def test_a_consent_is_its_owners_alone(web: WebWorld, http: TestClient) -> None:
    given = web.world.consent(web.world.link().traveller, FACE_ENROLMENT)
    stranger = web.wallet(http, web.world.link("person-2").traveller)
    assert stranger.get("/consents").json() == {"consents": []}
    answer = stranger.post(f"/consents/{given.record.consent_id}/withdraw")
    assert problem(answer)["type"] == "/problems/consent-unknown"


def test_enrolment(web: WebWorld, http: TestClient) -> None:
    traveller = web.world.link().traveller
    wallet = web.wallet(http, traveller)
    early = wallet.post("/enrolment", content=b"capture", headers=JPEG)
    assert problem(early)["type"] == "/problems/consent-required"
    web.world.consent(traveller, FACE_ENROLMENT)
    answer = wallet.post("/enrolment", content=b"capture", headers=JPEG)
    assert (answer.status_code, answer.json()) == (201, {"enrolled": True})
    assert wallet.get("/me").json()["enrolled"] is True
    # The same photograph sent again, as after a lost answer: the enrolment stands. Another one has nothing to compare.
    assert wallet.post("/enrolment", content=b"capture", headers=JPEG).status_code == 201
    assert problem(wallet.post("/enrolment", content=b"another", headers=JPEG))["type"] == "/problems/no-portrait"
    assert wallet.get("/me").json()["enrolled"] is True
    assert wallet.delete("/enrolment").status_code == 200
    assert wallet.get("/me").json()["enrolled"] is False
    assert problem(wallet.delete("/enrolment"))["type"] == "/problems/consent-unknown"


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ({"native_name": None, "family_name": "SOUSA", "given_name": "João"}, "SOUSA João"),
        ({"native_name": None, "family_name": "SUKARNO", "given_name": None}, "SUKARNO"),
        ({"native_name": "王示例", "family_name": None, "given_name": None}, "王示例"),
    ],
)
def test_a_person_is_greeted_by_the_name_the_authority_gave(
    web: WebWorld, http: TestClient, names: dict[str, str | None], shown: str
) -> None:
    grant = web.world.grant()
    claims = grant.claims.model_validate(grant.claims.model_dump() | names)
    with web.world.begin() as work:
        linked = link_identity(
            work, keys=web.keys, link_secret=LINK_SECRET, grant=grant.model_copy(update={"claims": claims}),
            at=web.now(), entropy=web.world.entropy,
        )  # fmt: skip
    assert web.wallet(http, linked.traveller).get("/me").json()["name"] == shown


def test_minting_without_a_face_is_409(web: WebWorld, http: TestClient) -> None:
    traveller = web.world.link().traveller
    web.world.consent(traveller, FACE_ENROLMENT)
    web.world.consent(traveller, E_CHANNEL, ZONE)
    document = problem(web.wallet(http, traveller).post("/passes", json=_order(web)))
    assert (document["status"], document["reason"]) == (409, "template_unavailable")


@pytest.mark.parametrize(
    "reason",
    [Reason.MALFORMED_IMAGE, Reason.NO_FACE, Reason.SEVERAL_FACES, Reason.POOR_QUALITY, Reason.NOT_SAME_PERSON],
)
def test_a_refused_photograph_says_why_and_leaves_nothing(web: WebWorld, reason: Reason) -> None:
    web.use(examiner=FakeExaminer(NotAccepted(reason)))
    with web.client() as http:
        traveller = web.world.link().traveller
        web.world.consent(traveller, FACE_ENROLMENT)
        wallet = web.wallet(http, traveller)
        document = problem(wallet.post("/enrolment", content=b"capture", headers=JPEG))
        assert (document["type"], document["reason"]) == ("/problems/capture-refused", reason.value)
        assert wallet.get("/me").json()["enrolled"] is False
        # The refusal reached the journal, although the answer was no.
        assert wallet.get("/uses").json()["uses"][0]["reasons"] == [reason.value]


def test_a_silent_face_engine_is_503(web: WebWorld) -> None:
    class Silent:
        def examine(self, capture: bytes, portrait: bytes, seeds: object) -> object:
            raise ExaminerUnavailable("it crashed")

    web.use(examiner=Silent())
    with web.client() as http:
        traveller = web.world.link().traveller
        web.world.consent(traveller, FACE_ENROLMENT)
        answer = web.wallet(http, traveller).post("/enrolment", content=b"capture", headers=JPEG)
        assert problem(answer)["type"] == "/problems/face-engine-unavailable"
        assert answer.headers["retry-after"]


def test_erasure_ends_everything(web: WebWorld, http: TestClient) -> None:
    traveller = web.world.ready()
    wallet = web.wallet(http, traveller)
    assert wallet.delete("/account").status_code == 200
    with pytest.raises(LookupError):
        web.keys.key(traveller)
    assert problem(wallet.get("/me"))["type"] == "/problems/not-authenticated"


def test_a_session_that_outlived_its_traveller_is_401(web: WebWorld, http: TestClient) -> None:
    """The token is sound and the grant stands, but the person is gone."""
    from uuid import uuid4

    wallet = web.wallet(http, uuid4())
    assert problem(wallet.get("/me"))["type"] == "/problems/not-authenticated"


def test_examined_is_what_the_fake_says() -> None:
    assert FakeExaminer(EXAMINED).examine(b"", b"", ()) is EXAMINED


def test_a_release_that_the_law_holds_back_is_shown_with_its_reasons(web: WebWorld, http: TestClient) -> None:
    traveller = resident(web.world, "CN", offline=True)
    wallet = web.wallet(http, traveller)
    refused = problem(wallet.post("/passes", json=_order(web) | {"mode": "offline"}))
    assert refused["reason"] in ("transfer_held", "transfer_denied")
    shown = {language: wallet.get(f"/uses?lang={language}").json()["uses"][0] for language in LANGUAGES}
    for language, use in shown.items():
        assert use["kind"] == "traveller:pass:refused"
        assert use["against"] in ("held", "declined")
        assert use["review"] == f"{ISSUER}/rights/reviews/new?entry={use['entry']}&lang={language}"
    assert "No impact assessment has been made." in shown["en"]["why"]
    assert len({tuple(use["why"]) for use in shown.values()}) == len(LANGUAGES)
    (given,) = [use for use in wallet.get("/uses").json()["uses"] if use["kind"] == "traveller:face:enrolled"]
    assert (given["against"], given["why"], given["review"]) == (None, [], None)
