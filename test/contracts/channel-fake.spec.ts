import { startFakeWorld } from './channel/fake-world.js';
import { describeChannel } from './describe-channel.js';

describeChannel("core's fake", {
  start: startFakeWorld,
  notApplicable: [
    [
      'tells the provider how long a text is worth sending',
      'what it takes is at its customer at once, so nothing grows old on the way',
    ],
  ],
});
