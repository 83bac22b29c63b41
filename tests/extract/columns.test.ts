/** A store that gets further columns: nothing is lost, and nothing is computed twice. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableFromIPC, tableToIPC } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { listLines, listStores } from '../../src/cache/list.ts';
import { pruneStores } from '../../src/cache/prune.ts';
import { verifyStore } from '../../src/cache/verify.ts';
import { openStore } from '../../src/shared/store/reader.ts';
import { COUNT, DEPTH, extract, features } from '../support/extracted-columns.ts';
import { newFolder } from '../support/folders.ts';

const partsOf = (out: string) => readdirSync(out).filter((name) => name.endsWith('.arrow'));
const manifestOf = (out: string) => readFileSync(join(out, 'manifest.json'), 'utf8');

/** Rewrites a store as format version 1 had it: rows without groups and perceptual hashes, a manifest without a seal. */
async function asVersion1(out: string): Promise<void> {
  const { seal: _, shard: __, augment: ___, ...manifest } = JSON.parse(manifestOf(out));
  const parts = manifest.parts.map((part: { file: string }) => {
    const table = tableFromIPC(readFileSync(join(out, part.file)));
    const kept = table.schema.names.filter((name) => !['group', 'phash'].includes(String(name)));
    const bytes = tableToIPC(table.select(kept), 'file');
    writeFileSync(join(out, part.file), bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { ...part, bytes: bytes.length, sha256 };
  });
  writeFileSync(join(out, 'manifest.json'), JSON.stringify({ ...manifest, formatVersion: 1, parts }));
  expect((await openStore(out)).manifest.formatVersion).toBe(1);
}

describe('a store of the last layer', () => {
  it('gets the columns that are requested and not there, in one pass, and is as if made with them', async () => {
    const out = join(newFolder(), 'store');
    await extract(out, ['avg']);
    const before = await features(out);
    const { said, summary } = await extract(out, ['avg', DEPTH]);
    expect(summary).toMatchObject({ computed: COUNT, reused: 0, columns: 2, features: 256 + 64 });
    expect(said[0]).toBe(`${out}: adds ${DEPTH} to its 12 rows; every image is computed once more`);
    const fresh = join(newFolder(), 'fresh');
    await extract(fresh, ['avg', DEPTH]);
    expect(await features(out)).toEqual(await features(fresh));
    expect((await features(out)).get('avg')).toEqual(before.get('avg'));
    expect((await openStore(out)).manifest.pipeline.poolings).toEqual(['avg', DEPTH]);
    expect(partsOf(out)).toHaveLength((await openStore(out)).manifest.parts.length);
    expect((await extract(out, ['avg', DEPTH])).summary).toMatchObject({ computed: 0, reused: COUNT });
  });

  it('of format version 1 gets columns too, and is of version 2 then', async () => {
    const [out, fresh] = [join(newFolder(), 'store'), join(newFolder(), 'fresh')];
    await extract(out, ['avg']);
    await asVersion1(out);
    const before = await features(out);
    const { said, summary } = await extract(out, ['avg', DEPTH]);
    expect(said[0]).toBe(`${out}: adds ${DEPTH} to its 12 rows; every image is computed once more`);
    expect(summary).toMatchObject({ computed: COUNT, columns: 2 });
    await extract(fresh, ['avg', DEPTH]);
    expect(await features(out)).toEqual(await features(fresh));
    expect((await features(out)).get('avg')).toEqual(before.get('avg'));
    expect((await openStore(out)).manifest.formatVersion).toBe(2);
    expect(partsOf(out)).toHaveLength((await openStore(out)).manifest.parts.length);
  });

  it('stays as it is until the last of them is computed, and a killed run resumes', async () => {
    const out = join(newFolder(), 'store');
    await extract(out, ['avg']);
    const before = manifestOf(out);
    const old = await features(out);
    await extract(out, ['avg', DEPTH], { stopAfter: 6 });
    expect(manifestOf(out)).toBe(before);
    expect(await features(out)).toEqual(old);
    const parts = partsOf(out);
    await pruneStores({ stores: [out], activations: [] }, { dryRun: false });
    const [listed] = await listStores([out]);
    expect(listed).toMatchObject({ rows: COUNT, adding: { columns: [DEPTH], rows: expect.any(Number) } });
    expect(listLines([listed])[0]).toMatch(
      new RegExp(`, complete, adding ${DEPTH} \\(\\d+ rows? so far\\), `),
    );
    expect((await verifyStore(out)).problems).toEqual([]);
    const added = parts.find((file) => !before.includes(file))!;
    const bytes = readFileSync(join(out, added));
    writeFileSync(join(out, added), bytes.subarray(1));
    expect((await verifyStore(out)).problems).toEqual([expect.stringContaining(`${added} has `)]);
    writeFileSync(join(out, added), bytes);
    expect(partsOf(out)).toEqual(parts);
    const { said, summary } = await extract(out, ['avg', DEPTH]);
    const kept = Number(/resumes after (\d+) rows/.exec(said.join('\n'))?.[1]);
    expect(kept).toBeGreaterThanOrEqual(6);
    expect(summary).toMatchObject({ computed: COUNT - kept, reused: kept });
    expect(existsSync(join(out, 'adding.json'))).toBe(false);
    expect((await features(out)).get('avg')).toEqual(old.get('avg'));
  });
});
