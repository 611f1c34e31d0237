"""Keys by JWKS URI: fetched when needed, no more often, kept when the partner is down, forgotten when it stays so."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from broker.oidc.client_keys import MAX_WAITING, ClientKeys, FetchError, KeySet, KeysUnavailable
from tests.support.oidc_agency import Agency
from tests.support.oidc_world import FakeClock, KeySets, OidcWorld

URI = "https://agency.example/jwks"


class _Client:
    """As much of a client as its keys need."""

    def __init__(self) -> None:
        self.client_id, self.version, self.jwks_uri, self.jwks = "c", 1, URI, None
        self.keys_version = 0


@pytest.fixture
def client() -> Any:
    return _Client()


def _document(*kids: str) -> dict[str, Any]:
    keys = [ECKey.generate_key("P-256", {"kid": kid, "use": "sig"}).as_dict(private=False) for kid in kids]
    return {"keys": keys}


def test_one_fetch_serves_many(client: Any) -> None:
    clock, sets = FakeClock(), KeySets({URI: _document("a")})
    keys = ClientKeys(sets.fetch)
    for _ in range(5):
        assert len(keys.signing(client, kid="a", alg="ES256", at=clock())) == 1
    assert sets.fetched == [URI]
    clock.forward(minutes=11)
    keys.signing(client, kid="a", alg="ES256", at=clock())
    assert len(sets.fetched) == 2


def test_a_new_kid_is_looked_for_but_not_at_a_strangers_pace(client: Any) -> None:
    clock, sets = FakeClock(), KeySets({URI: _document("a")})
    keys = ClientKeys(sets.fetch, minimum_interval=timedelta(seconds=30))
    keys.signing(client, kid="a", alg="ES256", at=clock())
    sets.documents[URI] = _document("b")
    for _ in range(50):
        assert keys.signing(client, kid="b", alg="ES256", at=clock()) == []
    assert len(sets.fetched) == 1
    clock.forward(seconds=30)
    assert len(keys.signing(client, kid="b", alg="ES256", at=clock())) == 1
    assert len(sets.fetched) == 2


def test_a_partner_that_is_down_is_believed_for_a_day(client: Any) -> None:
    clock, sets = FakeClock(), KeySets({URI: _document("a")})
    keys = ClientKeys(sets.fetch)
    keys.signing(client, kid="a", alg="ES256", at=clock())
    sets.documents.clear()
    clock.forward(hours=23)
    assert len(keys.signing(client, kid="a", alg="ES256", at=clock())) == 1
    clock.forward(hours=2)
    with pytest.raises(KeysUnavailable):
        keys.signing(client, kid="a", alg="ES256", at=clock())


@pytest.mark.parametrize("document", [None, [], {}, {"keys": {}}, {"keys": [{}] * 33}, "x", {"keys": None}], ids=str)
def test_what_is_no_key_set(client: Any, document: Any) -> None:
    with pytest.raises(KeysUnavailable):
        KeySet.of(document)
    with pytest.raises(KeysUnavailable):
        ClientKeys(KeySets({URI: document}).fetch).signing(client, kid="a", alg="ES256", at=FakeClock()())


def test_entries_that_cannot_be_used_are_left_out() -> None:
    good = ECKey.generate_key("P-256", {"kid": "good"}).as_dict(private=False)
    private = ECKey.generate_key("P-256", {"kid": "private"}).as_dict(private=True)
    small = RSAKey.generate_key(1024, {"kid": "small"}, auto_kid=False).as_dict(private=False)
    other_curve = ECKey.generate_key("P-384", {"kid": "p384"}).as_dict(private=False)
    x448 = {"kty": "OKP", "crv": "X448", "x": "AA", "kid": "x448"}
    broken = {**good, "kid": "broken", "x": "AA"}
    entries = [good, private, small, other_curve, x448, broken, "text", 1, None]
    found = KeySet.of({"keys": entries})
    assert [kid for kid, _, _ in found.signing] == ["good"]


def test_a_key_is_for_its_algorithm() -> None:
    ed = OKPKey.generate_key("Ed25519", {"kid": "ed", "alg": "EdDSA"}).as_dict(private=False)
    found = KeySet.of({"keys": [ed]})
    assert len(found.candidates("ed", "EdDSA")) == 1
    assert found.candidates("ed", "ES256") == []
    assert found.candidates("other", "EdDSA") == []
    assert len(found.candidates(None, "EdDSA")) == 1


def test_a_failing_fetch_is_not_repeated_at_once(client: Any) -> None:
    clock = FakeClock()
    calls = []

    def fetch(url: str) -> Any:
        calls.append(url)
        raise FetchError("down")

    keys = ClientKeys(fetch)
    for _ in range(10):
        with pytest.raises(KeysUnavailable):
            keys.signing(client, kid="a", alg="ES256", at=clock())
    assert len(calls) == 1


class Slow:
    """A host that answers when told, and one that answers at once."""

    def __init__(self, documents: dict[str, Any], slow: str = URI) -> None:
        self.documents, self.slow = documents, slow
        self.reached, self.answer = threading.Event(), threading.Event()
        self.fetched: list[str] = []

    def fetch(self, url: str) -> Any:
        self.fetched.append(url)
        if url == self.slow:
            self.reached.set()
            assert self.answer.wait(20)
        if url not in self.documents:
            raise FetchError("nothing is there")
        return self.documents[url]


@contextmanager
def _fetching(keys: ClientKeys, client: Any, host: Slow, at: Any) -> Iterator[None]:
    """While somebody waits for that host."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(keys.signing, client, kid="stranger", alg="ES256", at=at)
        try:
            assert host.reached.wait(20)
            yield
        finally:
            host.answer.set()
        assert isinstance(waiting.exception(20), KeysUnavailable | None), "it was waited for in vain"


def test_a_slow_host_holds_up_its_own_clients_only(client: Any) -> None:
    other, other_uri = _Client(), "https://other.example/jwks"
    other.jwks_uri = other_uri
    host, clock = Slow({URI: _document("a"), other_uri: _document("b")}), FakeClock()
    keys = ClientKeys(host.fetch)
    with _fetching(keys, client, host, clock()):
        assert len(keys.signing(other, kid="b", alg="ES256", at=clock())) == 1  # type: ignore[arg-type]


def test_while_a_set_is_fetched_again_the_one_we_have_serves(client: Any) -> None:
    host, clock = Slow({URI: _document("a")}, slow="nobody"), FakeClock()
    keys = ClientKeys(host.fetch)
    keys.signing(client, kid="a", alg="ES256", at=clock())
    host.slow = URI
    clock.forward(minutes=11)
    with _fetching(keys, client, host, clock()):
        assert len(keys.signing(client, kid="a", alg="ES256", at=clock())) == 1
        assert keys.signing(client, kid="b", alg="ES256", at=clock()) == []
    assert len(host.fetched) == 2


def test_few_wait_for_the_first_set_and_nobody_for_one_that_failed(client: Any) -> None:
    """Whoever names the client in an assertion makes us ask, so the answers must not keep our threads."""
    host, clock = Slow({}), FakeClock()
    keys = ClientKeys(host.fetch)
    with ThreadPoolExecutor(MAX_WAITING + 3) as pool:
        with _fetching(keys, client, host, clock()):
            asked = [
                pool.submit(keys.signing, client, kid="a", alg="ES256", at=clock()) for _ in range(MAX_WAITING + 3)
            ]
            refused = list(islice(as_completed(asked, 20), 3))
            assert all(isinstance(one.exception(), KeysUnavailable) for one in refused)
            assert sum(one.running() for one in asked) == MAX_WAITING
        assert all(isinstance(one.exception(20), KeysUnavailable) for one in asked)
    host.reached.clear()
    host.answer.clear()
    clock.forward(seconds=30)
    with _fetching(keys, client, host, clock()), pytest.raises(KeysUnavailable):
        keys.signing(client, kid="a", alg="ES256", at=clock())
    assert len(host.fetched) == 2


def test_keys_taken_anew_are_looked_at_anew(client: Any) -> None:
    clock, sets = FakeClock(), KeySets({URI: _document("a", "b")})
    keys = ClientKeys(sets.fetch)
    assert len(keys.signing(client, kid="a", alg="ES256", at=clock())) == 1
    sets.documents[URI] = _document("b")
    assert len(keys.signing(client, kid="a", alg="ES256", at=clock())) == 1
    client.version = 2  # some other change
    assert len(keys.signing(client, kid="a", alg="ES256", at=clock())) == 1
    client.keys_version = 1
    assert keys.signing(client, kid="a", alg="ES256", at=clock()) == []
    assert len(sets.fetched) == 2


def test_a_removed_key_is_refused_from_the_next_request_on(world: OidcWorld) -> None:
    agency = Agency(world, jwks=None, jwks_uri=URI)
    world.key_sets.documents[URI] = {"keys": [agency.key.as_dict(private=False)]}
    assert agency.token(grant_type="client_credentials").status_code == 200
    world.key_sets.documents[URI] = _document("2")
    agency.change(keys_version=1)
    assert agency.token(grant_type="client_credentials").json()["error"] == "invalid_client"


def test_an_agency_changes_its_key_without_telling_anybody(world: OidcWorld) -> None:
    agency = Agency(world, jwks=None, jwks_uri=URI)
    world.key_sets.documents[URI] = {"keys": [agency.key.as_dict(private=False)]}
    assert agency.token(grant_type="client_credentials").status_code == 200
    agency.key = ECKey.generate_key("P-256", {"kid": "1", "use": "sig"}, private=True)
    world.key_sets.documents[URI] = {"keys": [agency.key.as_dict(private=False) | {"kid": "2"}]}
    world.clock.forward(seconds=31)
    assert agency.token(grant_type="client_credentials").json()["error"] == "invalid_client"  # still kid 1
    world.clock.forward(minutes=10)
    sign = agency.sign
    agency.sign = lambda claims, **header: sign(claims, **{**header, "kid": "2"})  # type: ignore[method-assign]
    assert agency.token(grant_type="client_credentials").status_code == 200
