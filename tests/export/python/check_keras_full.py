"""Loads whole models in Keras and prints how far they are from permafrost's own probabilities.

check_keras_full.py FOLDER, made by tests/export/keras.slow.ts: models.json, and for each model NAME.keras, NAME.pixels, NAME.expected.
With Keras 3.15.1 and TensorFlow 2.21.0.
"""
import json
import sys

import keras
import numpy

folder = sys.argv[1]
for model in json.load(open(f"{folder}/models.json")):
    path = f"{folder}/{model['name']}"
    pixels = numpy.fromfile(f"{path}.pixels", "uint8").reshape(-1, model["height"], model["width"], 3)
    expected = numpy.fromfile(f"{path}.expected", "float32").reshape(len(pixels), -1)
    loaded = keras.saving.load_model(f"{path}.keras", safe_mode=True)
    computed = loaded.predict(pixels, verbose=0)
    difference = float(abs(computed - expected).max())
    # Of another size: it must run.
    larger = loaded.predict(numpy.repeat(numpy.repeat(pixels[:1], 2, axis=1), 2, axis=2), verbose=0)
    print(json.dumps({"name": model["name"], "difference": difference, "spread": float(expected.std(axis=0).max()),
                      "larger": float(abs(larger - expected[:1]).max())}), flush=True)
    keras.backend.clear_session()
