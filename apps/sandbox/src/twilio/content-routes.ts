import { ControlError } from '../common/control.js';
import { type Answer, answer, type Call, emptyAnswer, isRecord } from '../common/http.js';
import type { SimulatorServer } from '../common/server.js';
import { type Content, contentFrom } from './content.js';
import { notFound, twilioError } from './errors.js';
import { metaPage } from './meta-page.js';

interface ContentContext {
  contents: Map<string, Content>;
  callerOf: (call: Call) => string;
  url: () => string;
}

const BASE = '/v1/Content';
const STATUSES = [
  'unsubmitted',
  'received',
  'pending',
  'approved',
  'rejected',
  'paused',
  'disabled',
] as const;

/** The Content API. Source: https://www.twilio.com/docs/content/content-api-resources */
export function registerContentRoutes(server: SimulatorServer, context: ContentContext): void {
  const { contents, url } = context;
  const found =
    (handle: (content: Content, call: Call) => Answer) =>
    (call: Call): Answer => {
      const content = contents.get(call.params['ContentSid'] ?? '');
      return content?.accountSid === context.callerOf(call) ? handle(content, call) : notFound(call);
    };
  server.operation('content.create', 'POST', BASE, (call) => {
    const content = contentFrom(parsed(call.body), context.callerOf(call));
    if (typeof content === 'string') return twilioError(20001, content);
    contents.set(content.sid, content);
    return answer(201, 'application/json', contentResource(content, url()));
  });
  server.operation('content.list', 'GET', BASE, (call) => {
    const own = [...contents.values()].filter(({ accountSid }) => accountSid === context.callerOf(call));
    const resources = own.map((content) => contentResource(content, url()));
    return metaPage(call, resources, 'contents', url());
  });
  server.operation(
    'content.fetch',
    'GET',
    `${BASE}/:ContentSid`,
    found((content) => answer(200, 'application/json', contentResource(content, url()))),
  );
  server.operation(
    'content.delete',
    'DELETE',
    `${BASE}/:ContentSid`,
    found(({ sid }) => {
      contents.delete(sid);
      return emptyAnswer(204);
    }),
  );
  server.operation(
    'content.approve',
    'POST',
    `${BASE}/:ContentSid/ApprovalRequests/whatsapp`,
    found((content, call) => {
      const { name, category } = parsed(call.body) ?? {};
      if (typeof name !== 'string' || !/^[a-z0-9_]+$/.test(name))
        return twilioError(20001, 'name is invalid');
      if (!['UTILITY', 'MARKETING', 'AUTHENTICATION'].includes(String(category))) {
        return twilioError(20001, 'category is invalid');
      }
      if ('twilio/list-picker' in content.types) return twilioError(20001, 'A list cannot be approved');
      content.approval = { status: 'received', name, category: String(category) };
      return answer(201, 'application/json', approvalResource(content));
    }),
  );
  server.operation(
    'content.approval',
    'GET',
    `${BASE}/:ContentSid/ApprovalRequests`,
    found((content) =>
      answer(200, 'application/json', {
        sid: content.sid,
        account_sid: content.accountSid,
        whatsapp: { type: 'whatsapp', ...approvalResource(content) },
        url: `${url()}${BASE}/${content.sid}/ApprovalRequests`,
      }),
    ),
  );

  server.control('GET', '/contents', () => ({ items: [...contents.values()] }));
  server.control('POST', '/contents/:sid/approval', (input) => {
    const content = contents.get(input.params['sid'] ?? '');
    if (content === undefined) throw new ControlError(404, 'no such content');
    content.approval.status = input.oneOf('status', STATUSES);
  });
}

function contentResource(content: Content, url: string): Record<string, unknown> {
  const date = new Date(content.createdAtMs).toISOString().replace(/\.\d+/, '');
  const own = `${url}${BASE}/${content.sid}`;
  return {
    sid: content.sid,
    account_sid: content.accountSid,
    friendly_name: content.friendlyName,
    language: content.language,
    variables: content.variables,
    types: content.types,
    date_created: date,
    date_updated: date,
    url: own,
    links: {
      approval_create: `${own}/ApprovalRequests/whatsapp`,
      approval_fetch: `${own}/ApprovalRequests`,
    },
  };
}

function approvalResource({ approval, types }: Content): Record<string, unknown> {
  return {
    ...approval,
    content_type: Object.keys(types)[0],
    rejection_reason: approval.status === 'rejected' ? 'Rejected by a test' : '',
    allow_category_change: true,
  };
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
