import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormatsModule from 'ajv-formats';
import type { Exchange, ProviderName } from '../../apps/sandbox/src/index.js';
import { type JsonObject, TWILIO_ERROR_SCHEMA } from './deviations.js';

/** What `checkExchange` needs of an exchange. */
export type CheckedExchange = Pick<
  Exchange,
  'method' | 'path' | 'query' | 'requestHeaders' | 'requestBody' | 'status' | 'responseBody'
> &
  Partial<Pick<Exchange, 'responseHeaders' | 'fault'>>;

interface Operation {
  /** As the document names it: `get /chat-gateway/v1/webhooks`. */
  name: string;
  pattern: RegExp;
  method: string;
  pointer: string;
  definition: JsonObject;
}

/** One provider's document, compiled as far as it is used. */
export class ProviderContract {
  readonly #ajv = newAjv();
  readonly #operations: Operation[];
  readonly #compiled = new Map<string, ValidateFunction>();

  constructor(
    readonly provider: ProviderName,
    readonly document: JsonObject,
  ) {
    this.#ajv.addSchema(document, 'contract');
    this.#operations = operationsOf(document);
  }

  /** Every operation of the document. */
  get operations(): string[] {
    return this.#operations.map(({ name }) => name);
  }

  /** The operation that an exchange is of. */
  operationOf(exchange: CheckedExchange): string | undefined {
    return this.#find(exchange)?.name;
  }

  requestViolations(exchange: CheckedExchange): string[] {
    const operation = this.#find(exchange);
    if (operation === undefined) return [`${exchange.method} ${exchange.path} is not in the contract`];
    return [
      ...this.#credentialViolations(operation, exchange),
      ...this.#queryViolations(operation, exchange),
      ...this.#bodyViolations(operation, exchange),
    ];
  }

  responseViolations(exchange: CheckedExchange): string[] {
    const operation = this.#find(exchange);
    const { status, responseBody } = exchange;
    // The request's violation says so already; here only a 404 may follow.
    if (operation === undefined) return status === 404 ? [] : ['an unknown path was served'];
    const responses = object(operation.definition['responses']);
    const success = String(status) in responses;
    if (!success && this.provider === 'twilio') {
      if (status === null || status < 400) return [`status ${status} is not in the contract`];
      return this.#validate('error', TWILIO_ERROR_SCHEMA, json(responseBody), 'error body');
    }
    const key = success ? String(status) : 'default';
    if (!(key in responses) || (!success && status !== null && status < 400)) {
      return [`status ${status} is not in the contract`];
    }
    const { pointer, value } = this.#resolve(`${operation.pointer}/responses/${key}`, responses[key]);
    const content = object(value['content']);
    const [type] = Object.keys(content);
    if (type === undefined) {
      return success && responseBody !== '' ? [`status ${status} has a body, the contract has none`] : [];
    }
    const sent = exchange.responseHeaders?.['content-type']?.split(';')[0];
    const wrongType =
      sent !== undefined && !(sent in content) ? [`content type is ${sent}, not ${type}`] : [];
    const schema = { $ref: `contract#${pointer}/content/${escaped(type)}/schema` };
    return [
      ...wrongType,
      ...this.#validate(`${pointer} ${type}`, schema, json(responseBody), 'response body'),
    ];
  }

  #find(exchange: CheckedExchange): Operation | undefined {
    return this.#operations.find(
      ({ method, pattern }) => method === exchange.method.toLowerCase() && pattern.test(exchange.path),
    );
  }

  #credentialViolations(operation: Operation, exchange: CheckedExchange): string[] {
    if (operation.definition['security'] === undefined) return [];
    const name = this.provider === 'twilio' ? 'authorization' : 'x-api-key';
    return exchange.requestHeaders[name] ? [] : [`request lacks the header ${name}`];
  }

  #queryViolations(operation: Operation, exchange: CheckedExchange): string[] {
    const list = operation.definition['parameters'];
    const parameters = (Array.isArray(list) ? list : [])
      .map((item: unknown, index) => this.#resolve(`${operation.pointer}/parameters/${index}`, item))
      .filter(({ value }) => value['in'] === 'query');
    return exchange.query.flatMap(([name, text]) => {
      const found = parameters.find(({ value }) => value['name'] === name);
      if (found === undefined) return [`query parameter ${name} is not in the contract`];
      const schema = { $ref: `contract#${found.pointer}/schema` };
      const value = coerced(object(found.value['schema']), text);
      return this.#validate(`${found.pointer} query`, schema, value, `query parameter ${name}`);
    });
  }

  #bodyViolations(operation: Operation, exchange: CheckedExchange): string[] {
    const declared = operation.definition['requestBody'];
    if (declared === undefined)
      return exchange.requestBody === '' ? [] : ['request has a body, the contract has none'];
    const { pointer, value } = this.#resolve(`${operation.pointer}/requestBody`, declared);
    if (exchange.requestBody === '') return value['required'] === false ? [] : ['request has no body'];
    const content = object(value['content']);
    const sent = exchange.requestHeaders['content-type']?.split(';')[0] ?? '';
    if (!(sent in content))
      return [`request content type is ${sent}, not ${Object.keys(content).join(' or ')}`];
    const at = `${pointer}/content/${escaped(sent)}/schema`;
    const body =
      sent === 'application/x-www-form-urlencoded'
        ? formBody(this.#resolve(at, object(content[sent])['schema']).value, exchange.requestBody)
        : json(exchange.requestBody);
    // Documents allow any further field; a field of ours that they do not name is a slip of the pen.
    const schema = { $ref: `contract#${at}`, unevaluatedProperties: false };
    return this.#validate(`${at} request`, schema, body, 'request body');
  }

  #validate(key: string, schema: JsonObject, value: unknown, what: string): string[] {
    let validate = this.#compiled.get(key);
    if (validate === undefined) {
      validate = this.#ajv.compile(schema);
      this.#compiled.set(key, validate);
    }
    if (validate(value)) return [];
    // Never the value: these lines end up in logs, and bodies carry texts and numbers.
    return (validate.errors ?? []).map(({ instancePath, message, params }) => {
      return `${what}${instancePath} ${message} ${JSON.stringify(params)}`;
    });
  }

  /** Follows one reference; where the thing stands, and the thing. */
  #resolve(pointer: string, value: unknown): { pointer: string; value: JsonObject } {
    const found = object(value);
    const reference = found['$ref'];
    if (typeof reference !== 'string') return { pointer, value: found };
    let target: unknown = this.document;
    for (const key of reference.split('/').slice(1)) target = object(target)[key];
    return { pointer: reference.slice(1), value: object(target) };
  }
}

function operationsOf(document: JsonObject): Operation[] {
  const found: Operation[] = [];
  for (const [path, item] of Object.entries(object(document['paths']))) {
    const pattern = new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{[^}]+\}/g, '[^/]+?')}$`);
    for (const [method, definition] of Object.entries(object(item))) {
      if (!['get', 'post', 'put', 'patch', 'delete'].includes(method)) continue;
      found.push({
        name: `${method} ${path}`,
        pattern,
        method,
        pointer: `/paths/${escaped(path)}/${method}`,
        definition: object(definition),
      });
    }
  }
  // `webhooks/verify` before `webhooks/{webhookId}`.
  return found.sort((a, b) => Number(a.pointer.includes('{')) - Number(b.pointer.includes('{')));
}

function newAjv(): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false, logger: false });
  // The package is CommonJS: its default export is the function for the compiler and the module at run time.
  const addFormats = 'default' in addFormatsModule ? addFormatsModule.default : addFormatsModule;
  addFormats(ajv);
  const anything = ['string', 'int32', 'int64', 'phone-number', 'currency', 'uri-map', 'binary'];
  for (const name of anything) ajv.addFormat(name, true);
  ajv.addFormat(
    'date-time-rfc-2822',
    /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} [+-]\d{4}$/,
  );
  ajv.addFormat('date-or-date-time', /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2}))?$/);
  return ajv;
}

/** A form as the JSON that its schema describes: repeated keys as arrays, numbers and booleans read. */
function formBody(schema: JsonObject, text: string): JsonObject {
  const form = new URLSearchParams(text);
  const properties = object(schema['properties']);
  const body: JsonObject = {};
  for (const name of new Set(form.keys())) {
    const property = object(properties[name]);
    const values = form.getAll(name);
    body[name] =
      property['type'] === 'array' || values.length > 1 ? values : coerced(property, values[0] ?? '');
  }
  return body;
}

function coerced(schema: JsonObject, text: string): unknown {
  const { type } = schema;
  if ((type === 'number' || type === 'integer') && text !== '' && Number.isFinite(Number(text)))
    return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function escaped(key: string): string {
  return encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));
}

function object(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
