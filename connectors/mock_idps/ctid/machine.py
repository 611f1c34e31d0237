"""The platform's machine interface. Every request is checked before it is looked into, every answer signed."""

import re
import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.ctid import package, retain
from connectors.ctid.modes import WITH_FACE, WORTH, AuthMode, DownloadMode
from connectors.ctid.package import Package, PackageError
from connectors.mock_idps.ctid import checks, qr
from connectors.mock_idps.ctid.refusals import Code, Refused
from connectors.mock_idps.ctid.register import PASSWORD
from connectors.mock_idps.ctid.world import SKEW_SECONDS, Serial, World
from connectors.mock_idps.people import Person
from connectors.sm import signed_data
from connectors.sm.errors import SmError

Handler = Callable[[World, Mapping[str, Any], str], dict[str, Any]]
_MODES: Final = {*(mode.value for mode in AuthMode), *(mode.value for mode in DownloadMode)}
_SIX_DIGITS: Final = re.compile(r"[0-9]{6}")
_NOTHING: Final = "XXXX"


def routes(world: World) -> list[Route]:
    """Paths beyond the first two are synthetic."""
    return [
        _route(world, "/ctid/api/v1/request", _apply, timed=True),
        _route(world, "/ctid/api/v1/authentication", _authenticate, timed=True),
        _route(world, "/ctid/api/v1/download", _download, timed=True),
        _route(world, "/ctid/api/v1/qrcode/request", qr.apply, timed=False),
        _route(world, "/ctid/api/v1/qrcode/verification", qr.verify, timed=False),
        _sms(world),
    ]


def _route(world: World, path: str, handler: Handler, *, timed: bool) -> Route:
    async def endpoint(request: Request) -> Response:
        echo: dict[str, Any] = {}
        try:
            asked = _checked(world, await request.body(), timed=timed)
            names = ("businessSerialNumber", "customNumber", "appName", "bizSerialNum", "bizSeq")
            echo = {name: asked.fields[name] for name in names if name in asked.fields}
            answer = {**echo, "success": True, "errorDesc": "", **handler(world, asked.fields, path)}
        except Refused as refused:
            answer = {**echo, "success": False, "authResult": _NOTHING, "errorDesc": refused.description}
        answer["timeStamp"] = package.stamp(world.at)
        return Response(world.answer(answer, path), media_type="application/json")

    return Route(path, endpoint, methods=["POST"])


def _checked(world: World, body: bytes, *, timed: bool) -> Package:
    """A request that is the client's and recent. One that is sent again meets a serial number that was used. Raises
    Refused.
    """
    try:
        asked = package.read(body)
    except PackageError as error:
        raise Refused(Code.MALFORMED) from error
    try:
        signed_data.verify(asked.sign, asked.raw, trusted=[world.keys.client_sign], at=world.at)
    except SmError as error:
        raise Refused(Code.SIGNATURE) from error
    if timed:
        try:
            made = package.read_stamp(asked.fields.get("timeStamp"))
        except PackageError as error:
            raise Refused(Code.MALFORMED) from error
        if abs(world.at - made) > timedelta(seconds=SKEW_SECONDS):
            raise Refused(Code.TIME)
        customer = asked.fields.get("customNumber", asked.fields.get("customerNumber"))
        if customer != world.settings.client_id:
            raise Refused(Code.CUSTOMER)
    return asked


def _apply(world: World, fields: Mapping[str, Any], path: str) -> dict[str, Any]:
    mode = fields.get("authMode")
    if mode not in _MODES:
        raise Refused(Code.MALFORMED)
    serial, sms = secrets.token_hex(9).upper(), f"{secrets.randbelow(10**6):06d}"
    world.serials.put(serial, Serial(str(mode), sms))
    if mode == DownloadMode.ENROL:
        world.messages[serial] = sms
    return {"businessSerialNumber": serial, "randomNumber": b64encode(secrets.token_bytes(24)).decode()}


def _authenticate(world: World, fields: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Who, by the mode's own evidence; then the quota; then no more than the person agreed to."""
    mode: AuthMode = _known(AuthMode, _serial(world, fields).mode)
    retained = None
    if mode.value.startswith("R"):
        person, login = checks.person_by_app(world, fields, mode, path)
        retained = _shared(person, login.shared)
    elif mode is AuthMode.CREDENTIAL_FACE:
        person, _ = checks.person_by_credential(world, fields.get("idcardAuthData"), path)
        world.register.check_card(person)
    else:
        four = mode in (AuthMode.FOUR_ITEMS, AuthMode.FOUR_ITEMS_FACE)
        person = checks.person_by_items(world, fields, four=four)
    if mode in WITH_FACE and not mode.value.startswith("R"):
        checks.check_photo(world, person, fields.get("photoData"))
    world.use_quota(person)
    answer: dict[str, Any] = {"authResult": WORTH[mode].result, "pid": world.pid(person)}
    if retained is not None:
        answer["authResultRetainData"] = world.seal(retained, world.keys.client_encrypt)
    return answer


def _download(world: World, fields: Mapping[str, Any], path: str) -> dict[str, Any]:
    """0x10: four items, `authCode` a new password. 0x13: name, number and the code sent by SMS, which enrols. 0x14:
    name, number and face, `authCode` a new password.
    """
    serial = _serial(world, fields)
    mode = _known(DownloadMode, serial.mode)
    person = checks.person_by_items(world, fields, four=mode is DownloadMode.FOUR_ITEMS)
    code, held = str(fields.get("authCode")), world.register.issued(person.person_id)
    if mode is DownloadMode.ENROL:
        if code != serial.sms:
            raise Refused(Code.BAD_AUTH_CODE)
        password = held.password if held is not None else PASSWORD
    else:
        # Frozen and cancelled stay so; an old one is what a download is for.
        world.register.enrolled(person.person_id)
        if not _SIX_DIGITS.fullmatch(code):
            raise Refused(Code.BAD_AUTH_CODE)
        if mode is DownloadMode.NAME_NUMBER_FACE:
            checks.check_photo(world, person, fields.get("photoData"))
        password = code
    issued = world.register.issue(person.person_id, password)
    info = world.close(kind="ctidInfo", person=person.person_id, index=issued.index)
    data = {"result": "0", "ctidInfo": info, "ctidStatus": issued.status.value, "ctidIndex": issued.index}
    return {"authResult": "0XXX", "authResultRetainData": data}


def _shared(person: Person, shared: frozenset[str]) -> bytes | None:
    """Nothing without separate consent."""
    if not shared:
        return None
    names = ("xM", "gMSFZHM", "yXQQSRQ", "yXQJZRQ")
    return retain.write(
        identity={name: person.record[name] for name in names} if "sFXX" in shared else None,
        photo=person.portrait if "zP" in shared else None,
    )


def _serial(world: World, fields: Mapping[str, Any]) -> Serial:
    serial = world.serials.take(str(fields.get("businessSerialNumber")))
    if serial is None or serial.mode != fields.get("authMode"):
        raise Refused(Code.SERIAL)
    return serial


def _known(kind: type[Any], mode: str) -> Any:
    try:
        return kind(mode)
    except ValueError as error:
        raise Refused(Code.MALFORMED) from error


def _sms(world: World) -> Route:
    async def endpoint(request: Request) -> Response:
        """The codes that would have gone to people's phones, by serial number; for this machine alone."""
        if request.client is None or request.client.host not in ("127.0.0.1", "::1"):
            return JSONResponse({"error": "loopback only"}, status_code=403)
        return JSONResponse(world.messages)

    return Route("/_mock/sms", endpoint)
