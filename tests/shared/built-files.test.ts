/** Built files that sources use: never missing, never older than what they are made of. */
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { findBuiltFiles } from '../../src/shared/built-files.ts';
import { newFolder } from '../support/folders.ts';

const KERNELS = 'shared/images/kernels/kernels.wasm';
const WORKER = 'train/sweep/worker.js';

/** A package with files that changed so many seconds after another; leaves the others out. */
function packageOf(files: Record<string, number>) {
  const root = newFolder();
  for (const [path, seconds] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), '');
    utimesSync(join(root, path), 1_000_000 + seconds, 1_000_000 + seconds);
  }
  return { root, built: findBuiltFiles(join(root, 'dist'), join(root, 'src')) };
}

const SOURCES = {
  'src/train/sweep/worker.ts': 10,
  'src/shared/errors.ts': 11,
  'src/shared/webassembly.d.ts': 99,
  'src/shared/images/kernels/resample.ts': 12,
  'src/shared/report/page/main.ts': 99,
};
const BUILD = {
  [`dist/${WORKER}`]: 20,
  'dist/shared/errors.js': 20,
  [`dist/${KERNELS}`]: 20,
};

describe('a build that is newer than its sources', () => {
  it('has each file by its path', () => {
    const { root, built } = packageOf({ ...SOURCES, ...BUILD });
    expect(fileURLToPath(built.module(WORKER))).toBe(join(root, 'dist', WORKER));
    expect(fileURLToPath(built.asset(KERNELS))).toBe(join(root, 'dist', KERNELS));
  });
});

describe('refused, naming what is wrong', () => {
  it('a worker of which any module has changed since', () => {
    const { root, built } = packageOf({ ...SOURCES, ...BUILD, 'src/shared/errors.ts': 21 });
    expect(() => built.module(WORKER)).toThrow(
      `Expected ${join(root, 'dist/shared/errors.js')} built after ${join(root, 'src/shared/errors.ts')} but found an older one: npm run build`,
    );
    expect(() => built.asset(KERNELS)).not.toThrow();
  });

  it('a worker of which a module was never built', () => {
    const { root, built } = packageOf({ ...SOURCES, ...BUILD, 'src/train/new.ts': 1 });
    expect(() => built.module(WORKER)).toThrow(`Expected ${join(root, 'dist/train/new.js')} built after`);
    // Also when it is asked for again.
    expect(() => built.module(WORKER)).toThrow('but found none: npm run build');
  });

  it('kernels that are older than their source, or missing', () => {
    const old = packageOf({ ...SOURCES, ...BUILD, 'src/shared/images/kernels/resample.ts': 21 });
    expect(() => old.built.asset(KERNELS)).toThrow('but found an older one: npm run build');
    const { built } = packageOf(SOURCES);
    expect(() => built.asset(KERNELS)).toThrow('but found none: npm run build');
  });
});

it('built code takes what lies beside it', () => {
  const { root } = packageOf({});
  expect(fileURLToPath(findBuiltFiles(root, undefined).module(WORKER))).toBe(join(root, WORKER));
});
