import { useEffect, useEffectEvent, useRef } from 'react';
import { api } from '../api.js';

const REPEAT_MS = 3000;
const IDLE_MS = 4000;

/** Tells the desk that the agent types: at once, then every few seconds; and that they have stopped. */
export function useTyping(conversationId: string, agentId: string) {
  const lastTold = useRef(0);
  const idle = useRef<ReturnType<typeof setTimeout>>(undefined);

  // Nobody waits for these, and one that is lost does no harm.
  const tell = (typing: boolean) => void api.typing(conversationId, agentId, typing).catch(() => undefined);

  const stop = () => {
    clearTimeout(idle.current);
    if (lastTold.current === 0) return;
    lastTold.current = 0;
    tell(false);
  };

  const type = (text: string) => {
    if (text === '') return stop();
    if (Date.now() - lastTold.current > REPEAT_MS) {
      lastTold.current = Date.now();
      tell(true);
    }
    clearTimeout(idle.current);
    idle.current = setTimeout(stop, IDLE_MS);
  };

  const leave = useEffectEvent(() => stop());
  useEffect(() => () => leave(), []);
  return { type, stop };
}
