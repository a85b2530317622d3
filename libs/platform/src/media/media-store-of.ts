import type { Configuration } from '../config/configuration.js';
import { MediaStore } from './media-store.js';

type Settings = Pick<
  Configuration,
  | 'mediaDir'
  | 'mediaKeepDays'
  | 'mediaS3Bucket'
  | 'mediaS3Endpoint'
  | 'mediaS3Region'
  | 'mediaS3AccessKeyId'
  | 'mediaS3SecretAccessKey'
>;

/** The store that the environment describes; opened when it is first used. */
export function mediaStoreOf(settings: Settings): MediaStore {
  const { mediaS3AccessKeyId: accessKeyId, mediaS3SecretAccessKey: secretAccessKey } = settings;
  return new MediaStore({
    directory: settings.mediaDir,
    keepDays: settings.mediaKeepDays,
    s3:
      settings.mediaS3Bucket === undefined
        ? undefined
        : {
            bucket: settings.mediaS3Bucket,
            region: settings.mediaS3Region,
            endpoint: settings.mediaS3Endpoint,
            ...(accessKeyId !== undefined &&
              secretAccessKey !== undefined && { credentials: { accessKeyId, secretAccessKey } }),
          },
  });
}
