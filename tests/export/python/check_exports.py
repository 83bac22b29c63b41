"""Runs exports in Python and prints how far they are from permafrost's own probabilities.

check_exports.py FOLDER, made by tests/export/photos.slow.ts: what.json, frames.bin, features.bin, expected.bin, model.onnx,
head.keras, model.keras. Versions: scripts/setup-keras.sh.
"""
import json
import sys

import keras
import numpy
import onnxruntime
from PIL import Image, ImageOps

folder = sys.argv[1]
what = json.load(open(f"{folder}/what.json"))
read = lambda name, dtype, shape: numpy.fromfile(f"{folder}/{name}.bin", dtype).reshape(shape)
expected = read("expected", "float32", (-1, what["classes"]))


def say(name, computed):
    print(json.dumps({"name": name, "images": len(computed), "difference": float(abs(computed - expected).max())}))


session = onnxruntime.InferenceSession(f"{folder}/model.onnx", providers=["CPUExecutionProvider"])
labels = json.loads(session.get_modelmeta().custom_metadata_map["labels"])
assert len(labels) == what["classes"], labels
frames = read("frames", "uint8", (-1, what["height"], what["width"], 3))
say("onnx", session.run(None, {"pixels": frames})[0])

photos = [ImageOps.exif_transpose(Image.open(path)).convert("RGB") for path in what["photos"]]
say("onnx resizing", numpy.concatenate([session.run(None, {"pixels": numpy.asarray(p)[None]})[0] for p in photos]))

features = read("features", "float32", (len(expected), -1))
say("keras", keras.saving.load_model(f"{folder}/head.keras").predict(features, verbose=0))
whole = keras.saving.load_model(f"{folder}/model.keras", safe_mode=True)
say("keras, whole model", whole.predict(frames, verbose=0))
