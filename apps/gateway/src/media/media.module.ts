import { Module, type DynamicModule } from '@nestjs/common';
import { ServiceSecrets } from '#persistence';
import { LinkSecrets, mediaStoreOf, type ConfigurationByRole } from '#platform';
import type { Backends } from '../backends.js';
import { MediaController } from './media.controller.js';
import { MediaLinks } from './media-links.js';

/** Serves files that workers have kept. Needs Postgres once, for the secret, and Redis never. */
@Module({})
export class MediaModule {
  static forRoot(configuration: ConfigurationByRole['gateway'], { apartPool }: Backends): DynamicModule {
    const secrets = new LinkSecrets(() => new ServiceSecrets(apartPool).read('media-links'));
    return {
      module: MediaModule,
      controllers: [MediaController],
      providers: [{ provide: MediaLinks, useValue: new MediaLinks(mediaStoreOf(configuration), secrets) }],
    };
  }
}
