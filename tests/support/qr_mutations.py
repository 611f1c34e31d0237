"""Damaging travel codes at every layer: what a forger with a real code in hand could show a gate."""

import random
from collections.abc import Callable
from typing import Any

from broker.wire import base45, cbor, cose, device_proof
from broker.wire.cbor import Tagged
from broker.wire.qr_payload import PREFIX, TravelQr
from broker.wire.registry import Tag
from tests.vectors import world as w

Mutation = Callable[[random.Random, TravelQr, TravelQr], str]
NUMBERS = (0, 1, -1, 23, 24, 255, 256, 65535, 65536, 2**31, 2**32 - 1, 2**32, 2**33, 2**63, 2**64 - 1, -(2**64))
ODD_TEXT = ("", "HK-SZB", "CN-SZB", "\0", "A" * 300, "口岸", "HK-SZB\n", "hk-szb")


def any_value(rng: random.Random, depth: int = 3) -> Any:
    """Return any value the codec can carry."""
    match rng.randrange(9 if depth else 6):
        case 0:
            return rng.choice(NUMBERS)
        case 1:
            return rng.randbytes(rng.choice((0, 1, 8, 16, 31, 32, 33, 64, 200)))
        case 2:
            return rng.choice(ODD_TEXT)
        case 3:
            return rng.choice((True, False, None))
        case 4:
            return rng.choice((0.0, 1.5, -8.0, float("inf"), float("nan"), 1e300, 1_772_352_000.0))
        case 5:
            return rng.randrange(-(2**16), 2**32)
        case 6:
            return [any_value(rng, depth - 1) for _ in range(rng.randrange(5))]
        case 7:
            return {rng.choice((1, 3, 4, -1, "bits", -65537, 99)): any_value(rng, depth - 1) for _ in range(3)}
        case _:
            return Tagged(rng.choice((0, 1, 2, 16, 17, 18, 28, 35, 61, 55799)), any_value(rng, depth - 1))


def damage(rng: random.Random, value: Any) -> Any:
    """Return `value` with one change somewhere in its tree."""
    if isinstance(value, list) and value and rng.random() < 0.9:
        index = rng.randrange(len(value))
        match rng.randrange(6):
            case 0:
                return value[:index] + value[index + 1 :]
            case 1:
                return [*value[:index], any_value(rng), *value[index:]]
            case 2:
                return [*value[:index], value[index], *value[index:]]
            case 3:
                return rng.sample(value, len(value))
            case _:
                return [*value[:index], damage(rng, value[index]), *value[index + 1 :]]
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        match rng.randrange(5):
            case 0:
                return {label: entry for label, entry in value.items() if label != key}
            case 1:
                return {**value, rng.choice((1, 2, 9, -70000, "x", 5)): any_value(rng)}
            case 2:
                other = rng.choice(list(value))
                return {**value, key: value[other], other: value[key]}
            case _:
                return {**value, key: damage(rng, value[key])}
    if isinstance(value, Tagged) and rng.random() < 0.9:
        if rng.random() < 0.3:
            return Tagged(rng.choice((16, 17, 18, 61, 98)), value.value)
        return Tagged(value.tag, damage(rng, value.value))
    if isinstance(value, bytes) and value and rng.random() < 0.8:
        return damage_bytes(rng, value)
    if isinstance(value, int) and not isinstance(value, bool) and rng.random() < 0.7:
        return max(-(2**64), min(2**64 - 1, value + rng.choice((-3600, -15, -1, 1, 15, 3600, 1 << 20))))
    return any_value(rng)


def damage_bytes(rng: random.Random, raw: bytes) -> bytes:
    """Return `raw` with bits flipped, bytes changed, cut, doubled or added."""
    out = bytearray(raw)
    where = rng.randrange(len(out)) if out else 0
    match rng.randrange(7) if out else 6:
        case 0:
            out[where] ^= 1 << rng.randrange(8)
        case 1:
            out[where] = rng.randrange(256)
        case 2:
            del out[where:]
        case 3:
            del out[where : where + rng.randrange(1, 9)]
        case 4:
            out[where:where] = out[where : where + rng.randrange(1, 9)]
        case 5:
            for _ in range(rng.randrange(2, 9)):
                out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
        case _:
            out[where:where] = rng.randbytes(rng.randrange(1, 5))
    return bytes(out)


def loose_encoding(rng: random.Random, raw: bytes) -> bytes:
    """Return the same item with one short head written the long way, or its end left open."""
    where = rng.randrange(len(raw))
    head = raw[where]
    if head & 31 < 24:
        return raw[:where] + bytes([head | 24, head & 31]) + raw[where + 1 :]
    return raw[:where] + bytes([head | 31]) + raw[where + 1 :] + b"\xff"


# --- one function a layer: (randomness, the code, another good code) -> text ---------------------------------------


def in_text(rng: random.Random, code: TravelQr, other: TravelQr) -> str:
    text, second = code.to_text(), other.to_text()
    where = rng.randrange(len(text))
    letter = rng.choice((rng.choice(base45.ALPHABET), chr(rng.randrange(128)), chr(rng.randrange(0x110000))))
    match rng.randrange(9):
        case 0:
            return text[:where] + letter + text[where + 1 :]
        case 1:
            return text[:where] + text[where + 1 :]
        case 2:
            return text[:where] + letter + text[where:]
        case 3:
            return text[:where]
        case 4:
            return text[:where] + second[where:]
        case 5:
            return text[:where] + text[where : where + 20].lower() + text[where + 20 :]
        case 6:
            return text + rng.choice((" ", "\n", "0", "00", "000", text))
        case 7:
            return text[:where] + text[where + 1 : where + 2] + text[where : where + 1] + text[where + 2 :]
        case _:
            return rng.choice(("", "TG1", "TG2:", "tg1:", "HC1:", " TG1:")) + text[4:]


def in_base45(rng: random.Random, code: TravelQr, other: TravelQr) -> str:
    return PREFIX + base45.encode(damage_bytes(rng, _bytes(code)))


def in_cbor(rng: random.Random, code: TravelQr, other: TravelQr) -> str:
    if rng.random() < 0.3:
        return PREFIX + base45.encode(loose_encoding(rng, _bytes(code)))
    return _text(damage(rng, _parts(code)))


def in_parts(rng: random.Random, code: TravelQr, other: TravelQr) -> str:
    """Swap whole parts between two good codes."""
    mine, theirs = _parts(code), _parts(other)
    mixed = [rng.choice(pair) for pair in zip(mine, theirs, strict=False)]
    longer = max(mine, theirs, key=len)
    return _text(mixed + (longer[len(mixed) :] if rng.random() < 0.5 else []))


def in_cose(rng: random.Random, code: TravelQr, other: TravelQr) -> str:
    message = cbor.decode(code.pass_bytes)
    parts = list(message.value)
    if rng.random() < 0.4:
        parts[0] = cbor.encode(damage(rng, cbor.decode(parts[0])))
    if rng.random() < 0.3:
        parts[1] = {rng.choice((1, 4, 33)): any_value(rng)}
    if rng.random() < 0.3:
        parts[3] = damage_bytes(rng, parts[3])
    if rng.random() < 0.2:
        parts = damage(rng, parts)
    if rng.random() < 0.2:
        parts = cbor.decode(other.pass_bytes).value
    raw = cbor.encode(Tagged(rng.choice((Tag.SIGN1, Tag.SIGN1, 17, 98)), parts))
    return _proved(rng, code, loose_encoding(rng, raw) if rng.random() < 0.2 else raw)


def in_claims(rng: random.Random, code: TravelQr, other: TravelQr) -> str:
    """Change the claims and sign them with a key of one's own, under the true kid or not."""
    protected, _, payload, signature = cbor.decode(code.pass_bytes).value
    claims = damage(rng, cbor.decode(payload))
    raw_claims = cbor.encode(claims)
    forger = rng.choice((w.STRANGER, w.PASS_RETIRED, w.STATUS, w.GATE_ED))
    header = protected if rng.random() < 0.7 else cbor.encode({1: int(forger.alg), 4: forger.kid})
    if rng.random() < 0.7:
        signature = forger.sign(cose.signed_bytes(header, raw_claims))
    return _proved(rng, code, cbor.encode(Tagged(Tag.SIGN1, [header, {}, raw_claims, signature])))


def in_proof(rng: random.Random, code: TravelQr, other: TravelQr) -> str:
    match rng.randrange(4):
        case 0:
            key, counter = w.OTHER_DEVICE, code.counter
        case 1:
            key, counter = w.DEVICE, code.counter + rng.choice((-2, 2, 5, -5, 1000, -1000))
        case 2:
            return _text([code.pass_bytes, code.counter + rng.choice((-1, 1)), *_parts(code)[2:]])
        case _:
            return _text([*_parts(code)[:2], damage_bytes(rng, code.proof), *_parts(code)[3:]])
    return _text([code.pass_bytes, counter, device_proof.sign(key, code.pass_bytes, counter), *_parts(code)[3:]])


def in_template(rng: random.Random, code: TravelQr, other: TravelQr) -> str:
    """Damage what no signature of the pass covers: the sealed template."""
    if code.sealed_template is None:
        return _text([*_parts(code), other.sealed_template or rng.randbytes(rng.randrange(300))])
    protected, unprotected, ciphertext = cbor.decode(code.sealed_template).value
    match rng.randrange(4):
        case 0:
            sealed = damage_bytes(rng, code.sealed_template)
        case 1:
            sealed = cbor.encode(Tagged(16, damage(rng, [protected, unprotected, ciphertext])))
        case 2:
            header = cbor.encode(damage(rng, cbor.decode(protected)))
            sealed = cbor.encode(Tagged(16, [header, unprotected, ciphertext]))
        case _:
            sealed = loose_encoding(rng, code.sealed_template)
    return _text([*_parts(code)[:3], sealed])


MUTATIONS: tuple[Mutation, ...] = (
    in_text,
    in_base45,
    in_cbor,
    in_parts,
    in_cose,
    in_claims,
    in_proof,
    in_template,
)


def signed_by_the_issuer(rng: random.Random) -> tuple[bytes, bytes]:
    """Return (pass, claims bytes): claims that make no sense, signed by a real pass key nevertheless."""
    claims = w.claims_map(rng.choice((w.ONLINE, w.OFFLINE)))
    for _ in range(rng.randrange(1, 3)):
        claims = damage(rng, claims)
    raw = cbor.encode(claims)
    if rng.random() < 0.1:
        raw = damage_bytes(rng, raw)
    return w.sign1(raw, rng.choice((w.PASS_ED, w.PASS_ES))), raw


def _parts(code: TravelQr) -> list[Any]:
    parts: list[Any] = [code.pass_bytes, code.counter, code.proof]
    return parts if code.sealed_template is None else [*parts, code.sealed_template]


def _bytes(code: TravelQr) -> bytes:
    return cbor.encode(_parts(code))


def _text(value: Any) -> str:
    return PREFIX + base45.encode(cbor.encode(value))


def _proved(rng: random.Random, code: TravelQr, raw: bytes) -> str:
    """Put `raw` in the pass's place, with its old proof or with a proof that is right for the new bytes."""
    proof = device_proof.sign(w.DEVICE, raw, code.counter) if rng.random() < 0.5 else code.proof
    return _text([raw, code.counter, proof, *_parts(code)[3:]])
