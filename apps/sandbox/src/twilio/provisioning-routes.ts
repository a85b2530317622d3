import { type Answer, answer, type Call } from '../common/http.js';
import type { SimulatorServer } from '../common/server.js';
import { notFound, twilioError } from './errors.js';
import { metaPage } from './meta-page.js';
import { isWhatsApp } from './messages.js';
import { formChanges, jsonWebhook } from './provisioning-input.js';
import {
  numberPage,
  numberResource,
  poolSenderResource,
  poolNumberResource,
  senderResource,
  serviceResource,
} from './provisioning-resources.js';
import type { MessagingService, Senders } from './senders.js';

interface ProvisioningContext {
  senders: Senders;
  callerOf: (call: Call) => string;
  url: () => string;
}

const JSON_TYPE = 'application/json';

/** Where inbound messages of numbers, Messaging Services and WhatsApp senders go, as the twilio package reads and changes it. */
export function registerProvisioningRoutes(
  server: SimulatorServer,
  account: string,
  context: ProvisioningContext,
): void {
  registerNumbers(server, account, context);
  registerServices(server, context);
  registerChannelSenders(server, context);
}

/** Source: https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource */
function registerNumbers(server: SimulatorServer, account: string, { senders }: ProvisioningContext): void {
  const base = `${account}/IncomingPhoneNumbers`;
  const found = (call: Call): ReturnType<Senders['numbers']['get']> => {
    const number = senders.numbers.get(call.params['Sid'] ?? '');
    return number?.accountSid === call.params['AccountSid'] ? number : undefined;
  };
  server.operation('numbers.list', 'GET', `${base}.json`, (call) => {
    const [phoneNumber, name] = [call.query.get('PhoneNumber'), call.query.get('FriendlyName')];
    const own = [...senders.numbers.values()]
      .filter(({ accountSid }) => accountSid === call.params['AccountSid'])
      .filter((number) => phoneNumber === null || number.phoneNumber.includes(phoneNumber))
      .filter((number) => name === null || number.friendly_name === name);
    return numberPage(call, own.map(numberResource));
  });
  server.operation('numbers.fetch', 'GET', `${base}/:Sid(^[A-Za-z0-9]+).json`, (call) => {
    const number = found(call);
    return number === undefined ? notFound(call) : answer(200, JSON_TYPE, numberResource(number));
  });
  server.operation('numbers.update', 'POST', `${base}/:Sid(^[A-Za-z0-9]+).json`, (call) => {
    const number = found(call);
    if (number === undefined) return notFound(call);
    const changes = formChanges(call.body, number);
    if (changes === undefined) return twilioError(21502);
    Object.assign(number, changes);
    return answer(200, JSON_TYPE, numberResource(number));
  });
}

/** Source: https://www.twilio.com/docs/messaging/api/service-resource */
function registerServices(server: SimulatorServer, { senders, callerOf, url }: ProvisioningContext): void {
  const base = '/v1/Services';
  const found =
    (handle: (service: MessagingService, call: Call) => Answer) =>
    (call: Call): Answer => {
      const service = senders.services.get(call.params['ServiceSid'] ?? '');
      return service?.accountSid === callerOf(call) ? handle(service, call) : notFound(call);
    };
  server.operation('services.list', 'GET', base, (call) => {
    const own = [...senders.services.values()].filter(({ accountSid }) => accountSid === callerOf(call));
    return metaPage(
      call,
      own.map((service) => serviceResource(service, url())),
      'services',
      url(),
    );
  });
  server.operation(
    'services.fetch',
    'GET',
    `${base}/:ServiceSid`,
    found((service) => answer(200, JSON_TYPE, serviceResource(service, url()))),
  );
  server.operation(
    'services.update',
    'POST',
    `${base}/:ServiceSid`,
    found((service, call) => {
      const changes = formChanges(call.body, service);
      if (changes === undefined) return twilioError(20001, 'Invalid URL');
      Object.assign(service, changes);
      return answer(200, JSON_TYPE, serviceResource(service, url()));
    }),
  );
  server.operation(
    'services.numbers',
    'GET',
    `${base}/:ServiceSid/PhoneNumbers`,
    found((service, call) => {
      const numbers = [...senders.numbers.values()].filter(({ phoneNumber }) =>
        service.pool.includes(phoneNumber),
      );
      return metaPage(
        call,
        numbers.map((number) => poolNumberResource(number, service)),
        'phone_numbers',
        url(),
      );
    }),
  );
  server.operation(
    'services.senders',
    'GET',
    `${base}/:ServiceSid/ChannelSenders`,
    found((service, call) => {
      const own = [...senders.channelSenders.values()].filter(({ senderId }) =>
        service.pool.includes(senderId),
      );
      return metaPage(
        call,
        own.map((sender) => poolSenderResource(sender, service)),
        'senders',
        url(),
      );
    }),
  );
}

/** Source: https://www.twilio.com/docs/whatsapp/api/senders */
function registerChannelSenders(
  server: SimulatorServer,
  { senders, callerOf, url }: ProvisioningContext,
): void {
  const base = '/v2/Channels/Senders';
  const found = (call: Call): ReturnType<Senders['channelSenders']['get']> => {
    const sender = senders.channelSenders.get(call.params['Sid'] ?? '');
    return sender?.accountSid === callerOf(call) ? sender : undefined;
  };
  server.operation('senders.list', 'GET', base, (call) => {
    const channel = call.query.get('Channel');
    if (channel === null) return twilioError(20001, 'Channel is required');
    const own = [...senders.channelSenders.values()]
      .filter(({ accountSid }) => accountSid === callerOf(call))
      .filter(({ senderId }) => channel === 'whatsapp' && isWhatsApp(senderId));
    return metaPage(
      call,
      own.map((sender) => senderResource(sender, url())),
      'senders',
      url(),
    );
  });
  server.operation('senders.fetch', 'GET', `${base}/:Sid`, (call) => {
    const sender = found(call);
    return sender === undefined ? notFound(call) : answer(200, JSON_TYPE, senderResource(sender, url()));
  });
  server.operation('senders.update', 'POST', `${base}/:Sid`, (call) => {
    const sender = found(call);
    if (sender === undefined) return notFound(call);
    const changes = jsonWebhook(call.body, sender.webhook);
    if (changes === undefined) return twilioError(20001, 'Invalid webhook');
    Object.assign(sender.webhook, changes);
    return answer(202, JSON_TYPE, senderResource(sender, url()));
  });
}
