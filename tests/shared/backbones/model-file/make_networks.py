"""Exports narrow networks to ONNX in many ways, each with the same model cut by onnx.utils.extract_model.

    python3.11 -m venv .venv
    .venv/bin/pip install torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2 numpy==2.4.6
    .venv/bin/python tests/shared/backbones/model-file/make_networks.py torch FOLDER

    python3.11 -m venv .venv-tf && .venv-tf/bin/pip install tensorflow-cpu==2.21.0 tf2onnx==1.17.0 onnx==1.23.2 numpy==2.4.6
    .venv-tf/bin/python tests/shared/backbones/model-file/make_networks.py tensorflow FOLDER

writes NAME/model.onnx and NAME/cut0.onnx ... and prints a line of JSON for each network: its name, the input's shape, and of each cut
the tensor, the file and how many nodes it has.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
from onnx import shape_inference

SIDE = 64
CLASSES = 1000


def cuts_of(model, classifier_input):
    """Four tensors along the way from pixels to output, and what the classifier is fed."""
    known = {value.name: value.type.tensor_type for value in shape_inference.infer_shapes(model).graph.value_info}
    depends = {model.graph.input[0].name}
    tensors = []
    for node in model.graph.node:
        if node.op_type in ("Shape", "Size") or not depends.intersection(node.input):
            continue
        depends.update(node.output)
        kind = known.get(node.output[0])
        if kind is not None and kind.elem_type == onnx.TensorProto.FLOAT:
            tensors.append(node.output[0])
    chosen = [tensors[len(tensors) * part // 4] for part in (1, 2, 3)] + [tensors[-1]]
    return list(dict.fromkeys([*chosen, *([classifier_input] if classifier_input else [])]))


def finish(folder, name, shape, has_classes):
    path = folder / name / "model.onnx"
    model = onnx.load(path)
    last = next((node for node in reversed(model.graph.node) if node.op_type in ("Gemm", "MatMul")), None)
    classifier_input = last.input[0] if has_classes else None
    cuts = []
    for number, tensor in enumerate(cuts_of(model, classifier_input)):
        cut = folder / name / f"cut{number}.onnx"
        inputs = [value.name for value in model.graph.input if value.name not in {weight.name for weight in model.graph.initializer}]
        onnx.utils.extract_model(path, cut, inputs, [tensor])
        cuts.append({"tensor": tensor, "file": cut.name, "nodes": len(onnx.load(cut, load_external_data=False).graph.node)})
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    print(json.dumps({"name": name, "opset": opset, "shape": shape, "classifierInput": classifier_input, "nodes": len(model.graph.node), "cuts": cuts}), flush=True)


def with_torch(folder):
    import torch
    from torch import nn

    sys.path.insert(0, str(pathlib.Path(__file__).parent / "golden"))
    from make_fixtures import Bottleneck, SmallTransformer, conv_norm, seed

    def head(width):
        return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(width, CLASSES)]

    class Gate(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, 8, 1), nn.ReLU(), nn.Conv2d(8, width, 1), nn.Hardsigmoid())

        def forward(self, x):
            return x * self.gate(x)

    class Inverted(nn.Module):
        def __init__(self, width):
            super().__init__()
            wide = 3 * width
            self.body = nn.Sequential(
                *conv_norm(width, wide, 1, 1), nn.Hardswish(), nn.Conv2d(wide, wide, 3, 1, 1, groups=wide), nn.SiLU(), Gate(wide), *conv_norm(wide, width, 1, 1)
            )

        def forward(self, x):
            return x + self.body(x)

    class LayerNorm2d(nn.LayerNorm):
        def forward(self, x):
            return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    class Dense(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.layers = nn.ModuleList(nn.Sequential(*conv_norm(width + 8 * step, 8, 3, 1), nn.ReLU()) for step in range(3))

        def forward(self, x):
            for layer in self.layers:
                x = torch.cat([x, layer(x)], 1)
            return x

    class Transformer(SmallTransformer):
        SIDE = SIDE

    resnet = [*conv_norm(3, 8, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1), Bottleneck(8, 8, 1), Bottleneck(32, 12, 2), Bottleneck(48, 16, 2)]
    networks = {
        "resnet": nn.Sequential(*resnet, *head(64)),
        "mobile": nn.Sequential(*conv_norm(3, 12, 3, 2), nn.Hardswish(), Inverted(12), *conv_norm(12, 16, 3, 2), Inverted(16), *head(16)),
        "transformer": Transformer(),
        "convnext": nn.Sequential(nn.Conv2d(3, 16, 4, 4), LayerNorm2d(16), nn.Conv2d(16, 16, 7, 1, 3, groups=16), LayerNorm2d(16), nn.Conv2d(16, 64, 1), nn.GELU(), nn.Conv2d(64, 24, 2, 2), *head(24)),
        "squeeze": nn.Sequential(nn.Conv2d(3, 16, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(16, 48, 1), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(48, CLASSES)),
        "dense": nn.Sequential(*conv_norm(3, 12, 3, 2), nn.ReLU(), Dense(12), nn.AvgPool2d(2), *conv_norm(36, 20, 1, 1), nn.ReLU(), *head(20)),
    }
    exports = [
        # network, opset, exporter, batch, weights
        ("resnet", 11, "script", "dynamic", "inside"),
        ("mobile", 12, "script", "dynamic", "inside"),
        ("dense", 13, "script", "fixed", "inside"),
        ("squeeze", 14, "script", "dynamic", "inside"),
        ("transformer", 15, "script", "dynamic", "inside"),
        ("convnext", 16, "script", "fixed", "inside"),
        ("resnet", 17, "script", "fixed", "outside"),
        ("transformer", 17, "script", "dynamic", "inside"),
        ("resnet", 18, "dynamo", "dynamic", "inside"),
        ("mobile", 18, "dynamo", "fixed", "outside"),
        ("transformer", 19, "dynamo", "fixed", "inside"),
        ("convnext", 20, "dynamo", "dynamic", "outside"),
        ("dense", 21, "dynamo", "dynamic", "inside"),
        ("transformer", 21, "dynamo", "dynamic", "outside"),
    ]
    for network, opset, exporter, batch, weights in exports:
        name = f"torch-{exporter}-{opset}-{network}-{batch}-{weights}"
        model = seed(networks[network])
        path = folder / name / "model.onnx"
        path.parent.mkdir(parents=True, exist_ok=True)
        images = torch.zeros(2, 3, SIDE, SIDE)
        output = "last_hidden_state" if network == "transformer" else "output"
        options = {"opset_version": opset, "input_names": ["pixel_values"], "output_names": [output]}
        with torch.no_grad():
            if exporter == "script":
                axes = {"pixel_values": {0: "batch"}, output: {0: "batch"}} if batch == "dynamic" else None
                torch.onnx.export(model, (images,), path, dynamo=False, dynamic_axes=axes, **options)
                if weights == "outside":
                    onnx.save(onnx.load(path), path, save_as_external_data=True, location="model.onnx_data", size_threshold=0)
            else:
                shapes = ({0: torch.export.Dim("batch")},) if batch == "dynamic" else None
                torch.onnx.export(model, (images,), path, dynamo=True, external_data=weights == "outside", dynamic_shapes=shapes, verbose=False, **options)
        finish(folder, name, [2, 3, SIDE, SIDE], network != "transformer")


def with_tensorflow(folder):
    import tensorflow as tf
    import tf2onnx

    layers = tf.keras.layers
    tf.keras.utils.set_random_seed(0)

    def separable(x, width, strides):
        x = layers.DepthwiseConv2D(3, strides=strides, padding="same")(x)
        x = layers.BatchNormalization()(layers.Conv2D(width, 1, use_bias=False)(x))
        return layers.ReLU(6.0)(x)

    def network(kind, softmax):
        image = tf.keras.Input((SIDE, SIDE, 3), name="image")
        x = layers.Conv2D(12, 3, strides=2, padding="same", activation="relu")(image)
        if kind == "mobile":
            x = separable(separable(x, 16, 2), 24, 1)
        elif kind == "residual":
            y = layers.Conv2D(12, 3, padding="same")(layers.BatchNormalization()(x))
            x = layers.ReLU()(layers.Add()([x, y]))
        else:
            x = layers.Concatenate()([layers.Conv2D(8, size, padding="same", activation="relu")(x) for size in (1, 3, 5)])
        x = layers.GlobalAveragePooling2D()(layers.MaxPooling2D()(x))
        return tf.keras.Model(image, layers.Dense(CLASSES, activation="softmax" if softmax else None)(x))

    exports = [
        ("mobile", 11, "dynamic", True),
        ("residual", 12, "dynamic", False),
        ("inception", 13, "fixed", True),
        ("mobile", 15, "fixed", False),
        ("residual", 17, "dynamic", True),
        ("inception", 18, "dynamic", False),
    ]
    for kind, opset, batch, softmax in exports:
        name = f"tf2onnx-{opset}-{kind}-{batch}-{'softmax' if softmax else 'logits'}"
        model = network(kind, softmax)
        path = folder / name / "model.onnx"
        path.parent.mkdir(parents=True, exist_ok=True)
        signature = [tf.TensorSpec((2 if batch == "fixed" else None, SIDE, SIDE, 3), tf.float32, name="image")]
        tf2onnx.convert.from_function(tf.function(lambda image, model=model: model(image, training=False)), signature, opset=opset, output_path=str(path))
        finish(folder, name, [2, SIDE, SIDE, 3], True)


if __name__ == "__main__":
    {"torch": with_torch, "tensorflow": with_tensorflow}[sys.argv[1]](pathlib.Path(sys.argv[2]))
