/** Once bound, texts wait so long for a conversation to become ready; then they go out all the same. Milliseconds. */
export const READY_MS = 3_000;

/** Between the last agent's leaving and closing: a transfer's next agent may be on the way. Milliseconds. */
export const CLOSE_GRACE_MS = 5_000;
