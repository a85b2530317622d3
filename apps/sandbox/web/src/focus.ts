/** The places that skip links and shortcuts lead to, by their ids. */
export const PHONE_COMPOSER = 'phone-composer';
export const REPLY_BOX = 'reply-box';
export const ACCEPT_NEXT = 'accept-next';
export const BRIDGE_HEADING = 'bridge-heading';
export const DESK_HEADING = 'desk-heading';

/** Focuses the first of these that is on the page and visible. */
export function focusFirst(...ids: string[]): void {
  for (const id of ids) {
    const element = document.getElementById(id);
    if (!element?.checkVisibility()) continue;
    element.focus();
    return;
  }
}

/** The conversation whose reply box is to have the focus as soon as it is there. */
let awaitedReply: string | undefined;

export function focusReplyOf(conversationId: string): void {
  awaitedReply = conversationId;
}

/** Whether the reply box of this conversation was waited for; it is asked for once. */
export function takeReplyFocus(conversationId: string): boolean {
  if (awaitedReply !== conversationId) return false;
  awaitedReply = undefined;
  return true;
}
