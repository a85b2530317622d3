import { Module } from '@nestjs/common';
import { ChannelPort } from '#core';
import { Configuration, ProviderHttp } from '#platform';
import { TwilioMessageDoor, TwilioStatusDoor } from './door.js';
import type { TwilioDoorOptions } from './door.js';
import { TwilioChannel } from './sender.js';
import { TwilioWebhookController } from './webhook.controller.js';

/** The tenant that the environment describes. */
const ENVIRONMENT_TENANT = 'default';

function doorOptions(configuration: Configuration): TwilioDoorOptions {
  return {
    tenantId: ENVIRONMENT_TENANT,
    accountSid: configuration.twilioAccountSid,
    authTokens: configuration.twilioAuthToken,
  };
}

function createChannel(configuration: Configuration, http: ProviderHttp): TwilioChannel {
  const { twilioAccountSid, twilioAuthToken, twilioApiKeySid, twilioApiKeySecret } = configuration;
  const hasApiKey = twilioApiKeySid !== undefined && twilioApiKeySecret !== undefined;
  return new TwilioChannel(http, {
    accountSid: twilioAccountSid,
    username: hasApiKey ? twilioApiKeySid : twilioAccountSid,
    password: hasApiKey ? twilioApiKeySecret : (twilioAuthToken[0] ?? ''),
    apiBaseUrl: configuration.twilioApiBaseUrl,
    publicBaseUrl: configuration.publicBaseUrl,
    mmsFileMaxBytes: configuration.mmsFileMaxBytes,
  });
}

/** For the gateway: Twilio's webhooks. Needs `Configuration` and `Acceptor` from global modules. */
@Module({
  controllers: [TwilioWebhookController],
  providers: [
    {
      provide: TwilioMessageDoor,
      inject: [Configuration],
      useFactory: (configuration: Configuration) => new TwilioMessageDoor(doorOptions(configuration)),
    },
    {
      provide: TwilioStatusDoor,
      inject: [Configuration],
      useFactory: (configuration: Configuration) => new TwilioStatusDoor(doorOptions(configuration)),
    },
  ],
})
export class TwilioWebhooksModule {}

/** For the worker: Twilio as the `ChannelPort`. Needs `Configuration` and `ProviderHttp` from global modules. */
@Module({
  providers: [{ provide: ChannelPort, inject: [Configuration, ProviderHttp], useFactory: createChannel }],
  exports: [ChannelPort],
})
export class TwilioDeliveryModule {}
