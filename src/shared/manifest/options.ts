/** The options that say how to read a manifest, the same for everything that reads one. */

import { encodingNamed } from '../encoding.ts';
import type { Option, OptionTable } from '../options.ts';
import { text, writtenAs } from '../values.ts';
import { SEPARATOR } from './columns.ts';

const column = (role: string, description: string): Option<string> => ({
  kind: text,
  description,
  defaultText: 'by its name',
  field: `columns.${role}`,
});

/** By name; their fields are those of ManifestOptions. */
export const MANIFEST_OPTIONS = {
  pathColumn: column('path', 'Column of paths in a manifest'),
  labelColumn: column('label', 'Column of labels in a manifest; other columns are then ignored'),
  splitColumn: column('split', 'Column of splits in a manifest'),
  groupColumn: column(
    'group',
    'Column of groups (patients, scenes) in a manifest; a group stays in one split',
  ),
  weightColumn: column('weight', 'Column of sample weights in a manifest'),
  labelSeparator: {
    kind: text,
    description: 'Separator of several labels in one cell',
    defaultText: SEPARATOR,
    field: 'separator',
  },
  encoding: {
    kind: writtenAs(encodingNamed),
    description: 'Encoding of a manifest or a list: utf-8, utf-16le, windows-1252, shift_jis ...',
    defaultText: 'detected, or refused',
  },
} satisfies OptionTable;
