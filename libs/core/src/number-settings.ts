import type { TextTemplates } from './customer-texts.js';
import type { OpeningHoursSettings } from './opening-hours.js';
import type { WaitingSettings } from './waiting/waiting-step.js';

/** When a conversation that is handed back to the bot is over by itself. */
export interface SurveyLimits {
  /** 20 to 600. */
  maxTotalMinutes?: number;
  /** Of the customer's silence after the bot's last word, 10 to 300. */
  userTimeoutMinutes?: number;
}

export interface BotSettings {
  /** Where it takes customers' messages. */
  url: string;
  /** The agents' conversations are handed back to it when the last agent leaves. Absent: they end then. */
  survey?: SurveyLimits;
}

/** Where an HTTP service says who a customer is. */
export interface DirectorySettings {
  url: string;
  /** For how long an answer counts. Absent: {@link DIRECTORY_CACHE_MINUTES}. */
  cacheMinutes?: number;
}

export const DIRECTORY_CACHE_MINUTES = 15;

/** How its conversations end, beside what the desk decides. */
export interface ClosingSettings {
  /** So long before a conversation is closed for its customer's silence they are told (`texts.silent`). Absent: they are not. */
  warnMinutes?: number;
  /** Words with which customers close their conversation, whatever their case. Absent: there are none. */
  words?: string[];
  /** A text so soon after a closing goes on: with what was said before, to the same queue, and without a welcome. Absent: it begins anew. */
  goOnMinutes?: number;
}

/** How one of our numbers behaves; all of it may be absent. Kept as JSON with the number and changed by operators. */
export interface NumberSettings {
  /** Conversations that an agent has are closed when nobody, customer or agent, has written for so long. Absent: never for that. */
  customerSilentMinutes?: number;
  closing?: ClosingSettings;
  /** Sent to a customer whose message could not be delivered to the agents. Absent: they are not told. */
  failedText?: string;
  /** How much it sends at most, over all workers. Absent: what its kind of sender allows. */
  messagesPerSecond?: number;
  /** Show the agent's typing to the customer where the channel can; it also marks their message as read. Absent: yes. */
  typing?: boolean;
  /** Tell the desk what the customer has read. Absent: yes. */
  readReceipts?: boolean;
  /** Delete a customer's media at the provider once the desk has them, or a bot from us. Absent: no. */
  deleteMedia?: boolean;
  /** What the part before must have reached before the next part of a message is sent. Absent: `submitted`. */
  partsWaitFor?: 'submitted' | 'sent' | 'delivered';
  /** WhatsApp: sent once when an agent writes while the reply window is closed. Absent: the agent is told, nothing is sent. */
  windowTemplate?: { contentSid: string; variables?: Record<string, string> };
  /** What agents can send by `/template <name>`: the provider's ids by names. */
  templates?: Record<string, string>;
  /** Let the provider put plain characters in the place of typographic ones, so that texts take fewer segments. Absent: yes. */
  smartEncoding?: boolean;
  /** What its customers are told without anybody writing it. Absent: nothing. */
  texts?: TextTemplates;
  /** Who hears a customer first: the agents, or the bot until it hands over. Absent: `direct`. */
  mode?: 'direct' | 'bot';
  bot?: BotSettings;
  /** What agents are shown of each of its customers. */
  user?: { company?: string; properties?: Record<string, string> };
  /** Look for an agent who speaks the language in which the customer writes, where that is certain. Absent: no. */
  detectLanguage?: boolean;
  /** Asked who a customer is before a conversation is created. Absent: nobody is asked. */
  directory?: DirectorySettings;
  /** When its conversations may be opened. Absent: at any time. */
  openingHours?: OpeningHoursSettings;
  /** What is done for customers who wait in a queue. Absent: nothing. */
  waiting?: WaitingSettings;
}
