import { Menu } from '@mantine/core';
import type { AgentMessage } from '../api.js';
import { AttachMenu, attachSample, useFileField } from '../common/AttachMenu.js';
import type { Sample } from '../common/files.js';
import { REPLY_BOX } from '../focus.js';
import { ADAPTIVE_CARD, LIST, LOCATION } from './sample-cards.js';

interface Props {
  place: string;
  sendCard: (card: NonNullable<AgentMessage['cards']>[number]) => void;
  /** Opens the form of quick replies. */
  askQuickly: () => void;
}

/** What an agent can send beside words. */
export function DeskAttach({ place, sendCard, askQuickly }: Props) {
  const file = useFileField(place, { multiple: true, composer: REPLY_BOX });
  const sample = (name: Sample) => void attachSample(place, name, REPLY_BOX);
  return (
    <>
      {file.element}
      <AttachMenu label="Attach files or send a card">
        <Menu.Item onClick={file.open}>Files…</Menu.Item>
        <Menu.Item onClick={() => sample('picture')}>Sample picture</Menu.Item>
        <Menu.Item onClick={() => sample('document')}>Sample PDF</Menu.Item>
        <Menu.Divider />
        <Menu.Label>Cards</Menu.Label>
        <Menu.Item onClick={askQuickly}>Quick replies…</Menu.Item>
        <Menu.Item onClick={() => sendCard(LIST)}>List of five times</Menu.Item>
        <Menu.Item onClick={() => sendCard(ADAPTIVE_CARD)}>Adaptive card with choices</Menu.Item>
        <Menu.Item onClick={() => sendCard(LOCATION)}>Location of the shop</Menu.Item>
      </AttachMenu>
    </>
  );
}
