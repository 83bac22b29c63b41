/** Networks whose end was trained: folded to full speed they give what the cut network gives with those weights. */
import { it } from 'vitest';
import { expectTailFeatures } from '../../support/tail-features.ts';

it.each([['mobilenet_v2_0.35', 'last-block', 'frozen']] as const)(
  '%s from %s on, batch-norm %s',
  expectTailFeatures,
);
