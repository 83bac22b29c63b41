import { describe, expect, it } from 'vitest';
import { findCut } from '../../../../src/shared/backbones/cut/find.ts';
import { type BackboneShape, describeBackbone } from '../../../../src/shared/backbones/load.ts';

const network = (name: string): BackboneShape => describeBackbone({ name, poolings: ['avg'] });
const resnet = network('resnet50');

describe('a cut', () => {
  it('keeps what the first trained layer reads', () => {
    const cut = findCut(resnet, 'conv5_block3_1_conv');
    expect(cut).toMatchObject({ layer: 'conv5_block2_out', shape: [7, 7, 2048], isHalved: false });
    expect(cut.trained.map(({ layer }) => layer)).toEqual(
      [1, 2, 3].flatMap((part) => [`conv5_block3_${part}_conv`, `conv5_block3_${part}_bn`]),
    );
  });

  it('takes the name of a block for its first layer', () => {
    expect(findCut(resnet, 'conv5_block3')).toEqual(findCut(resnet, 'conv5_block3_1_conv'));
    expect(findCut(resnet, 'conv5').trained).toHaveLength(20);
  });

  it('keeps every second pixel where nothing else is read', () => {
    expect(findCut(resnet, 'conv5_block1')).toMatchObject({
      layer: 'conv4_block6_out',
      shape: [7, 7, 1024],
      isHalved: true,
    });
  });

  it('takes the smallest activation between frozen and trained weights', () => {
    expect(findCut(network('vgg16'), 'block5_conv1')).toMatchObject({
      layer: 'block4_pool',
      shape: [14, 14, 512],
    });
  });

  it.each([
    ['efficientnet_lite0', 'block6d_add', 'block7a_expand_conv'],
    ['resnet50', 'conv5_block2_out', 'conv5_block3_1_conv'],
    ['resnet50_v2', 'conv5_block2_out', 'conv5_block3_preact_bn'],
    ['vgg16', 'block4_pool', 'block5_conv1'],
    ['inception_v3', 'mixed9', 'conv2d_89'],
    ['inception_resnet_v2', 'block8_9_ac', 'conv2d_200'],
    ['xception', 'add_11', 'block14_sepconv1'],
    ['mobilenet', 'conv_pw_12_relu', 'conv_dw_13'],
    ['mobilenet_v2', 'block_15_add', 'block_16_expand'],
    ['mobilenet_v3_large', 'expanded_conv_13_add', 'expanded_conv_14_expand'],
    ['densenet121', 'conv5_block15_concat', 'conv5_block16_0_bn'],
    // Its cells read the two before them: no other place has one activation.
    ['nasnet_mobile', 'stem_bn1', 'reduction_conv_1_stem_1'],
    ['efficientnet_b0', 'block6d_add', 'block7a_expand_conv'],
    ['efficientnet_v2_b0', 'block6g_add', 'block6h_expand_conv'],
    ['convnext_tiny', 'add_16', 'convnext_tiny_stage_3_block_2_depthwise_conv'],
  ])('before the last block of %s is behind %s', (name, layer, first) => {
    const cut = findCut(network(name), 'last-block');
    expect(cut.layer).toBe(layer);
    expect(cut.trained[0].layer).toBe(first);
  });
});

describe("Keras's number of a layer", () => {
  it('is that of the first trained one', () => {
    const inception = network('inception_v3');
    expect(findCut(inception, '87').from).toBe('conv2d_27');
    // The first 86 layers frozen: the 87th joins the branches, and has no weights.
    expect(findCut(inception, '86')).toEqual(findCut(inception, '87'));
    expect(findCut(inception, '249')).toEqual(findCut(inception, 'conv2d_80'));
    expect(findCut(inception, '-62')).toEqual(findCut(inception, '249'));
  });

  it('counts the layers that Keras alone has, whose names are known too', () => {
    const efficientnet = network('efficientnet_b0');
    expect(findCut(efficientnet, '222').from).toBe('block7a_expand_conv');
    expect(findCut(efficientnet, '220')).toEqual(findCut(efficientnet, 'block6d_drop'));
    expect(findCut(network('convnext_tiny'), 'convnext_tiny_downsampling_block_2').from).toBe(
      'convnext_tiny_downsampling_layernorm_2',
    );
  });
});

describe('refused is', () => {
  const expectRefusal = (from: string, message: string): void =>
    expect(() => findCut(resnet, from)).toThrow(expect.objectContaining({ name: 'UsageError', message }));

  it('a layer inside a residual block, with the nearest that work', () => {
    expectRefusal(
      'conv5_block1_0_conv',
      'Expected a layer of resnet50 that no path leads past for --from but received "conv5_block1_0_conv" ' +
        '(nearest: conv5_block1_1_conv and conv5_block2_1_conv)',
    );
    expectRefusal(
      '149',
      'Expected a layer of resnet50 that no path leads past for --from but received "149" ' +
        '(first layer: conv5_block1_0_conv; nearest: conv5_block1_1_conv and conv5_block2_1_conv)',
    );
    expectRefusal(
      'conv5_block3_2_conv',
      'Expected a layer of resnet50 that no path leads past for --from but received "conv5_block3_2_conv" ' +
        '(nearest: conv5_block3_1_conv)',
    );
  });

  it('a name that the network does not have, with near ones', () => {
    expectRefusal(
      'conv5_blok1',
      'Expected a layer or block of resnet50 for --from but received "conv5_blok1" ' +
        '(did you mean conv5_block1 or conv2_block1 or conv3_block1?)',
    );
    expect(() => findCut(resnet, 'quite-another')).toThrow('(permafrost backbones resnet50 lists them)');
  });

  it('a number that the network does not have', () => {
    for (const number of ['175', '-176', '99999999999999999999'])
      expectRefusal(
        number,
        `Expected the number of a layer of resnet50, -175 to 174, for --from but received "${number}"`,
      );
  });

  it('a place with nothing to freeze or nothing to train', () => {
    expectRefusal(
      'conv1_conv',
      'Expected a layer with weights before it for --from but received "conv1_conv"',
    );
    expectRefusal(
      'conv5_block3_out',
      'Expected a layer with weights at or behind it for --from but received "conv5_block3_out"',
    );
  });
});
