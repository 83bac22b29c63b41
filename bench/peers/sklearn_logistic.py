"""scikit-learn's LogisticRegression for a path of penalties, one by one, for bench/sweep.ts.

    pip install scikit-learn==1.9.1

Reads a folder with features.f32, labels.u8 and work.json; prints {"seconds", "accuracy"}.
"""
import json
import pathlib
import sys
import time
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression

warnings.filterwarnings("ignore")
folder = pathlib.Path(sys.argv[1])
work = json.loads((folder / "work.json").read_text())
rows, inputs, train = work["rows"], work["inputs"], work["train"]
x = np.fromfile(folder / "features.f32", "<f4").reshape(rows, inputs)
labels = np.fromfile(folder / "labels.u8", "u1")

started = time.perf_counter()
models = [LogisticRegression(C=1 / (2 * head["l2"] * train), max_iter=1000).fit(x[:train], labels[:train]) for head in work["heads"]]
seconds = time.perf_counter() - started
accuracy = max(float((m.predict(x[train:]) == labels[train:]).mean()) for m in models)
print(json.dumps({"seconds": seconds, "accuracy": accuracy}))
