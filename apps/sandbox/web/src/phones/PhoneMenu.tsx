import { ActionIcon, Menu } from '@mantine/core';
import type { BusinessNumber, Phone, WhatsAppState } from '../../../src/page/state.js';
import { api, attempt } from '../api.js';
import { MoreIcon } from '../common/Icons.js';
import { numberOf } from './selection.js';

interface Props {
  phone: Phone;
  whatsApp: WhatsAppState;
  numbers: BusinessNumber[];
}

/** What a WhatsApp phone does beside texting, and WhatsApp with it. */
export function PhoneMenu({ phone, whatsApp: { readReceipts, closedWindows }, numbers }: Props) {
  const change = (wanted: Parameters<typeof api.changePhone>[1]) =>
    void attempt(api.changePhone(phone.address, wanted));

  return (
    <Menu
      position="bottom-end"
      withinPortal={false}
      withInitialFocusPlaceholder={false}
      shadow="md"
      width={240}
    >
      <Menu.Target>
        <ActionIcon variant="subtle" aria-label={`More for the phone of ${phone.name}`}>
          <MoreIcon />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.CheckboxItem
          checked={readReceipts}
          onChange={(checked: boolean) => change({ readReceipts: checked })}
        >
          Read receipts
        </Menu.CheckboxItem>
        <Menu.Divider />
        {numbers.map(({ address }) => {
          const closed = closedWindows.includes(address);
          return (
            <Menu.Item key={address} onClick={() => change({ windowOpen: closed, number: address })}>
              {closed ? 'Open' : 'Close'} the 24-hour window
              {numbers.length > 1 && ` with ${numberOf(address)}`}
            </Menu.Item>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
}
