import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse as parseYaml } from 'yaml';
import type { Exchange, ProviderName } from '../../apps/sandbox/src/index.js';
import {
  CHAT_GATEWAY_DEVIATIONS,
  type Deviation,
  TWILIO_DEVIATIONS,
  UNDESCRIBED_PATHS,
} from '../contracts/deviations.js';
import { type CheckedExchange, isObject, ProviderContract } from '../contracts/provider-contract.js';
import { webhookViolations } from '../contracts/webhook-rules.js';

/** The published documents, beside the project. */
const CONTRACTS = fileURLToPath(new URL('../../../shared/contracts/', import.meta.url));
const FILES: Record<ProviderName, string> = {
  'chat-gateway': `${CONTRACTS}chat-gateway.oas.yml`,
  twilio: `${CONTRACTS}twilio-messages.oas.json`,
};

export type { CheckedExchange } from '../contracts/provider-contract.js';

/** Whether the documents are there. Without them contract tests are skipped, or fail when REQUIRE_ALL=1. */
export function contractsAvailable(): boolean {
  const there = Object.values(FILES).every((file) => existsSync(file));
  if (!there && process.env['REQUIRE_ALL'] === '1')
    throw new Error(`REQUIRE_ALL=1, but ${CONTRACTS} is absent`);
  return there;
}

/** Checks exchanges against the published documents, with their known deviations. */
export class ContractChecker {
  readonly #providers: Record<ProviderName, ProviderContract>;
  /** Deviations that found nothing to change: their reason is gone. */
  readonly idleDeviations: string[] = [];

  constructor() {
    const load = (provider: ProviderName, deviations: readonly Deviation[]): ProviderContract => {
      const parsed: unknown = parseYaml(foldQuoted(readFileSync(FILES[provider], 'utf8')));
      if (!isObject(parsed)) throw new Error(`${FILES[provider]} is no OpenAPI document`);
      for (const deviation of deviations) {
        if (!deviation.apply(parsed)) this.idleDeviations.push(`${provider}: ${deviation.id}`);
      }
      return new ProviderContract(provider, parsed);
    };
    this.#providers = {
      'chat-gateway': load('chat-gateway', CHAT_GATEWAY_DEVIATIONS),
      twilio: load('twilio', TWILIO_DEVIATIONS),
    };
  }

  /** How a request and its answer break the contract; empty when they do not. An answer shaped by a fault is left out. */
  checkExchange(provider: ProviderName, exchange: CheckedExchange): string[] {
    return [...this.checkRequest(provider, exchange), ...this.checkResponse(provider, exchange)];
  }

  /** Operations of a provider's document of which no exchange is. */
  unusedOperations(provider: ProviderName, exchanges: readonly CheckedExchange[]): string[] {
    const contract = this.#providers[provider];
    const used = new Set(exchanges.map((exchange) => contract.operationOf(exchange)));
    return contract.operations.filter((name) => !used.has(name));
  }

  checkRequest(provider: ProviderName, exchange: CheckedExchange): string[] {
    if (UNDESCRIBED_PATHS.some((pattern) => pattern.test(exchange.path))) return [];
    return this.#providers[provider].requestViolations(exchange);
  }

  checkResponse(provider: ProviderName, exchange: CheckedExchange): string[] {
    if (exchange.status === null || exchange.fault !== undefined) return [];
    if (UNDESCRIBED_PATHS.some((pattern) => pattern.test(exchange.path))) return [];
    return this.#providers[provider].responseViolations(exchange);
  }
}

/** Collects exchanges (as `onExchange`, or from a sandbox's file) and says which of them break the contract. */
export class ExchangeAudit {
  readonly exchanges: Exchange[] = [];
  readonly #checker = new ContractChecker();

  readonly record = (exchange: Exchange): void => {
    this.exchanges.push(exchange);
  };

  /** Adds the exchanges of a `SANDBOX_EXCHANGE_LOG` file; a last line that was cut off by a kill is left out. */
  addFile(file: string): void {
    if (!existsSync(file)) return;
    for (const line of readFileSync(file, 'utf8').split('\n').slice(0, -1)) {
      const exchange: Exchange = JSON.parse(line);
      this.exchanges.push(exchange);
    }
  }

  /** Operations of a provider's document that nobody has called. */
  unusedOperations(provider: ProviderName): string[] {
    const calls = this.exchanges.filter(({ direction }) => direction === 'to-provider');
    return this.#checker.unusedOperations(
      provider,
      calls.filter((call) => call.provider === provider),
    );
  }

  /** One line per violation, with the call it is about; empty when everything conforms. Fail the run on any. */
  violations(): string[] {
    return this.exchanges.flatMap((exchange) => {
      const { provider, direction, method, path, status } = exchange;
      const found =
        direction === 'to-product'
          ? webhookViolations(exchange)
          : this.#checker.checkExchange(provider, exchange);
      return found.map((violation) => `${provider} ${method} ${path} → ${status}: ${violation}`);
    });
  }
}

/**
 * The published Chat Gateway document is no valid YAML: some quoted descriptions run over lines that are not indented
 * enough. Such a text is folded into one line.
 */
function foldQuoted(text: string): string {
  const folded: string[] = [];
  let open = false;
  for (const line of text.split('\n')) {
    if (open) folded.push(`${folded.pop()} ${line.trim()}`);
    else folded.push(line);
    const quotes = line.replaceAll('\\"', '').split('"').length - 1;
    if (open || /^\s*[\w-]+:\s+"/.test(line)) open = quotes % 2 === 1 ? !open : open;
  }
  return folded.join('\n');
}
