"""A gzip file that several processes write, one after the other."""

from __future__ import annotations

import gzip
import random
import zlib

from hypothesis import given
from hypothesis import strategies as st

from tollgate.stages.gzip_stream import GzipStream


@given(st.lists(st.tuples(st.text(), st.booleans()), max_size=8))
def test_what_processes_write_one_after_the_other_is_one_file(written: list[tuple[str, bool]]) -> None:
    """Wherever one hands over to the next, readers find one member with everything in it."""
    stream, file, sent = GzipStream(), bytearray(), b""
    for text, hands_over in [("head", False), *written]:
        file += stream.write(text.encode())
        sent += text.encode()
        if hands_over:
            file += stream.pause()
            stream = GzipStream(checksum=stream.checksum, length=stream.length)
    file += stream.end()
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert unpacker.decompress(bytes(file)) == sent == gzip.decompress(bytes(file))
    assert (unpacker.eof, unpacker.unused_data) == (True, b"")


def test_a_pause_in_one_process_is_as_a_hand_over() -> None:
    """Two processes that read the same write the same bytes: their parts can stand for each other."""
    first, second = (random.Random(seed).randbytes(40_000).hex().encode() for seed in (1, 2))
    one = GzipStream()
    going_on = one.write(first) + one.pause() + one.write(second) + one.end()
    other = GzipStream()
    handed = other.write(first) + other.pause()
    other = GzipStream(checksum=other.checksum, length=other.length)
    assert handed + other.write(second) + other.end() == going_on
