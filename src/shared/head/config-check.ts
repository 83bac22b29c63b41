/** Checks a head's configuration that was read from a file. */
import { unexpected } from '../errors.ts';
import type { HeadConfig } from './config.ts';
import { HEAD_VALUES } from './values.ts';

/** @throws InputError naming the first field that does not fit */
export function checkConfig(
  fields: Readonly<Record<string, unknown>>,
  field: (name: string) => string,
): HeadConfig {
  for (const [key, { what, allows }] of Object.entries(HEAD_VALUES)) {
    if (!allows(fields[key])) throw unexpected(what, field(key), fields[key]);
  }
  const own = Object.fromEntries(Object.keys(HEAD_VALUES).map((key) => [key, fields[key]]));
  return own as unknown as HeadConfig;
}
