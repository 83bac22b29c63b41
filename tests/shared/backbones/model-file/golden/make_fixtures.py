"""Exports a narrow ResNet and a small vision transformer from PyTorch to ONNX, with PyTorch's features of two photos.

    python3.11 -m venv .venv
    .venv/bin/pip install torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2 numpy==2.4.6
    .venv/bin/python tests/shared/backbones/model-file/golden/make_fixtures.py

Photos and weights are drawn by ../../golden/formula.py: every weight of both networks, batch-norm statistics included.
"""

import json
import pathlib
import sys

import numpy as np
import torch
from torch import nn

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "golden"))
from formula import draws, photo  # noqa: E402

IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
HALF = ([0.5] * 3, [0.5] * 3)


def conv_norm(inputs, outputs, size, stride):
    return [nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs)]


class Bottleneck(nn.Module):
    """torchvision's: 1x1, 3x3 with the stride, 1x1 to four times the width."""

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.body = nn.Sequential(
            *conv_norm(inputs, width, 1, 1), nn.ReLU(), *conv_norm(width, width, 3, stride), nn.ReLU(), *conv_norm(width, 4 * width, 1, 1)
        )
        self.shortcut = nn.Sequential(*conv_norm(inputs, 4 * width, 1, stride)) if stride > 1 or inputs != 4 * width else nn.Identity()

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


class NarrowResNet(nn.Module):
    """ResNet-50's shape at an eighth of its width, one block less in each stage; gives the last map and its mean."""

    def __init__(self):
        super().__init__()
        layers = [*conv_norm(3, 8, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        inputs = 8
        for width, blocks, stride in ((8, 2, 1), (12, 2, 2), (16, 2, 2), (20, 1, 2)):
            for block in range(blocks):
                layers.append(Bottleneck(inputs, width, stride if block == 0 else 1))
                inputs = 4 * width
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        last = self.layers(x)
        return last, last.mean((2, 3))


class SmallTransformer(nn.Module):
    """DINOv2's shape: patches of 16, a class token, 4 registers, learned positions, layer scale."""

    WIDTH, HEADS, BLOCKS, REGISTERS, SIDE = 48, 4, 3, 4, 96

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, self.WIDTH, 16, 16)
        self.start = nn.Parameter(torch.zeros(1, 1 + self.REGISTERS, self.WIDTH))
        self.positions = nn.Parameter(torch.zeros(1, (self.SIDE // 16) ** 2, self.WIDTH))
        self.blocks = nn.ModuleList(Block(self.WIDTH, self.HEADS) for _ in range(self.BLOCKS))
        self.norm = nn.LayerNorm(self.WIDTH, eps=1e-6)

    def forward(self, x):
        patches = self.patches(x).flatten(2).transpose(1, 2) + self.positions
        tokens = torch.cat([self.start.expand(x.shape[0], -1, -1), patches], 1)
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.scale1, self.scale2 = nn.Parameter(torch.ones(width)), nn.Parameter(torch.ones(width))

    def forward(self, x):
        batch, tokens, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, tokens, width)
        x = x + self.scale1 * self.out(mixed)
        return x + self.scale2 * self.down(nn.functional.gelu(self.up(self.norm2(x))))


def seed(model):
    """Fills all parameters and statistics, so that no signal dies: matrices like He's, scales near 1."""
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():
            continue
        uniform = torch.from_numpy((draws(f"0/{name}", np.arange(tensor.numel())) >> np.uint32(8)).astype(np.float64) / 2**24)
        shape = tensor.shape
        if name.endswith(("running_var", "norm.weight")) or (len(shape) == 1 and name.endswith("weight")):
            low, high = 0.8, 1.25
        elif "scale" in name:
            low, high = 0.3, 0.7
        elif len(shape) >= 2 and name.endswith("weight"):
            limit = (6 / np.prod(shape[1:])) ** 0.5
            low, high = -limit, limit
        elif name in ("start", "positions"):
            low, high = -0.3, 0.3
        else:
            low, high = -0.1, 0.1
        tensor.copy_((low + (high - low) * uniform).reshape(shape))
    return model.eval()


def pixels(width, height, scaling):
    mean, std = (np.array(values) for values in scaling)
    photos = np.stack([photo(number, width, height) for number in (0, 1)])
    return torch.from_numpy(((photos / 255 - mean) / std).astype(np.float32).transpose(0, 3, 1, 2)).contiguous()


def summary(columns):
    rounded = lambda row: [float(f"{value:.7g}") for value in row.tolist()]
    return {name: [rounded(row) for row in rows] for name, rows in columns.items()}


def main():
    runs = {}
    with torch.no_grad():
        resnet = seed(NarrowResNet())
        dynamic = {0: "batch_size", 2: "height", 3: "width"}
        torch.onnx.export(
            resnet,
            (pixels(96, 96, IMAGENET),),
            HERE / "narrow_resnet.onnx",
            input_names=["pixel_values"],
            output_names=["map", "features"],
            dynamic_axes={"pixel_values": dynamic, "map": {0: "batch_size"}, "features": {0: "batch_size"}},
            dynamo=False,
        )
        for width, height in ((96, 96), (150, 75)):
            last, mean = resnet(pixels(width, height, IMAGENET))
            runs[f"narrow_resnet {width}x{height}"] = summary({"map/avg": last.mean((2, 3)), "map/max": last.amax((2, 3)), "features/avg": mean})

        transformer = seed(SmallTransformer())
        side = SmallTransformer.SIDE
        images = pixels(side, side, HALF)
        torch.onnx.export(
            transformer, (images,), HERE / "small_transformer.onnx", input_names=["pixel_values"], output_names=["last_hidden_state"],
            dynamic_axes={"pixel_values": {0: "batch_size"}, "last_hidden_state": {0: "batch_size"}}, dynamo=False,
        )  # fmt: skip
        tokens = transformer(images)
        extra = 1 + SmallTransformer.REGISTERS
        runs[f"small_transformer {side}x{side}"] = summary({"cls": tokens[:, 0], "avg": tokens[:, extra:].mean(1), "max": tokens[:, extra:].amax(1)})

        # Colours last, and one image at a time: as other exporters do it.
        class LastColours(nn.Module):
            def __init__(self):
                super().__init__()
                self.resnet = resnet

            def forward(self, x):
                return self.resnet(x.permute(0, 3, 1, 2))[1]

        nhwc = pixels(64, 64, ([0.0] * 3, [1 / 255] * 3)).permute(0, 2, 3, 1).contiguous()
        last = LastColours().eval()
        torch.onnx.export(last, (nhwc[:1],), HERE / "colours_last.onnx", input_names=["image"], output_names=["features"], dynamo=False)
        runs["colours_last 64x64"] = summary({"avg": torch.cat([last(image[None]) for image in nhwc])})

        # The newer exporter, with its numbers in a file beside the model.
        outside = seed(nn.Sequential(nn.Conv2d(3, 12, 8, 8), nn.Flatten()))
        images = pixels(32, 32, HALF)
        torch.onnx.export(outside, (images,), HERE / "outside.onnx", dynamo=True, external_data=True, dynamic_shapes=({0: "batch"},))
        runs["outside 32x32"] = summary({"avg": outside(images)})
    for columns in runs.values():
        for name, (first, second) in columns.items():
            difference = np.linalg.norm(np.subtract(first, second)) / np.linalg.norm(first)
            print(name, len(first), f"photos differ by {difference:.0%}", file=sys.stderr)
    (HERE / "features.json").write_text(json.dumps({"torch": torch.__version__, "runs": runs}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
