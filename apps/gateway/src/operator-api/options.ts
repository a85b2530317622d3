import type { DataSource } from 'typeorm';

export interface OperatorApiOptions {
  /** Need not be connected: it is at the first request that needs it. Closed by its owner. */
  dataSource: DataSource;
  /** What `Authorization: Bearer` must carry. */
  apiKey: string;
  /** The account that numbers belong to. */
  twilioAccountSid: string;
}

/** DI token of {@link OperatorApiOptions}. */
export const OPERATOR_API_OPTIONS = Symbol('OPERATOR_API_OPTIONS');
