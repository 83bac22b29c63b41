/** What a program may say of a manifest. */
import { encodingNamed } from '../encoding.ts';
import { type Check, fields, text } from '../options.ts';
import { type ManifestOptions, ROLES } from './columns.ts';

/** By the field's name. */
export const MANIFEST_CHECKS = {
  columns: fields(Object.fromEntries(ROLES.map((role) => [role, text]))),
  separator: text,
  encoding(value, where) {
    text(value, where);
    encodingNamed(value as string);
  },
} as const satisfies Record<keyof ManifestOptions, Check>;
