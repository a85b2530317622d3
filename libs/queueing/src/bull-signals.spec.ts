import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BullSignals } from './bull-signals.js';
import type { SignalJob } from './queue-names.js';

describe(BullSignals.name, () => {
  let added: { data: SignalJob; jobId: string }[];
  let behaviour: 'works' | 'refuses' | 'hangs';
  let sut: BullSignals;

  const types = (deskConversationId: string, tenantId = 'default') =>
    sut.typing({ tenantId, deskConversationId });
  const desks = () => added.map(({ data }) => ('threadId' in data ? data.threadId : data.deskConversationId));

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    added = [];
    behaviour = 'works';
    sut = new BullSignals({
      add: (_name, data, { jobId }) => {
        added.push({ data, jobId });
        if (behaviour === 'refuses') return Promise.reject(new Error('refused'));
        return behaviour === 'hangs' ? new Promise(() => undefined) : Promise.resolve();
      },
    });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('queues one job in three seconds per conversation, ids only', async () => {
    types('1:a');
    types('1:a');
    types('1:a', 'other');
    await vi.advanceTimersByTimeAsync(2_999);
    types('1:a');
    expect(added.map(({ data }) => data)).toEqual([
      { tenantId: 'default', deskConversationId: '1:a' },
      { tenantId: 'other', deskConversationId: '1:a' },
    ]);
    await vi.advanceTimersByTimeAsync(1);
    types('1:a');
    // The same job: where it still waits there is no second one.
    expect(added.map(({ jobId }) => jobId)).toEqual([added[0]?.jobId, added[1]?.jobId, added[0]?.jobId]);
    for (const { jobId } of added) expect(jobId).toMatch(/^typing-[0-9a-f]{32}$/);
    expect(added[0]?.jobId).not.toBe(added[1]?.jobId);
  });

  it("queues a bot's thinking apart from an agent's typing", () => {
    types('a');
    sut.thinking({ tenantId: 'default', threadId: 'a', seconds: 7 });
    sut.thinking({ tenantId: 'default', threadId: 'a', seconds: 9 });
    expect(added.map(({ data }) => data)).toEqual([
      { tenantId: 'default', deskConversationId: 'a' },
      { tenantId: 'default', threadId: 'a', seconds: 7 },
    ]);
    expect(added[1]?.jobId).toMatch(/^thinking-[0-9a-f]{32}$/);
  });

  it('loses what a frozen queue does not take, and holds little meanwhile', async () => {
    behaviour = 'hangs';
    for (let n = 0; n < 100; n += 1) types(`hung-${n}`);
    expect(added).toHaveLength(20);
    behaviour = 'works';
    types('lost');
    await vi.advanceTimersByTimeAsync(1_000);
    types('queued');
    expect(desks().slice(20)).toEqual(['queued']);
  });

  it('never throws', async () => {
    behaviour = 'refuses';
    for (let n = 0; n < 50; n += 1) {
      types(`refused-${n}`);
      await vi.advanceTimersByTimeAsync(0);
    }
    expect(added).toHaveLength(50);
  });
});
