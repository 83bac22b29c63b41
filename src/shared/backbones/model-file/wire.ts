/** Protobuf's wire format, every length checked. */
import type { InputError } from '../../errors.ts';

/** Bytes from `start` up to `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** With its tag from `start` to `end`. */
interface Field extends Range {
  number: number;
  /** A whole number, or where a length-delimited field lies. */
  value: bigint | Range;
}

export type Damaged = (fault: string) => InputError;

/** The fields of one message, each of which ends inside it. */
export function* fields(bytes: Buffer, start: number, end: number, damaged: Damaged): Generator<Field> {
  let offset = start;
  while (offset < end) {
    const from = offset;
    const tag = varint(bytes, offset, end, damaged);
    const number = Number(tag.value >> 3n);
    const wire = Number(tag.value & 7n);
    offset = tag.next;
    if (number < 1 || number > 536_870_911) throw damaged(`field number ${number}`);
    if (wire === 0) {
      const { value, next } = varint(bytes, offset, end, damaged);
      offset = next;
      yield { number, value, start: from, end: offset };
      continue;
    }
    const size = wire === 2 ? varint(bytes, offset, end, damaged) : undefined;
    const length = size ? Number(size.value) : FIXED[wire];
    if (length === undefined) throw damaged(`wire type ${wire}`);
    if (size) offset = size.next;
    if (length > end - offset) throw damaged(`a field of ${length} bytes where ${end - offset} are left`);
    const value = { start: offset, end: offset + length };
    offset = value.end;
    yield { number, value, start: from, end: offset };
  }
}

/** Bytes of the wire types that have a fixed length. */
const FIXED: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

export function varints(bytes: Buffer, start: number, end: number, damaged: Damaged): bigint[] {
  const values: bigint[] = [];
  for (let offset = start; offset < end; ) {
    const { value, next } = varint(bytes, offset, end, damaged);
    values.push(value);
    offset = next;
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
  for (let offset = start; offset < Math.min(end, start + 10); offset++) {
    value |= BigInt(bytes[offset] & 0x7f) << BigInt(7 * (offset - start));
    if (bytes[offset] < 0x80) return { value, next: offset + 1 };
  }
  throw damaged('a number does not end');
}

/** A length-delimited field as bytes. */
export function delimited(field: number, content: Buffer): Buffer {
  return Buffer.concat([varintBytes((field << 3) | 2), varintBytes(content.length), content]);
}

function varintBytes(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  // Not shifted: a shift would cut lengths above 2 GiB.
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}
