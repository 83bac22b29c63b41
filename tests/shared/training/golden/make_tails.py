"""Writes what 50 steps of Keras do to the last block of a network, with a frozen front, to tails.json.

    python3.11 -m venv .venv && .venv/bin/pip install keras==3.15.1 tensorflow-cpu==2.21.0
    .venv/bin/python tests/shared/training/golden/make_tails.py

Weights are those of tests/shared/backbones/golden/formula.py, those of the head too (layer "head"). The 8 images are photos 0 and 1 in turn, image k rolled by 7 k
pixels to the right, of class k % 3; batches of 4 in order. Batch-norm is frozen: neither statistics nor scales change. Activations
are multiplied by a power of two where made-up weights let them grow. Kept are the loss of each step and, of each trained
weight, the norm of the change and 16 of its final numbers.
"""

import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import keras  # noqa: E402
import numpy as np  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "backbones/golden"))
from formula import photo, seeded  # noqa: E402
from make_goldens import SEED, weight_name  # noqa: E402

SIDE = 64
CLASSES = 3
IMAGES = 8
BATCH = 4
STEPS = 50
SAMPLE = 16
APPLICATIONS = keras.applications

# Name: builder, preprocessing, last frozen layer, first trained one, factor of the activations.
NETWORKS = {
    "mobilenet_v2_0.35": (lambda **options: APPLICATIONS.MobileNetV2(alpha=0.35, **options), APPLICATIONS.mobilenet_v2,
                          "block_15_add", "block_16_expand", 1),
    "resnet50": (APPLICATIONS.ResNet50, APPLICATIONS.resnet, "conv5_block2_out", "conv5_block3_1_conv", 2**-16),
}
OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(1e-3, momentum=0.9),
    "adam": lambda: keras.optimizers.Adam(1e-5),
}


def numbers(layer):
    return [seeded(SEED, layer.name, weight_name(layer, w), tuple(w.shape)) for w in layer.weights]


def build(name):
    """The frozen front, and the tail with a head."""
    builder, _, kept, _, _ = NETWORKS[name]
    base = builder(weights=None, include_top=False, pooling="avg", input_shape=(SIDE, SIDE, 3))
    activation = base.get_layer(kept).output
    tail = keras.Model(activation, keras.layers.Dense(CLASSES, activation="softmax", name="head")(base.output))
    for layer in base.layers + tail.layers:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
        if layer.weights:
            layer.set_weights(numbers(layer))
    return keras.Model(base.inputs, activation), tail


def images(module):
    photos = np.stack([np.roll(photo(k % 2, SIDE, SIDE), 7 * k, axis=1) for k in range(IMAGES)])
    return module.preprocess_input(photos.astype(np.float32))


def run(name, optimizer):
    front, model = build(name)
    model.compile(OPTIMIZERS[optimizer](), "categorical_crossentropy", jit_compile=False)
    _, module, _, _, factor = NETWORKS[name]
    x, y = np.asarray(front(images(module), training=False)) * np.float32(factor), np.eye(CLASSES, dtype=np.float32)[np.arange(IMAGES) % CLASSES]
    losses = []
    for step in range(STEPS):
        rows = slice(step * BATCH % IMAGES, step * BATCH % IMAGES + BATCH)
        model.reset_metrics()
        losses.append(float(f"{float(model.train_on_batch(x[rows], y[rows])):.8g}"))
    weights = {}
    for layer in model.layers:
        for w, before in zip(layer.weights, numbers(layer) if layer.trainable else []):
            after = np.asarray(w, np.float64)
            sample = after.ravel()[:: max(1, after.size // SAMPLE)][:SAMPLE]
            weights[f"{layer.name}/{weight_name(layer, w)}"] = {
                "change": float(f"{np.linalg.norm(after - before):.7g}"), "sample": [float(f"{v:.8g}") for v in sample]}
    print(name, optimizer, losses[0], losses[-1], len(weights), flush=True)
    return {"losses": losses, "weights": weights}


def main():
    golden = [json.dumps({"name": name, "from": NETWORKS[name][3], "factor": NETWORKS[name][4], "optimizer": optimizer, **run(name, optimizer)})
              for name in NETWORKS for optimizer in OPTIMIZERS]
    path = pathlib.Path(__file__).with_name("tails.json")
    path.write_text('{"keras": "' + keras.__version__ + '", "runs": [\n' + ",\n".join(golden) + "\n]}\n")


if __name__ == "__main__":
    main()
