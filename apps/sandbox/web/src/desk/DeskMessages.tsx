import { memo } from 'react';
import type { Agent, DeskConversation, DeskMessageView } from '../../../src/page/state.js';
import { Bubble } from '../common/Bubble.js';
import { ChatLog } from '../common/ChatLog.js';
import { EmptyState } from '../common/Notice.js';
import { useLive } from '../live-state.js';
import { useView } from '../location.js';
import { customerName, namesOf } from './desk-view.js';
import { progressOf } from './progress.js';

export const DeskMessages = memo(function DeskMessages({ conversation }: { conversation: DeskConversation }) {
  const { agents } = useLive('desk');
  const { message: shown } = useView();
  const { messages } = conversation;
  return (
    <ChatLog label={`Conversation with ${customerName(conversation)}`} newest={messages.at(-1)?.id}>
      {messages.length === 0 && (
        <EmptyState title="Nothing said yet">
          The customer’s text is on its way to this conversation.
        </EmptyState>
      )}
      {messages.map((message) => (
        <DeskBubble
          key={message.id}
          message={message}
          agents={agents}
          selected={message.bridge !== undefined && message.bridge.id === shown}
        />
      ))}
    </ChatLog>
  );
});

const DeskBubble = memo(function DeskBubble(props: {
  message: DeskMessageView;
  agents: Agent[];
  selected: boolean;
}) {
  const { message, agents, selected } = props;
  return (
    <Bubble
      text={message.text}
      at={message.at}
      by={message.author}
      own={message.author === 'agent' && !message.history}
      caption={captionOf(message, agents)}
      history={message.history}
      progress={progressOf(message)}
      bridge={message.bridge}
      selected={selected}
    />
  );
});

function captionOf({ author, agentId, history }: DeskMessageView, agents: Agent[]): string | undefined {
  const who =
    author === 'customer' ? 'Customer' : author === 'bot' ? 'Bot' : agentId && namesOf(agents, [agentId]);
  if (history) return `${who ?? 'Agent'}, said earlier`;
  return author === 'customer' ? undefined : who;
}
