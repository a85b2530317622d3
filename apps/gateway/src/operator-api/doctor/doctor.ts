import { Inject, Injectable } from '@nestjs/common';
import {
  OperatorDatabase,
  OperatorInstallation,
  OperatorNumbers,
  isStorageAway,
  type BusinessNumber,
} from '#persistence';
import { isLocal } from '#platform';
import { OPERATOR_API_OPTIONS, type OperatorApiOptions } from '../options.js';
import type { Check, Within } from './check.js';
import { callsUsCheck, channelCheck, deskChecks } from './desk-checks.js';
import { addressCheck, databaseChecks, numbersCheck, queueCheck, type OwnAddress } from './own-checks.js';
import { twilioChecks, webhookCheck } from './twilio-checks.js';

/** Of one look, whatever it takes at the providers. */
const TIMEOUT_MS = 15_000;
const MAX_NUMBERS = 100;
/** Of the calls about single numbers. */
const AT_ONCE = 5;

/** Looks at everything that has to be right between both accounts and us. Changes nothing. */
@Injectable()
export class Doctor {
  constructor(
    @Inject(OPERATOR_API_OPTIONS) private readonly options: OperatorApiOptions,
    @Inject(OperatorDatabase) private readonly database: OperatorDatabase,
    @Inject(OperatorInstallation) private readonly installation: OperatorInstallation,
    @Inject(OperatorNumbers) private readonly numbers: OperatorNumbers,
  ) {}

  async look(): Promise<Check[]> {
    const endsAt = performance.now() + TIMEOUT_MS;
    const within: Within = () => ({ timeoutMs: Math.max(1, Math.floor(endsAt - performance.now())) });
    const { provisioning, twilioAccountSid, twilioSubaccountSids = [], doctor } = this.options;
    const desk = this.options.deskProvisioning(this.database.tenantId);
    const calling = callsUsCheck(desk, within);
    const [database, queue, calls, addresses, atDesk, atTwilio] = await Promise.all([
      databaseChecks(this.installation),
      queueCheck(doctor.redisUrl),
      calling,
      this.addresses(
        within,
        calling.then(({ status }) => status === 'ok'),
      ),
      deskChecks(desk, within, Date.now),
      twilioChecks(provisioning, [twilioAccountSid, ...twilioSubaccountSids], within, Date.now),
    ]);
    const checks = [...database, queue, ...addresses, ...atDesk.checks, calls, ...atTwilio.checks];
    const found = await this.found(database);
    if (!found) return checks;
    const { numbers, truncated } = found;
    const configured = numbers.filter(({ state }) => state === 'configured');
    const ofNumbers = await inTurns(configured, AT_ONCE, async (number) => [
      await channelCheck(this.options.deskProvisioning(number.tenantId), number, atDesk.setup),
      await webhookCheck(provisioning, number, atTwilio.refusing, within),
    ]);
    return [...checks, numbersCheck(numbers, truncated), ...ofNumbers.flat()];
  }

  private addresses(within: Within, calledBack: Promise<boolean>): Promise<Check[]> {
    const { publicBaseUrl, fallbackBaseUrl, twilioBaseUrl, http } = this.options.doctor;
    const desk = this.options.deskProvisioning(this.database.tenantId);
    const simulated = desk.isLocal && isLocal(twilioBaseUrl);
    const own: OwnAddress[] = [
      { name: 'public-url', variable: 'PUBLIC_BASE_URL', url: publicBaseUrl, simulated },
    ];
    if (fallbackBaseUrl !== undefined) {
      own.push({
        name: 'fallback-url',
        variable: 'TWILIO_FALLBACK_BASE_URL',
        url: fallbackBaseUrl,
        simulated,
      });
    }
    return Promise.all(
      own.map((address) => {
        // What the Chat Gateway calls is the first of them.
        const called = address.variable === 'PUBLIC_BASE_URL' ? calledBack : Promise.resolve(undefined);
        return addressCheck(address, http, within, called);
      }),
    );
  }

  /** Undefined where the database cannot tell. */
  private async found(
    database: Check[],
  ): Promise<{ numbers: BusinessNumber[]; truncated: boolean } | undefined> {
    const isUsable = database.every(
      ({ name, status }) => name === 'delivery' || name === 'workers' || status !== 'fail',
    );
    if (!isUsable) return undefined;
    try {
      const { items, next } = await this.numbers.list({ limit: MAX_NUMBERS });
      return { numbers: items, truncated: next !== undefined };
    } catch (error) {
      if (!isStorageAway(error)) throw error;
      return undefined;
    }
  }
}

/** The answers for all of `items`, at most `atOnce` of them under way, in order. */
async function inTurns<T, R>(
  items: readonly T[],
  atOnce: number,
  ask: (item: T) => Promise<R>,
): Promise<R[]> {
  const answers: R[] = [];
  for (let at = 0; at < items.length; at += atOnce) {
    answers.push(...(await Promise.all(items.slice(at, at + atOnce).map(ask))));
  }
  return answers;
}
