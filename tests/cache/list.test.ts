import { expect, it } from 'vitest';
import { listLines, listStores } from '../../src/cache/list.ts';
import { lockStore } from '../../src/shared/store/lock.ts';
import { openStore } from '../../src/shared/store/reader.ts';
import { storeOf } from '../support/store-rows.ts';

it('a store is listed with the bytes of all its parts, and whether a run is writing to it', async () => {
  const dir = await storeOf(10);
  const { parts } = (await openStore(dir)).manifest;
  expect(parts).toHaveLength(3);
  const bytes = parts[0].bytes + parts[1].bytes + parts[2].bytes;
  const [store] = await listStores([dir]);
  expect(store).toMatchObject({ rows: 10, bytes, complete: true, inUse: false });
  expect(listLines([store])[0]).toContain(' MB, complete, ');
  const lock = await lockStore(dir);
  const [written] = await listStores([dir]);
  expect(written).toMatchObject({ inUse: true });
  expect(listLines([written])[0]).toContain(' MB, being written, ');
  await lock.release();
});
