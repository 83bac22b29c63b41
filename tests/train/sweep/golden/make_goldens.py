"""Training trajectories of small heads in Keras, for tests/train/sweep/trajectory.test.ts.

    pip install keras==3.15.1 tensorflow-cpu==2.21.0
    python tests/train/sweep/golden/make_goldens.py

Every head trains 50 steps of batch 32 from fixed weights on fixed data. Data and weights come from the same
integer formula as in the test, so only losses and final weights (float32, base64, in Keras's order) are stored.
"""
import base64
import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import keras  # noqa: E402
import numpy as np  # noqa: E402

INPUTS, CLASSES, ROWS, BATCH, STEPS = 24, 5, 320, 32, 50


def numbers(key, count):
    """Uniform in [-1, 1): lowbias32 of the index, xor-ed with lowbias32 of the key."""
    def mix(x):
        x = x.astype(np.uint32)
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x7FEB352D)
        x ^= x >> np.uint32(15)
        x *= np.uint32(0x846CA68B)
        x ^= x >> np.uint32(16)
        return x
    draws = mix(np.arange(count, dtype=np.uint32) ^ mix(np.array([key], dtype=np.uint32)))
    return (draws.astype(np.float64) / 2**31 - 1).astype(np.float32)


OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(1e-2),
    "adamw": lambda: keras.optimizers.AdamW(1e-2, weight_decay=0.05),
    "sgd": lambda: keras.optimizers.SGD(5e-2),
    "sgd_momentum": lambda: keras.optimizers.SGD(5e-2, momentum=0.9),
    "sgd_nesterov": lambda: keras.optimizers.SGD(5e-2, momentum=0.9, nesterov=True),
    "rmsprop": lambda: keras.optimizers.RMSprop(1e-3),
    "rmsprop_momentum": lambda: keras.optimizers.RMSprop(1e-3, momentum=0.5),
    "adagrad": lambda: keras.optimizers.Adagrad(5e-2),
    "adadelta": lambda: keras.optimizers.Adadelta(1.0),
}

#        name,                  hidden,  activation,  batch-norm, output,    optimiser,      extra
CASES = [
    ("linear softmax adam", [], "relu", False, "softmax", "adam", {}),
    ("linear sigmoid adam", [], "relu", False, "sigmoid", "adam", {}),
    ("hidden softmax adam", [16], "relu", False, "softmax", "adam", {}),
    ("hidden sigmoid adam", [16], "relu", False, "sigmoid", "adam", {}),
    ("hidden softmax sgd momentum", [16], "relu", False, "softmax", "sgd_momentum", {}),
    ("hidden sigmoid sgd momentum", [16], "relu", False, "sigmoid", "sgd_momentum", {}),
    # No bias before batch-norm with Adam: its true gradient is zero, and Adam turns the rounding noise that is
    # left into full steps, so that not even two runs of Keras with different threads agree on it.
    ("batch-norm softmax adam", [16, 12], "relu", True, "softmax", "adam", {"bias": False}),
    ("batch-norm sigmoid adam", [16, 12], "relu", True, "sigmoid", "adam", {"bias": False}),
    ("batch-norm softmax sgd momentum", [16, 12], "relu", True, "softmax", "sgd_momentum", {}),
    ("batch-norm sigmoid no bias", [16, 12], "relu", True, "sigmoid", "sgd_momentum", {"bias": False}),
    ("l2 penalty", [16], "tanh", False, "softmax", "adam", {"l2": 0.02}),
    ("label smoothing softmax", [16], "tanh", False, "softmax", "adam", {"smoothing": 0.1}),
    ("label smoothing sigmoid", [16], "tanh", False, "sigmoid", "adam", {"smoothing": 0.1}),
    ("class weights", [16], "tanh", False, "softmax", "adam", {"class_weight": True}),
    ("sample weights softmax", [16], "tanh", False, "softmax", "adam", {"sample_weight": True}),
    ("sample weights sigmoid", [16], "tanh", False, "sigmoid", "adam", {"sample_weight": True}),
    ("adamw", [16], "tanh", False, "softmax", "adamw", {}),
    ("plain sgd", [16], "tanh", False, "softmax", "sgd", {}),
    ("rmsprop", [16], "tanh", False, "softmax", "rmsprop", {}),
    ("rmsprop momentum", [16], "tanh", False, "softmax", "rmsprop_momentum", {}),
    ("adagrad", [16], "tanh", False, "softmax", "adagrad", {}),
    ("adadelta", [16], "tanh", False, "softmax", "adadelta", {}),
    ("nesterov", [16], "tanh", False, "softmax", "sgd_nesterov", {}),
    ("l1 penalty", [16], "tanh", False, "softmax", "adam", {"l1": 0.005}),
    ("max-norm", [16], "tanh", False, "softmax", "adam", {"max_norm": 0.9}),
    ("max-norm linear", [], "relu", False, "softmax", "sgd_momentum", {"max_norm": 0.9}),
    ("focal softmax", [16], "tanh", False, "softmax", "adam", {"focal": True}),
    ("focal sigmoid", [16], "tanh", False, "sigmoid", "adam", {"focal": True}),
    ("squeeze-and-excitation", [16], "tanh", False, "softmax", "adam", {"se": 4}),
    ("gelu", [16], "gelu", False, "softmax", "adam", {}),
    ("selu", [16], "selu", False, "softmax", "adam", {}),
    ("sigmoid activation", [16], "sigmoid", False, "softmax", "adam", {}),
    ("swish", [16], "swish", False, "softmax", "adam", {}),
    ("leaky relu", [16], "leaky_relu", False, "softmax", "adam", {}),
    ("softmax inside", [16], "softmax", False, "softmax", "adam", {}),
]


def build(hidden, activation, batch_norm, output, extra):
    inputs = keras.Input((INPUTS,))
    regularizer = keras.regularizers.L1L2(extra.get("l1", 0), extra.get("l2", 0)) if {"l1", "l2"} & set(extra) else None
    constraint = keras.constraints.MaxNorm(extra["max_norm"]) if "max_norm" in extra else None
    x = inputs
    if "se" in extra:
        gate = keras.layers.Dense(INPUTS // extra["se"], activation="relu", use_bias=False)(x)
        gate = keras.layers.Dense(INPUTS, activation="sigmoid", use_bias=False)(gate)
        x = keras.layers.Multiply()([x, gate])
    for units in hidden:
        x = keras.layers.Dense(units, use_bias=extra.get("bias", True), kernel_regularizer=regularizer, kernel_constraint=constraint)(x)
        if batch_norm:
            x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Activation(activation)(x)
    x = keras.layers.Dense(CLASSES, activation=output, kernel_regularizer=regularizer, kernel_constraint=constraint)(x)
    return keras.Model(inputs, x)


def data(output):
    x = numbers(1, ROWS * INPUTS).reshape(ROWS, INPUTS)
    scores = x[:, :CLASSES] + 0.5 * x[:, CLASSES : 2 * CLASSES] + 0.3 * numbers(2, ROWS * CLASSES).reshape(ROWS, CLASSES)
    if output == "softmax":
        y = np.eye(CLASSES, dtype=np.float32)[scores.argmax(1)]
    else:
        y = (scores > 0.2).astype(np.float32)
    return x, y


def run(name, hidden, activation, batch_norm, output, optimizer_name, extra):
    model = build(hidden, activation, batch_norm, output, extra)
    key = 100
    for variable in model.trainable_variables:
        shape = tuple(variable.shape)
        draws = numbers(key, int(np.prod(shape))).reshape(shape)
        key += 1
        if variable.path.endswith("gamma"):
            variable.assign(1 + 0.2 * draws)
        elif len(shape) == 2:
            variable.assign(0.4 * draws)
        else:
            variable.assign(0.1 * draws)
    optimizer = OPTIMIZERS[optimizer_name]()
    if optimizer_name == "adamw":
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    if extra.get("focal"):
        kind = keras.losses.CategoricalFocalCrossentropy if output == "softmax" else keras.losses.BinaryFocalCrossentropy
        loss = kind()
    elif output == "softmax":
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=extra.get("smoothing", 0))
    else:
        loss = keras.losses.BinaryCrossentropy(label_smoothing=extra.get("smoothing", 0))
    model.compile(optimizer=optimizer, loss=loss)
    x, y = data(output)
    sample_weights = 1 + numbers(3, ROWS)
    losses = []
    for step in range(STEPS):
        at = (step * BATCH) % ROWS
        rows = slice(at, at + BATCH)
        weights = None
        if extra.get("class_weight"):
            weights = {c: 0.5 + 0.5 * c for c in range(CLASSES)}
        penalty = float(sum(model.losses)) if model.losses else 0.0
        # The reported loss includes the l2 penalty of the weights before the step; permafrost reports data loss.
        model.reset_metrics()
        value = model.train_on_batch(x[rows], y[rows], class_weight=weights, sample_weight=sample_weights[rows] if extra.get("sample_weight") else None)
        losses.append(float(np.asarray(value).reshape(-1)[0]) - penalty)
    final = np.concatenate([variable.numpy().reshape(-1) for layer in model.layers for variable in layer.weights])
    return {
        "name": name,
        "hidden": hidden,
        "activation": activation,
        "batchNorm": batch_norm,
        "output": output,
        "optimizer": optimizer_name,
        "extra": extra,
        "losses": [round(loss, 7) for loss in losses],
        "weights": base64.b64encode(final.astype("<f4").tobytes()).decode(),
    }


if __name__ == "__main__":
    results = [run(*case) for case in CASES]
    target = pathlib.Path(__file__).parent / "trajectories.json"
    text = json.dumps({"keras": keras.__version__, "cases": results}, indent=None, separators=(",", ":"))
    target.write_text(text.replace('{"name"', '\n{"name"') + "\n")
    print(target, target.stat().st_size, "bytes")
