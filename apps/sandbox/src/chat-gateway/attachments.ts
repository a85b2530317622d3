import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { newDeskId } from './conversation.js';

/** A file of a conversation, uploaded through the API or sent by an agent. */
export interface Attachment {
  id: string;
  conversationId: string;
  fileName: string;
  contentType: string;
  bytes: Buffer;
  createdAtMs: number;
}

/** As a message names it: in an event and in the list. */
export interface AttachmentReference {
  id: string;
  type: 'image' | 'video' | 'audio' | 'file';
  preSignedUrl: string;
  fileName: string;
}

export const PRE_SIGNED_PATH = '/pre-signed/attachments';

/** The files of all conversations, and the links under which anybody may fetch them for a while. */
export class Attachments {
  readonly #attachments = new Map<string, Attachment>();
  readonly #key = randomBytes(32);
  readonly #context: { url: () => string; lifeMs: () => number };

  /** @param context where the simulator listens, and how long a link lives */
  constructor(context: { url: () => string; lifeMs: () => number }) {
    this.#context = context;
  }

  add(conversationId: string, file: Pick<Attachment, 'fileName' | 'contentType' | 'bytes'>): Attachment {
    const attachment = { id: newDeskId(), conversationId, createdAtMs: Date.now(), ...file };
    this.#attachments.set(attachment.id, attachment);
    return attachment;
  }

  get(id: string): Attachment | undefined {
    return this.#attachments.get(id);
  }

  of(conversationId: string): Attachment[] {
    return [...this.#attachments.values()].filter(
      (attachment) => attachment.conversationId === conversationId,
    );
  }

  clear(): void {
    this.#attachments.clear();
  }

  /** With a link that starts its life now. */
  reference({ id, contentType, fileName }: Attachment): AttachmentReference {
    const expires = Date.now() + this.#context.lifeMs();
    const query = `expires=${expires}&signature=${this.#signature(id, expires)}`;
    const preSignedUrl = `${this.#context.url()}${PRE_SIGNED_PATH}/${id}?${query}`;
    return { id, type: kindOf(contentType), preSignedUrl, fileName };
  }

  /** The attachment of a link; undefined when the link is forged or its life is over. */
  byLink(id: string, query: URLSearchParams): Attachment | undefined {
    const expires = Number(query.get('expires'));
    const sent = Buffer.from(query.get('signature') ?? '');
    const right = Buffer.from(this.#signature(id, expires));
    if (sent.length !== right.length || !timingSafeEqual(sent, right)) return undefined;
    return expires > Date.now() ? this.get(id) : undefined;
  }

  #signature(id: string, expires: number): string {
    return createHmac('sha256', this.#key).update(`${id}|${expires}`).digest('base64url');
  }
}

function kindOf(contentType: string): AttachmentReference['type'] {
  const [kind] = contentType.split('/');
  return kind === 'image' || kind === 'video' || kind === 'audio' ? kind : 'file';
}

/** `GET …/attachments/{id}` */
export function attachmentResource({
  id,
  fileName,
  bytes,
  createdAtMs,
}: Attachment): Record<string, unknown> {
  return {
    id,
    filename: fileName,
    sizeInBytes: bytes.length,
    createdAt: new Date(createdAtMs).toISOString(),
  };
}
