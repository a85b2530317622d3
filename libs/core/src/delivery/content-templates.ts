/** Content of one form, at one account of the channel's provider. */
export interface ContentKey {
  tenantId: string;
  account: string;
  /** Hexadecimal; {@link ChannelPort.contentDigest}. */
  digest: string;
}

/** What was made at the channel's provider to be sent again and again: its ids, by what it shows. */
export abstract class ContentTemplates {
  abstract find(key: ContentKey): Promise<string | undefined>;
  abstract store(key: ContentKey, sid: string): Promise<void>;
  /** The provider does not know it any more. Leaves alone what was stored in its place meanwhile. */
  abstract forget(key: ContentKey, sid: string): Promise<void>;
}
