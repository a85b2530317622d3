import { describe, expect, it } from 'vitest';
import { TwilioLogin } from './login.js';

/** Whoever checks the credentials, and which of them it takes now. */
class FakeProvider {
  accepted: string[] = [];
  status = 200;
  tried: string[] = [];

  readonly call = async (authorization: string): Promise<{ status: number }> => {
    const [, password = ''] = Buffer.from(authorization.replace('Basic ', ''), 'base64')
      .toString()
      .split(':');
    this.tried.push(password);
    return { status: this.accepted.includes(password) ? this.status : 401 };
  };
}

describe(TwilioLogin.name, () => {
  it('goes through a rotation without a refusal, and asks once per call but for the moment of change', async () => {
    const provider = new FakeProvider();
    const login = new TwilioLogin('AC1', ['old', 'new']);
    provider.accepted = ['old'];
    expect(await login.call(provider.call)).toEqual({ status: 200 });
    provider.accepted = ['old', 'new'];
    expect(await login.call(provider.call)).toEqual({ status: 200 });
    provider.accepted = ['new'];
    expect(await login.call(provider.call)).toEqual({ status: 200 });
    expect(await login.call(provider.call)).toEqual({ status: 200 });
    expect(provider.tried).toEqual(['old', 'old', 'old', 'new', 'new']);
  });

  it('goes back, too: a token may be taken back', async () => {
    const provider = new FakeProvider();
    const login = new TwilioLogin('AC1', ['old', 'new']);
    provider.accepted = ['new'];
    await login.call(provider.call);
    provider.accepted = ['old'];
    expect(await login.call(provider.call)).toEqual({ status: 200 });
    expect(provider.tried).toEqual(['old', 'new', 'new', 'old']);
  });

  it('answers the refusal where every password is refused, after trying each once', async () => {
    const provider = new FakeProvider();
    expect(await new TwilioLogin('AC1', ['a', 'b', 'c']).call(provider.call)).toEqual({ status: 401 });
    expect(provider.tried).toEqual(['a', 'b', 'c']);
  });

  it.each([429, 503])('does not take %i for a word about the password', async (status) => {
    const provider = new FakeProvider();
    const login = new TwilioLogin('AC1', ['old', 'new']);
    provider.accepted = ['new'];
    provider.status = status;
    expect(await login.call(provider.call)).toEqual({ status });
    provider.accepted = ['old'];
    await login.call(provider.call);
    expect(provider.tried).toEqual(['old', 'new', 'old']);
  });
});
