import { type Answer, answer, type Call, emptyAnswer, fileAnswer } from '../common/http.js';
import { ControlError, type ControlInput } from '../common/control.js';
import type { SimulatorServer } from '../common/server.js';
import { notFound } from './errors.js';
import type { MediaStore, Medium, MediumTricks } from './media.js';
import { mediaList, mediaResource, type StoredMessage } from './messages.js';

interface MediaContext {
  media: MediaStore;
  message: (sid: string) => StoredMessage | undefined;
  /** The first fetches of each medium that find nothing. */
  notFoundTimes: () => number;
  cdnUrl: () => string;
}

/**
 * Media of messages: their list, and each by itself. Without `.json` it is the medium: a redirect to the CDN.
 * Source: https://www.twilio.com/docs/messaging/api/media-resource
 */
export function registerMediaRoutes(server: SimulatorServer, account: string, context: MediaContext): void {
  const { media } = context;
  const list = `${account}/Messages/:Sid/Media`;
  server.operation('media.list', 'GET', `${list}.json`, (call) => {
    const message = context.message(call.params['Sid'] ?? '');
    return message === undefined
      ? notFound(call)
      : answer(200, 'application/json;charset=utf-8', mediaList(message));
  });
  server.operation('media.fetch', 'GET', `${list}/:MediaSid`, (call) => {
    const medium = mediumOf(call, media);
    if (medium === undefined) return notFound(call);
    if (call.path.endsWith('.json')) {
      return answer(200, 'application/json;charset=utf-8', mediaResource(medium, medium));
    }
    return redirect(call, medium, context);
  });
  server.operation('media.delete', 'DELETE', `${list}/:MediaSid`, (call) => {
    const medium = mediumOf(call, media);
    if (medium === undefined || !call.path.endsWith('.json')) return notFound(call);
    media.delete(medium.sid);
    const message = context.message(medium.messageSid);
    if (message !== undefined) message.media = message.media.filter(({ uri }) => uri !== medium.uri);
    return emptyAnswer(204);
  });

  server.control('GET', '/media/:sid', (input) => {
    const { contentType, fileName, bytes, sid } = wanted(input, media);
    return fileAnswer(contentType, fileName ?? sid, bytes);
  });
  server.control('PATCH', '/media/:sid', (input) => {
    Object.assign(wanted(input, media), tricksIn(input));
  });
}

function redirect(call: Call, medium: Medium, { media, notFoundTimes, cdnUrl }: MediaContext): Answer {
  medium.fetches += 1;
  if (medium.fetches <= notFoundTimes()) return notFound(call);
  const location = medium.redirectTo ?? `${cdnUrl()}/media/${media.link(medium)}`;
  return { status: 307, headers: { location, 'content-type': 'application/xml' }, body: '' };
}

function mediumOf(call: Call, media: MediaStore): Medium | undefined {
  const medium = media.get((call.params['MediaSid'] ?? '').replace(/\.json$/, ''));
  const { Sid, AccountSid } = call.params;
  return medium?.messageSid === Sid && medium?.accountSid === AccountSid ? medium : undefined;
}

function wanted(input: ControlInput, media: MediaStore): Medium {
  const medium = media.get(input.params['sid'] ?? '');
  if (medium === undefined) throw new ControlError(404, 'no such medium');
  return medium;
}

/** The tricks that a control call names. */
export function tricksIn(input: ControlInput): MediumTricks {
  const [redirectTo, announcedContentType, declaredLength] = [
    input.optionalText('redirectTo'),
    input.optionalText('announcedContentType'),
    input.optionalNumber('declaredLength'),
  ];
  return {
    ...(redirectTo === undefined ? {} : { redirectTo }),
    ...(announcedContentType === undefined ? {} : { announcedContentType }),
    ...(declaredLength === undefined ? {} : { declaredLength }),
    ...(['endless', 'noLength', 'gzipBomb'] as const).reduce<MediumTricks>((tricks, name) => {
      return input.fields[name] === undefined ? tricks : { ...tricks, [name]: input.flag(name, false) };
    }, {}),
  };
}
