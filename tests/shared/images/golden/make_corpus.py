"""Makes a corpus of image files like the fixture folders of imaging libraries, and what Pillow reads in each.

python -m venv venv && venv/bin/pip install pillow==13.0.0 numpy==2.4.6 tifffile==2026.3.3 imagecodecs==2026.3.6
venv/bin/python tests/shared/images/golden/make_corpus.py FOLDER

FOLDER gets files/NAME, pillow/NAME.rgb and shown/NAME.rgb (8-bit RGB, upright: what Pillow makes of the file, and what
a person sees in it), and index.json.

    SCENE=32x24 venv/bin/python tests/shared/images/golden/make_corpus.py --golden tests/shared/images/golden/files.json

writes the small selection that is tested everywhere: the files themselves, and the means of 8x6 blocks.
"""

import base64
import json
import random
import sys
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

sys.path.insert(0, str(Path(__file__).parent.parent / "corpus"))
from jpeg import jpeg_files  # noqa: E402
from png import png_files  # noqa: E402
from scene import rgb_image, scene, upright  # noqa: E402
from simple import avif_files, bmp_files, gif_files, webp_files  # noqa: E402
from tiff import tiff_files  # noqa: E402

ENDINGS = {"png": ".png", "jpeg": ".jpg", "gif": ".gif", "webp": ".webp", "avif": ".avif", "bmp": ".bmp", "tiff": ".tif"}


def as_pillow(data):
    """What Pillow makes of a file, or the reason why it does not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(data)) as image:
                return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        return f"{type(error).__name__}: {error}"[:160]


def as_rgb(shown):
    """The truth that a maker gave: pixels, or the orientation in which the scene is stored."""
    if shown is None:
        return None
    if isinstance(shown, int):
        return np.asarray(upright(rgb_image(), shown))
    shown = np.asarray(shown)
    return np.repeat(shown[..., None], 3, 2) if shown.ndim == 2 else shown


def damages(name, data):
    """The file cut short, with bytes flipped, and with a block of zeros, in several places."""
    noise = random.Random(name)
    for percent in (30, 60, 90):
        yield f"cut{percent}", data[: len(data) * percent // 100]
    for percent in (45, 75):
        place = len(data) * percent // 100
        zeroed = bytearray(data)
        zeroed[place : place + 120] = bytes(min(120, len(data) - place))
        yield f"zeros{percent}", bytes(zeroed)
        flipped = bytearray(data)
        for _ in range(6):
            flipped[min(len(data) - 1, place + noise.randrange(100))] ^= 1 << noise.randrange(8)
        yield f"flips{percent}", bytes(flipped)


DAMAGED = """
jpeg-444 jpeg-420 jpeg-420-progressive jpeg-420-restart jpeg-420-progressive-restart jpeg-grey-0 jpeg-grey-1 jpeg-cmyk-0
jpeg-optimized jpeg-exif6-ii png-rgb8 png-rgb8-interlaced png-palette8 png-palette4-interlaced png-grey1 png-rgb16 png-rgba8-128
png-idats gif-64-0 gif-256-0 gif-256-1 gif-animated gif-16-1 webp-lossy-4 webp-lossless-4 webp-lossy-alpha128 webp-animated
avif-420 avif-10bit avif-alpha128 avif-grey tiff-rgb-none-strips tiff-rgb-lzw-strips tiff-rgb-lzw-tiles tiff-rgb-deflate-strips
tiff-rgb-deflate-tiles tiff-rgb-packbits-strips tiff-rgb-packbits-tiles tiff-rgb-jpeg-strips tiff-rgb-jpeg-tiles
tiff-planar-lzw-tiles tiff-planar-deflate-strips tiff-planar-packbits-one tiff-planar-jpeg-tiles tiff-planar-none-strips
tiff-predictor2-lzw-strips tiff-predictor3-deflate-tiles tiff-predictor2-16-lzw-strips tiff-grey-lzw-one tiff-grey-deflate-one
tiff-rgb-zstd-tiles tiff-rgb-webp-strips tiff-rgb-lzma-strips tiff-16-rgb-ii tiff-8-mm-big tiff-1-group3-1 tiff-1-group4-1
tiff-1-tiff_ccitt-1 tiff-1-packbits-1 tiff-1-tiff_lzw-1 tiff-old-jpeg tiff-old-jpeg-tiles tiff-palette-lzw tiff-palette-tiles
tiff-rgba-unassociated-lzw tiff-no-extra-samples-lzw-tiles tiff-pages-lzw tiff-cmyk-lzw tiff-jpeg-ycbcr
""".split()


def corpus():
    for files in (jpeg_files, png_files, gif_files, webp_files, avif_files, bmp_files, tiff_files):
        for name, kind, data, shown in files():
            yield name, kind, None, data, as_rgb(shown)
            if name in DAMAGED:
                for damage, damaged in damages(name, data):
                    yield f"{name}-{damage}", kind, damage, damaged, as_rgb(shown)


GOLDEN = """
jpeg-xmp6-0 jpeg-xmp5-1 jpeg-exif1-xmp6 png-rawexif6 png-rawexif-text7 png-xmp8 png-exif-late webp-xmp3 tiff-xmp2
png-grey16-uses8 png-rgb16-uses12 tiff-16uses12-grey-mm tiff-32uses12-grey-ii tiff-32-grey-ii tiff-i16full-grey-ii
tiff-predictor3-deflate-one tiff-predictor2-16-lzw-strips tiff-1bit-white gif-transparent40 gif-16-1
gif-animated avif-mif1 avif-sequence tiff-rgb-lzw-tiles tiff-rgb-deflate-tiles jpeg-tail jpeg-padding-before-end
jpeg-420-restart jpeg-420-progressive jpeg-junk-exif6 jpeg-adobe-transform tiff-no-byte-counts
tiff-no-extra-samples-lzw-tiles tiff-unsorted tiff-jpeg-wrong-subsampling png-no-end png-palette4-trns-all
tiff-rgb-lzw-tiles-cut60 tiff-rgb-lzw-tiles-zeros45 tiff-rgb-deflate-tiles-cut60 tiff-rgb-packbits-tiles-cut60
tiff-no-extra-samples-lzw-tiles-cut90 tiff-grey-deflate-one-zeros45 tiff-rgb-jpeg-strips-zeros45 tiff-1-group3-1-flips75
tiff-predictor3-deflate-tiles-zeros45 tiff-rgb-zstd-tiles tiff-rgb-lzma-tiles tiff-old-jpeg-tiles jpeg-420-restart-flips75
jpeg-progressive-scans1 jpeg-progressive-scans9 jpeg-claims-more-rows gif-64-0-zeros45 gif-16-1-zeros45
gif-animated-cut30 tiff-i16negative-grey-ii tiff-f16-unit-grey-ii tiff-64-grey-ii tiff-complex tiff-ycbcr tiff-lab
tiff-raw-thumbnail tiff-raw-dng tiff-pyramid tiff-12bit tiff-planar-lzw-tiles png-rgb8-zeros45 webp-lossy-4-cut60 avif-420-cut60
""".split()


def blocks(rgb):
    """Means of 8x6 blocks, or of 6x8."""
    size = (8, 6) if rgb.shape[1] > rgb.shape[0] else (6, 8)
    mean = Image.fromarray(rgb.astype(np.uint8)).resize(size, Image.Resampling.BOX)
    return np.asarray(mean).reshape(-1).tolist()


def golden(path):
    entries = []
    for name, _, damage, data, shown in corpus():
        if name not in GOLDEN:
            continue
        seen = as_pillow(data)
        lossy = name.startswith(("jpeg", "avif", "tiff-jpeg"))
        truth = seen if isinstance(seen, np.ndarray) and (lossy or shown is None) else shown
        entry = {"name": name, "file": base64.b64encode(data).decode()}
        if truth is not None and damage is None:
            entry |= {"height": truth.shape[0], "width": truth.shape[1], "blocks": blocks(truth)}
        entries.append(entry)
    assert sorted(entry["name"] for entry in entries) == sorted(GOLDEN), set(GOLDEN) - {e["name"] for e in entries}
    Path(path).write_text("[\n" + ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries) + "\n]\n")


def main(folder):
    for part in ("files", "pillow", "shown"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    index = []
    for name, kind, damage, data, shown in corpus():
        seen = as_pillow(data)
        known = seen if isinstance(seen, np.ndarray) else shown
        height, width = known.shape[:2] if known is not None else scene().shape[:2]
        entry = {"name": name + ENDINGS[name.split("-")[0]], "kind": kind, "width": width, "height": height}
        if damage:
            entry["damage"] = damage
        (folder / "files" / entry["name"]).write_bytes(data)
        if isinstance(seen, np.ndarray):
            (folder / "pillow" / f"{entry['name']}.rgb").write_bytes(seen.tobytes())
        else:
            entry["pillow"] = seen
        if shown is not None and shown.shape[:2] == (height, width):
            (folder / "shown" / f"{entry['name']}.rgb").write_bytes(shown.astype(np.uint8).tobytes())
        index.append(entry)
    names = [entry["name"] for entry in index]
    assert len(names) == len(set(names)), "names must differ"
    (folder / "index.json").write_text(json.dumps(index))
    print(f"{len(index)} files")


if sys.argv[1] == "--golden":
    golden(sys.argv[2])
else:
    main(Path(sys.argv[1]))
