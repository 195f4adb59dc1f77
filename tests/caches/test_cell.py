"""Cells are told apart by their bytes alone."""

from __future__ import annotations

from workflow_engine.caches import cell

SERVER = b"0123456789abcdef"


def test_new_permit__nobody_else_holds_it() -> None:
    permits = {cell.new_permit(SERVER) for _ in range(100)}

    assert len(permits) == 100
    assert {len(permit) for permit in permits} == {cell.PERMIT_BYTES} == {34}


def test_value_of__takes_over_incarnation_and_nonce() -> None:
    permit = cell.new_permit(SERVER)

    value = cell.value_of(permit, schema=b"s" * 8, filled_at_ms=1234, payload=b"pay")

    assert value[:2] == b"V\x01"
    assert value[2:34] == permit[2:]
    assert value[34:42] == b"s" * 8
    assert cell.filled_at_ms(value) == 1234
    assert value[cell.PAYLOAD_AT :] == b"pay"


def test_value_of__header_is_small() -> None:
    value = cell.value_of(
        cell.new_permit(SERVER), schema=b"s" * 8, filled_at_ms=2**40, payload=b""
    )

    assert len(value) == cell.PAYLOAD_AT <= 64


def test_is_permit__each_part_counts() -> None:
    permit = cell.new_permit(SERVER)

    assert cell.is_permit(permit, SERVER)
    assert not cell.is_permit(permit, SERVER[::-1])
    assert not cell.is_permit(permit[:-1], SERVER)
    assert not cell.is_permit(permit + b"x", SERVER)
    assert not cell.is_permit(b"P\x02" + permit[2:], SERVER)
    assert not cell.is_permit(b"V\x01" + permit[2:], SERVER)
