import { describe, expect, it } from 'vitest';
import type { MessageContent } from '../content.js';
import { endedBy } from './last-words.js';

const text = (words: string): MessageContent => ({ type: 'text', text: words });
const settings = { closing: { words: ['Bye', ' tschüß ', 'das war alles'] } };

describe(endedBy.name, () => {
  it.each(['bye', 'BYE', ' Bye\n', 'ｂｙｅ', 'TSCHÜSS', 'Das war alles'])('ends with %j', (words) => {
    expect(endedBy(text(words), settings)).toBe('customer');
  });

  it.each(['', 'bye bye', 'bye!', 'goodbye', 'das  war alles'])('goes on after %j', (words) => {
    expect(endedBy(text(words), settings)).toBeUndefined();
  });

  it('knows no words unless told', () => {
    expect(endedBy(text('bye'), {})).toBeUndefined();
    expect(endedBy(text('bye'), { closing: {} })).toBeUndefined();
    expect(endedBy(text(''), { closing: { words: [] } })).toBeUndefined();
  });

  it('takes texts only', () => {
    expect(endedBy({ type: 'attachments', text: 'bye', attachments: [] }, settings)).toBeUndefined();
    expect(endedBy({ type: 'choice', title: 'bye' }, settings)).toBeUndefined();
    expect(endedBy({ type: 'note', text: 'bye' }, settings)).toBeUndefined();
  });

  it('ends with an opt-out, by whatever word, and with no other keyword', () => {
    expect(endedBy({ ...text('STOP'), context: { keyword: 'stop' } }, {})).toBe('opt-out');
    expect(endedBy({ ...text('bye'), context: { keyword: 'help' } }, settings)).toBeUndefined();
  });
});
