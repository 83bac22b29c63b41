"""Views as Keras's ImageDataGenerator draws them, for tests/shared/augment/view.test.ts.

    pip install keras==3.15.1 tensorflow-cpu==2.21.0 scipy==1.17.1 pillow==13.0.0
    python tests/shared/augment/make_golden.py > tests/shared/augment/golden.json
"""

import json
import math

import numpy as np
from keras.src.legacy.preprocessing.image import ImageDataGenerator

SIZE = 16
CASES = [
    dict(theta=25.0),
    dict(tx=0.2, ty=-0.1),
    dict(shear=18.0),
    dict(zx=0.7, zy=1.25),
    dict(flip=True),
    dict(brightness=1.3),
    dict(theta=-40.0, tx=-0.15, ty=0.3, shear=-10.0, zx=1.2, zy=0.85, flip=True, brightness=0.6),
]


def pixels():
    y, x, c = np.meshgrid(np.arange(SIZE), np.arange(SIZE), np.arange(3), indexing="ij")
    return ((x * 13 + y * 7 * (c + 1) + x * y * 3) % 256).astype("float32")


def main():
    generator = ImageDataGenerator(fill_mode="nearest", interpolation_order=1)
    out = []
    for case in CASES:
        parameters = dict(
            theta=case.get("theta", 0),
            # Keras takes shifts in pixels here.
            tx=case.get("tx", 0) * SIZE,
            ty=case.get("ty", 0) * SIZE,
            shear=case.get("shear", 0),
            zx=case.get("zx", 1),
            zy=case.get("zy", 1),
            flip_horizontal=case.get("flip", False),
        )
        if "brightness" in case:
            parameters["brightness"] = case["brightness"]
        view = generator.apply_transform(pixels(), parameters)
        radians = {k: math.radians(v) if k in ("theta", "shear") else v for k, v in case.items()}
        out.append(dict(view=radians, pixels=[round(float(v), 2) for v in view.ravel()]))
    print(json.dumps(out, separators=(",", ":")))


main()
