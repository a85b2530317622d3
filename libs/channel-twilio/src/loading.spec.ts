import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Runs in a process of its own: loads the library from its sources and prints which of Twilio's files came along. */
const SCRIPT = `
  import { createRequire, registerHooks } from 'node:module';
  import { readFileSync } from 'node:fs';
  import ts from 'typescript';
  const compilerOptions = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2024,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    useDefineForClassFields: false,
    verbatimModuleSyntax: true,
  };
  registerHooks({
    resolve: (specifier, context, next) =>
      next(context.parentURL?.endsWith('.ts') && specifier.startsWith('.') ? specifier.replace(/js$/, 'ts') : specifier, context),
    load: (url, context, next) => {
      if (!url.endsWith('.ts')) return next(url, context);
      const text = readFileSync(new URL(url), 'utf8');
      return { format: 'module', shortCircuit: true, source: ts.transpileModule(text, { compilerOptions }).outputText };
    },
  });
  const { cache } = createRequire(process.cwd() + '/');
  const loaded = () => ({
    webhooks: Object.keys(cache).some((file) => file.includes('/twilio/lib/webhooks/')),
    rest: Object.keys(cache).some((file) => /\\/node_modules\\/(axios|qs|jsonwebtoken)\\/|\\/twilio\\/lib\\/(rest|base)\\//.test(file)),
  });
  const { TwilioChannel } = await import('#channel-twilio');
  const imported = loaded();
  const channel = new TwilioChannel({}, { accountSid: 'AC1', username: 'AC1', password: 'x', apiBaseUrl: 'http://127.0.0.1:1', publicBaseUrl: 'http://127.0.0.1:1' });
  const request = { number: { account: 'AC1', address: '+1' }, to: '+2', part: { text: 'x' }, attempt: { messageId: 'm', attemptId: 'a' } };
  await channel.send(request, { timeoutMs: 1000 }).catch(() => undefined);
  console.log(JSON.stringify({ imported, sent: loaded() }));
`;

describe('loading the library', () => {
  it("loads Twilio's webhook part alone; the REST client comes with the first message sent", async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=source', '--input-type=module', '--eval', SCRIPT],
      { cwd: ROOT },
    );
    expect(JSON.parse(stdout)).toEqual({
      imported: { webhooks: true, rest: false },
      sent: { webhooks: true, rest: true },
    });
  });
});
