/** What tables show of configurations: the options of heads and, where some have one, of tails. */
import { flagOf } from '../options.ts';
import type { HeadConfig } from './config.ts';
import { formatOption, HEAD_OPTION_KEYS } from './options.ts';
import { formatTailOption, TAIL_OPTION_KEYS, type TailOptionKey } from './tail-settings.ts';

/** One option, whose name no other column has. */
export interface SettingColumn {
  /** In camel case. */
  name: string;
  /** As a flag says it. */
  title: string;
  /** As it is written in a grid; empty for a tail's option of a head that has none. */
  written(config: HeadConfig): string;
}

const HEAD_COLUMNS: readonly SettingColumn[] = HEAD_OPTION_KEYS.map((key) => ({
  name: key,
  title: flagOf(key),
  written: (config) => formatOption(key, config),
}));

/** The head has an option of this name, too. */
const TAIL_NAMES: Readonly<Partial<Record<TailOptionKey, string>>> = { batchNorm: 'tailBatchNorm' };

const TAIL_COLUMNS: readonly SettingColumn[] = TAIL_OPTION_KEYS.map((key) => {
  const { [key]: name = key } = TAIL_NAMES;
  return {
    name,
    title: flagOf(name),
    written: ({ tail }) => (tail ? formatTailOption(key, tail) : ''),
  };
});

/** The columns of some configurations, the head's before the tail's. */
export function settingColumns(configs: readonly HeadConfig[]): readonly SettingColumn[] {
  return configs.some(({ tail }) => tail !== undefined) ? [...HEAD_COLUMNS, ...TAIL_COLUMNS] : HEAD_COLUMNS;
}

/** Those in which any two configurations differ. */
export function variedColumns(configs: readonly HeadConfig[]): readonly SettingColumn[] {
  return settingColumns(configs).filter(({ written }) => new Set(configs.map(written)).size > 1);
}
