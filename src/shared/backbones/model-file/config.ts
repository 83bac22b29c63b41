/** What config.json says of a model (the Hugging Face convention): its family, patches, registers and labels. */
import { asObject, asText, asWhole, type Fields, parseJson } from '../../fields.ts';
import type { PoolingName } from '../pooling.ts';

/** A part is undefined where the configuration says nothing of it. */
export interface ModelConfig {
  /** transformers's `model_type` or timm's `architecture`. */
  readonly family: string | undefined;
  /** Width and height of a patch in pixels. */
  readonly patch: number | undefined;
  /** Tokens before the patches, the class token among them. */
  readonly extraTokens: number | undefined;
  /** How many classes the model has labels for. */
  readonly labels: number | undefined;
}

interface Family {
  /** How its authors pool features for a linear classifier. */
  readonly pooling: PoolingName;
  /** Class tokens before registers and patches. */
  readonly classTokens: number;
}

/**
 * Vision transformers by `model_type`. Poolings: DINOv2's linear evaluation joins class token and mean of patches (model card),
 * DINOv3's takes the class token; CLIP has its projected class token, SigLIP an attention pool and no class token.
 */
const FAMILIES: ReadonlyMap<string, Family> = new Map<string, Family>([
  ['dinov2', { pooling: 'cls+mean', classTokens: 1 }],
  ['dinov2_with_registers', { pooling: 'cls+mean', classTokens: 1 }],
  ['dinov3_vit', { pooling: 'cls', classTokens: 1 }],
  ['vit', { pooling: 'cls', classTokens: 1 }],
  ['deit', { pooling: 'cls', classTokens: 2 }],
  ['clip', { pooling: 'pooler', classTokens: 1 }],
  ['clip_vision_model', { pooling: 'pooler', classTokens: 1 }],
  ['siglip', { pooling: 'pooler', classTokens: 0 }],
  ['siglip_vision_model', { pooling: 'pooler', classTokens: 0 }],
  ['siglip2', { pooling: 'pooler', classTokens: 0 }],
  ['siglip2_vision_model', { pooling: 'pooler', classTokens: 0 }],
]);

const MAX_PATCH = 1024;
const MAX_REGISTERS = 64;
const MAX_LABELS = 1 << 24;

/**
 * Reads a configuration's text.
 * @throws InputError naming the damaged field
 */
export function parseModelConfig(json: string, path: string): ModelConfig {
  const fields = asObject(parseJson(json, path), path);
  const of = (name: string) => `${name} of ${path}`;
  const optional = <V>(
    read: (value: unknown, where: string) => V,
    from: Fields,
    name: string,
    prefix = '',
  ): V | undefined =>
    from[name] === undefined || from[name] === null ? undefined : read(from[name], of(`${prefix}${name}`));
  // Two-tower models describe their image tower apart.
  const vision = optional(asObject, fields, 'vision_config');
  const [tower, prefix] = vision ? [vision, 'vision_config.'] : [fields, ''];
  const family = optional(asText, fields, 'model_type') ?? optional(asText, fields, 'architecture');
  const registers = optional(
    (value, where) => asWhole(value, where, 0, MAX_REGISTERS),
    tower,
    'num_register_tokens',
    prefix,
  );
  const known = FAMILIES.get(family ?? '');
  const patch = known && optional(patchSize, tower, 'patch_size', prefix);
  const labels = optional(asObject, fields, 'id2label');
  return {
    family,
    patch,
    extraTokens: known && known.classTokens + (registers ?? 0),
    labels: labels
      ? Object.keys(labels).length
      : optional((value, where) => asWhole(value, where, 0, MAX_LABELS), fields, 'num_classes'),
  };
}

function patchSize(value: unknown, where: string): number {
  return asWhole(value, where, 1, MAX_PATCH);
}

/** The pooling of a model's family where a user names none. */
export function familyPooling(config: ModelConfig | undefined): PoolingName | undefined {
  return FAMILIES.get(config?.family ?? '')?.pooling;
}
