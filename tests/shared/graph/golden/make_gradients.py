"""Writes TensorFlow's gradients of convolutions, pools and normalisations to gradients.json.

    python3.11 -m venv .venv && .venv/bin/pip install tensorflow-cpu==2.21.0
    .venv/bin/python tests/shared/graph/golden/make_gradients.py

Element i of array k of a case is sin(1 + i * 0.7 + k) rounded to 0.25 where numbers shall tie, else as it is; the loss is the
sum of the result times an array made the same way, with k = 9.
"""

import json
import os
import pathlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

EPSILON = 1e-3


def array(shape, k, tied):
    numbers = np.sin(1 + np.arange(np.prod(shape)) * 0.7 + k)
    return tf.constant((np.round(numbers * 4) / 4 if tied else numbers).reshape(shape).astype(np.float32))


def batch_norm(x, gamma, beta):
    mean, variance = tf.nn.moments(x, [0, 1, 2])
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, EPSILON)


def layer_norm(x, gamma, beta):
    mean, variance = tf.nn.moments(x, [-1], keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, EPSILON)


# Name: shapes of the inputs, the computation, whether numbers tie.
CASES = {
    "conv2d 3x3": ([(2, 5, 4, 3), (3, 3, 3, 2)], lambda x, k: tf.nn.conv2d(x, k, 1, "SAME"), False),
    "conv2d 3x3 strides 2": ([(2, 6, 5, 3), (3, 3, 3, 2)], lambda x, k: tf.nn.conv2d(x, k, 2, "SAME"), False),
    "conv2d 1x1 strides 2": ([(2, 5, 4, 3), (1, 1, 3, 4)], lambda x, k: tf.nn.conv2d(x, k, 2, "VALID"), False),
    "conv2d 7x7 strides 2": ([(1, 9, 8, 2), (7, 7, 2, 2)], lambda x, k: tf.nn.conv2d(x, k, 2, [[0, 0], [3, 3], [3, 3], [0, 0]]), False),
    "conv2d 3x2 dilations 2": ([(1, 6, 6, 2), (3, 2, 2, 2)], lambda x, k: tf.nn.conv2d(x, k, 1, "VALID", dilations=2), False),
    "depthwiseConv2d 3x3": ([(2, 5, 4, 3), (3, 3, 3, 1)], lambda x, k: tf.nn.depthwise_conv2d(x, k, [1, 1, 1, 1], "SAME"), False),
    "depthwiseConv2d 5x5 strides 2": ([(1, 14, 13, 2), (5, 5, 2, 1)], lambda x, k: tf.nn.depthwise_conv2d(x, k, [1, 2, 2, 1], "SAME"), False),
    "depthwiseConv2d 5x5 on a large map": ([(1, 12, 11, 2), (5, 5, 2, 1)], lambda x, k: tf.nn.depthwise_conv2d(x, k, [1, 1, 1, 1], "SAME"), False),
    "maxPool 3x3 strides 2": ([(2, 6, 5, 2)], lambda x: tf.nn.max_pool2d(x, 3, 2, "SAME"), True),
    "maxPool 2x2": ([(1, 4, 4, 3)], lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID"), True),
    "avgPool 3x3": ([(2, 4, 5, 2)], lambda x: tf.nn.avg_pool2d(x, 3, 1, "SAME"), False),
    "avgPool 2x2 strides 2": ([(2, 5, 4, 2)], lambda x: tf.nn.avg_pool2d(x, 2, 2, "VALID"), False),
    "reduceMax": ([(2, 3, 4, 2)], lambda x: tf.reduce_max(x, [1, 2]), True),
    "relu6": ([(3, 5)], lambda x: tf.nn.relu6(8 * x), True),
    "batch-norm": ([(2, 3, 4, 2), (2,), (2,)], batch_norm, False),
    "layerNorm": ([(2, 3, 2, 5), (5,), (5,)], layer_norm, False),
}


def gradients(shapes, compute, tied):
    inputs = [array(shape, k, tied) for k, shape in enumerate(shapes)]
    with tf.GradientTape() as tape:
        for x in inputs:
            tape.watch(x)
        result = compute(*inputs)
        loss = tf.reduce_sum(result * array(tuple(result.shape), 9, False))
    return [[float(f"{v:.7g}") for v in np.ravel(g)] for g in tape.gradient(loss, inputs)]


def main():
    golden = {name: {"shapes": shapes, "gradients": gradients(shapes, compute, tied)} for name, (shapes, compute, tied) in CASES.items()}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(case)}" for name, case in golden.items())
    path = pathlib.Path(__file__).with_name("gradients.json")
    path.write_text('{"tensorflow": "' + tf.__version__ + '", "cases": {\n' + lines + "\n}}\n")


if __name__ == "__main__":
    main()
