"""`tongguan staff`: who works at the broker is the operator's decision; their keys stay with them."""

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import httpx
import typer

from broker.cli.database import failures
from broker.cli.partners import AsJson, Home, desk
from broker.core.denial import InvalidInput
from broker.core.jws import to_base64url
from broker.core.staff import (
    Role,
    Staff,
    is_staff_id,
    jwk_of,
    new_staff,
    private_jwk_of,
    sign_in_statement,
    staff_key,
    staff_signer,
)
from broker.flows.add_staff import add_staff
from broker.flows.suspend_staff import suspend_staff
from broker.outbound import trust
from broker.stores.secret_files import create_secret, read_secret
from broker.web.fields import from_base64url
from broker.wire.keys import LocalSigner
from broker.wire.registry import Alg, KeyUse

app = typer.Typer(no_args_is_help=True)

_MAX_KEY_FILE: Final = 4096
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
StaffArgument = Annotated[str, typer.Argument(help="The member's id, as op-3. It is public: better no name.")]
KeyFile = Annotated[Path, typer.Option("--key", exists=True, dir_okay=False, help="Your key file.")]


@app.command()
def key(
    staff_id: StaffArgument,
    out: Annotated[Path, typer.Option(help="The key file to make, for yourself alone.")],
    alg: Annotated[str, typer.Option(help="EdDSA, or ES256.")] = "EdDSA",
) -> None:
    """Make a key file, and print its public half for an operator."""
    if alg not in ("EdDSA", "ES256"):
        raise typer.BadParameter("EdDSA or ES256", param_hint="--alg")
    if not is_staff_id(staff_id):
        raise typer.BadParameter("an id has 2 to 32 of a-z, 0-9 and -, and begins with a letter")
    made = LocalSigner.generate(KeyUse.STAFF, Alg.EDDSA if alg == "EdDSA" else Alg.ES256)
    with failures():
        create_secret(out, json.dumps({"kid": staff_id, **private_jwk_of(made)}).encode())
    print(json.dumps({"kid": staff_id, **jwk_of(made.public)}))


@app.command()
def add(
    staff_id: StaffArgument,
    home: Home,
    name: Annotated[str, typer.Option(help="What colleagues read.")],
    role: Annotated[list[Role], typer.Option(help="What the member may do; repeat.")],
    public_key: Annotated[Path, typer.Option("--key", exists=True, dir_okay=False, help="What `staff key` printed.")],
) -> None:
    """Enter a member of staff with their public key."""
    with desk(home) as at_work:
        jwk = _read_jwk(public_key.read_bytes())
        if jwk.get("kid", staff_id) != staff_id:
            raise InvalidInput("bad_key", "the key was made for another id")
        member = new_staff(staff_id, name, role, staff_key(jwk), at_work.at)
        add_staff(at_work.work, member, at=at_work.at, entropy=os.urandom)
    print(f"{staff_id} is entered: {', '.join(sorted(member.roles))}.")


@app.command(name="list")
def list_staff(home: Home, as_json: AsJson = False) -> None:
    """Everybody, also who was suspended."""
    with desk(home) as at_work:
        found = [_document(member) for member in at_work.work.staff.all()]
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for each in found:
        print(f"{each['staff_id']:<20} {each['status']:<10} {', '.join(each['roles']):<30} {each['name']}")


@app.command()
def suspend(staff_id: StaffArgument, home: Home) -> None:
    """End the member's sessions and their right to sign, at once and for good."""
    with desk(home) as at_work:
        done = suspend_staff(at_work.work, staff_id=staff_id, at=at_work.at, entropy=os.urandom)
    print(f"{staff_id} is suspended." if done else f"{staff_id} was suspended before.")


@app.command(name="sign-in")
def sign_in(
    key_file: KeyFile,
    url: Annotated[str, typer.Option(help="The broker's address, as your browser shows it.")],
    ca: Annotated[Path | None, typer.Option(exists=True, help="An authority that the system does not know.")] = None,
) -> None:
    """Print a link that opens a session in a browser: once, within a minute."""
    with failures():
        staff_id, signer = read_key_file(key_file)
        with httpx.Client(base_url=origin_of(url), verify=trust(ca), timeout=10.0) as http:
            try:
                print(sign_in_link(http, origin_of(url), staff_id, signer))
            except httpx.HTTPError as error:
                raise ValueError(f"{url} does not answer: {type(error).__name__}") from error


def read_key_file(path: Path) -> tuple[str, LocalSigner]:
    """The member's id and key. Raises SecretFileError for a file that others may read, InvalidInput for another one."""
    jwk = _read_jwk(read_secret(path))
    return str(jwk.get("kid", "")), staff_signer(jwk)


def origin_of(url: str) -> str:
    """scheme://host[:port]. Raises ValueError unless it is https, or a machine talking to itself."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError("staff sign in over https")
    return f"{parts.scheme}://{parts.netloc}"


def sign_in_link(http: httpx.Client, origin: str, staff_id: str, signer: LocalSigner) -> str:
    """Sign a challenge for `origin`, which is what the member asked for and not what an answer says. Raises ValueError
    when the broker refuses.
    """
    given = _answered(http.post("/staff/v1/challenges", json={"staff_id": staff_id}))
    statement = sign_in_statement(
        challenge=from_base64url(str(given["challenge"])),
        origin=origin,
        staff_id=staff_id,
        expires_at=datetime.fromisoformat(str(given["expires_at"])),
    )
    proof = {"staff_id": staff_id, "challenge": given["challenge"], "signature": to_base64url(signer.sign(statement))}
    return str(_answered(http.post("/staff/v1/sign-ins", json=proof))["link"])


def _answered(answer: httpx.Response) -> Mapping[str, Any]:
    if answer.status_code == 401:
        raise ValueError("the broker does not accept this key: is the id right, the address the one it has, the clock?")
    if answer.status_code != 201:
        raise ValueError(f"the broker answers {answer.status_code}")
    document = answer.json()
    if not isinstance(document, dict):
        raise ValueError("the broker answers something else")  # noqa: TRY004 - the operator reads one line
    return document


def _read_jwk(raw: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(raw[:_MAX_KEY_FILE])
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise InvalidInput("bad_key", "the file is no JSON Web Key")
    return document


def _document(member: Staff) -> dict[str, Any]:
    return {
        "staff_id": member.staff_id,
        "name": member.name,
        "roles": sorted(member.roles),
        "status": "active" if member.active else "suspended",
        "key": member.key.kid.hex(),
        "added_at": member.added_at.isoformat(),
    }
