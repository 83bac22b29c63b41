/** The flags of train-head for the options of heads, apart from their table: a program needs no yargs to train. */
import type { Options } from 'yargs';
import { usage } from '../errors.ts';
import { flagOf, formatOption, HEAD_OPTION_KEYS, HEAD_OPTIONS, type HeadRequest } from './options.ts';

/** The flags for yargs. Values stay text, so that {@link readHeadFlags} alone decides what is valid. */
export function headFlags(): Record<string, Options> {
  return Object.fromEntries(
    HEAD_OPTION_KEYS.map((key) => {
      const { description, initial } = HEAD_OPTIONS[key];
      const type: Options = typeof initial === 'boolean' ? { type: 'boolean' } : stringFlag;
      const shown = formatOption(key, { [key]: initial } as HeadRequest);
      return [flagOf(key), { ...type, description, defaultDescription: shown, group: 'Heads:' }];
    }),
  );
}

const stringFlag: Options = { type: 'string', requiresArg: true };

/**
 * Reads the flags of {@link headFlags} from what yargs parsed; flags that were not given are absent.
 * @throws UsageError for a value that is not valid or a flag given twice
 */
export function readHeadFlags(argv: Readonly<Record<string, unknown>>): Partial<HeadRequest> {
  const given = HEAD_OPTION_KEYS.filter((key) => argv[flagOf(key)] !== undefined);
  return Object.fromEntries(
    given.map((key) => {
      const value = argv[flagOf(key)];
      const where = `--${flagOf(key)}`;
      if (Array.isArray(value)) throw usage('one value', where, value);
      return [key, HEAD_OPTIONS[key].parse(String(value), where)];
    }),
  );
}
