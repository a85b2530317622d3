export { variables } from './config/variable.js';
export type { Environment, Role, Variable } from './config/variable.js';
export * from './config/configuration.js';
export * from './config/read-configuration.js';
export * from './config/environment-table.js';
export { DEFAULT_TENANT } from './config/tenants-variable.js';
export * from './config/tenants.js';
export * from './config/run-main.js';
export { CRASH_POINTS, type CrashPointName } from './config/environment.js';
export { crashPoint } from './crash-point.js';
export * from './logging/masker.js';
export * from './logging/logger.js';
export * from './logging/pino-logger.js';
export * from './http/provider-http.js';
export * from './http/provider-http-error.js';
export * from './http/media-fetch.js';
export * from './http/hook-signer.js';
export * from './http/public-url.js';
export * from './media/media-store.js';
export * from './media/media-store-of.js';
export * from './media/media-token.js';
export * from './media/link-secrets.js';
export * from './media/byte-range.js';
export * from './media/fit-image.js';
export * from './media/filename.js';
export * from './media/file-kind.js';
export * from './media/carried-kinds.js';
export { bare } from './media/media-types.js';
export * from './media/temporary-files.js';
export { Metrics, type MetricsOptions } from './metrics/metrics.js';
export type * from './lifecycle/machine.js';
export * from './lifecycle/shutdown.js';
export * from './health/health-server.js';
export * from './health/listen-error.js';
export * from './problem/problem.js';
export * from './problem/problem-filter.js';
export {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from './embedded-postgres/start.js';
export { EmbeddedPostgresError } from './embedded-postgres/errors.js';
export { processState, signalProcess, type ProcessState } from './embedded-postgres/process-state.js';
export { SteadyClient } from './postgres/steady-client.js';
