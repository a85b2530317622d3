import { ActionIcon, Menu } from '@mantine/core';
import { useRef, type ReactNode } from 'react';
import { focusFirst } from '../focus.js';
import { addFiles } from './enclosed.js';
import { readFiles, readSample, type Sample } from './files.js';
import { ClipIcon } from './Icons.js';

interface Props {
  label: string;
  /** Items of a menu. */
  children: ReactNode;
}

/** A paper clip that opens a menu of what can go with a message. What is chosen says where the focus goes. */
export function AttachMenu({ label, children }: Props) {
  return (
    <Menu
      position="top-start"
      withinPortal={false}
      withInitialFocusPlaceholder={false}
      returnFocus={false}
      shadow="md"
      width={230}
    >
      <Menu.Target>
        <ActionIcon size={36} radius="xl" variant="subtle" aria-label={label}>
          <ClipIcon />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown mah={380} style={{ overflowY: 'auto' }}>
        {children}
      </Menu.Dropdown>
    </Menu>
  );
}

interface FileField {
  accept?: string;
  multiple: boolean;
  /** The id of what has the focus next. */
  composer: string;
}

/** Lets the person choose a file of their own. The field outlives the menu, which closes at once. */
export function useFileField(place: string, { accept, multiple, composer }: FileField) {
  const field = useRef<HTMLInputElement>(null);
  const element = (
    <input
      ref={field}
      type="file"
      hidden
      accept={accept}
      multiple={multiple}
      onChange={(event) => {
        const files = [...(event.currentTarget.files ?? [])];
        // The same file can be chosen again.
        event.currentTarget.value = '';
        void readFiles(files).then((read) => addFiles(place, read));
      }}
    />
  );
  const open = () => {
    focusFirst(composer);
    field.current?.click();
  };
  return { element, open };
}

/** @param composer the id of what has the focus next */
export async function attachSample(place: string, sample: Sample, composer: string): Promise<void> {
  focusFirst(composer);
  addFiles(place, await readSample(sample));
}
