import type { ValueTransformer } from 'typeorm';

/** int8 as a number, which `pg` hands out as text: our counters stay far below 2^53. */
export const int8: ValueTransformer = {
  from: (value: string | number | null) => (value === null ? null : Number(value)),
  to: (value: unknown) => value,
};
