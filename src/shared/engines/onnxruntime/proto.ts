/** The few ONNX messages permafrost writes, with the field numbers of onnx.proto3 (onnx/onnx, IR version 10). */
import protobuf from 'protobufjs';

const SCHEMA = `
syntax = "proto3";
message Model { int64 ir_version = 1; string producer_name = 2; GraphBody graph = 7; repeated OperatorSet opset_import = 8; repeated Property metadata_props = 14; }
message Property { string key = 1; string value = 2; }
message OperatorSet { string domain = 1; int64 version = 2; }
message GraphBody { repeated Node node = 1; string name = 2; repeated Tensor initializer = 5; repeated ValueInfo input = 11; repeated ValueInfo output = 12; }
message Node { repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4; repeated Attribute attribute = 5; string domain = 7; }
message Attribute { string name = 1; float f = 2; int64 i = 3; bytes s = 4; repeated float floats = 7; repeated int64 ints = 8; int32 type = 20; }
message Tensor { repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9; }
message ValueInfo { string name = 1; Type type = 2; }
message Type { TensorType tensor_type = 1; }
message TensorType { int32 elem_type = 1; TensorShape shape = 2; }
message TensorShape { repeated Dimension dim = 1; }
message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } }
`;

const Model = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType('Model');

/** ONNX TensorProto.DataType. */
export const ELEMENT_TYPE = { float32: 1, uint8: 2, int64: 7, bool: 9, float16: 10, float64: 11 } as const;

/** ONNX AttributeProto.AttributeType. */
const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, ints: 7 } as const;

export type OnnxAttribute = { name: string; type: number } & (
  | { i: number }
  | { f: number }
  | { s: Buffer }
  | { ints: number[] }
);

export interface OnnxNode {
  input: string[];
  output: string[];
  op_type: string;
  attribute: OnnxAttribute[];
  /** Default: ONNX's own operations. */
  domain?: string;
}

export interface OnnxTensor {
  name: string;
  dims: number[];
  data_type: number;
  raw_data: Uint8Array;
}

export interface OnnxValueInfo {
  name: string;
  type: {
    tensor_type: { elem_type: number; shape: { dim: ({ dim_value: number } | { dim_param: string })[] } };
  };
}

export interface OnnxGraph {
  name: string;
  node: OnnxNode[];
  initializer: OnnxTensor[];
  input: OnnxValueInfo[];
  output: OnnxValueInfo[];
}

/** Attributes of a node: whole numbers, lists of whole numbers, text; `{ float }` marks a real number. */
export type OnnxAttributes = Readonly<
  Record<string, number | readonly number[] | string | { float: number }>
>;

export function onnxAttributes(attributes: OnnxAttributes): OnnxAttribute[] {
  return Object.entries(attributes).map(([name, value]) => {
    if (typeof value === 'number') return { name, type: ATTRIBUTE_TYPE.int, i: value };
    if (typeof value === 'string') return { name, type: ATTRIBUTE_TYPE.string, s: Buffer.from(value) };
    if ('float' in value) return { name, type: ATTRIBUTE_TYPE.float, f: value.float };
    return { name, type: ATTRIBUTE_TYPE.ints, ints: [...value] };
  });
}

/** ONNX operator set whose definitions the translation follows, and the file format's own version. */
const OPERATOR_SET = 18;
const IR_VERSION = 8;

/** Serialises a graph as an ONNX model, with texts by name that runtimes show as its metadata. */
export function encodeModel(graph: OnnxGraph, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const domains = new Set(graph.node.flatMap(({ domain }) => domain ?? []));
  const model: object = {
    ir_version: IR_VERSION,
    producer_name: 'permafrost',
    graph,
    opset_import: [
      { domain: '', version: OPERATOR_SET },
      ...[...domains].map((domain) => ({ domain, version: 1 })),
    ],
    metadata_props: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  };
  return Model.encode(model as protobuf.Message).finish();
}
