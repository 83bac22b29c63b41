import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { drawLeaf, drawLeaves } from '../scripts/leaves.ts';
import type { Finding } from '../src/shared/diagnosis/finding.ts';
import { random } from '../src/shared/random.ts';
import { permafrost } from './support/command.ts';
import { newFolder } from './support/folders.ts';
import { readRecipes } from './support/recipes.ts';
import { writeSeededFile } from './support/seeded-weights-file.ts';

const cwd = newFolder();
const WEIGHTS = 'inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5';

/** What the recipes call the user's data, small. */
beforeAll(async () => {
  const stream = random(1, 'recipes');
  await drawLeaves(join(cwd, 'leaves'), { count: 40, seed: 1 });
  const draw = async (folder: string, name: string, rust: boolean) => {
    mkdirSync(join(cwd, folder), { recursive: true });
    await drawLeaf(join(cwd, folder, name), { rust, mildew: false }, stream);
  };
  for (let kind = 0; kind < 7; kind++)
    for (let index = 0; index < 6; index++) await draw(`photos/kind-${kind}`, `${index}.jpg`, kind % 2 === 0);
  for (let index = 0; index < 40; index++) {
    const folder = index % 2 === 0 ? 'healthy' : 'rust';
    await draw(`two/${folder}`, `${index}.jpg`, index % 2 === 1);
    mkdirSync(join(cwd, 'two-divided', folder), { recursive: true });
    await sharp(join(cwd, 'two', folder, `${index}.jpg`))
      // Divided by 127, so that after rounding not all pictures are the same.
      .linear(2 / 255, 0)
      .png()
      .toFile(join(cwd, 'two-divided', folder, `${index}.png`));
  }
  await writeSeededFile(join(cwd, WEIGHTS), 'inception_v3');
}, 120_000);

/** Recipes name backbones whose published weights are not at hand here: seeded ones take their place. */
function small(command: readonly string[]): string[] {
  if (command[0] === 'train-head') return [...command, '--epochs', '2'];
  const shipped = !command.includes('--backbone') || command.includes('--weights');
  return shipped ? [...command] : [...command, '--weights', 'none'];
}

function diagnosis(run: string): string[] {
  const { diagnosis } = JSON.parse(readFileSync(join(cwd, 'runs', run, 'metrics.json'), 'utf8')) as {
    diagnosis: Finding[];
  };
  return diagnosis.map(({ id }) => id);
}

describe('the recipes', () => {
  it.each(readRecipes())(
    '$title',
    async ({ commands }) => {
      for (const command of commands) {
        const { status, stderr } = await permafrost(small(command), { cwd });
        expect(status, `${command.join(' ')}: ${stderr}`).toBe(0);
      }
    },
    600_000,
  );

  it('are diagnosed where they go wrong', () => {
    expect(diagnosis('recipe-3')).not.toContain('softmax-inside');
    expect(diagnosis('recipe-3-softmax-inside')).toContain('softmax-inside');
    expect(diagnosis('recipe-4')).not.toContain('images-look-alike');
    expect(diagnosis('recipe-4-divided')).toContain('images-look-alike');
  });
});
