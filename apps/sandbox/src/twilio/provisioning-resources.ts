import { type Answer, answer, type Call } from '../common/http.js';
import type { ChannelSender, MessagingService, PhoneNumber } from './senders.js';

const CAPABILITIES = { voice: true, sms: true, mms: true, fax: false };
/** Everything was made with the simulator. */
const MADE = new Date();
const ISO_DATE = MADE.toISOString().replace(/\.\d+/, '');
const RFC_DATE = MADE.toUTCString().replace('GMT', '+0000');

export function numberResource({ phoneNumber, accountSid, ...number }: PhoneNumber): Record<string, unknown> {
  return {
    ...number,
    account_sid: accountSid,
    phone_number: phoneNumber,
    api_version: '2010-04-01',
    beta: false,
    capabilities: CAPABILITIES,
    date_created: RFC_DATE,
    date_updated: RFC_DATE,
    origin: 'twilio',
    sms_application_sid: '',
    trunk_sid: null,
    voice_application_sid: '',
    voice_caller_id_lookup: false,
    voice_fallback_method: 'POST',
    voice_fallback_url: '',
    voice_method: 'POST',
    voice_url: '',
    voice_receive_mode: 'voice',
    address_requirements: 'none',
    address_sid: null,
    identity_sid: null,
    bundle_sid: null,
    emergency_status: 'Inactive',
    emergency_address_sid: null,
    emergency_address_status: 'unregistered',
    status: 'in-use',
    uri: `/2010-04-01/Accounts/${accountSid}/IncomingPhoneNumbers/${number.sid}.json`,
  };
}

/** `GET IncomingPhoneNumbers.json`, always one page. */
export function numberPage(call: Call, numbers: readonly Record<string, unknown>[]): Answer {
  return answer(200, 'application/json', {
    first_page_uri: `${call.path}?PageSize=50&Page=0`,
    end: Math.max(0, numbers.length - 1),
    previous_page_uri: null,
    incoming_phone_numbers: numbers,
    uri: call.url,
    page_size: 50,
    start: 0,
    next_page_uri: null,
    page: 0,
  });
}

export function serviceResource(
  { accountSid, pool: _pool, ...service }: MessagingService,
  url: string,
): Record<string, unknown> {
  const own = `${url}/v1/Services/${service.sid}`;
  return {
    ...service,
    account_sid: accountSid,
    date_created: ISO_DATE,
    date_updated: ISO_DATE,
    mms_converter: true,
    scan_message_content: 'inherit',
    fallback_to_long_code: false,
    area_code_geomatch: false,
    synchronous_validation: false,
    validity_period: 36_000,
    usecase: 'undeclared',
    us_app_to_person_registered: false,
    url: own,
    links: { phone_numbers: `${own}/PhoneNumbers`, channel_senders: `${own}/ChannelSenders` },
  };
}

/** A number as one of a service. */
export function poolNumberResource(number: PhoneNumber, service: MessagingService): Record<string, unknown> {
  return {
    sid: number.sid,
    account_sid: number.accountSid,
    service_sid: service.sid,
    date_created: ISO_DATE,
    date_updated: ISO_DATE,
    phone_number: number.phoneNumber,
    country_code: 'US',
    capabilities: ['SMS', 'MMS', 'Voice'],
    url: `https://messaging.twilio.com/v1/Services/${service.sid}/PhoneNumbers/${number.sid}`,
  };
}

/** A WhatsApp sender as one of a service. */
export function poolSenderResource(
  sender: ChannelSender,
  service: MessagingService,
): Record<string, unknown> {
  return {
    account_sid: sender.accountSid,
    messaging_service_sid: service.sid,
    sid: sender.sid,
    sender: sender.senderId,
    sender_type: 'WhatsApp',
    country_code: 'US',
    date_created: ISO_DATE,
    date_updated: ISO_DATE,
    url: `https://messaging.twilio.com/v1/Services/${service.sid}/ChannelSenders/${sender.sid}`,
  };
}

export function senderResource(
  { sid, senderId, webhook }: ChannelSender,
  url: string,
): Record<string, unknown> {
  return {
    sid,
    status: 'ONLINE',
    sender_id: senderId,
    configuration: {
      waba_id: '12345',
      verification_method: null,
      verification_code: null,
      voice_application_sid: null,
    },
    webhook,
    profile: null,
    properties: { quality_rating: 'HIGH', messaging_limit: '1K Customers/24hr' },
    offline_reasons: null,
    compliance: null,
    url: `${url}/v2/Channels/Senders/${sid}`,
  };
}
