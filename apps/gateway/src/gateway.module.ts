import { Module, type DynamicModule } from '@nestjs/common';
import { botWords } from '#bot-webhook';
import { createProvisioning, TwilioWebhooksModule, twilioWords } from '#channel-twilio';
import {
  ChatGatewayWebhooksModule,
  chatGatewayWords,
  createDesk,
  createDeskProvisioning,
  figureAccounts,
} from '#desk-chat-gateway';
import { Tenants, type ConfigurationByRole, type Logger } from '#platform';
import { AcceptingModule } from './accepting.module.js';
import type { Backends } from './backends.js';
import { HealthController } from './health.controller.js';
import { MediaModule } from './media/media.module.js';
import { OperatorApiModule } from './operator-api/operator-api.module.js';

/** The one list of what the gateway serves: a second channel or desk is one more line here. */
@Module({})
export class GatewayModule {
  static forRoot(
    configuration: ConfigurationByRole['gateway'],
    logger: Logger,
    backends: Backends,
  ): DynamicModule {
    return {
      module: GatewayModule,
      imports: [
        AcceptingModule.forRoot(configuration, logger, backends),
        TwilioWebhooksModule,
        ChatGatewayWebhooksModule,
        MediaModule.forRoot(configuration, backends),
        OperatorApiModule.forRoot({
          dataSource: backends.dataSource,
          apiKey: configuration.adminApiKey,
          twilioAccountSid: configuration.twilioAccountSid,
          tenants: new Tenants(configuration),
          desk: createDesk(configuration, backends.http),
          provisioning: createProvisioning(configuration, backends.http),
          deskProvisioning: createDeskProvisioning(configuration, backends.http),
          doctor: {
            publicBaseUrl: configuration.publicBaseUrl,
            fallbackBaseUrl: configuration.twilioFallbackBaseUrl,
            twilioBaseUrl: configuration.twilioApiBaseUrl,
            redisUrl: configuration.redisUrl,
            http: backends.http,
            accountsOf: figureAccounts(configuration),
          },
          words: { inbound: chatGatewayWords, outbound: twilioWords, bot: botWords },
        }),
      ],
      controllers: [HealthController],
    };
  }
}
