import { createServer } from 'node:http';
import { ANSWER, verified } from './hmac.js';

/** A server on bare node:http that checks the signature, does `work` with the form, and answers as Twilio wants. */
export function servePlainly(work: (form: URLSearchParams) => Promise<unknown> | undefined): void {
  const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
    const chunks: Buffer[] = [];
    const answer = (status: number, body = '') =>
      response
        .writeHead(status, {
          'content-type': 'text/xml; charset=utf-8',
          'content-length': Buffer.byteLength(body),
        })
        .end(body);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const form = verified(Buffer.concat(chunks).toString('utf8'), request.headers['x-twilio-signature']);
      if (!form) return answer(403);
      const working = work(form);
      if (!working) return answer(200, ANSWER);
      working.then(
        () => answer(200, ANSWER),
        () => answer(503),
      );
    });
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.({ type: 'ready', port: typeof address === 'object' ? address?.port : undefined });
  });
  process.on('disconnect', () => process.exit(0));
}
