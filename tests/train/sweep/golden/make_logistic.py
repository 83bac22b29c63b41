"""Minima of regularised logistic regression from scikit-learn, for tests/train/sweep/solve-stack.test.ts.

    pip install scikit-learn==1.9.1
    python tests/train/sweep/golden/make_logistic.py

Data come from the integer formula of make_goldens.py, so only objective values are stored: the mean loss plus
l2 * sum(kernel^2), whose minimum scikit-learn finds with C = 1 / (2 * l2 * rows) (softmax) or, one class versus the rest,
C = 1 / (2 * l2 * rows * classes), where the loss is also a mean over classes.
"""
import json
import pathlib

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression

INPUTS, CLASSES, ROWS = 24, 5, 320
PENALTIES = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5]


def mix(x):
    x = x.astype(np.uint32)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return x


def numbers(key, count):
    draws = mix(np.arange(count, dtype=np.uint32) ^ mix(np.array([key], dtype=np.uint32)))
    return (draws.astype(np.float64) / 2**31 - 1).astype(np.float32)


x = numbers(1, ROWS * INPUTS).reshape(ROWS, INPUTS).astype(np.float64)
scores = x[:, :CLASSES] + 0.5 * x[:, CLASSES : 2 * CLASSES] + 0.8 * numbers(2, ROWS * CLASSES).reshape(ROWS, CLASSES)


def fit(labels, c):
    return LogisticRegression(C=c, tol=1e-9, max_iter=20000).fit(x, labels)


def softmax(l2):
    labels = scores.argmax(1)
    model = fit(labels, 1 / (2 * l2 * ROWS))
    p = model.predict_proba(x)
    return -np.log(p[np.arange(ROWS), labels]).mean() + l2 * (model.coef_**2).sum()


def sigmoid(l2):
    total = 0
    for k in range(CLASSES):
        yes = (scores[:, k] > 0.2).astype(int)
        model = fit(yes, 1 / (2 * l2 * ROWS * CLASSES))
        p = model.predict_proba(x)[:, 1]
        total += -(yes * np.log(p) + (1 - yes) * np.log(1 - p)).mean() / CLASSES + l2 * (model.coef_**2).sum()
    return total


golden = {
    "scikit-learn": sklearn.__version__,
    "penalties": PENALTIES,
    "softmax": [softmax(l2) for l2 in PENALTIES],
    "sigmoid": [sigmoid(l2) for l2 in PENALTIES],
}
target = pathlib.Path(__file__).parent / "logistic.json"
target.write_text(json.dumps(golden, indent=1) + "\n")
print(target, golden)
