import type { ByteRange } from './media-store.js';

/**
 * A `Range` header over a file of `size` bytes. `whole`: there is none, or one that may be ignored (several ranges, another
 * unit, nonsense). Source: RFC 9110, section 14.
 */
export function byteRange(header: string | undefined, size: number): ByteRange | 'whole' | 'unsatisfiable' {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/i.exec(header?.trim() ?? '') ?? [];
  if (first === '' && last === '') return 'whole';
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== '' && last !== '' && Number(last) < Number(first)) return 'whole';
  return start > end ? 'unsatisfiable' : { start, end };
}
