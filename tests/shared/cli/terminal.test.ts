/** What a command writes to stderr while it works. */
import { describe, expect, it } from 'vitest';
import { terminalReporter } from '../../../src/shared/cli/terminal.ts';

function createReporter() {
  const written: string[] = [];
  const stream = { isTTY: false, write: (text: string) => written.push(text) };
  const reporter = terminalReporter(stream as unknown as NodeJS.WriteStream);
  return { reporter, written: () => written.splice(0).join('') };
}

describe('warnings are repeated at the end', () => {
  it('each once, where anything was said after them', () => {
    const { reporter, written } = createReporter();
    reporter.warn('a is empty');
    reporter.info('40 images');
    reporter.warn('b is old');
    reporter.warn('a is empty');
    expect(written()).toBe('warning: a is empty\n40 images\nwarning: b is old\nwarning: a is empty\n');
    reporter.repeatWarnings();
    expect(written()).toBe('2 warnings:\n  a is empty\n  b is old\n');
  });

  it('where progress was shown after them', () => {
    const { reporter, written } = createReporter();
    reporter.warn('a is empty');
    reporter.progress('extract', 'images', 3).stop();
    written();
    reporter.repeatWarnings();
    expect(written()).toBe('1 warning:\n  a is empty\n');
  });

  it('but not where they are the last lines anyway', () => {
    const { reporter, written } = createReporter();
    reporter.info('40 images');
    reporter.warn('a is empty');
    written();
    reporter.repeatWarnings();
    expect(written()).toBe('');
  });

  it('with the number of those that are too many', () => {
    const { reporter, written } = createReporter();
    for (let i = 0; i < 8; i++) reporter.warn(`${i} is empty`);
    reporter.warn('7 is empty');
    reporter.info('done');
    written();
    reporter.repeatWarnings();
    const first = [0, 1, 2, 3, 4].map((i) => `  ${i} is empty\n`);
    expect(written()).toBe(`8 warnings:\n${first.join('')}  and 3 more, see above\n`);
  });
});
