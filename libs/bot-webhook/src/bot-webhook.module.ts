import { Module } from '@nestjs/common';
import { BotPort } from '#core';
import { Configuration, HookSigner, ProviderHttp, Tenants } from '#platform';
import { WebhookBot } from './webhook-bot.js';

/** For the worker: bots behind URLs as the `BotPort`. Needs `Configuration` and `ProviderHttp` from global modules. */
@Module({
  providers: [
    {
      provide: BotPort,
      inject: [Configuration, ProviderHttp],
      useFactory: (configuration: Configuration, http: ProviderHttp) => {
        const tenants = new Tenants(configuration);
        return new WebhookBot(http, { signer: new HookSigner((id) => tenants.hookSecretsOf(id)) });
      },
    },
  ],
  exports: [BotPort],
})
export class BotWebhookModule {}
