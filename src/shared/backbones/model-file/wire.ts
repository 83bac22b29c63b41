/** Protobuf's wire format, every length checked. */
import type { InputError } from '../../errors.ts';

interface Field {
  number: number;
  /** A whole number, or where a length-delimited field lies. */
  value: bigint | { start: number; end: number };
}

export type Damaged = (fault: string) => InputError;

/** The fields of one message, each of which ends inside it. */
export function* fields(bytes: Buffer, start: number, end: number, damaged: Damaged): Generator<Field> {
  let at = start;
  while (at < end) {
    const tag = varint(bytes, at, end, damaged);
    const number = Number(tag.value >> 3n);
    const wire = Number(tag.value & 7n);
    at = tag.next;
    if (number < 1 || number > 536_870_911) throw damaged(`field number ${number}`);
    if (wire === 0) {
      const { value, next } = varint(bytes, at, end, damaged);
      at = next;
      yield { number, value };
      continue;
    }
    const size = wire === 2 ? varint(bytes, at, end, damaged) : undefined;
    const length = size ? Number(size.value) : FIXED[wire];
    if (length === undefined) throw damaged(`wire type ${wire}`);
    if (size) at = size.next;
    if (length > end - at) throw damaged(`a field of ${length} bytes where ${end - at} are left`);
    yield { number, value: { start: at, end: at + length } };
    at += length;
  }
}

/** Bytes of the wire types that have a fixed length. */
const FIXED: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

export function varints(bytes: Buffer, start: number, end: number, damaged: Damaged): bigint[] {
  const values: bigint[] = [];
  for (let at = start; at < end; ) {
    const { value, next } = varint(bytes, at, end, damaged);
    values.push(value);
    at = next;
  }
  return values;
}

function varint(
  bytes: Buffer,
  start: number,
  end: number,
  damaged: Damaged,
): { value: bigint; next: number } {
  let value = 0n;
  for (let at = start; at < Math.min(end, start + 10); at++) {
    value |= BigInt(bytes[at] & 0x7f) << BigInt(7 * (at - start));
    if (bytes[at] < 0x80) return { value, next: at + 1 };
  }
  throw damaged('a number does not end');
}
