import { Attempt } from './attempt.js';
import { AuditEntry } from './audit-entry.js';
import { BusinessNumber } from './business-number.js';
import { Conversation } from './conversation.js';
import { CustomerAlias } from './customer-alias.js';
import { Customer } from './customer.js';
import { Lane } from './lane.js';
import { Message } from './message.js';
import { Part } from './part.js';
import { Thread } from './thread.js';

/** Every table that operators read through TypeORM. Columns that only delivery needs are left out. */
export const entities = [
  BusinessNumber,
  Customer,
  CustomerAlias,
  Thread,
  Lane,
  Conversation,
  Message,
  Part,
  Attempt,
  AuditEntry,
];
