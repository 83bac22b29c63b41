/** The flags that say how to read a manifest, the same for every command that reads one. */

import { encodingNamed } from '../encoding.ts';
import { type ManifestOptions, ROLES, SEPARATOR } from '../manifest/columns.ts';
import { type Flags, oneValue, textFlag } from './flags.ts';

/** For yargs; {@link readManifestFlags} reads them. */
export const manifestFlags = {
  'path-column': {
    ...textFlag,
    description: 'Column of paths in a manifest',
    defaultDescription: 'by its name',
  },
  'label-column': {
    ...textFlag,
    description: 'Column of labels in a manifest; other columns are then ignored',
    defaultDescription: 'by its name',
  },
  'split-column': {
    ...textFlag,
    description: 'Column of splits in a manifest',
    defaultDescription: 'by its name',
  },
  'group-column': {
    ...textFlag,
    description: 'Column of groups (patients, scenes) in a manifest; a group stays in one split',
    defaultDescription: 'by its name',
  },
  'weight-column': {
    ...textFlag,
    description: 'Column of sample weights in a manifest',
    defaultDescription: 'by its name',
  },
  'label-separator': {
    ...textFlag,
    description: 'Separator of several labels in one cell',
    defaultDescription: SEPARATOR,
  },
  encoding: {
    ...textFlag,
    description: 'Encoding of a manifest or a list: utf-8, utf-16le, windows-1252, shift_jis ...',
    defaultDescription: 'detected, or refused',
  },
} as const;

/** What the flags say; absent where they were not given. */
export function readManifestFlags(argv: Flags): ManifestOptions {
  const given = ROLES.flatMap((role): [string, string][] => {
    const name = oneValue(argv, `${role}-column`);
    return name === undefined ? [] : [[role, name]];
  });
  const separator = oneValue(argv, 'label-separator');
  const encoding = oneValue(argv, 'encoding');
  return {
    ...(given.length > 0 && { columns: Object.fromEntries(given) }),
    ...(separator !== undefined && { separator }),
    ...(encoding !== undefined && { encoding: encodingNamed(encoding) }),
  };
}
