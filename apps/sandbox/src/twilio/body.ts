const GSM_BASIC = new Set(
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà',
);
const GSM_EXTENDED = new Set('\f^{}\\[~]|€');

/** Segments of an SMS: GSM-7 160, or 153 each when split; UCS-2 70, or 67 each. */
export function segmentsOf(body: string): number {
  let septets = 0;
  for (const character of body) {
    if (GSM_BASIC.has(character)) septets += 1;
    else if (GSM_EXTENDED.has(character)) septets += 2;
    else return count(body.length, 70, 67);
  }
  return count(septets, 160, 153);
}

function count(units: number, single: number, split: number): number {
  return units <= single ? 1 : Math.ceil(units / split);
}

const SMART_ENCODED: Record<string, string> = {
  '‘': "'",
  '’': "'",
  '“': '"',
  '”': '"',
  '–': '-',
  '—': '-',
  '…': '...',
  '\u00a0': ' ',
};

/** What Twilio's SmartEncoded does to a body: the stored text is not the text that was posted. */
export function smartEncode(body: string): string {
  return body.replaceAll(/[‘’“”–—…\u00a0]/g, (character) => SMART_ENCODED[character] ?? character);
}
