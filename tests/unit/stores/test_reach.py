"""Which addresses the broker calls for a partner."""

import ssl

import pytest

from broker.stores.partner_http import CallRefused, PartnerHttp, Reach


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",  # metadata services
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104  an address to refuse, not to listen on
        "255.255.255.255",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "2002:7f00:1::",  # 6to4 of 127.0.0.1
        "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1
        "2001:0:1:2:3:4:5:6",  # Teredo
        "192.0.0.8",  # IPv4 dummy address
        "192.0.0.9",  # Port Control Protocol, which configures the operator's own gateway
        "240.0.0.1",
        "fec0::1",  # site-local, deprecated and still routed
        "::7f00:1",  # IPv4-compatible
        "::808:808",
        "::ffff:0:7f00:1",  # IPv4-translated
        "2606:4700::5efe:7f00:1",  # ISATAP of 127.0.0.1
        "2606:4700::200:5efe:7f00:1",
        "4000::1",  # not unicast yet
        "3fff::1",  # documentation
    ],
)
def test_what_is_not_public_is_out_of_reach(address: str) -> None:
    assert not Reach.of().allows(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_within_reach(address: str) -> None:
    assert Reach.of().allows(address)


def test_an_operator_opens_networks_by_name_and_no_more() -> None:
    reach = Reach.of(["10.20.0.0/16"])
    assert reach.allows("10.20.3.4")
    assert reach.allows("::ffff:10.20.3.4")
    assert not reach.allows("10.21.3.4")
    assert not reach.allows("127.0.0.1")
    sandbox = Reach.of(loopback=True)
    assert sandbox.allows("127.0.0.1")
    assert sandbox.allows("::1")
    assert not sandbox.allows("10.20.3.4")


def test_only_the_web_is_called() -> None:
    with pytest.raises(CallRefused):
        PartnerHttp(ssl.create_default_context(), Reach.of()).get("file:///etc/passwd", accept="*/*")
