/** Where the dialogue stands: what the bot has asked last. */
export type Place = 'start' | 'account' | 'served' | 'rating' | 'comment';

/** What the bot knows of a customer while it talks to them. */
export interface Known {
  place: Place;
  /** They asked for their balance. */
  balanceAsked: boolean;
  /** The account that they named and that exists. */
  account?: string;
}

export interface Reply {
  says: string[];
  /** An agent goes on. */
  handOver: boolean;
  next: Known;
}

export const NOTHING_KNOWN: Known = { place: 'start', balanceAsked: false };

/** The example's accounts, those of the published guide. */
const BALANCES: Readonly<Record<string, string>> = { '123456': '£12.34', '1234': '£12.34' };

interface Rule {
  at: readonly Place[];
  when: RegExp;
  says: string;
  next?: Partial<Known>;
  handOver?: true;
}

const BEFORE_AGENT: readonly Place[] = ['start', 'account', 'served'];

/** The first that fits is followed. */
const RULES: readonly Rule[] = [
  {
    at: BEFORE_AGENT,
    when: /\b(agent|human|person|somebody|someone)\b/i,
    says: 'Sure, connecting you now',
    next: { place: 'start' },
    handOver: true,
  },
  {
    at: ['start', 'served'],
    when: /\bbalance\b/i,
    says: 'Sure, what is your account number',
    next: { place: 'account', balanceAsked: true },
  },
  { at: ['account'], when: /^/, says: 'I know no such account. Its number has 4 to 10 digits: what is it?' },
  {
    at: BEFORE_AGENT,
    when: /^/,
    says: 'I can tell you your balance, or connect you to an agent. What would you like?',
  },
  {
    at: ['rating'],
    when: /\b[1-5]\b/,
    says: 'Thank you! What could we do better?',
    next: { place: 'comment' },
  },
  { at: ['rating'], when: /^/, says: 'From 1 (not at all) to 5 (very): how satisfied are you?' },
  {
    at: ['comment'],
    when: /^/,
    says: 'Thank you, we will pass it on. Goodbye!',
    next: NOTHING_KNOWN,
  },
];

/** What the bot answers to a text before an agent has talked to the customer, or in the survey that follows. */
export function answer(known: Known, text: string): Reply {
  const balance = known.place === 'account' ? balanceIn(text) : undefined;
  if (balance) {
    const next: Known = { ...known, place: 'served', account: balance.account };
    return { says: [`Your balance is ${balance.amount}`], handOver: false, next };
  }
  const rule = RULES.find(({ at, when }) => at.includes(known.place) && when.test(text));
  if (!rule) throw new Error(`No rule for ${known.place}.`);
  return { says: [rule.says], handOver: rule.handOver ?? false, next: { ...known, ...rule.next } };
}

/** The agent has gone: whatever the customer says first, they are asked. */
export function startSurvey(): Reply {
  return {
    says: ['Before you go: how satisfied are you with our help, from 1 to 5?'],
    handOver: false,
    next: { ...NOTHING_KNOWN, place: 'rating' },
  };
}

/** What the agent should know, as the published guide has it. */
export function propertiesOf({ account, balanceAsked }: Known): Record<string, string> {
  return {
    Authenticated: account === undefined ? 'no' : 'yes',
    ...(balanceAsked && { Intent: 'balance' }),
    ...(account !== undefined && { AccountType: 'credit' }),
  };
}

function balanceIn(text: string): { account: string; amount: string } | undefined {
  const account = /\b\d{4,10}\b/.exec(text)?.[0];
  const amount = account === undefined ? undefined : BALANCES[account];
  return account === undefined || amount === undefined ? undefined : { account, amount };
}
