/** Checks a head's configuration that was read from a file. */
import { asKind } from '../fields.ts';
import type { HeadConfig } from './config.ts';
import { HEAD_OPTION_KEYS, HEAD_OPTIONS } from './options.ts';

/** @throws InputError naming the first field that does not fit */
export function checkConfig(
  fields: Readonly<Record<string, unknown>>,
  field: (name: string) => string,
): HeadConfig {
  const checked = HEAD_OPTION_KEYS.map((key) => {
    const { kind, recorded = kind } = HEAD_OPTIONS[key];
    return [key, asKind<unknown>(fields[key], field(key), recorded)];
  });
  return Object.fromEntries(checked) as HeadConfig;
}
