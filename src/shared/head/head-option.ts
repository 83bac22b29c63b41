/** A head as programs pass it: its folder, or what was read from there. */
import { usage } from '../errors.ts';
import { type Check, text } from '../options.ts';

/** @throws UsageError for neither */
export const headOption: Check = (value, where) => {
  if (typeof value === 'string') return text(value, where);
  const isRead = typeof value === 'object' && value !== null && 'record' in value && 'tensors' in value;
  if (!isRead) throw usage('the folder of a head, or a head that was read', where, value);
};
