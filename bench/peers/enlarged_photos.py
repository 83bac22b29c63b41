"""Photos of several sizes, and what Pillow makes of them: enlarged_photos.py PHOTOS OUT COUNT SIDE (Pillow 12.0.0, numpy)

For each size and kind, COUNT photos below OUT/SIZE-KIND/jpeg: photos below PHOTOS enlarged (smooth), the same with noise at four
scales (noise), or tiles of many (tiles); and below OUT/SIZE-KIND/pillow each decoded whole and resized to SIDE x SIDE, as PNG.
"""
import itertools
import pathlib
import sys

import numpy as np
from PIL import Image

photos, out, count, side = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
rng = np.random.default_rng(0)
files = sorted(photos.rglob("*.jpg"))
files = [files[i] for i in rng.permutation(len(files))]


def smooth(number, size):
    return Image.open(files[number]).convert("RGB").resize(size, Image.BICUBIC)


def noise(number, size):
    width, height = size
    sum_ = np.zeros((height, width, 1), np.float32)
    for scale in (1, 2, 4, 8):
        cells = rng.normal(0, 6, (-(-height // scale), -(-width // scale))).astype(np.float32)
        sum_ += np.kron(cells, np.ones((scale, scale), np.float32))[:height, :width, None]
    return Image.fromarray(np.clip(np.asarray(smooth(number, size)) + sum_, 0, 255).astype(np.uint8))


def tiles(number, size):
    frame = Image.new("RGB", size)
    endless = itertools.cycle(files[number:] + files[:number])
    for top in range(0, size[1], 230):
        left = 0
        while left < size[0]:
            tile = Image.open(next(endless)).convert("RGB")
            frame.paste(tile, (left, top))
            left += tile.width
    return frame


for size in [(500, 333), (2000, 1332), (4000, 3000)]:
    for kind in (smooth, noise, tiles):
        folder = out / f"{size[0]}x{size[1]}-{kind.__name__}"
        jpegs, pngs = folder / "jpeg" / "all", folder / "pillow" / "all"
        jpegs.mkdir(parents=True)
        pngs.mkdir(parents=True)
        for number in range(count):
            path = jpegs / f"{number:03}.jpg"
            kind(number, size).save(path, quality=88)
            Image.open(path).resize((side, side), Image.BILINEAR).save(pngs / f"{number:03}.png", compress_level=1)
