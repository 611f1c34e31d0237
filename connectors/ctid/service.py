"""The platform's machine interface: apply, then authenticate, download a credential, or make and check a QR code."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from broker.wire.identity_connector import ProviderFault
from connectors.ctid import package
from connectors.ctid.caller import PlatformCaller
from connectors.ctid.modes import WORTH, AuthMode, DownloadMode
from connectors.ctid.package import Package, PackageError
from connectors.sm import enveloped_data
from connectors.sm.errors import SmError

REQUEST: Final = "/ctid/api/v1/request"
AUTHENTICATION: Final = "/ctid/api/v1/authentication"
DOWNLOAD: Final = "/ctid/api/v1/download"
QR_REQUEST: Final = "/ctid/api/v1/qrcode/request"
QR_VERIFICATION: Final = "/ctid/api/v1/qrcode/verification"

_MAX_ENVELOPE: Final = 3 * 1024 * 1024
_VERSIONS: Final = {
    "cardReaderVersion": "",
    "liveDetectionControlVersion": "",
    "authCodeControlVersion": "",
}


@dataclass(frozen=True)
class Applied:
    """A business serial number is good for one authentication."""

    serial: str
    random: str
    mode: str


@dataclass(frozen=True)
class AppData:
    """What the app handed over for one login: envelopes for the platform, closed to us."""

    biz_seq: str
    credential: str = field(repr=False)
    password: str = field(default="", repr=False)
    face: str = field(default="", repr=False)


@dataclass(frozen=True)
class Authenticated:
    """A success. `retained`: opened, JSON; None for a result and nothing more. `raw`: the evidence."""

    pid: str = field(repr=False)
    time: datetime
    retained: bytes | None = field(repr=False)
    raw: tuple[bytes, bytes] = field(repr=False)


@dataclass(frozen=True)
class Credential:
    """A downloaded credential (网证). `info`: an envelope for the platform."""

    info: str = field(repr=False)
    status: str
    index: str


@dataclass(frozen=True)
class QrImage:
    """`image`: PNG, None when it was not asked for; `width` in pixels."""

    image: bytes | None = field(repr=False)
    width: int
    content: str = field(repr=False)


@dataclass(frozen=True)
class CtidService:
    """One registration at one platform. `entropy`: for the keys of envelopes."""

    caller: PlatformCaller
    entropy: Callable[[int], bytes]

    def apply(self, mode: AuthMode | DownloadMode, *, at: datetime) -> Applied:
        """The first of two steps. Raises ConnectorError."""
        fields = {
            "customerNumber": self.caller.settings.customer_number,
            "appName": self.caller.settings.app_name,
            "timeStamp": package.stamp(self.caller.time_there(at)),
            **_VERSIONS,
            "authMode": mode.value,
        }
        # Sent twice, it gives two serial numbers, and one is used.
        answer = self.caller.ask(REQUEST, fields, at=at, again=True)
        serial, random = answer.fields.get("businessSerialNumber"), answer.fields.get("randomNumber")
        if not _short(serial) or not _short(random):
            raise self.caller.fail(ProviderFault.GARBLED, "an application was answered without serial or random number")
        return Applied(str(serial), str(random), mode.value)

    def authenticate(
        self,
        applied: Applied,
        *,
        at: datetime,
        photo: bytes | None = None,
        code: str = "",
        credential: str = "",
        retained: bytes | None = None,
        app: AppData | None = None,
    ) -> Authenticated:
        """The second step. `retained`: plaintext of `authApplyRetainData`; `credential`: the credential of 0x06.
        Raises ConnectorError, also for a result that is not the mode's success.
        """
        fields = {
            **self._second(applied, at),
            "photoData": b64encode(photo).decode() if photo is not None else "",
            "authCode": code,
            "idcardAuthData": app.credential if app else credential,
            "authApplyRetainData": self._sealed(retained) if retained is not None else "",
        }
        if app is not None:
            fields |= {
                "orgID": self.caller.settings.org_id,
                "appID": self.caller.settings.app_id,
                "bizSeq": app.biz_seq,
                "certPwdData": app.password,
                "verifyData": app.face,
            }
        answer = self.caller.ask(AUTHENTICATION, fields, at=at)
        self.caller.must_echo(
            answer, businessSerialNumber=applied.serial, customNumber=self.caller.settings.customer_number
        )
        if app is not None:
            self.caller.must_echo(answer, bizSeq=app.biz_seq)
        if answer.fields.get("authResult") != WORTH[AuthMode(applied.mode)].result:
            raise self.caller.fail(ProviderFault.REFUSED, "authResult is not the success of this mode")
        pid = answer.fields.get("pid")
        if not _short(pid):
            raise self.caller.fail(ProviderFault.GARBLED, "a success without pid")
        return Authenticated(
            str(pid),
            package.read_stamp(answer.fields["timeStamp"]),
            self._retained(answer),
            (answer.raw, answer.sign),
        )

    def download(
        self, applied: Applied, *, at: datetime, retained: bytes, code: str, photo: bytes | None = None
    ) -> Credential:
        """Download a credential. `code`: the password to be, or the one sent by SMS. Raises ConnectorError."""
        fields = {
            **self._second(applied, at),
            "photoData": b64encode(photo).decode() if photo is not None else "",
            "authCode": code,
            "idcardAuthData": "",
            "authApplyRetainData": self._sealed(retained),
        }
        answer = self.caller.ask(DOWNLOAD, fields, at=at)
        self.caller.must_echo(
            answer, businessSerialNumber=applied.serial, customNumber=self.caller.settings.customer_number
        )
        data = answer.fields.get("authResultRetainData")
        found = data if isinstance(data, dict) else {}
        info, status, index = found.get("ctidInfo"), found.get("ctidStatus"), found.get("ctidIndex")
        if not isinstance(info, str) or not info or not _short(status) or not _short(index):
            raise self.caller.fail(ProviderFault.GARBLED, "a download without a credential")
        return Credential(info, str(status), str(index))

    def qr_apply(self, serial: str, credential: str, *, picture: bool, at: datetime) -> QrImage:
        """A QR code of the holder's credential. Raises ConnectorError."""
        fields = {
            "bizSerialNum": serial,
            "checkData": credential,
            "isPic": picture,
            "custNum": self.caller.settings.customer_number,
        }
        answer = self.caller.ask(QR_REQUEST, fields, at=at)
        self.caller.must_echo(answer, bizSerialNum=serial)
        image, width, content = (answer.fields.get(name) for name in ("imgStream", "width", "codeContent"))
        if not _short(content) or not isinstance(width, int) or isinstance(width, bool) or not 0 <= width <= 4096:
            raise self.caller.fail(ProviderFault.GARBLED, "a QR code without width or content")
        try:
            png = package.read_base64(image, "imgStream", limit=256 * 1024) if picture else None
        except PackageError as error:
            raise self.caller.fail(ProviderFault.GARBLED, str(error)) from error
        return QrImage(png, width, str(content))

    def qr_verify(
        self, serial: str, content: str, *, at: datetime, mode: int = 0, code: str = "", photo: bytes | None = None
    ) -> Authenticated:
        """Check a QR code that was shown to us. `mode`: 0 the code alone, 1 with password, 2 with face, 3 with both.
        Raises ConnectorError.
        """
        fields = {
            "bizSerialNum": serial,
            "authMode": mode,
            "authCode": code,
            "photoData": b64encode(photo).decode() if photo is not None else "",
            "idcardAuthData": content,
        }
        answer = self.caller.ask(QR_VERIFICATION, fields, at=at)
        self.caller.must_echo(answer, bizSerialNum=serial)
        pid = answer.fields.get("pid")
        if not _short(pid):
            raise self.caller.fail(ProviderFault.GARBLED, "a success without pid")
        return Authenticated(str(pid), package.read_stamp(answer.fields["timeStamp"]), None, (answer.raw, answer.sign))

    # --- details ---

    def _second(self, applied: Applied, at: datetime) -> dict[str, str]:
        return {
            "customNumber": self.caller.settings.customer_number,  # sic: the second step spells it so
            "appName": self.caller.settings.app_name,
            "timeStamp": package.stamp(self.caller.time_there(at)),
            "businessSerialNumber": applied.serial,
            "authMode": applied.mode,
        }

    def _must_be_about(self, answer: Package, applied: Applied) -> None:
        customer = self.caller.settings.customer_number
        self.caller.must_echo(answer, businessSerialNumber=applied.serial, customNumber=customer)

    def _sealed(self, plaintext: bytes) -> str:
        envelope = enveloped_data.seal(
            plaintext,
            recipient=self.caller.keys.platform,
            entropy=self.entropy,
            cipher=self.caller.settings.content_cipher,
        )
        return b64encode(envelope).decode()

    def _retained(self, answer: Package) -> bytes | None:
        value = answer.fields.get("authResultRetainData")
        if value in (None, ""):
            return None
        try:
            return self.caller.keys.unseal(package.read_base64(value, "authResultRetainData", limit=_MAX_ENVELOPE))
        except PackageError as error:
            raise self.caller.fail(ProviderFault.GARBLED, str(error)) from error
        except SmError as error:
            raise self.caller.fail(ProviderFault.UNTRUSTED, f"authResultRetainData: {error}") from error


def _short(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 255 and value.isprintable()
