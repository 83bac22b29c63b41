"""Writes what 50 steps of Keras `fit` do to the ends of networks, their fronts frozen, to trajectories.json.gz.

    python3.11 -m venv .venv && .venv/bin/pip install keras==3.15.1 tensorflow-cpu==2.21.0
    .venv/bin/python tests/fine-tune/tail/golden/make_trajectories.py [resnet50 ...]

Weights are those of tests/shared/backbones/golden/formula.py, those of the head too (layer "head"); inserted batch-norms begin as
Keras makes them. The fronts' activations come out of a formula too, since another engine's rounding of a front may move one of them
past the kink of a ReLU. The 8 images are of class k % 3; batches of 4 in order. Of each weight that changes are kept the norm of
the change, the change projected on random signs, and 4 of its final numbers.

Dropout in blocks is left out: EfficientNet skips blocks at random in training.
"""

import gzip
import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "shared/backbones/golden"))
from formula import draws, seeded  # noqa: E402
from make_goldens import SEED, flat, weight_name  # noqa: E402

CLASSES = 3
IMAGES = 8
BATCH = 4
STEPS = 50
SAMPLE = 4
APPLICATIONS = keras.applications
PATH = pathlib.Path(__file__).with_name("trajectories.json.gz")

# Name: builder, side of the images, last frozen layer, first trained one, modes of batch-norm.
NETWORKS = {
    "mobilenet_v2_0.35": (lambda **options: APPLICATIONS.MobileNetV2(alpha=0.35, **options), 64, "block_14_add", "block_15_expand",
                          ("frozen", "trainable")),
    "mobilenet_v2": (APPLICATIONS.MobileNetV2, 64, "block_14_add", "block_15_expand", ("frozen", "trainable")),
    "resnet50": (APPLICATIONS.ResNet50, 64, "conv4_block6_out", "conv5_block1_1_conv", ("frozen", "trainable")),
    "vgg16": (APPLICATIONS.VGG16, 64, "block4_pool", "block5_conv1", ("frozen", "insert")),
    "inception_v3": (APPLICATIONS.InceptionV3, 96, "mixed9", "conv2d_89", ("frozen", "trainable")),
    "efficientnet_b0": (APPLICATIONS.EfficientNetB0, 64, "block6c_add", "block6d_expand_conv", ("frozen", "trainable")),
    "densenet121": (APPLICATIONS.DenseNet121, 64, "conv5_block14_concat", "conv5_block15_0_bn", ("frozen", "trainable")),
    "convnext_tiny": (APPLICATIONS.ConvNeXtTiny, 64, "add_16", "convnext_tiny_stage_3_block_2_depthwise_conv", ("frozen",)),
}
OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(1e-3, momentum=0.9),
    "adam": lambda: keras.optimizers.Adam(1e-5),
}


def numbers(layer):
    if layer.name.endswith(INSERTED):
        return [np.asarray(w) for w in layer.weights]
    return [seeded(SEED, layer.name, weight_name(layer, w), tuple(w.shape)) for w in layer.weights]


INSERTED = "_bn_inserted"


def key(layer, weight):
    return f"{layer.name.replace(INSERTED, '_bn')}/{weight_name(layer, weight)}"


def with_inserted(base, activation):
    """VGG's layers behind the activation, with a batch-norm between each convolution and its activation."""
    x, names = activation, [layer.name for layer in base.layers]
    for layer in base.layers[names.index(activation._keras_history.operation.name) + 1:]:
        config = layer.get_config()
        convolves = isinstance(layer, keras.layers.Conv2D)
        x = type(layer).from_config({**config, "activation": "linear"} if convolves else config)(x)
        if convolves:
            x = keras.layers.BatchNormalization(name=layer.name + INSERTED)(x)
            x = keras.layers.Activation(config["activation"])(x)
    return x


def build(name, mode):
    """The tail with a head."""
    keras.backend.clear_session()
    builder, side, kept, *_ = NETWORKS[name]
    base = builder(weights=None, include_top=False, pooling="avg", input_shape=(side, side, 3))
    activation = next(layer for layer in base.operations if layer.name == kept).output
    end = with_inserted(base, activation) if mode == "insert" else base.output
    tail = keras.Model(activation, keras.layers.Dense(CLASSES, activation="softmax", name="head")(end))
    for layer in flat(tail):
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0
        if isinstance(layer, keras.layers.Layer):
            layer.trainable = mode != "frozen" or not isinstance(layer, keras.layers.BatchNormalization)
            layer.set_weights(numbers(layer))
    return tail


def uniform(name, count):
    return (draws(name, np.arange(count)) >> np.uint32(8)) / 2.0**24


def activations(shape):
    """[8, height, width, channels] between -0.5 and 1: each image has a mean of its own in each channel."""
    images = [uniform(f"channels/{k}", shape[-1]) + 0.5 * uniform(f"places/{k}", np.prod(shape)).reshape(shape) - 0.5 for k in range(IMAGES)]
    return np.stack(images).astype(np.float32)


class Losses(keras.callbacks.Callback):
    """The loss of each step: `fit` says the mean of those since the epoch began."""

    def on_train_begin(self, logs=None):
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        before = sum(self.losses[len(self.losses) - batch:])
        self.losses.append(float(logs["loss"]) * (batch + 1) - before)


def rounded(number, digits=8):
    return float(f"{number:.{digits}g}")


def signs(name, count):
    return np.where(draws(f"signs/{name}", np.arange(count)) >> np.uint32(31), 1.0, -1.0)


def data(model):
    return activations(model.input_shape[1:]), np.eye(CLASSES, dtype=np.float32)[np.arange(IMAGES) % CLASSES]


def train(name, mode, optimizer):
    """Weights before and after the steps, and the losses."""
    model = build(name, mode)
    before = {key(layer, w): np.asarray(w, np.float64) for layer in flat(model) for w in getattr(layer, "weights", [])}
    x, y = data(model)
    model.compile(OPTIMIZERS[optimizer](), "categorical_crossentropy", jit_compile=False)
    losses = Losses()
    model.fit(x, y, batch_size=BATCH, epochs=STEPS * BATCH // IMAGES, shuffle=False, callbacks=[losses], verbose=0)
    after = {key(layer, w): np.asarray(w, np.float64) for layer in flat(model) for w in getattr(layer, "weights", [])}
    return before, after, losses.losses


def without_effect(name, mode):
    """Weights of which a batch's mean leaves nothing, as of a bias in front of a batch-norm: their gradients are rounding, of which
    Adam makes whole steps."""
    keras.backend.set_floatx("float64")
    model = build(name, mode)
    x, y = data(model)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.categorical_crossentropy(y[:BATCH], model(x[:BATCH], training=True)))
    gradients = tape.gradient(loss, [w.value for w in model.trainable_weights])
    keras.backend.set_floatx("float32")
    keys = {id(w): key(layer, w) for layer in flat(model) for w in getattr(layer, "weights", [])}
    return {keys[id(w)] for w, gradient in zip(model.trainable_weights, gradients) if np.linalg.norm(gradient) < 1e-12}


def run(name, mode, optimizer):
    before, after, losses = train(name, mode, optimizer)
    weights, noise = {}, without_effect(name, mode)
    for weight, numbers_after in after.items():
        change = (numbers_after - before[weight]).ravel()
        if not change.any() or weight in noise:
            continue
        sample = numbers_after.ravel()[:: max(1, change.size // SAMPLE)][:SAMPLE]
        weights[weight] = {"change": rounded(np.linalg.norm(change), 7), "projection": rounded(change @ signs(weight, change.size), 7),
                           "sample": [rounded(v) for v in sample]}
    print(name, mode, optimizer, losses[0], losses[-1], len(weights), sorted(noise), flush=True)
    return {"losses": [rounded(loss) for loss in losses], "weights": weights}


def main(names):
    for name in names:
        _, side, _, first, modes = NETWORKS[name]
        about = {"name": name, "side": side, "from": first}
        runs = [{**about, "batchNorm": mode, "optimizer": optimizer, **run(name, mode, optimizer)} for mode in modes for optimizer in OPTIMIZERS]
        kept = json.loads(gzip.decompress(PATH.read_bytes()))["runs"] if PATH.exists() else []
        runs += [one for one in kept if one["name"] != name]
        runs.sort(key=lambda one: list(NETWORKS).index(one["name"]))
        text = json.dumps({"keras": keras.__version__, "runs": runs}, separators=(",", ":"), allow_nan=False).encode()
        PATH.write_bytes(gzip.compress(text, 9, mtime=0))


if __name__ == "__main__":
    main(sys.argv[1:] or list(NETWORKS))
