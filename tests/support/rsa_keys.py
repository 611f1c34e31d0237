"""RSA keys take a third of a second each to make: one for a whole run of tests."""

from functools import cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from broker.stores.token_key_files import make_rsa


@cache
def rsa_private_key() -> RSAPrivateKey:
    """3072 bits."""
    return make_rsa()
