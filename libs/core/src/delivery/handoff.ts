import type { HistoryEntry, MessageContent, PartContent } from '../content.js';
import type { OpeningDetails } from '../conversation/opening-details.js';
import type { NumberSettings, SurveyLimits } from '../number-settings.js';
import type { LaneHead } from './lane-store.js';

/** What a hand-off knows of the conversation that it opens; nothing of any other message. */
export function detailsOf(content: MessageContent): OpeningDetails {
  return content.type === 'handoff' ? content.details : {};
}

/** Whether, and for how long, the bot gets the customer back after the agents. */
export function surveyOf({ bot }: NumberSettings, content: MessageContent): SurveyLimits | undefined {
  const own = content.type === 'handoff' ? content.survey : undefined;
  return bot && (own ?? bot.survey);
}

/** Opens a conversation with what it holds, which then needs no sending. */
export function isHandOver({ content }: LaneHead): boolean {
  return content.type === 'reopening' || content.type === 'handoff';
}

/** A hand-off that finds agents serving already: what was said before, for them to read. */
export function transcript({ history = [] }: OpeningDetails): PartContent[] {
  const lines = history.map(lineOf).filter((line) => line !== '');
  return lines.length > 0 ? [{ text: ['[handed over by the bot]', ...lines].join('\n') }] : [];
}

function lineOf({ authorType, text = '', attachments = [], cards = [] }: HistoryEntry): string {
  const files = attachments.map(({ filename }) => `[attachment${filename ? `: ${filename}` : ''}]`);
  const said = [text, ...files, ...cards.map(() => '[card]')].filter(Boolean).join(' ');
  return said && `${authorType === 'user' ? 'Customer' : 'Bot'}: ${said}`;
}
