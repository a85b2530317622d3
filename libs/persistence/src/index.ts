export * from './database.js';
export * from './accept/postgres-acceptor.js';
