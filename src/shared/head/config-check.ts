/** Checks a head's configuration that was read from a file. */
import { unexpected } from '../errors.ts';
import type { HeadConfig } from './config.ts';
import { HEAD_OPTION_KEYS, HEAD_OPTIONS } from './options.ts';

/** @throws InputError naming the first field that does not fit */
export function checkConfig(
  fields: Readonly<Record<string, unknown>>,
  field: (name: string) => string,
): HeadConfig {
  for (const key of HEAD_OPTION_KEYS) {
    const { kind, recorded = kind } = HEAD_OPTIONS[key];
    if (!recorded.allows(fields[key])) throw unexpected(recorded.what, field(key), fields[key]);
  }
  return Object.fromEntries(HEAD_OPTION_KEYS.map((key) => [key, fields[key]])) as unknown as HeadConfig;
}
