"""Every code of the dialect: the mock produces it, and the connector makes of it what the table says."""

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from broker.wire.approval_connector import DocumentToSign, FormNotice
from broker.wire.identity_connector import ConnectorError, ProviderFault
from broker.wire.identity_grant import IdentityGrant
from connectors.iamsmart.codes import CODES
from connectors.mock_idps.faults import Fault, Setting
from connectors.mock_idps.iamsmart.codes import Code
from tests.support.iamsmart_world import APPROVALS, CLIENT, ISSUER, IamSmartWorld, iamsmart_world

NOTICE = FormNotice("Form", "F1", "a form")
DOCUMENT = DocumentToSign(sha256(b"a document").digest(), "Document", "Service", "Department")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[IamSmartWorld]:
    with iamsmart_world(tmp_path) as made:
        yield made


def decided(decision: str, after: float = 0) -> Callable[[IamSmartWorld], object]:
    return lambda world: world.login(decision=decision, after=after)


def code_of_another_service(world: IamSmartWorld) -> object:
    answer = world.answer(world.connector.begin(world.start()).url)
    another = world.connect_as(client_id="another", client_secret="another secret")
    return another.finish(answer, memory=b"", redirect_uri="", at=world.clock.at)


def redirect_not_listed(world: IamSmartWorld) -> object:
    start = world.start(redirect_uri="http://broker.test/elsewhere")
    return world.connector.begin_form_fill(start, fields=("gender",), form=NOTICE, tokens=None)


def as_client(client_id: str, secret: str) -> Callable[[IamSmartWorld], object]:
    def act(world: IamSmartWorld) -> object:
        connector = world.connect_as(client_id=client_id, client_secret=secret)
        return connector.begin_form_fill(world.start(), fields=("gender",), form=NOTICE, tokens=None)

    return act


def key_always_expired(world: IamSmartWorld) -> object:
    world.switch.set(Setting(Fault.EXPIRED_KEY))
    return world.login()


def key_always_replaced(world: IamSmartWorld) -> object:
    def replace(request: httpx.Request) -> httpx.Request:
        world.provider.keys.rotate(CLIENT)
        return request

    world.wire.requests["/auth/getToken"] = replace
    return world.login()


def wrong_clock(world: IamSmartWorld) -> object:
    answer = world.answer(world.connector.begin(world.start()).url)
    at = world.clock.at.replace(minute=6)
    return world.connector.finish(answer, memory=b"", redirect_uri="", at=at)


def repeated_nonce(world: IamSmartWorld) -> object:
    answer = world.answer(world.connector.begin(world.start()).url)
    connector = world.connect_as(entropy=bytes)
    return connector.finish(answer, memory=b"", redirect_uri="", at=world.clock.at)


def no_state(world: IamSmartWorld) -> object:
    return world.connector.begin_form_fill(world.start(state=""), fields=("gender",), form=NOTICE, tokens=None)


def dead_token(world: IamSmartWorld) -> object:
    tokens = world.login().tokens
    assert tokens is not None
    return world.connector.step_up(world.start(), tokens=tokens.model_copy(update={"access_token": "dead"}))


def scope_not_granted(world: IamSmartWorld) -> object:
    tokens = world.login(share=["eidapi_profiles"]).tokens
    assert tokens is not None
    believed = tokens.model_copy(update={"scope": tokens.scope | {"eidapi_formFilling"}})
    return world.connector.begin_form_fill(world.start(), fields=("gender",), form=NOTICE, tokens=believed)


def fetched_twice(world: IamSmartWorld) -> object:
    begun = world.connector.begin_form_fill(
        world.start(redirect_uri=APPROVALS), fields=("gender",), form=NOTICE, tokens=None
    )
    answer = world.answer(begun.url)
    world.connector.finish_form_fill(answer, memory=begun.memory, at=world.clock.at)
    return world.connector.finish_form_fill(answer, memory=begun.memory, at=world.clock.at)


def not_answered_yet(world: IamSmartWorld) -> object:
    begun = world.connector.begin_form_fill(world.start(), fields=("gender",), form=NOTICE, tokens=None)
    answer = {"businessID": json.loads(begun.memory)["businessID"], "state": "the-state"}
    return world.connector.finish_form_fill(answer, memory=begun.memory, at=world.clock.at)


def frozen(world: IamSmartWorld) -> object:
    world.switch.set(Setting(Fault.FROZEN))
    return world.login()


def unknown_code(world: IamSmartWorld) -> IdentityGrant:
    return world.finish({"code": "never-issued", "state": "the-state"})


def signed_by(person: str, number: str) -> Callable[[IamSmartWorld], object]:
    def act(world: IamSmartWorld) -> object:
        begun = world.connector.begin_signature(
            world.start(redirect_uri=APPROVALS), document=DOCUMENT, tokens=None, identity_number=number
        )
        answer = world.answer(begun.url, person)
        return world.connector.finish_signature(answer, memory=begun.memory, at=world.clock.at)

    return act


SCENES: dict[str, tuple[ProviderFault, Callable[[IamSmartWorld], object]]] = {
    "D40000": (ProviderFault.CANCELLED, decided("cancel")),
    "D40001": (ProviderFault.CANCELLED, decided("reject")),
    "D40003": (ProviderFault.TIMED_OUT, decided("allow", after=241)),
    "D40004": (ProviderFault.UNTRUSTED, code_of_another_service),
    "D20008": (ProviderFault.MISCONFIGURED, redirect_not_listed),
    "M30001": (ProviderFault.MISCONFIGURED, as_client("uncertified", "another secret")),
    "M30002": (ProviderFault.MISCONFIGURED, key_always_expired),
    "M30003": (ProviderFault.MISCONFIGURED, key_always_replaced),
    "S10001": (ProviderFault.MISCONFIGURED, as_client(CLIENT, "wrong")),
    "S10002": (ProviderFault.MISCONFIGURED, wrong_clock),
    "S10003": (ProviderFault.MISCONFIGURED, repeated_nonce),
    "S10004": (ProviderFault.MISCONFIGURED, as_client("nobody", "wrong")),
    "S10005": (ProviderFault.MISCONFIGURED, no_state),
    "S20001": (ProviderFault.EXPIRED_CREDENTIAL, dead_token),
    "S20002": (ProviderFault.WITHHELD, scope_not_granted),
    "S20003": (ProviderFault.REFUSED, fetched_twice),
    "S20004": (ProviderFault.FROZEN, frozen),
    "S20005": (ProviderFault.UNREACHABLE, not_answered_yet),
    "S20006": (ProviderFault.REFUSED, unknown_code),
    "S20007": (ProviderFault.NOT_SAME_PERSON, signed_by("iamsmart-wong", "QX9001236")),
    "S20008": (ProviderFault.NOT_ENROLLED, signed_by("iamsmart-dsouza", "QX9007897")),
}


def test_the_table_the_mock_and_these_scenes_name_the_same_codes() -> None:
    assert set(CODES) == set(SCENES) == {str(code) for code in Code} - {"D00000"}


@pytest.mark.parametrize("code", SCENES)
def test_the_mock_says_it_and_the_connector_understands(world: IamSmartWorld, code: str) -> None:
    fault, scene = SCENES[code]
    with pytest.raises(ConnectorError) as refused:
        scene(world)
    assert (refused.value.code, refused.value.fault) == (code, fault)


@pytest.mark.parametrize("code", ["D99999", "D40002", "<script>", "D" * 500, ""])
def test_an_unknown_code_is_a_refusal(world: IamSmartWorld, code: str) -> None:
    with pytest.raises(ConnectorError) as refused:
        world.finish({"error_code": code, "state": "the-state"})
    assert refused.value.fault is ProviderFault.REFUSED
    assert "<" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"redirectURI": "http://broker.test/elsewhere"}, "D20008"),
        ({"redirectURI": None}, "D20008"),
        ({"clientID": "nobody"}, "S10004"),
        ({"responseType": "token"}, "S10005"),
        ({"source": "Fridge"}, "S10005"),
        ({"scope": "eidapi_everything"}, "S10005"),
        ({"scope": "eidapi_profiles"}, "S10005"),
        ({"state": None}, "S10005"),
        ({"lang": "fr"}, "S10005"),
        ({"ticketID": "made-up"}, "S20003"),
    ],
)
def test_a_page_that_cannot_be_shown_says_why_and_redirects_nowhere(
    world: IamSmartWorld, change: dict[str, str | None], code: str
) -> None:
    url = httpx.URL(world.connector.begin(world.start()).url)
    params = {name: value for name, value in ({**url.params, **change}).items() if value is not None}
    page = world.browser().get(f"{ISSUER}{url.path}", params=params)
    assert page.status_code == 400
    assert f"<code>{code}</code>" in page.text
