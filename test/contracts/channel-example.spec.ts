import { describeChannel } from './describe-channel.js';
import { startPigeonWorld } from './example-channel/world.js';

describeChannel('the channel of docs/adding-a-channel.md', { start: startPigeonWorld });
