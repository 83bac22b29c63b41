/** Text in other encodings than UTF-8: as it was, or refused with its line. */
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeText, type TextOptions } from '../../src/shared/encoding.ts';
import { readLines } from '../../src/shared/manifest/lines.ts';

/** The lines of a text that comes in pieces of a few bytes. */
async function linesOf(bytes: Buffer, options: TextOptions = {}, piece = 7) {
  const pieces = Array.from({ length: Math.ceil(bytes.length / piece) }, (_, i) =>
    bytes.subarray(i * piece, (i + 1) * piece),
  );
  const warnings: string[] = [];
  const warn = (note: string) => void warnings.push(note);
  const lines: string[] = [];
  for await (const line of readLines('list.csv', Readable.from(pieces), { warn, ...options }))
    lines.push(line);
  return { lines, warnings };
}

const swapped = (text: string) => Buffer.from(text, 'utf16le').swap16();
const latin1 = (text: string) => Buffer.from(text, 'latin1');

const LINES = ['path,label', 'é/一.jpg,Größe', 'b.jpg,naïve 花', 'c.jpg,𝒳'];
const TEXT = LINES.join('\n');

describe('a text', () => {
  it.each([
    ['UTF-8', Buffer.from(TEXT)],
    ['UTF-8 with a byte-order mark', Buffer.from(`\ufeff${TEXT}`)],
    ['UTF-16 LE with a mark', Buffer.from(`\ufeff${TEXT}`, 'utf16le')],
    ['UTF-16 BE with a mark', swapped(`\ufeff${TEXT}`)],
    ['UTF-16 LE without', Buffer.from(TEXT, 'utf16le')],
    ['UTF-16 BE without', swapped(TEXT)],
    ['lines that end as on Windows', Buffer.from(LINES.join('\r\n'), 'utf16le')],
  ])('is the same in %s', async (_, bytes) => {
    for (const piece of [1, 7, 10_000]) {
      const { lines, warnings } = await linesOf(bytes, {}, piece);
      expect(lines).toEqual(LINES);
      expect(warnings).toEqual([]);
    }
  });

  it('keeps every name, whatever it holds and wherever its pieces end', async () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/[\r\n\0]/.test(text));
    await fc.assert(
      fc.asyncProperty(
        fc.array(name, { minLength: 1 }),
        fc.integer({ min: 1, max: 9 }),
        async (names, piece) => {
          const text = ['path,label', ...names].join('\n');
          for (const bytes of [Buffer.from(text), Buffer.from(`\ufeff${text}`, 'utf16le')])
            expect((await linesOf(bytes, {}, piece)).lines).toEqual(['path,label', ...names]);
        },
      ),
      { numRuns: 50, seed: 1 },
    );
  });

  it('is Windows-1252 where every letter is the same in all code pages of Latin letters, which is said', async () => {
    const { lines, warnings } = await linesOf(latin1('path,label\na.jpg,x\nb.jpg,Größe\nc.jpg,Café\n'));
    expect(lines).toEqual(['path,label', 'a.jpg,x', 'b.jpg,Größe', 'c.jpg,Café']);
    expect(warnings).toEqual([
      'list.csv is not UTF-8: it is read as Windows-1252 (line 3); --encoding names another',
    ]);
  });

  it.each([
    ['è or č', latin1('path,label\na.jpg,x\nb.jpg,crème\n'), 3, 'b.jpg,cr\\xe8me'],
    [
      'a run of them, as in Cyrillic',
      Buffer.concat([latin1('p,l\n1,'), Buffer.from([0xe4, 0xf6, 0xfc])]),
      2,
      '',
    ],
    ['an é that stands alone, as a letter of GBK may', latin1('p,l\n1,é\n'), 2, '1,\\xe9'],
    ['UTF-8 before', Buffer.concat([Buffer.from('p,l\n1,é\n'), latin1('2,Café\n')]), 3, '2,Caf\\xe9'],
    ['è far below', latin1(`p,l\n1,Café\n${'2,x\n'.repeat(5000)}3,è\n`), 5003, '3,\\xe8'],
    ['a character that is cut off', Buffer.from('p,l\n1,é').subarray(0, -1), 2, '1,\\xc3'],
  ])('is refused with its line for %s', async (_, bytes, line, shown) => {
    await expect(linesOf(bytes)).rejects.toThrow(
      expect.objectContaining({
        name: 'InputError',
        message: expect.stringContaining(`Expected UTF-8 for list.csv line ${line} but received "${shown}`),
      }),
    );
    await expect(linesOf(bytes)).rejects.toThrow(
      'save it as UTF-8, or say what it is (--encoding windows-1252',
    );
  });

  it.each([
    ['windows-1252', latin1('\x80 cr\xe8me \x9cuvre'), '€ crème œuvre'],
    ['latin1', latin1('\x8eale'), 'Žale'],
    ['windows-1251', Buffer.from([0xea, 0xee, 0xf2]), 'кот'],
    ['shift_jis', Buffer.from([0x94, 0x4c]), '猫'],
    ['gbk', Buffer.from([0xc3, 0xa8]), '猫'],
    ['UTF-16LE', Buffer.from('猫', 'utf16le'), '猫'],
    ['windows-1252', Buffer.from('\ufeff猫'), '猫'],
  ])('is decoded as --encoding %s says', async (encoding, bytes, text) => {
    expect(await linesOf(bytes, { encoding })).toEqual({ lines: [text], warnings: [] });
  });

  it.each([
    ['windows-1252', latin1('a\n\x81'), 'Expected WINDOWS-1252 for list.csv line 2 but received "\\x81"'],
    ['shift_jis', latin1('a\nb\n\x81'), 'Expected SHIFT_JIS for list.csv line 3'],
    ['utf-8', latin1('Café'), 'give another --encoding'],
  ])('that is no %s is refused', async (encoding, bytes, message) => {
    await expect(linesOf(bytes, { encoding })).rejects.toThrow(message);
  });

  it('in UTF-16 with half a character is refused with its line', async () => {
    const bytes = Buffer.from('\ufeffpath,label\na.jpg,\ud835\nb.jpg,x\n', 'utf16le');
    await expect(linesOf(bytes)).rejects.toThrow(
      'Expected UTF-16LE for list.csv line 2 but it is damaged there',
    );
  });

  it('in UTF-32, or in an encoding that nobody knows, is refused', async () => {
    await expect(linesOf(Buffer.from([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0]))).rejects.toThrow('it is UTF-32');
    await expect(linesOf(latin1('a'), { encoding: 'windows1252x' })).rejects.toThrow(
      'Expected an encoding such as utf-8, utf-16le, windows-1252 or shift_jis for --encoding',
    );
  });

  it('that is read whole is decoded or refused alike, but never guessed at', () => {
    expect(decodeText(Buffer.from('\ufeff{"a":"é"}'), 'x.json')).toBe('{"a":"é"}');
    expect(decodeText(Buffer.from('\ufeff{"a":"é"}', 'utf16le'), 'x.json')).toBe('{"a":"é"}');
    expect(() => decodeText(latin1('{\n"a":"Café"}'), 'x.json')).toThrow(
      'Expected UTF-8 for x.json line 2 but received ""a":"Caf\\xe9"}": save it as UTF-8',
    );
  });
});
