/** Whatever happens to cached activations, none is ever wrong, and the next run computes what is missing. */
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openActivationFolder } from '../../../../src/shared/store/activations/folder.ts';
import { openActivations } from '../../../../src/shared/store/activations/reader.ts';
import { layoutOf } from '../../../../src/shared/store/activations/schema.ts';
import { requestOf } from '../../../../src/shared/store/activations/stored.ts';
import {
  ACTIVATION_COLUMNS,
  activationPipeline,
  writeActivations,
} from '../../../support/activation-rows.ts';
import { surviveChangedBytes, surviveFaults } from '../../../support/fault-injection/activations.ts';
import { newFolder } from '../../../support/folders.ts';

const origin = { pipeline: activationPipeline(), columns: ACTIVATION_COLUMNS };

describe('cached activations', () => {
  it('survive a full disk at any file-system call', () => surviveFaults('ENOSPC', 4));

  it('are never wrong when bytes of them change', () => surviveChangedBytes(30));

  it('say which part is damaged, and that it is computed again', async () => {
    const dir = newFolder();
    await writeActivations(dir, 5);
    const part = join(dir, 'part-00000.arrow');
    const bytes = readFileSync(part);
    const problemsAfter = async (change: () => void): Promise<readonly string[]> => {
      change();
      const { damage, close } = await openActivationFolder(dir, origin);
      await close();
      writeFileSync(part, bytes);
      return damage;
    };
    const flipped = Buffer.from(bytes);
    flipped[bytes.length / 2] ^= 1;
    const ending = 'run fine-tune again to compute what is missing';
    expect(await problemsAfter(() => writeFileSync(part, flipped))).toEqual([
      expect.stringMatching(`^Damaged activation cache: ${part} has SHA-256 .*, expected .*; ${ending}$`),
    ]);
    expect(await problemsAfter(() => truncateSync(part, 99))).toEqual([
      `Damaged activation cache: ${part} has 99 bytes, expected ${bytes.length}; ${ending}`,
    ]);
    expect(await problemsAfter(() => rmSync(part))).toEqual([
      `Damaged activation cache: ${part} cannot be read: no such file or folder (ENOENT); ${ending}`,
    ]);
    expect(await problemsAfter(() => {})).toEqual([]);
  });

  it('are refused where a file changes after its checksum was compared', async () => {
    const dir = newFolder();
    await writeActivations(dir, 5);
    const { parts, close } = await openActivationFolder(dir, origin);
    await close();
    const reader = openActivations(requestOf(layoutOf(origin), parts));
    const part = join(dir, 'part-00000.arrow');
    writeFileSync(part, readFileSync(part).fill(0, 1000, 1010));
    await expect(reader.read(Int32Array.of(0), new Float32Array(45))).rejects.toThrow(
      `Damaged activation cache: ${part} was changed after its checksum had been compared`,
    );
    await reader.close();
  });
});
