import { ControlError } from '../common/control.js';
import { isTaken } from '../common/webhook-post.js';
import { maxMedia } from '../twilio/media.js';
import { foreignToSms } from '../twilio/inbound-fields.js';
import { isWhatsApp, type StoredMessage } from '../twilio/messages.js';
import type { TwilioSimulator } from '../twilio/simulator.js';
import type { CustomerText } from './customer-text.js';
import type { StoredFile } from './files.js';
import { customerOf, fileOf, showMessage, showReply } from './phone-messages.js';
import type { BridgeLink, ChannelId, Phone, PhoneMessage, WhatsAppState } from './state.js';
import { TwilioLog } from './twilio-log.js';
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
/** How long WhatsApp shows a typing indicator, unless a message comes. */
const TYPING_MS = 25_000;

interface Owner {
  address: string;
  name: string;
  /** Whether it tells what it has read. */
  readReceipts: boolean;
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
  readonly #log: TwilioLog;

  constructor(
    private readonly twilio: TwilioSimulator,
    /** Whether an address belongs to a storm, whose customers have no phone on the page. */
    private readonly isOfStorm: (address: string) => boolean,
  ) {
    this.#answers = new WebhookAnswers(twilio);
    this.#log = new TwilioLog(twilio);
    for (const owner of FIRST_PHONES) this.#owners.set(owner.address, { ...owner, readReceipts: true });
  }

  get addresses(): string[] {
    return [...this.#owners.keys()];
  }

  show(link: LinkPhone): Phone[] {
    const byAddress = Map.groupBy(this.twilio.messages, customerOf);
    this.#meet(byAddress.keys());
    return [...this.#owners.values()].map((owner) => {
      const shown = this.#showPhone(owner, byAddress.get(owner.address) ?? []);
      const links = link(owner.address, shown.messages);
      for (const message of shown.messages) {
        const found = links.get(message.id);
        if (found) message.bridge = found;
      }
      return shown;
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
    const owner = { address, name, readReceipts: true };
    this.#owners.set(address, owner);
    this.#removed.delete(address);
    return this.#showPhone(owner, []);
  }

  /** Sets what a WhatsApp phone, or WhatsApp for it, does. */
  change(address: string, wanted: { readReceipts?: boolean; windowOpen?: boolean; number?: string }): Phone {
    const owner = this.#onWhatsApp(address);
    const number = this.#number(address, wanted.number);
    if (wanted.readReceipts !== undefined) owner.readReceipts = wanted.readReceipts;
    if (wanted.windowOpen !== undefined) this.twilio.setWindow(number, address, wanted.windowOpen);
    return this.#showPhone(owner, this.#messagesOf(address));
  }

  remove(address: string): void {
    this.#known(address);
    this.#owners.delete(address);
    this.#removed.add(address);
  }

  /** Texts a business number; resolves when Twilio knows what its webhook answered. */
  async text(address: string, text: CustomerText, to?: string): Promise<{ id: string; accepted: boolean }> {
    const { name } = this.#known(address);
    const number = this.#number(address, to);
    const all = { ...text, from: address, to: number, ...(name !== '' && { profileName: name }) };
    const foreign = foreignToSms(all);
    if (foreign !== undefined) throw new ControlError(400, `An SMS has no ${foreign}: WhatsApp has.`);
    const count = (text.media?.length ?? 0) + (text.contact ? 1 : 0);
    const max = maxMedia(address);
    if (count > max) {
      const most = max === 1 ? 'one file' : `${max} files`;
      throw new ControlError(400, `A message has at most ${most} here, this one has ${count}.`);
    }
    if (
      text.repliedTo !== undefined &&
      !this.#messagesOf(address).some(({ sid }) => sid === text.repliedTo)
    ) {
      throw new ControlError(400, `repliedTo must be a message of this phone.`);
    }
    const { sid, webhook } = await this.twilio.receiveText(all);
    return { id: sid, accepted: isTaken(webhook?.status) };
  }

  /** What has been delivered is read, unless the phone tells nobody; how many that were. */
  async read(address: string): Promise<{ read: number }> {
    const { readReceipts } = this.#onWhatsApp(address);
    if (!readReceipts) return { read: 0 };
    const unread = this.#messagesOf(address).filter(({ status }) => status === 'delivered');
    await Promise.all(unread.map(({ sid }) => this.twilio.setStatus(sid, 'read')));
    return { read: unread.length };
  }

  file(address: string, sid: string): StoredFile {
    this.#known(address);
    const medium = this.twilio.media.get(sid);
    const isTheirs = this.#messagesOf(address).some((message) => message.sid === medium?.messageSid);
    if (medium === undefined || !isTheirs) throw new ControlError(404, `This phone has no file ${sid}.`);
    return fileOf(medium);
  }

  #showPhone({ address, name, readReceipts }: Owner, stored: readonly StoredMessage[]): Phone {
    const replies = this.#log.repliesTo(address).map(showReply);
    const own = stored.slice(-MAX_SHOWN).map((one) => this.#showMessage(one));
    const messages = [...own, ...replies].toSorted((a, b) => a.at.localeCompare(b.at)).slice(-MAX_SHOWN);
    const phone = { address, channel: channelOf(address), name: name || numberOf(address), messages };
    if (phone.channel === 'sms') return phone;
    const numbers = this.twilio.numbers.filter(isWhatsApp);
    const closedWindows = numbers.filter((number) => !this.twilio.isWindowOpen(number, address));
    return { ...phone, whatsApp: { ...this.#seeTyping(messages), readReceipts, closedWindows } };
  }

  #showMessage(message: StoredMessage): PhoneMessage {
    return showMessage(message, this.twilio.media, this.#answers.of(message.sid));
  }

  /** A typing indicator also marks the message it names, and those before it, as read. */
  #seeTyping(messages: PhoneMessage[]): Pick<WhatsAppState, 'typing'> {
    const seen = new Set<string>();
    let typedAt = 0;
    for (const message of messages.toReversed()) {
      if (message.author !== 'customer') continue;
      const at = this.#log.typingAt(message.id);
      if (at !== undefined) seen.add(message.number);
      typedAt = Math.max(typedAt, at ?? 0);
      if (seen.has(message.number)) message.seen = true;
    }
    const answeredAt = messages.findLast(({ author }) => author === 'business')?.at;
    const isOver = answeredAt !== undefined && Date.parse(answeredAt) >= typedAt;
    return { typing: !isOver && Date.now() - typedAt < TYPING_MS };
  }

  #messagesOf(address: string): StoredMessage[] {
    return this.twilio.messages.filter((message) => customerOf(message) === address);
  }

  /** Whoever texted without having a phone on the page gets one. */
  #meet(addresses: Iterable<string>): void {
    for (const address of addresses) {
      if (this.#owners.size >= MAX_PHONES) return;
      if (this.#owners.has(address) || this.#removed.has(address) || this.isOfStorm(address)) continue;
      if (ADDRESS.test(address)) this.#owners.set(address, { address, name: '', readReceipts: true });
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

  /** The business number that is named, else the first of the phone's channel. */
  #number(address: string, named: string | undefined): string {
    const number = named ?? this.twilio.numbers.find((one) => isWhatsApp(one) === isWhatsApp(address));
    if (number === undefined || !this.twilio.numbers.includes(number)) {
      throw new ControlError(400, `to must be one of ${this.twilio.numbers.join(', ')}.`);
    }
    if (isWhatsApp(number) !== isWhatsApp(address)) {
      throw new ControlError(400, `${address} cannot text ${number}: they are on different channels.`);
    }
    return number;
  }

  #onWhatsApp(address: string): Owner {
    if (!isWhatsApp(address)) throw new ControlError(400, 'Only WhatsApp phones can do that.');
    return this.#known(address);
  }

  #known(address: string): Owner {
    const owner = this.#owners.get(address);
    if (owner === undefined) throw new ControlError(404, `There is no phone ${address}.`);
    return owner;
  }
}

function numberOf(address: string): string {
  return address.replace('whatsapp:', '');
}

function channelOf(address: string): ChannelId {
  return isWhatsApp(address) ? 'whatsapp' : 'sms';
}
