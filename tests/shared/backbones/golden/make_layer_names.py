"""Writes the names of `model.layers` of each of Keras's applications, without top and pooling, and the momentum of its batch-norms.

    python3.11 -m venv .venv && .venv/bin/pip install keras==3.15.1 tensorflow-cpu==2.21.0
    .venv/bin/python tests/shared/backbones/golden/make_layer_names.py

layer_names.json.gz: {name: {"layers": [...], "momentum": 0.99 or none}}; a model within the model is a list, its own name first.
"""

import gzip
import json
import pathlib

import keras
from make_goldens import NETWORKS, build


def names(model):
    return [[layer.name, *names(layer)] if isinstance(layer, keras.Model) else layer.name for layer in model.layers]


def momentum(model):
    momenta = {layer.momentum for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)}
    assert len(momenta) <= 1, momenta
    return momenta.pop() if momenta else None


def main():
    listed = {}
    for name in NETWORKS:
        size = NETWORKS[name][3]
        model = build(name, (size, size), pooling=None)
        listed[name] = {"layers": names(model), "momentum": momentum(model)}
        print(name, len(model.layers), listed[name]["momentum"], flush=True)
    text = json.dumps(listed, separators=(",", ":")).encode()
    pathlib.Path(__file__).with_name("layer_names.json.gz").write_bytes(gzip.compress(text, 9, mtime=0))


if __name__ == "__main__":
    main()
