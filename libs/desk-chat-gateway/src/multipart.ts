import { randomUUID } from 'node:crypto';
import { PassThrough, type Readable } from 'node:stream';

/** A body of multipart/form-data whose file is read as it goes. */
export interface MultipartForm {
  headers: { 'content-type': string; 'content-length': string };
  open(): Readable;
}

export interface FilePart {
  /** The field's. */
  name: string;
  filename: string;
  contentType: string;
  bytes: number;
  open(): Readable;
}

/** Source: RFC 7578; names are escaped as the HTML standard says. */
export function multipartForm(fields: Record<string, string>, file: FilePart): MultipartForm {
  const boundary = `causeway-${randomUUID()}`;
  const before = [
    ...Object.entries(fields).map(([name, value]) => part(boundary, `name="${escaped(name)}"`, value)),
    `--${boundary}\r\nContent-Disposition: form-data; name="${escaped(file.name)}"; filename="${escaped(file.filename)}"`,
    `\r\nContent-Type: ${file.contentType}\r\n\r\n`,
  ];
  const head = Buffer.from(before.join(''));
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  return {
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': String(head.length + file.bytes + tail.length),
    },
    open: () => {
      const content = file.open();
      const body = new PassThrough();
      body.write(head);
      content.pipe(body, { end: false });
      content.once('end', () => body.end(tail));
      content.on('error', (error) => body.destroy(error));
      return body.once('close', () => content.destroy());
    },
  };
}

function part(boundary: string, disposition: string, value: string): string {
  return `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${value}\r\n`;
}

function escaped(name: string): string {
  return name
    .toWellFormed()
    .replace(/\r\n|\r|\n/g, '%0D%0A')
    .replace(/"/g, '%22');
}
