"""Codec: an answer as bytes, and the schema that says who can read them; pure.

msgspec's MessagePack of plain data. The schema is a hash over everything the meaning of a
payload depends on: the type tree, this codec, and what else its access names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

from workflow_engine.caches.cell import SCHEMA_BYTES

V = TypeVar("V")

VERSION: Final = 1

#: MessagePack's sign for an array whose length follows in four bytes.
ARRAY: Final = b"\xdd"


class Codec(Generic[V]):
    """Encodes and decodes answers of one type."""

    def __init__(self, value_type: Any, also: Callable[[], str]) -> None:
        """Take the type, and what else a value depends on beside rows, as text."""
        encoder = msgspec.msgpack.Encoder()
        decoder = msgspec.msgpack.Decoder(value_type)
        self.encode: Callable[[V], bytes] = encoder.encode
        self._decode_all = msgspec.msgpack.Decoder(list[value_type]).decode
        #: Raises msgspec.MsgspecError, or ValueError, for what is no answer.
        self.decode: Callable[[bytes], V] = decoder.decode
        self._tree = repr(msgspec.inspect.type_info(value_type))
        self._also = also
        self._known: tuple[str, bytes] = ("", self._hash(""))

    def decode_many(self, payloads: Sequence[bytes]) -> list[V]:
        """Return the answers of payloads, in one go; raises as `decode` does for any of them."""
        head = ARRAY + len(payloads).to_bytes(4, "big")
        answers: list[V] = self._decode_all(head + b"".join(payloads))
        return answers

    @property
    def schema(self) -> bytes:
        """The schema in force, 8 bytes."""
        also = self._also()
        known, schema = self._known
        if also != known:
            schema = self._hash(also)
            self._known = (also, schema)
        return schema

    def _hash(self, also: str) -> bytes:
        text = f"{VERSION}\n{self._tree}\n{also}"
        return hashlib.sha256(text.encode()).digest()[:SCHEMA_BYTES]
