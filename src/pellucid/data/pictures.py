"""Picture files as arrays: one way, whatever the file holds.

Grey of 8 or 16 bits, colour, palettes, one bit, CMYK and transparency all become numbers from 0 (black) to 1 (white).
A picture that a camera turned is turned back; what is transparent is white paper; of several frames the first counts.
"""

from __future__ import annotations

import math
import os
import warnings
from typing import Any, NamedTuple

import numpy as np

from pellucid import checks
from pellucid.data.png_chunks import expect_sound
from pellucid.errors import FileFormatError
from pellucid.pictures.png import SIGNATURE
from pellucid.typing import Array

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
"""What is opened, whatever a file is called. Other readers of Pillow are not needed, and some run programs."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")

MAX_PIXELS = 25_000_000
"""A picture that declares more is refused before it is decoded; a JPEG is decoded at a half or less of its size."""


class Picture(NamedTuple):
    """Pixels (H, W, C) from 0 to 1, and what there is to say about how they came about."""

    pixels: Array
    notes: tuple[str, ...] = ()


def read_picture(path: str | os.PathLike[str], channels: int, paper: str = "white") -> Picture:
    """Return a picture file as float32 (H, W, 1), grey, or (H, W, 3), colours; what is transparent shows the paper.

    Raises
    ------
    DataError
        If there is no such file, or it cannot be opened.
    FileFormatError
        If it is no picture of a known kind, is damaged, cut short or too large, or its white is not known.
    """
    label = os.fspath(path)
    pil = checks.require("PIL.Image", "Reading pictures", "images")
    with checks.open_file("picture", path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes, which are looked at here, and of odd metadata
        if not file.peek(1):
            raise FileFormatError(f"{label}: the file is empty. Save or download the picture again.")
        start = file.peek(25)[:25]
        if start[:8] == SIGNATURE:
            expect_sound(file, label)
        try:
            with pil.open(file, formats=FORMATS) as picture:
                return _pixels(picture, channels, label, paper, start)
        except FileFormatError:
            raise
        except pil.DecompressionBombError:
            raise FileFormatError(f"{label}: has too many pixels, at most {MAX_PIXELS:,}. Scale it down.") from None
        except Exception as error:  # a damaged picture meets Pillow in many ways, MemoryError too
            raise FileFormatError(f"{label}: not a picture that can be read ({_reason(error)}).") from error


def _reason(error: Exception) -> str:
    if type(error).__name__ == "UnidentifiedImageError":
        return f"none of {', '.join(FORMATS)}; save it as PNG"
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _pixels(picture: Any, channels: int, label: str, paper: str, start: bytes) -> Picture:
    from PIL import ImageOps

    notes: tuple[str, ...] = ()
    if picture.format in ("JPEG", "MPO") and picture.width * picture.height > MAX_PIXELS:
        shrink, whole = math.ceil(math.sqrt(picture.width * picture.height / MAX_PIXELS)), picture.size
        shrink = 1 << (shrink - 1).bit_length()  # by a half, a quarter or an eighth, as its transform lets
        picture.draft(None, (whole[0] // shrink, whole[1] // shrink))
        notes = (f"decoded as {picture.width} x {picture.height} of its {whole[0]} x {whole[1]} pixels",)
    if not 0 < picture.width * picture.height <= MAX_PIXELS:
        raise FileFormatError(
            f"{label}: {picture.width} x {picture.height} pixels; there must be at least 1 and at most {MAX_PIXELS:,}."
        )
    if getattr(picture, "is_animated", False) and picture.format != "MPO":  # cameras put a preview beside
        notes = (*notes, "the first of its frames")
    numbers = _numbers(ImageOps.exif_transpose(picture), _coding(picture, start), label, paper)
    if numbers.ndim == 2:
        numbers = numbers[..., None]
    if channels == 1 and numbers.shape[2] == 3:  # the luma of ITU-R 601
        numbers = numbers @ np.array([[0.299], [0.587], [0.114]], np.float32)
    return Picture(np.repeat(numbers, channels // numbers.shape[2], axis=2), notes)


class _Coding(NamedTuple):
    """What a file says of its numbers, and Pillow does not heed throughout: bits of each, signs, whether 0 is white."""

    form: str
    bits: int = 16
    signed: bool = False
    inverted: bool = False


def _coding(picture: Any, start: bytes) -> _Coding:
    if picture.format == "PNG":
        return _Coding("PNG", start[24])
    if picture.format != "TIFF":
        return _Coding(picture.format)
    tags = picture.tag_v2  # 258: BitsPerSample, 262: PhotometricInterpretation, 339: SampleFormat
    return _Coding("TIFF", max(tags.get(258, (1,))), 2 in tags.get(339, ()), tags.get(262) == 0)


def _numbers(picture: Any, coding: _Coding, label: str, paper: str) -> Array:
    """Grey (H, W) or colours (H, W, 3), from 0 to 1."""
    if coding.signed:
        raise FileFormatError(
            f"{label}: holds numbers with a sign, and nothing says what is white. Save it without, in 8 or 16 bits."
        )
    if picture.mode.startswith("I;16") or (picture.mode == "I" and coding.form != "TIFF"):
        return _grey(np.asarray(picture), coding, picture.info.get("transparency"), paper)
    if picture.mode in ("I", "F"):
        pixels = _deep(np.asarray(picture), label)
        return 1 - pixels if coding.inverted else pixels
    _expect_clear(picture, coding, label)
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        picture = _on_paper(picture, paper)
    grey = picture.mode in ("1", "L")
    pixels = np.divide(np.asarray(picture.convert("L" if grey else "RGB")), np.float32(255), dtype=np.float32)
    return pixels if grey or not _colourless(pixels) else np.ascontiguousarray(pixels[..., 0])


def _grey(pixels: Array, coding: _Coding, clear: object, paper: str) -> Array:
    """Grey (H, W) of 9 to 16 bits; pixels of the one number that is `clear` show the paper."""
    white = (1 << coding.bits) - 1 if coding.form == "TIFF" else 65535
    grey = np.divide(white - pixels if coding.inverted else pixels, np.float32(white), dtype=np.float32)
    if isinstance(clear, int):
        grey[pixels == clear] = 1 if paper == "white" else 0
    return np.asarray(grey)


def _expect_clear(picture: Any, coding: _Coding, label: str) -> None:
    """Bring the number of a PNG's transparent grey to 8 bits, as Pillow does its pixels; colours of 16 are refused."""
    clear = picture.info.get("transparency")
    if coding.form == "PNG" and coding.bits < 8 and picture.mode == "L" and isinstance(clear, int):
        picture.info["transparency"] = clear * 255 // ((1 << coding.bits) - 1)
    if coding.form == "PNG" and coding.bits == 16 and isinstance(clear, tuple):
        raise FileFormatError(
            f"{label}: one of its colours of 16 bits is transparent, and they are read in 8. Save it with an alpha "
            "channel, or in 8 bits."
        )


def _colourless(pixels: Array) -> bool:
    """Whether all three channels agree: such a picture is grey, to the last bit."""
    return bool((pixels[..., :1] == pixels).all())


def _deep(pixels: Array, label: str) -> Array:
    """Numbers of 32 bits, whose white is known only where they are floats from 0 to 1."""
    if pixels.dtype.kind == "f" and np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1:
        return pixels.astype(np.float32)
    raise FileFormatError(
        f"{label}: holds {pixels.dtype} from {pixels.min():g} to {pixels.max():g}, and nothing says what is white. "
        "Save it in 8 or 16 bits, or as floats from 0 to 1."
    )


def _on_paper(picture: Any, paper: str) -> Any:
    from PIL import Image

    sheet = Image.new("RGBA", picture.size, paper)
    sheet.alpha_composite(picture.convert("RGBA"))
    return sheet.convert("RGB")


def middle(pixels: Array, height: int, width: int) -> Array:
    """Return the largest part around the middle of pixels (H, W, C) that has the proportions of height and width."""
    h, w = pixels.shape[:2]
    rows, columns = min(h, max(1, round(w * height / width))), min(w, max(1, round(h * width / height)))
    top, left = (h - rows) // 2, (w - columns) // 2
    return pixels[top : top + rows, left : left + columns]


def resized(pixels: Array, height: int, width: int) -> Array:
    """Return pixels (H, W, C) as (height, width, C): Pillow's bicubic filter, which averages where it makes smaller."""
    if pixels.shape[:2] == (height, width):
        return pixels
    image = checks.require("PIL.Image", "Resizing pictures", "images")
    made = [
        np.asarray(image.fromarray(np.ascontiguousarray(channel, np.float32)).resize((width, height), image.BICUBIC))
        for channel in np.moveaxis(pixels, 2, 0)
    ]
    return np.asarray(np.clip(np.stack(made, axis=2), 0, 1))
