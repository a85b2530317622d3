import { Webhook } from 'standardwebhooks';

/** Signs what is posted to hooks as Standard Webhooks has it (https://www.standardwebhooks.com). */
export class HookSigner {
  private readonly signers = new Map<string, Webhook[]>();

  /** `secretsOf`: a tenant's, base64 with or without `whsec_`. */
  constructor(private readonly secretsOf: (tenantId: string) => readonly string[]) {}

  /**
   * What goes beside the body, with a signature by each of the tenant's secrets: whoever is called may know any of them.
   * Undefined where there is none.
   */
  headers(
    tenantId: string,
    { id, at, body }: { id: string; at: Date; body: string },
  ): Record<string, string> | undefined {
    const signers = this.signersOf(tenantId);
    if (signers.length === 0) return undefined;
    return {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': signers.map((signer) => signer.sign(id, at, body)).join(' '),
    };
  }

  private signersOf(tenantId: string): Webhook[] {
    let signers = this.signers.get(tenantId);
    if (!signers) {
      signers = this.secretsOf(tenantId).map((secret) => new Webhook(secret));
      this.signers.set(tenantId, signers);
    }
    return signers;
  }
}
