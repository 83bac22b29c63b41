"""Drawn JPEGs, and what Pillow 13.0.0 makes of them when it decodes them at a fraction (`draft`): python make_jpeg_golden.py"""
import base64
import json
import pathlib

import numpy as np
from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).parent
ORIENTATION = 0x0112


def drawn(width, height):
    y, x = np.mgrid[:height, :width] / min(width, height)
    waves = [90 * np.sin(9 * x + c) * np.cos(7 * y + 2 * c) + 25 * np.sin(90 * x * y + c) for c in range(3)]
    disc = 60 * (np.hypot(x - 0.5, y - 0.45) < 0.3)
    return Image.fromarray(np.clip(128 + np.stack(waves, -1) + disc[..., None], 0, 255).astype(np.uint8))


def scale(image, to):
    """The largest that leaves a factor of two."""
    factor = min(image.width / to[0], image.height / to[1])
    return max(s for s in (1, 2, 4, 8) if s == 1 or factor >= 2 * s)


def resized(path, to, by):
    """Of an upright image of size `to`."""
    image = Image.open(path)
    turned = image.getexif().get(ORIENTATION, 1) >= 5
    stored = to[::-1] if turned else to
    # The edge pixels of a scaled image reach beyond it.
    box = (0, 0, image.width / by, image.height / by)
    if by > 1:
        image.draft(image.mode, (image.width // by, image.height // by))
    return ImageOps.exif_transpose(image.resize(stored, Image.BILINEAR, box=box)).convert("RGB")


def red(image):
    return np.asarray(image)[:, :, 0].astype(int)


cases = []
for name, size, mode, orientation, sizes in [
    ("large.jpg", (1203, 901), "RGB", 1, [(48, 36), (76, 57)]),
    ("middle.jpg", (301, 227), "RGB", 1, [(48, 36), (76, 57)]),
    ("turned.jpg", (605, 451), "RGB", 6, [(36, 48)]),
    ("upside-down.jpg", (605, 451), "RGB", 3, [(48, 36)]),
    ("grey.jpg", (605, 451), "L", 1, [(48, 36)]),
]:
    path = HERE / name
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    drawn(*size).convert(mode).save(path, quality=60, exif=exif if orientation > 1 else b"")
    for to in sizes:
        stored = Image.open(path)
        by = scale(stored, to[::-1] if orientation >= 5 else to)
        scaled, whole = red(resized(path, to, by)), red(resized(path, to, 1))
        cases.append(
            {
                "file": name,
                "to": to,
                "scale": by,
                "from whole": round(float(np.abs(scaled - whole).mean()), 3),
                "red": base64.b64encode(scaled.astype(np.uint8).tobytes()).decode(),
            }
        )
(HERE / "jpeg.json").write_text(json.dumps(cases, indent=2) + "\n")
