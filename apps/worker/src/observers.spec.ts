import { expect, it } from 'vitest';
import { Metrics, type Logger } from '#platform';
import { figureObserver } from './observers.js';

it('figures that cannot be read are counted each time, and said once until that changes', async () => {
  const said: string[] = [];
  const note =
    (level: string) =>
    ({ what, code = '' }: { what: string; code?: string }) =>
      void said.push(`${level} ${what} ${code}`.trim());
  const metrics = new Metrics({ processMetrics: false });
  const observer = figureObserver(metrics, { info: note('info'), warn: note('warn') } as unknown as Logger);
  const fails = (code: string) => observer.read({ what: 'schedule', result: 'failed', code });
  observer.read({ what: 'schedule', result: 'ok' });
  fails('deadline');
  fails('deadline');
  observer.read({ what: 'statistics', result: 'failed', code: 'resting' });
  fails('unauthorized');
  observer.read({ what: 'schedule', result: 'ok' });
  observer.read({ what: 'schedule', result: 'ok' });
  fails('deadline');
  expect(said).toEqual([
    'warn schedule deadline',
    'warn schedule unauthorized',
    'info schedule',
    'warn schedule deadline',
  ]);
  const { values } = await metrics.figureReads.get();
  expect(values.find(({ labels }) => labels.what === 'schedule' && labels.result === 'failed')?.value).toBe(
    4,
  );
});
