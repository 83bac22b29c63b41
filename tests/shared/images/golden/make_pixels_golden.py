"""What Pillow 12.0.0 makes of computed pixels, to the bit: python make_pixels_golden.py > pixels.json

The pixels are computed by the same formula in tests/shared/images/interpolate.test.ts; of the results there are hashes.
Pillow 13 resizes rows first where that is cheaper, which changes single levels.
"""
import hashlib
import json

import numpy as np
from PIL import Image

KERNELS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
SIZES = [
    (61, 43, 16, 12), (61, 43, 71, 50), (61, 43, 20, 55), (61, 43, 61, 12), (61, 43, 30, 43), (1, 1, 5, 3), (5, 3, 1, 1),
    (3000, 2, 7, 2), (2, 3000, 2, 7), (1, 900, 40, 1), (500, 333, 224, 224), (333, 500, 299, 299), (1601, 1203, 224, 224),
]  # fmt: skip


def pixels(width, height, channels):
    y, x, c = np.mgrid[:height, :width, :channels]
    return ((x * 7 + y * 13 + x * y * (c + 1) + (x // 50 + y // 40) * 90) % 256).astype(np.uint8)


golden = []
for kernel, number in KERNELS.items():
    for channels, mode in [(3, "RGB"), (1, "L")]:
        for width, height, to_width, to_height in SIZES if channels == 3 else SIZES[-3:-2]:
            image = Image.fromarray(pixels(width, height, channels).squeeze(2) if channels == 1 else pixels(width, height, 3), mode)
            resized = image.resize((to_width, to_height), number).convert("RGB")
            sha256 = hashlib.sha256(resized.tobytes()).hexdigest()
            golden.append({"kernel": kernel, "channels": channels, "from": [width, height], "to": [to_width, to_height], "sha256": sha256})
print("[\n  " + ",\n  ".join(json.dumps(case) for case in golden) + "\n]")
