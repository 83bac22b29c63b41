/** What a stage and its backbone's thread say to each other. */
import type { DeviceChoice } from '../../engines/interface.ts';
import type { Resize, Size } from '../../images/resize.ts';
import type { FeatureColumn } from '../../store/schema.ts';
import type { TailTensors } from '../load.ts';

/** What the thread is started with: enough to build the backbone there, so that no weights change threads. */
export interface BackboneRequest {
  /** In the registry, that of an .onnx file, or `hf:ORG/NAME`. */
  name: string;
  /** imagenet, none or a file; of an .onnx file its path or `hf:ORG/NAME@COMMIT/FILE`. */
  weights: string;
  /** Default: the backbone's own. */
  size?: Size;
  /** What is left open is the backbone's own. */
  resize?: Partial<Resize>;
  /** How pixels become the input of an .onnx file, as --preprocess takes it; default: as its configuration says. */
  preprocess?: string;
  poolings: string[];
  /** `auto` or an engine's name. */
  engine: string;
  /** Default: auto. */
  device?: DeviceChoice;
}

/** A backbone whose end was trained with a head, or one as it was published. */
export interface TailedRequest extends BackboneRequest {
  tail?: TailTensors;
}

/** What the thread is started with to run the frozen front of a network alone. */
export interface FrontRequest extends BackboneRequest {
  /** The first layer behind the cut, as findCut takes it. */
  from: string;
}

/** Whatever the thread can be started with. */
export type ThreadRequest = TailedRequest | FrontRequest;

/** What backbones compute in, as recorded with the features. */
export const PRECISION = 'fp32';

/** The backbone as it was loaded. */
export interface BackboneDescription {
  name: string;
  size: Size;
  weights: string;
  weightsHash: string;
  preprocessing: string;
  resize: Resize;
  /** What it gives for each image: features, or of a front its activation and the features that are computed before the cut. */
  columns: FeatureColumn[];
  engine: { name: string; version: string };
}

/** To the thread: RGB pixels [images, height, width, 3] to run, or null to end. */
export type ToBackbone = { pixels: Uint8Array<ArrayBuffer>; images: number } | null;

/** From the thread. Batches come back in the order they were sent, with their pixels' memory for reuse. */
export type FromBackbone =
  | { kind: 'opening'; file: string }
  | { kind: 'opened' }
  | { kind: 'ready'; description: BackboneDescription /** See Engine. */; singleThreaded: boolean }
  | { kind: 'features'; features: Float32Array<ArrayBuffer>[]; pixels: Uint8Array<ArrayBuffer> }
  /** Something the user should know. */
  | { kind: 'note'; message: string }
  /** How something was chosen that nobody named. */
  | { kind: 'info'; message: string }
  | { kind: 'failed'; name: string; message: string; stack?: string };
