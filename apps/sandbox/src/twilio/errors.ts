import { type Answer, answer, type Call } from '../common/http.js';

/** Status and message per code, as Twilio answers them. Source: https://www.twilio.com/docs/api/errors */
const ERRORS: Record<number, readonly [status: number, message: string]> = {
  20001: [400, 'Invalid parameter'],
  20003: [401, 'Authenticate'],
  20007: [400, 'Page size is not valid'],
  20404: [404, 'The requested resource was not found'],
  20429: [429, 'Too Many Requests'],
  20500: [500, 'Internal Server Error'],
  20503: [503, 'Service Unavailable'],
  21211: [400, "The 'To' number is not a valid phone number."],
  21212: [400, "The 'From' number is not a valid phone number, shortcode, or alphanumeric sender ID."],
  21408: [400, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number."],
  21502: [400, 'SmsUrl is not valid'],
  21603: [400, "A 'From' phone number is required."],
  21604: [400, "A 'To' phone number is required."],
  21606: [
    400,
    "The 'From' phone number is not a valid, message-capable Twilio phone number for this account.",
  ],
  21609: [400, "The 'StatusCallback' URL is not a valid URL."],
  21610: [400, 'Attempt to send to unsubscribed recipient'],
  21611: [429, "This 'From' number has exceeded the maximum number of queued messages."],
  21612: [400, "Message cannot be sent with the current combination of 'To' and/or 'From' parameters."],
  21614: [400, "The 'To' number is not a valid mobile number."],
  21617: [400, 'The concatenated message body exceeds the 1600 character limit.'],
  21619: [400, 'A text message body or media urls must be specified.'],
  21620: [400, 'Invalid media URL'],
  21623: [400, 'Number of media files exceeds allowed limit.'],
  21654: [400, 'ContentSid Required'],
  21655: [400, 'The ContentSid is Invalid'],
  21656: [400, 'The ContentVariables parameter is invalid.'],
  21703: [400, 'The Messaging Service does not have a phone number available to send a message.'],
  21910: [400, "Invalid 'From' and 'To' pair. 'From' and 'To' should be of the same channel"],
  30630: [400, 'Attempt to send to unsubscribed recipient'],
  30045: [400, 'The ValidityPeriod is out of range.'],
  63016: [400, 'Failed to send freeform message because you are outside the allowed window.'],
  63007: [400, 'Twilio could not find a Channel with the specified From address'],
};

const CODE_OF_STATUS: Record<number, number> = { 401: 20003, 403: 20003, 404: 20404, 429: 20429, 503: 20503 };

/** Twilio's error answer for a code of the table; `message` where Twilio names the value. */
export function twilioError(code: number, message?: string): Answer {
  const [status, standard] = ERRORS[code] ?? [400, 'Error'];
  return errorAnswer(status, code, message ?? standard);
}

/** Twilio's error answer for an HTTP status (injected faults, unknown paths). */
export function twilioStatusError(status: number, code?: number): Answer {
  const shown = code ?? CODE_OF_STATUS[status] ?? (status >= 500 ? 20500 : 20001);
  return errorAnswer(status, shown, ERRORS[shown]?.[1] ?? 'Error');
}

export function notFound(call: Call): Answer {
  return twilioError(20404, `The requested resource ${call.path} was not found`);
}

function errorAnswer(status: number, code: number, message: string): Answer {
  const more_info = `https://www.twilio.com/docs/errors/${code}`;
  return answer(status, 'application/json;charset=utf-8', { code, message, more_info, status });
}
