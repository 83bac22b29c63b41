/**
 * `npx tsx bench/extract-depths.ts PHOTOS [ROUNDS [BACKBONE ...]]`: what `extract` takes for all depths of a network and for its last
 * layer alone, in turn: seconds, seconds of all cores (which other programs disturb less) and bytes on disk. Run `npm run build` first.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from './report.ts';

const { extract }: typeof import('../src/index.ts') = await import(
  new URL('../dist/index.js', import.meta.url).href
);

const LAYERS = ['last', 'depths'] as const;

const [data, rounds = '5', ...named] = process.argv.slice(2);
if (!data) throw new Error('Expected a folder of photos');
const backbones = named.length > 0 ? named : ['efficientnet_lite0'];

for (const name of backbones) {
  const weights = name === 'efficientnet_lite0' ? 'imagenet' : 'none';
  const folder = await mkdtemp(join(tmpdir(), 'permafrost-bench-'));
  const seconds = { last: [] as number[], depths: [] as number[] };
  const coreSeconds = { last: [] as number[], depths: [] as number[] };
  try {
    // The first of each warms the disk's cache and does not count.
    for (let round = 0; round <= Number(rounds); round++) {
      for (const layers of round % 2 === 0 ? LAYERS : LAYERS.toReversed()) {
        const before = process.cpuUsage();
        const out = join(folder, `${layers}-${round}`);
        const [summary] = await extract({ data, backbone: { name, weights, layers: [layers] }, out });
        const { user, system } = process.cpuUsage(before);
        await rm(out, { recursive: true });
        if (round === 0) {
          const { columns, features, bytes } = summary;
          process.stdout.write(
            `${name} ${layers}: ${columns} columns, ${features} features, ${(bytes / 1e6).toFixed(1)} MB\n`,
          );
          continue;
        }
        seconds[layers].push(summary.seconds);
        coreSeconds[layers].push((user + system) / 1e6);
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  for (const [what, { last, depths }] of Object.entries({ seconds, coreSeconds }))
    process.stdout.write(
      `${name} ${what}: last ${median(last).toFixed(2)}, depths ${median(depths).toFixed(2)}, ratio ${(median(depths) / median(last)).toFixed(3)}\n`,
    );
}
