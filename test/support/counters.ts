import type { Service } from './service.js';

/** The sum of a metric's samples over processes, of those whose labels contain all of `labels`. */
export async function metric(
  services: readonly Service[],
  name: string,
  labels: Record<string, string> = {},
): Promise<number> {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const sums = await Promise.all(
    services.map(async ({ port }) => {
      const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { connection: 'close' } });
      const lines = (await response.text()).split('\n');
      return lines
        .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
        .filter((line) => wanted.every((label) => line.includes(label)))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
    }),
  );
  return sums.reduce((sum, one) => sum + one, 0);
}
