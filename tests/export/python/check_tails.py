"""Loads models with a trained tail in Keras, trains them for a step and prints what came of it.

check_tails.py FOLDER, made by tests/export/tail.slow.ts: models.json, and for each model NAME/model.keras, NAME/pixels, NAME/expected.
With Keras 3.15.1 and TensorFlow 2.21.0.
"""
import json
import sys

import keras
import numpy

folder = sys.argv[1]
for model in json.load(open(f"{folder}/models.json")):
    path = f"{folder}/{model['name']}"
    pixels = numpy.fromfile(f"{path}/pixels", "uint8").reshape(-1, model["height"], model["width"], 3)
    expected = numpy.fromfile(f"{path}/expected", "float32").reshape(len(pixels), -1)
    loaded = keras.saving.load_model(f"{path}/model.keras", safe_mode=True)
    difference = float(abs(loaded.predict(pixels, verbose=0) - expected).max())
    before = {layer.name: layer.get_weights() for layer in loaded.layers}
    loaded.compile(keras.optimizers.SGD(1e-2), "categorical_crossentropy")
    targets = numpy.eye(expected.shape[1])[numpy.arange(len(pixels)) % expected.shape[1]]
    history = loaded.fit(pixels, targets, batch_size=len(pixels), epochs=1, verbose=0)
    changed = [
        layer.name
        for layer in loaded.layers
        if any(not numpy.array_equal(a, b) for a, b in zip(before[layer.name], layer.get_weights()))
    ]
    print(json.dumps({"name": model["name"], "difference": difference, "loss": history.history["loss"][0],
                      "changed": changed}), flush=True)
    keras.backend.clear_session()
