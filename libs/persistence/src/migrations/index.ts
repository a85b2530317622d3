import { Initial1795000000001 } from './0001-initial.js';
import { KnownThreads1795400000002 } from './0002-known-threads.js';
import { AppendMessages1795700000003 } from './0003-append-messages.js';
import { ReceiptsOfParts1795800000004 } from './0004-receipts-of-parts.js';
import { Outcomes1795900000005 } from './0005-outcomes.js';
import { ProviderStates1796000000006 } from './0006-provider-states.js';
import { Reconciling1796100000007 } from './0007-reconciling.js';
import { OperatorActs1796200000008 } from './0008-operator-acts.js';
import { Provisioning1796300000009 } from './0009-provisioning.js';
import { MediaDeletions1796400000010 } from './0010-media-deletions.js';
import { MediaOut1796500000011 } from './0011-media-out.js';
import { Choices1796600000012 } from './0012-choices.js';
import { Signals1796700000013 } from './0013-signals.js';
import { WindowsAndOptOuts1796800000014 } from './0014-windows-and-opt-outs.js';
import { Merging1796900000015 } from './0015-merging.js';
import { LateKeywords1797000000016 } from './0016-late-keywords.js';
import { CustomerTexts1797100000017 } from './0017-customer-texts.js';
import { HoursAndWaits1797400000020 } from './0020-hours-and-waits.js';
import { TextsOfConversations1797500000021 } from './0021-texts-of-conversations.js';

/** Every migration, in order. Listed rather than found by a glob, and never rewritten once landed. */
export const migrations = [
  Initial1795000000001,
  KnownThreads1795400000002,
  AppendMessages1795700000003,
  ReceiptsOfParts1795800000004,
  Outcomes1795900000005,
  ProviderStates1796000000006,
  Reconciling1796100000007,
  OperatorActs1796200000008,
  Provisioning1796300000009,
  MediaDeletions1796400000010,
  MediaOut1796500000011,
  Choices1796600000012,
  Signals1796700000013,
  WindowsAndOptOuts1796800000014,
  Merging1796900000015,
  LateKeywords1797000000016,
  CustomerTexts1797100000017,
  HoursAndWaits1797400000020,
  TextsOfConversations1797500000021,
];
