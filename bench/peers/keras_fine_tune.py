"""Keras's fit on the end of a network, for bench/fine-tune.ts: keras_fine_tune.py FOLDER front|cached.

    pip install keras==3.15.1 tensorflow-cpu==2.21.0

Reads FOLDER/work.json; prints {"seconds"} from the end of the first epoch to the end of the last. `front` fits the whole network
on pixels with its front frozen; `cached` fits the end alone on activations. Pixels and activations are made up, float32 and in
memory; batch-norm is frozen. Without XLA, which was slower on CPUs: 1.5 times for ResNet50, ten times where there are depthwise
convolutions.
"""
import json
import os
import pathlib
import sys
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras  # noqa: E402
import numpy as np  # noqa: E402

layers = keras.layers
# repeats, kernel, stride, expansion, filters
STAGES = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)]


def efficientnet_lite0(input_shape, **_):
    """As src/shared/backbones/families/efficientnet-lite.ts."""

    def normalised(x, layer, name, activation=True):
        x = layers.BatchNormalization(name=f"{name}_bn")(layer(x))
        return layers.ReLU(6, name=f"{name}_activation")(x) if activation else x

    def conv(filters, kernel, stride, name):
        return layers.Conv2D(filters, kernel, stride, "same", use_bias=False, name=f"{name}_conv")

    image = keras.Input(input_shape)
    x = normalised(image, conv(32, 3, 2, "stem"), "stem")
    for stage, (repeats, kernel, stride, expansion, filters) in enumerate(STAGES):
        for repeat in range(repeats):
            name, before = f"block{stage + 1}{'abcd'[repeat]}", x
            strides = stride if repeat == 0 else 1
            if expansion > 1:
                x = normalised(x, conv(before.shape[-1] * expansion, 1, 1, f"{name}_expand"), f"{name}_expand")
            depthwise = layers.DepthwiseConv2D(kernel, strides, "same", use_bias=False, name=f"{name}_dwconv")
            x = normalised(x, depthwise, name)
            x = normalised(x, conv(filters, 1, 1, f"{name}_project"), f"{name}_project", activation=False)
            if strides == 1 and before.shape[-1] == filters:
                x = layers.Add(name=f"{name}_add")([x, before])
    x = normalised(x, conv(1280, 1, 1, "top"), "top")
    return keras.Model(image, layers.GlobalAveragePooling2D()(x))


class Ends(keras.callbacks.Callback):
    """When each epoch, validation included, ended."""

    def __init__(self):
        super().__init__()
        self.times = []

    def on_epoch_end(self, epoch, logs=None):
        self.times.append(time.perf_counter())


def end_of(base, work):
    """The end with a classifier, from the activation that is kept."""
    kept = base.get_layer(work["kept"]).output
    end = keras.Model(kept, layers.Dense(work["classes"], activation="softmax")(base.output))
    if not work["isHalved"]:
        return end

    # What skipped every second pixel finds only those left.
    readers = {layer.name for layer in end.layers if isinstance(layer, layers.Conv2D) and layer.input is kept}

    def dense(layer):
        config = layer.get_config()
        return layer.__class__.from_config({**config, "strides": (1, 1)} if layer.name in readers else config)

    return keras.models.clone_model(end, input_tensors=keras.Input(work["shape"]), clone_function=dense)


def main():
    folder, what = sys.argv[1:]
    work = json.loads((pathlib.Path(folder) / "work.json").read_text())
    builder = getattr(keras.applications, work["network"], efficientnet_lite0)
    base = builder(weights=None, include_top=False, pooling="avg", input_shape=(*work["size"], 3))
    model = end_of(base, work)
    shape = work["shape"]
    if what == "front":
        trained = {layer.name for layer in model.layers}
        model = keras.Model(base.input, layers.Dense(work["classes"], activation="softmax")(base.output))
        shape = (*work["size"], 3)
        for layer in base.layers:
            layer.trainable = layer.name in trained
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    images = work["train"] + work["val"]
    x = np.random.default_rng(0).random((images, *shape), dtype=np.float32)
    y = np.eye(work["classes"], dtype=np.float32)[np.arange(images) % work["classes"]]
    model.compile(keras.optimizers.Adam(work["lr"]), "categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    ends, train = Ends(), work["train"]
    options = {"batch_size": work["batch"], "epochs": work["epochs"], "verbose": 0, "callbacks": [ends]}
    model.fit(x[:train], y[:train], validation_data=(x[train:], y[train:]), **options)
    print(json.dumps({"seconds": ends.times[-1] - ends.times[0]}))


main()
