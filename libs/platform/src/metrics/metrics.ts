import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

export interface MetricsOptions {
  /** Memory, handles, event loop of this process; off in tests that make many. */
  processMetrics?: boolean;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * Everything this process counts. Labels are short names of our own choosing (kebab-case), never ids, numbers or texts:
 * they would be personal data, and unbounded.
 */
export class Metrics {
  private readonly registry = new Registry();
  private readonly registers = [this.registry];

  /** Requests at a door (`twilio-messages`, `twilio-status`, `chat-gateway`), whatever came of them. */
  readonly webhooksReceived = new Counter({
    name: 'causeway_webhooks_received_total',
    help: 'Webhook requests received.',
    labelNames: ['door'] as const,
    registers: this.registers,
  });

  readonly webhooksRefused = new Counter({
    name: 'causeway_webhooks_refused_total',
    help: 'Webhook requests refused, by reason.',
    labelNames: ['door', 'reason'] as const,
    registers: this.registers,
  });

  /** `kind` and `result` as in core's `NeutralEvent` and `AcceptResult`. */
  readonly eventsAccepted = new Counter({
    name: 'causeway_events_accepted_total',
    help: 'Events put to storage, by kind and result.',
    labelNames: ['kind', 'result'] as const,
    registers: this.registers,
  });

  readonly acceptBatchSize = new Histogram({
    name: 'causeway_accept_batch_size',
    help: 'Events per accept transaction.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
    registers: this.registers,
  });

  readonly acceptDuration = new Histogram({
    name: 'causeway_accept_duration_seconds',
    help: 'From handing an event to storage to its commit.',
    buckets: SECONDS,
    registers: this.registers,
  });

  /** `result`: `added`, `coalesced`, `suppressed` (the sweeper will find the lane), `dropped`, `failed`. */
  readonly wakeUps = new Counter({
    name: 'causeway_wake_ups_total',
    help: 'Wake-ups of lanes, by result.',
    labelNames: ['result'] as const,
    registers: this.registers,
  });

  /** `outcome`: `submitted`, or the kind of the `DeliveryError`. */
  readonly deliveries = new Counter({
    name: 'causeway_deliveries_total',
    help: 'Attempts at a provider, by outcome.',
    labelNames: ['provider', 'direction', 'outcome'] as const,
    registers: this.registers,
  });

  readonly attemptDuration = new Histogram({
    name: 'causeway_attempt_duration_seconds',
    help: 'From the intent to the outcome of an attempt.',
    labelNames: ['provider', 'direction'] as const,
    buckets: SECONDS,
    registers: this.registers,
  });

  /** `result`: `found`, `not-there`, `not-yet`, `failed`, `impossible`. */
  readonly lookUps = new Counter({
    name: 'causeway_look_ups_total',
    help: 'Attempts in doubt that were looked up at their provider, by result.',
    labelNames: ['provider', 'result'] as const,
    registers: this.registers,
  });

  /** Every call that was let through, whatever for: `send`, `create`, `look-up`, `end`, `signal`. */
  readonly calls = new Counter({
    name: 'causeway_calls_total',
    help: 'Calls made to a provider, by kind.',
    labelNames: ['provider', 'kind'] as const,
    registers: this.registers,
  });

  /** `why`: `breaker`, `credentials`, `rate`, `concurrency`. */
  readonly callsRefused = new Counter({
    name: 'causeway_calls_refused_total',
    help: 'Calls that were not made because of our own limits, by reason; the lane waits.',
    labelNames: ['provider', 'why'] as const,
    registers: this.registers,
  });

  /** `why`: `breaker`, `credentials`. */
  readonly providerBlocked = new Gauge({
    name: 'causeway_provider_blocked',
    help: 'Tenants for whom this worker only probes the provider, by reason.',
    labelNames: ['provider', 'why'] as const,
    registers: this.registers,
  });

  readonly possibleDuplicates = new Counter({
    name: 'causeway_possible_duplicates_total',
    help: 'Parts sent again without knowing what became of the attempt before.',
    labelNames: ['provider', 'direction'] as const,
    registers: this.registers,
  });

  /** `kind`: `failed`, `recovered`; `direction`: of the message that it is about. */
  readonly notes = new Counter({
    name: 'causeway_notes_total',
    help: 'Failures and recoveries that somebody was to be told of.',
    labelNames: ['kind', 'direction'] as const,
    registers: this.registers,
  });

  /** `kind`: which of the number's texts. */
  readonly customerTexts = new Counter({
    name: 'causeway_customer_texts_total',
    help: 'Texts of the numbers that customers were told without anybody writing them.',
    labelNames: ['kind'] as const,
    registers: this.registers,
  });

  /**
   * `kind`: `typing`, `read-receipt`; `result`: `sent`, `failed`, `refused` (by our own limits), `skipped` (there was
   * nothing to be told, or it came too late).
   */
  readonly signals = new Counter({
    name: 'causeway_signals_total',
    help: 'Typing and read receipts that were to be passed on, by result.',
    labelNames: ['kind', 'result'] as const,
    registers: this.registers,
  });

  /** `what`: `schedule`, `statistics`; `result`: `ok`, `failed` (a schedule counts as open then). */
  readonly figureReads = new Counter({
    name: 'causeway_figure_reads_total',
    help: "Reads of the contact centre's schedules and of its queues' figures, by result.",
    labelNames: ['what', 'result'] as const,
    registers: this.registers,
  });

  /** `result`: `asked`, `refused` (by the desk), `not-made` (it will be tried again). */
  readonly waitMoves = new Counter({
    name: 'causeway_wait_moves_total',
    help: 'Waiting conversations that were to be put into another queue, by result.',
    labelNames: ['result'] as const,
    registers: this.registers,
  });

  /** `status`: of the answer. */
  readonly mediaServed = new Counter({
    name: 'causeway_media_served_total',
    help: 'Requests for files by their links, by status.',
    labelNames: ['status'] as const,
    registers: this.registers,
  });

  /** `result`: `carried`, `linked`, or why it was refused. */
  readonly mediaOut = new Counter({
    name: 'causeway_media_out_total',
    help: 'Files of agents on their way to customers, by what became of them.',
    labelNames: ['result'] as const,
    registers: this.registers,
  });

  readonly lanesWaiting = new Gauge({
    name: 'causeway_lanes_waiting',
    help: 'Lanes with work that could be done now, as last seen by the sweeper.',
    labelNames: ['direction'] as const,
    registers: this.registers,
  });

  readonly lanesBlocked = new Gauge({
    name: 'causeway_lanes_blocked',
    help: 'Lanes whose head is held, by reason, as last seen by the sweeper.',
    labelNames: ['direction', 'reason'] as const,
    registers: this.registers,
  });

  /** Items in lanes by state: `open`, `sending`, `uncertain`, `held`. */
  readonly itemsWaiting = new Gauge({
    name: 'causeway_lane_items',
    help: 'Messages not yet at their end, by state, as last seen by the sweeper.',
    labelNames: ['state'] as const,
    registers: this.registers,
  });

  /** `result`: `ok`, `failed`. */
  readonly sweeps = new Counter({
    name: 'causeway_sweeps_total',
    help: 'Passes of the sweeper, by result.',
    labelNames: ['result'] as const,
    registers: this.registers,
  });

  readonly lanesSwept = new Counter({
    name: 'causeway_lanes_swept_total',
    help: 'Lanes that the sweeper found waiting without a wake-up.',
    registers: this.registers,
  });

  /** `kind`: `inbound-message`, `agent-message`, `conversation`, `receipt`. */
  readonly reconciled = new Counter({
    name: 'causeway_reconciled_total',
    help: 'Things that no webhook or event told and that were found by asking the provider, by kind.',
    labelNames: ['kind'] as const,
    registers: this.registers,
  });

  /** `reconciler`: `received`, `conversations`, `receipts`; `result`: `ok`, `failed`. */
  readonly reconcilerRuns = new Counter({
    name: 'causeway_reconciler_runs_total',
    help: 'Passes of the reconcilers, by result.',
    labelNames: ['reconciler', 'result'] as const,
    registers: this.registers,
  });

  readonly reconcilerLastSuccess = new Gauge({
    name: 'causeway_reconciler_last_success_timestamp_seconds',
    help: 'When a pass last succeeded in this process; one worker at a time does each.',
    labelNames: ['reconciler'] as const,
    registers: this.registers,
  });

  readonly webhookDrift = new Gauge({
    name: 'causeway_twilio_webhook_drift',
    help: 'Numbers pointed at us from here whose configuration at Twilio differs from that, as last seen.',
    registers: this.registers,
  });

  /** What an operator should look at, by a fixed name. */
  readonly alarms = new Counter({
    name: 'causeway_alarms_total',
    help: 'Things an operator should look at, by name.',
    labelNames: ['name'] as const,
    registers: this.registers,
  });

  constructor(options: MetricsOptions = {}) {
    if (options.processMetrics ?? true) collectDefaultMetrics({ register: this.registry });
  }

  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;

  /** Everything in Prometheus' text format; serve it as {@link contentType}. */
  async render(): Promise<string> {
    return this.registry.metrics();
  }
}
