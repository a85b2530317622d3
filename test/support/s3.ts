import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** As much of S3 as the media store calls, with one bucket in memory, in path style. */
export interface TestS3 {
  endpoint: string;
  bucket: string;
  objects: Map<string, { body: Buffer; contentType: string }>;
  /** `GET bytes=0-1`, in order. */
  calls: string[];
  /** Answers so many calls 503 first. */
  unavailable: number;
  stop(): Promise<void>;
}

const BUCKET = 'causeway-media';
/** Small, so that lists have several pages. */
const PAGE_SIZE = 2;

export async function startTestS3(): Promise<TestS3> {
  const server = createServer((request, response) => {
    handle(s3, request, response).catch((error: unknown) => {
      answer(response, 500, `<Error><Code>InternalError</Code><Message>${String(error)}</Message></Error>`);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const s3: TestS3 = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bucket: BUCKET,
    objects: new Map(),
    calls: [],
    unavailable: 0,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
  return s3;
}

async function handle(s3: TestS3, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', s3.endpoint);
  const [, bucket, ...rest] = decodeURIComponent(pathname).split('/');
  const key = rest.join('/');
  const body = await buffer(request);
  s3.calls.push([request.method, request.headers.range].filter(Boolean).join(' '));
  if (s3.unavailable > 0) {
    s3.unavailable -= 1;
    return answer(response, 503, '<Error><Code>SlowDown</Code></Error>');
  }
  if (!request.headers.authorization?.startsWith('AWS4-HMAC-SHA256 Credential=test-key/')) {
    return answer(response, 403, '<Error><Code>AccessDenied</Code></Error>');
  }
  if (bucket !== BUCKET) return answer(response, 404, '<Error><Code>NoSuchBucket</Code></Error>');
  if (key === '' && request.method === 'GET') return answer(response, 200, list(s3, searchParams));
  if (key === '' && request.method === 'POST' && searchParams.has('delete')) {
    for (const [, each = ''] of body.toString('utf8').matchAll(/<Key>(.*?)<\/Key>/g)) s3.objects.delete(each);
    return answer(response, 200, '<DeleteResult/>');
  }
  if (request.method === 'PUT') {
    if (request.headers['content-length'] === undefined) return answer(response, 411, '');
    s3.objects.set(key, { body, contentType: request.headers['content-type'] ?? '' });
    return answer(response, 200, '');
  }
  const object = s3.objects.get(key);
  if (request.method === 'DELETE') {
    s3.objects.delete(key);
    return answer(response, 204, '');
  }
  if (!object) return answer(response, 404, '<Error><Code>NoSuchKey</Code></Error>');
  const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  const part = start === undefined ? object.body : object.body.subarray(Number(start), Number(end) + 1);
  response.writeHead(start === undefined ? 200 : 206, {
    'content-type': object.contentType,
    'content-length': part.length,
    'last-modified': new Date().toUTCString(),
    etag: `"${createHash('md5').update(object.body).digest('hex')}"`,
  });
  response.end(request.method === 'HEAD' ? undefined : part);
}

function list({ objects }: TestS3, parameters: URLSearchParams): string {
  const prefix = parameters.get('prefix') ?? '';
  const delimiter = parameters.get('delimiter') ?? '';
  const found = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  const entries = new Set(
    found.map((key) => {
      const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      return end === -1
        ? `<Contents><Key>${key}</Key><Size>1</Size></Contents>`
        : common(key.slice(0, end + 1));
    }),
  );
  const from = Number(parameters.get('continuation-token') ?? 0);
  const next = from + PAGE_SIZE < entries.size ? from + PAGE_SIZE : undefined;
  const more = next === undefined ? '' : `<NextContinuationToken>${next}</NextContinuationToken>`;
  const page = [...entries].slice(from, from + PAGE_SIZE).join('');
  return `<ListBucketResult><IsTruncated>${next !== undefined}</IsTruncated>${more}${page}</ListBucketResult>`;
}

function common(prefix: string): string {
  return `<CommonPrefixes><Prefix>${prefix}</Prefix></CommonPrefixes>`;
}

function answer(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(body);
}
