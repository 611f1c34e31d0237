"""What a person's approval gives: profile, form, step-up, signature."""

from base64 import b64encode
from collections.abc import Iterable
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import rsa

from connectors.iamsmart.fields import hkic_hash
from connectors.mock_idps.faults import Fault
from connectors.mock_idps.iamsmart.authority import Signer
from connectors.mock_idps.iamsmart.codes import Code, Refusal
from connectors.mock_idps.iamsmart.provider import Provider
from connectors.mock_idps.iamsmart.tasks import Task, What
from connectors.mock_idps.people import Person

PORTRAIT_FIELD: Final = "syntheticPortrait"
"""Synthetic: the authority's photograph. The real service hands none out (specs/iamsmart.md 7)."""


def fields_of(person: Person, names: Iterable[str]) -> dict[str, Any]:
    """What is on file under those names, in the dialect's words."""
    found = {name: person.record[name] for name in names if name in person.record}
    if PORTRAIT_FIELD in names and person.portrait is not None:
        found[PORTRAIT_FIELD] = {"ContentType": "image/jpeg", "Data": b64encode(person.portrait).decode()}
    return found


def number_hash(person: Person) -> str:
    number = person.record["idNo"]
    return hkic_hash(number["Identification"] + number["CheckDigit"])


def outcome(provider: Provider, task: Task, person: Person) -> dict[str, Any]:
    """The content of the result, `businessID` and `state` apart. Raises Refusal."""
    if task.what in (What.PROFILE, What.EME):
        return fields_of(person, task.fields)
    if task.what is What.STEP_UP:
        return {"isPassed": True}
    if number_hash(person) != task.hkic_hash:
        raise Refusal(Code.ANOTHER_NUMBER)
    if not person.record.get("plus"):
        raise Refusal(Code.CANNOT_SIGN)
    signer = provider.authority.signer(person.person_id, person.record["enName"]["UnstructuredName"], at=provider.at)
    if provider.switch.strikes(Fault.WRONG_SIGNATURE, "/signature"):
        signer = Signer(rsa.generate_private_key(65537, 2048), signer.certificate)
    make = signer.hash_result if task.what is What.HASH else signer.pdf_result
    return make(task.digest, at=provider.at)
