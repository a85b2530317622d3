import { In, LessThan, type EntityManager, type FindOptionsWhere, Raw } from 'typeorm';
import { AuditEntry, type AuditAction } from '../entities/audit-entry.js';
import type { OperatorDatabase } from './operator-database.js';
import { pageOf, type Page, type PageRequest } from './page.js';

/** Who acts: whose key it is, and who used it, as far as they said so. */
export interface Actor {
  actor: string;
  operator?: string;
}

/** As the last parameters of a statement that writes the log. */
export function actorValues({ actor, operator }: Actor): [string, string | null] {
  return [actor, operator ?? null];
}

/** Writes a line of the log in the transaction of its act. Details carry no personal data. */
export async function recordAct(
  manager: Pick<EntityManager, 'query'>,
  tenantId: string,
  by: Actor,
  action: AuditAction,
  target: { kind: string; id?: string },
  details: Record<string, unknown>,
): Promise<string> {
  const rows = await manager.query<{ id: string }[]>('select record_act($1, $2, $3, $4, $5, $6, $7) as id', [
    tenantId,
    ...actorValues(by),
    action,
    target.kind,
    target.id ?? null,
    details,
  ]);
  return rows[0]?.id ?? '';
}

export interface AuditFilter {
  tenantId?: string;
  action?: AuditAction;
  targetId?: string;
  /** From this instant on. */
  from?: Date;
  /** Before this instant. */
  to?: Date;
}

/** What operators did, as operators read it. */
export class OperatorAudit {
  constructor(private readonly database: OperatorDatabase) {}

  /** The newest first. */
  async list(
    { tenantId, action, targetId, from, to }: AuditFilter,
    page: PageRequest,
  ): Promise<Page<AuditEntry>> {
    const dataSource = await this.database.connect();
    const where: FindOptionsWhere<AuditEntry> = {
      tenantId: In(this.database.among(tenantId)),
      ...(action !== undefined && { action }),
      ...(targetId !== undefined && { targetId }),
      ...(page.after !== undefined && { id: LessThan(page.after) }),
      ...((from ?? to) !== undefined && {
        at: Raw((at) => [from && `${at} >= :from`, to && `${at} < :to`].filter(Boolean).join(' and '), {
          ...(from && { from }),
          ...(to && { to }),
        }),
      }),
    };
    const rows = await dataSource
      .getRepository(AuditEntry)
      .find({ where, order: { id: 'DESC' }, take: page.limit + 1 });
    return pageOf(rows, page.limit);
  }
}
