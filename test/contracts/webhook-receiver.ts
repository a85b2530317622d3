import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface ReceiverAnswer {
  status: number;
  contentType?: string;
  body?: string;
}

/** A webhook endpoint that keeps what it gets. Answers like Causeway unless told otherwise. */
export async function startWebhookReceiver(answer?: (request: Received) => ReceiverAnswer | 'hang'): Promise<{
  url: string;
  received: Received[];
  close(): Promise<void>;
}> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const call = {
        url: request.url ?? '/',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      };
      received.push(call);
      const wanted = answer?.(call) ?? likeCauseway(call);
      if (wanted === 'hang') return;
      if (wanted.contentType !== undefined) response.setHeader('content-type', wanted.contentType);
      response.writeHead(wanted.status).end(wanted.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    received,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function likeCauseway(call: Received): ReceiverAnswer {
  return call.url.startsWith('/webhooks/twilio/messages')
    ? { status: 200, contentType: 'text/xml', body: '<Response/>' }
    : { status: 204 };
}
