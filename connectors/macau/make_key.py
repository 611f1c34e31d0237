"""`python -m connectors.macau.make_key FOLDER`: a new key of our department, and the set to register at the bureau."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey

app = typer.Typer(add_completion=False)


def make_key(folder: Path) -> str:
    """A P-256 key as `KID.pem` (0600) in `folder`, named after its thumbprint (RFC 7638). Returns the kid."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    kid = ECKey.import_key(pem).thumbprint()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{kid}.pem"
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(pem)
    return kid


def public_set(folder: Path) -> dict[str, Any]:
    """The JWK set to register, the newest key first: the one that packets are encrypted to."""
    paths = sorted(folder.glob("*.pem"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    keys = [ECKey.import_key(path.read_bytes(), {"kid": path.stem, "use": "enc"}) for path in paths]
    return {"keys": [key.as_dict(private=False) for key in keys]}


@app.command()
def run(folder: Annotated[Path, typer.Argument(help="The folder named department_keys in the settings.")]) -> None:
    """Make a key and print the set to register. Old keys stay until no packet for them can be on its way."""
    make_key(folder)
    typer.echo(json.dumps(public_set(folder), indent=2))


if __name__ == "__main__":
    app()
