import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { WakeUps } from '#core';
import {
  OperatorAudit,
  OperatorConversations,
  OperatorCustomers,
  OperatorDatabase,
  OperatorHandoffs,
  OperatorInstallation,
  OperatorLanes,
  OperatorMessages,
  OperatorNumbers,
  OperatorProvisioning,
  OperatorReplays,
} from '#persistence';
import { AuditController } from './audit.controller.js';
import { ConversationUpdates } from './conversation-updates.js';
import { ConversationsController } from './conversations.controller.js';
import { CustomersController } from './customers.controller.js';
import {
  AddressedProvisioningController,
  DeskProvisioningController,
} from './desk-provisioning.controller.js';
import { DeskProvisioning } from './desk-provisioning.js';
import { DoctorController } from './doctor/doctor.controller.js';
import { Doctor } from './doctor/doctor.js';
import { Explanations } from './explanations.js';
import { HandoffsController } from './handoffs.controller.js';
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
        DeskProvisioningController,
        AddressedProvisioningController,
        ConversationsController,
        MessagesController,
        HandoffsController,
        ReplaysController,
        LanesController,
        CustomersController,
        AuditController,
        DoctorController,
      ],
      providers: [
        { provide: OPERATOR_API_OPTIONS, useValue: options },
        {
          provide: OperatorDatabase,
          useFactory: () => new OperatorDatabase(options.dataSource, options.tenants.ids),
        },
        NumberProvisioning,
        DeskProvisioning,
        Doctor,
        ConversationUpdates,
        { provide: Explanations, useFactory: () => new Explanations(options.words) },
        ...[
          OperatorNumbers,
          OperatorProvisioning,
          OperatorConversations,
          OperatorMessages,
          OperatorHandoffs,
          OperatorReplays,
          OperatorLanes,
          OperatorCustomers,
          OperatorAudit,
          OperatorInstallation,
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
