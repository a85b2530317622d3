import { useEffect, useEffectEvent, useState } from 'react';
import type { StormState } from '../../../src/page/state.js';
import { isRunning, total } from './counts.js';
import styles from './Storm.module.css';

const SAMPLE_MS = 500;
const WIDTH = 300;
const HEIGHT = 44;

interface Sample {
  inbound: number;
  outbound: number;
}

/** Deliveries per moment since the storm began to be watched: where nothing gets through, the line lies flat. */
export function Sparkline({ storm }: { storm: StormState }) {
  const samples = useSamples(storm);
  if (samples.length < 3) return null;
  const rates = samples.slice(1).map((sample, index) => ({
    inbound: sample.inbound - (samples[index]?.inbound ?? 0),
    outbound: sample.outbound - (samples[index]?.outbound ?? 0),
  }));
  const most = Math.max(1, ...rates.map(({ inbound, outbound }) => Math.max(inbound, outbound)));
  return (
    <figure className={styles.sparkline}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <path data-by="customer" d={lineOf(rates.map(({ inbound }) => inbound / most))} />
        <path data-by="agent" d={lineOf(rates.map(({ outbound }) => outbound / most))} />
      </svg>
      <figcaption>Deliveries over time, {total(storm, 'delivered')} so far</figcaption>
    </figure>
  );
}

/** The delivered counts at even intervals, while the storm runs. */
function useSamples(storm: StormState): Sample[] {
  const [samples, setSamples] = useState<Sample[]>([]);
  const running = isRunning(storm);
  const take = useEffectEvent(() => {
    setSamples((before) => [
      ...before,
      { inbound: storm.inbound.delivered, outbound: storm.outbound.delivered },
    ]);
  });
  useEffect(() => {
    if (!running) return undefined;
    const timer = setInterval(() => take(), SAMPLE_MS);
    return () => clearInterval(timer);
  }, [running]);
  return samples;
}

function lineOf(shares: number[]): string {
  const step = WIDTH / Math.max(1, shares.length - 1);
  return shares
    .map(
      (share, index) =>
        `${index === 0 ? 'M' : 'L'}${(index * step).toFixed(1)} ${(HEIGHT - 2 - share * (HEIGHT - 4)).toFixed(1)}`,
    )
    .join('');
}
