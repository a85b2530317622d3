const OIDS = { bytea: 17, text: 25, json: 114, uuid: 2950 } as const;
const HEADER_BYTES = 20;

/**
 * A parameter of type `bytea[]`, `text[]`, `json[]` or `uuid[]` as Postgres' binary wire format has it: number of dimensions,
 * whether there are nulls, type, length and lower bound, then each element after its length, all big-endian int4. As text,
 * every quote of every JSON would be escaped here and found again over there.
 * Source: array_recv in Postgres' arrayfuncs.c.
 */
export function binaryArray<T>(
  type: keyof typeof OIDS,
  items: readonly T[],
  valueOf: (item: T) => string | Buffer,
): Buffer {
  const elements = items.map(valueOf);
  let size = HEADER_BYTES;
  for (const element of elements) size += 4 + Buffer.byteLength(element);
  const buffer = Buffer.allocUnsafe(size);
  let at = 0;
  for (const header of [1, 0, OIDS[type], elements.length, 1]) at = buffer.writeInt32BE(header, at);
  for (const element of elements) {
    const start = at + 4;
    const length =
      typeof element === 'string' ? buffer.write(element, start, 'utf8') : element.copy(buffer, start);
    buffer.writeInt32BE(length, at);
    at = start + length;
  }
  return buffer;
}
