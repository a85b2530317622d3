import { Module } from '@nestjs/common';
import { ChannelPort } from '#core';
import { Configuration, ProviderHttp, Tenants } from '#platform';
import { accountsOptions } from './accounts.js';
import { TwilioMessageDoor, TwilioStatusDoor } from './door.js';
import type { TwilioDoorOptions } from './door.js';
import { TwilioProvisioning } from './provisioning/provisioning.js';
import { TwilioChannel } from './sender.js';
import { TwilioWebhookController } from './webhook.controller.js';

function doorOptions(configuration: Configuration): TwilioDoorOptions {
  const { publicBaseUrl, twilioFallbackBaseUrl, twilioSubaccounts } = configuration;
  const tenants = new Tenants(configuration);
  return {
    tenantOf: (account) => tenants.ofTwilioAccount(account)?.id,
    accountSid: configuration.twilioAccountSid,
    authTokens: configuration.twilioAuthToken,
    ...(twilioSubaccounts && { subAccounts: twilioSubaccounts }),
    ...(twilioFallbackBaseUrl !== undefined && {
      fallback: { publicBaseUrl, fallbackBaseUrl: twilioFallbackBaseUrl },
    }),
  };
}

function createChannel(configuration: Configuration, http: ProviderHttp): TwilioChannel {
  return new TwilioChannel(http, {
    ...accountsOptions(configuration),
    publicBaseUrl: configuration.publicBaseUrl,
    mmsFileMaxBytes: configuration.mmsFileMaxBytes,
  });
}

/** For whoever points Twilio at us, or looks whether it still is. */
export function createProvisioning(configuration: Configuration, http: ProviderHttp): TwilioProvisioning {
  const { publicBaseUrl, twilioFallbackBaseUrl } = configuration;
  return new TwilioProvisioning(http, {
    ...accountsOptions(configuration),
    publicBaseUrl,
    ...(twilioFallbackBaseUrl !== undefined && { fallbackBaseUrl: twilioFallbackBaseUrl }),
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
