/** A trained head as commands and programs name it: by its folder, or by what was read from there. */
import { usage } from '../errors.ts';
import type { OptionTable } from '../options.ts';
import { type Check, checkValue, list, path } from '../values.ts';

const headOrFolder: Check = (value, where) => {
  const isRead = typeof value === 'object' && value !== null && 'record' in value && 'tensors' in value;
  if (typeof value === 'string') checkValue(path, value, where);
  else if (!isRead) throw usage('the folder of a head, or a head that was read', where, value);
};

export const TRAINED_HEAD_OPTIONS = {
  head: {
    kind: path,
    description: 'A trained head: the folder best of a run',
    required: true,
    check: headOrFolder,
  },
  /** Of the head's backbones. */
  weights: {
    kind: list(path),
    description:
      "The backbone's weights, if their file has moved; repeat the flag in the head's order for several backbones",
    defaultText: 'the recorded file',
  },
} satisfies OptionTable;
