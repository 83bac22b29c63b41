/** Checks a head's configuration that was read from a file. */
import { asKind, asObject } from '../fields.ts';
import type { HeadConfig } from './config.ts';
import { HEAD_OPTION_KEYS, HEAD_OPTIONS } from './options.ts';
import { TAIL_OPTION_KEYS, TAIL_OPTIONS, type TailSettings } from './tail-settings.ts';

/** @throws InputError naming the first field that does not fit */
export function checkConfig(
  fields: Readonly<Record<string, unknown>>,
  field: (name: string) => string,
): HeadConfig {
  const checked = HEAD_OPTION_KEYS.map((key) => {
    const { kind, recorded = kind } = HEAD_OPTIONS[key];
    return [key, asKind<unknown>(fields[key], field(key), recorded)];
  });
  const config = Object.fromEntries(checked) as HeadConfig;
  return fields.tail === undefined ? config : { ...config, tail: checkTail(fields.tail, field) };
}

function checkTail(value: unknown, field: (name: string) => string): TailSettings {
  const tail = asObject(value, field('tail'));
  const checked = TAIL_OPTION_KEYS.map((key) => [
    key,
    asKind<unknown>(tail[key], field(`tail.${key}`), TAIL_OPTIONS[key].kind),
  ]);
  return Object.fromEntries(checked) as TailSettings;
}
