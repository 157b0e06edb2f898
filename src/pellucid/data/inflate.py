"""Gzip, inflated in bounded pieces: a file cannot make its reader allocate more than it really holds."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from io import BufferedReader

from pellucid.errors import FileFormatError

GZIP_MAGIC = b"\x1f\x8b"

MAX_RATIO = 1032
"""Deflate spends at least two bits on a copy of at most 258 bytes: 1032 bytes out for one byte in."""

_READ = 1 << 16  # compressed bytes taken from the file at a time
_PIECE = 1 << 18  # inflated bytes at a time; they stay in the cache until they are copied


class Inflater:
    """The content of a file that holds one gzip member, read front to back.

    Its errors begin with `label`, such as "read_idx: labels.gz".
    """

    def __init__(self, file: BufferedReader, label: str) -> None:
        self._file = file
        self._label = label
        self._member = zlib.decompressobj(wbits=31)  # 31: a gzip header and trailer, whose CRC zlib verifies
        self._pending = b""

    def pieces(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes, piece by piece; fewer only where the member ends.

        Raises
        ------
        FileFormatError
            If the stream is damaged, fails its checksum or ends before its trailer.
        """
        while size > 0 and not self._member.eof:
            piece = self._piece(min(size, _PIECE))
            size -= len(piece)
            yield piece

    def read(self, size: int) -> bytes:
        """The next `size` bytes at once, for small sizes; fewer only where the member ends."""
        return b"".join(self.pieces(size))

    def _piece(self, size: int) -> bytes:
        compressed = self._pending or self._file.read(_READ)
        if not compressed:
            raise FileFormatError(
                f"{self._label}: the gzip stream is truncated: the file ends before its checksum. Download it again."
            )
        try:
            piece = self._member.decompress(compressed, size)
        except zlib.error as error:
            raise FileFormatError(f"{self._label}: the gzip stream is damaged ({error}). Download it again.") from error
        self._pending = self._member.unconsumed_tail
        return piece

    def expect_end(self) -> None:
        """Raise FileFormatError unless the member and the file end here."""
        if self.read(1):
            raise FileFormatError(f"{self._label}: bytes follow the data that its header declares. Download it again.")
        if self._member.unused_data or self._file.read(1):
            raise FileFormatError(f"{self._label}: bytes follow the end of the gzip member. Download it again.")


def trailer_size(file: BufferedReader, file_size: int) -> int:
    """The inflated size modulo 2**32, as the last four bytes of a gzip file say it."""
    position = file.tell()
    file.seek(max(0, file_size - 4))
    size = int.from_bytes(file.read(4), "little")
    file.seek(position)
    return size
