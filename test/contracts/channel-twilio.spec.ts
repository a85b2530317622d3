import { startTwilioWorld } from './channel/twilio-world.js';
import { describeChannel } from './describe-channel.js';

describeChannel("Twilio's adapter before the sandbox's Twilio", { start: startTwilioWorld });
