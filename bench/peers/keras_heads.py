"""A Keras fit loop over heads, for bench/sweep.ts.

    pip install keras==3.15.1 tensorflow-cpu==2.21.0

Reads a folder with features.f32, labels.u8 and work.json; prints {"seconds", "accuracy"} for training the heads one after the
other. Features are in memory, several steps run per call (steps_per_execution), and heads are validated after every epoch, as permafrost's
are, in large batches.
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

folder = pathlib.Path(sys.argv[1])
work = json.loads((folder / "work.json").read_text())
rows, inputs, classes, train = work["rows"], work["inputs"], work["classes"], work["train"]
x = np.fromfile(folder / "features.f32", "<f4").reshape(rows, inputs)
labels = np.fromfile(folder / "labels.u8", "u1")
y = np.eye(classes, dtype="float32")[labels]


def build(head):
    layers = [keras.Input((inputs,))]
    for units in head["hidden"]:
        layers.append(keras.layers.Dense(units, use_bias=head["bias"]))
        if head["batchNorm"]:
            layers += [keras.layers.Dropout(head["dropout"]), keras.layers.BatchNormalization()]
        layers.append(keras.layers.Activation("relu"))
        if head["dropout"] and not head["batchNorm"]:
            layers.append(keras.layers.Dropout(head["dropout"]))
    regularizer = keras.regularizers.L2(head["l2"]) if head["l2"] else None
    layers.append(keras.layers.Dense(classes, activation=head["output"], kernel_regularizer=regularizer))
    model = keras.Sequential(layers)
    loss = "categorical_crossentropy" if head["output"] == "softmax" else "binary_crossentropy"
    model.compile(keras.optimizers.Adam(head["lr"]), loss=loss, steps_per_execution=64)
    return model


def fit(head):
    model = build(head)
    model.fit(
        x[:train],
        y[:train],
        batch_size=head["batchSize"],
        epochs=head["epochs"],
        validation_data=(x[train:], y[train:]),
        validation_batch_size=256,
        verbose=0,
    )
    return model


fit({**work["heads"][0], "epochs": 1})
started = time.perf_counter()
models = [fit(head) for head in work["heads"]]
seconds = time.perf_counter() - started
accuracy = max(float((m.predict(x[train:], verbose=0).argmax(1) == labels[train:]).mean()) for m in models)
print(json.dumps({"seconds": seconds, "accuracy": accuracy}))
