/** Grids as data: which values of which options a sweep combines. */

import type { SourceKey, SourceRequest } from '../../shared/dataset/source-options.ts';
import type { HeadOptionKey, HeadRequest } from '../../shared/head/options.ts';
import type { Range } from '../search/ranges.ts';

/** Values of head options that are combined each with each; from a range random search draws. */
export type HeadBlock = { [K in HeadOptionKey]?: (HeadRequest[K] | Range)[] };

/** With them, the sources that the heads are trained on. */
export type GridBlock = HeadBlock & { [K in SourceKey]?: SourceRequest[K][] };

/** The union of its blocks. */
export type Grid = readonly GridBlock[];
