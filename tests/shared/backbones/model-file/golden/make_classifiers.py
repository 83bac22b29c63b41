"""Writes small image classifiers that end in probabilities, as exporters of whole classifiers write them.

    python3.11 -m venv .venv && .venv/bin/pip install onnx==1.23.2 numpy==2.4.6
    .venv/bin/python tests/shared/backbones/model-file/golden/make_classifiers.py

The same means of colours, classifier and numbers in all; what they end in differs.
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
CLASSES = 4


def write(name, ends, outputs, domains=()):
    kernel = np.linspace(-1, 1, 3 * CLASSES, dtype="float32").reshape(3, CLASSES)
    constants = [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(np.arange(CLASSES, dtype="float32") / 4, "bias")]
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node("Gemm", ["features", "kernel", "bias"], ["logits"]),
        *ends,
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, 8, 8])
    graph = helper.make_graph(nodes, name, [image], outputs, constants)
    opsets = [helper.make_opsetid("", 18), *(helper.make_opsetid(domain, 3) for domain in domains)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), HERE / f"{name}.onnx")


def rows(name, count=CLASSES):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", count])


def main():
    softmax = helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1)
    write("ends_in_softmax", [softmax, helper.make_node("Identity", ["probabilities"], ["answers"])], [rows("answers")])
    # Softmax in single operations, as some exporters write it.
    write(
        "ends_in_division",
        [
            helper.make_node("Constant", [], ["last"], value=numpy_helper.from_array(np.array([-1]))),
            helper.make_node("Exp", ["logits"], ["raised"]),
            helper.make_node("ReduceSum", ["raised", "last"], ["sum"], keepdims=1),
            helper.make_node("Div", ["raised", "sum"], ["answers"]),
        ],
        [rows("answers")],
    )
    # scikit-learn's converters: a label, and a map from class to probability for each image.
    maps = helper.make_value_info("answers", helper.make_sequence_type_proto(helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))))
    zipped = helper.make_node("ZipMap", ["probabilities"], ["answers"], domain="ai.onnx.ml", classlabels_int64s=list(range(CLASSES)))
    label = helper.make_node("ArgMax", ["logits"], ["label"], axis=1, keepdims=0)
    write(
        "ends_in_zipmap",
        [softmax, zipped, label],
        [helper.make_tensor_value_info("label", TensorProto.INT64, ["batch"]), maps],
        domains=["ai.onnx.ml"],
    )


if __name__ == "__main__":
    main()
