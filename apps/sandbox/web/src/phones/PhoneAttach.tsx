import { Menu } from '@mantine/core';
import type { Phone } from '../../../src/page/state.js';
import { AttachMenu, attachSample, useFileField } from '../common/AttachMenu.js';
import type { Sample } from '../common/files.js';
import { PHONE_COMPOSER } from '../focus.js';

interface Props {
  phone: Phone;
  place: string;
  /** Opens a form. */
  fill: (form: 'location' | 'contact') => void;
}

const DOCUMENTS = '.pdf,.doc,.docx,.xls,.xlsx,.ppt,.pptx,.txt,.csv,.zip';

/** What a phone can send beside text; an MMS carries several files, WhatsApp one a message. */
export function PhoneAttach({ phone, place, fill }: Props) {
  const isWhatsApp = phone.channel === 'whatsapp';
  const shared = { multiple: !isWhatsApp, composer: PHONE_COMPOSER };
  const photo = useFileField(place, { ...shared, accept: 'image/*,video/*' });
  const document_ = useFileField(place, { ...shared, accept: DOCUMENTS });
  const sample = (name: Sample) => void attachSample(place, name, PHONE_COMPOSER);
  return (
    <>
      {photo.element}
      {document_.element}
      <AttachMenu label="Attach">
        <Menu.Item onClick={photo.open}>Photo or video…</Menu.Item>
        <Menu.Item onClick={() => sample('picture')}>Sample picture</Menu.Item>
        {isWhatsApp && <Menu.Item onClick={() => sample('voice')}>Sample voice note</Menu.Item>}
        <Menu.Divider />
        <Menu.Item onClick={document_.open}>Document…</Menu.Item>
        <Menu.Item onClick={() => sample('document')}>Sample PDF</Menu.Item>
        <Menu.Divider />
        {isWhatsApp && <Menu.Item onClick={() => fill('location')}>Location…</Menu.Item>}
        <Menu.Item onClick={() => fill('contact')}>Contact…</Menu.Item>
      </AttachMenu>
    </>
  );
}
