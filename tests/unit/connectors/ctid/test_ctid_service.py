"""The machine interface beyond a login: every mode, credential downloads, QR codes."""

from collections.abc import Mapping
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from broker.wire.identity_connector import ConnectorError, ProviderFault
from connectors.ctid import app, package, retain
from connectors.ctid.modes import WITH_FACE, AuthMode, DownloadMode
from connectors.ctid.service import Authenticated, Credential
from tests.support.ctid_world import LI, WANG, CtidWorld, portrait

TWO = {"xM": "王示例", "gMSFZHM": "990001198504123015"}
FOUR = {**TWO, "yXQQSRQ": "20200101", "yXQJZRQ": "20400101"}
DIRECT = [
    AuthMode.NAME_NUMBER,
    AuthMode.NAME_NUMBER_FACE,
    AuthMode.FOUR_ITEMS,
    AuthMode.FOUR_ITEMS_FACE,
    AuthMode.CREDENTIAL_FACE,
]


def download(ctid: CtidWorld, mode: DownloadMode, code: str = "135791", photo: bytes | None = None) -> Credential:
    service = ctid.connector.service
    applied = service.apply(mode, at=ctid.at)
    if mode is DownloadMode.ENROL and code == "sms":
        answer = httpx.Client(transport=ctid.spoiler).get("http://ctid.test/_mock/sms")
        code = answer.json()[applied.serial]
    items = FOUR if mode is DownloadMode.FOUR_ITEMS else TWO
    return service.download(applied, at=ctid.at, retained=retain.write(identity=items), code=code, photo=photo)


def authenticate(
    ctid: CtidWorld, mode: AuthMode, *, items: Mapping[str, str] | None = None, photo: bytes | None = None
) -> Authenticated:
    service = ctid.connector.service
    credential = ""
    if mode is AuthMode.CREDENTIAL_FACE:
        credential = download(ctid, DownloadMode.NAME_NUMBER_FACE, photo=portrait(WANG)).info
    retained = None if credential else retain.write(identity=items or FOUR)
    applied = service.apply(mode, at=ctid.at)
    return service.authenticate(applied, at=ctid.at, photo=photo, credential=credential, retained=retained)


@pytest.mark.parametrize("mode", DIRECT)
def test_every_mode_knows_the_person(ctid: CtidWorld, mode: AuthMode) -> None:
    done = authenticate(ctid, mode, photo=portrait(WANG) if mode in WITH_FACE else None)
    assert done.pid == ctid.login(WANG).subject
    assert done.retained is None


def test_the_app_proves_a_credential_alone_too(ctid: CtidWorld) -> None:
    """R01 is spoken, and no login rests on it."""
    begun = ctid.begin()
    data = app.read_result(ctid.answer(begun), biz_seq=_biz_seq(begun.url), mode=AuthMode.APP_CREDENTIAL)
    assert (data.face, data.password) == ("", "")
    service = ctid.connector.service
    applied = service.apply(AuthMode.APP_CREDENTIAL, at=ctid.at)
    assert service.authenticate(applied, at=ctid.at, app=data).pid == ctid.login(WANG).subject


def _biz_seq(url: str) -> str:
    return parse_qs(urlsplit(url).query)["bizSeq"][0]


@pytest.mark.parametrize("mode", [mode for mode in DIRECT if mode in WITH_FACE])
def test_a_face_must_be_the_persons(ctid: CtidWorld, mode: AuthMode) -> None:
    for photo, fault in (
        (portrait(LI), ProviderFault.NOT_SAME_PERSON),
        (b"dark", ProviderFault.POOR_PHOTO),
        (None, ProviderFault.POOR_PHOTO),
    ):
        with pytest.raises(ConnectorError) as refused:
            authenticate(ctid, mode, photo=photo)
        assert refused.value.fault is fault


@pytest.mark.parametrize("item", ["yXQQSRQ", "yXQJZRQ"])
def test_four_items_are_all_compared(ctid: CtidWorld, item: str) -> None:
    changed = FOUR | {item: "20300101"}
    assert authenticate(ctid, AuthMode.NAME_NUMBER, items=changed).pid
    with pytest.raises(ConnectorError) as refused:
        authenticate(ctid, AuthMode.FOUR_ITEMS, items=changed)
    assert refused.value.code == "0x00A19401"


@pytest.mark.parametrize("cipher", ["sm4-cbc", "sm4-ecb"])
def test_envelopes_are_written_as_the_settings_say(ctid: CtidWorld, cipher: str) -> None:
    ctid.rebuild(content_cipher=cipher)
    assert authenticate(ctid, AuthMode.NAME_NUMBER).pid
    sent = package.read(ctid.spoiler.asked[-1].content)
    envelope = package.read_base64(sent.fields["authApplyRetainData"], "authApplyRetainData", limit=4096)
    oid = bytes.fromhex("06082a811ccf55016802" if cipher == "sm4-cbc" else "06072a811ccf550168")
    assert oid in envelope


def test_names_on_the_wire(ctid: CtidWorld) -> None:
    authenticate(ctid, AuthMode.NAME_NUMBER_FACE, photo=portrait(WANG))
    first, second = (package.read(request.content).fields for request in ctid.spoiler.asked[-2:])
    assert set(first) == {
        "customerNumber",
        "appName",
        "timeStamp",
        "cardReaderVersion",
        "liveDetectionControlVersion",
        "authCodeControlVersion",
        "authMode",
    }
    assert set(second) == {
        "customNumber",
        "appName",
        "timeStamp",
        "businessSerialNumber",
        "authMode",
        "photoData",
        "authCode",
        "idcardAuthData",
        "authApplyRetainData",
    }
    assert first["timeStamp"] == "20261121160000000"  # 08:00 UTC in Beijing


def test_no_request_carries_a_name_in_the_clear(ctid: CtidWorld) -> None:
    authenticate(ctid, AuthMode.FOUR_ITEMS)
    sent = b"".join(request.content for request in ctid.spoiler.asked)
    assert TWO["xM"].encode() not in sent
    assert TWO["gMSFZHM"].encode() not in sent


@pytest.mark.parametrize(
    ("mode", "code", "photo"),
    [
        (DownloadMode.FOUR_ITEMS, "135791", None),
        (DownloadMode.ENROL, "sms", None),
        (DownloadMode.NAME_NUMBER_FACE, "135791", portrait(WANG)),
    ],
)
def test_a_download_makes_older_copies_void(
    ctid: CtidWorld, mode: DownloadMode, code: str, photo: bytes | None
) -> None:
    before = download(ctid, DownloadMode.NAME_NUMBER_FACE, photo=portrait(WANG))
    after = download(ctid, mode, code, photo)
    assert (after.status, after.index != before.index) == ("0", True)
    service = ctid.connector.service
    for credential, code_of in ((before, "0x00A19006"), (after, None)):
        applied = service.apply(AuthMode.CREDENTIAL_FACE, at=ctid.at)
        try:
            done = service.authenticate(applied, at=ctid.at, credential=credential.info, photo=portrait(WANG))
        except ConnectorError as error:
            assert error.code == code_of
        else:
            assert code_of is None
            assert done.pid


def test_enrolment_needs_the_code_that_was_sent(ctid: CtidWorld) -> None:
    ctid.world.register.forget(WANG)
    with pytest.raises(ConnectorError) as refused:
        download(ctid, DownloadMode.ENROL, "0000000")
    assert refused.value.code == "0x00A19201"
    with pytest.raises(ConnectorError) as refused:
        download(ctid, DownloadMode.FOUR_ITEMS)
    assert refused.value.code == "0x00A19202"
    assert download(ctid, DownloadMode.ENROL, "sms").info
    assert ctid.login(WANG).subject


def test_a_downloaded_credential_is_closed_to_us(ctid: CtidWorld) -> None:
    info = download(ctid, DownloadMode.FOUR_ITEMS).info
    keys = ctid.connector.service.caller.keys
    with pytest.raises(Exception, match="somebody else"):
        keys.unseal(package.read_base64(info, "ctidInfo", limit=4096))


def test_a_qr_code_is_a_picture_one_can_scan(ctid: CtidWorld) -> None:
    zxingcpp = pytest.importorskip("zxingcpp")
    from PIL import Image

    service = ctid.connector.service
    credential = download(ctid, DownloadMode.FOUR_ITEMS).info
    serial = service.apply(AuthMode.CREDENTIAL_FACE, at=ctid.at).serial
    shown = service.qr_apply(serial, credential, picture=True, at=ctid.at)
    assert shown.image is not None
    picture = Image.open(BytesIO(shown.image))
    assert picture.width == shown.width
    assert zxingcpp.read_barcodes(picture.convert("L"))[0].text == shown.content
    assert credential not in shown.content


@pytest.mark.parametrize(
    ("mode", "code", "photo"), [(0, "", None), (1, "135791", None), (2, "", WANG), (3, "135791", WANG)]
)
def test_a_shown_qr_code_is_checked(ctid: CtidWorld, mode: int, code: str, photo: str | None) -> None:
    service = ctid.connector.service
    credential = download(ctid, DownloadMode.FOUR_ITEMS, "135791").info
    content = service.qr_apply(_serial(ctid), credential, picture=False, at=ctid.at).content
    taken = portrait(photo) if photo else None
    done = service.qr_verify(_serial(ctid), content, at=ctid.at, mode=mode, code=code, photo=taken)
    assert done.pid == ctid.login(WANG).subject


@pytest.mark.parametrize(
    ("mode", "code", "photo", "expected"),
    [(1, "000000", None, "0x00A19201"), (2, "", LI, "0x00A19102"), (3, "135791", LI, "0x00A19102")],
)
def test_a_qr_code_alone_is_not_enough_when_more_is_asked(
    ctid: CtidWorld, mode: int, code: str, photo: str | None, expected: str
) -> None:
    service = ctid.connector.service
    credential = download(ctid, DownloadMode.FOUR_ITEMS, "135791").info
    content = service.qr_apply(_serial(ctid), credential, picture=False, at=ctid.at).content
    taken = portrait(photo) if photo else None
    with pytest.raises(ConnectorError) as refused:
        service.qr_verify(_serial(ctid), content, at=ctid.at, mode=mode, code=code, photo=taken)
    assert refused.value.code == expected


def _serial(ctid: CtidWorld) -> str:
    return ctid.connector.service.apply(AuthMode.CREDENTIAL_FACE, at=ctid.at).serial
