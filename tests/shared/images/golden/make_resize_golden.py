"""What Pillow (12.0 to 13.0 agree) makes of a drawn picture at other sizes: python make_resize_golden.py > resize.json

The picture is drawn by the same formula in tests/shared/images/resize.test.ts.
"""
import json
import math

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 61, 43
KERNELS = {
    "nearest": Image.NEAREST,
    "bilinear": Image.BILINEAR,
    "bicubic": Image.BICUBIC,
    "lanczos": Image.LANCZOS,
}

picture = Image.fromarray(
    np.array(
        [
            [[round(127 + 90 * math.sin(x / 5 + c) * math.cos(y / 7) + 30 * ((x // 9 + y // 7) % 2)) for c in range(3)] for x in range(WIDTH)]
            for y in range(HEIGHT)
        ],
        dtype=np.uint8,
    )
)


def stretched(width, height, kernel):
    return picture.resize((width, height), kernel)


def cropped(edge, side, kernel):
    """The steps of Hugging Face's CLIPImageProcessor: shortest edge, then centre."""
    short, long = sorted((WIDTH, HEIGHT))
    size = (int(edge * long / short), edge)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    return picture.resize(size, kernel).crop((left, top, left + side, top + side))


def padded(side, kernel):
    size = (side, int(side * HEIGHT / WIDTH))
    frame = Image.new("RGB", (side, side))
    frame.paste(picture.resize(size, kernel), (0, (side - size[1]) // 2))
    return frame


cases = []
for name, kernel in KERNELS.items():
    for width, height in [(16, 12), (71, 50), (20, 55)]:
        cases.append((name, width, height, stretched(width, height, kernel)))
    cases.append((f"crop 18 {name}", 16, 16, cropped(18, 16, kernel)))
    cases.append((f"pad {name}", 20, 20, padded(20, kernel)))

# One channel of three is enough to tell.
print(
    json.dumps(
        [
            {"resize": resize, "width": width, "height": height, "red": np.asarray(image)[:, :, 0].flatten().tolist()}
            for resize, width, height, image in cases
        ],
        separators=(",", ":"),
    )
)
