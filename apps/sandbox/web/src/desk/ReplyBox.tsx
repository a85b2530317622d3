import { useEffect } from 'react';
import { api, attempt } from '../api.js';
import { Composer } from '../common/Composer.js';
import { REPLY_BOX, takeReplyFocus } from '../focus.js';
import { useTyping } from './typing.js';
import styles from './Conversation.module.css';

interface Props {
  conversationId: string;
  agentId: string;
  customer: string;
}

export function ReplyBox({ conversationId, agentId, customer }: Props) {
  const { type, stop } = useTyping(conversationId, agentId);
  useEffect(() => {
    if (takeReplyFocus(conversationId)) document.getElementById(REPLY_BOX)?.focus();
  }, [conversationId]);

  const send = async (text: string) => {
    stop();
    return (await attempt(api.reply(conversationId, agentId, text))) !== undefined;
  };

  return (
    <div className={styles.reply}>
      <Composer
        id={REPLY_BOX}
        label={`Reply to ${customer}`}
        placeholder="Reply to the customer"
        sendLabel="Send reply"
        place={`reply ${conversationId}`}
        by="agent"
        send={send}
        onTyping={type}
        onBlur={stop}
      />
    </div>
  );
}
