import { connect } from 'node:net';

/** Whether something accepts connections where a `redis://` or `rediss://` URL points to. Never throws. */
export function isReachable(url: string, defaultPort: number, timeoutMs = 1_000): Promise<boolean> {
  if (!URL.canParse(url)) return Promise.resolve(false);
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port) || defaultPort,
      timeout: timeoutMs,
    });
    const answer = (reachable: boolean) => () => {
      socket.destroy();
      resolve(reachable);
    };
    socket.once('connect', answer(true)).once('timeout', answer(false)).once('error', answer(false));
  });
}
