"""Writes the features that Keras computes from formula-made weights and photos, one JSON file per backbone.

    python3.11 -m venv .venv && .venv/bin/pip install keras==3.15.1 tensorflow-cpu==2.21.0
    .venv/bin/python tests/shared/backbones/golden/make_goldens.py [resnet50 ...]

Each file holds the layers that have weights in Keras's own order, and for two sizes and two photos the average-pooled
features: every 16th value (every 4th of VGG16's 512) and the L2 norm of all of them.
"""

import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import keras  # noqa: E402
import numpy as np  # noqa: E402
from formula import photo, seeded  # noqa: E402

SEED = 0
NETWORKS = {
    "resnet50": (keras.applications.ResNet50, keras.applications.resnet50, (224, 224)),
    "vgg16": (keras.applications.VGG16, keras.applications.vgg16, (224, 224)),
    "inception_v3": (keras.applications.InceptionV3, keras.applications.inception_v3, (299, 299)),
}
NON_SQUARE = (454, 227)


def weight_name(variable):
    return variable.path.split("/")[-1]


def build(name, size):
    """The network without its top, average-pooled, with formula-made weights; size is width, height."""
    keras.backend.clear_session()
    network = NETWORKS[name][0]
    model = network(weights=None, include_top=False, pooling="avg", input_shape=(size[1], size[0], 3))
    for layer in model.layers:
        layer.set_weights([seeded(SEED, layer.name, weight_name(w), tuple(w.shape)) for w in layer.weights])
    return model


def features(name, model, size):
    photos = np.stack([photo(number, *size) for number in (0, 1)])
    return model.predict(NETWORKS[name][1].preprocess_input(photos.astype(np.float32)), verbose=0)


def summary(row, every):
    return {"norm": float(f"{np.linalg.norm(row.astype(np.float64)):.8g}"), "sample": [float(f"{v:.8g}") for v in row[::every]]}


def main(names):
    for name in names:
        runs = []
        for size in (NETWORKS[name][2], NON_SQUARE):
            model = build(name, size)
            rows = features(name, model, size)
            every = rows.shape[1] // 128
            print(name, size, rows.shape, "difference", np.linalg.norm(rows[0] - rows[1]) / np.linalg.norm(rows[0]),
                  "mean", rows.mean(), "zero", (rows == 0).mean())
            runs.append({"width": size[0], "height": size[1], "dimension": rows.shape[1], "every": every,
                         "photos": [summary(row, every) for row in rows]})
        layers = [[layer.name, [[weight_name(w), list(w.shape)] for w in layer.weights]] for layer in model.layers if layer.weights]
        golden = {"keras": keras.__version__, "seed": SEED, "layers": layers, "runs": runs}
        path = pathlib.Path(__file__).with_name(f"{name}.json")
        path.write_text(json.dumps(golden).replace('], ["', '],\n["') + "\n")


if __name__ == "__main__":
    main(sys.argv[1:] or list(NETWORKS))
