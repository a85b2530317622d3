/** What one page of a list asks for. Lists go by id, never by offset: ids are UUIDv7, so they carry time. */
export interface PageRequest {
  limit: number;
  /** The id of the last item of the page before. */
  after?: string;
}

export interface Page<T> {
  items: T[];
  /** The id to go on from; undefined on the last page. */
  next?: string;
}

/** Makes a page of one row more than was asked for, which tells whether another page follows. */
export function pageOf<T extends { id: string }>(rows: T[], limit: number): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return rows.length > limit && last ? { items, next: last.id } : { items };
}
