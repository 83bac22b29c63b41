/** Cells of labels, and names of classes that may not be meant. */
import { describe, expect, it } from 'vitest';
import { classNameNotes } from '../../../src/shared/manifest/class-names.ts';
import { labelReader } from '../../../src/shared/manifest/labels.ts';

function labelsOf(cell: unknown, separator?: string): string[] {
  return labelReader(separator).read(cell, 'here');
}

describe('a cell of labels', () => {
  it.each([
    ["['a', 'b']", ['a', 'b']],
    ['["a","b"]', ['a', 'b']],
    ['["caf\\u00e9", "a\\"b"]', ['café', 'a"b']],
    ["['a' 'b']", ['a', 'b']],
    ["['it\\'s', \"o'clock\"]", ["it's", "o'clock"]],
    ["['a|b', 'c, d']", ['a|b', 'c, d']],
    ["('a',)", ['a']],
    ["{'a', 'b', 'a'}", ['a', 'b']],
    ['[1, 2]', ['1', '2']],
    ['[]', []],
    [' [ ] ', []],
  ])('holds a list as programs print it: %s', (cell, labels) => {
    expect(labelsOf(cell)).toEqual(labels);
  });

  it.each(['[a, b]', '(1)', '{}', "['a'", "['a'b]", '[sic] text', 'f(x)'])('holds a name: %s', (cell) => {
    expect(labelsOf(cell)).toEqual([cell]);
  });

  it('is no list where its separator is said', () => {
    const cell = "['a', 'b']";
    expect(labelsOf(cell, '')).toEqual([cell]);
    expect(labelsOf(cell, ',')).toEqual(["['a'", "'b']"]);
  });

  it('that is read as a list is said', () => {
    const reader = labelReader();
    reader.read("['a', 'b']", 'here');
    expect(reader.notes()).toEqual([
      `Cells like "['a', 'b']" are read as lists of labels (--label-separator "" keeps them whole)`,
    ]);
  });

  it.each([',', ';'])('with %s in it is hinted at with the flag', (separator) => {
    const reader = labelReader();
    for (const cell of [`a${separator} b`, 'a', `b${separator}c|d`]) reader.read(cell, 'here');
    expect(reader.notes()).toEqual([
      `2 labels hold "${separator}", such as "a${separator} b": --label-separator "${separator}" makes several labels of each`,
    ]);
    const told = labelReader('|');
    told.read(`a${separator}b`, 'here');
    expect(told.notes()).toEqual([]);
    expect(labelsOf(`a${separator} b`, separator)).toEqual(['a', 'b']);
  });

  it('whose words come again in other cells is hinted at with the flag', () => {
    const notesOf = (cells: readonly string[]) => {
      const reader = labelReader();
      for (const cell of cells) reader.read(cell, 'here');
      return reader.notes();
    };
    const tags = ['clear road', 'clear water', 'haze road', 'haze water', 'clear road water'];
    expect(notesOf([...tags, 'cloudy'])).toEqual([
      'Labels such as "clear road" are made of words that come again in others: --label-separator " " makes a label of each word',
    ]);
    expect(labelsOf('clear road', ' ')).toEqual(['clear', 'road']);
    expect(notesOf(tags.slice(0, 4))).toEqual([]);
    const breeds = ['golden', 'labrador', 'curly-coated', 'flat-coated', 'chesapeake bay'];
    expect(notesOf(breeds.map((breed) => `${breed} retriever`))).toEqual([]);
  });

  it('holds no label where it is null, not a number, or empty', () => {
    for (const cell of [null, Number.NaN, '', ' ', [null, '']]) expect(labelsOf(cell)).toEqual([]);
  });

  it('means one class in either Unicode form', () => {
    expect(labelsOf('Cafe\u0301|Café')).toEqual(['Caf\u00e9']);
  });

  it.each(['caf\ufffd', 'a\ud800', '\udc00b'])('that has lost letters is refused: %j', (cell) => {
    expect(() => labelsOf(cell)).toThrow('which has lost letters');
  });

  it('may not hold control characters, also not those of other code pages', () => {
    expect(() => labelsOf('a\u0085b')).toThrow('without control characters');
  });
});

describe('names of classes', () => {
  it.each([
    [['Cat', 'cat'], 'Classes that differ only in upper and lower case: "Cat" and "cat". Are they the same?'],
    [['a b', 'a  b'], 'Classes that differ only in white space: "a b" and "a  b". Are they the same?'],
    [['x', 'x '], 'Classes that differ only in white space: "x" and "x ". Are they the same?'],
    [['a\u200bb', 'ab'], 'Classes that differ only in white space'],
    [
      ['1', '1.0', '2'],
      'Classes that differ only in how a number is written: "1" and "1.0". Are they the same?',
    ],
    [['07', '7'], 'Classes that differ only in how a number is written: "07" and "7". Are they the same?'],
    ...['nan', 'NaN', 'None', 'null', 'NULL', 'NA', 'n/a', '<NA>', '-1'].map((name): [string[], string] => [
      ['x', name],
      `Classes named as if there were no label: "${name}". An empty cell means none`,
    ]),
  ])('%j are said by name', (classes, note) => {
    expect(classNameNotes(classes)).toEqual([expect.stringContaining(note)]);
  });

  it('are told in one line, however many there are', () => {
    const classes = Array.from({ length: 9 }, (_, i) => [`c${i}`, `C${i}`]).flat();
    expect(classNameNotes(classes)).toEqual([
      'Classes that differ only in upper and lower case: "c0" and "C0"; "c1" and "C1"; "c2" and "C2"; "c3" and "C3"; "c4" and "C4" and 4 more. Are they the same?',
    ]);
  });

  it('that are plain need no word', () => {
    expect(
      classNameNotes(['cat', 'dog', '1', '2', '10', '1.5', '12345678901234567890', '12345678901234567891']),
    ).toEqual([]);
  });
});
