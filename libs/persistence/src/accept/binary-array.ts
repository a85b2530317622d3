const OIDS = { bytea: 17, int4: 23, text: 25, json: 114, uuid: 2950 } as const;
const INTEGER_BYTES = 4;
const HEADER_BYTES = 20;

/**
 * A parameter of type `bytea[]`, `text[]`, `json[]` or `uuid[]` as Postgres' binary wire format has it: number of dimensions,
 * whether there are nulls, type, length and lower bound, then each element after its length, all big-endian int4. As text,
 * every quote of every JSON would be escaped here and found again over there.
 * Source: array_recv in Postgres' arrayfuncs.c.
 */
export function binaryArray<T>(
  type: Exclude<keyof typeof OIDS, 'int4'>,
  items: readonly T[],
  valueOf: (item: T) => string | Buffer,
): Buffer {
  const elements = items.map(valueOf);
  let size = HEADER_BYTES;
  for (const element of elements) size += 4 + Buffer.byteLength(element);
  const buffer = Buffer.allocUnsafe(size);
  let at = writeHeader(buffer, type, elements.length);
  for (const element of elements) {
    const start = at + 4;
    const length =
      typeof element === 'string' ? buffer.write(element, start, 'utf8') : element.copy(buffer, start);
    buffer.writeInt32BE(length, at);
    at = start + length;
  }
  return buffer;
}

/** The same of type `int4[]`. */
export function binaryIntegers(integers: readonly number[]): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + integers.length * 2 * INTEGER_BYTES);
  let at = writeHeader(buffer, 'int4', integers.length);
  for (const integer of integers) {
    at = buffer.writeInt32BE(INTEGER_BYTES, at);
    at = buffer.writeInt32BE(integer, at);
  }
  return buffer;
}

function writeHeader(buffer: Buffer, type: keyof typeof OIDS, length: number): number {
  let at = 0;
  for (const header of [1, 0, OIDS[type], length, 1]) at = buffer.writeInt32BE(header, at);
  return at;
}
