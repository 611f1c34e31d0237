"""Cases of the codecs: CBOR, base45, COSE, the QR text."""

from collections.abc import Iterator
from typing import Any

from broker.wire import base45, cbor
from broker.wire.cbor import Tagged
from broker.wire.qr_payload import PREFIX
from tests.vectors import world as w

CaseJson = dict[str, Any]


def case(name: str, why: str, given: dict[str, Any], *, ok: Any = None, reason: str | None = None) -> CaseJson:
    return {"name": name, "why": why, "input": given, "expect": {"ok": ok} if reason is None else {"reason": reason}}


def cbor_cases() -> Iterator[CaseJson]:
    good = [
        ("00", 0), ("17", 23), ("1818", 24), ("18ff", 255), ("190100", 256), ("1affffffff", 2**32 - 1),
        ("1bffffffffffffffff", 2**64 - 1), ("20", -1), ("3903e7", -1000), ("60", ""), ("62c3bc", "ü"),
        ("83010203", [1, 2, 3]), ("a2016161026162", {"1": "a", "2": "b"}), ("f4", False), ("f5", True), ("f6", None),
        ("f90000", 0.0), ("f93c00", 1.0), ("fa47c35000", 100000.0), ("fb3ff199999999999a", 1.1),
    ]  # fmt: skip
    for raw, value in good:
        yield case(f"read {raw}", "RFC 8949 appendix A, in its deterministic form", {"hex": raw}, ok={"value": value})
    bad = [
        ("empty input", "nothing is not an item", ""),
        ("cut head", "ends inside the argument", "19ff"),
        ("cut string", "a length beyond the input", "44010203"),
        ("huge string", "a length of 2^63 allocates nothing", "5b7fffffffffffffff"),
        ("huge array", "a count of 2^63 allocates nothing", "9b7fffffffffffffff"),
        ("huge map", "a count of 2^63 allocates nothing", "bb7fffffffffffffff"),
        ("trailing byte", "one item fills the input", "0000"),
        ("long integer of 8 bits", "RFC 8949 4.2.1: shortest form", "1817"),
        ("long integer of 16 bits", "RFC 8949 4.2.1: shortest form", "1900ff"),
        ("long integer of 32 bits", "RFC 8949 4.2.1: shortest form", "1a0000ffff"),
        ("long integer of 64 bits", "RFC 8949 4.2.1: shortest form", "1b00000000ffffffff"),
        ("long string length", "RFC 8949 4.2.1: shortest form", "580101"),
        ("long float", "RFC 8949 4.2.2: shortest form that keeps the value", "fa3f800000"),
        ("long double", "RFC 8949 4.2.2: shortest form that keeps the value", "fb3ff0000000000000"),
        ("odd NaN", "one NaN, f97e00", "f97e01"),
        ("indefinite string", "RFC 8949 4.2.1: definite lengths", "5f4101ff"),
        ("indefinite array", "RFC 8949 4.2.1: definite lengths", "9f01ff"),
        ("indefinite map", "RFC 8949 4.2.1: definite lengths", "bf0101ff"),
        ("unsorted keys", "RFC 8949 4.2.1: bytewise order", "a202000100"),
        ("length-first keys", "bytewise order, not RFC 7049's: 100 (1864) sorts before -1 (20)", "a22000186400"),
        ("same key twice", "RFC 8949 5.6", "a201000101"),
        ("byte string as key", "keys are integers or text", "a1410100"),
        ("bool as key", "keys are integers or text", "a1f400"),
        ("undefined", "a simple value without use", "f7"),
        ("simple value 255", "a simple value without use", "f8ff"),
        ("reserved head", "RFC 8949 3: 28 to 30 are reserved", "1c"),
        ("lone break", "a break outside an indefinite item", "ff"),
        ("broken UTF-8", "text is UTF-8", "61ff"),
        ("surrogate in UTF-8", "text is UTF-8", "63eda080"),
        ("nested too deep", "at most 16 levels", "81" * 16 + "00"),
    ]  # fmt: skip
    for name, why, raw in bad:
        yield case(name, why, {"hex": raw}, reason="malformed_cbor")


def base45_cases() -> Iterator[CaseJson]:
    for text, raw in (
        ("BB8", b"AB"), ("%69 VD92EX0", b"Hello!!"), ("UJCLQE7W581", b"base-45"), ("QED8WEX0", b"ietf!"),
        ("", b""), ("00", b"\0"), ("U5", b"\xff"), ("FGW", b"\xff\xff"),
    ):  # fmt: skip
        yield case(f"read {text or 'nothing'}", "RFC 9285 4.3 and its edges", {"text": text}, ok={"hex": raw.hex()})
    for name, why, text in (
        ("group of 65536", "RFC 9285 4.2: three characters above FFFF", "GGW"),
        ("greatest group", "RFC 9285 4.2: three characters above FFFF", ":::"),
        ("last group of 256", "two characters above FF", "V5"),
        ("one character", "no whole byte", "B"),
        ("four characters", "no whole byte", "BB8B"),
        ("lower case", "the alphabet has capitals only", "bb8"),
        ("full-width digits", "digits of other scripts are not digits here", "００"),
        ("line end", "the alphabet has no line end", "BB8\n00"),
        ("equals sign", "the alphabet has no equals sign", "BB="),
    ):
        yield case(name, why, {"text": text}, reason="malformed_base45")


def cose_cases() -> Iterator[CaseJson]:
    key = w.PASS_ED
    payload = b"This is the content."
    good = w.sign1(payload, key)
    for signer, label in ((w.PASS_ED, "EdDSA"), (w.PASS_ES, "ES256")):
        keyed = {"key": signer.public.to_cose_key().hex(), "external_aad": "", "profile": "strict"}
        ok = {"payload": payload.hex()}
        message = w.sign1(payload, signer)
        yield case(f"{label} strict", "the profile of every format here", keyed | {"hex": message.hex()}, ok=ok)
        aad = keyed | {"external_aad": "11aa22bb"}
        bound = w.sign1(payload, signer, external_aad=bytes.fromhex("11aa22bb"))
        yield case(f"{label} with external data", "RFC 9052 4.3", aad | {"hex": bound.hex()}, ok=ok)
        yield case(
            f"{label} without its external data", "the data are signed", keyed | {"hex": bound.hex()},
            reason="bad_signature",
        )  # fmt: skip
        general = keyed | {"profile": "general"}
        untagged = w.sign1(payload, signer, tag=None)
        yield case(f"{label} untagged", "RFC 9052 2 allows it", general | {"hex": untagged.hex()}, ok=ok)
        bare = {1: int(signer.alg), 4: signer.kid}
        loose = w.sign1(payload, signer, protected=b"", unprotected=bare)
        yield case(f"{label} nothing protected", "RFC 9052 3 allows it", general | {"hex": loose.hex()}, ok=ok)
        signature = signer.sign(_empty_structure(payload))
        empty = cbor.encode(Tagged(18, [b"\xa0", bare, payload, signature]))
        yield case(
            f"{label} empty protected map", "RFC 9052 4.4: signed as if absent", general | {"hex": empty.hex()}, ok=ok
        )
    keyed = {"key": key.public.to_cose_key().hex(), "external_aad": "", "profile": "strict"}
    array = cbor.decode(good).value
    general = keyed | {"profile": "general"}
    for name, why, given, raw, reason in (
        ("altered payload", "one bit", keyed, w.flipped(good, 30), "bad_signature"),
        ("altered signature", "one bit", keyed, w.flipped(good, -1), "bad_signature"),
        ("untagged in the strict profile", "one encoding", keyed, w.sign1(payload, tag=None), "malformed_cose"),
        ("wrong tag", "COSE_Mac0", keyed, w.sign1(payload, tag=17), "malformed_cose"),
        ("wrong tag, general", "COSE_Mac0", general, w.sign1(payload, tag=17), "malformed_cose"),
        ("two tags", "CWT tag outside", keyed, cbor.encode(Tagged(61, Tagged(18, array))), "malformed_cose"),
        ("unprotected header", "nothing rides unsigned", keyed, w.sign1(payload, unprotected={5: 1}), "malformed_cose"),
        ("no kid", "the key is named", keyed, w.sign1(payload, protected={1: -8}), "malformed_cose"),
        ("short kid", "eight bytes", keyed, w.sign1(payload, protected={1: -8, 4: b"kid"}), "malformed_cose"),
        ("no alg", "alg is signed", keyed, w.sign1(payload, protected={4: key.kid}), "malformed_cose"),
        ("foreign alg", "ES384", keyed, w.sign1(payload, protected={1: -35, 4: key.kid}), "malformed_cose"),
        ("alg as float", "-8.0 is not -8", keyed, w.sign1(payload, protected={1: -8.0, 4: key.kid}), "malformed_cose"),
        ("alg as array", "not a number", keyed, w.sign1(payload, protected={1: [-8], 4: key.kid}), "malformed_cose"),
        ("alg of another key type", "alg is the key's", keyed, w.sign1(payload, protected={1: -7, 4: key.kid}),
         "bad_signature"),
        ("alg of another key type, general", "alg is the key's", general,
         w.sign1(payload, protected={1: -7, 4: key.kid}), "bad_signature"),
        ("extra header", "only this format's", keyed, w.sign1(payload, protected={1: -8, 3: 60, 4: key.kid}),
         "malformed_cose"),
        ("critical header, general", "RFC 9052 3.1", general, w.sign1(payload, protected={1: -8, 2: [99], 99: 0}),
         "malformed_cose"),
        ("header in both buckets", "RFC 9052 3", general, w.sign1(payload, unprotected={1: -8}), "malformed_cose"),
        ("protected not a map", "RFC 9052 3", keyed, w.sign1(payload, protected=cbor.encode([1])), "malformed_cose"),
        ("protected not deterministic", "one encoding", keyed, w.sign1(payload, protected=bytes.fromhex("a1013807")),
         "malformed_cbor"),
        ("three elements", "RFC 9052 4.2", keyed, cbor.encode(Tagged(18, array[:3])), "malformed_cose"),
        ("five elements", "RFC 9052 4.2", keyed, cbor.encode(Tagged(18, [*array, 0])), "malformed_cose"),
        ("detached payload", "not used here", keyed, cbor.encode(Tagged(18, [*array[:2], None, array[3]])),
         "malformed_cose"),
        ("short signature", "64 bytes", keyed, cbor.encode(Tagged(18, [*array[:3], array[3][:63]])), "malformed_cose"),
    ):  # fmt: skip
        yield case(name, why, given | {"hex": raw.hex()}, reason=reason)


def _empty_structure(payload: bytes) -> bytes:
    return cbor.encode(["Signature1", b"", b"", payload])


def qr_cases() -> Iterator[CaseJson]:
    for name, code in (("online", w.qr()), ("offline", w.qr(w.OFFLINE))):
        sealed = None if code.sealed_template is None else code.sealed_template.hex()
        ok = {
            "pass": code.pass_bytes.hex(),
            "counter": code.counter,
            "proof": code.proof.hex(),
            "sealed_template": sealed,
        }
        yield case(f"{name} code", "what a wallet shows", {"text": code.to_text()}, ok=ok)
    code = w.qr()
    text = code.to_text()
    parts = [code.pass_bytes, code.counter, code.proof]
    for name, why, bad, reason in (
        ("empty text", "no prefix", "", "malformed_qr"),
        ("a web address", "no prefix", "HTTPS://EXAMPLE.COM", "malformed_qr"),
        ("lower-case prefix", "TG1: only", text.replace("TG1:", "tg1:"), "malformed_qr"),
        ("another version", "TG2: is not this format", text.replace("TG1:", "TG2:"), "malformed_qr"),
        ("space in front", "nothing is trimmed", " " + text, "malformed_qr"),
        ("too long", "beyond 1024 characters", PREFIX + "0" * 1022, "malformed_qr"),
        ("prefix alone", "no CBOR item", PREFIX, "malformed_cbor"),
        ("foreign character", "base45", text[:50] + "_" + text[51:], "malformed_base45"),
        ("lower-case character", "base45", text[:-1] + "a", "malformed_base45"),
        ("group too large", "base45", PREFIX + ":::" + text[7:], "malformed_base45"),
        ("cut text", "the last group is gone", text[:-2], "malformed_cbor"),
        ("added bytes", "left over", PREFIX + base45.encode(cbor.encode(parts) + b"\0"), "malformed_cbor"),
        ("two parts", "pass, counter, proof", _text(parts[:2]), "malformed_qr"),
        ("five parts", "pass, counter, proof, sealed", _text([*parts, b"", b""]), "malformed_qr"),
        ("a map", "not an array", _text({1: code.pass_bytes}), "malformed_qr"),
        ("counter as text", "types", _text([parts[0], "1", parts[2]]), "malformed_qr"),
        ("counter true", "types", _text([parts[0], True, parts[2]]), "malformed_qr"),
        ("negative counter", "bounds", _text([parts[0], -1, parts[2]]), "malformed_qr"),
        ("counter beyond the calendar", "bounds", _text([parts[0], 2**33, parts[2]]), "malformed_qr"),
        ("short proof", "64 bytes", _text([*parts[:2], parts[2][:63]]), "malformed_qr"),
        ("null template", "absent, not null", _text([*parts, None]), "malformed_qr"),
    ):
        yield case(name, why, {"text": bad}, reason=reason)


def _text(value: Any) -> str:
    return PREFIX + base45.encode(cbor.encode(value))
