import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { WakeUps } from '#core';
import {
  OperatorAudit,
  OperatorConversations,
  OperatorCustomers,
  OperatorDatabase,
  OperatorLanes,
  OperatorMessages,
  OperatorNumbers,
  OperatorProvisioning,
  OperatorReplays,
} from '#persistence';
import { AuditController } from './audit.controller.js';
import { ConversationsController } from './conversations.controller.js';
import { CustomersController } from './customers.controller.js';
import { Explanations } from './explanations.js';
import { LanesController } from './lanes.controller.js';
import { MessagesController } from './messages.controller.js';
import { NumbersController } from './numbers.controller.js';
import { OPERATOR_API_OPTIONS, type OperatorApiOptions } from './options.js';
import { NumberProvisioning } from './number-provisioning.js';
import { ProvisioningController } from './provisioning.controller.js';
import { ReplaysController } from './replays.controller.js';

/** `/api/v1/…`. Needs `WakeUps` from a global module, and the application's `ProblemFilter`. */
@Module({})
export class OperatorApiModule {
  static forRoot(options: OperatorApiOptions): DynamicModule {
    return {
      module: OperatorApiModule,
      controllers: [
        NumbersController,
        ProvisioningController,
        ConversationsController,
        MessagesController,
        ReplaysController,
        LanesController,
        CustomersController,
        AuditController,
      ],
      providers: [
        { provide: OPERATOR_API_OPTIONS, useValue: options },
        {
          provide: OperatorDatabase,
          useFactory: () => new OperatorDatabase(options.dataSource, options.tenants.ids),
        },
        NumberProvisioning,
        { provide: Explanations, useFactory: () => new Explanations(options.words) },
        ...[
          OperatorNumbers,
          OperatorProvisioning,
          OperatorConversations,
          OperatorMessages,
          OperatorReplays,
          OperatorLanes,
          OperatorCustomers,
          OperatorAudit,
        ].map((type) => store(type)),
      ],
    };
  }
}

type Store = new (database: OperatorDatabase, wakeUps: WakeUps) => object;

function store(type: Store): Provider {
  return {
    provide: type,
    inject: [OperatorDatabase, WakeUps],
    useFactory: (database: OperatorDatabase, wakeUps: WakeUps) => new type(database, wakeUps),
  };
}
