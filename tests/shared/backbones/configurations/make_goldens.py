"""Writes what Keras 3 and Keras 2 save as the configuration of each network, and the features of a few models.

    python3.11 -m venv .venv && .venv/bin/pip install keras==3.15.1 tensorflow-cpu==2.21.0 tf_keras==2.21.0
    .venv/bin/python tests/shared/backbones/configurations/make_goldens.py keras3
    .venv/bin/python tests/shared/backbones/configurations/make_goldens.py keras2

golden/keras3.json.gz and keras2.json.gz: a list of {backbone, choice, config, and features where a test compares them}.
"""

import gzip
import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
HERE = pathlib.Path(__file__).parent
# What is said of initial values and penalties says nothing about what a network computes.
TRAINING_ONLY = ("initializer", "regularizer", "constraint", "build_config", "dtype", "trainable", "shared_object_id", "momentum")


def slim(value):
    if isinstance(value, list):
        return [slim(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    return {key: slim(entry) for key, entry in value.items() if not key.endswith(TRAINING_ONLY)}


def write(name, entries):
    text = json.dumps(entries, separators=(",", ":")).encode()
    (HERE / "golden").mkdir(exist_ok=True)
    (HERE / "golden" / f"{name}.json.gz").write_bytes(gzip.compress(text, 9, mtime=0))


def keras3():
    import make_configurations as made

    kept = {"weights=None", "include_preprocessing=False"}
    with_features = {("efficientnet", "weights=None"), ("efficientnet", "published constants"), ("mobilenet", "Sequential, Rescaling(1/255)"),
                     ("mobilenet", "preprocess_input in front"), ("mobilenet", "Normalization, adapted")}
    entries = []
    for family in made.FAMILIES:
        users = made.user_cases(family) if family == "mobilenet" else []
        for choice, make in [*made.constructor_cases(family), *users]:
            if family != "mobilenet" and choice not in kept and (family, choice) not in with_features:
                continue
            made.keras.backend.clear_session()
            entry = make()
            saved = {"backbone": entry["backbone"], "choice": entry["choice"], "config": slim(json.loads(entry["model"].to_json()))}
            if (family, entry["choice"]) in with_features:
                entry["fill"]()
                saved["features"] = [[float(f"{value:.7g}") for value in row] for row in entry["features"]()]
            entries.append(saved)
            print(entry["backbone"], entry["choice"], flush=True)
    write("keras3", entries)


def keras2():
    import tf_keras as keras

    entries = []
    networks = [("vgg16", "VGG16"), ("resnet50", "ResNet50"), ("resnet50_v2", "ResNet50V2"), ("inception_v3", "InceptionV3"),
                ("inception_resnet_v2", "InceptionResNetV2"), ("xception", "Xception"), ("mobilenet", "MobileNet"), ("mobilenet_v2", "MobileNetV2"),
                ("mobilenet_v3_small", "MobileNetV3Small"), ("densenet121", "DenseNet121"), ("nasnet_mobile", "NASNetMobile"),
                ("efficientnet_b0", "EfficientNetB0"), ("efficientnet_v2_b0", "EfficientNetV2B0"), ("convnext_tiny", "ConvNeXtTiny")]
    add = lambda backbone, choice, model: entries.append({"backbone": backbone, "choice": choice, "config": slim(json.loads(model.to_json()))})
    for backbone, builder in networks:
        keras.backend.clear_session()
        add(backbone, "weights=None", getattr(keras.applications, builder)(weights=None, include_top=False, input_shape=(96, 96, 3)))
        print(backbone, flush=True)
    for module, builder, backbone in (("mobilenet", "MobileNet", "mobilenet"), ("resnet", "ResNet50", "resnet50"), ("densenet", "DenseNet121", "densenet121")):
        keras.backend.clear_session()
        inputs = keras.Input((96, 96, 3))
        network = getattr(keras.applications, builder)(weights=None, include_top=False, input_shape=(96, 96, 3))
        prepared = getattr(keras.applications, module).preprocess_input(keras.layers.RandomFlip()(inputs))
        add(backbone, "preprocess_input in front", keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(network(prepared))))
        chain = keras.Sequential([keras.layers.Lambda(getattr(keras.applications, module).preprocess_input, input_shape=(96, 96, 3)), network, keras.layers.GlobalMaxPooling2D()])
        add(backbone, "Lambda(preprocess_input)", chain)
    write("keras2", entries)


if __name__ == "__main__":
    {"keras3": keras3, "keras2": keras2}[sys.argv[1]]()
