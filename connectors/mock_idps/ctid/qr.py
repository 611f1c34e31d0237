"""QR codes of credentials: made for the holder, checked by whoever is shown one. Lifetimes are synthetic."""

import secrets
from base64 import b64encode
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import qrcode

from connectors.mock_idps.ctid import checks
from connectors.mock_idps.ctid.refusals import Code, Refused
from connectors.mock_idps.ctid.world import QR_SECONDS, QrCode, World


def apply(world: World, fields: Mapping[str, Any], path: str) -> dict[str, Any]:
    """`{bizSerialNum, checkData, isPic, custNum}` to `{imgStream, width, codeContent}`."""
    if world.serials.take(str(fields.get("bizSerialNum"))) is None:
        raise Refused(Code.SERIAL)
    if fields.get("custNum") != world.settings.client_id:
        raise Refused(Code.CUSTOMER)
    person, issued = checks.person_by_credential(world, fields.get("checkData"), path)
    content = f"CTID:{secrets.token_urlsafe(24)}"
    world.codes.put(content, QrCode(person.person_id, issued.index, world.now()))
    if fields.get("isPic") is not True:
        return {"imgStream": "", "width": 0, "codeContent": content}
    image = qrcode.make(content, error_correction=qrcode.constants.ERROR_CORRECT_M)
    png = BytesIO()
    image.save(png)
    return {"imgStream": b64encode(png.getvalue()).decode(), "width": image.pixel_size, "codeContent": content}


def verify(world: World, fields: Mapping[str, Any], path: str) -> dict[str, Any]:
    """`{bizSerialNum, authMode, authCode, photoData, idcardAuthData}`; `idcardAuthData` is what was scanned."""
    if world.serials.take(str(fields.get("bizSerialNum"))) is None:
        raise Refused(Code.SERIAL)
    mode = fields.get("authMode")
    if not isinstance(mode, int) or mode not in range(4):
        raise Refused(Code.MALFORMED)
    code = world.codes.get(str(fields.get("idcardAuthData")))
    if code is None:
        raise Refused(Code.QR_UNKNOWN)
    if code.used:
        raise Refused(Code.QR_USED)
    if world.now() - code.made > QR_SECONDS:
        raise Refused(Code.QR_EXPIRED)
    code.used = True
    person = world.register.people[code.person_id]
    issued = world.register.check_credential(code.person_id, code.index)
    if mode & 1 and fields.get("authCode") != issued.password:
        raise Refused(Code.BAD_AUTH_CODE)
    if mode & 2:
        checks.check_photo(world, person, fields.get("photoData"))
    world.use_quota(person)
    return {"authResult": f"X{'0' if mode & 2 else 'X'}0{'0' if mode & 1 else 'X'}", "pid": world.pid(person)}
