"""Writes specs/vectors/ctid.json: an exchange with the mock, byte for byte, and what was inside.

`python -m tests.vectors.record_ctid`. SM2 signs and encrypts with fresh randomness, so every run writes another file:
the tests verify what is recorded, and record nothing.
"""

import json
import os
from base64 import b64decode
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives.hashes import SM3, Hash

from connectors.ctid import package, retain
from connectors.ctid.modes import AuthMode
from connectors.mock_idps.ctid.keys import CLIENT_ENCRYPT, CLIENT_SIGN, PLATFORM, Pair
from connectors.sm import enveloped_data, signed_data
from connectors.sm.enveloped_data import ContentCipher
from tests.support.ctid_world import NOW, WANG, CtidWorld, ctid_world, portrait
from tests.vectors.loader import DIRECTORY

IDENTITY = {"xM": "王示例", "gMSFZHM": "990001198504123015", "yXQQSRQ": "20200101", "yXQJZRQ": "20400101"}


def document(world: CtidWorld) -> dict[str, Any]:
    """Every key in it is invented and was made for this file."""
    pairs = {name: Pair.read(world.keys, name) for name in (PLATFORM, CLIENT_SIGN, CLIENT_ENCRYPT)}
    return {
        "format": "tongguan/vectors/v1",
        "layer": "ctid",
        "common": {
            "at": NOW.isoformat().replace("+00:00", "Z"),
            "distid": "1234567812345678",
            "keys": {
                name: {
                    "secret": pair.key.secret.hex(),
                    "point": pair.key.public_key.sec1.hex(),
                    "certificate": pair.certificate.der.hex(),
                }
                for name, pair in pairs.items()
            },
        },
        "signatures": [_signature(pairs[CLIENT_SIGN], message) for message in (b"", b"message digest", b"\x00" * 1000)],
        "ciphertexts": [_ciphertext(pairs[CLIENT_ENCRYPT], text) for text in (bytes(range(16)), b"k" * 32)],
        "signed_data": [_signed(pairs[PLATFORM], attached) for attached in (False, True)],
        "envelopes": [_envelope(pairs[CLIENT_ENCRYPT], cipher) for cipher in ContentCipher],
        "exchanges": _exchanges(world),
    }


def _signature(pair: Pair, message: bytes) -> dict[str, str]:
    return {"key": CLIENT_SIGN, "message": message.hex(), "sm3": _sm3(message), "der": pair.key.sign(message).hex()}


def _ciphertext(pair: Pair, plaintext: bytes) -> dict[str, str]:
    return {
        "key": CLIENT_ENCRYPT,
        "plaintext": plaintext.hex(),
        "der": pair.certificate.public_key.encrypt(plaintext).hex(),
    }


def _signed(pair: Pair, attached: bool) -> dict[str, Any]:
    content = '{"success":true,"errorDesc":"通过"}'.encode()
    der = signed_data.sign(content, key=pair.key, certificate=pair.certificate, attached=attached)
    return {"signer": PLATFORM, "attached": attached, "content": content.hex(), "der": der.hex()}


def _envelope(pair: Pair, cipher: ContentCipher) -> dict[str, str]:
    plaintext = retain.write(identity=IDENTITY, photo=portrait(WANG))
    der = enveloped_data.seal(plaintext, recipient=pair.certificate, entropy=os.urandom, cipher=cipher)
    return {"recipient": CLIENT_ENCRYPT, "cipher": cipher.value, "plaintext": plaintext.hex(), "der": der.hex()}


def _exchanges(world: CtidWorld) -> list[dict[str, Any]]:
    """A login by the app, then name, number and face: every request and answer to the platform."""
    recorded: list[dict[str, Any]] = []
    begun = world.begin()
    callback = world.answer(begun, WANG)
    seen = len(world.spoiler.asked)
    kept: list[bytes] = []
    for path in ("/ctid/api/v1/request", "/ctid/api/v1/authentication"):
        world.spoiler.answers[path] = lambda response: (kept.append(response.read()), response)[1]
    world.finish(begun, callback)
    service = world.connector.service
    applied = service.apply(AuthMode.NAME_NUMBER_FACE, at=world.at)
    plaintext = retain.write(identity={name: IDENTITY[name] for name in ("xM", "gMSFZHM")})
    service.authenticate(applied, at=world.at, retained=plaintext, photo=portrait(WANG))
    for request, answer in zip(world.spoiler.asked[seen:], kept, strict=True):
        recorded.append(
            {
                "path": request.url.path,
                "content_type": request.headers["content-type"],
                "request": request.content.decode(),
                "answer": answer.decode(),
            }
        )
    fields = package.read(kept[1]).fields
    opened = service.caller.keys.unseal(b64decode(fields["authResultRetainData"]))
    return [
        {"app": begun.url, "memory": begun.memory.decode(), "callback": callback, "retained": opened.decode()},
        *recorded,
    ]


def _sm3(message: bytes) -> str:
    hasher = Hash(SM3())
    hasher.update(message)
    return hasher.finalize().hex()


def main() -> None:
    with TemporaryDirectory() as folder, ctid_world(Path(folder)) as world:
        text = json.dumps(document(world), indent=1, ensure_ascii=True) + "\n"
    (DIRECTORY / "ctid.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
