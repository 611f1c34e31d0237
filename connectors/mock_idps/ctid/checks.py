"""What each mode of authentication looks at. Every function raises Refused."""

from collections.abc import Mapping
from typing import Any

from connectors.ctid import package
from connectors.ctid.modes import WITH_FACE, WITH_PASSWORD, AuthMode
from connectors.ctid.package import PackageError
from connectors.mock_idps.ctid.refusals import Code, Refused
from connectors.mock_idps.ctid.register import Issued
from connectors.mock_idps.ctid.world import AppLogin, World
from connectors.mock_idps.faults import Fault
from connectors.mock_idps.people import Person

_MAX_PHOTO = 2 * 1024 * 1024
_TWO_ITEMS = ("xM", "gMSFZHM")
_FOUR_ITEMS = (*_TWO_ITEMS, "yXQQSRQ", "yXQJZRQ")


def person_by_items(world: World, fields: Mapping[str, Any], *, four: bool) -> Person:
    """Whom `authApplyRetainData` names, if every item is as registered."""
    identity = world.open(fields.get("authApplyRetainData"), "authApplyRetainData", Code.MALFORMED).get("sFXX")
    if not isinstance(identity, dict):
        raise Refused(Code.MALFORMED)
    person = world.register.by_number(identity.get("gMSFZHM"))
    if any(identity.get(item) != person.record[item] for item in (_FOUR_ITEMS if four else _TWO_ITEMS)):
        raise Refused(Code.NOT_VALID)
    world.register.check_card(person)
    return person


def person_by_credential(world: World, value: object, path: str) -> tuple[Person, Issued]:
    """Whom a downloaded credential is about, if it still counts."""
    credential = world.open(value, "idcardAuthData", Code.MALFORMED)
    return _holder(world, credential, path)


def person_by_app(world: World, fields: Mapping[str, Any], mode: AuthMode, path: str) -> tuple[Person, AppLogin]:
    """Who used the app under this `bizSeq`, with the password and the face that the mode asks for."""
    biz_seq = fields.get("bizSeq")
    if fields.get("orgID") != world.org_id or fields.get("appID") != world.app_id or not isinstance(biz_seq, str):
        raise Refused(Code.CUSTOMER)
    credential = _of_this_login(world, fields, "idCardAuthData", "idcardAuthData", biz_seq)
    # One result a login: the app's data is spent here.
    login = world.logins.take(biz_seq)
    if login is None or login.person_id != credential.get("person"):
        raise Refused(Code.OTHER_BUSINESS)
    person, issued = _holder(world, credential, path)
    world.register.check_card(person)
    if mode in WITH_PASSWORD:
        given = _of_this_login(world, fields, "certPwdData", "certPwdData", biz_seq)
        if given.get("password") != issued.password:
            raise Refused(Code.BAD_AUTH_CODE)
    if mode in WITH_FACE:
        _of_this_login(world, fields, "verifyData", "verifyData", biz_seq)
        world.register.check_face(person, login.face)
    return person, login


def check_photo(world: World, person: Person, value: object) -> None:
    """`photoData` against the person's photographs."""
    try:
        photo = package.read_base64(value, "photoData", limit=_MAX_PHOTO)
    except PackageError as error:
        raise Refused(Code.POOR_PHOTO) from error
    world.register.check_face(person, photo)


def _of_this_login(world: World, fields: Mapping[str, Any], label: str, name: str, biz_seq: str) -> dict[str, Any]:
    opened = world.open(fields.get(name), label, Code.OTHER_BUSINESS)
    if opened.get("bizSeq") != biz_seq or opened.get("kind") != label:
        raise Refused(Code.OTHER_BUSINESS)
    return opened


def _holder(world: World, credential: Mapping[str, Any], path: str) -> tuple[Person, Issued]:
    person = world.register.people.get(str(credential.get("person")))
    if person is None:
        raise Refused(Code.NOT_ENROLLED)
    if world.switch.strikes(Fault.FROZEN, path):
        raise Refused(Code.FROZEN)
    return person, world.register.check_credential(person.person_id, str(credential.get("index")))
