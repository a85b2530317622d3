import { describe, expect, it } from 'vitest';
import { Metrics } from './metrics.js';

describe(Metrics.name, () => {
  it('renders what was counted, by its labels', async () => {
    const sut = new Metrics();
    sut.webhooksRefused.inc({ door: 'chat-gateway', reason: 'signature' });
    sut.eventsAccepted.inc({ kind: 'receipt', result: 'duplicate' }, 2);
    sut.attemptDuration.observe({ provider: 'twilio', direction: 'outbound' }, 0.2);
    sut.lanesBlocked.set({ direction: 'inbound', reason: 'window' }, 7);
    const text = await sut.render();
    expect(text).toContain('causeway_webhooks_refused_total{door="chat-gateway",reason="signature"} 1');
    expect(text).toContain('causeway_events_accepted_total{kind="receipt",result="duplicate"} 2');
    expect(text).toContain(
      'causeway_attempt_duration_seconds_count{provider="twilio",direction="outbound"} 1',
    );
    expect(text).toContain('causeway_lanes_blocked{direction="inbound",reason="window"} 7');
    expect(text).toContain('process_cpu_user_seconds_total');
  });

  it('counts each instance apart', async () => {
    const one = new Metrics({ processMetrics: false });
    const other = new Metrics({ processMetrics: false });
    one.lanesSwept.inc(3);
    expect(await one.render()).toContain('causeway_lanes_swept_total 3');
    expect(await other.render()).toContain('causeway_lanes_swept_total 0');
  });

  it('names all but the process metrics after us, with a help text', async () => {
    const text = await new Metrics({ processMetrics: false }).render();
    const types = text.split('\n').filter((line) => line.startsWith('# TYPE'));
    expect(types.length).toBeGreaterThan(10);
    for (const line of types) expect(line).toMatch(/^# TYPE causeway_[a-z_]+ (counter|gauge|histogram)$/);
  });
});
