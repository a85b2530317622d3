export * from './bot-webhook.module.js';
export * from './webhook-bot.js';
export { botWords } from './words.js';
