import { ControlError, ControlInput } from '../common/control.js';
import type { InboundText } from '../twilio/inbound.js';
import { filesIn } from './files.js';

/** Twilio joins no more segments than this. */
const MAX_TEXT = 1600;
const MAX_WORDS = 200;

/** What a customer sends: everything of a text but who sends it to whom. */
export type CustomerText = Omit<InboundText, 'from' | 'to'>;

/** The text of a call, or a sentence about what is wrong with it. What only WhatsApp has is for the simulator to refuse. */
export function customerText(input: ControlInput): CustomerText {
  const body = input.optionalText('body') ?? '';
  if (body.length > MAX_TEXT) {
    throw new ControlError(400, `A text has at most ${MAX_TEXT} characters, this one has ${body.length}.`);
  }
  const media = filesIn(input, 'media');
  const text: CustomerText = {
    body,
    ...(media.length > 0 && { media }),
    ...part(input, 'location', locationIn),
    ...part(input, 'contact', (contact) => ({
      name: words(contact, 'name'),
      phone: words(contact, 'phone'),
    })),
    ...part(input, 'button', (button) => ({
      text: words(button, 'text'),
      payload: words(button, 'payload'),
    })),
    ...part(input, 'listReply', (reply) => ({
      id: words(reply, 'id'),
      title: words(reply, 'title'),
      ...optional(reply, 'description'),
    })),
    ...optional(input, 'repliedTo'),
    ...(input.flag('forwarded', false) && { forwarded: true }),
  };
  const { location, contact, button, listReply } = text;
  if (body.trim() === '' && media.length === 0 && !location && !contact && !button && !listReply) {
    throw new ControlError(400, 'body must not be empty.');
  }
  return text;
}

function part<const Name extends string, T>(
  input: ControlInput,
  name: Name,
  read: (fields: ControlInput) => T,
): Partial<Record<Name, T>> {
  const fields = input.optionalRecord(name);
  if (fields === undefined) return {};
  return { [name]: read(new ControlInput({}, input.query, fields)) } as Record<Name, T>;
}

function locationIn(fields: ControlInput): NonNullable<InboundText['location']> {
  return {
    latitude: degrees(fields, 'latitude', 90),
    longitude: degrees(fields, 'longitude', 180),
    ...optional(fields, 'label'),
    ...optional(fields, 'address'),
  };
}

function degrees(fields: ControlInput, name: string, max: number): number {
  const value = fields.optionalNumber(name);
  if (value !== undefined && Math.abs(value) <= max) return value;
  throw new ControlError(400, `${name} must be a number from -${max} to ${max}.`);
}

function words(fields: ControlInput, name: string): string {
  const value = fields.text(name).trim();
  if (value !== '' && value.length <= MAX_WORDS) return value;
  throw new ControlError(400, `${name} must have 1 to ${MAX_WORDS} characters.`);
}

function optional<const Name extends string>(
  fields: ControlInput,
  name: Name,
): Partial<Record<Name, string>> {
  const value = fields.optionalText(name)?.trim();
  return value ? ({ [name]: value } as Record<Name, string>) : {};
}
