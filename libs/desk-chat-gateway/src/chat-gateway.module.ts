import { Module } from '@nestjs/common';
import { DeskPort, FigureObserver, OpeningHours, QueueStatistics, WebhookObserver } from '#core';
import { Configuration, ProviderHttp, Tenants, type Tenant } from '#platform';
import { ChatGatewayClient } from './client.js';
import { ChatGatewayDesk } from './desk.js';
import { ChatGatewayDoor } from './door.js';
import { figureAccounts } from './figures/accounts.js';
import { QueueMetrics } from './figures/queue-metrics.js';
import { Schedules } from './figures/schedules.js';
import { SigningKeys } from './keys.js';
import { EventSignature } from './signature.js';
import { TenantDesk } from './tenant-desk.js';
import { ChatGatewayWebhookController } from './webhook.controller.js';

function createClient(
  { chatGatewayBaseUrl: baseUrl }: Configuration,
  http: ProviderHttp,
  { chatGateway: { apiKey, tenantId } }: Tenant,
): ChatGatewayClient {
  return new ChatGatewayClient(http, { baseUrl, apiKey, tenantId });
}

function createDoor(
  configuration: Configuration,
  http: ProviderHttp,
  observer: WebhookObserver | undefined,
): ChatGatewayDoor {
  const senders = new Tenants(configuration).all.map((tenant) => {
    const client = createClient(configuration, http, tenant);
    // Not shared: whether a key that is good for one tenant is good for another only the far side can say.
    return {
      tenantId: tenant.id,
      chatGateway: tenant.chatGateway,
      keys: new SigningKeys((kid) => client.fetchKey(kid)),
    };
  });
  return new ChatGatewayDoor(new EventSignature(senders), (oddity) => {
    observer?.ended('chat-gateway-events', oddity);
  });
}

function createDesk(configuration: Configuration, http: ProviderHttp): TenantDesk {
  return new TenantDesk(
    new Map(
      new Tenants(configuration).all.map((tenant) => [
        tenant.id,
        new ChatGatewayDesk(createClient(configuration, http, tenant)),
      ]),
    ),
  );
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
      useFactory: createDesk,
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
