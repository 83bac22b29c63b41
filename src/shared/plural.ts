/** English numbers of things in messages. */

/** The word that goes with `count` of something: `plural(1, 'is', 'are')` is `is`. */
export function plural(count: number, one: string, many: string): string {
  return count === 1 ? one : many;
}

/** A number and its noun: `1 image`, `2 images`, `0 classes`. */
export function counted(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count} ${plural(count, noun, nouns)}`;
}
