import type { Channel, MediaCapabilities } from '#core';

const KB = 1_000;
const MB = 1_000_000;
/** What carriers take of anything but pictures, as far as Twilio says. */
export const MMS_FILE_MAX_BYTES = 500 * KB;

const VCARD = 'text/vcard';
const OFFICE = [
  'application/msword',
  'application/vnd.ms-excel',
  'application/vnd.ms-powerpoint',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation',
];

/**
 * What goes out on each channel beside text. Carriers take pictures up to Twilio's own limit, because Twilio makes them smaller,
 * and hardly anything else above `mmsFileMaxBytes`. Sources: Twilio, "Accepted MIME types for media", "WhatsApp media
 * messages"; Meta, "Media" (stickers 512 × 512 and 100 kB, captions 1,024 characters).
 */
export function mediaCapabilities(mmsFileMaxBytes: number): Readonly<Record<Channel, MediaCapabilities>> {
  return {
    sms: {
      maxPerPart: 10,
      maxBytesPerPart: 5 * MB,
      maxCaptionLength: 1_600,
      scaledImageBytes: 1 * MB,
      rules: [
        {
          types: ['image/jpeg', 'image/png', 'image/gif'],
          maxBytes: 5 * MB,
          caption: true,
        },
        {
          types: [
            'audio/ogg',
            'audio/ogg; codecs=opus',
            'audio/mpeg',
            'audio/mp4',
            'audio/amr',
            'audio/aac',
            'audio/3gpp',
            'video/mp4',
            'video/mpeg',
            'video/webm',
            'video/quicktime',
            'video/3gpp',
            'application/pdf',
            'application/rtf',
            'text/csv',
            'text/calendar',
            VCARD,
          ],
          maxBytes: mmsFileMaxBytes,
          caption: true,
        },
      ],
    },
    whatsapp: {
      maxPerPart: 1,
      maxBytesPerPart: 16 * MB,
      maxCaptionLength: 1_024,
      scaledImageBytes: 2 * MB,
      rules: [
        { types: ['image/jpeg', 'image/png'], maxBytes: 5 * MB, caption: true },
        {
          types: ['image/webp'],
          maxBytes: 100 * KB,
          caption: false,
          pixels: { width: 512, height: 512 },
        },
        {
          types: [
            'audio/ogg; codecs=opus',
            'audio/amr',
            'audio/3gpp',
            'audio/aac',
            'audio/mpeg',
            'audio/mp4',
          ],
          maxBytes: 16 * MB,
          caption: false,
        },
        { types: ['video/mp4'], maxBytes: 16 * MB, caption: true },
        { types: ['application/pdf', ...OFFICE], maxBytes: 16 * MB, caption: true },
        { types: [VCARD], maxBytes: 16 * MB, caption: false },
      ],
    },
  };
}
