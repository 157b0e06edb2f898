"""The chunks of a PNG file: Pillow does not compare the checksums of those that hold the pixels, so it is done here.

89 50 4E 47 0D 0A 1A 0A, then chunks: a length of 4 bytes, a type of 4 bytes, so many bytes, and the CRC-32 of both
"""

from __future__ import annotations

import os
import zlib
from io import BufferedReader

from pellucid.errors import FileFormatError
from pellucid.pictures.png import SIGNATURE

_PIECE = 1 << 20  # bytes read at a time


def expect_sound(file: BufferedReader, label: str) -> None:
    """Raise FileFormatError unless every chunk to the last has its checksum; `file` is put back to its begin."""
    left = os.fstat(file.fileno()).st_size - len(SIGNATURE)
    file.seek(len(SIGNATURE))
    kind = b""
    while kind != b"IEND":
        head = file.read(8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        left -= 12 + length
        if left < 0:
            raise FileFormatError(f"{label}: the picture is cut short. Save or download it again.")
        crc = zlib.crc32(kind)
        for start in range(0, length, _PIECE):
            crc = zlib.crc32(file.read(min(_PIECE, length - start)), crc)
        if file.read(4) != crc.to_bytes(4, "big"):
            raise FileFormatError(f"{label}: the picture is damaged: a checksum differs. Save or download it again.")
    file.seek(0)
