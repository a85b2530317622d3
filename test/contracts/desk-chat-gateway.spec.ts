import { describeDesk } from './describe-desk.js';
import { startChatGatewayWorld } from './desk/chat-gateway-world.js';

describeDesk("The Chat Gateway's adapter before the sandbox's Chat Gateway", {
  start: startChatGatewayWorld,
});
