/** Models cut at any tensor: fixtures by golden/make_fixtures.py and golden/make_classifiers.py. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { cutModel } from '../../../../src/shared/backbones/model-file/cut.ts';
import { describeModel } from '../../../../src/shared/backbones/model-file/describe.ts';
import { readGraph } from '../../../../src/shared/backbones/model-file/graph.ts';
import {
  type ModelFileOptions,
  openModelBackbone,
} from '../../../../src/shared/backbones/model-file/open.ts';
import { syntheticPhoto } from '../../../support/synthetic-photo.ts';

const golden = (name: string): string => fileURLToPath(new URL(`golden/${name}.onnx`, import.meta.url));
const size = { width: 32, height: 32 };

async function features(name: string, poolings: string[], options: Partial<ModelFileOptions> = {}) {
  const said: string[] = [];
  const { description, program } = await openModelBackbone({
    path: golden(name),
    preprocess: 'half',
    size,
    resize: {},
    poolings,
    engine: {},
    info: (message) => said.push(message),
    ...options,
  });
  const { width, height } = description.size;
  const columns = await program.run({ pixels: syntheticPhoto(0, width, height) });
  await program.release();
  return { columns, said };
}

const graphOf = (name: string) => {
  const bytes = readFileSync(golden(name));
  return { bytes, graph: readGraph(bytes, name) };
};

describe('a model is cut', () => {
  it('before what the tensor does not need, weights included', () => {
    const { bytes, graph } = graphOf('narrow_resnet');
    const first = graph.nodes[0].outputs[0];
    const cut = cutModel(bytes, graph, [first])!;
    const { nodes, weights, outputs } = readGraph(cut, 'cut');
    expect(nodes.map(({ op }) => op)).toEqual(['Conv']);
    expect([...weights.keys()].sort()).toEqual(graph.nodes[0].inputs.slice(1).toSorted());
    expect(outputs).toEqual([first]);
    expect(cut.length).toBeLessThan(bytes.length / 10);
  });

  it('not where all of it is needed', () => {
    const { bytes, graph } = graphOf('narrow_resnet');
    expect(cutModel(bytes, graph, graph.outputs)).toBeUndefined();
  });

  it('at numbers from the end and at names of nodes and tensors, several at once', async () => {
    const conv = '/layers/layers.10/body/body.0/Conv';
    const requested = ['-2/avg', '-1/avg', `${conv}/max`, `${conv}_output_0/max`];
    const { columns, said } = await features('narrow_resnet', requested);
    const whole = await features('narrow_resnet', ['map/avg', 'features/avg']);
    expect(columns['-2/avg']).toEqual(whole.columns['map/avg']);
    expect(columns['-1/avg']).toEqual(whole.columns['features/avg']);
    expect(columns[`${conv}/max`]).toEqual(columns[`${conv}_output_0/max`]);
    expect(said).toEqual([
      expect.stringMatching(/^layer -2 of .*narrow_resnet.onnx is map$/),
      expect.stringMatching(/^layer -1 of .*narrow_resnet.onnx is features$/),
      expect.stringMatching(/^layer .*\/Conv of .*narrow_resnet.onnx is .*\/Conv_output_0$/),
    ]);
  });

  it('with its numbers in another file', async () => {
    const { columns } = await features('outside', ['conv2d/flatten', '-1/avg']);
    const map = columns['conv2d/flatten'];
    // The model's own output has colours first.
    const transposed = [...columns['-1/avg'].keys()].map(
      (index) => map[(index % 16) * 12 + Math.floor(index / 16)],
    );
    expect(transposed).toEqual([...columns['-1/avg']]);
  });

  it('with what graphs inside its nodes use, and without inputs that are not needed', async () => {
    const own = { size: undefined, preprocess: 'none' };
    const { columns } = await features('two_towers', ['pooler', 'flat/avg'], own);
    expect([...columns.pooler]).toEqual([...columns['flat/avg']].map((value) => 2 * value));
  });
});

describe('a number for each class', () => {
  const own = { size: undefined };

  it('is refused, and what the last layer is fed is offered', async () => {
    await expect(features('class_scores', ['output/avg'], own)).rejects.toThrow(
      /^Expected features for output of .*class_scores.onnx but it has a score for each class: pass --layer "image_embeds", which its classifier is fed$/,
    );
  });

  it('is not what is stored by default', async () => {
    const { columns, said } = await features('class_scores', ['avg'], own);
    expect(columns.avg.length).toBe(3);
    expect(said).toEqual([expect.stringContaining('features are image_embeds')]);
  });
});

describe('what permafrost backbones says of a file', () => {
  it('lists every tensor that is computed from the pixels, with its shape', async () => {
    const { layers, size, column, dimension } = await describeModel(golden('class_scores'), { layers: true });
    expect(size).toEqual({ width: 8, height: 8 });
    expect([column, dimension]).toEqual(['avg', 3]);
    expect(layers?.map(({ name, op, shape }) => `${name} ${op} ${shape.join('x')}`)).toEqual([
      'pooled GlobalAveragePool 3x1x1',
      'flat Flatten 3',
      'image_embeds If 3',
      'output MatMul 1000',
    ]);
  });

  it('takes 224x224 where nothing says a size', async () => {
    const { layers } = await describeModel(golden('narrow_resnet'), { layers: true });
    expect(layers?.at(-2)).toEqual({ name: 'map', op: 'Relu', shape: [80, 7, 7], isPerImage: true });
  });
});

it.each([
  ['-24', /^Expected -1 to -\d+ of .*ends_in_softmax.onnx for --layer but received "-24"$/],
  ['featuers', /for --layer but received "featuers" \(did you mean features\?\)$/],
])('layer %s of a small model is refused', async (layer, message) => {
  await expect(features('ends_in_softmax', [`${layer}/avg`], { size: undefined })).rejects.toThrow(
    expect.objectContaining({ name: 'UsageError', message: expect.stringMatching(message) }),
  );
});
