import { Inject, Injectable } from '@nestjs/common';
import type { DeskSetup } from '#desk-chat-gateway';
import { OperatorInstallation, OperatorNumbers, isStorageAway, type BusinessNumber } from '#persistence';
import { DEFAULT_TENANT, isLocal } from '#platform';
import { OPERATOR_API_OPTIONS, type OperatorApiOptions } from '../options.js';
import { botCheck, botUrls } from './bot-checks.js';
import { check, warn, type Check, type Within } from './check.js';
import { callsUsCheck, channelCheck, deskChecks } from './desk-checks.js';
import { metricsCheck, namedSchedules, scheduleCheck } from './figure-checks.js';
import { addressCheck, databaseChecks, numbersCheck, queueCheck, type OwnAddress } from './own-checks.js';
import { twilioChecks, webhookCheck } from './twilio-checks.js';

/** Of one look, whatever it takes at the providers. */
const TIMEOUT_MS = 15_000;
const MAX_NUMBERS = 100;
/** Schedules, bots: of each as many. */
const MAX_OTHERS = 25;
/** Of the calls about single numbers. */
const AT_ONCE = 5;

/** What is known of one tenant's account at the desk. */
interface TenantLook {
  tenantId: string;
  checks: Check[];
  calledUs: boolean;
  setup?: DeskSetup;
}

/** Looks at everything that has to be right between both accounts and us. Changes nothing. */
@Injectable()
export class Doctor {
  constructor(
    @Inject(OPERATOR_API_OPTIONS) private readonly options: OperatorApiOptions,
    @Inject(OperatorInstallation) private readonly installation: OperatorInstallation,
    @Inject(OperatorNumbers) private readonly numbers: OperatorNumbers,
  ) {}

  async look(): Promise<Check[]> {
    const endsAt = performance.now() + TIMEOUT_MS;
    const within: Within = () => ({ timeoutMs: Math.max(1, Math.floor(endsAt - performance.now())) });
    const { provisioning, twilioAccountSid, tenants, doctor } = this.options;
    const accounts = new Set([twilioAccountSid, ...tenants.all.flatMap((tenant) => tenant.twilioAccounts)]);
    const asking = Promise.all(tenants.ids.map((tenantId) => this.desk(tenantId, within)));
    const [database, queue, desks, addresses, atTwilio] = await Promise.all([
      databaseChecks(this.installation),
      queueCheck(doctor.redisUrl),
      asking,
      this.addresses(
        within,
        asking.then((all) => all.some(({ calledUs }) => calledUs)),
      ),
      twilioChecks(provisioning, [...accounts], within, Date.now),
    ]);
    const checks = [
      ...database,
      queue,
      ...addresses,
      ...desks.flatMap((desk) => desk.checks),
      ...atTwilio.checks,
    ];
    const found = await this.found(database);
    if (!found) return checks;
    const { numbers, truncated, waiting } = found;
    const configured = numbers.filter(({ state }) => state === 'configured');
    const around = this.around(configured, desks, within);
    const ofNumbers = await inTurns(configured, AT_ONCE, async (number) => [
      await channelCheck(
        this.options.deskProvisioning(number.tenantId),
        number,
        desks.find(({ tenantId }) => tenantId === number.tenantId)?.setup,
      ),
      await webhookCheck(provisioning, number, atTwilio.refusing, within),
    ]);
    return [...checks, numbersCheck(numbers, { truncated, waiting }), ...ofNumbers.flat(), ...(await around)];
  }

  /** What numbers name beside the accounts: schedules, figures of queues, bots. */
  private async around(
    numbers: readonly BusinessNumber[],
    desks: readonly TenantLook[],
    within: Within,
  ): Promise<Check[]> {
    const { tenants, doctor } = this.options;
    const signsHooks = (url: string): boolean =>
      numbers
        .filter(({ settings }) => settings.bot?.url === url)
        .every(({ tenantId }) => tenants.hookSecretsOf(tenantId).length > 0);
    const { http, accountsOf } = doctor;
    const waiting = numbers.filter(({ settings }) => settings.waiting !== undefined);
    const queueOf = (tenantId: string): string | undefined => {
      const channels = desks.find((desk) => desk.tenantId === tenantId)?.setup?.channels ?? [];
      const queues = waiting
        .filter((number) => number.tenantId === tenantId)
        .map(
          ({ queueId, chatGatewayChannelId }) =>
            queueId ?? channels.find(({ id }) => id === chatGatewayChannelId)?.queueId,
        );
      return queues.find((queue) => queue !== undefined);
    };
    const schedules = namedSchedules(numbers);
    const bots = botUrls(numbers);
    const [ofSchedules, ofQueues, ofBots] = await Promise.all([
      inTurns(schedules.slice(0, MAX_OTHERS), AT_ONCE, (named) => scheduleCheck(named, { http, accountsOf })),
      inTurns([...new Set(waiting.map(({ tenantId }) => tenantId))], AT_ONCE, (tenantId) =>
        metricsCheck(tenantId, queueOf(tenantId), { http, accountsOf }),
      ),
      inTurns(bots.slice(0, MAX_OTHERS), AT_ONCE, (url) =>
        botCheck(url, { signsHooks: signsHooks(url), http, within }),
      ),
    ]);
    return [
      ...ofSchedules,
      ...tooMany('schedule', 'Schedules', schedules.length),
      ...ofQueues,
      ...ofBots,
      ...tooMany('bot', 'Bots', bots.length),
    ];
  }

  /** A tenant's account at the desk; its checks name the tenant where there are several. */
  private async desk(tenantId: string, within: Within): Promise<TenantLook> {
    const { tenants, deskProvisioning } = this.options;
    const desk = deskProvisioning(tenantId);
    const [{ checks, setup }, calls] = await Promise.all([
      deskChecks(desk, within, Date.now),
      callsUsCheck(desk, within),
    ]);
    const named = [...checks, calls].map((check) =>
      tenants.all.length === 1 ? check : { ...check, subject: `${check.subject} of ${tenantId}` },
    );
    return { tenantId, checks: named, calledUs: calls.status === 'ok', ...(setup && { setup }) };
  }

  private addresses(within: Within, calledBack: Promise<boolean>): Promise<Check[]> {
    const { publicBaseUrl, fallbackBaseUrl, twilioBaseUrl, http } = this.options.doctor;
    const { isLocal: deskIsLocal } = this.options.deskProvisioning(DEFAULT_TENANT);
    const simulated = deskIsLocal && isLocal(twilioBaseUrl);
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
  ): Promise<{ numbers: BusinessNumber[]; truncated: boolean; waiting: number } | undefined> {
    const isUsable = database.every(
      ({ name, status }) => name === 'delivery' || name === 'workers' || status !== 'fail',
    );
    if (!isUsable) return undefined;
    try {
      const { items, next } = await this.numbers.list({}, { limit: MAX_NUMBERS });
      const waiting = await this.installation.unconfiguredWithWaiting();
      return { numbers: items, truncated: next !== undefined, waiting };
    } catch (error) {
      if (!isStorageAway(error)) throw error;
      return undefined;
    }
  }
}

function tooMany(name: string, subject: string, count: number): Check[] {
  if (count <= MAX_OTHERS) return [];
  const finding = `Only ${MAX_OTHERS} of ${count} are looked at.`;
  return [check(name, subject, warn(finding, 'Look at the others by hand.'))];
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
