"""Writes what Keras says about each of its applications, with formula-made weights and photos, one JSON file each.

    python3.11 -m venv .venv && .venv/bin/pip install keras==3.15.1 tensorflow-cpu==2.21.0
    .venv/bin/python tests/shared/backbones/golden/make_goldens.py [resnet50 ...]

Each file holds the parameter count, the file of ImageNet weights that Keras would load, digests of the layers with
weights (in Keras's order) and of all layers' outputs (at NON_SQUARE), and for two sizes and two photos the
average-pooled features and an intermediate activation: about 32 values and the L2 norm of all of them.
"""

import hashlib
import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import keras  # noqa: E402
import numpy as np  # noqa: E402
from formula import photo, seeded  # noqa: E402
from keras.src.models import Functional  # noqa: E402
from keras.src.utils import file_utils  # noqa: E402

SEED = 0
NON_SQUARE = (227, 160)
APPLICATIONS = keras.applications

# Name: builder, its arguments, module of preprocess_input, width and height, intermediate layer.
NETWORKS = {}


def family(module, size, layer, **variants):
    for name, builder in variants.items():
        builder, arguments = builder if isinstance(builder, tuple) else (builder, {})
        NETWORKS[name] = (builder, arguments, module, size if isinstance(size, int) else size[name], layer)


family("vgg16", 224, "block4_pool", vgg16="VGG16", vgg19="VGG19")
family("resnet", 224, "conv4_block2_out", resnet50="ResNet50", resnet101="ResNet101", resnet152="ResNet152")
family("resnet_v2", 224, "conv4_block2_out", resnet50_v2="ResNet50V2", resnet101_v2="ResNet101V2", resnet152_v2="ResNet152V2")
family("inception_v3", 299, "mixed5", inception_v3="InceptionV3")
family("inception_resnet_v2", 299, "block17_3_ac", inception_resnet_v2="InceptionResNetV2")
family("xception", 299, "add_4", xception="Xception")
family("mobilenet", 224, "conv_pw_8_relu", **{
    f"mobilenet{f'_{alpha}' if alpha != 1 else ''}": ("MobileNet", {"alpha": alpha}) for alpha in (1.0, 0.75, 0.5, 0.25)})
family("mobilenet_v2", 224, "block_8_add", **{
    f"mobilenet_v2{f'_{alpha}' if alpha != 1 else ''}": ("MobileNetV2", {"alpha": alpha}) for alpha in (1.0, 1.4, 1.3, 0.75, 0.5, 0.35)})
family("mobilenet_v3", 224, "expanded_conv_5_add", **{
    f"mobilenet_v3_{size.lower()}{suffix}": (f"MobileNetV3{size}", arguments)
    for size in ("Small", "Large")
    for suffix, arguments in (("", {}), ("_0.75", {"alpha": 0.75}), ("_minimalistic", {"minimalistic": True}))})
family("densenet", 224, "conv4_block5_concat", **{f"densenet{depth}": f"DenseNet{depth}" for depth in (121, 169, 201)})
family("nasnet", {"nasnet_mobile": 224, "nasnet_large": 331}, "normal_concat_8",
       nasnet_mobile="NASNetMobile", nasnet_large="NASNetLarge")
B_SIZES = dict(enumerate((224, 240, 260, 300, 380, 456, 528, 600)))
family("efficientnet", {f"efficientnet_b{at}": size for at, size in B_SIZES.items()}, "block4b_add",
       **{f"efficientnet_b{at}": f"EfficientNetB{at}" for at in B_SIZES})
V2_SIZES = {"b0": 224, "b1": 240, "b2": 260, "b3": 300, "s": 384, "m": 480, "l": 480}
family("efficientnet_v2", {f"efficientnet_v2_{at}": size for at, size in V2_SIZES.items()}, "block5b_add",
       **{f"efficientnet_v2_{at}": f"EfficientNetV2{at.upper()}" for at in V2_SIZES})
family("convnext", 224, "add_7", **{
    f"convnext_{size.lower()}": f"ConvNeXt{size}" for size in ("Tiny", "Small", "Base", "Large", "XLarge")})

# Described (parameters, weights file, layers, shapes), not run: 1.4 GB of weights of which a test holds several copies.
NOT_RUN = {"convnext_xlarge"}

# With weights="imagenet" Keras builds what the published files fit (EfficientNet has a layer more then); nothing is fetched.
FETCHED = []
file_utils.get_file = lambda name, origin, file_hash=None, **_: FETCHED.append((name, origin, file_hash))
Functional.load_weights = lambda *_, **__: None


def build(name, size, pooling="avg"):
    """The network without its top, as for ImageNet weights; size is width, height."""
    keras.backend.clear_session()
    builder, arguments, *_ = NETWORKS[name]
    return getattr(APPLICATIONS, builder)(
        weights="imagenet", include_top=False, pooling=pooling, input_shape=(size[1], size[0], 3), **arguments)


def flat(model):
    """Layers and bare operations in Keras's order; those of a model within the model stand in its place."""
    return [inner for layer in getattr(model, "operations", model.layers) for inner in (flat(layer) if isinstance(layer, keras.Model) else [layer])]


# Weights that Keras calls otherwise: its DepthwiseConv2D has a kernel, its LayerScale a variable.
OWN_NAMES = {"DepthwiseConv2D": "depthwise_kernel", "LayerScale": "layer_scale"}


def weight_name(layer, variable):
    return OWN_NAMES.get(type(layer).__name__) or variable.path.split("/")[-1]


def fill(model):
    for layer in flat(model):
        if not getattr(layer, "weights", None):
            continue
        names = [weight_name(layer, w) for w in layer.weights]
        layer.set_weights([np.ones((), w.dtype) if name == "count" else seeded(SEED, layer.name, name, tuple(w.shape))
                           for name, w in zip(names, layer.weights)])
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def digest(lines):
    if os.environ.get("SHOW"):
        print("\n".join(lines))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def shape_text(shape):
    return "x".join(map(str, shape))


def weight_lines(model):
    return [" ".join([layer.name, *(f"{weight_name(layer, w)}:{shape_text(w.shape)}" for w in layer.weights)])
            for layer in flat(model) if getattr(layer, "weights", None)]


# What has no counterpart: the input, preprocessing, what does nothing at inference, shapes that never differ, and the
# pooling and normalisation at the end.
LEFT_OUT = ("InputLayer", "Rescaling", "Dropout", "StochasticDepth", "Reshape")


def output_lines(model):
    lines = []
    for layer in flat(model):
        fixed_normalization = isinstance(layer, keras.layers.Normalization) and not layer.weights
        without_weights_or_maths = type(layer).__name__ in LEFT_OUT or fixed_normalization or layer.name.endswith("_identity")
        at_the_end = layer in model.operations[-2:] and len(layer.output.shape) == 2
        merged_pad = layer.name in ("conv1_pad", "pool1_pad") and "resnet" in model.name and not model.name.endswith("v2")
        if without_weights_or_maths or at_the_end or merged_pad:
            continue
        shape = layer.output.shape[1:]
        lines.append(f"{layer.name} {shape_text(shape if len(shape) == 3 else (1, 1, *shape))}")
    return sorted(lines)


def normalized(name, photos):
    return getattr(APPLICATIONS, NETWORKS[name][2]).preprocess_input(photos.astype(np.float32))


def summary(row, every):
    return {"norm": float(f"{np.linalg.norm(row.astype(np.float64)):.8g}"), "sample": [float(f"{v:.8g}") for v in row[::every]]}


def output_of(model, name):
    return next(layer.output for layer in flat(model) if layer.name == name)


def run(name, model, size):
    fill(model)
    layer = NETWORKS[name][4]
    pooled = keras.layers.GlobalAveragePooling2D()(output_of(model, layer))
    photos = np.stack([photo(number, *size) for number in (0, 1)])
    outputs = [np.asarray(rows) for rows in keras.Model(model.inputs, [model.output, pooled])(normalized(name, photos), training=False)]
    columns = {}
    for column, rows in zip(("avg", f"{layer}/avg"), outputs):
        every = max(1, rows.shape[1] // 32)
        difference = np.linalg.norm(rows[0] - rows[1]) / np.linalg.norm(rows[0])
        print(f"{name} {size} {column} {rows.shape[1]}: difference {difference:.3f}, deviation {rows.std():.4g}, zero {(rows == 0).mean():.2f}", flush=True)
        columns[column] = {"dimension": rows.shape[1], "every": every, "photos": [summary(row, every) for row in rows]}
    return {"width": size[0], "height": size[1], "columns": columns}


def main(names):
    for name in names:
        size = NETWORKS[name][3]
        runs = [] if name in NOT_RUN else [run(name, build(name, (size, size)), (size, size))]
        model = build(name, NON_SQUARE)
        file, address, file_hash = FETCHED[-1]
        golden = {
            "keras": keras.__version__, "seed": SEED, "parameters": model.count_params(),
            "imagenet": {"file": file, "address": address, **({"hash": file_hash} if file_hash else {})},
            "layers": digest(weight_lines(model)), "outputs": digest(output_lines(model)),
        }
        golden["runs"] = runs + ([] if name in NOT_RUN else [run(name, model, NON_SQUARE)])
        path = pathlib.Path(__file__).with_name(f"{name}.json")
        path.write_text(json.dumps(golden).replace('{"width"', '\n{"width"') + "\n")


if __name__ == "__main__":
    main(sys.argv[1:] or list(NETWORKS))
