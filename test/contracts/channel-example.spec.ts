import { describeChannel } from './describe-channel.js';
import { describePage } from './describe-page.js';
import { startPigeonWorld } from './example-channel/world.js';

describeChannel('the channel of docs/adding-a-channel.md', { start: startPigeonWorld });

describePage('docs/adding-a-channel.md', {
  sources: ['test/contracts/example-channel', 'test/contracts/channel-example.spec.ts'],
  invented: 'pigeon',
});
