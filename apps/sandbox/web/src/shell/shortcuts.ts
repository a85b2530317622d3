import { useEffect, useEffectEvent } from 'react';
import { tell } from '../api.js';
import { useAccept } from '../desk/accept.js';
import { offeredTo, useActingAgent, waitingIn } from '../desk/desk-view.js';
import { useLive } from '../live-state.js';
import { useGoTo } from './places.js';

/** With Alt; the keys by their place on the keyboard, since Alt changes what they write. */
export const SHORTCUTS = [
  { code: 'KeyP', key: 'P', does: 'Write on the phone' },
  { code: 'KeyA', key: 'A', does: 'Accept who has waited longest' },
  { code: 'KeyR', key: 'R', does: 'Reply at the desk' },
  { code: 'KeyB', key: 'B', does: 'Look at the bridge' },
] as const;

export function useShortcuts(): void {
  const desk = useLive('desk');
  const { agent } = useActingAgent();
  const accept = useAccept();
  const goTo = useGoTo();

  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const shortcut = SHORTCUTS.find(({ code }) => code === event.code);
    if (!shortcut) return;
    event.preventDefault();
    switch (shortcut.key) {
      case 'P':
        return goTo('phone');
      case 'R':
        return goTo('desk');
      case 'B':
        return goTo('bridge');
      case 'A': {
        const longest = waitingIn(desk).find((one) => offeredTo(agent, one));
        if (longest) void accept(longest.id);
        else tell(agent ? `Nobody waits for ${agent.name}.` : 'Nobody waits for an agent.');
      }
    }
  });

  useEffect(() => {
    const listen = (event: KeyboardEvent) => onKey(event);
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, []);
}
