/** "Did you mean": the names nearest to one that was mistyped. */
import { distance } from 'fastest-levenshtein';

/** Up to `max` of `names` within a third of the name's length of `name` (or containing it), nearest first. */
function nearNames(name: string, names: Iterable<string>, max = 3): string[] {
  if (name === '') return [];
  const lower = name.toLowerCase();
  const limit = Math.max(2, Math.ceil(name.length / 3));
  return [...names]
    .map((candidate) => ({
      candidate,
      far: candidate.toLowerCase().includes(lower) ? 1 : distance(lower, candidate.toLowerCase()),
    }))
    .filter(({ far }) => far <= limit)
    .sort((a, b) => a.far - b.far || a.candidate.localeCompare(b.candidate))
    .slice(0, max)
    .map(({ candidate }) => candidate);
}

/**
 * ` (did you mean resnet50?)`, or nothing when no known name is near.
 * @param prefix of each name in the message
 */
export function didYouMean(name: string, names: Iterable<string>, prefix = ''): string {
  const near = nearNames(name, names).map((candidate) => prefix + candidate);
  return near.length === 0 ? '' : ` (did you mean ${near.join(' or ')}?)`;
}
