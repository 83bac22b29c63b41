/** Manifests as people have them: saved by spreadsheets and by programs. */
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { ManifestOptions } from '../../../src/shared/manifest/columns.ts';
import { readManifest } from '../../../src/shared/manifest/read.ts';

async function read(content: string | Buffer, name = 'list.csv', options: ManifestOptions = {}) {
  const said: string[] = [];
  const warnings: string[] = [];
  const notes = {
    info: (note: string) => void said.push(note),
    warn: (note: string) => void warnings.push(note),
  };
  const rows: [path: string, labels: string, line: number][] = [];
  for await (const { path, labels, line } of readManifest(name, Readable.from([content]), options, notes))
    rows.push([path, labels.join('|'), line]);
  return { rows, said, warnings };
}

const ROWS = [
  ['a.jpg', 'x', 2],
  ['b.jpg', 'y', 3],
];

describe('a manifest', () => {
  it.each([
    ['pandas with its index', ',path,labels\n0,a.jpg,x\n1,b.jpg,y\n', 'Unnamed: 0'],
    ['pandas that read such a file again', 'Unnamed: 0,path,label\n0,a.jpg,x\n1,b.jpg,y\n', 'Unnamed: 0'],
    ['R', '"","path","label"\n"1","a.jpg","x"\n"2","b.jpg","y"\n', 'Unnamed: 0'],
  ])('of %s', async (_, content, index) => {
    const { rows, said } = await read(content);
    expect(rows).toEqual(ROWS);
    expect(said).toEqual([expect.stringContaining(`skipped "${index}"`)]);
  });

  it('with an index and 0/1 columns does not take the index for a class', async () => {
    const { rows } = await read(',path,cat,dog\n0,a.jpg,1,0\n1,b.jpg,0,1\n2,c.jpg,1,1\n');
    expect(rows.map(([, labels]) => labels)).toEqual(['cat', 'dog', 'cat|dog']);
  });

  it.each([
    ['in all rows', 'path,label,\na.jpg,x,\nb.jpg,y,\n'],
    ['in rows only', 'path,label\na.jpg,x,\nb.jpg,y,,,\n'],
    ['in the header only', 'path,label,,\na.jpg,x\nb.jpg,y\n'],
    ['in empty rows', 'path,label\na.jpg,x\nb.jpg,y\n,\n,,,\n'],
  ])('may have separators too many %s', async (_, content) => {
    expect((await read(content)).rows).toEqual(ROWS);
  });

  it.each([
    [
      'path,label\na.jpg,x\nb.jpg,y,z\n',
      'Expected 2 cells (path, label) for list.csv line 3 but received ["b.jpg","y","z"] (a cell that holds the separator stands in quotes)',
    ],
    ['path,label,split\na.jpg,x\n', 'Expected 3 cells (path, label, split) for list.csv line 2'],
    ['path,label,\na.jpg,x,z\n', 'Expected 2 cells (path, label) for list.csv line 2'],
  ])('whose rows have other cells than columns is refused: %j', async (content, message) => {
    await expect(read(content)).rejects.toThrow(message);
  });

  it.each([
    ['list.csv', 'path;label\na.jpg;x\nb.jpg;y\n', 'list.csv is separated by semicolons, not commas'],
    [
      'list.csv',
      '"path";"label"\n"a.jpg";"x"\n"b.jpg";"y"\n',
      'list.csv is separated by semicolons, not commas',
    ],
    ['list.csv', 'path\tlabel\na.jpg\tx\nb.jpg\ty\n', 'list.csv is separated by tabs, not commas'],
    ['list.tsv', 'path,label\na.jpg,x\nb.jpg,y\n', 'list.tsv is separated by commas, not tabs'],
    ['list.csv', 'label;path;\nx;a.jpg;\ny;b.jpg;\n', 'list.csv is separated by semicolons, not commas'],
  ])('may be separated otherwise than %s promises: %j', async (name, content, note) => {
    const { rows, said } = await read(content, name);
    expect(rows).toEqual(ROWS);
    expect(said[0]).toBe(note);
  });

  it('may say what separates it, as Excel does', async () => {
    const { rows } = await read('sep=;\r\npath;label\r\na.jpg;x\r\nb.jpg;y\r\n');
    expect(rows).toEqual(ROWS.map(([path, label, line]) => [path, label, Number(line) + 1]));
  });

  it('with commas and semicolons is separated by what gives it a column of paths', async () => {
    expect(
      (await read('path,label;kind\na.jpg,x\n', 'list.csv', { columns: { label: 'label;kind' } })).rows,
    ).toEqual([['a.jpg', 'x', 2]]);
    expect(
      (
        await read('id, or so;img;label\n1;a.jpg;x\n', 'list.csv', {
          columns: { path: 'img', label: 'label' },
        })
      ).rows,
    ).toEqual([['a.jpg', 'x', 2]]);
  });

  it.each([
    ['CR', 'path,label\ra.jpg,x\rb.jpg,y'],
    ['CRLF', 'path,label\r\na.jpg,x\r\nb.jpg,y\r\n'],
  ])('may have lines that end with %s', async (_, content) => {
    expect((await read(content)).rows).toEqual(ROWS);
  });

  it.each([
    [['True', 'False', 'true']],
    [['TRUE', 'FALSE', 'True']],
    [['1.0', '0.0', '1.00']],
    [[' 1 ', '0', 'true']],
  ])('may have presence written as %j', async (cells) => {
    const [yes, no, also] = cells;
    const { rows } = await read(`path,cat,dog\na.jpg,${yes},${no}\nb.jpg,${no},${also}\n`);
    expect(rows.map(([, labels]) => labels)).toEqual(['cat', 'dog']);
  });

  it.each(['', '2', 'yes', 'nan', '0.5', '-1'])('may not have presence written as %j', async (cell) => {
    await expect(read(`path,cat\na.jpg,${cell}\n`)).rejects.toThrow(
      `Expected 0 or 1 for list.csv line 2, column cat but received ${JSON.stringify(cell)}`,
    );
  });

  it.each(['https://example.org/a.jpg', 's3://bucket/a.jpg', 'file:///a.jpg'])(
    'may not hold addresses: %s',
    async (url) => {
      await expect(read(`path,label\n${url},x\n`)).rejects.toThrow(
        `Expected the path of a file for list.csv line 2, column path but received "${url}": download the images first`,
      );
    },
  );

  it.skipIf(process.platform === 'win32')('may not hold paths of another machine', async () => {
    await expect(read('path,label\nC:\\photos\\a.jpg,x\n')).rejects.toThrow('of a Windows machine');
  });

  it('may be in any encoding that is said, and any that is certain', async () => {
    const content = Buffer.from('path;label\nStraße.jpg;Café\n', 'latin1');
    expect(await read(content)).toMatchObject({
      rows: [['Straße.jpg', 'Café', 2]],
      warnings: ['list.csv is not UTF-8: it is read as Windows-1252 (line 2); --encoding names another'],
    });
    const cyrillic = Buffer.from([...Buffer.from('path,label\na.jpg,'), 0xea, 0xee, 0xf2]);
    await expect(read(cyrillic)).rejects.toThrow('Expected UTF-8 for list.csv line 2');
    expect((await read(cyrillic, 'list.csv', { encoding: 'windows-1251' })).rows).toEqual([
      ['a.jpg', 'кот', 2],
    ]);
  });

  it('in UTF-16 is read in every format', async () => {
    expect((await read(Buffer.from('\ufeffpath\tlabel\na.jpg\té\n', 'utf16le'), 'list.tsv')).rows).toEqual([
      ['a.jpg', 'é', 2],
    ]);
    expect((await read(Buffer.from('{"path":"a.jpg","label":"é"}\n', 'utf16le'), 'list.jsonl')).rows).toEqual(
      [['a.jpg', 'é', 1]],
    );
  });

  it.each([
    'path,label\ncaf\ufffd.jpg,x\n',
    'path,label\na.jpg,caf\ufffd\n',
    'path,label,group\na.jpg,x,caf\ufffd\n',
    'path,caf\ufffd\na.jpg,1\n',
  ])('that has lost letters is refused: %j', async (content) => {
    await expect(read(content)).rejects.toThrow('which has lost letters');
  });

  it('has the column that a flag names in another Unicode form', async () => {
    const { rows } = await read('path,espe\u0300ce\na.jpg,x\n', 'list.csv', {
      columns: { label: 'esp\u00e8ce' },
    });
    expect(rows).toEqual([['a.jpg', 'x', 2]]);
  });

  it('may have columns of any name', async () => {
    const { rows } = await read('path,__proto__,constructor\na.jpg,1,0\nb.jpg,0,1\n');
    expect(rows.map(([, labels]) => labels)).toEqual(['__proto__', 'constructor']);
  });

  it('says what its labels may mean', async () => {
    const { warnings } = await read(`path,label\na.jpg,"['x', 'y']"\nb.jpg,"x,y"\n`);
    expect(warnings).toEqual([
      expect.stringContaining('--label-separator "," makes several labels of each'),
      expect.stringContaining('are read as lists of labels'),
    ]);
  });
});
