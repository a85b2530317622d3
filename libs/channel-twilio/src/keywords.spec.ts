import { describe, expect, it } from 'vitest';
import { isReservedWord, keywordOf } from './keywords.js';

describe("what a message means to Twilio's opt-out", () => {
  it.each([
    ['STOP', 'stop'],
    ['stop', 'stop'],
    [' Stop\n', 'stop'],
    ['STOPALL', 'stop'],
    ['unsubscribe', 'stop'],
    ['END', 'stop'],
    ['QUIT', 'stop'],
    ['cancel', 'stop'],
    ['REVOKE', 'stop'],
    ['optout', 'stop'],
    ['START', 'start'],
    ['unstop', 'start'],
    ['yes', 'start'],
    ['HELP', 'help'],
    ['info', 'help'],
    ['Please stop', undefined],
    ['STOP!', undefined],
    ['', undefined],
    ['toString', undefined],
  ])('%j by SMS: %s', (body, keyword) => {
    expect(keywordOf('+15550100', undefined, body)).toBe(keyword);
  });

  it.each([
    ['STOP', 'stop'],
    ['cancel', undefined],
    ['END', undefined],
    ['START', 'start'],
    ['UNSTOP', 'start'],
    ['YES', undefined],
    ['HELP', 'help'],
  ])('%j to a toll-free number, which the network mutes: %s', (body, keyword) => {
    expect(keywordOf('+18005550100', undefined, body)).toBe(keyword);
  });

  it('is nothing on WhatsApp, where Twilio looks for no default words', () => {
    expect(keywordOf('whatsapp:+15550100', undefined, 'STOP')).toBeUndefined();
  });

  it.each([
    ['STOP', 'stop'],
    ['START', 'start'],
    ['HELP', 'help'],
  ])('is what Advanced Opt-Out says: %s', (type, keyword) => {
    expect(keywordOf('whatsapp:+15550100', type, 'arrêt')).toBe(keyword);
    expect(keywordOf('+15550100', type, 'arrêt')).toBe(keyword);
  });
});

describe(isReservedWord.name, () => {
  const twilios = 'STOP stopall Unsubscribe END quit Cancel REVOKE optout START Unstop yes help INFO'.split(
    ' ',
  );
  const spelled = [
    'opt-out',
    'Opt out',
    'stop all',
    ' stop. ',
    'ＳＴＯＰ',
    'S.T.O.P',
    'Arrêt',
    'aide',
    'unsub',
    'opt in',
  ];

  it.each(twilios.concat(spelled))('%j is one', (word) => {
    expect(isReservedWord(word)).toBe(true);
  });

  it.each(['bye', 'done', 'the end', 'ende', 'stop it', 'yes please', '', '!'])('%j is none', (word) => {
    expect(isReservedWord(word)).toBe(false);
  });
});
