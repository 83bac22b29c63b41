"""Resizes photos as other programs do: resized_photos.py FOLDER OUT METHOD SIDE, a PNG below OUT for each photo below FOLDER.

METHOD is pil-KERNEL, tf-KERNEL (tf.image.resize as it is used by default: no antialiasing) or tf-KERNEL-antialias.
Pillow 13.0.0, TensorFlow 2.21.0.
"""

import os
import pathlib
import sys

import numpy as np
from PIL import Image

folder, out, method, side = sys.argv[1:]
side = int(side)
program, kernel, *antialias = method.split("-")


def with_pillow(path):
    return Image.open(path).convert("RGB").resize((side, side), getattr(Image, kernel.upper()))


def with_tensorflow(path):
    import tensorflow as tf

    # Decoded by Pillow for both: TensorFlow's own decoder takes a faster, less exact cosine transform.
    pixels = np.asarray(Image.open(path).convert("RGB"), dtype=np.float32)
    resized = tf.image.resize(pixels, (side, side), method=kernel, antialias=bool(antialias)).numpy()
    return Image.fromarray(np.clip(np.round(resized), 0, 255).astype(np.uint8))


resize = {"pil": with_pillow, "tf": with_tensorflow}[program]
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
for path in sorted(pathlib.Path(folder).rglob("*.jpg")):
    target = pathlib.Path(out) / path.relative_to(folder).with_suffix(".png")
    target.parent.mkdir(parents=True, exist_ok=True)
    resize(path).save(target, compress_level=1)
