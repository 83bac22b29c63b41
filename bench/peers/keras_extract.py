"""Images per second of a Keras network: keras_extract.py KERAS_NAME PIXELS WIDTH HEIGHT FOLDER, one line of JSON.

`predict` is Model.predict on decoded pixels (PIXELS: raw uint8 RGB), preprocessed before the clock starts; `files` is
image_dataset_from_directory on FOLDER, preprocessing and predict. Keras 3.15.1, TensorFlow 2.21.0.
"""

import inspect
import json
import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras  # noqa: E402
import numpy as np  # noqa: E402

name, pixels, width, height, folder = sys.argv[1:]
size = (int(height), int(width))
network = getattr(keras.applications, name)
preprocess = inspect.getmodule(network).preprocess_input
model = network(weights=None, include_top=False, pooling="avg", input_shape=(*size, 3))
images = np.fromfile(pixels, dtype=np.uint8).reshape(-1, *size, 3)
ready = preprocess(images.astype(np.float32))
model.predict(ready[:64], batch_size=32, verbose=0)


def rate(run):
    started = time.perf_counter()
    run()
    return len(images) / (time.perf_counter() - started)


def from_files():
    data = keras.utils.image_dataset_from_directory(folder, labels=None, image_size=size, batch_size=32, shuffle=False, verbose=False)
    model.predict(data.map(preprocess).prefetch(2), verbose=0)


print(json.dumps({"predict": rate(lambda: model.predict(ready, batch_size=32, verbose=0)), "files": rate(from_files)}))
