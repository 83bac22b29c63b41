"""Runs exports in Python and prints how far they are from permafrost's own probabilities.

check_exports.py FOLDER, made by tests/export/photos.slow.ts: what.json, frames.bin, features.bin, expected.bin, model.onnx,
head.keras, model.keras. Versions: scripts/check-exports.sh; with Keras 3.15.1 and TensorFlow 2.21.0 for head.keras.
"""
import json
import sys

import numpy

folder = sys.argv[1]
what = json.load(open(f"{folder}/what.json"))
read = lambda name, dtype, shape: numpy.fromfile(f"{folder}/{name}.bin", dtype).reshape(shape)
expected = read("expected", "float32", (-1, what["classes"]))


def say(name, computed):
    print(json.dumps({"name": name, "images": len(computed), "difference": float(abs(computed - expected).max())}))


try:
    import onnxruntime

    session = onnxruntime.InferenceSession(f"{folder}/model.onnx", providers=["CPUExecutionProvider"])
    labels = json.loads(session.get_modelmeta().custom_metadata_map["labels"])
    assert len(labels) == what["classes"], labels
    frames = read("frames", "uint8", (-1, what["height"], what["width"], 3))
    say("onnx", session.run(None, {"pixels": frames})[0])
    from PIL import Image, ImageOps

    photos = [ImageOps.exif_transpose(Image.open(path)).convert("RGB") for path in what["photos"]]
    say("onnx resizing", numpy.concatenate([session.run(None, {"pixels": numpy.asarray(p)[None]})[0] for p in photos]))
except ModuleNotFoundError:
    pass
try:
    import keras

    features = read("features", "float32", (len(expected), -1))
    say("keras", keras.saving.load_model(f"{folder}/head.keras").predict(features, verbose=0))
    frames = read("frames", "uint8", (-1, what["height"], what["width"], 3))
    whole = keras.saving.load_model(f"{folder}/model.keras", safe_mode=True)
    say("keras, whole model", whole.predict(frames, verbose=0))
except ModuleNotFoundError:
    pass
