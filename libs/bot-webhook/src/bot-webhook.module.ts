import { Module } from '@nestjs/common';
import { BotPort } from '#core';
import { Configuration, ProviderHttp } from '#platform';
import { WebhookBot } from './webhook-bot.js';

/** For the worker: bots behind URLs as the `BotPort`. Needs `Configuration` and `ProviderHttp` from global modules. */
@Module({
  providers: [
    {
      provide: BotPort,
      inject: [Configuration, ProviderHttp],
      useFactory: (configuration: Configuration, http: ProviderHttp) =>
        new WebhookBot(http, { secret: configuration.hookSigningSecret }),
    },
  ],
  exports: [BotPort],
})
export class BotWebhookModule {}
