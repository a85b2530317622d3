import { Module } from '@nestjs/common';
import { DeskPort, FigureObserver, OpeningHours, QueueStatistics, WebhookObserver } from '#core';
import { Configuration, ProviderHttp } from '#platform';
import { ChatGatewayClient } from './client.js';
import { ChatGatewayDesk } from './desk.js';
import { ChatGatewayDoor } from './door.js';
import { figureAccounts } from './figures/accounts.js';
import { QueueMetrics } from './figures/queue-metrics.js';
import { Schedules } from './figures/schedules.js';
import { SigningKeys } from './keys.js';
import { EventSignature } from './signature.js';
import { ChatGatewayWebhookController } from './webhook.controller.js';

/** The tenant that the environment describes. */
const ENVIRONMENT_TENANT = 'default';

function createClient(configuration: Configuration, http: ProviderHttp): ChatGatewayClient {
  return new ChatGatewayClient(http, {
    baseUrl: configuration.chatGatewayBaseUrl,
    apiKey: configuration.chatGatewayApiKey,
    tenantId: configuration.chatGatewayTenantId,
  });
}

function createDoor(
  configuration: Configuration,
  http: ProviderHttp,
  observer: WebhookObserver | undefined,
): ChatGatewayDoor {
  const client = createClient(configuration, http);
  const keys = new SigningKeys((kid) => client.fetchKey(kid));
  const signature = new EventSignature(keys, {
    tenantId: configuration.chatGatewayTenantId,
    customerId: configuration.chatGatewayCustomerId,
  });
  return new ChatGatewayDoor(ENVIRONMENT_TENANT, signature, (oddity) => {
    observer?.ended('chat-gateway-events', oddity);
  });
}

/** For the gateway: the webhook. Needs `Configuration`, `ProviderHttp` and `Acceptor` from global modules. */
@Module({
  controllers: [ChatGatewayWebhookController],
  providers: [
    {
      provide: ChatGatewayDoor,
      inject: [Configuration, ProviderHttp, { token: WebhookObserver, optional: true }],
      useFactory: createDoor,
    },
  ],
})
export class ChatGatewayWebhooksModule {}

/**
 * For the worker: the Chat Gateway as the `DeskPort`, and what the contact centre says of itself. Needs `Configuration`,
 * `ProviderHttp` and `FigureObserver` from global modules.
 */
@Module({
  providers: [
    {
      provide: DeskPort,
      inject: [Configuration, ProviderHttp],
      useFactory: (configuration: Configuration, http: ProviderHttp) =>
        new ChatGatewayDesk(createClient(configuration, http)),
    },
    {
      provide: OpeningHours,
      inject: [Configuration, ProviderHttp, FigureObserver],
      useFactory: (configuration: Configuration, http: ProviderHttp, observer: FigureObserver) =>
        new Schedules({
          http,
          observer,
          accountsOf: figureAccounts(configuration),
          cacheMs: configuration.scheduleCacheMs,
        }),
    },
    {
      provide: QueueStatistics,
      inject: [Configuration, ProviderHttp, FigureObserver],
      useFactory: (configuration: Configuration, http: ProviderHttp, observer: FigureObserver) =>
        new QueueMetrics({ http, observer, accountsOf: figureAccounts(configuration) }),
    },
  ],
  exports: [DeskPort, OpeningHours, QueueStatistics],
})
export class ChatGatewayDeskModule {}
