import { ControlError } from '../common/control.js';
import { isTaken } from '../common/webhook-post.js';
import { isWhatsApp, type StoredMessage } from '../twilio/messages.js';
import type { TwilioSimulator } from '../twilio/simulator.js';
import type { BridgeLink, ChannelId, Phone, PhoneMessage } from './state.js';
import { WebhookAnswers } from './webhook-answers.js';

/** The phones that are there from the start; the first is the one of the README's examples. */
const FIRST_PHONES = [
  { address: '+15550123', name: 'Robin' },
  { address: 'whatsapp:+15550124', name: 'Kim' },
] as const;

const ADDRESS = /^(whatsapp:)?\+[1-9]\d{6,14}$/;
const MAX_PHONES = 50;
const MAX_SHOWN = 50;
const MAX_NAME = 60;
/** Twilio joins no more segments than this. */
const MAX_TEXT = 1600;

interface Owner {
  address: string;
  name: string;
}

/** Links the messages of one phone, oldest first, with those of the bridge. */
export type LinkPhone = (
  address: string,
  messages: readonly PhoneMessage[],
) => ReadonlyMap<string, BridgeLink>;

/** The customers' phones: whoever was added, and whoever has texted by another way (`curl`, a test). */
export class Phones {
  readonly #owners = new Map<string, Owner>();
  readonly #removed = new Set<string>();
  readonly #answers: WebhookAnswers;

  constructor(
    private readonly twilio: TwilioSimulator,
    /** Whether an address belongs to a storm, whose customers have no phone on the page. */
    private readonly isOfStorm: (address: string) => boolean,
  ) {
    this.#answers = new WebhookAnswers(twilio);
    for (const owner of FIRST_PHONES) this.#owners.set(owner.address, { ...owner });
  }

  get addresses(): string[] {
    return [...this.#owners.keys()];
  }

  show(link: LinkPhone): Phone[] {
    const byAddress = Map.groupBy(this.twilio.messages, customerOf);
    this.#meet(byAddress.keys());
    return [...this.#owners.values()].map(({ address, name }) => {
      const messages = (byAddress.get(address) ?? []).slice(-MAX_SHOWN).map((one) => this.#showMessage(one));
      const links = link(address, messages);
      for (const message of messages) {
        const found = links.get(message.id);
        if (found) message.bridge = found;
      }
      return { address, channel: channelOf(address), name: name || numberOf(address), messages };
    });
  }

  add(wanted: { channel?: ChannelId; address?: string; name?: string }): Phone {
    if (this.#owners.size >= MAX_PHONES) {
      throw new ControlError(409, `There are ${MAX_PHONES} phones: remove one first.`);
    }
    const address = wanted.address ?? this.#freeAddress(wanted.channel ?? 'sms');
    if (!ADDRESS.test(address)) {
      throw new ControlError(400, 'address must be like +15550123, or whatsapp:+15550123.');
    }
    if (wanted.channel !== undefined && wanted.channel !== channelOf(address)) {
      throw new ControlError(400, `address and channel disagree: ${address} is ${channelOf(address)}.`);
    }
    if (this.#owners.has(address)) throw new ControlError(409, `There is a phone ${address} already.`);
    if (this.isOfStorm(address) || this.twilio.numbers.includes(address)) {
      throw new ControlError(409, `${address} belongs to somebody else.`);
    }
    const name = (wanted.name ?? '').trim().slice(0, MAX_NAME);
    this.#owners.set(address, { address, name });
    this.#removed.delete(address);
    return { address, channel: channelOf(address), name: name || numberOf(address), messages: [] };
  }

  remove(address: string): void {
    this.#known(address);
    this.#owners.delete(address);
    this.#removed.add(address);
  }

  /** Texts a business number; resolves when Twilio knows what its webhook answered. */
  async text(address: string, body: string, to?: string): Promise<{ id: string; accepted: boolean }> {
    const { name } = this.#known(address);
    if (body.trim() === '') throw new ControlError(400, 'body must not be empty.');
    if (body.length > MAX_TEXT) {
      throw new ControlError(400, `A text has at most ${MAX_TEXT} characters, this one has ${body.length}.`);
    }
    const number = to ?? this.twilio.numbers.find((one) => isWhatsApp(one) === isWhatsApp(address));
    if (number === undefined || !this.twilio.numbers.includes(number)) {
      throw new ControlError(400, `to must be one of ${this.twilio.numbers.join(', ')}.`);
    }
    if (isWhatsApp(number) !== isWhatsApp(address)) {
      throw new ControlError(400, `${address} cannot text ${number}: they are on different channels.`);
    }
    const profileName = name === '' ? {} : { profileName: name };
    const { sid, webhook } = await this.twilio.receiveText({
      from: address,
      to: number,
      body,
      ...profileName,
    });
    return { id: sid, accepted: isTaken(webhook?.status) };
  }

  #showMessage(message: StoredMessage): PhoneMessage {
    const inbound = message.direction === 'inbound';
    return {
      id: message.sid,
      author: inbound ? 'customer' : 'business',
      number: (inbound ? message.to : message.from) ?? '',
      text: message.body,
      at: new Date(message.createdAtMs).toISOString(),
      status: inbound ? this.#answers.of(message.sid) : statusOf(message),
      ...(message.errorCode === null ? {} : { errorCode: message.errorCode }),
    };
  }

  /** Whoever texted without having a phone on the page gets one. */
  #meet(addresses: Iterable<string>): void {
    for (const address of addresses) {
      if (this.#owners.size >= MAX_PHONES) return;
      if (this.#owners.has(address) || this.#removed.has(address) || this.isOfStorm(address)) continue;
      if (ADDRESS.test(address)) this.#owners.set(address, { address, name: '' });
    }
  }

  #freeAddress(channel: ChannelId): string {
    const prefix = channel === 'whatsapp' ? 'whatsapp:' : '';
    for (let n = 125; ; n += 1) {
      const address = `${prefix}+1555${String(n).padStart(4, '0')}`;
      const taken = this.#owners.has(address) || this.#removed.has(address);
      if (!taken && !this.twilio.numbers.includes(address)) return address;
    }
  }

  #known(address: string): Owner {
    const owner = this.#owners.get(address);
    if (owner === undefined) throw new ControlError(404, `There is no phone ${address}.`);
    return owner;
  }
}

function customerOf(message: StoredMessage): string {
  return message.direction === 'inbound' ? (message.from ?? '') : message.to;
}

function numberOf(address: string): string {
  return address.replace('whatsapp:', '');
}

function channelOf(address: string): ChannelId {
  return isWhatsApp(address) ? 'whatsapp' : 'sms';
}

function statusOf({ status }: StoredMessage): PhoneMessage['status'] {
  if (status === 'accepted' || status === 'received') return 'queued';
  return status === 'sending' ? 'sent' : status;
}
