/** Fine-tunings that are killed or interrupted, and what the same command makes of them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readHead } from '../../src/index.ts';
import { permafrost } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';
import { type TrainedRun, trainedRun } from '../support/trained-run.ts';

const ARGS = [
  '--from',
  'block6d',
  '--lr',
  '3e-3',
  '--epochs',
  '12',
  '--grid',
  'lr-tail=1,0.3',
  '--seeds',
  '2',
];

let run: TrainedRun;
beforeAll(async () => {
  run = await trainedRun();
});

const fineTune = (out: string, options: Parameters<typeof permafrost>[1] = {}) =>
  permafrost(['fine-tune', '--head', run.head, ...ARGS, '--out', out, '--json'], options);

/** What a run leaves, without the time that it took. */
function outcome(out: string): unknown {
  const files = ['head.safetensors', 'tail.safetensors'].map((name) =>
    readFileSync(join(out, 'best', name), 'hex'),
  );
  const metrics = JSON.parse(readFileSync(join(out, 'metrics.json'), 'utf8'));
  return { files, best: metrics.best, predictions: readFileSync(join(out, 'predictions.csv'), 'utf8') };
}

describe('fine-tune', () => {
  it('comes to the same to the bit, however often it is killed', async () => {
    const whole = join(newFolder(), 'whole');
    expect(await fineTune(whole)).toMatchObject({ status: 0 });
    const killed = join(newFolder(), 'killed');
    for (const epoch of [1, 5, 20]) {
      const { status } = await fineTune(killed, {
        onStderr(written, child) {
          const reached = [...written.matchAll(/training: (\d+)\//g)].some(
            ([, done]) => Number(done) >= epoch,
          );
          if (reached) child.kill('SIGKILL');
        },
      });
      if (status === 0) break;
      expect(existsSync(join(killed, 'unfinished'))).toBe(true);
      expect(existsSync(join(killed, 'metrics.json'))).toBe(false);
    }
    expect(await fineTune(killed)).toMatchObject({ status: 0 });
    expect(outcome(killed)).toEqual(outcome(whole));
    expect(existsSync(join(killed, 'unfinished'))).toBe(false);
  });

  it('that is interrupted keeps the best epoch, and goes on with the same command', async () => {
    const out = join(newFolder(), 'interrupted');
    let told = false;
    const { status, stderr } = await fineTune(out, {
      onStderr(written, child) {
        if (told || !/training: ([3-9]|\d\d)\//.test(written)) return;
        told = true;
        child.kill('SIGINT');
      },
    });
    expect(status, stderr).toBe(130);
    expect(stderr).toContain(
      `Interrupted: the best so far is in ${out}; the same command resumes from there`,
    );
    expect((await readHead(join(out, 'best'))).record.classes).toEqual(['a', 'b']);
    expect(existsSync(join(out, 'unfinished'))).toBe(true);
    expect(await fineTune(out)).toMatchObject({ status: 0, summary: { heads: 4 } });
  });
});
