"""Addresses: which are public, and what is done with those of a name."""

from ipaddress import ip_address

import pytest
from pytest_django import Settings

from tests.actions.conftest import KnownNames
from workflow_engine.actions.addresses import (
    SystemResolver,
    checked_addresses,
    is_public,
)
from workflow_engine.exceptions import BlockedAddress, EndpointFailed


@pytest.mark.parametrize(
    "text",
    [
        "8.8.8.8",
        "1.1.1.1",
        "172.32.0.1",
        "2606:4700:4700::1111",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
    ],
)
def test_is_public__public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",  # noqa: S104 - asked about, not listened at
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.8.8.8",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:100.64.0.1",
        "::ffff:224.0.0.1",
        "::ffff:0:8.8.8.8",
        "64:ff9b::10.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b:1::8.8.8.8",
        "2002:7f00:1::1",
        "2002:a00:1::1",
        "2002:c0a8:101::",
    ],
)
def test_is_public__not(text: str) -> None:
    assert not is_public(ip_address(text))


def test_checked_addresses__one_that_is_not_public_blocks_all(
    settings: Settings,
) -> None:
    settings.WORKFLOW_ENGINE = {}
    names = KnownNames({"example.com": ["8.8.8.8", "2606:4700::1111", "10.0.0.1"]})

    with pytest.raises(BlockedAddress) as refused:
        checked_addresses("example.com", 443, names, 1)

    assert str(refused.value).startswith("blocked_address: example.com is 10.0.0.1,")


def test_checked_addresses__all_public(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {}
    names = KnownNames({"example.com": ["8.8.8.8", "2606:4700::1111"]})

    found = checked_addresses("example.com", 443, names, 1)

    assert found == ("8.8.8.8", "2606:4700::1111")


def test_checked_addresses__none() -> None:
    names = KnownNames({"example.com": []})

    with pytest.raises(EndpointFailed):
        checked_addresses("example.com", 443, names, 1)


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "017700000001"])
def test_checked_addresses__numbers_that_mean_this_machine(
    settings: Settings, host: str
) -> None:
    settings.WORKFLOW_ENGINE = {}

    with pytest.raises(BlockedAddress):
        checked_addresses(host, 443, SystemResolver(), 5)


def test_system_resolver__this_machine() -> None:
    assert "127.0.0.1" in SystemResolver().resolve("localhost", 443, 5)


def test_system_resolver__name_that_cannot_be() -> None:
    with pytest.raises(OSError, match="label"):
        SystemResolver().resolve("x" * 64, 443, 5)
