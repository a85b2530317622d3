import { useCallback } from 'react';
import { api, attempt } from '../api.js';
import { focusReplyOf, takeReplyFocus } from '../focus.js';
import { useShow } from '../location.js';
import { useActingAgent } from './desk-view.js';

/** Takes a conversation as the acting agent, opens it, and puts the focus into its reply box. */
export function useAccept(): (conversationId: string) => Promise<void> {
  const { agent } = useActingAgent();
  const agentId = agent?.id;
  const show = useShow();
  return useCallback(
    async (conversationId) => {
      if (agentId === undefined) return;
      focusReplyOf(conversationId);
      if (await attempt(api.accept(conversationId, agentId))) {
        show({ conversation: conversationId, view: 'desk' });
      } else {
        takeReplyFocus(conversationId);
      }
    },
    [agentId, show],
  );
}
