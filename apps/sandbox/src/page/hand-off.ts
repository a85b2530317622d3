import { isRecord } from '../common/http.js';
import type { MessageResource } from './operator-api.js';

const USER_FIELDS = ['name', 'phone', 'email', 'company', 'caseId', 'userId', 'language'] as const;

/** What a bot's hand-off gives to the agents, a few words each; undefined where the message is none. */
export function carriedBy({ type, details }: MessageResource['content']): string[] | undefined {
  if (type !== 'handoff') return undefined;
  const { user = {}, queueId, assignment, history = [] } = details ?? {};
  const properties = Array.isArray(user['properties']) ? user['properties'].filter(isRecord) : [];
  const to = assignment ?? (queueId === undefined ? undefined : { type: 'queue', id: queueId });
  const earlier = history.length === 1 ? '1 earlier message' : `${history.length} earlier messages`;
  return [
    ...USER_FIELDS.flatMap((field) => worded(field, user[field])),
    ...properties.flatMap(({ key, value }) => worded(String(key), value)),
    ...(to ? [`${to.type} ${to.id}`] : []),
    ...(history.length > 0 ? [earlier] : []),
  ];
}

function worded(key: string, value: unknown): string[] {
  return typeof value === 'string' && value !== '' ? [`${key} ${value}`] : [];
}
