import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_engine.caches.stores.redis.packing import pack, pack_all, pack_plainly

commands = st.lists(st.binary(), min_size=1).map(tuple)


@given(commands)
def test_pack_plainly__same_bytes_as_in_c(command: tuple[bytes, ...]) -> None:
    pytest.importorskip("hiredis")

    assert pack_plainly(command) == pack(command)


def test_pack_all__one_after_the_other() -> None:
    assert pack_all([(b"GET", b""), (b"PING",)]) == (
        b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n*1\r\n$4\r\nPING\r\n"
    )
