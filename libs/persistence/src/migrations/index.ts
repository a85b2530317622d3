import { Initial1795000000001 } from './0001-initial.js';

/** Every migration, in order. Listed rather than found by a glob, and never rewritten once landed. */
export const migrations = [Initial1795000000001];
