import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import type { Page, PageRequest } from '#persistence';
import { decodeCursor, encodeCursor } from './cursor.js';
import { IfPresent, IsCursor, IsIntegerBetween, IsPlainText } from './validation.js';

/** What every list takes. */
export class ListQuery {
  @ApiPropertyOptional({ type: String, description: '`nextCursor` of the page before.' })
  @IfPresent()
  @IsCursor()
  cursor?: string;

  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: 200, default: 50 })
  @IfPresent()
  @QueryNumber()
  @IsIntegerBetween(1, 200)
  limit?: number;
}

/** What lists take that go over several tenants. */
export class TenantListQuery extends ListQuery {
  @ApiPropertyOptional({
    type: String,
    example: 'default',
    description: 'One tenant; all where it is absent.',
  })
  @IfPresent()
  @IsPlainText(63)
  tenantId?: string;
}

/** The tenant of a query, where it names one. */
export function tenantOf({ tenantId }: { tenantId?: string }): { tenantId?: string } {
  return { ...(tenantId !== undefined && { tenantId }) };
}

/** What every list answers, beside its items. */
export class ListResource {
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Give as `cursor` for the next page; null: the end.',
  })
  nextCursor!: string | null;
}

export function pageRequest(query: ListQuery): PageRequest {
  const after = decodeCursor(query.cursor);
  return { limit: query.limit ?? 50, ...(after !== undefined && { after }) };
}

export function listOf<T, R>(page: Page<T>, show: (item: T) => R): { items: R[]; nextCursor: string | null } {
  return {
    items: page.items.map(show),
    nextCursor: page.next === undefined ? null : encodeCursor(page.next),
  };
}

/** A yes or no in a query. */
export function QueryBoolean(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) =>
    value === 'true' ? true : value === 'false' ? false : value,
  );
}

/** Digits in a query; Number() alone would take blanks and 1e2. */
function QueryNumber(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value,
  );
}

/** The plus of a phone number, which stands for a blank in a query unless it is written as %2B. */
export function QueryAddress(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' ? value.replace(/^(whatsapp:)? (?=\d)/, '$1+') : value,
  );
}

/** Leaves out what is not there: clients see absent fields, never null. */
export function present<T>(fields: { [K in keyof T]: T[K] | null | undefined }): T {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== null && value !== undefined),
  ) as T;
}
