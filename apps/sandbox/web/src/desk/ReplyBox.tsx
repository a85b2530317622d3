import { useEffect, useState } from 'react';
import { api, attempt, type AgentMessage } from '../api.js';
import { Composer } from '../common/Composer.js';
import { enclose, takeEnclosed, useEnclosed } from '../common/enclosed.js';
import { EnclosedFiles } from '../common/EnclosedFiles.js';
import { focusFirst, REPLY_BOX, takeReplyFocus } from '../focus.js';
import { DeskAttach } from './DeskAttach.js';
import { QuickReplyForm } from './QuickReplyForm.js';
import { useTyping } from './typing.js';
import styles from './Conversation.module.css';

interface Props {
  conversationId: string;
  agentId: string;
  customer: string;
}

export function ReplyBox({ conversationId, agentId, customer }: Props) {
  const { type, stop } = useTyping(conversationId, agentId);
  const [asking, setAsking] = useState(false);
  const place = `reply ${conversationId}`;
  const { files } = useEnclosed(place);
  useEffect(() => {
    if (takeReplyFocus(conversationId)) document.getElementById(REPLY_BOX)?.focus();
  }, [conversationId]);

  const post = async (message: AgentMessage) => {
    stop();
    return (await attempt(api.reply(conversationId, agentId, message))) !== undefined;
  };

  const send = async (text: string) => {
    const { files: attachments } = takeEnclosed(place);
    const sent = await post({ text, ...(attachments.length > 0 && { attachments }) });
    if (!sent) enclose(place, (since) => ({ files: [...attachments, ...since.files] }));
    return sent;
  };

  const closeForm = () => {
    setAsking(false);
    document.getElementById(REPLY_BOX)?.focus();
  };

  return (
    <div className={styles.reply}>
      <EnclosedFiles place={place} />
      {asking && <QuickReplyForm send={post} close={closeForm} />}
      <Composer
        id={REPLY_BOX}
        label={`Reply to ${customer}`}
        placeholder="Reply to the customer"
        sendLabel="Send reply"
        place={place}
        by="agent"
        start={
          <DeskAttach
            place={place}
            sendCard={(card) => {
              focusFirst(REPLY_BOX);
              void post({ cards: [card] });
            }}
            askQuickly={() => setAsking(true)}
          />
        }
        ready={files.length > 0}
        send={send}
        onTyping={type}
        onBlur={stop}
      />
    </div>
  );
}
