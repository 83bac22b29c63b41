/** Commands that messages print, to be copied into a shell. */

const WINDOWS = process.platform === 'win32';
/** What a shell may take for something else than itself; Windows' paths have backslashes. */
const SPECIAL = WINDOWS ? /[^\p{L}\p{N}@%+=:,./\\_-]/u : /[^\p{L}\p{N}@%+=:,./_-]/u;

/** Words as one command, quoted where a shell would split or change them. */
export function commandLine(words: readonly string[]): string {
  return words.map(quoted).join(' ');
}

function quoted(word: string): string {
  if (word !== '' && !SPECIAL.test(word)) return word;
  return WINDOWS ? `"${word}"` : `'${word.replaceAll("'", "'\\''")}'`;
}
