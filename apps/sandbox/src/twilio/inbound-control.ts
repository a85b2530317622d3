import { ControlError, ControlInput, fileIn } from '../common/control.js';
import type { InboundText } from './inbound.js';
import type { MediumContent } from './media.js';
import { tricksIn } from './media-routes.js';
import { isWhatsApp } from './messages.js';

/** The text of a control call; from the first number of the channel when none is named. */
export function inboundText(input: ControlInput, numbers: readonly string[]): InboundText {
  const from = input.text('from');
  const to = input.optionalText('to') ?? numbers.find((number) => isWhatsApp(number) === isWhatsApp(from));
  if (to === undefined) throw new ControlError(400, 'to is required');
  const text: InboundText = { from, to, body: input.optionalText('body') ?? '' };
  const names = [
    'profileName',
    'externalUserId',
    'waId',
    'messagingServiceSid',
    'repliedTo',
    'messageType',
  ] as const;
  for (const name of names) {
    const value = input.optionalText(name);
    if (value !== undefined) text[name] = value;
  }
  const media = input.records('media').map(mediumIn);
  if (media.length > 0) text.media = media;
  const params = input.optionalRecord('params');
  if (params !== undefined) text.params = texts(params);
  if (input.flag('hiddenNumber', false)) text.hiddenNumber = true;
  const { forwarded } = input.fields;
  if (forwarded === 'frequently') text.forwarded = 'frequently';
  else if (input.flag('forwarded', false)) text.forwarded = true;
  return { ...text, ...contentIn(input) };
}

function contentIn(input: ControlInput): Partial<InboundText> {
  const part = (name: string): ControlInput | undefined => {
    const fields = input.optionalRecord(name);
    return fields && new ControlInput({}, input.query, fields);
  };
  const content: Partial<InboundText> = {};
  const location = part('location');
  if (location !== undefined) {
    content.location = {
      latitude: location.optionalNumber('latitude') ?? 0,
      longitude: location.optionalNumber('longitude') ?? 0,
      ...optionalTexts(location, ['label', 'address']),
    };
  }
  const contact = part('contact');
  if (contact !== undefined) content.contact = { name: contact.text('name'), phone: contact.text('phone') };
  const button = part('button');
  if (button !== undefined) content.button = { text: button.text('text'), payload: button.text('payload') };
  const reply = part('listReply');
  if (reply !== undefined) {
    content.listReply = {
      id: reply.text('id'),
      title: reply.text('title'),
      ...optionalTexts(reply, ['description']),
    };
  }
  const referral = input.optionalRecord('referral');
  if (referral !== undefined) content.referral = texts(referral);
  return content;
}

function mediumIn(fields: Record<string, unknown>): MediumContent {
  const { fileName: _named, ...rest } = fileIn(fields);
  const input = new ControlInput({}, new URLSearchParams(), fields);
  return { ...rest, ...optionalTexts(input, ['fileName']), ...tricksIn(input) };
}

function optionalTexts<const T extends string>(
  input: ControlInput,
  names: readonly T[],
): Partial<Record<T, string>> {
  const found: Partial<Record<T, string>> = {};
  for (const name of names) {
    const value = input.optionalText(name);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

function texts(fields: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]));
}
