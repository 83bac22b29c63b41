"""Builds each network of Keras Applications in all ways that its constructor offers, and in models as users make them.

    python3.11 -m venv .venv && .venv/bin/pip install keras==3.15.1 tensorflow-cpu==2.21.0
    .venv/bin/python tests/shared/backbones/configurations/make_configurations.py FOLDER [family ...]

Each model gets weights made by formula (../golden/formula.py) and is saved as .h5, .weights.h5 and .keras in FOLDER. A line of
JSON says what it is, with the average-pooled features that Keras gives for two photos; then a line on the standard input is
awaited, so that files can be compared and deleted one by one (configurations.slow.ts does).
"""

import functools
import gc
import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402
from keras.src.models import Functional  # noqa: E402
from keras.src.utils import file_utils  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "golden"))
from formula import photo, seeded  # noqa: E402

seeded = functools.cache(seeded)

APPLICATIONS = keras.applications
SIZE = 96
IMAGENET_MEAN, IMAGENET_DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]

# With weights="imagenet" Keras builds what the published files fit; nothing is fetched.
file_utils.get_file = lambda name, origin, file_hash=None, **_: name
load_weights = Functional.load_weights
Functional.load_weights = lambda *_, **__: None

tf_mode = lambda x: x / 127.5 - 1
torch_mode = lambda x: (x / 255 - np.array(IMAGENET_MEAN)) / np.array(IMAGENET_DEVIATION)
caffe_mode = lambda x: x[..., ::-1] - np.array([103.939, 116.779, 123.68])
half_mode = lambda x: x / 128 - 1
raw = lambda x: x

# Family: builder, the backbone's name, how pixels are prepared outside of the network, and (where Keras builds that into
# the network) what stands in for it with include_preprocessing=False.
FAMILIES = {
    "vgg": ("VGG16", "vgg16", caffe_mode, None),
    "resnet": ("ResNet50", "resnet50", caffe_mode, None),
    "resnet_v2": ("ResNet50V2", "resnet50_v2", tf_mode, None),
    "inception_v3": ("InceptionV3", "inception_v3", tf_mode, None),
    "inception_resnet_v2": ("InceptionResNetV2", "inception_resnet_v2", tf_mode, None),
    "xception": ("Xception", "xception", tf_mode, None),
    "mobilenet": ("MobileNet", "mobilenet", tf_mode, None),
    "mobilenet_v2": ("MobileNetV2", "mobilenet_v2", tf_mode, None),
    "mobilenet_v3": ("MobileNetV3Small", "mobilenet_v3_small", raw, tf_mode),
    "densenet": ("DenseNet121", "densenet121", torch_mode, None),
    "nasnet": ("NASNetMobile", "nasnet_mobile", tf_mode, None),
    "efficientnet": ("EfficientNetB0", "efficientnet_b0", raw, None),
    "efficientnet_v2": ("EfficientNetV2B0", "efficientnet_v2_b0", raw, torch_mode),
    "convnext": ("ConvNeXtTiny", "convnext_tiny", raw, torch_mode),
}
# Those whose preprocess_input differ: as in caffe, tf and torch.
MODULES = {"mobilenet": APPLICATIONS.mobilenet, "resnet": APPLICATIONS.resnet, "densenet": APPLICATIONS.densenet}


def fill(model, published):
    """Weights by formula. Normalizations keep what they begin with, or get the numbers of the published files."""
    for layer in flat(model):
        if not getattr(layer, "weights", None) or isinstance(layer, layers.RandomFlip):
            continue
        if isinstance(layer, layers.Normalization):
            if published is not None:
                layer.set_weights([np.array(value, "float32") for value in (*published, 1)])
                layer.finalize_state()
            continue
        names = [weight_name(layer, w) for w in layer.weights]
        layer.set_weights([seeded(0, layer.name, name, tuple(w.shape)) for name, w in zip(names, layer.weights)])


OWN_NAMES = {"DepthwiseConv2D": "depthwise_kernel", "LayerScale": "layer_scale"}


def weight_name(layer, variable):
    return OWN_NAMES.get(type(layer).__name__) or variable.path.split("/")[-1]


def flat(model):
    return [inner for layer in getattr(model, "operations", model.layers) for inner in (flat(layer) if isinstance(layer, keras.Model) else [layer])]


def features(network, prepare):
    """Of two photos: the last feature map's mean, normalized where the network does that."""
    photos = np.stack([photo(number, SIZE, SIZE) for number in (0, 1)])
    pixels = prepare(photos.astype("float32")).astype("float32")
    is_convnext = any(type(op).__name__ == "LayerScale" for op in network.operations)
    norms = [op for op in network.operations if isinstance(op, layers.LayerNormalization)]
    rows = np.asarray(keras.Model(network.inputs, last_map(network, norms if is_convnext else []))(pixels, training=False)).mean((1, 2))
    if is_convnext:
        rows = np.asarray(norms[-1](rows[:, None, None, :])).reshape(rows.shape)
    return rows.tolist()


def last_map(network, norms):
    """What comes before the pooling, the top or ConvNeXt's last normalization."""
    if len(network.output.shape) == 4:
        return norms[-1].input if norms else network.output
    pools = [op for op in network.operations if isinstance(op, (layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D))]
    return (pools or [op for op in network.operations if isinstance(op, layers.Flatten)])[-1].input


def case(family, choice, backbone, model, network, prepare, published=None):
    """A model to save, and the network in it (itself, or the same weights elsewhere) that gives its features."""
    return {"family": family, "choice": choice, "backbone": backbone, "model": model, "fill": lambda: fill(model, published),
            "features": lambda: features(network, prepare)}


def build(builder, **arguments):
    return getattr(APPLICATIONS, builder)(**{"weights": None, "include_top": False, "input_shape": (SIZE, SIZE, 3), **arguments})


def other_name(family, name="mine"):
    """EfficientNetV2 looks its blocks up by its name: Keras can build it under no other."""
    return {} if family == "efficientnet_v2" else {"name": name}


def constructor_cases(family):
    builder, name, prepare, outside = FAMILIES[family]
    make = lambda choice, published=None, backbone=name, prepare=prepare, builder=builder, **arguments: (
        choice, lambda: case(family, choice, backbone, (model := build(builder, **arguments)), model, prepare, published))
    yield make("weights=None")
    yield make("published constants", (IMAGENET_MEAN, IMAGENET_DEVIATION) if family == "efficientnet" else (IMAGENET_MEAN, np.square(IMAGENET_DEVIATION)), weights="imagenet")
    yield make("include_top, classes=7, no activation", include_top=True, classes=7, classifier_activation=None)
    yield make("pooling=max, another name", pooling="max", **other_name(family))
    if family != "nasnet":  # which Keras builds so, but cannot run
        yield make("input_shape=None", input_shape=(None, None, 3))
    if family not in ("convnext", "densenet", "nasnet"):  # whose code refuses it
        yield "channels_first", lambda: channels_first(family)
    yield "input_tensor", lambda: behind_a_tensor(family)
    if outside:
        yield make("include_preprocessing=False", include_preprocessing=False, prepare=outside)
    if family == "mobilenet":
        yield make("alpha=0.5", alpha=0.5, backbone="mobilenet_0.5")
        yield make("alpha=0.6, as no published one", alpha=0.6)
        yield make("depth_multiplier=2", depth_multiplier=2)
        yield make("dropout=0.5 and a top", include_top=True, classes=3, dropout=0.5)
    if family == "mobilenet_v2":
        yield make("alpha=0.35", alpha=0.35, backbone="mobilenet_v2_0.35")
    if family == "mobilenet_v3":
        yield make("minimalistic", minimalistic=True, backbone="mobilenet_v3_small_minimalistic")
        yield make("minimalistic, given as the other", minimalistic=True)
        yield make("alpha=0.75, dropout_rate=0.5", alpha=0.75, dropout_rate=0.5, include_top=True, classes=3, backbone="mobilenet_v3_small_0.75")
        yield make("Large, minimalistic", backbone="mobilenet_v3_large_minimalistic", builder="MobileNetV3Large", minimalistic=True)
    if family == "efficientnet":
        yield make("means of other photos", ([0.3, 0.4, 0.5], [0.05, 0.06, 0.07]))
        yield make("means of other photos, corrected", ([0.3, 0.4, 0.5], [0.05, 0.06, 0.07]), weights="imagenet")
    if family == "efficientnet_v2":
        yield make("S", backbone="efficientnet_v2_s", builder="EfficientNetV2S")
        yield make("S, include_preprocessing=False", backbone="efficientnet_v2_s", builder="EfficientNetV2S", include_preprocessing=False, prepare=half_mode)


def behind_a_tensor(family):
    """input_tensor: the network's layers follow others in the same model."""
    builder, name, prepare, _ = FAMILIES[family]
    inputs = keras.Input((SIZE, SIZE, 3))
    tensor = layers.Rescaling(1 / 2)(inputs) if prepare is raw else layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    model = build(builder, input_tensor=tensor, input_shape=None)
    return case(family, "input_tensor", name, model, model, raw)


def channels_first(family):
    """Convolutions of colours that come first do not run on a CPU: the same weights with colours last do."""
    builder, name, prepare, _ = FAMILIES[family]
    keras.config.set_image_data_format("channels_first")
    try:
        model = build(builder, input_shape=(3, SIZE, SIZE), **other_name(family))
    finally:
        keras.config.set_image_data_format("channels_last")
    twin = build(builder)
    made = case(family, "channels_first", name, twin, twin, prepare)
    weighted = lambda network: [layer for layer in flat(network) if getattr(layer, "weights", None)]

    def copy():
        made["fill"]()
        for layer, own in zip(weighted(model), weighted(twin)):
            layer.set_weights(own.get_weights())

    return {**made, "model": model, "fill": copy}


def user_cases(family):
    """Models as people put them together, around one of the networks."""
    builder, name, prepare, _ = FAMILIES[family]
    arguments, name = ({"alpha": 0.25}, "mobilenet_0.25") if family == "mobilenet" else ({}, name)
    net = lambda **more: build(builder, **{**arguments, **more})
    start = lambda: keras.Input((SIZE, SIZE, 3))

    def around(choice, front, prepare, fill_front=None):
        def make():
            network = net()
            x = inputs = start()
            for step in front:
                x = step(x)
            head = layers.Dense(3)(layers.GlobalAveragePooling2D()(network(x)))
            made = case(family, choice, name, keras.Model(inputs, head), network, prepare)
            return {**made, "fill": lambda: (made["fill"](), fill_front and fill_front(front))}
        return choice, make

    def chain(choice, front, prepare, **more):
        def make():
            network = net(**more)
            model = keras.Sequential([start(), *front, network, layers.GlobalAveragePooling2D(), layers.Dense(2, activation="softmax")])
            return case(family, choice, name, model, network, prepare)
        return choice, make

    yield chain("Sequential, head", [], prepare)
    yield "two networks", lambda: two_networks(family, net, name, start)
    if family in MODULES:
        yield around("preprocess_input in front", [lambda x: layers.RandomFlip()(x), MODULES[family].preprocess_input], prepare)
        yield chain("Lambda(preprocess_input)", [layers.Lambda(MODULES[family].preprocess_input)], prepare)
    # Layers in front are read in one way whatever the network: one family that has its own, and one that has none.
    if family not in ("mobilenet", "efficientnet"):
        return
    yield chain("Sequential, augmentation, head", [layers.RandomFlip(), layers.RandomRotation(0.1), layers.RandomZoom(0.1)], prepare)
    own = prepare is raw
    if own:
        yield chain("Sequential, Rescaling(1/255) in front of its own", [layers.Rescaling(1 / 255)], lambda x: x / 255)
    else:
        yield chain("Sequential, Rescaling(1/127.5, -1)", [layers.Rescaling(1 / 127.5, offset=-1)], tf_mode)
        yield chain("Sequential, Rescaling(1/255)", [layers.Rescaling(1 / 255)], lambda x: x / 255)
    if family == "mobilenet":
        yield chain("Lambda(lambda x: x / 255)", [layers.Lambda(lambda x: x / 255.0)], raw)
        yield chain("Resizing to its size", [layers.Resizing(SIZE, SIZE), layers.Rescaling(1 / 127.5, offset=-1)], tf_mode)
        yield chain("Resizing to another size", [layers.Resizing(128, 128), layers.Rescaling(1 / 127.5, offset=-1)], tf_mode, input_shape=None)
        yield chain("Normalization with numbers", [layers.Normalization(mean=[100, 110, 120], variance=[400, 500, 600])],
                    lambda x: (x - np.array([100, 110, 120])) / np.sqrt([400, 500, 600]))
        normalization = layers.Normalization()
        yield around("Normalization, adapted", [normalization], lambda x: (x - np.array([90, 100, 110])) / np.sqrt([900, 1600, 2500]),
                     lambda _: (normalization.set_weights([np.array([90, 100, 110.0]), np.array([900, 1600, 2500.0]), np.array(7)]), normalization.finalize_state()))
        yield "one network, called twice", lambda: called_twice(net, name, start)
        yield "beside VGG16", lambda: beside_vgg(net, name, start)
        yield "a stride changed", lambda: dilated(name)


def two_networks(family, net, name, start):
    inputs, first, second = start(), net(), net(**other_name(family, "second"))
    second.name = "second"
    model = keras.Model(inputs, layers.Concatenate()([layers.GlobalAveragePooling2D()(first(inputs)), layers.GlobalAveragePooling2D()(second(inputs))]))
    return case(family, "two networks", name, model, first, FAMILIES[family][2])


def called_twice(net, name, start):
    a, b, network = start(), start(), net()
    pooled = layers.GlobalAveragePooling2D()
    model = keras.Model([a, b], layers.Subtract()([pooled(network(a)), pooled(network(b))]))
    return case("mobilenet", "one network, called twice", name, model, network, tf_mode)


def beside_vgg(net, name, start):
    inputs, network = start(), net()
    vgg = build("VGG16")
    model = keras.Model(inputs, layers.Concatenate()([layers.GlobalAveragePooling2D()(network(inputs)), layers.GlobalAveragePooling2D()(vgg(inputs))]))
    return case("mobilenet", "beside VGG16", name, model, network, tf_mode)


def dilated(name):
    network = build("MobileNet", alpha=0.25)
    config = network.get_config()
    for layer in config["layers"]:
        if layer["name"] == "conv_dw_12":
            layer["config"].update(strides=(1, 1), padding="same")
        if layer["name"] == "conv_pad_12":
            layer["config"].update(padding=((0, 0), (0, 0)))
    model = keras.Model.from_config(config)
    return case("mobilenet", "a stride changed", name, model, model, tf_mode)


FORMATS = ("h5", "weights.h5", "keras")


def main(folder, families):
    for family in families or FAMILIES:
        for _, make in [*constructor_cases(family), *user_cases(family)]:
            keras.backend.clear_session()
            made = make()
            made["fill"]()
            for extension in FORMATS:
                path = f"{folder}/model.{extension}"
                (made["model"].save_weights if extension == "weights.h5" else made["model"].save)(path)
            line = {key: made[key] for key in ("family", "choice", "backbone")}
            print(json.dumps({**line, "size": SIZE, "features": made["features"]()}), flush=True)
            sys.stdin.readline()
            del made, make
            gc.collect()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
