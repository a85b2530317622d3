export * from './database.js';
export * from './accept/postgres-acceptor.js';
export * from './delivery/postgres-lane-store.js';
export * from './delivery/upkeep.js';
