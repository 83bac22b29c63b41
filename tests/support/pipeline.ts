/** What manifests say of features that nobody computed; programs outside of Vitest import it, too. */
import { MATHS_VERSION } from '../../src/shared/store/pipeline.ts';
import {
  type Dtype,
  FORMAT,
  FORMAT_VERSION,
  type Pipeline,
  type StoreManifest,
} from '../../src/shared/store/schema.ts';

export function pipeline(dtype: Dtype = 'float32'): Pipeline {
  return {
    backbone: 'resnet50',
    weights: 'none',
    weightsHash: 'a'.repeat(64),
    size: { width: 224, height: 160 },
    poolings: ['avg', 'max'],
    preprocessing: 'caffe',
    resize: 'bilinear',
    precision: 'fp32',
    dtype,
    maths: MATHS_VERSION,
    engine: { name: 'onnxruntime', version: '1.0.0' },
    version: '0.1.0',
  };
}

/** Of a complete store without rows. */
export function storeManifest(changes: Partial<StoreManifest> = {}): StoreManifest {
  return {
    format: FORMAT,
    formatVersion: FORMAT_VERSION,
    complete: true,
    pipeline: pipeline(),
    classes: [],
    columns: [],
    parts: [],
    counts: { images: 0, rows: 0, failed: 0 },
    shard: null,
    augment: null,
    ...changes,
  };
}
