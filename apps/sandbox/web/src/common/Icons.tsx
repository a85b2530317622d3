import type { ReactNode } from 'react';

/** Drawn on a grid of 16, as large as the text; what they mean is said beside them. */
function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      viewBox="0 0 16 16"
      width="1em"
      height="1em"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {children}
    </svg>
  );
}

export const BridgeIcon = () => (
  <Icon>
    <path d="M1.5 5.5h13M3.5 5.5v6.2a2.2 2.2 0 0 1 4.5 0 2.2 2.2 0 0 1 4.5 0V5.5" />
  </Icon>
);
export const ClockIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="6" />
    <path d="M8 4.8V8l2.2 1.4" />
  </Icon>
);
export const TickIcon = () => (
  <Icon>
    <path d="m3 8.5 3.2 3.2L13 4.8" />
  </Icon>
);
export const TicksIcon = () => (
  <Icon>
    <path d="m.8 8.6 3.1 3.1L10.3 5M7.6 11.2l.5.5L15 4.8" />
  </Icon>
);
export const WarningIcon = () => (
  <Icon>
    <path d="M8 2.2 14.6 13.5H1.4ZM8 6.6v3.1M8 11.6v.1" />
  </Icon>
);
export const SendIcon = () => (
  <Icon>
    <path d="M8 13.5v-11M3.5 7 8 2.5 12.5 7" />
  </Icon>
);
export const PlusIcon = () => (
  <Icon>
    <path d="M8 3v10M3 8h10" />
  </Icon>
);
export const RemoveIcon = () => (
  <Icon>
    <path d="M3 4.5h10M6.5 4V2.5h3V4M4.5 4.5l.6 9h5.8l.6-9" />
  </Icon>
);
export const RightIcon = () => (
  <Icon>
    <path d="M2.5 8h11M9.5 4l4 4-4 4" />
  </Icon>
);
export const LeftIcon = () => (
  <Icon>
    <path d="M13.5 8h-11M6.5 4l-4 4 4 4" />
  </Icon>
);
export const DownIcon = () => (
  <Icon>
    <path d="M8 2.5v11M3.5 9 8 13.5 12.5 9" />
  </Icon>
);
export const ChevronIcon = () => (
  <Icon>
    <path d="m4 6 4 4 4-4" />
  </Icon>
);
export const CloseIcon = () => (
  <Icon>
    <path d="m4 4 8 8M12 4l-8 8" />
  </Icon>
);
export const SunIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="3" />
    <path d="M8 1.2v1.4M8 13.4v1.4M1.2 8h1.4M13.4 8h1.4M3.2 3.2l1 1M11.8 11.8l1 1M3.2 12.8l1-1M11.8 4.2l1-1" />
  </Icon>
);
export const MoonIcon = () => (
  <Icon>
    <path d="M13.5 9.6A6 6 0 0 1 6.4 2.5a6 6 0 1 0 7.1 7.1Z" />
  </Icon>
);
export const AutoIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="6" />
    <path d="M8 2a6 6 0 0 1 0 12Z" fill="currentColor" />
  </Icon>
);
export const KeyboardIcon = () => (
  <Icon>
    <rect x="1" y="3.5" width="14" height="9" rx="1.8" />
    <path d="M4 6.5h.1M6.7 6.5h.1M9.3 6.5h.1M12 6.5h.1M5 9.7h6" />
  </Icon>
);
export const StormIcon = () => (
  <Icon>
    <path d="M4.5 9.5a3 3 0 0 1 .3-6 3.8 3.8 0 0 1 7 1.2 2.4 2.4 0 0 1 .2 4.8M8.5 7.5 6.5 11h3l-2 3.5" />
  </Icon>
);
export const ClipIcon = () => (
  <Icon>
    <path d="m13.2 7.4-5.4 5.4a3.3 3.3 0 0 1-4.7-4.7l5.7-5.7a2.2 2.2 0 0 1 3.1 3.1l-5.6 5.7a1.1 1.1 0 0 1-1.6-1.6l5.1-5" />
  </Icon>
);
export const ReplyIcon = () => (
  <Icon>
    <path d="M6 3.5 2 7.5l4 4M2.5 7.5H10a3.5 3.5 0 0 1 3.5 3.5v1.5" />
  </Icon>
);
export const PinIcon = () => (
  <Icon>
    <path d="M8 14.5S3 10.2 3 6.5a5 5 0 0 1 10 0c0 3.7-5 8-5 8Z" />
    <circle cx="8" cy="6.5" r="1.7" />
  </Icon>
);
export const PersonIcon = () => (
  <Icon>
    <circle cx="8" cy="5.2" r="2.9" />
    <path d="M2.6 14a5.4 5.4 0 0 1 10.8 0" />
  </Icon>
);
export const FileIcon = () => (
  <Icon>
    <path d="M9.2 1.8H4.3A1.3 1.3 0 0 0 3 3.1v9.8a1.3 1.3 0 0 0 1.3 1.3h7.4a1.3 1.3 0 0 0 1.3-1.3V5.6ZM9 2v3.8h3.8" />
  </Icon>
);
export const SoundIcon = () => (
  <Icon>
    <path d="M2 6.8v2.4M5 4.5v7M8 2.5v11M11 5v6M14 6.8v2.4" />
  </Icon>
);
export const ListIcon = () => (
  <Icon>
    <path d="M5.5 4H14M5.5 8H14M5.5 12H14M2.2 4h.1M2.2 8h.1M2.2 12h.1" />
  </Icon>
);
export const MoreIcon = () => (
  <Icon>
    <path d="M3 8h.1M8 8h.1M13 8h.1" strokeWidth="2.4" />
  </Icon>
);
