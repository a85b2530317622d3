import type { Channel } from '../content.js';
import type { DirectorySettings } from '../number-settings.js';
import type { DeskUser } from '../ports/desk-port.js';

export interface DirectoryRequest {
  tenantId: string;
  directory: DirectorySettings;
  channel: Channel;
  /** Our number. */
  number: string;
  /** The customer's address on that channel. */
  address: string;
}

/** What a number's directory of customers knows of whoever writes. */
export abstract class CustomerDirectory {
  /** Within bounded time. Undefined where it knows nothing or gives no answer: it never throws, for a message waits. */
  abstract lookUp(request: DirectoryRequest): Promise<DeskUser | undefined>;
}
