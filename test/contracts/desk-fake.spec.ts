import { describeDesk } from './describe-desk.js';
import { describePage } from './describe-page.js';
import { startFakeDeskWorld } from './desk/fake-world.js';

const SHOWS_TEXTS = 'it shows texts, and nothing of what else a message has';

describeDesk("core's fake desk", {
  start: startFakeDeskWorld,
  notApplicable: [
    [/^renders (an empty text|an attachment|a location|a contact|something unknown) /, SHOWS_TEXTS],
    [/^renders an attachment that was not carried /, SHOWS_TEXTS],
    [/^renders a choice without a title /, SHOWS_TEXTS],
    [/^renders a text out of an advertisement /, SHOWS_TEXTS],
    [/^shows /, SHOWS_TEXTS],
    ['finds no card that the conversation does not show', 'it takes cards that it never saw'],
  ],
});

describePage('docs/adding-a-desk.md', {
  sources: ['libs/desk-chat-gateway/src', 'test/contracts/desk-fake.spec.ts'],
  invented: 'rotunda',
});
