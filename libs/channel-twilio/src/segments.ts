import { SegmentedMessage } from 'sms-segments-calculator';

/** What carriers count of a text: Twilio bills by segment. */
export interface Segments {
  /** `GSM-7` takes 160 characters in a segment, or 153 each in several; `UCS-2` 70, or 67. */
  encoding: 'GSM-7' | 'UCS-2';
  segments: number;
}

/** Of one SMS, as Twilio makes them. `smartEncoding`: typographic characters are replaced by plain ones first. */
export function segmentsOf(text: string, smartEncoding: boolean): Segments {
  const { encodingName, segmentsCount } = new SegmentedMessage(text, 'auto', smartEncoding);
  return { encoding: encodingName === 'GSM-7' ? 'GSM-7' : 'UCS-2', segments: segmentsCount };
}
