"""Weights and photos made by formula: the same numbers as src/shared/weights/seeded.ts and ../synthetic-photo.ts.

Both sides draw from one counter-based generator, so that a golden for a full-size network is a few kilobytes.
"""

import math
import re

import numpy as np


def hash32(text):
    """FNV-1a over UTF-8 bytes."""
    state = 0x811C9DC5
    for byte in text.encode():
        state = ((state ^ byte) * 0x01000193) & 0xFFFFFFFF
    return state


def mix(x):
    """The finaliser of MurmurHash3, on an array of uint32."""
    x = x ^ (x >> np.uint32(16))
    x = x * np.uint32(0x85EBCA6B)
    x = x ^ (x >> np.uint32(13))
    x = x * np.uint32(0xC2B2AE35)
    return x ^ (x >> np.uint32(16))


def draws(key, indices):
    """Uniform uint32 for each index of the stream named `key`."""
    return mix(indices.astype(np.uint32) * np.uint32(0x9E3779B9) + np.uint32(hash32(key)))


# (see CLOSING_GAMMAS in seeded.ts)
CLOSING_GAMMAS = (
    (re.compile(r"^block\d+a_project_bn$"), (1.04, 1.625)),
    (re.compile(r"^block\d+[b-z]_project_bn$"), (0.16, 0.25)),
    (re.compile(r"^block_\d+_project_BN$"), (0.464, 0.725)),
)


def spread(layer, weight, shape):
    """The interval that a weight is drawn from (see SPREADS in seeded.ts)."""
    if weight == "gamma":
        for pattern, interval in CLOSING_GAMMAS:
            if pattern.search(layer):
                return interval
    if weight == "kernel":
        limit = math.sqrt(6 / math.prod(shape[:-1]))
    elif weight == "depthwise_kernel":
        limit = math.sqrt(6 / (shape[0] * shape[1]))
    elif weight == "pointwise_kernel":
        limit = math.sqrt(3 / shape[2])
    else:
        return {
            "bias": (-0.05, 0.05),
            "gamma": (0.8, 1.25),
            "beta": (-0.1, 0.1),
            "moving_mean": (-0.1, 0.1),
            "moving_variance": (0.75, 1.25),
            "mean": (0.4, 0.5),
            "variance": (0.2, 0.3),
            "layer_scale": (0.2, 0.6),
        }[weight]
    return (-limit, limit)


def seeded(seed, layer, weight, shape):
    """One array of weights, float32."""
    low, high = spread(layer, weight, shape)
    uniform = (draws(f"{seed}/{layer}/{weight}", np.arange(math.prod(shape))) >> np.uint32(8)).astype(np.float64) / 2**24
    return (low + (high - low) * uniform).astype(np.float32).reshape(shape)


def photo(number, width, height):
    """Photo 0 or 1: a colour gradient, a disc, stripes and noise; uint8 [height, width, 3], whole numbers throughout."""
    y, x, channel = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    if number == 0:
        base = (x * (160 - 50 * channel)) // width + (y * (20 + 35 * channel)) // height
        disc = (3 * x - width) ** 2 + (3 * y - height) ** 2 < min(width, height) ** 2
        base = np.where(disc, 200 - 60 * channel, base)
    else:
        base = 230 - (y * (90 + 30 * channel)) // height
        stripes = ((x + 2 * y) // 12) % 3 == 0
        base = np.where(stripes, 30 + 40 * channel, base)
    noise = draws(f"photo/{number}", (y * width + x) * 3 + channel) >> np.uint32(27)
    return np.clip(base + noise.astype(np.int64), 0, 255).astype(np.uint8)
