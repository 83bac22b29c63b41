"""Writes small image classifiers that end in probabilities or class scores, as exporters of whole classifiers write them.

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


def write_scores():
    """1,000 classes behind an embedding, which a branch scales: graphs inside a node use tensors outside it."""
    numbers = np.linspace(-1, 1, 3000, dtype="float32").reshape(3, 1000)
    constants = [
        numpy_helper.from_array(numbers, "kernel"),
        numpy_helper.from_array(np.full(3, 2, dtype="float32"), "scale"),
        numpy_helper.from_array(np.array(True), "always"),
        numpy_helper.from_array(np.zeros((4, 6), dtype="float32"), "words"),
    ]
    scaled = helper.make_tensor_value_info("scaled", TensorProto.FLOAT, ["batch", 3])
    as_it_is = helper.make_tensor_value_info("as_it_is", TensorProto.FLOAT, ["batch", 3])
    then = helper.make_graph([helper.make_node("Mul", ["flat", "scale"], ["scaled"])], "then", [], [scaled])
    other = helper.make_graph([helper.make_node("Identity", ["flat"], ["as_it_is"])], "else", [], [as_it_is])
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"], name="flattened"),
        helper.make_node("If", ["always"], ["image_embeds"], then_branch=then, else_branch=other),
        helper.make_node("MatMul", ["image_embeds", "kernel"], ["output"]),
        helper.make_node("Gather", ["words", "input_ids"], ["text_embeds"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, 8, 8])
    words = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch"])
    opsets = [helper.make_opsetid("", 18)]
    for name, inputs, outputs, kept in (
        ("class_scores", [image], [rows("output", 1000)], nodes[:4]),
        ("two_towers", [image, words], [rows("text_embeds", 6), rows("image_embeds", 3)], [*nodes[:3], nodes[4]]),
    ):
        graph = helper.make_graph(kept, name, inputs, outputs, constants)
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
    write_scores()


if __name__ == "__main__":
    main()
