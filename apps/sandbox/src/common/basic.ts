import { type Call, header } from './http.js';

/** Whether the call shows these by Basic authentication. */
export function isBasic(call: Call, user: string, password: string): boolean {
  const [scheme = '', token = ''] = (header(call, 'authorization') ?? '').split(' ');
  return (
    scheme.toLowerCase() === 'basic' && Buffer.from(token, 'base64').toString() === `${user}:${password}`
  );
}
