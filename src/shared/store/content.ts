/** What identifies features within a store. */
import type { RowRecord } from './part-buffer.ts';

/** The content that features were computed from, and the view of it. */
export type Content = Pick<RowRecord, 'sha256' | 'view'>;

/** A {@link Content} as one text. */
export function contentKey({ sha256, view }: Content): string {
  return `${sha256}/${view}`;
}
