import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../../src/shared/errors.ts';
import { widenFloat16 } from '../../../src/shared/float16.ts';
import { encodeSafetensors, openSafetensors } from '../../../src/shared/weights/safetensors.ts';
import { newFolder } from '../../support/folders.ts';

const folder = newFolder();

function write(bytes: Uint8Array): string {
  const path = join(folder, 'file.safetensors');
  writeFileSync(path, bytes);
  return path;
}

/** A file with a header of our making and `dataBytes` zeros. */
function withHeader(header: unknown, dataBytes: number): string {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return write(Buffer.concat([length, json, Buffer.alloc(dataBytes)]));
}

const f32 = (shape: unknown, start: number, end: number) => ({
  dtype: 'F32',
  shape,
  data_offsets: [start, end],
});

describe('a written file', () => {
  it('is read back bit for bit, with its metadata', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ minLength: 1 }), fc.float32Array({ maxLength: 9 })),
        fc.dictionary(fc.string(), fc.string()),
        (arrays, metadata) => {
          const names = Object.keys(arrays).filter((name) => name !== '__metadata__');
          const tensors = names.map(
            (name) => [name, { shape: [arrays[name].length], data: arrays[name] }] as const,
          );
          const file = openSafetensors(write(encodeSafetensors(tensors, metadata)));
          expect([...file.shapes.keys()].sort()).toEqual(names.sort());
          for (const name of names) expect(file.read(name)).toEqual(arrays[name]);
          expect(file.metadata).toEqual({ ...metadata });
          file.close();
        },
      ),
      { numRuns: 50 },
    );
  });

  it('keeps names that mean something to JavaScript', () => {
    const odd = ['__proto__', 'constructor', 'toString'];
    const tensors = odd.map(
      (name, index) => [name, { shape: [1], data: new Float32Array([index]) }] as const,
    );
    const metadata = Object.fromEntries(odd.map((name) => [name, `about ${name}`]));
    const file = openSafetensors(write(encodeSafetensors(tensors, metadata)));
    expect([...file.shapes.keys()]).toEqual(odd);
    expect(odd.map((name) => [...file.read(name)])).toEqual([[0], [1], [2]]);
    expect(Object.entries(file.metadata)).toEqual(Object.entries(metadata));
    file.close();
  });

  it('is refused when cut short or lengthened anywhere', () => {
    const bytes = encodeSafetensors([['w', { shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) }]]);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => openSafetensors(write(bytes.subarray(0, length)))).toThrow(InputError);
    }
    expect(() => openSafetensors(write(Buffer.concat([bytes, Buffer.alloc(1)])))).toThrow(InputError);
  });
});

describe('an invalid header', () => {
  it.each<[string, unknown, number, RegExp]>([
    ['no JSON', '{"w"', 0, /^Expected JSON for the header/],
    ['no object', [], 0, /^Expected an object for the header/],
    [
      'another dtype',
      { w: { dtype: 'I64', shape: [1], data_offsets: [0, 8] } },
      8,
      /^Expected dtype F32 or F16 for w/,
    ],
    ['a negative size', { w: f32([-1], 0, 4) }, 4, /^Expected a shape of whole numbers for w/],
    ['sizes whose product overflows', { w: f32([2 ** 40, 2 ** 40], 0, 4) }, 4, /^Expected data_offsets/],
    [
      'offsets that do not fit the shape',
      { w: f32([2], 0, 4) },
      4,
      /^Expected data_offsets 8 bytes apart for w/,
    ],
    ['offsets behind the end', { w: f32([2], 0, 8) }, 4, /^Expected 8 bytes of data/],
    ['a hole', { a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12, /^Expected data from byte 4 on for b/],
    ['an overlap', { a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8, /^Expected data from byte 8 on for b/],
    ['data that no array claims', { a: f32([1], 0, 4) }, 8, /^Expected 4 bytes of data/],
    [
      'metadata that is not text',
      { __metadata__: { epoch: 3 } },
      0,
      /^Expected a string for __metadata__.epoch/,
    ],
  ])('with %s is refused', (_fault, header, dataBytes, message) => {
    const path = withHeader(header, dataBytes);
    expect(() => openSafetensors(path)).toThrow(InputError);
    expect(() => openSafetensors(path)).toThrow(message);
  });

  it('may not claim more than the file or the format allows', () => {
    const bytes = new Uint8Array(64).fill(0xff);
    expect(() => openSafetensors(write(bytes))).toThrow(/^Expected a header within the file's 64 bytes/);
  });
});

it('a missing file or array is named', () => {
  expect(() => openSafetensors(join(folder, 'nowhere.safetensors'))).toThrow(
    /nowhere\.safetensors but it cannot be read: no such file or folder \(ENOENT\)/,
  );
  const file = openSafetensors(write(encodeSafetensors([])));
  expect(() => file.read('w')).toThrow(InputError);
  file.close();
});

it('half-precision numbers are widened exactly', () => {
  const cases: [number, number][] = [
    [0x0000, 0],
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, 65504],
    [0x0400, 2 ** -14],
    [0x0001, 2 ** -24],
    [0x83ff, -1023 * 2 ** -24],
    [0x3555, 0.333251953125],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xfc00, Number.NEGATIVE_INFINITY],
    [0x7e01, Number.NaN],
    [0x8000, -0],
  ];
  expect([...widenFloat16(Uint16Array.from(cases, ([bits]) => bits))]).toEqual(
    cases.map(([, value]) => value),
  );
});
